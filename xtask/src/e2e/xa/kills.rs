//! XA transactions at random, and a host that is killed at random moments.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Setting, Stage, check, end, execute, kept, one_phase, prepare};
use crate::random::Random;

/// Steps at random, while the host is killed at random moments.
pub(super) async fn run(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    let mut random = Random::new(setting.seed);
    let mut writer = XaWriter::new(setting.seed);
    let rounds = (setting.kills / 4).clamp(4, 25);
    let mut died_in_flight = 0;
    for number in 0..rounds {
        let moment = random.duration(Duration::from_millis(20), Duration::from_millis(1500));
        let mut host = stage.replica.start(&["start_replica"])?;
        let (slept, written) = tokio::join!(
            async {
                tokio::time::sleep(moment).await;
                host.check_alive()?;
                host.kill()
            },
            writer.steps(stage, 60)
        );
        let told = || format!("kill {number}, {moment:?} after the start");
        slept.with_context(told)?;
        written.context("the writer")?;
        let left =
            stage.must_be_equal().await.is_err() || kept(stage).await? != writer.changes()?;
        died_in_flight += u32::from(left);
        stage.replica.catch_up().await.with_context(told)?;
        stage.must_be_equal().await.with_context(told)?;
        let (found, expected) = (kept(stage).await?, writer.changes()?);
        ensure!(
            found == expected,
            "{found} changes are kept instead of {expected}: {}",
            told()
        );
    }
    ensure!(
        rounds < 10 || died_in_flight > 0,
        "no kill met a replica with work left: the moments are badly chosen"
    );
    writer.end_all(stage).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    check(stage, &mut host, 0).await?;
    host.stop().await
}

/// A prepared transaction and its rows.
struct Prepared {
    xid: String,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

/// Writes accounts; no two open transactions touch the same row.
struct XaWriter {
    random: Random,
    next: u64,
    /// Accounts that no open transaction touches.
    free: Vec<u64>,
    prepared: Vec<Prepared>,
}

impl XaWriter {
    /// Changes of each prepared transaction.
    const CHANGES: usize = 4;
    /// Prepared transactions at a time.
    const MOST: usize = 6;

    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            next: 1000,
            free: Vec::new(),
            prepared: Vec::new(),
        }
    }

    /// Changes of all that are prepared.
    fn changes(&self) -> Result<i64> {
        Ok(i64::try_from(self.prepared.len() * Self::CHANGES)?)
    }

    async fn steps(&mut self, stage: &Stage, count: u32) -> Result<()> {
        for _ in 0..count {
            self.step(stage).await?;
        }
        Ok(())
    }

    async fn step(&mut self, stage: &Stage) -> Result<()> {
        let id = self.next;
        self.next += 1;
        let insert =
            format!("insert into accounts values ({id}, {id}, 'account {id}', x'{id:08x}')");
        if self.free.len() < 2 {
            execute(stage, &[&insert]).await?;
            self.free.push(id);
            return Ok(());
        }
        match self.random.below(6) {
            0 => {
                let other = self.take();
                let update = format!("update accounts set balance = -balance where id = {other}");
                execute(stage, &["begin", &insert, &update, "commit"]).await?;
                self.free.extend([id, other]);
            }
            1 => {
                let xid = format!("x'{id:016x}'");
                one_phase(stage, &xid, &[&insert]).await?;
                self.free.push(id);
            }
            2 | 3 if self.prepared.len() < Self::MOST => self.prepare(stage, id, &insert).await?,
            2..=4 if !self.prepared.is_empty() => self.end_one(stage, "commit").await?,
            _ if !self.prepared.is_empty() => self.end_one(stage, "rollback").await?,
            _ => {}
        }
        Ok(())
    }

    async fn prepare(&mut self, stage: &Stage, id: u64, insert: &str) -> Result<()> {
        let prepared = Prepared {
            xid: format!("x'{id:016x}',x'{:04x}',{}", id % 7, id % 3),
            inserted: id,
            updated: self.take(),
            deleted: self.take(),
        };
        let update = format!(
            "update accounts set note = 'prepared {id}' where id = {}",
            prepared.updated
        );
        let delete = format!("delete from accounts where id = {}", prepared.deleted);
        let audit = format!("insert into audit values ({id}, 'prepared')");
        prepare(stage, &prepared.xid, &[insert, &update, &delete, &audit]).await?;
        self.prepared.push(prepared);
        Ok(())
    }

    async fn end_one(&mut self, stage: &Stage, word: &str) -> Result<()> {
        let index = usize::try_from(self.random.below(self.prepared.len() as u64))?;
        let ended = self.prepared.swap_remove(index);
        end(stage, &ended.xid, word).await?;
        self.free.push(ended.updated);
        self.free.push(match word {
            "commit" => ended.inserted,
            _ => ended.deleted,
        });
        Ok(())
    }

    async fn end_all(&mut self, stage: &Stage) -> Result<()> {
        while !self.prepared.is_empty() {
            let word = self.random.pick(&["commit", "rollback"]);
            self.end_one(stage, word).await?;
        }
        Ok(())
    }

    /// An account that no open transaction touches.
    fn take(&mut self) -> u64 {
        let index = usize::try_from(self.random.below(self.free.len() as u64)).unwrap_or_default();
        self.free.swap_remove(index)
    }
}
