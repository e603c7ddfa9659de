//! Held tables: whose changes are not taken over at present, why, and what was missed.
//!
//! The way back is a resync. While a table is in here, capture does not relay its rows and replay
//! skips those that were in the relay already; both count them.

use chameleon_diag::ErrorCode;
use chameleon_model::name::target_name;
use chameleon_model::{BinlogPosition, TableName};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db::{self, Place};
use crate::error::CatalogError;
use crate::ids::SourceId;

/// State of a table that is not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeldState {
    /// Waits for an operator.
    Held,
    /// A resync was asked for and has not begun.
    Requested,
    /// A resync is under way.
    Syncing,
}

impl HeldState {
    /// The word as the catalog has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Requested => "requested",
            Self::Syncing => "syncing",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "held" => Some(Self::Held),
            "requested" => Some(Self::Requested),
            "syncing" => Some(Self::Syncing),
            _ => None,
        }
    }
}

/// A table to hold.
#[derive(Clone, Copy, Debug)]
pub struct Hold<'a> {
    /// Source.
    pub source: SourceId,
    /// Table, as the source spells it.
    pub table: &'a TableName,
    /// State.
    pub state: HeldState,
    /// Code of the reason.
    pub code: ErrorCode,
    /// Reason, one line, without any value of a row.
    pub reason: &'a str,
    /// DDL statement that could not be translated, where it was that.
    pub statement: Option<&'a str>,
    /// Where the first missed change is.
    pub position: Option<&'a BinlogPosition>,
}

/// A held table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldTable {
    /// Table, as the source spells it.
    pub table: TableName,
    /// Name at the target.
    pub target_name: String,
    /// State.
    pub state: HeldState,
    /// Code of the reason.
    pub code: String,
    /// Reason, one line.
    pub reason: String,
    /// DDL statement that could not be translated.
    pub statement: Option<String>,
    /// Where the first missed change is.
    pub first_missed: Option<BinlogPosition>,
    /// Where the last missed change is.
    pub last_missed: Option<BinlogPosition>,
    /// Changes missed.
    pub missed: u64,
    /// Since when, microseconds since the epoch.
    pub since_micros: i64,
}

/// Holds a table. One that is held already keeps its first reason and position and takes the new
/// state alone.
pub async fn hold(c: &impl GenericClient, hold: &Hold<'_>) -> Result<(), CatalogError> {
    let place = Place::of_binlog(hold.position);
    let sql = "insert into sch_chameleon.t_held_tables as h \
                      (i_id_source, t_table_schema, t_table_name, v_table_name, t_state, t_code, \
                       t_reason, t_statement, t_first_binlog, i_first_position, t_last_binlog, \
                       i_last_position) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10) \
                   on conflict (i_id_source, t_table_schema, t_table_name) do update \
                  set t_state = excluded.t_state, ts_changed = clock_timestamp()";
    let params = [
        (&hold.source.0 as _, Type::INT8),
        (&hold.table.schema as _, Type::TEXT),
        (&hold.table.name as _, Type::TEXT),
        (&target_name(&hold.table.name) as _, Type::TEXT),
        (&hold.state.as_str() as _, Type::TEXT),
        (&hold.code.as_str() as _, Type::TEXT),
        (&hold.reason as _, Type::TEXT),
        (&hold.statement as _, Type::TEXT),
        (&place.file as _, Type::TEXT),
        (&place.offset as _, Type::INT8),
    ];
    db::execute(c, "hold the table", sql, &params).await?;
    Ok(())
}

/// Gives a held table another state. False: it is not held.
pub async fn set_state(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
    state: HeldState,
) -> Result<bool, CatalogError> {
    let sql = "update sch_chameleon.t_held_tables \
                  set t_state = $4, ts_changed = clock_timestamp() \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
        (&state.as_str() as _, Type::TEXT),
    ];
    Ok(db::execute(c, "change the held table's state", sql, &params).await? > 0)
}

