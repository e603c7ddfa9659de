//! Windows: how changes of a table are taken after a copy, and the floor of a rewound stream.
//!
//! Changes of a table with a window are skipped up to `skip_until`, applied idempotently up to
//! `idempotent_until`, and exactly from there on. After a resync of single tables the stream is
//! rewound to their low mark; changes of all other tables at or before the floor are skipped,
//! because they are at the target already. Each row notes the batch that was open when it was
//! written: replay skips a table's entries in batches before [`Window::batch`], because a copy made
//! later holds them or the stream, rewound, brings them again.

use chameleon_model::name::target_name;
use chameleon_model::{SourcePosition, TableName};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db::{self, Place};
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};

/// Window of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// Table, as the source spells it.
    pub table: TableName,
    /// Batch that was open when the window was set. A window whose batch is later than the open
    /// one, or that stands beside a position saved by 1.x, does not belong to this position.
    pub batch: BatchId,
    /// Changes at or before are in the copy.
    pub skip_until: Option<SourcePosition>,
    /// Changes at or before may be in the copy.
    pub idempotent_until: Option<SourcePosition>,
}

/// Sets or replaces the window of a table.
pub async fn set(
    c: &impl GenericClient,
    source: SourceId,
    window: &Window,
) -> Result<(), CatalogError> {
    let skip = Place::of(window.skip_until.as_ref());
    let idempotent = Place::of(window.idempotent_until.as_ref());
    let sql = "insert into sch_chameleon.t_table_windows \
                      (i_id_source, t_table_schema, t_table_name, v_table_name, i_id_batch, \
                       t_skip_binlog, i_skip_position, t_skip_gtid, \
                       t_idempotent_binlog, i_idempotent_position, t_idempotent_gtid) \
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                   on conflict (i_id_source, t_table_schema, t_table_name) do update \
                  set i_id_batch = excluded.i_id_batch, \
                      t_skip_binlog = excluded.t_skip_binlog, \
                      i_skip_position = excluded.i_skip_position, \
                      t_skip_gtid = excluded.t_skip_gtid, \
                      t_idempotent_binlog = excluded.t_idempotent_binlog, \
                      i_idempotent_position = excluded.i_idempotent_position, \
                      t_idempotent_gtid = excluded.t_idempotent_gtid";
    let params = [
        (&source.0 as _, Type::INT8),
        (&window.table.schema as _, Type::TEXT),
        (&window.table.name as _, Type::TEXT),
        (&target_name(&window.table.name) as _, Type::TEXT),
        (&window.batch.0 as _, Type::INT8),
        (&skip.file as _, Type::TEXT),
        (&skip.offset as _, Type::INT8),
        (&skip.gtids as _, Type::TEXT),
        (&idempotent.file as _, Type::TEXT),
        (&idempotent.offset as _, Type::INT8),
        (&idempotent.gtids as _, Type::TEXT),
    ];
    db::execute(c, "set the table's window", sql, &params).await?;
    Ok(())
}

/// All windows of a source, by table.
pub async fn list(c: &impl GenericClient, source: SourceId) -> Result<Vec<Window>, CatalogError> {
    let sql = "select t_table_schema as schema, t_table_name as name, i_id_batch as batch, \
                      t_skip_binlog as skip_binlog, i_skip_position as skip_position, \
                      t_skip_gtid as skip_gtid, t_idempotent_binlog as idem_binlog, \
                      i_idempotent_position as idem_position, t_idempotent_gtid as idem_gtid \
                 from sch_chameleon.t_table_windows where i_id_source = $1 order by 1, 2";
    let params = [(&source.0 as _, Type::INT8)];
    let rows = db::query(c, "list the windows", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(Window {
                table: TableName::new(
                    db::get::<String>(row, "schema")?,
                    db::get::<String>(row, "name")?,
                ),
                batch: BatchId(db::get(row, "batch")?),
                skip_until: db::get_position(row, "skip_")?,
                idempotent_until: db::get_position(row, "idem_")?,
            })
        })
        .collect()
}

