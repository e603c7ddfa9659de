//! Progress of a copy, table by table and chunk by chunk, so that a copy that was killed goes on
//! where it stopped.
//!
//! A source has at most one copy under way. A chunk is marked done in the transaction that stores
//! its rows. What a chunk is, the snapshot knows; here it is a JSON document.

use chameleon_model::{SourcePosition, TableName};
use serde_json::Value;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db::{self, Place};
use crate::error::CatalogError;
use crate::ids::SourceId;

/// A copy that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyRun {
    /// How its snapshots are taken (`locked`, `per_chunk`).
    pub method: String,
    /// Schema in which the tables are built.
    pub staging_schema: String,
    /// Where the source was when it began.
    pub start: SourcePosition,
    /// Whatever else the copy must know again after a restart.
    pub detail: Value,
}

/// How far a table's copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Its chunks are being read.
    Loading,
    /// All its rows are stored; keys and indexes are missing.
    Loaded,
    /// Keys and indexes are built.
    Ready,
}

impl Phase {
    /// The word as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Loaded => "loaded",
            Self::Ready => "ready",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "loading" => Some(Self::Loading),
            "loaded" => Some(Self::Loaded),
            "ready" => Some(Self::Ready),
            _ => None,
        }
    }
}

/// One chunk of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyChunk {
    /// Its number in the table.
    pub number: u32,
    /// The chunk, as the snapshot describes it.
    pub chunk: Value,
    /// What is known of it once it is stored.
    pub done: Option<ChunkDone>,
}

/// A chunk that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkDone {
    /// Rows stored.
    pub rows: u64,
    /// Bytes sent for them.
    pub bytes: u64,
    /// Where the source was before the chunk's snapshot was opened.
    pub low: Option<SourcePosition>,
    /// Where the source was when it was open.
    pub high: Option<SourcePosition>,
}

/// A table of the copy that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct CopyTable {
    /// Table, as the source spells it.
    pub table: TableName,
    /// How far it is.
    pub phase: Phase,
    /// Its chunks by number.
    pub chunks: Vec<CopyChunk>,
}

/// Begins a copy; what is known of an earlier one is forgotten.
pub async fn start_run(
    c: &impl GenericClient,
    source: SourceId,
    run: &CopyRun,
) -> Result<(), CatalogError> {
    end_run(c, source).await?;
    let place = Place::of(Some(&run.start));
    let sql = "insert into sch_chameleon.t_copy_runs \
                      (i_id_source, t_method, t_staging_schema, t_start_binlog, \
                       i_start_position, t_start_gtid, jsb_detail) \
               values ($1, $2, $3, $4, $5, $6, $7::text::jsonb)";
    let params = [
        (&source.0 as _, Type::INT8),
        (&run.method as _, Type::TEXT),
        (&run.staging_schema as _, Type::TEXT),
        (&place.file as _, Type::TEXT),
        (&place.offset as _, Type::INT8),
        (&place.gtids as _, Type::TEXT),
        (&run.detail.to_string() as _, Type::TEXT),
    ];
    db::execute(c, "begin the copy", sql, &params).await?;
    Ok(())
}

/// Replaces [`CopyRun::detail`]. False: no copy is under way.
pub async fn set_detail(
    c: &impl GenericClient,
    source: SourceId,
    detail: &Value,
) -> Result<bool, CatalogError> {
    let sql = "update sch_chameleon.t_copy_runs set jsb_detail = $2::text::jsonb \
                where i_id_source = $1";
    let params = [
        (&source.0 as _, Type::INT8),
        (&detail.to_string() as _, Type::TEXT),
    ];
    Ok(db::execute(c, "note the copy's state", sql, &params).await? > 0)
}

/// The copy that is under way, where there is one.
pub async fn run(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<CopyRun>, CatalogError> {
    let sql = "select t_method as method, t_staging_schema as staging, \
                      t_start_binlog as binlog, i_start_position as position, \
                      t_start_gtid as gtid, jsb_detail::text as detail \
                 from sch_chameleon.t_copy_runs where i_id_source = $1";
    let row = db::query_opt(c, "find the copy", sql, &[(&source.0, Type::INT8)]).await?;
    let Some(row) = row else { return Ok(None) };
    let Some(start) = db::get_position(&row, "")? else {
        return Ok(None);
    };
    Ok(Some(CopyRun {
        method: db::get(&row, "method")?,
        staging_schema: db::get(&row, "staging")?,
        start,
        detail: document(&db::get::<String>(&row, "detail")?, "t_copy_runs")?,
    }))
}

/// Forgets the copy, its tables and chunks: it is complete or given up.
pub async fn end_run(c: &impl GenericClient, source: SourceId) -> Result<(), CatalogError> {
    let sql = "delete from sch_chameleon.t_copy_runs where i_id_source = $1";
    db::execute(c, "end the copy", sql, &[(&source.0, Type::INT8)]).await?;
    Ok(())
}

/// Notes a table's chunks; the table is then [`Phase::Loading`]. What was known of it is forgotten.
pub async fn plan(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
    chunks: &[(u32, Value)],
) -> Result<(), CatalogError> {
    let attempt = "note the table's chunks";
    let numbers: Vec<i32> = chunks
        .iter()
        .map(|(n, _)| i32::try_from(*n).unwrap_or(i32::MAX))
        .collect();
    let documents: Vec<String> = chunks.iter().map(|(_, c)| c.to_string()).collect();
    let forget = "delete from sch_chameleon.t_copy_tables \
                   where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
        (&numbers as _, Type::INT4_ARRAY),
        (&documents as _, Type::TEXT_ARRAY),
    ];
    db::execute(c, attempt, forget, &params[..3]).await?;
    let sql = "with t as (insert into sch_chameleon.t_copy_tables \
                                 (i_id_source, t_table_schema, t_table_name, t_phase) \
                          values ($1, $2, $3, 'loading')) \
               insert into sch_chameleon.t_copy_chunks \
                      (i_id_source, t_table_schema, t_table_name, i_chunk, jsb_chunk) \
               select $1, $2, $3, v.n, v.d::jsonb from unnest($4::integer[], $5::text[]) v(n, d)";
    db::execute(c, attempt, sql, &params).await?;
    Ok(())
}

