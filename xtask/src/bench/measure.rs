//! What a contender costs: wall time, CPU of three process trees, peak memory, bytes.
//!
//! CPU is read from `/proc`: of every process of a tree its own time and that of its ended children. A contender that
//! has ended is read before it is reaped, so that nothing of it is missing.

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions};

use super::{
    results::{Sample, metric},
    stage::Stage,
};
use crate::servers::spawn::{self, Lifetime};

/// Ticks a second of the times in `/proc`, the same on all supported platforms.
const TICKS: f64 = 100.0;
const KIB_OF_MIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * 1024.0;

/// How often the memory of a contender is looked at, and how often for new processes of its.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS_PER_SCAN: u32 = 25;

/// How long a stopped contender may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// CPU seconds of a process, its descendants, and those of them that ended and were waited for.
pub(super) fn tree_cpu(root: u32) -> f64 {
    let all = processes();
    let tree = tree(&all, root);
    let ticks: u64 = tree
        .iter()
        .filter_map(|id| all.get(id))
        .map(|process| process.ticks)
        .sum();
    ticks as f64 / TICKS
}

/// CPU seconds that the whole machine was busy since its start.
fn machine_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = stat.lines().next().unwrap_or_default();
    let times: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|time| time.parse().ok())
        .collect();
    // user, nice, system, idle, iowait, irq, softirq
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|&at| times.get(at));
    busy.sum::<u64>() as f64 / TICKS
}

struct Process {
    parent: u32,
    ticks: u64,
}

fn processes() -> BTreeMap<u32, Process> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return BTreeMap::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id: u32| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            Some((id, parse_stat(&stat)?))
        })
        .collect()
}

/// Fields of `/proc/PID/stat`; the second one is a name in parentheses that may hold anything.
fn parse_stat(stat: &str) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let times = fields.get(11..15)?.iter();
    Some(Process {
        parent: fields.get(1)?.parse().ok()?,
        ticks: times.filter_map(|time| time.parse::<u64>().ok()).sum(),
    })
}

fn tree(all: &BTreeMap<u32, Process>, root: u32) -> HashSet<u32> {
    let mut tree = HashSet::from([root]);
    loop {
        let before = tree.len();
        for (id, process) in all {
            if tree.contains(&process.parent) {
                tree.insert(*id);
            }
        }
        if tree.len() == before {
            return tree;
        }
    }
}

