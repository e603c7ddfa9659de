//! Follows a source's binlog and writes its batches.
//!
//! Whole transactions are gathered in one buffer. A batch ends when the stream has nothing more to
//! give for the moment (relay: and a tenth of a second has passed), at 250 ms, at
//! `replica_batch_size` rows (direct: at a few thousand where nothing is being written), at DDL, at
//! a new binlog file and at the marks of a copy. Its rows, the position behind it and the holds that
//! it caused commit in one transaction, and while they do, the stream is read ahead into the next
//! batch. In relay mode the batch is then handed to the replay with its rows, so that the relay log
//! need not be read back.
//!
//! A table that cannot be followed is held and the rest goes on; any other fault ends the capture
//! with a typed error, and the supervisor decides.

mod ahead;
mod ddl;
pub(crate) mod elsewhere;
mod holds;
mod state;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_catalog::SourceRow;
use chameleon_catalog::batches::UnreplayedBatch;
use chameleon_ddl::mapping::Mapping;
use chameleon_diag::Diagnostic;
use chameleon_model::{BinlogPosition, SourcePosition, TableName};
use chameleon_mysql::SourceConn;
use chameleon_mysql::binlog::{BinlogSource, Step};
use chameleon_postgres::Client;
use chameleon_target::DdlEntry;
use chameleon_target::rotate::Rotation;

use crate::context::Context;
use crate::error::HostError;
use crate::policy::StreamPolicy;
use crate::replay::ReplayQueue;
use crate::shape::{self, Shaper};
use crate::sink::{Sink, Written};
use crate::stop::Stop;
use crate::supervisor::Until;

pub(crate) use state::State;

/// Longest time that a batch with rows stays open.
const BATCH_AGE: Duration = Duration::from_millis(250);
/// In relay mode, shortest time between two batches while the stream pauses.
const RELAY_PAUSE: Duration = Duration::from_millis(100);
/// Changes that are enough for a batch where nothing is being written: what comes while it is
/// written makes the next one, so that batches grow with the load.
const EAGER_ROWS: usize = 2_000;
/// Bytes of rows from which a transaction is written in parts.
pub(crate) const PART_BYTES: usize = 32 << 20;
/// Bytes of complete transactions after which a batch is closed: with room for one more, so that
/// only a large one comes in parts.
const BATCH_BYTES: usize = 24 << 20;
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
    pub(crate) shaper: Shaper,
    /// Source tables that are held.
    pub(crate) held: BTreeSet<TableName>,
    /// `None`: direct.
    pub(crate) queue: Option<ReplayQueue>,
    pub(crate) rotation: Rotation,
    pub(crate) until: Until,
    /// Position behind which [`Until::CaughtUp`] is reached.
    pub(crate) goal: Option<BinlogPosition>,
    pub(crate) isolate: bool,
    pub(crate) state: State,
}

