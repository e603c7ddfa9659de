//! The two log tables of a source: which is written, which is drained, and when they change places.
//!
//! Truncating is up to the caller (under a short lock timeout); [`drained`] is the check that it
//! repeats under the lock. `fn_truncate_drained` does both for sessions in plain SQL.

use chameleon_model::name::quote_qualified;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::SCHEMA;
use crate::db;
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};
use crate::sources::SourceRow;

/// Size up to which a log table is neither truncated nor worth changing places for, in bytes.
pub const SMALL_BYTES: i64 = 64 * 1024;

/// A log table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTable {
    /// Name in [`SCHEMA`].
    pub name: String,
    /// It is the one being written.
    pub writing: bool,
    /// Size of its heap in bytes.
    pub bytes: u64,
}

/// The source's log tables as they are now, the one being written first.
pub async fn log_tables(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Vec<LogTable>, CatalogError> {
    let sql = "select l.name::text as name, l.n = 1 as writing, \
                      pg_relation_size(format('sch_chameleon.%I', l.name)::regclass) as bytes \
                 from sch_chameleon.t_sources s, \
                      unnest(s.v_log_table) with ordinality as l(name, n) \
                where s.i_id_source = $1 order by l.n";
    let rows = db::query(c, "size up the log tables", sql, &[(&source.0, Type::INT8)]).await?;
    rows.iter()
        .map(|row| {
            Ok(LogTable {
                name: db::get(row, "name")?,
                writing: db::get(row, "writing")?,
                bytes: db::get_count(row, "bytes")?,
            })
        })
        .collect()
}

/// Lets the log tables change places, if the other one is small and holds no entry of a batch that
/// waits for replay. Returns the new order, `None` where they stay as they are. One round trip;
/// worth calling only when the table being written has grown beyond [`SMALL_BYTES`].
pub async fn swap_log_tables(
    c: &impl GenericClient,
    source: &SourceRow,
) -> Result<Option<[String; 2]>, CatalogError> {
    let other = quote_qualified(SCHEMA, &source.log_tables[1]);
    let sql = format!(
        "update sch_chameleon.t_sources s \
            set v_log_table = array[s.v_log_table[2], s.v_log_table[1]] \
          where s.i_id_source = $1 and s.v_log_table[2] = $2 \
            and pg_relation_size($3::text::regclass) <= $4 \
            and not exists (select from only {other} l \
                              join sch_chameleon.t_replica_batch b using (i_id_batch) \
                             where not b.b_replayed) \
      returning v_log_table[1]::text as first, v_log_table[2]::text as second"
    );
    let params = [
        (&source.id.0 as _, Type::INT8),
        (&source.log_tables[1] as _, Type::TEXT),
        (&other as _, Type::TEXT),
        (&SMALL_BYTES as _, Type::INT8),
    ];
    let row = db::query_opt(c, "swap the log tables", &sql, &params).await?;
    row.map(|row| Ok([db::get(&row, "first")?, db::get(&row, "second")?]))
        .transpose()
}

/// The table is not the one being written and holds no entry of a batch that waits for replay, nor
/// of the open one: it may be truncated, if this is asked under ACCESS EXCLUSIVE.
pub async fn drained(
    c: &impl GenericClient,
    source: SourceId,
    table: &str,
) -> Result<bool, CatalogError> {
    let name = quote_qualified(SCHEMA, table);
    let sql = format!(
        "select s.v_log_table[1] <> $2 \
                and not exists (select from sch_chameleon.t_replica_batch b \
                                 where not b.b_replayed and b.i_id_batch = \
                                       (select i_id_batch from only {name} \
                                         order by i_id_event desc limit 1)) \
                and not exists (select from sch_chameleon.t_replica_batch b \
                                 where b.i_id_source = $1 and not b.b_replayed \
                                   and exists (select from only {name} l \
                                                where l.i_id_batch = b.i_id_batch)) as drained \
           from sch_chameleon.t_sources s where s.i_id_source = $1"
    );
    let params = [(&source.0 as _, Type::INT8), (&table as _, Type::TEXT)];
    let row = db::query_opt(c, "look whether the log table is drained", &sql, &params).await?;
    row.map_or(Ok(false), |row| db::get(&row, "drained"))
}

/// Deletes the entries of the open batch: a reader that was killed wrote them without moving the
/// position, and they will be read again. Returns their number, which is nearly always 0.
pub async fn clear_open(
    c: &impl GenericClient,
    source: &SourceRow,
    batch: BatchId,
) -> Result<u64, CatalogError> {
    let mut removed = 0;
    for table in &source.log_tables {
        let sql = format!(
            "delete from only {} where i_id_batch = $1",
            quote_qualified(SCHEMA, table)
        );
        let params = [(&batch.0 as _, Type::INT8)];
        removed += db::execute(c, "clear the open batch", &sql, &params).await?;
    }
    Ok(removed)
}
