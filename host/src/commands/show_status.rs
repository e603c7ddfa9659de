//! `show_status`: the sources of each catalog that the configurations lead to.

use crate::cli::{GlobalOptions, StatusOptions};
use crate::context::{Context, config_paths};
use crate::error::HostError;
use crate::output::{Exit, Output};
use crate::status::{self, Status};

pub(super) async fn run(
    options: &GlobalOptions,
    arguments: &StatusOptions,
    output: Output,
) -> Result<Exit, HostError> {
    let mut worst = Exit::Done;
    let mut seen = Vec::new();
    let mut all: Option<Status> = None;
    for path in config_paths(options)? {
        let result = match Context::load(&path, output) {
            Ok(cx) if seen.contains(&cx.target_key()) => continue,
            Ok(cx) => {
                super::warn(&cx);
                seen.push(cx.target_key());
                read(&cx, arguments).await
            }
            Err(error) => Err(error),
        };
        match (result, &mut all) {
            (Ok(status), None) => all = Some(status),
            (Ok(status), Some(all)) => all.sources.extend(status.sources),
            (Err(error), _) => worst = worst.max(super::failed(output, &error)),
        }
    }
    if let Some(status) = all {
        match output.json {
            true => output.print_json(&status)?,
            false => output.print(&status.text())?,
        }
    }
    Ok(worst)
}

async fn read(cx: &Context, arguments: &StatusOptions) -> Result<Status, HostError> {
    let client = cx.connect_target().await?;
    status::read(&client, arguments.source.as_deref()).await
}
