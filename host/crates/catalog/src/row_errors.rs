//! Rows that could not be taken over.
//!
//! `t_row_errors` says that and why, without any value or key of the row. `t_discarded_rows`, which
//! 1.3 has too, may hold the row itself, but only for rows that PostgreSQL refused.

use chameleon_diag::ErrorCode;
use chameleon_model::{BinlogPosition, Op, TableName};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db;
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};

/// What was being done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A change of the stream.
    Change(Op),
    /// The copy.
    Copy,
}

impl Operation {
    /// The word as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Change(Op::Insert) => "insert",
            Self::Change(Op::Update) => "update",
            Self::Change(Op::Delete) => "delete",
            Self::Copy => "copy",
        }
    }
}

/// A row that could not be taken over.
#[derive(Clone, Debug)]
pub struct RowError<'a> {
    /// Table, as the source spells it.
    pub table: &'a TableName,
    /// What was being done with it.
    pub operation: Operation,
    /// Where it is in the binlog, where it came from there.
    pub position: Option<BinlogPosition>,
    /// Code of the reason.
    pub code: ErrorCode,
    /// Reason, one line, without any value.
    pub reason: &'a str,
}

/// Notes rows that could not be taken over. One round trip, whatever their number.
pub async fn record(
    c: &impl GenericClient,
    source: SourceId,
    errors: &[RowError<'_>],
) -> Result<(), CatalogError> {
    if errors.is_empty() {
        return Ok(());
    }
    let schemas: Vec<&str> = errors.iter().map(|e| e.table.schema.as_str()).collect();
    let names: Vec<&str> = errors.iter().map(|e| e.table.name.as_str()).collect();
    let operations: Vec<&str> = errors.iter().map(|e| e.operation.as_str()).collect();
    let files: Vec<Option<&str>> = errors
        .iter()
        .map(|e| e.position.as_ref().map(|p| p.file.as_ref()))
        .collect();
    let offsets: Vec<Option<i64>> = errors
        .iter()
        .map(|e| e.position.as_ref().map(|p| db::int8(p.offset)))
        .collect();
    let codes: Vec<&str> = errors.iter().map(|e| e.code.as_str()).collect();
    let reasons: Vec<&str> = errors.iter().map(|e| e.reason).collect();
    let sql = "insert into sch_chameleon.t_row_errors \
                      (i_id_source, t_table_schema, t_table_name, t_operation, t_binlog, \
                       i_position, t_code, t_reason) \
               select $1, v.s, v.t, v.o, v.f, v.p, v.c, v.r \
                 from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], \
                             $7::text[], $8::text[]) with ordinality v(s, t, o, f, p, c, r, n) \
                order by v.n";
    let params = [
        (&source.0 as _, Type::INT8),
        (&schemas as _, Type::TEXT_ARRAY),
        (&names as _, Type::TEXT_ARRAY),
        (&operations as _, Type::TEXT_ARRAY),
        (&files as _, Type::TEXT_ARRAY),
        (&offsets as _, Type::INT8_ARRAY),
        (&codes as _, Type::TEXT_ARRAY),
        (&reasons as _, Type::TEXT_ARRAY),
    ];
    db::execute(c, "note the row errors", sql, &params).await?;
    Ok(())
}

/// A row error as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRowError {
    /// Table, as the source spells it.
    pub table: TableName,
    /// `insert`, `update`, `delete`, `copy` or `ddl`.
    pub operation: String,
    /// Where it is in the binlog.
    pub position: Option<BinlogPosition>,
    /// Code of the reason.
    pub code: String,
    /// Reason, one line.
    pub reason: String,
    /// How many rows this entry stands for.
    pub rows: u64,
    /// When, microseconds since the epoch.
    pub at_micros: i64,
}

/// The newest row errors of a source, newest first.
pub async fn list(
    c: &impl GenericClient,
    source: SourceId,
    limit: u32,
) -> Result<Vec<FoundRowError>, CatalogError> {
    let sql = "select t_table_schema as schema, t_table_name as name, t_operation as operation, \
                      t_binlog as binlog, i_position as position, t_code as code, \
                      t_reason as reason, i_rows as rows, \
                      (extract(epoch from ts_error) * 1000000)::bigint as at \
                 from sch_chameleon.t_row_errors where i_id_source = $1 \
                order by i_id_error desc limit $2";
    let params = [
        (&source.0 as _, Type::INT8),
        (&i64::from(limit) as _, Type::INT8),
    ];
    let rows = db::query(c, "list the row errors", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(FoundRowError {
                table: TableName::new(
                    db::get::<String>(row, "schema")?,
                    db::get::<String>(row, "name")?,
                ),
                operation: db::get(row, "operation")?,
                position: db::get_binlog(row, "")?,
                code: db::get(row, "code")?,
                reason: db::get(row, "reason")?,
                rows: db::get_count(row, "rows")?,
                at_micros: db::get(row, "at")?,
            })
        })
        .collect()
}

/// Forgets the row errors of a table, as its new copy does; returns their number.
pub async fn forget(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
) -> Result<u64, CatalogError> {
    let sql = "delete from sch_chameleon.t_row_errors \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
    ];
    db::execute(c, "forget the row errors", sql, &params).await
}

/// Stores a row that PostgreSQL refused, as 1.3 does: its text in base64.
pub async fn discard(
    c: &impl GenericClient,
    batch: BatchId,
    row: &str,
) -> Result<(), CatalogError> {
    let sql = "insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) \
               values ($1, replace(encode(convert_to($2, 'UTF8'), 'base64'), chr(10), ''))";
    let params = [(&batch.0 as _, Type::INT8), (&row as _, Type::TEXT)];
    db::execute(c, "store the discarded row", sql, &params).await?;
    Ok(())
}

/// A discarded row, without what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscardedRow {
    /// `t_discarded_rows.i_id_row`.
    pub id: i64,
    /// Its batch, which may be gone.
    pub batch: BatchId,
    /// When, microseconds since the epoch.
    pub at_micros: i64,
}

/// The newest discarded rows of a source, newest first, and those whose batch is gone, which may be
/// any source's.
pub async fn discarded(
    c: &impl GenericClient,
    source: SourceId,
    limit: u32,
) -> Result<Vec<DiscardedRow>, CatalogError> {
    let sql = "select d.i_id_row as id, d.i_id_batch as batch, \
                      (extract(epoch from d.ts_discard) * 1000000)::bigint as at \
                 from sch_chameleon.t_discarded_rows d \
                 left join sch_chameleon.t_replica_batch b using (i_id_batch) \
                where b.i_id_source = $1 or b.i_id_batch is null \
                order by d.i_id_row desc limit $2";
    let params = [
        (&source.0 as _, Type::INT8),
        (&i64::from(limit) as _, Type::INT8),
    ];
    let rows = db::query(c, "list the discarded rows", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(DiscardedRow {
                id: db::get(row, "id")?,
                batch: BatchId(db::get(row, "batch")?),
                at_micros: db::get(row, "at")?,
            })
        })
        .collect()
}
