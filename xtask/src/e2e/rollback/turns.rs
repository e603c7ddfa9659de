//! Turns of the real pg_chameleon 1.2 and of the host, over all sources at once. A turn ends with both sides equal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use tokio_postgres::Client;

use super::WAITING_ROWS;
use crate::{
    address::Address,
    e2e::{
        interop::{
            predecessor::{Predecessor, Running},
            rounds,
        },
        oracle,
        upgrade::timings::Timings,
    },
    replica::{Host, Replica},
};

/// How long a turn's changes may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(90);

/// How often a condition is looked at that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// One of the sources.
pub(super) struct Source {
    pub(super) predecessor: Predecessor,
    pub(super) source: Address,
    pub(super) schema: String,
}

/// What takes turns.
pub(super) struct Turns {
    sources: Vec<Source>,
    target: Address,
    replica: Replica,
    round: u32,
    pub(super) timings: Timings,
}

/// What runs in a turn.
enum Runs {
    Host(Host),
    Predecessors(Vec<Running>),
}

impl Runs {
    fn check_alive(&mut self) -> Result<()> {
        match self {
            Runs::Host(host) => host.check_alive(),
            Runs::Predecessors(all) => all.iter_mut().try_for_each(Running::check_alive),
        }
    }
}

impl Turns {
    pub(super) fn new(sources: Vec<Source>, target: Address, replica: Replica) -> Self {
        Turns {
            sources,
            target,
            replica,
            round: 0,
            timings: Timings::default(),
        }
    }

    pub(super) fn sources(&self) -> &[Source] {
        &self.sources
    }

    pub(super) fn start_host(&self) -> Result<Host> {
        self.replica.start_all()
    }

    /// Catalog, sources and first copies of 1.2.
    pub(super) async fn their_copy(&mut self) -> Result<()> {
        let begun = Instant::now();
        self.sources[0].predecessor.must("create_schema").await?;
        for (number, source) in self.sources.iter().enumerate() {
            source.predecessor.must("add_source").await?;
            match number {
                // it tells of an error, and goes on
                1 => source.predecessor.must("init_replica").await?,
                _ => source.predecessor.init_replica().await?,
            }
        }
        // the one row that does not fit is left out; it goes at the source too, and 1.2 will find nothing to delete
        let misfit = "delete from counters where id = 1;\n";
        super::statements(&self.sources[1].source, misfit).await?;
        self.must_be_equal().await?;
        let what = "one row left out";
        self.timings.note("1.2 copies three sources", begun, what);
        Ok(())
    }

    /// 1.2 catches up with what waits, follows more changes, among them one of a table's shape, and is stopped.
    pub(super) async fn their_turn(&mut self, turn: &'static str) -> Result<()> {
        let begun = Instant::now();
        let mut runs = self.start_predecessors()?;
        self.follow(&mut runs).await.context(turn)?;
        self.stop(runs).await.context(turn)?;
        self.tell(turn, begun).await
    }

    /// The same with the host, which runs. What it does after an upgrade gives it no cause to complain.
    pub(super) async fn go_on(&mut self, turn: &'static str, host: Host) -> Result<()> {
        let begun = Instant::now();
        let mut runs = Runs::Host(host);
        self.follow(&mut runs).await.context(turn)?;
        self.stop(runs).await.context(turn)?;
        let log = std::fs::read_to_string(self.replica.log())?;
        for complaint in ["table held", "stream lost", " ERROR "] {
            if let Some(line) = log.lines().find(|line| line.contains(complaint)) {
                bail!("{turn}: {line}");
            }
        }
        self.tell(turn, begun).await
    }

