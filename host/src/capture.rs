//! Follows a source's binlog and writes its batches.
//!
//! Whole transactions are gathered in one buffer. A batch ends when the stream has nothing more to
//! give for the moment (relay: and a tenth of a second has passed), at 250 ms, at
//! `replica_batch_size` rows, at DDL, at a new binlog file and at the marks of a copy. Its rows, the
//! position behind it and the holds that it caused commit in one transaction. In relay mode the
//! batch is then handed to the replay with its rows, so that the relay log need not be read back.
//!
//! A table that cannot be followed is held and the rest goes on; any other fault ends the capture
//! with a typed error, and the supervisor decides.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_catalog::batches::UnreplayedBatch;
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::history::{self, Version};
use chameleon_catalog::{SourceRow, tables};
use chameleon_ddl::mapping::Mapping;
use chameleon_ddl::{SchemaChange, render};
use chameleon_diag::{Diagnostic, ErrorCode};
use chameleon_model::name::{target_column_name, target_name};
use chameleon_model::{BinlogPosition, ChangeBuffer, SourcePosition, TableName};
use chameleon_mysql::SourceConn;
use chameleon_mysql::binlog::{BinlogSource, DdlStep, HistoryChange, Step};
use chameleon_postgres::Client;
use chameleon_target::rotate::Rotation;
use chameleon_target::{DdlEntry, TableFailure};

use crate::context::Context;
use crate::error::HostError;
use crate::policy::StreamPolicy;
use crate::replay::{Job, ReplayQueue};
use crate::sink::Sink;
use crate::stop::Stop;
use crate::supervisor::Until;

/// Longest time that a batch with rows stays open.
const BATCH_AGE: Duration = Duration::from_millis(250);
/// In relay mode, shortest time between two batches while the stream pauses.
const RELAY_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of rows from which a transaction is written in parts.
const PART_BYTES: usize = 16 << 20;
/// How often the wanted state, heartbeat, holds and log tables are looked after.
const TICK: Duration = Duration::from_secs(1);

/// Why the capture ended without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to.
    Stopped,
    /// All that was asked for is applied.
    CaughtUp,
    /// The stream has to be opened again from what the catalog says now.
    Restart {
        /// The next attempt writes every transaction for itself.
        isolate: bool,
    },
}

/// One source's stream.
pub(crate) struct Capture<'a> {
    pub(crate) cx: &'a Context,
    pub(crate) row: SourceRow,
    pub(crate) binlog: BinlogSource,
    pub(crate) sink: Sink,
    /// Session for everything that is not part of a batch's transaction.
    pub(crate) control: Client,
    /// Session for the source's sizes; `None` while it cannot be had.
    pub(crate) source_status: Option<SourceConn>,
    pub(crate) policy: Arc<StreamPolicy>,
    pub(crate) mapping: Mapping,
    /// `None`: direct.
    pub(crate) queue: Option<ReplayQueue>,
    pub(crate) rotation: Rotation,
    pub(crate) until: Until,
    /// Position behind which [`Until::CaughtUp`] is reached.
    pub(crate) goal: Option<BinlogPosition>,
    pub(crate) isolate: bool,
    pub(crate) state: State,
}

/// What changes while the stream runs.
pub(crate) struct State {
    pub(crate) buffer: ChangeBuffer,
    /// Changes in the buffer that belong to complete transactions.
    pub(crate) complete: usize,
    /// A part of the current transaction is written already.
    pub(crate) in_parts: bool,
    /// Changes of the current transaction that are written in parts.
    pub(crate) first_row: Option<Instant>,
    pub(crate) last_flush: Instant,
    pub(crate) batch_start: BinlogPosition,
    pub(crate) stored: BinlogPosition,
    pub(crate) marks: BTreeSet<BinlogPosition>,
    pub(crate) last_event_micros: Option<i64>,
    pub(crate) last_tick: Instant,
    pub(crate) rows_written: u64,
}

impl State {
    /// At the start of a stream.
    pub(crate) fn new(at: &BinlogPosition, policy: &StreamPolicy) -> Self {
        let now = Instant::now();
        Self {
            buffer: ChangeBuffer::default(),
            complete: 0,
            in_parts: false,
            first_row: None,
            last_flush: now,
            batch_start: at.clone(),
            stored: at.clone(),
            marks: policy.marks_after(at),
            last_event_micros: None,
            last_tick: now,
            rows_written: 0,
        }
    }
}

