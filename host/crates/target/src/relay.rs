//! Writes batches to the source's relay log.
//!
//! Rows go by binary COPY into the log table that is being written; position, flags and whatever
//! the caller adds to the transaction commit together with them, so a crash repeats nothing and
//! loses nothing. A source transaction larger than a buffer is written in parts and committed at
//! its end. Values are written in the input syntax of the column that will take them: the type
//! found at the target, or, where DDL that changes it is still waiting in the relay, the type that
//! this DDL will give it.

use chameleon_catalog::batches::{self, Advance, Close};
use chameleon_catalog::prepared::{self, Commit};
use chameleon_catalog::{BatchId, SourceRow};
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, SourcePosition};
use chameleon_postgres::{BinaryCopy, Client, quote_qualified};

use crate::apply::{ApplyPolicy, TableFailure};
use crate::clock::EventClock;
use crate::error::TargetError;
use crate::prepared::{Stored, store};
use crate::row_plans::{RowPlans, RowsCopy, Written, bytes, null};

/// Columns of a log table that a COPY fills; the event id comes from the sequence.
const COLUMNS: &str = "i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name, \
     i_binlog_position, ts_event_datetime, t_query, jsb_event_data, jsb_event_update";
/// How many they are.
const COLUMN_COUNT: usize = 10;

/// Writer of one source's relay log. Owns its session: nothing else may use the client while a
/// transaction of the writer is open.
#[derive(Debug)]
pub struct RelayWriter {
    client: Client,
    source: SourceRow,
    plans: RowPlans,
    batch: BatchId,
    clock: EventClock,
    /// A transaction is open.
    open: bool,
    /// Rows and bytes written in the open transaction.
    written: Written,
}

