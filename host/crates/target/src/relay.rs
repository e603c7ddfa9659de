//! Writes batches to the source's relay log.
//!
//! Rows go by binary COPY into the log table that is being written; position, flags and whatever
//! the caller adds to the transaction commit together with them, so a crash repeats nothing and
//! loses nothing. A source transaction larger than a buffer is written in parts and committed at
//! its end. Values are written in the input syntax of the column that will take them: the type
//! found at the target, or, where DDL that changes it is still waiting in the relay, the type that
//! this DDL will give it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chameleon_catalog::batches::{self, Advance, Close};
use chameleon_catalog::{BatchId, SourceRow};
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{CellForm, ChangeBuffer, ChangeRef, Op, SourcePosition, TableSchema};
use chameleon_postgres::introspect::{FoundColumn, FoundTable, target_table};
use chameleon_postgres::{BinaryCopy, Client, quote_qualified};

use crate::apply::{ApplyPolicy, TableFailure, applied_name};
use crate::clock::EventClock;
use crate::error::TargetError;
use crate::json;
use crate::table::ApplyTable;

/// Columns of a log table that a COPY fills; the event id comes from the sequence.
const COLUMNS: &str = "i_id_batch, v_table_name, v_schema_name, enm_binlog_event, t_binlog_name, \
     i_binlog_position, ts_event_datetime, jsb_event_data, jsb_event_update, t_query";
/// How many they are.
const COLUMN_COUNT: usize = 10;

/// Writer of one source's relay log. Owns its session: nothing else may use the client while a
/// transaction of the writer is open.
#[derive(Debug)]
pub struct RelayWriter {
    client: Client,
    source: SourceRow,
    mapping: Mapping,
    batch: BatchId,
    clock: EventClock,
    tables: HashMap<String, PlannedTable>,
    /// A transaction is open.
    open: bool,
    /// Rows and bytes written in the open transaction.
    written: Written,
    json: String,
}

/// What the open transaction has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Events.
    pub events: u64,
    /// Bytes of JSON.
    pub bytes: u64,
}

