//! `sync_replica`: refused.

use crate::error::HostError;
use crate::output::Exit;

pub(super) fn run() -> Result<Exit, HostError> {
    Err(HostError::CommandDisabled {
        command: "sync_replica",
        hint: "chameleon sync_tables --tables A,B; for everything: chameleon init_replica",
    })
}
