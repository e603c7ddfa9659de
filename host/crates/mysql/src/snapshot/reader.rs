//! Reading of chunks.

use std::collections::HashMap;
use std::sync::Arc;

use chameleon_model::{ChangeBuffer, ChangeRef, Op, SourcePosition, TableName, TableSchema};
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, QueryResult};

use super::Chunk;
use super::cells::ReadPlan;
use super::key::WalkKey;
use super::mark::{Marks, Span};
use super::plan::from;
use crate::rows::{quote, quote_ident};
use crate::{SourceConn, SourceError};

/// Rows that are read in one go before the clock is looked at.
const ROWS_AT_ONCE: usize = 1024;

/// Most bytes that a buffer may be filled to; spans address 4 GiB, and one row may take a quarter.
const MAX_FILL_BYTES: usize = 2 << 30;

/// Error numbers: no such table, no such column, table definition has changed.
const CHANGED: [u16; 3] = [1146, 1054, 1412];

/// Error number for a hint that names an index the optimiser may not use.
const NO_SUCH_KEY: u16 = 1176;

/// One connection of a snapshot. Dropping it ends its transaction.
#[derive(Debug)]
pub struct SnapshotReader {
    conn: SourceConn,
    /// The point of all rows; `None` where every chunk has its own.
    point: Option<SourcePosition>,
    marks: Arc<Marks>,
    /// Whether the engine of a table knows transactions.
    transactional: HashMap<TableName, bool>,
    /// Statement that gives back what the last chunk holds; empty where nothing is held.
    release: &'static str,
}

/// The rows of one chunk, as they come.
#[derive(Debug)]
pub struct ChunkRows<'a> {
    reader: &'a mut SnapshotReader,
    table: Arc<TableSchema>,
    plan: ReadPlan,
    span: Span,
    /// Session that holds the lock on a table without transactions.
    lock: Option<SourceConn>,
    /// The table is read without transaction and without lock: high is known at the end only.
    unlocked: bool,
    done: bool,
    rows: u64,
}

impl SnapshotReader {
    pub(super) fn new(conn: SourceConn, point: Option<SourcePosition>, marks: Arc<Marks>) -> Self {
        Self {
            conn,
            point,
            marks,
            transactional: HashMap::new(),
            release: "",
        }
    }

