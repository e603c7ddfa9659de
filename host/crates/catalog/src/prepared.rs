//! Changes of XA transactions that are prepared at the source and not ended yet.
//!
//! They are kept under the transaction's name (`xid`, as the servers write it) from the batch in
//! which the source prepared it, and go when the source ends it: into the log table where it
//! commits, or nowhere. A name may be used again once its transaction has ended.

use chameleon_model::name::quote_qualified;
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::SCHEMA;
use crate::db;
use crate::error::CatalogError;
use crate::ids::{BatchId, SourceId};

/// What a prepared transaction changed in one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedTable {
    /// Name at the target.
    pub name: String,
    /// Changes.
    pub changes: u64,
}

/// The tables that a prepared transaction changed, by name. Empty: nothing is kept under that name.
pub async fn tables(
    c: &impl GenericClient,
    source: SourceId,
    xid: &str,
) -> Result<Vec<PreparedTable>, CatalogError> {
    let sql = "select v_table_name::text as name, count(*) as changes \
                 from sch_chameleon.t_prepared_changes \
                where i_id_source = $1 and t_xid = $2 group by 1 order by 1";
    let params = [(&source.0 as _, Type::INT8), (&xid as _, Type::TEXT)];
    let rows = db::query(c, "look for the prepared transaction", sql, &params).await?;
    rows.iter()
        .map(|row| {
            Ok(PreparedTable {
                name: db::get(row, "name")?,
                changes: db::get_count(row, "changes")?,
            })
        })
        .collect()
}

/// Names at the target of all tables that prepared transactions of the source changed.
pub async fn all_tables(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Vec<String>, CatalogError> {
    let sql = "select distinct v_table_name::text as name \
                 from sch_chameleon.t_prepared_changes where i_id_source = $1 order by 1";
    let rows = db::query(
        c,
        "list the prepared tables",
        sql,
        &[(&source.0, Type::INT8)],
    )
    .await?;
    rows.iter().map(|row| db::get(row, "name")).collect()
}

/// Gives up what is kept under that name; returns the number of changes.
pub async fn forget(
    c: &impl GenericClient,
    source: SourceId,
    xid: &str,
) -> Result<u64, CatalogError> {
    let sql = "delete from sch_chameleon.t_prepared_changes where i_id_source = $1 and t_xid = $2";
    let params = [(&source.0 as _, Type::INT8), (&xid as _, Type::TEXT)];
    db::execute(c, "give up the prepared transaction", sql, &params).await
}

/// Gives up what is kept of all prepared transactions of the source, as a new start does; returns
/// the number of changes.
pub async fn forget_all(c: &impl GenericClient, source: SourceId) -> Result<u64, CatalogError> {
    let sql = "delete from sch_chameleon.t_prepared_changes where i_id_source = $1";
    let params = [(&source.0 as _, Type::INT8)];
    db::execute(c, "give up the prepared transactions", sql, &params).await
}

/// A prepared transaction that its source has committed.
#[derive(Clone, Copy, Debug)]
pub struct Commit<'a> {
    /// Source.
    pub source: SourceId,
    /// Name of the transaction.
    pub xid: &'a str,
    /// Batch that its changes become part of, behind what is in the log already.
    pub batch: BatchId,
    /// Log table that is being written.
    pub log_table: &'a str,
    /// Tables whose changes count, as the target names them.
    pub tables: &'a [&'a str],
    /// Time of its first event, microseconds since 2000-01-01; each further one gets one more.
    pub first_moment: i64,
}

/// Copies the changes of these tables into the log, in their order; returns their number. What is
/// kept under the name stays: [`forget`] it in the same transaction.
pub async fn to_log(c: &impl GenericClient, commit: &Commit<'_>) -> Result<u64, CatalogError> {
    let log_table = quote_qualified(SCHEMA, commit.log_table);
    let sql = format!(
        "insert into {log_table} (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, \
                ts_event_datetime, jsb_event_data, jsb_event_update) \
         select $3, v_table_name, v_schema_name, enm_binlog_event, \
                timestamp '2000-01-01' \
                    + ($5 + row_number() over (order by i_id_event) - 1) * interval '1 microsecond', \
                jsb_event_data, jsb_event_update \
           from sch_chameleon.t_prepared_changes \
          where i_id_source = $1 and t_xid = $2 and v_table_name = any($4) \
          order by i_id_event"
    );
    let params = [
        (&commit.source.0 as _, Type::INT8),
        (&commit.xid as _, Type::TEXT),
        (&commit.batch.0 as _, Type::INT8),
        (&commit.tables as _, Type::TEXT_ARRAY),
        (&commit.first_moment as _, Type::INT8),
    ];
    db::execute(
        c,
        "write the prepared transaction to the log",
        &sql,
        &params,
    )
    .await
}