impl Capture<'_> {
    /// Runs until told to stop, until the goal is reached, or until something fails.
    pub(crate) async fn run(&mut self, stop: &Stop) -> Result<Ended, HostError> {
        self.tick().await?;
        loop {
            if self.reached_goal() {
                return self.finish(Ended::CaughtUp).await;
            }
            let pause = if self.queue.is_some() {
                RELAY_PAUSE
            } else {
                Duration::ZERO
            };
            let due = self.state.first_row.map(|_| self.state.last_flush + pause);
            let whole = self.state.buffer.len() == self.state.complete && !self.state.in_parts;
            let next_tick = self.state.last_tick + TICK;
            tokio::select! {
                biased;
                () = stop.wait() => return self.finish(Ended::Stopped).await,
                step = self.binlog.next(&mut self.state.buffer, PART_BYTES) => {
                    if let Some(ended) = self.step(step?).await? {
                        return Ok(ended);
                    }
                }
                () = tokio::time::sleep_until(due.unwrap_or(next_tick).into()),
                    if due.is_some() && whole => self.flush().await?,
                () = tokio::time::sleep_until(next_tick.into()) => {}
            }
            if self.state.last_tick.elapsed() >= TICK
                && let Some(ended) = self.tick().await?
            {
                return self.finish(ended).await;
            }
        }
    }

    /// Takes in one step of the stream. `Some`: the stream has to be opened again.
    async fn step(&mut self, step: Step) -> Result<Option<Ended>, HostError> {
        match step {
            Step::Committed { commit_micros, .. } => {
                self.state.last_event_micros = Some(commit_micros);
                self.state.complete = self.state.buffer.len();
                if self.state.complete > 0 {
                    self.state.first_row.get_or_insert_with(Instant::now);
                }
                if self.must_flush() {
                    self.flush().await?;
                }
            }
            Step::Continued => self.write_part().await?,
            Step::RolledBack => {
                if self.state.in_parts {
                    // what was written cannot be told from complete transactions before it
                    return Ok(Some(Ended::Restart { isolate: true }));
                }
            }
            Step::Progress { commit_micros } => {
                self.state.last_event_micros = Some(commit_micros);
                let at = &self.binlog.position().binlog;
                let new_file = at.file != self.state.batch_start.file;
                if self.state.complete > 0 && (new_file || self.state.marks.contains(at)) {
                    self.flush().await?;
                } else if self.state.complete == 0 {
                    self.state.batch_start = at.clone();
                }
            }
            Step::Ddl(ddl) => {
                if self.state.complete > 0 {
                    self.flush_before(&ddl).await?;
                }
                self.ddl(ddl).await?;
            }
            Step::Hold { table, error } => {
                let reason = error.to_string();
                self.hold_now(&table, error.code(), &reason, None).await?;
            }
        }
        Ok(None)
    }

    fn must_flush(&self) -> bool {
        let state = &self.state;
        let rows = usize::try_from(self.cx.config.replica_batch_size).unwrap_or(usize::MAX);
        self.isolate
            || state.in_parts
            || state.complete >= rows
            || state.buffer.bytes() >= PART_BYTES
            || state
                .first_row
                .is_some_and(|first| first.elapsed() >= BATCH_AGE)
            || state.marks.contains(&self.binlog.position().binlog)
    }

    /// Writes what there is of a transaction that is too large for one buffer.
    async fn write_part(&mut self) -> Result<(), HostError> {
        let policy = self.policy.for_batch(&self.state.batch_start, None);
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, &[], &policy).await?;
        self.hold_failures(written.failures).await?;
        self.state.buffer.clear();
        self.state.complete = 0;
        self.state.in_parts = true;
        Ok(())
    }

    /// Writes the batch and makes it durable with the position behind it.
    async fn flush(&mut self) -> Result<(), HostError> {
        let at = self.binlog.position().clone();
        self.write_batch(&at, &[]).await
    }

    /// Writes the rows before a DDL statement. The stream's position is behind the statement
    /// already, so they are written into its batch's transaction, without a position of their own.
    async fn flush_before(&mut self, _ddl: &DdlStep) -> Result<(), HostError> {
        let policy = self.policy.for_batch(&self.state.batch_start, None);
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, &[], &policy).await?;
        self.hold_failures(written.failures).await
    }

    async fn write_batch(
        &mut self,
        at: &SourcePosition,
        ddl: &[DdlEntry],
    ) -> Result<(), HostError> {
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, ddl, &policy).await?;
        for (table, rows) in &written.drift {
            tracing::warn!(source = %self.row.name, table, rows, "drift applied");
        }
        self.state.rows_written += written.changes;
        self.hold_failures(written.failures).await?;
        self.end_batch(at, policy, Vec::new()).await
    }

    /// Closes the batch whose rows are written, commits, and hands it to the replay.
    pub(crate) async fn end_batch(
        &mut self,
        at: &SourcePosition,
        policy: crate::policy::BatchPolicy,
        ddl: Vec<DdlEntry>,
    ) -> Result<(), HostError> {
        self.count_missed(at).await?;
        let closed = self.sink.close(at, self.state.last_event_micros).await?;
        self.commit(at, closed, policy, ddl).await
    }

    async fn commit(
        &mut self,
        at: &SourcePosition,
        closed: Option<chameleon_catalog::BatchId>,
        policy: crate::policy::BatchPolicy,
        ddl: Vec<DdlEntry>,
    ) -> Result<(), HostError> {
        self.sink.commit().await?;
        let state = &mut self.state;
        let whole = !state.in_parts;
        let rows = std::mem::take(&mut state.buffer);
        metrics::counter!("chameleon_batches_total", "source" => self.row.name.clone())
            .increment(1);
        tracing::debug!(source = %self.row.name, rows = rows.len(), position = %at.binlog, "batch");
        match (&self.queue, closed) {
            (Some(queue), Some(batch)) => {
                let rows = whole.then_some((rows, ddl));
                queue.push(Job {
                    batch,
                    rows,
                    policy,
                    end: at.binlog.clone(),
                });
            }
            _ => {
                state.buffer = rows;
                state.buffer.clear();
            }
        }
        state.complete = 0;
        state.in_parts = false;
        state.first_row = None;
        state.last_flush = Instant::now();
        state.batch_start = at.binlog.clone();
        state.stored = at.binlog.clone();
        state.marks = self.policy.marks_after(&at.binlog);
        Ok(())
    }

    /// Renders a DDL statement and writes it as the end of a batch, with the schema history.
    async fn ddl(&mut self, ddl: DdlStep) -> Result<(), HostError> {
        let at = self.binlog.position().clone();
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        self.state.last_event_micros = Some(ddl.commit_micros);
        self.sink.begin().await?;
        let mut entries = Vec::new();
        for change in &ddl.changes {
            match self.render(change) {
                Ok(Some(entry)) => entries.push(entry),
                Ok(None) => {}
                Err(error) => {
                    let (table, reason) = (change.table().clone(), error.to_string());
                    self.hold_now(&table, error.code(), &reason, Some(&ddl.sql))
                        .await?;
                }
            }
            if let Some(after) = change.after() {
                self.mapping.learn([&**after]);
            }
            self.register(change).await?;
        }
        let written = self
            .sink
            .write(&ChangeBuffer::default(), &entries, &policy)
            .await?;
        self.hold_failures(written.failures).await?;
        self.count_missed(&at).await?;
        let closed = self.sink.close(&at, self.state.last_event_micros).await?;
        let versions: Vec<Version<'_>> = ddl
            .history
            .iter()
            .map(|change| match change {
                HistoryChange::Set(table) => Version::Table(table),
                HistoryChange::Dropped(name) => Version::Dropped(name),
            })
            .collect();
        history::save(
            self.sink.client(),
            self.row.id,
            self.sink.batch(),
            &versions,
        )
        .await?;
        tracing::info!(source = %self.row.name, position = %at.binlog, changes = entries.len(), "ddl");
        self.commit(&at, closed, policy, entries).await
    }

    /// What the target has to do for a change; `None`: nothing, its table is held.
    fn render(
        &mut self,
        change: &SchemaChange,
    ) -> Result<Option<DdlEntry>, chameleon_ddl::DdlError> {
        let table = target_name(&change.table().name);
        let fresh = matches!(
            change,
            SchemaChange::Create { .. } | SchemaChange::Drop { .. }
        );
        if self.policy.is_held(&table) && !fresh {
            return Ok(None);
        }
        let statements = render::change(change, &self.mapping)?;
        Ok((!statements.is_empty()).then_some(DdlEntry { table, statements }))
    }

    /// Keeps `t_replica_tables` and the holds in step with a change.
    async fn register(&mut self, change: &SchemaChange) -> Result<(), HostError> {
        let (client, id) = (self.sink.client(), self.row.id);
        let schema = &self.row.dest_schema;
        let gone = match change {
            SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } => Some(before),
            _ => None,
        };
        if let Some(before) = gone {
            let name = target_name(&before.name.name);
            tables::unregister(client, id, schema, &name).await?;
            held::release(client, id, &before.name).await?;
            Arc::make_mut(&mut self.policy).release(&name);
        }
        if let Some(after) = change.after() {
            let key = after.row_key().unwrap_or_default();
            let key: Vec<String> = key
                .iter()
                .map(|&c| target_column_name(&after.columns[c].name))
                .collect();
            let key: Vec<&str> = key.iter().map(String::as_str).collect();
            tables::register(client, id, schema, &target_name(&after.name.name), &key).await?;
        }
        Ok(())
    }

    /// Notes changes of held tables that went by.
    async fn count_missed(&mut self, at: &SourcePosition) -> Result<(), HostError> {
        let missed = self.binlog.take_held_counts();
        if !missed.is_empty() {
            held::count(self.sink.client(), self.row.id, &missed, &at.binlog).await?;
        }
        Ok(())
    }

    async fn hold_failures(&mut self, failures: Vec<TableFailure>) -> Result<(), HostError> {
        for failure in failures {
            let name = self.source_name(&failure.table);
            let reason = describe(&failure.error);
            self.hold_now(&name, failure.error.code(), &reason, None)
                .await?;
        }
        Ok(())
    }

    /// Holds a table from here on, inside the batch's transaction.
    async fn hold_now(
        &mut self,
        table: &TableName,
        code: ErrorCode,
        reason: &str,
        statement: Option<&str>,
    ) -> Result<(), HostError> {
        tracing::warn!(
            source = %self.row.name, table = %table, error.code = %code, reason, "table held"
        );
        self.sink.begin().await?;
        let position = self.binlog.position().binlog.clone();
        let hold = Hold {
            source: self.row.id,
            table,
            state: HeldState::Held,
            code,
            reason,
            statement,
            position: Some(&position),
        };
        held::hold(self.sink.client(), &hold).await?;
        Arc::make_mut(&mut self.policy).hold(&target_name(&table.name));
        self.binlog.hold(table);
        Ok(())
    }

    fn source_name(&self, target: &str) -> TableName {
        let mut known = self.binlog.tables();
        let found = known.find(|t| target_name(&t.name.name) == target);
        match found {
            Some(table) => table.name.clone(),
            None => TableName::new(self.cx.config.my_database.clone(), target),
        }
    }

    fn reached_goal(&self) -> bool {
        let goal = match (&self.until, &self.goal) {
            (Until::Stopped, _) => return false,
            (Until::CaughtUp, Some(goal)) | (Until::Position(goal), _) => goal,
            (Until::CaughtUp, None) => return false,
        };
        !self.state.in_parts
            && self.state.buffer.len() == self.state.complete
            && self.binlog.position().binlog >= *goal
    }

    /// Writes what is complete and waits for the replay. A transaction begun is left: it is read
    /// again.
    async fn finish(&mut self, ended: Ended) -> Result<Ended, HostError> {
        let whole = self.state.buffer.len() == self.state.complete && !self.state.in_parts;
        if whole && self.state.complete > 0 {
            self.flush().await?;
        } else if whole && self.binlog.position().binlog != self.state.stored {
            let at = self.binlog.position().clone();
            let policy = self
                .policy
                .for_batch(&self.state.batch_start, Some(&at.binlog));
            self.sink.begin().await?;
            self.end_batch(&at, policy, Vec::new()).await?;
        }
        if let Some(queue) = &mut self.queue {
            queue.drain(ended == Ended::CaughtUp).await?;
        }
        self.heartbeat().await?;
        Ok(ended)
    }
}

/// An error with its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// A batch of which only the log knows the rows.
pub(crate) fn from_log(batch: chameleon_catalog::BatchId) -> UnreplayedBatch {
    UnreplayedBatch {
        id: batch,
        position: None,
        rows: None,
        own_rows: true,
        replayed_through: None,
    }
}
