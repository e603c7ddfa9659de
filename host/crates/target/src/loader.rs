//! Writes the rows of a snapshot: binary COPY into a schema that is being built.
//!
//! Tables are made without keys in a schema of their own beside the one in use, loaded, given their
//! keys and indexes, and swapped in by one transaction. Rows of a chunk and the mark that the chunk
//! is done commit together, so a killed copy goes on at the next chunk. A chunk is one COPY, as
//! each costs the server more than a millisecond. Where PostgreSQL refuses one of its rows, the
//! chunk is loaded again in smaller parts; the row is found by halving the COPY of its part and
//! reported, and the rest is stored.

use std::ops::Range;
use std::sync::Arc;

use chameleon_ddl::mapping::Mapping;
use chameleon_ddl::render::{self, CreatePlan};
use chameleon_model::name::{quote_ident, target_name};
use chameleon_model::{CellForm, ChangeBuffer, MappingRules, TableSchema};
use chameleon_postgres::{ArrayParam, BinaryCopy, Client, Failure};

use crate::apply::execute;
use crate::error::TargetError;
use crate::sets;
use crate::statements::Kind;
use crate::table::ApplyTable;

/// Name of the schema in which the tables of `dest` are built.
pub fn build_schema(dest: &str) -> String {
    target_name(&format!("_{dest}_building"))
}

/// Makes an empty schema, in place of one that an earlier attempt left.
///
/// # Errors
/// What PostgreSQL says: usually that the right to create schemas is missing.
pub async fn create_schema(client: &Client, schema: &str) -> Result<(), TargetError> {
    let schema = quote_ident(schema);
    run(
        client,
        &schema,
        &format!("drop schema if exists {schema} cascade; create schema {schema}"),
    )
    .await
}

/// Makes a table without keys, with its enum types, identity and comments. Returns the plan whose
/// keys and indexes [`build_keys`] makes after the load.
///
/// # Errors
/// What PostgreSQL says.
pub async fn create_table(
    client: &Client,
    table: &TableSchema,
    mapping: &Mapping,
) -> Result<CreatePlan, TargetError> {
    let plan = render::create(table, mapping);
    let statements: Vec<&str> = plan
        .types
        .iter()
        .chain(std::iter::once(&plan.table))
        .chain(&plan.comments)
        .map(String::as_str)
        .collect();
    run(client, &table.name.to_string(), &statements.join(";\n")).await?;
    Ok(plan)
}

/// Makes the primary key, then unique and other indexes. Those that an earlier attempt made are left
/// as they are.
///
/// # Errors
/// What PostgreSQL says: a duplicate that the source's collation tells apart, an index row too
/// long.
pub async fn build_keys(
    client: &Client,
    table: &TableSchema,
    plan: &CreatePlan,
) -> Result<(), TargetError> {
    let last = plan.primary_key_from_index.as_deref();
    for statement in plan.index_builds().chain(last) {
        build_index(client, table, statement).await?;
    }
    Ok(())
}

/// Makes one index or key, unless it is there already.
///
/// # Errors
/// As [`build_keys`].
pub async fn build_index(
    client: &Client,
    table: &TableSchema,
    statement: &str,
) -> Result<(), TargetError> {
    match run(client, &table.name.to_string(), statement).await {
        Err(TargetError::Apply { source, .. }) if is_there_already(&source) => Ok(()),
        result => result,
    }
}

/// 42P07: an index of that name exists. 42P16: the table has a primary key. 55000: the index is the
/// primary key's.
fn is_there_already(failure: &Failure) -> bool {
    matches!(failure.sqlstate(), Some("42P07" | "42P16" | "55000"))
}

/// A row that was not stored.
#[derive(Debug)]
pub struct RefusedRow {
    /// Index of its change in the buffer.
    pub row: usize,
    /// Why; never holds a value.
    pub error: TargetError,
}

/// What became of a buffer.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Rows stored.
    pub stored: u64,
    /// Rows not stored.
    pub refused: Vec<RefusedRow>,
}

/// Writes one table's rows, inside the caller's transactions.
#[derive(Debug)]
pub struct TableLoader {
    table: ApplyTable,
    copy: Option<String>,
    /// The COPY to which rows are being appended.
    open: Option<BinaryCopy>,
}

