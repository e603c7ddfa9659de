//! `enable_replica`: lets a source start again that was disabled or had given up.

use super::Outcome;
use crate::context::{Access, Context};
use crate::error::HostError;
use crate::wanted::enable;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let client = cx.open_catalog(Access::Write).await?;
    enable(cx, &client).await?;
    Ok(Outcome::done(
        format_args!("{}: enabled", cx.name()),
        "enabled",
    ))
}
