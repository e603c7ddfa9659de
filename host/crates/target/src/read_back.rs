//! Rows read back from the relay log, or from what is kept of a prepared transaction.
//!
//! Needed after a restart and when the replay has fallen behind what fits in memory. A batch is
//! read through a cursor in bounded pieces, in the order in which it was written. Each piece is a
//! [`ChangeBuffer`] of [`CellForm::PgText`]: values in PostgreSQL's input syntax, one column per
//! column of the target table, absent where the relay's object does not name it.

use std::collections::HashMap;
use std::sync::Arc;

use chameleon_catalog::{BatchId, SCHEMA};
use chameleon_model::{
    Cell, CellForm, ChangeBuffer, ChangeRef, Column, ColumnType, Op, RowRef, TableName,
    TableSchema, TypeKind,
};
use chameleon_postgres::introspect::target_table;
use chameleon_postgres::{Client, quote_qualified};
use serde_json::value::RawValue;
use tokio_postgres::Row;

use crate::apply::execute;
use crate::error::TargetError;

/// Events fetched at a time.
const FETCH: u32 = 2_000;
/// Bytes of rows from which a piece is handed out before its last event.
const PIECE_BYTES: usize = 8 << 20;

/// What comes next in a batch.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Rows.
    Rows(ChangeBuffer),
    /// DDL for the target, as the relay holds it.
    Ddl { table: String, script: String },
    /// The batch has no more events.
    End,
}

/// Reader of one batch or prepared transaction, inside the caller's transaction.
pub(crate) struct ReadBack {
    /// Rows fetched and not looked at yet, last first.
    fetched: Vec<Row>,
    exhausted: bool,
    /// Versions known of this batch's tables.
    tables: HashMap<String, Arc<TableSchema>>,
    schema: String,
}

impl ReadBack {
    /// Opens the cursor over both log tables of the source.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub(crate) async fn open(
        client: &Client,
        log_tables: &[String; 2],
        schema: &str,
        batch: BatchId,
        after_event: Option<i64>,
    ) -> Result<Self, TargetError> {
        let after = after_event.unwrap_or(i64::MIN);
        let select = |table: &String| {
            let table = quote_qualified(SCHEMA, table);
            let batch = batch.0;
            format!(
                "select i_id_event, enm_binlog_event::text, v_table_name::text, \
                 jsb_event_data::text, jsb_event_update::text, t_query from {table} \
                 where i_id_batch = {batch} and i_id_event > {after}"
            )
        };
        let (first, second) = (select(&log_tables[0]), select(&log_tables[1]));
        let sql = format!("{first} union all {second} order by 1");
        Self::of(client, &sql, schema).await
    }

    /// Opens the cursor over a query for event id, kind, table, both images and script, in order.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub(crate) async fn of(
        client: &Client,
        query: &str,
        schema: &str,
    ) -> Result<Self, TargetError> {
        let sql = format!("declare relay_batch no scroll cursor for {query}");
        execute(client, &sql).await?;
        Ok(Self {
            fetched: Vec::new(),
            exhausted: false,
            tables: HashMap::new(),
            schema: schema.to_owned(),
        })
    }

    /// The next piece.
    ///
    /// # Errors
    /// [`TargetError::ReadBack`] where an event is not as this program writes it.
    pub(crate) async fn next(&mut self, client: &Client) -> Result<Piece, TargetError> {
        let mut buffer = ChangeBuffer::new(CellForm::PgText);
        loop {
            if self.fetched.is_empty() {
                self.fetch(client).await?;
            }
            let Some(row) = self.fetched.last() else {
                return Ok(if buffer.is_empty() {
                    Piece::End
                } else {
                    Piece::Rows(buffer)
                });
            };
            let event = Event::read(row)?;
            if event.kind == "ddl" {
                if !buffer.is_empty() {
                    return Ok(Piece::Rows(buffer));
                }
                let table = event.table.clone();
                let script = event.query.unwrap_or_default();
                self.fetched.pop();
                self.tables.clear();
                return Ok(Piece::Ddl { table, script });
            }
            let version = self.version(client, &event.table).await?;
            append(&mut buffer, &version, &event)?;
            self.fetched.pop();
            if buffer.bytes() >= PIECE_BYTES {
                return Ok(Piece::Rows(buffer));
            }
        }
    }

    /// Closes the cursor.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub(crate) async fn close(self, client: &Client) -> Result<(), TargetError> {
        execute(client, "close relay_batch").await
    }

    async fn fetch(&mut self, client: &Client) -> Result<(), TargetError> {
        if self.exhausted {
            return Ok(());
        }
        let sql = format!("fetch {FETCH} from relay_batch");
        let rows = client
            .query(&sql, &[])
            .await
            .map_err(|error| TargetError::Apply {
                table: "relay log".into(),
                source: (&error).into(),
            })?;
        self.exhausted = rows.len() < FETCH as usize;
        self.fetched = rows;
        self.fetched.reverse();
        Ok(())
    }

    /// The target table's columns as a table version, for cells that are text already.
    async fn version(
        &mut self,
        client: &Client,
        table: &str,
    ) -> Result<Arc<TableSchema>, TargetError> {
        if let Some(version) = self.tables.get(table) {
            return Ok(Arc::clone(version));
        }
        let found = target_table(client, &self.schema, table).await?;
        // a table that is gone takes its rows with it: they meet a version without columns, and
        // applying them reports the table as missing
        let columns = found.map(|f| f.columns).unwrap_or_default();
        let version = Arc::new(TableSchema::new(
            TableName::new(self.schema.as_str(), table),
            columns
                .into_iter()
                .filter(|c| !c.generated)
                .map(|c| {
                    Column::new(
                        c.name,
                        ColumnType::new(TypeKind::Unknown, "relayed"),
                        c.nullable,
                    )
                })
                .collect(),
        ));
        self.tables.insert(table.to_owned(), Arc::clone(&version));
        Ok(version)
    }
}

