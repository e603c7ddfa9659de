//! Which catalogs can be upgraded.

use chameleon_postgres::tokio_postgres::GenericClient;

use super::error::UpgradeError;
use super::survey;
use crate::CatalogError;
use crate::db;
use crate::version::CatalogState;

/// Whether an upgrade has work with a catalog in that state.
///
/// # Errors
/// What no upgrade mends, each with what to do.
pub(super) async fn upgradable(
    c: &impl GenericClient,
    state: &CatalogState,
) -> Result<bool, UpgradeError> {
    match state {
        CatalogState::V13 => Ok(false),
        CatalogState::V12 | CatalogState::Halfway | CatalogState::V13Original => Ok(true),
        CatalogState::Older(label) => Err(UpgradeError::Older {
            label: label.clone(),
        }),
        CatalogState::Foreign => {
            // a label of ours on something else: that was a catalog
            let sql = "select exists (select from pg_catalog.pg_class c \
                         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
                        where n.nspname = 'sch_chameleon' and c.relkind = 'r' and c.relname in \
                              ('t_sources', 't_replica_batch', 't_log_replica', \
                               't_replica_tables')) as was_one";
            let row = db::query_one(c, "look at the catalog", sql, &[]).await?;
            if db::get(&row, "was_one")? {
                survey::require_whole(c, state).await?;
            }
            Err(CatalogError::Foreign.into())
        }
        CatalogState::Absent => Err(CatalogError::Absent.into()),
        CatalogState::Newer(version) => Err(CatalogError::Newer {
            version: version.clone(),
        }
        .into()),
    }
}

/// What the catalog is, for people.
pub(super) fn in_words(state: &CatalogState) -> String {
    match state {
        CatalogState::Absent => "absent".into(),
        CatalogState::V13 => "1.3".into(),
        CatalogState::V13Original => "1.3 as pg_chameleon made it".into(),
        CatalogState::V12 => "1.2".into(),
        CatalogState::Halfway => "half-way between 1.2 and 1.3".into(),
        CatalogState::Older(label) | CatalogState::Newer(label) => label.clone(),
        CatalogState::Foreign => "foreign".into(),
    }
}