    /// 1.2 is killed when the first source's rows are in the relay and cannot be replayed.
    pub(super) async fn they_are_killed_with_rows_waiting(&mut self) -> Result<()> {
        let mut runs = self.start_predecessors()?;
        self.wait_until_equal(&mut runs).await?;
        let locking = self.lock().await?;
        self.change().await?;
        self.wait_for_rows(&mut runs).await?;
        let Runs::Predecessors(all) = runs else {
            bail!("another runs");
        };
        all.into_iter().try_for_each(Running::kill)?;
        self.end_sessions_and_unlock(&locking).await
    }

    /// The same with the host: rows of ours, and a statement between them, wait.
    pub(super) async fn we_are_killed_with_rows_waiting(&mut self) -> Result<()> {
        let mut host = self.start_host()?;
        self.change().await?;
        let mut runs = Runs::Host(host);
        self.wait_until_equal(&mut runs).await?;
        let locking = self.lock().await?;
        self.change().await?;
        let column = format!("more_{}", self.round);
        rounds::add_column(&self.sources[0].source, &column).await?;
        self.change().await?;
        self.wait_for_rows(&mut runs).await?;
        host = match runs {
            Runs::Host(host) => host,
            Runs::Predecessors(_) => bail!("another runs"),
        };
        host.kill()?;
        self.end_sessions_and_unlock(&locking).await
    }