    /// Begins to read a chunk.
    ///
    /// By chunks this opens a snapshot of its own, and the transaction before ends. Errors: SRC051
    /// where the table is not what `table` says, SRC050 where a lock is needed and not granted.
    pub async fn begin(
        &mut self,
        table: &Arc<TableSchema>,
        chunk: &Chunk,
    ) -> Result<ChunkRows<'_>, SourceError> {
        self.give_back().await?;
        let plan = ReadPlan::new(table)?;
        let select = select(table, chunk)?;
        if self.point.is_some() {
            // before anything that takes a lock on the table's definition
            self.conn.run("begin the chunk", "savepoint chunk").await?;
            self.release = "rollback to savepoint chunk";
        }
        match self.start(table, &select).await {
            Ok((span, lock, unlocked)) => Ok(ChunkRows {
                reader: self,
                table: Arc::clone(table),
                plan,
                span,
                lock,
                unlocked,
                done: false,
                rows: 0,
            }),
            Err(error) => {
                // the error that stopped the chunk is the one to tell
                let _ = self.give_back().await;
                Err(error)
            }
        }
    }

    /// Opens what the chunk is read in and sends the SELECT. Gives its positions, the session that
    /// holds a lock for it, and whether it is read without any.
    async fn start(
        &mut self,
        table: &TableSchema,
        select: &Select,
    ) -> Result<(Span, Option<SourceConn>, bool), SourceError> {
        let mut lock = None;
        let mut unlocked = false;
        let span = if self.is_transactional(table).await? {
            self.snapshot(table).await?
        } else {
            lock = self.marks.lock(table).await?;
            unlocked = lock.is_none();
            let session = lock.as_mut().unwrap_or(&mut self.conn);
            let position = session.current_position().await?;
            Span {
                low: position.clone(),
                high: position,
            }
        };
        self.execute(table, select).await?;
        Ok((span, lock, unlocked))
    }

    /// Ends what the chunk before holds: its snapshot, or its lock on the table's definition.
    async fn give_back(&mut self) -> Result<(), SourceError> {
        if self.release.is_empty() {
            return Ok(());
        }
        let release = std::mem::take(&mut self.release);
        self.conn.run("end the chunk", release).await
    }

    async fn snapshot(&mut self, table: &TableSchema) -> Result<Span, SourceError> {
        if let Some(point) = &self.point {
            return Ok(Span {
                low: point.clone(),
                high: point.clone(),
            });
        }
        self.release = "rollback";
        self.marks.snapshot(&mut self.conn, table).await
    }

    async fn is_transactional(&mut self, table: &TableSchema) -> Result<bool, SourceError> {
        if let Some(&known) = self.transactional.get(&table.name) {
            return Ok(known);
        }
        let sql = format!(
            "select e.transactions as transactions from information_schema.tables t \
             left join information_schema.engines e on e.engine = t.engine \
             where t.table_schema = {} and t.table_name = {}",
            quote(&table.name.schema),
            quote(&table.name.name)
        );
        let rows = self.conn.rows("look for the table", &sql).await?;
        let row = rows.first().ok_or_else(|| SourceError::TableChanged {
            table: table.name.clone(),
            reason: "it is not there".to_owned(),
        })?;
        let yes = row.text("transactions") == Some("YES");
        self.transactional.insert(table.name.clone(), yes);
        Ok(yes)
    }

    /// Sends the SELECT; its rows wait in the connection until they are read.
    async fn execute(&mut self, table: &TableSchema, select: &Select) -> Result<(), SourceError> {
        let error = match self.send(&select.with_hint()).await {
            Err(error) if error.errno() == Some(NO_SUCH_KEY) => {
                self.send(&select.without_hint()).await.err()
            }
            sent => sent.err(),
        };
        match error {
            None => Ok(()),
            Some(error) => Err(changed(error, table)),
        }
    }

    async fn send(&mut self, sql: &str) -> Result<(), SourceError> {
        let (address, limit) = (self.conn.address.clone(), self.conn.read_timeout);
        let work = async {
            self.conn.conn.exec_iter(sql, ()).await?;
            Ok(())
        };
        SourceConn::answer("read the rows", &address, limit, work).await
    }
}

/// A SELECT with and without its index hint.
struct Select {
    columns: String,
    from: String,
    hint: String,
    condition: String,
}

impl Select {
    fn with_hint(&self) -> String {
        let (columns, from) = (&self.columns, &self.from);
        format!(
            "select {columns} from {from}{}{}",
            self.hint, self.condition
        )
    }

    fn without_hint(&self) -> String {
        format!(
            "select {} from {}{}",
            self.columns, self.from, self.condition
        )
    }
}

/// The SELECT for a chunk. Errors: SRC051 where the chunk was planned for another key.
fn select(table: &TableSchema, chunk: &Chunk) -> Result<Select, SourceError> {
    let mut select = Select {
        columns: ReadPlan::select_list(table),
        from: from(table),
        hint: String::new(),
        condition: String::new(),
    };
    if chunk.after.is_none() && chunk.to.is_none() {
        return Ok(select);
    }
    let other_key = || SourceError::TableChanged {
        table: table.name.clone(),
        reason: "the chunk was planned for another key".to_owned(),
    };
    let key = WalkKey::of(table).ok_or_else(other_key)?;
    let mut conditions = Vec::new();
    if let Some(after) = &chunk.after {
        conditions.push(key.above(table, after).ok_or_else(other_key)?);
    }
    if let Some(to) = &chunk.to {
        conditions.push(key.up_to(table, to).ok_or_else(other_key)?);
    }
    select.hint = format!(" force index ({})", quote_ident(&key.index));
    select.condition = format!(" where {}", conditions.join(" and "));
    Ok(select)
}

