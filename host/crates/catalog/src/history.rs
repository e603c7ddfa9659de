//! Schema history: which version of a table was in force from which batch on.
//!
//! A batch ends at a DDL statement, so a version begins with a batch and not within one. In the
//! direct mode, where one batch is moved along, the newest version of a batch replaces the one
//! before it.

use std::sync::Arc;

use chameleon_model::{TableName, TableSchema};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db;
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};

/// What becomes of a table with a batch.
#[derive(Clone, Copy, Debug)]
pub enum Version<'a> {
    /// This version is in force.
    Table(&'a TableSchema),
    /// The table is gone.
    Dropped(&'a TableName),
}

impl Version<'_> {
    fn name(&self) -> &TableName {
        match self {
            Self::Table(table) => &table.name,
            Self::Dropped(name) => name,
        }
    }
}

/// The catalog's clock, for [`changed_since`].
pub async fn now(c: &impl GenericClient) -> Result<String, CatalogError> {
    let sql = "select clock_timestamp()::text as now";
    let row = db::query_one(c, "read the clock", sql, &[]).await?;
    db::get(&row, "now")
}

/// Some version was saved since then.
pub async fn changed_since(
    c: &impl GenericClient,
    source: SourceId,
    moment: &str,
) -> Result<bool, CatalogError> {
    let sql = "select exists (select from sch_chameleon.t_schema_history \
                       where i_id_source = $1 and ts_created > $2::text::timestamptz) as found";
    let params = [(&source.0 as _, Type::INT8), (&moment as _, Type::TEXT)];
    let row = db::query_one(c, "look for newer table versions", sql, &params).await?;
    db::get(&row, "found")
}

/// Some version was saved since a copied table asked to rejoin the stream.
pub async fn changed_since_request(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<bool, CatalogError> {
    let sql = "select exists (select from sch_chameleon.t_schema_history h \
                         join sch_chameleon.t_held_tables t on t.i_id_source = h.i_id_source \
                       where h.i_id_source = $1 and t.t_state = 'requested' \
                         and h.ts_created > t.ts_changed) as found";
    let params = [(&source.0 as _, Type::INT8)];
    let row = db::query_one(c, "look for newer table versions", sql, &params).await?;
    db::get(&row, "found")
}

/// Saves versions that are in force from `batch` on: after [`crate::batches::close`] at a DDL
/// statement that is the batch it returned. One round trip, whatever their number.
pub async fn save(
    c: &impl GenericClient,
    source: SourceId,
    batch: BatchId,
    versions: &[Version<'_>],
) -> Result<(), CatalogError> {
    if versions.is_empty() {
        return Ok(());
    }
    let schemas: Vec<&str> = versions.iter().map(|v| v.name().schema.as_str()).collect();
    let names: Vec<&str> = versions.iter().map(|v| v.name().name.as_str()).collect();
    let documents = versions
        .iter()
        .map(|v| match v {
            Version::Table(table) => serde_json::to_string(table).map(Some),
            Version::Dropped(_) => Ok(None),
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| CatalogError::Unreadable {
            what: "a table version".into(),
            reason: e.to_string(),
        })?;
    let sql = "insert into sch_chameleon.t_schema_history as h \
                      (i_id_source, i_id_batch, t_table_schema, t_table_name, jsb_table) \
               select distinct on (v.s, v.t) $1, $2, v.s, v.t, v.d::jsonb \
                 from unnest($3::text[], $4::text[], $5::text[]) with ordinality v(s, t, d, n) \
                order by v.s, v.t, v.n desc \
                   on conflict (i_id_source, t_table_schema, t_table_name, i_id_batch) do update \
                  set jsb_table = excluded.jsb_table, ts_created = excluded.ts_created";
    let params = [
        (&source.0 as _, Type::INT8),
        (&batch.0 as _, Type::INT8),
        (&schemas as _, Type::TEXT_ARRAY),
        (&names as _, Type::TEXT_ARRAY),
        (&documents as _, Type::TEXT_ARRAY),
    ];
    db::execute(c, "save the table versions", sql, &params).await?;
    Ok(())
}

/// Saves these tables as all that there are from `batch` on: tables known before that are not among
/// them count as dropped. For a new start, and after pg_chameleon 1.x has moved the source.
pub async fn replace(
    c: &impl GenericClient,
    source: SourceId,
    batch: BatchId,
    tables: &[Arc<TableSchema>],
) -> Result<(), CatalogError> {
    let later = "delete from sch_chameleon.t_schema_history \
                  where i_id_source = $1 and i_id_batch > $2";
    let params = [(&source.0 as _, Type::INT8), (&batch.0 as _, Type::INT8)];
    db::execute(c, "replace the table versions", later, &params).await?;
    let before = load(c, source, batch).await?;
    let gone = before
        .iter()
        .filter(|b| tables.iter().all(|t| t.name != b.name))
        .map(|b| Version::Dropped(&b.name));
    let versions: Vec<Version<'_>> = tables
        .iter()
        .map(|t| Version::Table(t))
        .chain(gone)
        .collect();
    save(c, source, batch, &versions).await
}

/// The tables in force while `at` is read or replayed, by schema and name.
///
/// # Errors
/// [`CatalogError::Unreadable`] names a version that cannot be parsed.
pub async fn load(
    c: &impl GenericClient,
    source: SourceId,
    at: BatchId,
) -> Result<Vec<Arc<TableSchema>>, CatalogError> {
    let sql = "select t_table_schema || '.' || t_table_name as name, jsb_table::text as document \
                 from (select distinct on (t_table_schema, t_table_name) * \
                         from sch_chameleon.t_schema_history \
                        where i_id_source = $1 and i_id_batch <= $2 \
                        order by t_table_schema, t_table_name, i_id_batch desc) v \
                where jsb_table is not null order by t_table_schema, t_table_name";
    let params = [(&source.0 as _, Type::INT8), (&at.0 as _, Type::INT8)];
    let rows = db::query(c, "load the table versions", sql, &params).await?;
    rows.iter()
        .map(|row| {
            let document: String = db::get(row, "document")?;
            serde_json::from_str(&document)
                .map(Arc::new)
                .map_err(|e| CatalogError::Unreadable {
                    what: format!(
                        "table {} of t_schema_history",
                        db::get::<String>(row, "name").unwrap_or_default()
                    ),
                    reason: e.to_string(),
                })
        })
        .collect()
}