    pub(super) async fn wait_for_our_sessions(&self, host: &mut Host) -> Result<()> {
        let client = self.target.postgres().await?;
        let question = "select count(*) from pg_locks where locktype = 'advisory' and granted \
             and database = (select oid from pg_database where datname = current_database())";
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            host.check_alive()?;
            let locks: i64 = client.query_one(question, &[]).await?.get(0);
            if usize::try_from(locks).unwrap_or_default() >= self.sources.len() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the host took {locks} locks");
            tokio::time::sleep(POLL).await;
        }
    }

    /// A session of its own: in a transaction, `pg_stat_activity` shows what it showed first.
    async fn lock(&self) -> Result<Client> {
        let client = self.target.postgres().await?;
        let schema = &self.sources[0].schema;
        let lock = format!("begin; lock table {schema}.people in access exclusive mode");
        client.batch_execute(&lock).await?;
        Ok(client)
    }

    async fn wait_for_rows(&self, runs: &mut Runs) -> Result<()> {
        let client = self.target.postgres().await?;
        let stuck = format!(
            "select count(*) from pg_locks where not granted and relation = '{}.people'::regclass",
            self.sources[0].schema
        );
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            runs.check_alive()?;
            let rows: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
            let sessions: i64 = client.query_one(&stuck, &[]).await?.get(0);
            if rows > i64::from(rounds::MANY) && sessions > 0 {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{rows} rows wait, {sessions} sessions wait for the lock"
            );
            tokio::time::sleep(POLL).await;
        }
    }

    /// The sessions of a killed program, which would go on alone.
    async fn end_sessions_and_unlock(&self, locking: &Client) -> Result<()> {
        let client = self.target.postgres().await?;
        let others = "from pg_stat_activity where datname = current_database() \
             and backend_type = 'client backend' and application_name <> 'xtask'";
        client
            .batch_execute(&format!("select pg_terminate_backend(pid) {others}"))
            .await?;
        locking.batch_execute("rollback").await?;
        let gone =
            format!("select case when exists (select {others}) then 0::bigint else 1::bigint end");
        wait_for(&client, &gone, 1).await?;
        let rows: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        println!("      killed; {rows} rows wait in the relay");
        ensure!(rows > 0, "the kill left no rows in the relay");
        Ok(())
    }

    fn start_predecessors(&self) -> Result<Runs> {
        let started = self.sources.iter().map(|source| source.predecessor.start());
        Ok(Runs::Predecessors(started.collect::<Result<_>>()?))
    }

    async fn stop(&self, runs: Runs) -> Result<()> {
        match runs {
            Runs::Host(host) => host.stop().await,
            Runs::Predecessors(all) => {
                // each waits some seconds until it looks: all at once
                let stop = async |number: usize, one: Option<Running>| match one {
                    Some(one) => one.stop(&self.sources[number].predecessor).await,
                    None => Ok(()),
                };
                let mut all = all.into_iter();
                let (first, second, third) = (all.next(), all.next(), all.next());
                tokio::try_join!(stop(0, first), stop(1, second), stop(2, third)).map(drop)
            }
        }
    }

    async fn follow(&mut self, runs: &mut Runs) -> Result<()> {
        self.wait_until_equal(runs).await.context("what waited")?;
        self.change().await?;
        self.wait_until_equal(runs).await.context("its changes")?;
        // 1.2 reads rows with the shape that the table has by then: the change of shape comes alone, after a row
        let column = format!("more_{}", self.round);
        for source in &self.sources {
            rounds::add_column(&source.source, &column).await?;
        }
        for source in &self.sources {
            self.wait_for_column(&source.schema, &column, runs).await?;
        }
        self.change().await?;
        self.wait_until_equal(runs)
            .await
            .context("changes after a new column")
    }

    async fn wait_for_column(&self, schema: &str, column: &str, runs: &mut Runs) -> Result<()> {
        let question = format!(
            "select count(*) from information_schema.columns where table_schema = '{schema}' \
             and table_name = 'codes' and column_name = '{column}'"
        );
        let client = self.target.postgres().await?;
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            runs.check_alive()?;
            let columns: i64 = client.query_one(&question, &[]).await?.get(0);
            if columns == 1 {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{schema} has no column {column}");
            tokio::time::sleep(POLL).await;
        }
    }

    async fn change(&mut self) -> Result<()> {
        self.round += 1;
        for source in &self.sources {
            rounds::change(&source.source, self.round).await?;
            let odd = format!(
                "insert into MixedCase values ({0}, 'new', 'round {0}');\n\
                 update MixedCase set `select` = 'seen {0}', `Group` = concat('g', {0}) where Id = {1};\n\
                 delete from MixedCase where Id = {2};\n",
                self.round + 10,
                self.round + 9,
                self.round + 7
            );
            super::statements(&source.source, &odd).await?;
        }
        Ok(())
    }

    async fn wait_until_equal(&self, runs: &mut Runs) -> Result<()> {
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            runs.check_alive()?;
            match self.must_be_equal().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).with_context(|| format!("after {ARRIVAL_TIMEOUT:?}"));
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn must_be_equal(&self) -> Result<()> {
        for source in &self.sources {
            let differences = oracle::compare(&source.source, &self.target, &source.schema).await?;
            if !differences.is_empty() {
                bail!(
                    "{}: the sides differ:\n  {}",
                    source.schema,
                    differences.join("\n  ")
                );
            }
        }
        Ok(())
    }

    /// After a turn both sides are equal, and nobody has left out a row.
    async fn tell(&mut self, turn: &'static str, begun: Instant) -> Result<()> {
        self.must_be_equal().await.context(turn)?;
        let client = self.target.postgres().await?;
        let question = "select coalesce(sum(i_replayed), 0)::bigint, coalesce(sum(i_skipped), 0)::bigint, \
             count(*) filter (where not b_replayed) from sch_chameleon.t_replica_batch";
        let row = client.query_one(question, &[]).await?;
        let (replayed, skipped, open): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
        let what = format!("{replayed} rows replayed in all, {skipped} skipped");
        self.timings.note(turn, begun, what);
        let sources = i64::try_from(self.sources.len())?;
        ensure!(
            skipped == 0 && open == sources,
            "{turn}: {skipped} rows were skipped, and {open} batches are not replayed ({sources} are open)"
        );
        Ok(())
    }
}

/// Waits until the number that a question asks for is at least `enough`.
pub(super) async fn wait_for(client: &Client, question: &str, enough: i64) -> Result<()> {
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    loop {
        let number: i64 = client.query_one(question, &[]).await?.get(0);
        if number >= enough {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "it is {number}, not {enough}");
        tokio::time::sleep(POLL).await;
    }
}
