//! Replays batches from memory or from the relay log.
//!
//! A batch is applied and marked as replayed in one transaction, together with the holds that it
//! caused, so a crash before the commit replays it again from an unchanged target and a crash after
//! it never does.

use chameleon_catalog::batches::{self, ReplayCounts, UnreplayedBatch};
use chameleon_catalog::{BatchId, SourceRow};
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, MappingRules, SourcePosition};
use chameleon_postgres::Client;

use crate::apply::{Applied, Applier, ApplyPolicy, TableFailure, Without, execute};
use crate::apply_ddl;
use crate::error::TargetError;
use crate::parallel::Helpers;
use crate::prepared::{Stored, read_back, store};
use crate::read_back::{Piece, ReadBack};
use crate::row_plans::RowPlans;

/// DDL of a batch that is still in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DdlEntry {
    /// Table at the target that it concerns, without schema.
    pub table: String,
    /// Statements for PostgreSQL, in order.
    pub statements: Vec<String>,
}

/// What a batch did, in the order rows, then DDL.
#[derive(Debug, Default)]
pub struct Replayed {
    /// What became of its rows.
    pub applied: Applied,
    /// DDL entries executed.
    pub ddl: u64,
}

/// Replays one source's batches. Owns its session.
#[derive(Debug)]
pub struct Replayer {
    client: Client,
    applier: Applier,
    source: SourceRow,
}

impl Replayer {
    /// Takes over a session.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn new(
        client: Client,
        source: SourceRow,
        rules: MappingRules,
    ) -> Result<Self, TargetError> {
        Applier::prepare_session(&client).await?;
        let applier = Applier::new(source.dest_schema.clone(), rules);
        Ok(Self {
            client,
            applier,
            source,
        })
    }

    /// The session, for what has to be in the same transaction.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Applies a batch from memory. The transaction stays open: the caller adds what belongs to it
    /// (holds of failed tables) and ends it with [`Replayer::commit`].
    ///
    /// # Errors
    /// What concerns the whole batch; the transaction is rolled back.
    pub async fn apply_memory(
        &mut self,
        rows: &ChangeBuffer,
        ddl: &[DdlEntry],
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        execute(&self.client, "begin").await?;
        let outcome = self.memory(rows, ddl, policy).await;
        self.rolled_back(outcome).await
    }

    /// Applies a batch from the relay log; see [`Replayer::apply_memory`].
    ///
    /// # Errors
    /// What concerns the whole batch; the transaction is rolled back.
    pub async fn apply_log(
        &mut self,
        batch: &UnreplayedBatch,
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        execute(&self.client, "begin").await?;
        let outcome = self.log(batch, policy).await;
        self.rolled_back(outcome).await
    }

    /// Marks the batch as replayed and commits.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn commit(&mut self, batch: BatchId, done: &Replayed) -> Result<(), TargetError> {
        let counts = ReplayCounts {
            replayed: done.applied.changes,
            skipped: done.applied.skipped,
            ddl: done.ddl,
        };
        batches::mark_replayed(&self.client, batch, &counts).await?;
        execute(&self.client, "commit").await
    }

    /// Takes an open transaction back.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn rollback(&mut self) -> Result<(), TargetError> {
        self.applier.forget_tables();
        execute(&self.client, "rollback").await
    }

    async fn rolled_back(
        &mut self,
        outcome: Result<Replayed, TargetError>,
    ) -> Result<Replayed, TargetError> {
        if outcome.is_err() {
            // the first error is the one to report
            let _ = self.rollback().await;
        }
        outcome
    }

    async fn memory(
        &mut self,
        rows: &ChangeBuffer,
        ddl: &[DdlEntry],
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        let mut done = Replayed::default();
        if !rows.is_empty() {
            done.applied = self.applier.apply(&self.client, rows, policy).await?;
        }
        for ddl in ddl {
            self.ddl(&ddl.table, &ddl.statements.join(";\n"), policy, &mut done)
                .await?;
        }
        Ok(done)
    }

    async fn log(
        &mut self,
        batch: &UnreplayedBatch,
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        let schema = self.source.dest_schema.clone();
        let (tables, after) = (&self.source.log_tables, batch.replayed_through);
        let log = ReadBack::open(&self.client, tables, &schema, batch.id, after).await?;
        self.read(log, policy).await
    }

    /// Applies all that is read back.
    async fn read(
        &mut self,
        mut log: ReadBack,
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        let mut done = Replayed::default();
        loop {
            match log.next(&self.client).await? {
                Piece::End => break,
                Piece::Rows(rows) => {
                    let held = Without {
                        policy,
                        tables: done
                            .applied
                            .failures
                            .iter()
                            .map(|f| f.table.as_str())
                            .collect(),
                    };
                    let applied = self.applier.apply(&self.client, &rows, &held).await?;
                    done.applied.changes += applied.changes;
                    done.applied.skipped += applied.skipped;
                    done.applied.failures.extend(applied.failures);
                    done.applied.drift.extend(applied.drift);
                }
                Piece::Ddl { table, script } => {
                    self.ddl(&table, &script, policy, &mut done).await?;
                }
            }
        }
        log.close(&self.client).await?;
        Ok(done)
    }

    async fn ddl(
        &mut self,
        table: &str,
        script: &str,
        policy: &dyn ApplyPolicy,
        done: &mut Replayed,
    ) -> Result<(), TargetError> {
        if policy.strictness(table).is_none() {
            done.applied.skipped += 1;
            return Ok(());
        }
        match apply_ddl::run(&self.client, table, script).await? {
            None => done.ddl += 1,
            Some(error) => {
                done.applied.skipped += 1;
                let table = table.to_owned();
                done.applied.failures.push(TableFailure {
                    table,
                    error,
                    changes: 1,
                });
            }
        }
        self.applier.forget_tables();
        Ok(())
    }
}

