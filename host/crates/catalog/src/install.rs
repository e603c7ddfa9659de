//! Making the catalog, and adding what is ours to one that pg_chameleon 1.3 made.

use tokio_postgres::GenericClient;

use crate::db;
use crate::error::CatalogError;
use crate::sessions;
use crate::version::{CatalogState, version};

const TABLES: &str = include_str!("../../../../sql/catalog/1.3/tables.sql");
const OWN_TABLES: &str = include_str!("../../../../sql/catalog/1.3/own_tables.sql");

/// The functions, each from a file of its own; `create or replace` all of them.
pub(crate) const FUNCTIONS: &[&str] = &[
    include_str!("../../../../sql/catalog/1.3/fn_refresh_parts.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_truncate_drained.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_delete_batches.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_value_expression.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_row_condition.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_conflict_condition.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_replay_statement.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_table_plan.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_apply_free.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_note_losses.sql"),
    include_str!("../../../../sql/catalog/1.3/fn_process_batch.sql"),
];

/// What makes a catalog of 1.3, as pg_chameleon 1.3 left it, one of ours.
const COMPLETE: &str = include_str!("../../../../sql/catalog/1.3/complete.sql");

/// Makes the catalog. Run it in a transaction: the upgrade lock, which it waits for, is held to the
/// transaction's end.
///
/// # Errors
/// [`CatalogError::Exists`] where there is one of version 1.3; else what stands in the way.
pub async fn install(c: &impl GenericClient) -> Result<(), CatalogError> {
    sessions::lock_upgrade(c).await?;
    match version(c).await? {
        CatalogState::Absent => {}
        CatalogState::Newer(version) => return Err(CatalogError::Newer { version }),
        CatalogState::Foreign => return Err(CatalogError::Foreign),
        _ => return Err(CatalogError::Exists),
    }
    db::batch(c, "make the catalog's tables", TABLES).await?;
    add_own(c).await
}

/// Makes a catalog that pg_chameleon 1.3 made complete: own tables and functions, the wide position,
/// indexes of the log tables; the unused `t_log_replica_1` and `_2` go if they are empty. Does
/// nothing to what is there already. Run it in a transaction, as [`install`].
///
/// Locks: ACCESS EXCLUSIVE on `t_replica_batch` while its position is widened.
///
/// # Errors
/// Those of [`crate::require_current`] where the catalog is not of version 1.3.
pub async fn complete(c: &impl GenericClient) -> Result<(), CatalogError> {
    sessions::lock_upgrade(c).await?;
    match version(c).await? {
        CatalogState::V13 | CatalogState::V13Original => {}
        _ => return crate::require_current(c).await,
    }
    db::batch(c, "complete the catalog", COMPLETE).await?;
    add_own(c).await
}

async fn add_own(c: &impl GenericClient) -> Result<(), CatalogError> {
    db::batch(c, "make the catalog's own tables", OWN_TABLES).await?;
    for function in FUNCTIONS {
        db::batch(c, "make the catalog's functions", function).await?;
    }
    crate::refresh_parts(c).await
}

/// Drops the catalog with all that is in it; the replicated tables stay. Nothing happens where
/// there is none.
///
/// # Errors
/// [`CatalogError::Newer`] and [`CatalogError::Foreign`]: what is not ours is not dropped.
pub async fn drop_schema(c: &impl GenericClient) -> Result<(), CatalogError> {
    sessions::lock_upgrade(c).await?;
    match version(c).await? {
        CatalogState::Absent => return Ok(()),
        CatalogState::Newer(version) => return Err(CatalogError::Newer { version }),
        CatalogState::Foreign => return Err(CatalogError::Foreign),
        _ => {}
    }
    let sql = "drop schema sch_chameleon cascade";
    db::batch(c, "drop the catalog", sql).await
}