/// Removes a table's window: its end is behind all that waits. False: there was none.
pub async fn clear(
    c: &impl GenericClient,
    source: SourceId,
    table: &TableName,
) -> Result<bool, CatalogError> {
    let sql = "delete from sch_chameleon.t_table_windows \
                where i_id_source = $1 and t_table_schema = $2 and t_table_name = $3";
    let params = [
        (&source.0 as _, Type::INT8),
        (&table.schema as _, Type::TEXT),
        (&table.name as _, Type::TEXT),
    ];
    Ok(db::execute(c, "clear the table's window", sql, &params).await? > 0)
}

/// Removes all windows and the floor of a source, as a complete new copy does.
pub async fn clear_all(c: &impl GenericClient, source: SourceId) -> Result<(), CatalogError> {
    let sql = "with w as (delete from sch_chameleon.t_table_windows where i_id_source = $1) \
               delete from sch_chameleon.t_stream_floor where i_id_source = $1";
    let params = [(&source.0 as _, Type::INT8)];
    db::execute(c, "clear the windows", sql, &params).await?;
    Ok(())
}

/// Removes the floor and the windows of tables that the stream follows. Those of held tables stay:
/// a copy that waits to rejoin has set them.
pub async fn clear_passed(c: &impl GenericClient, source: SourceId) -> Result<(), CatalogError> {
    let sql = "with w as (delete from sch_chameleon.t_table_windows w \
                           where w.i_id_source = $1 \
                             and not exists (select from sch_chameleon.t_held_tables h \
                                              where h.i_id_source = w.i_id_source \
                                                and h.t_table_schema = w.t_table_schema \
                                                and h.t_table_name = w.t_table_name)) \
               delete from sch_chameleon.t_stream_floor where i_id_source = $1";
    let params = [(&source.0 as _, Type::INT8)];
    db::execute(c, "clear the windows that are passed", sql, &params).await?;
    Ok(())
}

/// Floor of a rewound stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Batch that was open when the floor was set.
    pub batch: BatchId,
    /// Changes at or before, of tables without window, are at the target already.
    pub position: SourcePosition,
}

/// Sets, raises or replaces the floor; `None` removes it.
pub async fn set_floor(
    c: &impl GenericClient,
    source: SourceId,
    floor: Option<&Floor>,
) -> Result<(), CatalogError> {
    let Some(floor) = floor else {
        let sql = "delete from sch_chameleon.t_stream_floor where i_id_source = $1";
        db::execute(c, "remove the floor", sql, &[(&source.0, Type::INT8)]).await?;
        return Ok(());
    };
    let place = Place::of(Some(&floor.position));
    let sql = "insert into sch_chameleon.t_stream_floor \
                      (i_id_source, i_id_batch, t_floor_binlog, i_floor_position, t_floor_gtid) \
               values ($1, $2, $3, $4, $5) on conflict (i_id_source) do update \
                  set i_id_batch = excluded.i_id_batch, \
                      t_floor_binlog = excluded.t_floor_binlog, \
                      i_floor_position = excluded.i_floor_position, \
                      t_floor_gtid = excluded.t_floor_gtid";
    let params = [
        (&source.0 as _, Type::INT8),
        (&floor.batch.0 as _, Type::INT8),
        (&place.file as _, Type::TEXT),
        (&place.offset as _, Type::INT8),
        (&place.gtids as _, Type::TEXT),
    ];
    db::execute(c, "set the floor", sql, &params).await?;
    Ok(())
}

/// The floor, where there is one.
pub async fn floor(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<Floor>, CatalogError> {
    let sql = "select i_id_batch as batch, t_floor_binlog as binlog, \
                      i_floor_position as position, t_floor_gtid as gtid \
                 from sch_chameleon.t_stream_floor where i_id_source = $1";
    let row = db::query_opt(c, "read the floor", sql, &[(&source.0, Type::INT8)]).await?;
    let Some(row) = row else { return Ok(None) };
    let batch = BatchId(db::get(&row, "batch")?);
    Ok(db::get_position(&row, "")?.map(|position| Floor { batch, position }))
}
