//! XA transactions between their two phases.
//!
//! At PREPARE the rows are stored under the transaction's name, in one PostgreSQL transaction with
//! the position behind it; a large one is stored in parts that become durable together. At COMMIT
//! they become rows of a batch, behind all that was committed before, and stop being stored in the
//! batch's own transaction; at ROLLBACK they are deleted. So a crash at any point finds them either
//! stored or ahead in the binlog. Which of them count is decided at COMMIT: by the holds of then,
//! and by the marks of copies at that position.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::prepared::{self, PreparedTable};
use chameleon_catalog::{SourceRow, batches::OpenBatch};
use chameleon_diag::codes;
use chameleon_model::{SourcePosition, TableName};
use chameleon_mysql::SourceConn;
use chameleon_mysql::binlog::{XaStep, Xid};
use chameleon_postgres::Client;
use chameleon_target::{ApplyPolicy, Strictness};

use crate::capture::Capture;
use crate::error::HostError;
use crate::policy::StreamPolicy;
use crate::shape::Shaper;
use crate::snapshot::execute;

/// How long a command waits for a moment without prepared transactions.
const PATIENCE: Duration = Duration::from_secs(10);

impl Capture<'_> {
    /// Takes in one step of an XA transaction.
    pub(crate) async fn xa(
        &mut self,
        xid: &Xid,
        step: XaStep,
        commit_micros: i64,
    ) -> Result<(), HostError> {
        let name = xid.to_string();
        tracing::debug!(source = %self.row.name, xid = name, ?step, "XA transaction");
        match step {
            XaStep::Begun => {
                if self.state.complete > 0 {
                    self.flush().await?;
                }
            }
            XaStep::Part => {
                self.store_prepared(&name, commit_micros).await?;
                self.state.in_parts = true;
            }
            XaStep::Prepared { .. } => {
                self.store_prepared(&name, commit_micros).await?;
                self.end_of_prepared(commit_micros).await?;
            }
            XaStep::Committed => self.write_prepared(&name, commit_micros).await?,
            XaStep::RolledBack => {
                self.sink.begin().await?;
                prepared::forget(self.sink.client(), self.row.id, &name).await?;
                if self.state.in_parts {
                    self.end_of_prepared(commit_micros).await?;
                } else {
                    self.progress(commit_micros).await?;
                }
            }
        }
        Ok(())
    }

    /// Stores what the buffer holds. What an earlier attempt left under the same name goes first.
    async fn store_prepared(&mut self, xid: &str, commit_micros: i64) -> Result<(), HostError> {
        self.note_transaction(commit_micros);
        self.shape_buffer().await?;
        self.sink.begin().await?;
        if !self.state.in_parts {
            prepared::forget(self.sink.client(), self.row.id, xid).await?;
        }
        let policy = NotHeld(Arc::clone(&self.policy));
        let rows = &self.state.buffer;
        let stored = self
            .sink
            .store_prepared(xid, rows, &policy, &self.mapping)
            .await?;
        self.state.buffer.clear();
        let at = self.binlog.position().binlog.clone();
        self.hold_failures(stored, &at).await
    }

    /// Makes what was stored durable, with the position.
    async fn end_of_prepared(&mut self, commit_micros: i64) -> Result<(), HostError> {
        self.state.last_event_micros = Some(commit_micros);
        self.state.in_parts = false;
        self.state.buffer.clear();
        let at = self.binlog.position().clone();
        let (start, end) = (&self.state.batch_start, Some(&at.binlog));
        let policy = self.policy.for_batch(start, end);
        self.end_batch(&at, policy).await
    }

    /// Makes the stored rows, behind those that were committed before, the end of a batch.
    async fn write_prepared(&mut self, xid: &str, commit_micros: i64) -> Result<(), HostError> {
        let stored = prepared::tables(&self.control, self.row.id, xid).await?;
        if stored.is_empty() {
            // it changed no table of concern
            return self.progress(commit_micros).await;
        }
        let at = self.binlog.position().clone();
        self.state.last_event_micros = Some(commit_micros);
        if self.state.complete > 0 {
            self.flush_before().await?;
        }
        let (start, end) = (&self.state.batch_start, Some(&at.binlog));
        let policy = self.policy.for_batch(start, end);
        self.count_left_out(&stored, &at).await?;
        let written = self.sink.write_prepared(xid, &stored, &policy).await?;
        for (table, rows) in &written.drift {
            tracing::warn!(source = %self.row.name, table, rows, "drift applied");
        }
        self.state.rows_written += written.changes;
        prepared::forget(self.sink.client(), self.row.id, xid).await?;
        self.hold_failures(written.failures, &at.binlog).await?;
        // the replay finds these rows in the log alone
        self.state.in_parts = true;
        self.end_batch(&at, policy).await
    }

    /// Notes changes of tables that were held since they were stored.
    async fn count_left_out(
        &mut self,
        stored: &[PreparedTable],
        at: &SourcePosition,
    ) -> Result<(), HostError> {
        let mut missed: BTreeMap<TableName, u64> = BTreeMap::new();
        for table in stored.iter().filter(|t| self.policy.is_held(&t.name)) {
            for feeder in self.shaper.feeds().to_hold(&table.name) {
                *missed.entry(feeder).or_default() += table.changes;
            }
        }
        let missed: Vec<(TableName, u64)> = missed.into_iter().collect();
        self.sink.begin().await?;
        held::count(self.sink.client(), self.row.id, &missed, &at.binlog).await?;
        Ok(())
    }
}

