//! Where a stream's batches go: the relay log, or straight to the tables.
//!
//! Both ways share the shape: write, close or advance, add what belongs to the transaction through
//! [`Sink::client`], commit.

use chameleon_catalog::BatchId;
use chameleon_catalog::prepared::PreparedTable;
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, SourcePosition};
use chameleon_postgres::Client;
use chameleon_target::{
    ApplyPolicy, DdlEntry, DirectWriter, RelayWriter, Replayed, TableFailure, TargetError,
};

/// What a written batch needs afterwards.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Tables whose rows could not be written; they are to be held.
    pub(crate) failures: Vec<TableFailure>,
    /// Changes written or applied.
    pub(crate) changes: u64,
    /// Rows by which tables differed, where drift is applied.
    pub(crate) drift: Vec<(String, u64)>,
}

impl Written {
    fn of(done: Replayed) -> Self {
        Self {
            failures: done.applied.failures,
            changes: done.applied.changes,
            drift: done.applied.drift,
        }
    }
}

/// The writing side of one source.
#[derive(Debug)]
pub(crate) enum Sink {
    /// `apply: relay`.
    Relay(Box<RelayWriter>),
    /// `apply: direct`.
    Direct(Box<DirectWriter>),
}

impl Sink {
    /// The session, for what has to be in the same transaction.
    pub(crate) fn client(&self) -> &Client {
        match self {
            Self::Relay(writer) => writer.client(),
            Self::Direct(writer) => writer.client(),
        }
    }

    /// The open batch.
    pub(crate) fn batch(&self) -> BatchId {
        match self {
            Self::Relay(writer) => writer.batch(),
            Self::Direct(writer) => writer.batch(),
        }
    }

    /// Opens the transaction unless it is open.
    pub(crate) async fn begin(&mut self) -> Result<(), TargetError> {
        match self {
            Self::Relay(writer) => writer.begin().await,
            Self::Direct(writer) => writer.begin().await,
        }
    }

    /// Writes rows, then DDL.
    pub(crate) async fn write(
        &mut self,
        rows: &ChangeBuffer,
        ddl: &[DdlEntry],
        policy: &dyn ApplyPolicy,
    ) -> Result<Written, TargetError> {
        let mut written = Written::default();
        match self {
            Self::Relay(writer) => {
                if !rows.is_empty() {
                    written.failures = writer.write(rows, policy).await?;
                }
                for entry in ddl {
                    writer.write_ddl(&entry.table, &entry.statements).await?;
                }
                written.changes = writer.written().events;
            }
            Self::Direct(writer) => {
                written = Written::of(writer.write(rows, ddl, policy).await?);
            }
        }
        Ok(written)
    }

    /// Writes rows that are all that the transaction holds, with `end` as the position behind them.
    /// Several sessions may share the work.
    pub(crate) async fn write_whole(
        &mut self,
        rows: &ChangeBuffer,
        end: &SourcePosition,
        policy: &dyn ApplyPolicy,
    ) -> Result<Written, TargetError> {
        match self {
            Self::Relay(_) => self.write(rows, &[], policy).await,
            Self::Direct(writer) => {
                let done = writer.write_whole(rows, end, policy).await?;
                Ok(Written::of(done))
            }
        }
    }

    /// Stores rows of a transaction that is prepared at the source under its name. Returns tables
    /// that are to be held.
    pub(crate) async fn store_prepared(
        &mut self,
        xid: &str,
        rows: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
        mapping: &Mapping,
    ) -> Result<Vec<TableFailure>, TargetError> {
        match self {
            Self::Relay(writer) => writer.store_prepared(xid, rows, policy).await,
            Self::Direct(writer) => writer.store_prepared(xid, rows, policy, mapping).await,
        }
    }

    /// Writes what is stored under the name, `stored`, behind the rows written so far.
    pub(crate) async fn write_prepared(
        &mut self,
        xid: &str,
        stored: &[PreparedTable],
        policy: &dyn ApplyPolicy,
    ) -> Result<Written, TargetError> {
        let mut written = Written::default();
        match self {
            Self::Relay(writer) => {
                let counts = |table: &&PreparedTable| policy.strictness(&table.name).is_some();
                let tables: Vec<&PreparedTable> = stored.iter().filter(counts).collect();
                let changes = tables.iter().map(|table| table.changes).sum();
                let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
                if !names.is_empty() {
                    written.changes = writer.write_prepared(xid, &names, changes).await?;
                }
            }
            Self::Direct(writer) => {
                written = Written::of(writer.write_prepared(xid, policy).await?);
            }
        }
        Ok(written)
    }

    /// Ends the batch at `at`. Returns the batch that now waits for replay: in relay, where
    /// something was written to it.
    pub(crate) async fn close(
        &mut self,
        at: &SourcePosition,
        last_event_micros: Option<i64>,
    ) -> Result<Option<BatchId>, TargetError> {
        match self {
            Self::Relay(writer) if writer.written().events > 0 => {
                let closed = writer.batch();
                writer.close(at, last_event_micros).await?;
                Ok(Some(closed))
            }
            Self::Relay(writer) => {
                writer.advance(at, last_event_micros).await?;
                Ok(None)
            }
            Self::Direct(writer) => {
                writer.advance(at, last_event_micros).await?;
                Ok(None)
            }
        }
    }

    /// Takes back everything since [`Sink::begin`].
    pub(crate) async fn rollback(&mut self) -> Result<(), TargetError> {
        match self {
            Self::Relay(writer) => writer.rollback().await,
            Self::Direct(writer) => writer.rollback().await,
        }
    }

    /// Makes everything since [`Sink::begin`] durable.
    pub(crate) async fn commit(&mut self) -> Result<(), TargetError> {
        match self {
            Self::Relay(writer) => writer.commit().await,
            Self::Direct(writer) => writer.commit().await,
        }
    }
}