impl TableLoader {
    /// Plans the table's columns as found in `schema`.
    ///
    /// # Errors
    /// The table is missing, or a column's values cannot go into the type found.
    pub async fn open(
        client: &Client,
        table: &Arc<TableSchema>,
        schema: &str,
        rules: &MappingRules,
    ) -> Result<Self, TargetError> {
        let table = ApplyTable::load(client, table, schema, rules, CellForm::Source).await?;
        let copy = table.copy_statement();
        let open = None;
        Ok(Self { table, copy, open })
    }

    /// Rows can be appended to one COPY: every column takes the binary form.
    pub fn can_append(&self) -> bool {
        self.copy.is_some()
    }

    /// Appends the buffer's rows, all of this table, to a COPY that begins with the first of them
    /// and ends with [`TableLoader::finish`]. Until then the session takes no other statement.
    /// Returns the rows that cannot be encoded. A transaction has to be open.
    ///
    /// # Errors
    /// What the server says of these rows or of earlier ones. Where [`may_be_one_row`] is true of
    /// it, [`TableLoader::load`] finds the row, after a rollback.
    pub async fn append(
        &mut self,
        client: &Client,
        rows: &ChangeBuffer,
    ) -> Result<Vec<RefusedRow>, TargetError> {
        let mut refused = Vec::new();
        let mut copy = match (self.open.take(), &self.copy) {
            (Some(copy), _) => copy,
            (None, Some(statement)) => self.start(client, statement).await?,
            (None, None) => {
                return Err(TargetError::Shape {
                    table: self.table.label(),
                    reason: "its rows are not loaded by COPY".into(),
                });
            }
        };
        self.encode(&mut copy, rows, 0..rows.len(), &mut refused)
            .await?;
        self.open = Some(copy);
        Ok(refused)
    }

    /// Ends the COPY of the rows that were appended. Returns how many were stored.
    ///
    /// # Errors
    /// As [`TableLoader::append`].
    pub async fn finish(&mut self) -> Result<u64, TargetError> {
        match self.open.take() {
            Some(copy) => copy
                .finish()
                .await
                .map_err(|error| self.table.copy_error(error)),
            None => Ok(0),
        }
    }