impl Capture<'_> {
    /// Runs until told to stop, until the goal is reached, or until something fails.
    pub(crate) async fn run(&mut self, stop: &Stop) -> Result<Ended, HostError> {
        self.tick().await?;
        loop {
            if let Some(step) = self.state.ahead.take() {
                if let Some(ended) = self.step(step?).await? {
                    return Ok(ended);
                }
            } else if self.reached_goal() {
                return self.finish(Ended::CaughtUp).await;
            } else if let Some(ended) = self.advance(stop).await? {
                return Ok(ended);
            }
            if self.state.ahead.is_none()
                && self.state.last_tick.elapsed() >= TICK
                && let Some(ended) = self.tick().await?
            {
                return self.finish(ended).await;
            }
        }
    }

    /// Waits for what comes first, and sees to it.
    async fn advance(&mut self, stop: &Stop) -> Result<Option<Ended>, HostError> {
        let pause = if self.queue.is_some() {
            RELAY_PAUSE
        } else {
            Duration::ZERO
        };
        let due = self.state.first_row.map(|_| self.state.last_flush + pause);
        let next_tick = self.state.last_tick + TICK;
        tokio::select! {
            biased;
            () = stop.wait() => self.finish(Ended::Stopped).await.map(Some),
            () = std::future::ready(()), if self.is_due() => self.flush_reading_ahead().await,
            step = self.binlog.next(&mut self.state.buffer, PART_BYTES) => self.step(step?).await,
            () = tokio::time::sleep_until(due.unwrap_or(next_tick).into()),
                if due.is_some() && self.state.is_whole() =>
            {
                // while this waited the stream may have read the beginning of a transaction
                if self.state.is_whole() {
                    return self.flush_reading_ahead().await;
                }
                Ok(None)
            }
            () = tokio::time::sleep_until(next_tick.into()) => Ok(None),
        }
    }

    /// Takes in one step of the stream. `Some`: the stream has to be opened again.
    async fn step(&mut self, step: Step) -> Result<Option<Ended>, HostError> {
        match step {
            Step::Committed { commit_micros, .. } => {
                let at = &self.binlog.position().binlog;
                self.state
                    .committed(commit_micros, at, self.shaper.wants_meta());
                if self.must_flush() {
                    return self.flush_reading_ahead().await;
                }
            }
            Step::Continued => self.write_part().await?,
            Step::RolledBack => {
                if self.state.in_parts && self.isolate {
                    self.take_back().await?;
                } else if self.state.in_parts {
                    // what was written cannot be told from complete transactions before it
                    return Ok(Some(Ended::Restart { isolate: true }));
                }
            }
            Step::Xa {
                xid,
                step,
                commit_micros,
            } => self.xa(&xid, step, commit_micros).await?,
            Step::Progress { commit_micros } => self.progress(commit_micros).await?,
            Step::Ddl(ddl) => {
                if !self.state.buffer.is_empty() {
                    self.flush_before().await?;
                }
                return self.ddl(ddl).await;
            }
            Step::Hold { table, error } => {
                let reason = error.to_string();
                self.hold_now(&table, error.code(), &reason, None).await?;
            }
        }
        Ok(None)
    }

    /// The position has moved without rows.
    pub(crate) async fn progress(&mut self, commit_micros: i64) -> Result<(), HostError> {
        self.state.last_event_micros = Some(commit_micros);
        let at = &self.binlog.position().binlog;
        let new_file = at.file != self.state.batch_start.file;
        if self.state.complete > 0 && (new_file || self.state.marks.contains(at)) {
            self.flush().await?;
        } else if self.state.complete == 0 {
            self.state.batch_start = at.clone();
        }
        Ok(())
    }

    /// At the end of a transaction: the batch ends here.
    fn must_flush(&self) -> bool {
        let state = &self.state;
        let rows = match self.sink {
            Sink::Relay(_) => self.batch_rows(),
            Sink::Direct(_) => self.batch_rows().min(EAGER_ROWS),
        };
        let aged = |first: Instant| first.elapsed() >= BATCH_AGE;
        self.isolate
            || state.in_parts
            || state.first_row.is_some_and(aged)
            || state.is_full(rows, &self.binlog.position().binlog)
    }

    /// The transactions that were read ahead are a batch already.
    fn is_due(&self) -> bool {
        let state = &self.state;
        let some = state.complete > 0 || state.marks.contains(&self.binlog.position().binlog);
        some && state.is_whole() && self.must_flush()
    }

    /// Changes that one batch is to have at most.
    fn batch_rows(&self) -> usize {
        usize::try_from(self.cx.config.replica_batch_size).unwrap_or(usize::MAX)
    }

    /// Writes what there is of a transaction that is too large for one buffer.
    async fn write_part(&mut self) -> Result<(), HostError> {
        self.note_transaction(self.state.last_event_micros.unwrap_or_default());
        self.shape_buffer().await?;
        let at = self.binlog.position().binlog.clone();
        let policy = self.policy.for_batch(&self.state.batch_start, None);
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, &[], &policy).await?;
        self.hold_failures(written.failures, &at).await?;
        self.state.buffer.clear();
        self.state.complete = 0;
        self.state.in_parts = true;
        Ok(())
    }

    /// Takes back the parts of the one transaction that was written, and goes on behind it.
    async fn take_back(&mut self) -> Result<(), HostError> {
        self.sink.rollback().await?;
        self.state.buffer.clear();
        self.state.complete = 0;
        self.state.in_parts = false;
        self.isolate = false;
        self.sink.begin().await?;
        self.hold_again().await?;
        let at = self.binlog.position().clone();
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        self.end_batch(&at, policy).await
    }

    /// Writes the batch and makes it durable with the position behind it.
    pub(crate) async fn flush(&mut self) -> Result<(), HostError> {
        let at = self.binlog.position().clone();
        self.write_batch(&at).await
    }

    /// Writes the rows before a DDL statement or the commit of a prepared transaction. The stream's
    /// position is behind it already, so they are written into its batch's transaction, without a
    /// position of their own.
    pub(crate) async fn flush_before(&mut self) -> Result<(), HostError> {
        self.shape_buffer().await?;
        let at = self.binlog.position().binlog.clone();
        let policy = self.policy.for_batch(&self.state.batch_start, None);
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, &[], &policy).await?;
        self.hold_failures(written.failures, &at).await
    }

    async fn write_batch(&mut self, at: &SourcePosition) -> Result<(), HostError> {
        self.shape_buffer().await?;
        let policy = self
            .policy
            .for_batch(&self.state.batch_start, Some(&at.binlog));
        self.sink.begin().await?;
        let written = self.sink.write(&self.state.buffer, &[], &policy).await?;
        self.note_written(written, &at.binlog).await?;
        self.end_batch(at, policy).await
    }

    /// What the writing of a batch brought, inside its transaction.
    async fn note_written(
        &mut self,
        written: Written,
        at: &BinlogPosition,
    ) -> Result<(), HostError> {
        for (table, rows) in &written.drift {
            tracing::warn!(source = %self.row.name, table, rows, "drift applied");
        }
        self.state.rows_written += written.changes;
        self.hold_failures(written.failures, at).await
    }

    /// Closes the batch whose rows are written, commits, and hands it to the replay.
    pub(crate) async fn end_batch(
        &mut self,
        at: &SourcePosition,
        policy: crate::policy::BatchPolicy,
    ) -> Result<(), HostError> {
        self.count_missed(at).await?;
        let closed = self.sink.close(at, self.state.last_event_micros).await?;
        self.commit(at, closed, policy, Vec::new()).await
    }

    async fn commit(
        &mut self,
        at: &SourcePosition,
        closed: Option<chameleon_catalog::BatchId>,
        policy: crate::policy::BatchPolicy,
        ddl: Vec<DdlEntry>,
    ) -> Result<(), HostError> {
        self.sink.commit().await?;
        let whole = !self.state.in_parts;
        let rows = self.state.take_batch(&at.binlog, &self.policy);
        let done = ahead::Done {
            rows,
            whole,
            policy,
        };
        self.done(done, &at.binlog, closed, ddl);
        Ok(())
    }

    /// Notes that the rows since the last transaction are one.
    pub(crate) fn note_transaction(&mut self, commit_micros: i64) {
        if self.shaper.wants_meta() {
            let at = &self.binlog.position().binlog;
            self.state.note_transaction(commit_micros, at);
        }
    }

    /// Lets the transforms make of the buffer's rows what the target is to have. Rows and tables
    /// that they fail on are noted in the batch's transaction.
    pub(crate) async fn shape_buffer(&mut self) -> Result<(), HostError> {
        if !self.shaper.is_active() || self.state.buffer.is_empty() {
            return Ok(());
        }
        let whole = self.state.complete == self.state.buffer.len();
        let rows = std::mem::take(&mut self.state.buffer);
        let shaped = self.shaper.rows(rows, false, &self.state.meta)?;
        self.state.buffer = shaped.rows;
        self.state.meta.transactions.clear();
        if whole {
            self.state.complete = self.state.buffer.len();
        }
        let at = self.binlog.position().binlog.clone();
        if !shaped.failed.is_empty() {
            self.sink.begin().await?;
            let client = self.sink.client();
            shape::record_failed(client, self.row.id, &shaped.failed, &at).await?;
        }
        for stopped in shaped.stopped {
            let (code, reason) = (stopped.error.code(), describe(&stopped.error));
            self.hold_now(&stopped.table, code, &reason, None).await?;
        }
        Ok(())
    }

    /// Where the replica ends by itself.
    fn last_position(&self) -> Option<&BinlogPosition> {
        match &self.until {
            Until::Stopped => None,
            Until::CaughtUp => self.goal.as_ref(),
            Until::Position(position) => Some(position),
        }
    }

    fn reached_goal(&self) -> bool {
        let here = &self.binlog.position().binlog;
        self.state.is_whole() && self.last_position().is_some_and(|goal| here >= goal)
    }

    /// Writes what is complete and waits for the replay. A transaction begun is left: it is read
    /// again.
    async fn finish(&mut self, ended: Ended) -> Result<Ended, HostError> {
        let whole = self.state.is_whole();
        if whole && self.state.complete > 0 {
            self.flush().await?;
        } else if whole && self.binlog.position().binlog != self.state.stored {
            let at = self.binlog.position().clone();
            let policy = self
                .policy
                .for_batch(&self.state.batch_start, Some(&at.binlog));
            self.sink.begin().await?;
            self.end_batch(&at, policy).await?;
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