/// Marks a chunk as stored, in the transaction that stores it. False: it is not planned, or done
/// already.
pub async fn finish(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
    number: u32,
    done: &ChunkDone,
) -> Result<bool, CatalogError> {
    let low = Place::of(done.low.as_ref());
    let high = Place::of(done.high.as_ref());
    let sql = "update sch_chameleon.t_copy_chunks \
                  set b_done = true, i_rows = $5, i_bytes = $6, t_low_binlog = $7, \
                      i_low_position = $8, t_low_gtid = $9, t_high_binlog = $10, \
                      i_high_position = $11, t_high_gtid = $12 \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3 \
                  and i_chunk = $4 and not b_done";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
        (&i32::try_from(number).unwrap_or(i32::MAX) as _, Type::INT4),
        (&db::int8(done.rows) as _, Type::INT8),
        (&db::int8(done.bytes) as _, Type::INT8),
        (&low.file as _, Type::TEXT),
        (&low.offset as _, Type::INT8),
        (&low.gtids as _, Type::TEXT),
        (&high.file as _, Type::TEXT),
        (&high.offset as _, Type::INT8),
        (&high.gtids as _, Type::TEXT),
    ];
    Ok(db::execute(c, "mark the chunk as stored", sql, &params).await? > 0)
}

/// Sets how far a table is. False: it is not part of the copy.
pub async fn set_phase(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
    phase: Phase,
) -> Result<bool, CatalogError> {
    let sql = "update sch_chameleon.t_copy_tables set t_phase = $4 \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
        (&phase.as_str() as _, Type::TEXT),
    ];
    Ok(db::execute(c, "set the table's phase", sql, &params).await? > 0)
}

/// The tables of the copy that is under way, by name, with their chunks by number.
pub async fn tables(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Vec<CopyTable>, CatalogError> {
    let attempt = "list the copy's tables";
    let params = [(&source.0 as _, Type::INT8)];
    let sql = "select t_table_schema as schema, t_table_name as name, t_phase as phase \
                 from sch_chameleon.t_copy_tables where i_id_source = $1 order by 1, 2";
    let mut tables = db::query(c, attempt, sql, &params)
        .await?
        .iter()
        .map(|row| {
            let phase: String = db::get(row, "phase")?;
            Ok(CopyTable {
                table: table_name(row)?,
                phase: Phase::parse(&phase).ok_or_else(|| CatalogError::Unreadable {
                    what: "t_copy_tables".into(),
                    reason: "unknown phase".into(),
                })?,
                chunks: Vec::new(),
            })
        })
        .collect::<Result<Vec<_>, CatalogError>>()?;
    let sql = "select t_table_schema as schema, t_table_name as name, \
                      i_chunk::bigint as number, jsb_chunk::text as chunk, b_done as done, \
                      i_rows as rows, i_bytes as bytes, t_low_binlog as low_binlog, \
                      i_low_position as low_position, t_low_gtid as low_gtid, \
                      t_high_binlog as high_binlog, i_high_position as high_position, \
                      t_high_gtid as high_gtid \
                 from sch_chameleon.t_copy_chunks where i_id_source = $1 order by 1, 2, 3";
    let mut at = 0;
    for row in &db::query(c, attempt, sql, &params).await? {
        let name = table_name(row)?;
        while tables.get(at).is_some_and(|t| t.table != name) {
            at += 1;
        }
        if let Some(table) = tables.get_mut(at) {
            table.chunks.push(read_chunk(row)?);
        }
    }
    Ok(tables)
}

fn read_chunk(row: &tokio_postgres::Row) -> Result<CopyChunk, CatalogError> {
    let number = db::get_count(row, "number")?;
    let done: bool = db::get(row, "done")?;
    Ok(CopyChunk {
        number: u32::try_from(number).unwrap_or(u32::MAX),
        chunk: document(&db::get::<String>(row, "chunk")?, "t_copy_chunks")?,
        done: if done {
            Some(ChunkDone {
                rows: db::get_count(row, "rows")?,
                bytes: db::get_count(row, "bytes")?,
                low: db::get_position(row, "low_")?,
                high: db::get_position(row, "high_")?,
            })
        } else {
            None
        },
    })
}

fn table_name(row: &tokio_postgres::Row) -> Result<TableName, CatalogError> {
    Ok(TableName::new(
        db::get::<String>(row, "schema")?,
        db::get::<String>(row, "name")?,
    ))
}

fn document(text: &str, table: &str) -> Result<Value, CatalogError> {
    serde_json::from_str(text).map_err(|e| CatalogError::Unreadable {
        what: format!("a document of {table}"),
        reason: e.to_string(),
    })
}