impl RelayWriter {
    /// Takes over a session. `batch` is the source's open batch.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn new(
        client: Client,
        source: SourceRow,
        mapping: Mapping,
        batch: BatchId,
    ) -> Result<Self, TargetError> {
        let clock = EventClock::open(&client).await?;
        let mut plans = RowPlans::new(source.dest_schema.clone(), mapping);
        for table in waiting_ddl(&client, &source).await? {
            plans.note_ddl(&table);
        }
        Ok(Self {
            client,
            plans,
            source,
            batch,
            clock,
            open: false,
            written: Written::default(),
        })
    }

    /// The session, for what has to be in the same transaction; call [`RelayWriter::begin`] first.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The open batch, to which rows are being written.
    pub fn batch(&self) -> BatchId {
        self.batch
    }

    /// What the open transaction has written to the log; nothing where none is open.
    pub fn written(&self) -> Written {
        if self.open {
            self.written
        } else {
            Written::default()
        }
    }

    /// Opens the transaction unless it is open.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn begin(&mut self) -> Result<(), TargetError> {
        if !self.open {
            self.client
                .batch_execute("begin")
                .await
                .map_err(|e| self.relay_error(&e))?;
            self.open = true;
            self.written = Written::default();
        }
        Ok(())
    }

    /// Writes rows; durable only after [`RelayWriter::commit`]. Tables for which the policy has no
    /// strictness are left out. A table whose rows cannot be encoded comes back as a failure: its
    /// rows from there on are left out, the others are written.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write(
        &mut self,
        buffer: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
    ) -> Result<Vec<TableFailure>, TargetError> {
        self.begin().await?;
        let statement = self.copy_statement();
        let into = RowsCopy {
            client: &self.client,
            statement: &statement,
            columns: COLUMN_COUNT,
        };
        let (clock, batch, schema) = (&mut self.clock, self.batch, &self.source.dest_schema);
        let lead = |out: &mut Vec<u8>, table: &str, word: &[u8]| {
            let event = Head {
                batch,
                table,
                schema,
                word,
            };
            event.write(out, clock.next(), None);
        };
        let copied = self.plans.copy(&into, buffer, policy, lead).await?;
        self.written.events += copied.written.events;
        self.written.bytes += copied.written.bytes;
        Ok(copied.failures)
    }

    /// Writes DDL for the target as one event behind the rows written so far.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write_ddl(
        &mut self,
        table: &str,
        statements: &[String],
    ) -> Result<(), TargetError> {
        self.begin().await?;
        let statement = self.copy_statement();
        let mut copy = BinaryCopy::start(&self.client, &statement, COLUMN_COUNT).await?;
        let script = statements.join(";\n");
        let moment = self.clock.next();
        let (batch, schema) = (self.batch, &*self.source.dest_schema);
        let event = Head {
            batch,
            table,
            schema,
            word: b"ddl",
        };
        copy.row_with(|out| {
            event.write(out, moment, Some(&script));
            null(out);
            null(out);
            Ok::<(), TargetError>(())
        })?;
        copy.finish().await?;
        self.plans.note_ddl(table);
        self.written.events += 1;
        Ok(())
    }

    /// Keeps the rows of a transaction that is prepared at the source under its name, behind what is
    /// kept under it already. They are no part of the batch. Otherwise as [`RelayWriter::write`].
    ///
    /// # Errors
    /// What concerns the whole transaction.
    pub async fn store_prepared(
        &mut self,
        xid: &str,
        buffer: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
    ) -> Result<Vec<TableFailure>, TargetError> {
        self.begin().await?;
        let (source, batch) = (&self.source, self.batch);
        let stored = Stored { source, batch, xid };
        store(&self.client, &mut self.plans, &stored, buffer, policy).await
    }

    /// Writes what is kept under the name, `changes` rows of these tables, to the batch, behind the
    /// rows written so far. It stays kept.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn write_prepared(
        &mut self,
        xid: &str,
        tables: &[&str],
        changes: u64,
    ) -> Result<u64, TargetError> {
        self.begin().await?;
        let commit = Commit {
            source: self.source.id,
            xid,
            batch: self.batch,
            log_table: &self.source.log_tables[0],
            tables,
            first_moment: self.clock.take(changes),
        };
        let written = prepared::to_log(&self.client, &commit).await?;
        self.written.events += written;
        Ok(written)
    }

    /// Ends the batch inside the transaction and opens the next one at position `at`, whose id is
    /// returned. Everything becomes durable together at [`RelayWriter::commit`].
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn close(
        &mut self,
        at: &SourcePosition,
        last_event_micros: Option<i64>,
    ) -> Result<BatchId, TargetError> {
        self.begin().await?;
        let close = Close {
            source: self.source.id,
            batch: self.batch,
            next: at,
            rows: self.written.events,
            last_event_micros,
        };
        self.batch = batches::close(&self.client, &close).await?;
        Ok(self.batch)
    }

    /// Moves the open batch on inside the transaction, where it has no rows.
    ///
    /// # Errors
    /// What concerns the whole batch.
    pub async fn advance(
        &mut self,
        at: &SourcePosition,
        last_event_micros: Option<i64>,
    ) -> Result<(), TargetError> {
        self.begin().await?;
        let (source, batch) = (self.source.id, self.batch);
        let advance = Advance {
            source,
            batch,
            position: at,
            last_event_micros,
        };
        Ok(batches::advance(&self.client, &advance).await?)
    }

    /// Makes everything since [`RelayWriter::begin`] durable.
    ///
    /// # Errors
    /// What concerns the whole batch; nothing of it is stored then, unless the answer to COMMIT was
    /// lost, which a restart finds out from the catalog.
    pub async fn commit(&mut self) -> Result<(), TargetError> {
        if self.open {
            self.client
                .batch_execute("commit")
                .await
                .map_err(|e| self.relay_error(&e))?;
            self.open = false;
        }
        Ok(())
    }

    /// Takes back everything since the last commit.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn rollback(&mut self) -> Result<(), TargetError> {
        if self.open {
            self.client
                .batch_execute("rollback")
                .await
                .map_err(|e| self.relay_error(&e))?;
            self.open = false;
        }
        Ok(())
    }

    /// Log tables were swapped: the next batch goes to this one.
    pub fn set_log_tables(&mut self, log_tables: [String; 2]) {
        self.source.log_tables = log_tables;
    }

    fn copy_statement(&self) -> String {
        let table = quote_qualified(chameleon_catalog::SCHEMA, &self.source.log_tables[0]);
        format!("copy {table} ({COLUMNS}) from stdin (format binary)")
    }

    fn relay_error(&self, error: &tokio_postgres::Error) -> TargetError {
        TargetError::Relay {
            log_table: self.source.log_tables[0].clone(),
            source: error.into(),
        }
    }
}

/// What an event begins with.
struct Head<'a> {
    batch: BatchId,
    table: &'a str,
    schema: &'a str,
    word: &'a [u8],
}

impl Head<'_> {
    /// Writes the fields before the images, the script too, where it is DDL.
    fn write(&self, out: &mut Vec<u8>, moment: i64, script: Option<&str>) {
        bytes(out, &self.batch.0.to_be_bytes());
        bytes(out, self.table.as_bytes());
        bytes(out, self.schema.as_bytes());
        bytes(out, self.word);
        // file and offset of an event are read by nobody; the batch holds the position
        null(out);
        null(out);
        bytes(out, &moment.to_be_bytes());
        match script {
            Some(script) => bytes(out, script.as_bytes()),
            None => null(out),
        }
    }
}

/// Tables whose DDL is in the relay and not replayed.
async fn waiting_ddl(client: &Client, source: &SourceRow) -> Result<Vec<String>, TargetError> {
    let parts: Vec<String> = source
        .log_tables
        .iter()
        .map(|table| {
            let log = quote_qualified(chameleon_catalog::SCHEMA, table);
            format!(
                "select l.v_table_name::text from {log} l join sch_chameleon.t_replica_batch b \
                     on b.i_id_batch = l.i_id_batch \
                  where l.enm_binlog_event = 'ddl' and not b.b_replayed"
            )
        })
        .collect();
    let rows = client
        .query(&parts.join(" union "), &[])
        .await
        .map_err(|error| TargetError::Relay {
            log_table: source.log_tables[0].clone(),
            source: (&error).into(),
        })?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}
