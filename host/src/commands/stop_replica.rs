//! `stop_replica`: wishes the stop and waits for it.

use chameleon_catalog::control::Wanted;

use super::Outcome;
use crate::cli::StopOptions;
use crate::context::{Access, Context};
use crate::error::HostError;
use crate::wanted::{Ended, stop};

pub(super) async fn run(cx: &Context, options: StopOptions) -> Result<Outcome, HostError> {
    let client = cx.open_catalog(Access::Write).await?;
    let name = cx.name();
    Ok(match stop(cx, &client, Wanted::Stop, options).await? {
        Ended::Stopped => Outcome::done(format_args!("{name}: stopped"), "stopped"),
        Ended::WasNotRunning => {
            Outcome::done(format_args!("{name}: was not running"), "not_running")
        }
        Ended::StaysDisabled => Outcome::done(
            format_args!("{name}: was not running, and stays disabled"),
            "disabled",
        ),
    })
}
