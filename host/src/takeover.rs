//! Going on where pg_chameleon 1.x stopped.
//!
//! A position that 1.x saved says nothing of what was noted beside it before: windows and the floor
//! of an earlier position are forgotten. What `sync_tables` noted since, while the same batch was
//! open, stays: the copied tables hold the source's changes up to their marks.
//!
//! 1.x copies tables without primary key once and drops every change of them. Such a table is held,
//! unless it was copied anew since: its rows are those of a time that nobody knows.

use std::sync::Arc;

use chameleon_catalog::batches::OpenBatch;
use chameleon_catalog::held::{self, HeldState, Hold};
use chameleon_catalog::{SourceRow, windows};
use chameleon_diag::codes;
use chameleon_model::TableSchema;
use chameleon_postgres::Client;

use crate::error::HostError;

/// Makes the notes fit the position, where 1.x saved it. The caller holds the replica lock.
///
/// # Errors
/// What the target says.
pub(crate) async fn take_over(
    control: &Client,
    row: &SourceRow,
    open: &OpenBatch,
    tables: &[Arc<TableSchema>],
) -> Result<(), HostError> {
    if !open.by_predecessor {
        return Ok(());
    }
    let mut copied = Vec::new();
    for window in windows::list(control, row.id).await? {
        if window.batch == open.id {
            copied.push(window.table);
        } else {
            windows::clear(control, row.id, &window.table).await?;
        }
    }
    let floor = windows::floor(control, row.id).await?;
    if floor.is_some_and(|floor| floor.batch != open.id) {
        windows::set_floor(control, row.id, None).await?;
    }
    let held = held::list(control, row.id).await?;
    let known = |table: &TableSchema| {
        copied.contains(&table.name) || held.iter().any(|held| held.table == table.name)
    };
    let unkeyed = tables.iter().filter(|table| table.primary_key.is_empty());
    for table in unkeyed.filter(|table| !known(table)) {
        tracing::warn!(
            source = %row.name, table = %table.name, error.code = %codes::CAT015, "table held"
        );
        let hold = Hold {
            source: row.id,
            table: &table.name,
            state: HeldState::Held,
            code: codes::CAT015,
            reason: "it has no primary key, and pg_chameleon 1.x does not replicate such a table",
            statement: None,
            position: None,
        };
        held::hold(control, &hold).await?;
    }
    Ok(())
}