/// The highest resident memory that a process has had, KiB; none once it has ended.
fn high_water(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A contender's process.
#[derive(Debug)]
pub(super) struct Client {
    child: Child,
    log: PathBuf,
    begun: Instant,
    peak_kib: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

/// What a contender has used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spent {
    wall: Duration,
    cpu: f64,
    peak_kib: u64,
}

impl Client {
    /// Starts it, its output in a log file.
    pub(super) fn start(command: &Command, log: &Path) -> Result<Self> {
        let lifetime = Lifetime {
            death_signal: Some("KILL"),
            unprivileged: false,
        };
        let begun = Instant::now();
        let child = spawn::spawn(command, lifetime, log)?;
        let (peak_kib, ended) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (id, peak, end) = (child.id(), Arc::clone(&peak_kib), Arc::clone(&ended));
        thread::spawn(move || watch_memory(id, &peak, &end));
        Ok(Client {
            child,
            log: log.into(),
            begun,
            peak_kib,
            ended,
        })
    }

    /// What it has used up to now.
    pub(super) fn spent(&self) -> Spent {
        Spent {
            wall: self.begun.elapsed(),
            cpu: tree_cpu(self.child.id()),
            peak_kib: self.peak_kib.load(Ordering::Relaxed),
        }
    }

    /// CPU seconds of its threads that live, as the scheduler counts them: finer than ticks.
    pub(super) fn scheduled(&self) -> f64 {
        let Ok(threads) = fs::read_dir(format!("/proc/{}/task", self.child.id())) else {
            return 0.0;
        };
        let nanos = threads.filter_map(|thread| {
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        nanos.sum::<u64>() as f64 / 1e9
    }

    /// Waits for its end, which must be a success.
    pub(super) async fn finish(mut self, limit: Duration) -> Result<Spent> {
        let id = self.id()?;
        let exit = move || {
            let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            rustix::process::waitid(WaitId::Pid(id), how)
        };
        let ended = tokio::time::timeout(limit, tokio::task::spawn_blocking(exit)).await;
        let Ok(ended) = ended else {
            bail!("it has not ended after {limit:?}:\n{}", self.log_tail());
        };
        ended??;
        let spent = self.spent();
        let status = self.child.wait()?;
        if !status.success() {
            bail!("it ended with {status}:\n{}", self.log_tail());
        }
        Ok(spent)
    }

    /// Ends it with SIGTERM, and at once where it does not heed that.
    pub(super) async fn stop(mut self) -> Result<Option<ExitStatus>> {
        rustix::process::kill_process(self.id()?, Signal::TERM)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }

    /// Fails if it has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("it ended by itself with {status}:\n{}", self.log_tail()),
        }
    }

    /// The last lines of what it said.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn id(&self) -> Result<Pid> {
        let id = i32::try_from(self.child.id())?;
        Pid::from_raw(id).context("process id")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Nothing is left to report to; the death signal is the second line.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sums the peaks of all processes of a tree.
fn watch_memory(root: u32, peak_kib: &AtomicU64, ended: &AtomicBool) {
    let mut known: BTreeMap<u32, u64> = BTreeMap::new();
    let mut looks = 0;
    while !ended.load(Ordering::Relaxed) {
        if looks % LOOKS_PER_SCAN == 0 {
            for id in tree(&processes(), root) {
                known.entry(id).or_default();
            }
        }
        looks += 1;
        for (id, peak) in &mut known {
            *peak = high_water(*id).unwrap_or_default().max(*peak);
        }
        peak_kib.store(known.values().sum(), Ordering::Relaxed);
        thread::sleep(LOOK);
    }
}

/// What the servers had used when a contender began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    source_cpu: f64,
    target_cpu: f64,
    machine_cpu: f64,
    wal_bytes: f64,
    sent_bytes: f64,
}

impl Reading {
    /// Reads all meters, behind a checkpoint of the target.
    pub(super) async fn begin(stage: &Stage) -> Result<Self> {
        let client = stage.target.address.postgres().await?;
        client.batch_execute("checkpoint").await?;
        Self::read(stage).await
    }

    async fn read(stage: &Stage) -> Result<Self> {
        let client = stage.target.address.postgres().await?;
        let question = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8";
        let wal_bytes = client.query_one(question, &[]).await?.get(0);
        let mut connection = stage.source.address.mysql().await?;
        let question = "show global status like 'Bytes_sent'";
        let sent: Option<(String, String)> = connection.query_first(question).await?;
        connection.disconnect().await?;
        Ok(Reading {
            source_cpu: tree_cpu(stage.source_process()?),
            target_cpu: tree_cpu(stage.target_process()?),
            machine_cpu: machine_cpu(),
            wal_bytes,
            sent_bytes: sent.map_or(0.0, |(_, bytes)| bytes.parse().unwrap_or_default()),
        })
    }

    /// What the servers used since, where they do all the work themselves.
    pub(super) async fn end_without_client(
        self,
        stage: &Stage,
        rows: u64,
        wall: Duration,
    ) -> Result<Sample> {
        let spent = Spent {
            wall,
            cpu: 0.0,
            peak_kib: 0,
        };
        let mut sample = self.end(stage, rows, spent).await?;
        for name in [metric::CLIENT_CPU, metric::PEAK_MIB] {
            sample.remove(name);
        }
        Ok(sample)
    }

    /// What was used since, together with what the contender itself used.
    pub(super) async fn end(self, stage: &Stage, rows: u64, spent: Spent) -> Result<Sample> {
        let now = Self::read(stage).await?;
        let (wall, source_cpu) = (spent.wall.as_secs_f64(), now.source_cpu - self.source_cpu);
        let target_cpu = now.target_cpu - self.target_cpu;
        let all = now.machine_cpu - self.machine_cpu;
        Ok(Sample::from([
            (metric::WALL, wall),
            (metric::ROWS_PER_SECOND, rows as f64 / wall),
            (metric::CLIENT_CPU, spent.cpu),
            (metric::SOURCE_CPU, source_cpu),
            (metric::TARGET_CPU, target_cpu),
            (
                metric::OTHER_CPU,
                (all - spent.cpu - source_cpu - target_cpu).max(0.0),
            ),
            (metric::PEAK_MIB, spent.peak_kib as f64 / KIB_OF_MIB),
            (metric::WAL_MIB, (now.wal_bytes - self.wal_bytes) / MIB),
            (metric::SOURCE_MIB, (now.sent_bytes - self.sent_bytes) / MIB),
        ]))
    }
}

impl Spent {
    /// Wall time so far.
    pub(super) fn wall(&self) -> Duration {
        self.wall
    }

    /// Highest memory so far, MiB.
    pub(super) fn peak_mib(&self) -> f64 {
        self.peak_kib as f64 / KIB_OF_MIB
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_behind_a_name_that_holds_anything() {
        let stat = "7 (a b) c) S 3 7 7 0 -1 4194560 1 2 3 4 10 20 300 4000 20 0 1 0 5";
        let process = parse_stat(stat).expect("stat");
        assert_eq!((process.parent, process.ticks), (3, 4330));
        assert!(parse_stat("7 no name").is_none());
    }

    #[test]
    fn a_tree_holds_descendants_alone() {
        let process = |parent| Process { parent, ticks: 1 };
        let all = BTreeMap::from([
            (2, process(1)),
            (3, process(2)),
            (4, process(3)),
            (5, process(1)),
        ]);
        assert_eq!(tree(&all, 2), HashSet::from([2, 3, 4]));
    }
}