/// Writes batches straight to the target's tables, with the position in the same transaction:
/// `apply: direct`. Owns its session.
#[derive(Debug)]
pub struct DirectWriter {
    replayer: Replayer,
    /// Sessions that share the work of large batches.
    helpers: Option<Helpers>,
    /// How rows of prepared transactions are kept; made when the first of them comes.
    plans: Option<RowPlans>,
    batch: BatchId,
    open: bool,
    /// The open transaction has written rows.
    written: bool,
}

impl DirectWriter {
    /// Takes over a session. `batch` is the source's open batch, which is moved in place.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn new(
        client: Client,
        source: SourceRow,
        rules: MappingRules,
        batch: BatchId,
    ) -> Result<Self, TargetError> {
        let replayer = Replayer::new(client, source, rules).await?;
        Ok(Self {
            replayer,
            helpers: None,
            plans: None,
            batch,
            open: false,
            written: false,
        })
    }

    /// Lets these sessions share the work of large batches; see `apply_workers`.
    ///
    /// # Errors
    /// A connection is lost.
    pub async fn share_with(&mut self, clients: Vec<Client>) -> Result<(), TargetError> {
        let (schema, rules) = self.replayer.applier.target();
        self.helpers = Some(Helpers::new(clients, schema, rules).await?);
        Ok(())
    }

    /// The session, for what has to be in the same transaction; call [`DirectWriter::begin`] first.
    pub fn client(&self) -> &Client {
        self.replayer.client()
    }

    /// The open batch.
    pub fn batch(&self) -> BatchId {
        self.batch
    }

    /// Opens the transaction unless it is open.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn begin(&mut self) -> Result<(), TargetError> {
        if !self.open {
            execute(self.client(), "begin").await?;
            self.open = true;
        }
        Ok(())
    }

    /// Applies rows and then DDL; durable only after [`DirectWriter::commit`]. May be called
    /// several times for one source transaction.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write(
        &mut self,
        rows: &ChangeBuffer,
        ddl: &[DdlEntry],
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        self.begin().await?;
        self.written = true;
        if !ddl.is_empty()
            && let Some(helpers) = &mut self.helpers
        {
            helpers.forget_tables();
        }
        self.replayer.memory(rows, ddl, policy).await
    }

    /// Applies rows that are all that the transaction writes; `end` is the position that
    /// [`DirectWriter::advance`] is told afterwards. Where sessions share the work, others may see
    /// a part of the rows for the moment of the commit.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write_whole(
        &mut self,
        rows: &ChangeBuffer,
        end: &SourcePosition,
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        self.begin().await?;
        let Replayer {
            client, applier, ..
        } = &mut self.replayer;
        match &mut self.helpers {
            Some(helpers) if !self.written && !rows.is_empty() => {
                self.written = true;
                let applied = helpers.apply(client, applier, rows, end, policy).await?;
                Ok(Replayed { applied, ddl: 0 })
            }
            _ => self.write(rows, &[], policy).await,
        }
    }

    /// Keeps the rows of a transaction that is prepared at the source under its name, as the relay
    /// would hold them. Durable only after [`DirectWriter::commit`]. A table whose rows cannot be
    /// encoded comes back as a failure.
    ///
    /// # Errors
    /// What concerns the whole transaction.
    pub async fn store_prepared(
        &mut self,
        xid: &str,
        buffer: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
        mapping: &Mapping,
    ) -> Result<Vec<TableFailure>, TargetError> {
        self.begin().await?;
        let (source, batch) = (&self.replayer.source, self.batch);
        let plans = self
            .plans
            .get_or_insert_with(|| RowPlans::new(source.dest_schema.clone(), mapping.clone()));
        let stored = Stored { source, batch, xid };
        store(&self.replayer.client, plans, &stored, buffer, policy).await
    }

    /// Applies what is kept under the name. It stays kept.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write_prepared(
        &mut self,
        xid: &str,
        policy: &dyn ApplyPolicy,
    ) -> Result<Replayed, TargetError> {
        self.begin().await?;
        self.written = true;
        let replayer = &mut self.replayer;
        let kept = read_back(&replayer.client, &replayer.source, xid).await?;
        replayer.read(kept, policy).await
    }

    /// Moves the open batch to `at` inside the transaction.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn advance(
        &mut self,
        at: &SourcePosition,
        last_event_micros: Option<i64>,
    ) -> Result<(), TargetError> {
        self.begin().await?;
        let (source, batch) = (self.replayer.source.id, self.batch);
        let advance = batches::Advance {
            source,
            batch,
            position: at,
            last_event_micros,
        };
        Ok(batches::advance(self.client(), &advance).await?)
    }

    /// Makes everything since [`DirectWriter::begin`] durable.
    ///
    /// # Errors
    /// What concerns the whole batch; nothing of it is stored then, unless the answer to COMMIT was
    /// lost, which a restart finds out from the catalog.
    pub async fn commit(&mut self) -> Result<(), TargetError> {
        if self.open {
            if let Some(helpers) = &mut self.helpers {
                let (client, source) = (&self.replayer.client, self.replayer.source.id);
                helpers.commit(source, self.batch).await?;
                helpers.take_note_back(client, source).await?;
            }
            execute(self.client(), "commit").await?;
            self.open = false;
            self.written = false;
        }
        Ok(())
    }

    /// Takes back everything since the last commit.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn rollback(&mut self) -> Result<(), TargetError> {
        if self.open {
            self.open = false;
            self.written = false;
            if let Some(helpers) = &mut self.helpers {
                helpers.rollback().await?;
            }
            self.replayer.rollback().await?;
        }
        Ok(())
    }
}
