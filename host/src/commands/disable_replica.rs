//! `disable_replica`: stops the replica and keeps it from starting.

use chameleon_catalog::control::Wanted;

use super::Outcome;
use crate::cli::StopOptions;
use crate::context::{Access, Context};
use crate::error::HostError;
use crate::wanted::stop;

pub(super) async fn run(cx: &Context, options: StopOptions) -> Result<Outcome, HostError> {
    let client = cx.open_catalog(Access::Write).await?;
    stop(cx, &client, Wanted::Disable, options).await?;
    Ok(Outcome::done(
        format_args!("{}: disabled", cx.name()),
        "disabled",
    ))
}
