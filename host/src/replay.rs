//! Replays a source's batches while the next one is being read.
//!
//! One task per source with a session of its own. Batches that were waiting when it started come
//! first, from the relay log; then those that the capture hands over, from memory where it sent
//! their rows along. Rows that the queue holds are bounded: beyond that a batch is handed over by
//! number alone and read back from the log.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use chameleon_catalog::batches::{self, UnreplayedBatch};
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::{BatchId, SourceRow};
use chameleon_diag::Diagnostic;
use chameleon_model::{BinlogPosition, ChangeBuffer};
use chameleon_postgres::PostgresError;
use chameleon_target::{DdlEntry, Replayed, Replayer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::capture::{PART_BYTES, describe, from_log};
use crate::context::Context;
use crate::error::HostError;
use crate::own_sessions::{Lock, OwnSessions};
use crate::policy::{BatchPolicy, StreamPolicy};
use crate::shape::Feeds;

/// Bytes of rows that wait in memory at most: of the batch that is replayed and the one behind it.
const QUEUE_BYTES: u64 = 2 * PART_BYTES as u64;
/// Batches listed from the catalog at a time.
const LIST: u32 = 100;
/// Events that one call of `fn_process_batch` replays.
const PREDECESSOR_EVENTS: u32 = 10_000;

/// A batch to replay.
#[derive(Debug)]
pub(crate) struct Job {
    /// Batch.
    pub(crate) batch: BatchId,
    /// Its rows and DDL, where they are still in memory.
    pub(crate) rows: Option<(ChangeBuffer, Vec<DdlEntry>)>,
    /// How its changes are applied.
    pub(crate) policy: BatchPolicy,
    /// End of its last transaction.
    pub(crate) end: BinlogPosition,
}

/// How much waits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backlog {
    /// Batches.
    pub(crate) batches: u64,
    /// Rows.
    pub(crate) rows: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicU64,
    batches: AtomicU64,
    rows: AtomicU64,
    /// The task ends after the batch that it is at.
    stop: AtomicBool,
}

impl Waiting {
    /// What was counted before the start is counted once more where it came as a job: not below 0.
    fn subtract(&self, done: Backlog, bytes: u64) {
        let subtract = |counter: &AtomicU64, amount: u64| {
            let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                Some(n.saturating_sub(amount))
            });
        };
        subtract(&self.bytes, bytes);
        subtract(&self.batches, done.batches);
        subtract(&self.rows, done.rows);
    }
}

/// The sending side.
#[derive(Debug)]
pub(crate) struct ReplayQueue {
    jobs: Option<mpsc::UnboundedSender<Job>>,
    waiting: Arc<Waiting>,
    task: Option<JoinHandle<Result<(), HostError>>>,
}

impl ReplayQueue {
    /// Starts the task. It takes the source's replay lock.
    pub(crate) async fn start(
        cx: &Context,
        row: &SourceRow,
        policy: &Arc<StreamPolicy>,
        feeds: Feeds,
        own: &OwnSessions,
    ) -> Result<Self, HostError> {
        let client = cx.connect_target().await?;
        own.take(&client, cx, row, Lock::Replay).await?;
        let waiting = Arc::new(Waiting::default());
        let (jobs, receiver) = mpsc::unbounded_channel();
        let replayer = Replayer::new(client, row.clone(), cx.config.rules.clone()).await?;
        let replay = Replay {
            cx: cx.clone(),
            row: row.clone(),
            replayer,
            policy: Arc::clone(policy),
            feeds,
            waiting: Arc::clone(&waiting),
            done_from_log: HashSet::new(),
            reindex_checked: None,
        };
        let backlog = batches::backlog(replay.replayer.client(), row.id).await?;
        waiting.batches.store(backlog.batches, Ordering::Relaxed);
        waiting.rows.store(backlog.rows, Ordering::Relaxed);
        let task = tokio::spawn(replay.run(receiver));
        Ok(Self {
            jobs: Some(jobs),
            waiting,
            task: Some(task),
        })
    }

