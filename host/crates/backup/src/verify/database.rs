//! A scratch database on the catalog's server.
//!
//! It goes with the verification. A program that is interrupted or killed leaves it there: its name
//! says of which process on which machine it is, and the next verification drops those whose
//! process is gone.

use chameleon_postgres::{Client, ConnectOptions, Failure, connect, quote_ident};
use sha2::{Digest, Sha256};

use super::{Restored, create_database, restored};
use crate::error::BackupError;
use crate::inspect;
use crate::machine;
use crate::manifest::Backup;

/// What the names of all scratch databases begin with; process and machine follow.
const PREFIX: &str = "chameleon_verify_";

/// Why there is no result from a scratch database.
pub(super) enum NoDatabase {
    /// It could not be made.
    Refused(String),
    /// It was made.
    Failed(BackupError),
}

/// Restores the backup into a database of its own on the server where the catalog lives, and
/// compares.
pub(super) async fn restored_in(
    backup: &Backup,
    live: Option<&ConnectOptions>,
) -> Result<Restored, NoDatabase> {
    let refused = |reason: String| {
        NoDatabase::Refused(format!("make a scratch database on the server: {reason}"))
    };
    let live = live.ok_or_else(|| refused("no server is named".into()))?;
    let admin = connect(live)
        .await
        .map_err(|error| refused(error.to_string()))?;
    drop_left_behind(&admin).await;
    let name = format!("{PREFIX}{}{}", std::process::id(), suffix());
    let encoding = &backup.manifest.server.encoding;
    let create = create_database(&name, encoding);
    let major = inspect::server(&admin, "", 0)
        .await
        .map_err(NoDatabase::Failed)?
        .major();
    if major < backup.manifest.server.major() {
        return Err(refused(format!(
            "it is of version {major}, older than the backup"
        )));
    }
    let created = admin.batch_execute(&create).await;
    created.map_err(|error| refused(Failure::from(&error).to_string()))?;
    let options = ConnectOptions {
        database: name.clone(),
        ..live.clone()
    };
    let result = match connect(&options).await {
        Ok(c) => restored(backup, &c).await,
        Err(error) => Err(error.into()),
    };
    let drop = drop_database(&name);
    let dropped = inspect::execute(&admin, "drop the scratch database", &drop).await;
    let restored = result.map_err(NoDatabase::Failed)?;
    dropped.map_err(NoDatabase::Failed)?;
    Ok(restored)
}

/// What the name ends with on this machine: its host name may be too long for it.
fn suffix() -> String {
    let digest = Sha256::digest(machine::host_name());
    let start = digest.iter().take(4).map(|byte| format!("{byte:02x}"));
    format!("_{}", start.collect::<String>())
}

/// Drops databases of processes on this machine that could not do it. One that is not this role's
/// to drop stays.
async fn drop_left_behind(admin: &Client) {
    let sql = format!(
        "select datname::text as name from pg_catalog.pg_database \
          where pg_catalog.starts_with(datname::text, '{PREFIX}')"
    );
    let rows = inspect::query(admin, "list the scratch databases", &sql).await;
    let (host, suffix) = (machine::host_name(), suffix());
    for row in rows.unwrap_or_default() {
        let Ok(name) = inspect::get::<String>(&row, "name") else {
            continue;
        };
        let process = name.strip_prefix(PREFIX);
        let process = process.and_then(|rest| rest.strip_suffix(&suffix));
        if process.is_some_and(|pid| pid.parse::<u32>().is_ok() && machine::is_gone(&host, pid)) {
            let drop = drop_database(&name);
            if let Err(error) = inspect::execute(admin, "drop a scratch database", &drop).await {
                tracing::debug!(database = name, %error, "scratch database stays");
            }
        }
    }
}

fn drop_database(name: &str) -> String {
    format!("drop database if exists {} with (force)", quote_ident(name))
}