/// At PREPARE only holds leave rows out.
struct NotHeld(Arc<StreamPolicy>);

impl ApplyPolicy for NotHeld {
    fn strictness(&self, table: &str) -> Option<Strictness> {
        (!self.0.is_held(table)).then_some(Strictness::Exact)
    }

    fn applies_drift(&self) -> bool {
        false
    }
}

/// Where pg_chameleon 1.x has read the binlog since, nobody knows which of the stored transactions
/// have ended: they are given up, and the tables that they changed are held.
pub(crate) async fn set_aside(
    control: &Client,
    row: &SourceRow,
    open: &OpenBatch,
    shaper: &Shaper,
    database: &str,
) -> Result<(), HostError> {
    if !open.by_predecessor {
        return Ok(());
    }
    let targets = prepared::all_tables(control, row.id).await?;
    if targets.is_empty() {
        return Ok(());
    }
    execute(control, "begin").await?;
    for target in targets {
        let mut feeders = shaper.feeds().feeders(&target);
        if feeders.is_empty() {
            feeders.insert(TableName::new(database, target));
        }
        for table in &feeders {
            let reason = "pg_chameleon 1.x read the binlog while an XA transaction that changed it \
                          was prepared";
            tracing::warn!(
                source = %row.name, table = %table, error.code = %codes::RPL008, reason,
                "table held"
            );
            let hold = Hold {
                source: row.id,
                table,
                state: HeldState::Held,
                code: codes::RPL008,
                reason,
                statement: None,
                position: Some(&open.position.binlog),
            };
            held::hold(control, &hold).await?;
        }
    }
    prepared::forget_all(control, row.id).await?;
    execute(control, "commit").await
}

/// Waits for a moment without prepared transactions, so that a command that cannot begin before
/// changes nothing.
pub(crate) async fn until_none(conn: &mut SourceConn) -> Result<(), HostError> {
    Ok(conn.until_none_is_prepared(PATIENCE).await?)
}

/// The source's position at a moment without prepared transactions: nothing was committed or
/// prepared between two looks at it.
///
/// # Errors
/// SRC026 where there was none in time.
pub(crate) async fn position_without_prepared(
    conn: &mut SourceConn,
) -> Result<SourcePosition, HostError> {
    const TRIES: u32 = 20;
    let mut before = conn.current_position().await?;
    let mut tries = 0;
    loop {
        until_none(conn).await?;
        let after = conn.current_position().await?;
        if after == before {
            return Ok(after);
        }
        tries += 1;
        if tries >= TRIES {
            // the source is busy, but none was prepared at any look
            return Ok(after);
        }
        before = after;
    }
}
