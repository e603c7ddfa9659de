//! `dry-run --dump`: the upgrade on a scratch server, from a backup. Nothing of production is
//! touched, or needed.

use std::path::Path;

use chameleon_backup::{Backup, Owner, Part, Scratch};
use chameleon_catalog::upgrade::{self, Options};
use chameleon_postgres::connect;

use super::Ran;
use crate::error::ToolsError;

/// Restores the backup, upgrades it, and compares the result with a new catalog and with the
/// backup.
pub(super) async fn dry_run(file: &Path, json: bool) -> Result<Ran, ToolsError> {
    let backup = Backup::open(file).await?;
    let server = &backup.manifest.server;
    let scratch = Scratch::start(server.major()).await?;
    let database = scratch.database("catalog", &server.encoding).await?;
    let mut client = connect(&database).await?;
    backup.restore_into(&client, Owner::Drop, Part::All).await?;
    // what a status word says of the living catalog does not matter here
    let options = Options {
        force: true,
        dry_run: false,
    };
    let outcome = super::carry_out(&mut client, options, json).await?;
    let mut found = upgrade::verify(&client).await?;
    super::compare_rows(&client, &backup, &mut found).await?;
    Ok(Ran {
        schema_version: 1,
        server: scratch.describe().to_owned(),
        outcome,
        verification: Some(found),
    })
}
