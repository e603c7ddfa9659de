//! `sync_tables`: copies single tables anew.

use super::Outcome;
use super::init_replica::{outcome, text};
use crate::cli::SyncArguments;
use crate::context::Context;
use crate::error::HostError;
use crate::resync::{self, SyncOptions, SyncTables};
use crate::stop::Stop;

pub(super) async fn run(
    cx: &Context,
    arguments: &SyncArguments,
    stop: &Stop,
) -> Result<Outcome, HostError> {
    // what a transform lacks is said before anything is asked of the servers
    cx.chain()?;
    let names = &arguments.tables;
    // the word of 1.x for what is held; a table of that name can be copied together with another
    let tables = match names.as_slice() {
        [word] if word == "disabled" => SyncTables::Disabled,
        _ => SyncTables::Named(names.clone()),
    };
    let stop = stop.clone();
    let options = SyncOptions {
        tables,
        drop_dependants: cx.output.assume_yes,
        stop,
    };
    let report = resync::sync_tables(cx, options).await?;
    Ok(outcome(&report, text(cx.name(), &report)))
}