/// One event of the log.
struct Event {
    id: i64,
    kind: String,
    table: String,
    data: Option<String>,
    update: Option<String>,
    query: Option<String>,
}

impl Event {
    fn read(row: &Row) -> Result<Self, TargetError> {
        let bad = |error: &tokio_postgres::Error| TargetError::ReadBack {
            object: "an event".into(),
            reason: chameleon_postgres::Failure::from(error)
                .message()
                .to_owned(),
        };
        Ok(Self {
            id: row.try_get(0).map_err(|e| bad(&e))?,
            kind: row.try_get(1).map_err(|e| bad(&e))?,
            table: row.try_get(2).map_err(|e| bad(&e))?,
            data: row.try_get(3).map_err(|e| bad(&e))?,
            update: row.try_get(4).map_err(|e| bad(&e))?,
            query: row.try_get(5).map_err(|e| bad(&e))?,
        })
    }

    fn bad(&self, reason: impl Into<String>) -> TargetError {
        TargetError::ReadBack {
            object: format!("event {}", self.id),
            reason: reason.into(),
        }
    }
}

/// Appends the event's images as a change.
fn append(
    buffer: &mut ChangeBuffer,
    version: &Arc<TableSchema>,
    event: &Event,
) -> Result<(), TargetError> {
    let data = event
        .data
        .as_deref()
        .ok_or_else(|| event.bad("it has no row"))?;
    let (op, after, before) = match event.kind.as_str() {
        "insert" => (Op::Insert, Some(data), None),
        "delete" => (Op::Delete, None, Some(data)),
        "update" => {
            let before = event.update.as_deref();
            (
                Op::Update,
                Some(data),
                Some(before.ok_or_else(|| event.bad("it has no old row"))?),
            )
        }
        other => return Err(event.bad(format!("its kind is {other}"))),
    };
    let table = buffer.table_number(version);
    let before = before
        .map(|text| image(buffer, version, event, text))
        .transpose()?;
    let after = after
        .map(|text| image(buffer, version, event, text))
        .transpose()?;
    buffer.push_change(ChangeRef {
        table,
        op,
        before,
        after,
    });
    Ok(())
}

/// Appends one image: each column of the version by its name in the object.
fn image(
    buffer: &mut ChangeBuffer,
    version: &TableSchema,
    event: &Event,
    text: &str,
) -> Result<RowRef, TargetError> {
    let object: HashMap<String, &RawValue> =
        serde_json::from_str(text).map_err(|error| event.bad(error.to_string()))?;
    if let Some(name) = object
        .keys()
        .find(|name| !version.columns.iter().any(|c| c.name == **name))
        && !version.columns.is_empty()
    {
        return Err(TargetError::Shape {
            table: format!("{}.{}", version.name.schema, version.name.name),
            reason: format!("column {name} does not exist at the target"),
        });
    }
    let row = buffer.begin_row();
    for column in &version.columns {
        let cell = match object.get(&column.name).map(|raw| raw.get()) {
            None => Cell::Absent,
            Some("null") => Cell::Null,
            Some(raw) if raw.starts_with('"') => {
                let text: String =
                    serde_json::from_str(raw).map_err(|error| event.bad(error.to_string()))?;
                Cell::Text(buffer.put(text.as_bytes()))
            }
            Some(raw) => Cell::Text(buffer.put(raw.as_bytes())),
        };
        buffer.push_cell(cell);
    }
    Ok(row)
}