/// An error that means that the table is no longer what it was.
fn changed(error: SourceError, table: &TableSchema) -> SourceError {
    match error.errno() {
        Some(errno) if CHANGED.contains(&errno) => SourceError::TableChanged {
            table: table.name.clone(),
            reason: format!("the source answers with error {errno}"),
        },
        _ => error,
    }
}

impl ChunkRows<'_> {
    /// Appends rows as [`Op::Insert`] until `into` holds `max_bytes` or the chunk ends; `true` means
    /// that more are to come.
    ///
    /// At least one row is appended where there is one, so a row larger than `max_bytes` passes.
    /// After an error the rows appended before it are whole, and the chunk has to begin anew. Not
    /// cancel safe. Errors: SRC001, SRC051, SRC052.
    pub async fn fill(
        &mut self,
        into: &mut ChangeBuffer,
        max_bytes: usize,
    ) -> Result<bool, SourceError> {
        let number = into.table_number(&self.table);
        let max_bytes = max_bytes.min(MAX_FILL_BYTES);
        let (address, limit) = (
            self.reader.conn.address.clone(),
            self.reader.conn.read_timeout,
        );
        while !self.done {
            let work = self.some_rows(into, number, max_bytes);
            let read = SourceConn::answer("read the rows", &address, limit, work).await;
            read.map_err(|e| changed(e, &self.table))??;
            if into.bytes() >= max_bytes {
                break;
            }
        }
        if self.done {
            self.end().await?;
        }
        Ok(!self.done)
    }

    /// Reads up to [`ROWS_AT_ONCE`] rows.
    async fn some_rows(
        &mut self,
        into: &mut ChangeBuffer,
        table: u32,
        max_bytes: usize,
    ) -> Result<Result<(), SourceError>, mysql_async::Error> {
        let conn = &mut self.reader.conn.conn;
        // takes up the rows that the connection still has to give
        let mut result = QueryResult::<BinaryProtocol>::new(conn);
        for _ in 0..ROWS_AT_ONCE {
            // rows that have arrived must not keep whoever stores them from going on
            tokio::task::consume_budget().await;
            let Some(row) = result.next().await? else {
                self.done = true;
                break;
            };
            let mark = into.mark();
            let image = into.begin_row();
            if let Err(error) = self.plan.push_row(&row, into) {
                into.truncate(mark);
                return Ok(Err(error));
            }
            into.push_change(ChangeRef {
                table,
                op: Op::Insert,
                before: None,
                after: Some(image),
            });
            self.rows += 1;
            if into.bytes() >= max_bytes {
                break;
            }
        }
        Ok(Ok(()))
    }

    /// Gives back what the chunk held. Called again it does nothing.
    async fn end(&mut self) -> Result<(), SourceError> {
        self.reader.give_back().await?;
        if std::mem::take(&mut self.unlocked) {
            self.span.high = self.reader.conn.current_position().await?;
        }
        if let Some(mut lock) = self.lock.take() {
            lock.run("unlock the table", "unlock tables").await?;
            lock.close().await;
        }
        Ok(())
    }

    /// Every change up to here is in the rows.
    ///
    /// [`super::Method::Locked`]: the snapshot's position, but for a table whose engine knows no
    /// transactions, which is read later, under a lock of its own. GTIDs are given for the
    /// snapshot's position only.
    pub fn low(&self) -> &SourcePosition {
        &self.span.low
    }

    /// No change after here is in the rows. Between low and high a change may or may not be in them.
    ///
    /// Known once [`ChunkRows::fill`] has said that no more rows are to come. It differs from low on
    /// MySQL by chunks only, and there not for a table without key if its lock was granted.
    pub fn high(&self) -> &SourcePosition {
        &self.span.high
    }

    /// Rows read so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }
}
