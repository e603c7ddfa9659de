//! Rows of XA transactions that are prepared at the source and not ended yet.
//!
//! They are kept in the catalog under the transaction's name, as a log table would hold them, so
//! that they outlive this program. Where the source commits, the relay takes them over inside the
//! database, and the direct mode reads them back and applies them.

use chameleon_catalog::{BatchId, SCHEMA, SourceRow};
use chameleon_model::ChangeBuffer;
use chameleon_postgres::{Client, quote_literal, quote_qualified};

use crate::apply::{ApplyPolicy, TableFailure};
use crate::error::TargetError;
use crate::read_back::ReadBack;
use crate::row_plans::{RowPlans, RowsCopy, bytes};

/// Table of the catalog.
const TABLE: &str = "t_prepared_changes";
/// Its columns that a COPY fills; the event id comes from the sequence.
const COLUMNS: &str = "i_id_source, t_xid, i_id_batch, v_table_name, v_schema_name, \
     enm_binlog_event, jsb_event_data, jsb_event_update";
/// How many they are.
const COLUMN_COUNT: usize = 8;

/// Under what rows are kept.
pub(crate) struct Stored<'a> {
    pub(crate) source: &'a SourceRow,
    /// Open batch.
    pub(crate) batch: BatchId,
    /// Name of the transaction.
    pub(crate) xid: &'a str,
}

/// Appends rows to what is kept under the name, inside the caller's transaction.
pub(crate) async fn store(
    client: &Client,
    plans: &mut RowPlans,
    stored: &Stored<'_>,
    buffer: &ChangeBuffer,
    policy: &dyn ApplyPolicy,
) -> Result<Vec<TableFailure>, TargetError> {
    let table = quote_qualified(SCHEMA, TABLE);
    let into = RowsCopy {
        client,
        statement: &format!("copy {table} ({COLUMNS}) from stdin (format binary)"),
        columns: COLUMN_COUNT,
    };
    let source = stored.source.id.0.to_be_bytes();
    let batch = stored.batch.0.to_be_bytes();
    let schema = stored.source.dest_schema.as_bytes();
    let lead = |out: &mut Vec<u8>, table: &str, word: &[u8]| {
        bytes(out, &source);
        bytes(out, stored.xid.as_bytes());
        bytes(out, &batch);
        bytes(out, table.as_bytes());
        bytes(out, schema);
        bytes(out, word);
    };
    Ok(plans.copy(&into, buffer, policy, lead).await?.failures)
}

/// Reads what is kept under the name, inside the caller's transaction.
pub(crate) async fn read_back(
    client: &Client,
    source: &SourceRow,
    xid: &str,
) -> Result<ReadBack, TargetError> {
    let sql = format!(
        "select i_id_event, enm_binlog_event::text, v_table_name::text, jsb_event_data::text, \
         jsb_event_update::text, null::text from {} where i_id_source = {} and t_xid = {} \
         order by i_id_event",
        quote_qualified(SCHEMA, TABLE),
        source.id,
        quote_literal(xid),
    );
    ReadBack::of(client, &sql, &source.dest_schema).await
}