/// Locks the rows of a source's held tables to the end of the transaction. A batch's transaction
/// counts missed changes there before it moves the open batch: who needs both keeps to that order.
pub async fn lock(c: &impl GenericClient, source: SourceId) -> Result<(), CatalogError> {
    let sql = "select 1 from sch_chameleon.t_held_tables where i_id_source = $1 \
                order by t_table_schema, t_table_name for update";
    db::query(c, "lock the held tables", sql, &[(&source.0, Type::INT8)]).await?;
    Ok(())
}

/// Counts missed changes of held tables, the last of them at or before `at`. Tables that are not
/// held are passed over. One round trip.
pub async fn count(
    c: &impl GenericClient,
    source: SourceId,
    missed: &[(TableName, u64)],
    at: &BinlogPosition,
) -> Result<(), CatalogError> {
    if missed.is_empty() {
        return Ok(());
    }
    let schemas: Vec<&str> = missed.iter().map(|(t, _)| t.schema.as_str()).collect();
    let names: Vec<&str> = missed.iter().map(|(t, _)| t.name.as_str()).collect();
    let counts: Vec<i64> = missed.iter().map(|(_, n)| db::int8(*n)).collect();
    let sql = "update sch_chameleon.t_held_tables h \
                  set i_missed = h.i_missed + m.n, \
                      t_first_binlog = coalesce(h.t_first_binlog, $5), \
                      i_first_position = coalesce(h.i_first_position, $6), \
                      t_last_binlog = $5, i_last_position = $6 \
                 from (select s, t, sum(n) as n \
                         from unnest($2::text[], $3::text[], $4::bigint[]) m(s, t, n) \
                        group by s, t) m \
                where h.i_id_source = $1 and h.t_table_schema = m.s and h.t_table_name = m.t";
    let params = [
        (&source.0 as _, Type::INT8),
        (&schemas as _, Type::TEXT_ARRAY),
        (&names as _, Type::TEXT_ARRAY),
        (&counts as _, Type::INT8_ARRAY),
        (&at.file.as_ref() as _, Type::TEXT),
        (&db::int8(at.offset) as _, Type::INT8),
    ];
    db::execute(c, "count the missed changes", sql, &params).await?;
    Ok(())
}

/// Follows the table again. False: it was not held.
pub async fn release(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
) -> Result<bool, CatalogError> {
    let sql = "delete from sch_chameleon.t_held_tables \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
    ];
    Ok(db::execute(c, "release the table", sql, &params).await? > 0)
}

/// The source's held tables, by name.
pub async fn list(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Vec<HeldTable>, CatalogError> {
    let sql = "select t_table_schema as schema, t_table_name as name, \
                      v_table_name::text as target_name, t_state as state, t_code as code, \
                      t_reason as reason, t_statement as statement, \
                      t_first_binlog as first_binlog, i_first_position as first_position, \
                      t_last_binlog as last_binlog, i_last_position as last_position, \
                      i_missed as missed, \
                      (extract(epoch from ts_held) * 1000000)::bigint as since \
                 from sch_chameleon.t_held_tables where i_id_source = $1 order by 1, 2";
    let params = [(&source.0 as _, Type::INT8)];
    let rows = db::query(c, "list the held tables", sql, &params).await?;
    rows.iter()
        .map(|row| {
            let table = TableName::new(
                db::get::<String>(row, "schema")?,
                db::get::<String>(row, "name")?,
            );
            let state: String = db::get(row, "state")?;
            Ok(HeldTable {
                state: HeldState::parse(&state).ok_or_else(|| CatalogError::Unreadable {
                    what: format!("table {table} of t_held_tables"),
                    reason: "unknown state word".into(),
                })?,
                table,
                target_name: db::get(row, "target_name")?,
                code: db::get(row, "code")?,
                reason: db::get(row, "reason")?,
                statement: db::get(row, "statement")?,
                first_missed: db::get_binlog(row, "first_")?,
                last_missed: db::get_binlog(row, "last_")?,
                missed: db::get_count(row, "missed")?,
                since_micros: db::get(row, "since")?,
            })
        })
        .collect()
}
