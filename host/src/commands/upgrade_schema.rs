//! `upgrade_schema`: brings the catalog to version 1.3, after a verified backup.

use serde_json::json;

use super::Outcome;
use crate::cli::UpgradeOptions;
use crate::context::Context;
use crate::error::HostError;
use crate::output::Exit;
use crate::upgrade::upgrade;

pub(super) async fn run(cx: &Context, options: UpgradeOptions) -> Result<Outcome, HostError> {
    let database = &cx.config.pg_database;
    let Some(upgraded) = upgrade(cx, options.force).await? else {
        let line = format!("{database}: the catalog is of version 1.3, which is current");
        return Ok(Outcome::done(line, "current"));
    };
    let whole = upgraded.verification.whole;
    let mut value = json!(upgraded);
    value["result"] = "upgraded".into();
    Ok(Outcome {
        exit: if whole { Exit::Done } else { Exit::Findings },
        text: format!("on {database}\n{}", upgraded.text()),
        value,
    })
}
