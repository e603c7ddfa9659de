//! `upgrade_schema`: brings the catalog to version 1.3.
//!
//! A catalog that pg_chameleon 1.3 made gets the tables that are missing. One of 1.2 is refused
//! with a code: this build does not upgrade it.

use chameleon_catalog::CatalogState;

use super::Outcome;
use crate::cli::UpgradeOptions;
use crate::context::{Context, complete_catalog};
use crate::error::HostError;

pub(super) async fn run(cx: &Context, options: UpgradeOptions) -> Result<Outcome, HostError> {
    let mut client = cx.connect_target().await?;
    let database = &cx.config.pg_database;
    if chameleon_catalog::version(&client).await? == CatalogState::V13Original {
        complete_catalog(&mut client, options.force).await?;
        let line = format!("{database}: the catalog is of version 1.3 and complete now");
        return Ok(Outcome::done(line, "completed"));
    }
    chameleon_catalog::require_current(&client).await?;
    let line = format!("{database}: the catalog is of version 1.3, which is current");
    Ok(Outcome::done(line, "current"))
}