#[derive(Debug)]
struct PlannedTable {
    version: Arc<TableSchema>,
    found: FoundTable,
    table: ApplyTable,
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
        Ok(Self {
            client,
            source,
            mapping,
            batch,
            clock,
            tables: HashMap::new(),
            open: false,
            written: Written::default(),
            json: String::new(),
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

    /// What the open transaction has written; nothing where none is open.
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
        let mut failures: Vec<TableFailure> = Vec::new();
        let mut left_out: HashSet<u32> = HashSet::new();
        let mut names = Vec::with_capacity(buffer.tables().len());
        for (number, version) in (0u32..).zip(buffer.tables()) {
            let name = applied_name(CellForm::Source, version);
            if policy.strictness(&name).is_none() {
                left_out.insert(number);
            } else if let Err(error) = self.plan(version, &name).await {
                if !error.is_of_one_table() {
                    return Err(error);
                }
                left_out.insert(number);
                failures.push(TableFailure {
                    table: name.clone(),
                    error,
                    changes: 0,
                });
            }
            names.push(name);
        }
        let statement = self.copy_statement();
        let mut copy = BinaryCopy::start(&self.client, &statement, COLUMN_COUNT).await?;
        for change in buffer.changes() {
            if left_out.contains(&change.table) {
                continue;
            }
            let name = &names[change.table as usize];
            match self.write_change(&mut copy, buffer, change, name) {
                Ok(()) => {}
                Err(error) if error.is_of_one_table() => {
                    left_out.insert(change.table);
                    failures.push(TableFailure {
                        table: name.clone(),
                        error,
                        changes: 1,
                    });
                }
                Err(error) => return Err(error),
            }
            if copy.is_full() {
                copy.drain().await?;
            }
        }
        copy.finish().await?;
        Ok(failures)
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
        let (batch, schema) = (self.batch, self.source.dest_schema.clone());
        copy.row_with(|out| {
            head(out, batch, table, &schema, b"ddl", moment);
            null(out);
            null(out);
            bytes(out, script.as_bytes());
            Ok::<(), TargetError>(())
        })?;
        copy.finish().await?;
        self.written.events += 1;
        Ok(())
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

    fn write_change(
        &mut self,
        copy: &mut BinaryCopy,
        buffer: &ChangeBuffer,
        change: &ChangeRef,
        name: &str,
    ) -> Result<(), TargetError> {
        let Some(planned) = self.tables.get(name) else {
            return Ok(());
        };
        let (first, second) = match change.op {
            Op::Insert => (buffer.after(change), None),
            Op::Update => (buffer.after(change), buffer.before(change)),
            Op::Delete => (buffer.before(change), None),
        };
        self.json.clear();
        json::write_object(
            &planned.table,
            buffer,
            first.unwrap_or_default(),
            &mut self.json,
        )?;
        let split = self.json.len();
        if let Some(second) = second {
            json::write_object(&planned.table, buffer, second, &mut self.json)?;
        }
        let (data, update) = self.json.split_at(split);
        let word: &[u8] = match change.op {
            Op::Insert => b"insert",
            Op::Update => b"update",
            Op::Delete => b"delete",
        };
        let moment = self.clock.next();
        let (batch, schema) = (self.batch, &self.source.dest_schema);
        copy.row_with(|out| {
            head(out, batch, name, schema, word, moment);
            jsonb(out, data);
            if update.is_empty() {
                null(out)
            } else {
                jsonb(out, update)
            }
            null(out);
            Ok::<(), TargetError>(())
        })?;
        self.written.events += 1;
        self.written.bytes += self.json.len() as u64;
        Ok(())
    }

    /// Plans how rows of that version are written, unless it is planned.
    async fn plan(&mut self, version: &Arc<TableSchema>, name: &str) -> Result<(), TargetError> {
        let before = self.tables.get(name);
        if before.is_some_and(|p| Arc::ptr_eq(&p.version, version)) {
            return Ok(());
        }
        let old = before.map(|p| Arc::clone(&p.version));
        let found = match before {
            Some(planned) => Some(planned.found.clone()),
            None => target_table(&self.client, &self.source.dest_schema, name).await?,
        };
        self.mapping.learn([&**version]);
        let found = expected_table(version, old.as_deref(), found, &self.mapping);
        let table = ApplyTable::plan(version, &found, &self.mapping.rules, CellForm::Source)?;
        let planned = PlannedTable {
            version: Arc::clone(version),
            found,
            table,
        };
        self.tables.insert(name.to_owned(), planned);
        Ok(())
    }
}

/// The target's table as it will be when the rows of this version are replayed: a column of
/// unchanged name and type as it is found, any other as our own DDL makes it.
fn expected_table(
    version: &TableSchema,
    old: Option<&TableSchema>,
    found: Option<FoundTable>,
    mapping: &Mapping,
) -> FoundTable {
    let mapped = mapping.target_table(version);
    let columns = mapped
        .columns
        .iter()
        .map(|column| {
            let unchanged = old.is_none_or(|old| {
                let before = version.columns.get(column.source_index);
                old.columns
                    .iter()
                    .any(|c| before.is_some_and(|b| b.name == c.name && b.ty == c.ty))
            });
            let there = found
                .as_ref()
                .and_then(|f| f.column(&column.name))
                .filter(|_| unchanged);
            there.cloned().unwrap_or_else(|| FoundColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                nullable: column.nullable,
                identity: column.identity,
                generated: false,
            })
        })
        .collect();
    FoundTable {
        schema: mapped.schema,
        name: mapped.name,
        columns,
        primary_key: Vec::new(),
        primary_key_name: None,
        unique_indexes: Vec::new(),
    }
}

/// The first seven fields of an event.
fn head(out: &mut Vec<u8>, batch: BatchId, table: &str, schema: &str, event: &[u8], moment: i64) {
    bytes(out, &batch.0.to_be_bytes());
    bytes(out, table.as_bytes());
    bytes(out, schema.as_bytes());
    bytes(out, event);
    // file and offset of an event are read by nobody; the batch holds the position
    null(out);
    null(out);
    bytes(out, &moment.to_be_bytes());
}

fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

fn jsonb(out: &mut Vec<u8>, text: &str) {
    let length = i32::try_from(text.len() + 1).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.push(1);
    out.extend_from_slice(text.as_bytes());
}

fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}