    /// Hands a batch over. Where too much waits in memory, its rows are left to the relay log.
    pub(crate) fn push(&self, mut job: Job) {
        let (bytes, rows) = job
            .rows
            .as_ref()
            .map_or((0, 0), |(rows, _)| (rows.bytes(), rows.len()));
        let bytes = bytes as u64;
        if self.waiting.bytes.load(Ordering::Relaxed) + bytes > QUEUE_BYTES {
            job.rows = None;
        } else {
            self.waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        self.waiting.batches.fetch_add(1, Ordering::Relaxed);
        self.waiting.rows.fetch_add(rows as u64, Ordering::Relaxed);
        if let Some(jobs) = &self.jobs {
            // a closed channel means that the task failed, which `check` reports
            let _ = jobs.send(job);
        }
    }

    /// How much waits.
    pub(crate) fn backlog(&self) -> Backlog {
        Backlog {
            batches: self.waiting.batches.load(Ordering::Relaxed),
            rows: self.waiting.rows.load(Ordering::Relaxed),
        }
    }

    /// Reports a failed task.
    pub(crate) async fn check(&mut self) -> Result<(), HostError> {
        if self.task.as_ref().is_some_and(JoinHandle::is_finished) {
            return self.join().await;
        }
        Ok(())
    }

    /// Ends the task after the batch that it is at, or after all that waits.
    pub(crate) async fn drain(&mut self, all: bool) -> Result<(), HostError> {
        self.jobs = None;
        self.waiting.stop.store(!all, Ordering::Relaxed);
        self.join().await
    }

    async fn join(&mut self) -> Result<(), HostError> {
        match self.task.take() {
            Some(task) => match task.await {
                Ok(result) => result,
                Err(error) => Err(HostError::TaskFailed {
                    task: "replay",
                    reason: if error.is_panic() {
                        "it panicked"
                    } else {
                        "it was cancelled"
                    },
                }),
            },
            None => Ok(()),
        }
    }
}

impl Drop for ReplayQueue {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

struct Replay {
    cx: Context,
    row: SourceRow,
    replayer: Replayer,
    policy: Arc<StreamPolicy>,
    feeds: Feeds,
    waiting: Arc<Waiting>,
    /// Batches of ours that were replayed from the log: those that the capture closed meanwhile were
    /// handed over as well.
    done_from_log: HashSet<BatchId>,
    reindex_checked: Option<Instant>,
}

impl Replay {
    async fn run(mut self, mut jobs: mpsc::UnboundedReceiver<Job>) -> Result<(), HostError> {
        self.waiting_in_log().await?;
        while let Some(job) = jobs.recv().await {
            if self.waiting.stop.load(Ordering::Relaxed) {
                break;
            }
            let rows = job.rows.as_ref().map_or(0, |(rows, _)| rows.len()) as u64;
            let bytes = job.rows.as_ref().map_or(0, |(rows, _)| rows.bytes()) as u64;
            let mut subtract = Backlog { batches: 1, rows };
            if !self.done_from_log.remove(&job.batch) {
                self.pause_on_reindex().await?;
                let policy = self.with_holds(&job.policy);
                let done = match &job.rows {
                    Some((rows, ddl)) => self.replayer.apply_memory(rows, ddl, &policy).await?,
                    None => {
                        self.replayer
                            .apply_log(&from_log(job.batch), &policy)
                            .await?
                    }
                };
                self.end(job.batch, &done, Some(&job.end)).await?;
                if job.rows.is_none() {
                    subtract.rows = done.applied.changes;
                }
            }
            self.waiting.subtract(subtract, bytes);
        }
        Ok(())
    }

    /// Replays what was waiting at the start, and what the capture has closed by then. Rows that 1.x
    /// wrote are replayed by the catalog's own function, which knows its encoding.
    async fn waiting_in_log(&mut self) -> Result<(), HostError> {
        loop {
            let found = batches::unreplayed(self.replayer.client(), self.row.id, LIST).await?;
            if found.is_empty() {
                self.waiting.batches.store(0, Ordering::Relaxed);
                self.waiting.rows.store(0, Ordering::Relaxed);
                return Ok(());
            }
            for batch in found {
                if self.waiting.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                self.pause_on_reindex().await?;
                if batch.own_rows {
                    self.replay_log(&batch).await?;
                } else {
                    // one batch at most; those behind it may be of ours
                    batches::process(self.replayer.client(), self.row.id, PREDECESSOR_EVENTS)
                        .await?;
                    break;
                }
            }
        }
    }

    async fn replay_log(&mut self, batch: &UnreplayedBatch) -> Result<(), HostError> {
        let start = batch
            .position
            .clone()
            .unwrap_or_else(|| BinlogPosition::new("", 0));
        let policy = self.with_holds(&self.policy.for_logged(batch.id, &start));
        let done = self.replayer.apply_log(batch, &policy).await?;
        self.end(batch.id, &done, None).await?;
        self.done_from_log.insert(batch.id);
        Ok(())
    }

    /// Ends a batch's transaction: holds of failed tables, flag, commit.
    async fn end(
        &mut self,
        batch: BatchId,
        done: &Replayed,
        position: Option<&BinlogPosition>,
    ) -> Result<(), HostError> {
        for failure in &done.applied.failures {
            let reason = describe(&failure.error);
            for table in &self.feeds.to_hold(&failure.table) {
                tracing::warn!(
                    source = %self.row.name, table = %table,
                    error.code = %failure.error.code(), reason, "table held"
                );
                let hold = Hold {
                    source: self.row.id,
                    table,
                    state: HeldState::Held,
                    code: failure.error.code(),
                    reason: &reason,
                    statement: None,
                    position,
                };
                held::hold(self.replayer.client(), &hold).await?;
            }
            Arc::make_mut(&mut self.policy).hold(&failure.table);
        }
        for (table, rows) in &done.applied.drift {
            tracing::warn!(source = %self.row.name, table, rows, "drift applied");
        }
        self.replayer.commit(batch, done).await?;
        metrics::counter!("chameleon_rows_total", "source" => self.row.name.clone())
            .increment(done.applied.changes);
        Ok(())
    }

    /// The batch's rules, less the tables that the replay itself has held since.
    fn with_holds(&self, policy: &BatchPolicy) -> BatchPolicy {
        policy.also_holding(&self.policy)
    }

    /// Waits while a session that reindexes is at work, where the configuration wants that.
    async fn pause_on_reindex(&mut self) -> Result<(), HostError> {
        let config = &self.cx.config;
        let recent = self
            .reindex_checked
            .is_some_and(|at| at.elapsed() < config.sleep_loop);
        if !config.pause_on_reindex || recent {
            return Ok(());
        }
        loop {
            self.reindex_checked = Some(Instant::now());
            let sql = "select count(*) from pg_stat_activity \
                       where application_name = any($1) and pid <> pg_backend_pid()";
            let row = self
                .replayer
                .client()
                .query_one(sql, &[&config.reindex_app_names])
                .await
                .map_err(|e| PostgresError::statement("look for sessions that reindex", &e))?;
            if row.try_get::<_, i64>(0).unwrap_or(0) == 0 {
                return Ok(());
            }
            tracing::info!(source = %self.row.name, "replay pauses while a reindex runs");
            tokio::time::sleep(config.sleep_on_reindex).await;
        }
    }
}