    /// Stores the buffer's rows, all of this table. A transaction has to be open.
    ///
    /// # Errors
    /// What concerns more than single rows: the connection, the disk, the table.
    pub async fn load(
        &mut self,
        client: &Client,
        rows: &ChangeBuffer,
    ) -> Result<Loaded, TargetError> {
        // rows that were appended and not finished are given up
        self.open = None;
        let mut loaded = Loaded::default();
        let mut ranges: Vec<Range<usize>> = Vec::new();
        ranges.push(0..rows.len());
        while let Some(range) = ranges.pop() {
            if range.is_empty() {
                continue;
            }
            execute(client, "savepoint load").await?;
            let before = loaded.refused.len();
            match self
                .store(client, rows, range.clone(), &mut loaded.refused)
                .await
            {
                Ok(stored) => {
                    loaded.stored += stored;
                    execute(client, "release savepoint load").await?;
                }
                Err(error) if may_be_one_row(&error) => {
                    execute(client, "rollback to savepoint load").await?;
                    loaded.refused.truncate(before);
                    if range.len() == 1 {
                        loaded.refused.push(RefusedRow {
                            row: range.start,
                            error,
                        });
                    } else {
                        let middle = range.start + range.len() / 2;
                        ranges.push(middle..range.end);
                        ranges.push(range.start..middle);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(loaded)
    }

    async fn store(
        &mut self,
        client: &Client,
        rows: &ChangeBuffer,
        range: Range<usize>,
        refused: &mut Vec<RefusedRow>,
    ) -> Result<u64, TargetError> {
        match self.copy.clone() {
            Some(statement) => self.copy(client, rows, range, &statement, refused).await,
            None => self.insert(client, rows, range, refused).await,
        }
    }

    async fn copy(
        &mut self,
        client: &Client,
        rows: &ChangeBuffer,
        range: Range<usize>,
        statement: &str,
        refused: &mut Vec<RefusedRow>,
    ) -> Result<u64, TargetError> {
        let mut copy = self.start(client, statement).await?;
        self.encode(&mut copy, rows, range, refused).await?;
        copy.finish()
            .await
            .map_err(|error| self.table.copy_error(error))
    }

    async fn start(&self, client: &Client, statement: &str) -> Result<BinaryCopy, TargetError> {
        BinaryCopy::start(client, statement, self.table.columns.len())
            .await
            .map_err(|error| self.table.copy_error(error))
    }

    async fn encode(
        &self,
        copy: &mut BinaryCopy,
        rows: &ChangeBuffer,
        range: Range<usize>,
        refused: &mut Vec<RefusedRow>,
    ) -> Result<(), TargetError> {
        for row in range {
            let Some(cells) = rows.after(&rows.changes()[row]) else {
                continue;
            };
            let written = self.table.copy_row(copy, rows, cells);
            if let Err(error) = written {
                refused.push(RefusedRow { row, error });
            }
            if copy.is_full() {
                copy.drain()
                    .await
                    .map_err(|error| self.table.copy_error(error))?;
            }
        }
        Ok(())
    }

    /// The way for columns that take no binary COPY.
    async fn insert(
        &mut self,
        client: &Client,
        rows: &ChangeBuffer,
        range: Range<usize>,
        refused: &mut Vec<RefusedRow>,
    ) -> Result<u64, TargetError> {
        let mut stored = 0;
        let mut arrays: Vec<ArrayParam> = self
            .table
            .columns
            .iter()
            .map(|c| sets::new_array(&c.encoder))
            .collect();
        let last = range.end;
        for row in range {
            let Some(cells) = rows.after(&rows.changes()[row]) else {
                continue;
            };
            let length = arrays.first().map_or(0, ArrayParam::len);
            let pushed = arrays
                .iter_mut()
                .enumerate()
                .try_for_each(|(column, array)| {
                    sets::push(&self.table, rows, cells, column, array)
                });
            if let Err(error) = pushed {
                arrays.iter_mut().for_each(|a| a.truncate(length));
                refused.push(RefusedRow { row, error });
            }
            let full = arrays.iter().map(ArrayParam::bytes).sum::<usize>() >= 4 << 20;
            if full || row + 1 == last {
                stored += sets::execute(client, &mut self.table, &Kind::Insert, &arrays).await?;
                arrays.iter_mut().for_each(ArrayParam::clear);
            }
        }
        Ok(stored)
    }
}

/// Puts the schema that was built in the place of `dest`, and drops what was there. Inside the
/// caller's transaction: readers see the old tables or the new ones.
///
/// # Errors
/// What PostgreSQL says; the caller rolls back and the old schema is still in place.
pub async fn swap_schema(client: &Client, build: &str, dest: &str) -> Result<(), TargetError> {
    let (build, quoted) = (quote_ident(build), quote_ident(dest));
    let script = format!(
        "set local lock_timeout = '10s'; drop schema if exists {quoted} cascade; \
         alter schema {build} rename to {quoted}"
    );
    run(client, dest, &script).await
}

/// Moves single tables, with their enum types, from the build schema to `dest` in place of those of
/// the same name. Inside the caller's transaction.
///
/// # Errors
/// What PostgreSQL says.
pub async fn swap_tables(
    client: &Client,
    build: &str,
    dest: &str,
    tables: &[String],
) -> Result<(), TargetError> {
    let (from, to) = (quote_ident(build), quote_ident(dest));
    let mut script = format!("create schema if not exists {to}; set local lock_timeout = '10s';\n");
    for table in tables {
        let name = quote_ident(table);
        script.push_str(&format!("drop table if exists {to}.{name} cascade;\n"));
    }
    run(client, dest, &script).await?;
    let types = client
        .query(
            "select typname::text from pg_type where typnamespace = \
                (select oid from pg_namespace where nspname = $1) and typtype = 'e'",
            &[&build],
        )
        .await
        .map_err(|e| TargetError::Apply {
            table: dest.to_owned(),
            source: Failure::from(&e),
        })?;
    let mut script = String::new();
    for row in types {
        let name = quote_ident(row.get::<_, &str>(0));
        script.push_str(&format!("drop type if exists {to}.{name} cascade;\n"));
        script.push_str(&format!("alter type {from}.{name} set schema {to};\n"));
    }
    for table in tables {
        script.push_str(&format!(
            "alter table {from}.{} set schema {to};\n",
            quote_ident(table)
        ));
    }
    run(client, dest, &script).await
}

/// What the server said of rows: a constraint or value that single ones may violate, rather than the
/// table as a whole, the session or the server.
pub fn may_be_one_row(error: &TargetError) -> bool {
    use chameleon_postgres::Class;
    matches!(error, TargetError::Apply { .. })
        && error.is_of_one_table()
        && matches!(
            error.class(),
            Class::Data | Class::Constraint(_) | Class::Other
        )
}

async fn run(client: &Client, object: &str, script: &str) -> Result<(), TargetError> {
    client
        .batch_execute(script)
        .await
        .map_err(|error| TargetError::Apply {
            table: object.to_owned(),
            source: Failure::from(&error),
        })
}
