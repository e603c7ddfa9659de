//! `list_config`: the configurations of the home directory, their sources and status.

use chameleon_catalog::CatalogState;
use chameleon_config::Home;
use chameleon_diag::Diagnostic;
use serde_json::json;

use crate::cli::GlobalOptions;
use crate::context::Context;
use crate::error::HostError;
use crate::output::{Exit, Output, table};

/// One line of the list.
struct Listed {
    config: String,
    source: Option<String>,
    /// The status word, or why there is none.
    status: String,
}

pub(super) async fn run(options: &GlobalOptions, output: Output) -> Result<Exit, HostError> {
    let home = Home::resolve(options.home.as_deref())?;
    let mut listed = Vec::new();
    for path in home.all_configs()? {
        let config = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let (source, status) = match Context::load(&path, output) {
            Ok(cx) => {
                let status = status(&cx).await.unwrap_or_else(|error| failure(&error));
                (Some(cx.name().to_owned()), status)
            }
            Err(error) => (None, failure(&error)),
        };
        listed.push(Listed {
            config,
            source,
            status,
        });
    }
    if output.json {
        let configs: Vec<_> = listed
            .iter()
            .map(|l| json!({ "config": l.config, "source": l.source, "status": l.status }))
            .collect();
        output.print_json(&json!({ "schema_version": 1, "configs": configs }))?;
        return Ok(Exit::Done);
    }
    let rows: Vec<Vec<String>> = listed
        .into_iter()
        .map(|l| vec![l.config, l.source.unwrap_or_default(), l.status])
        .collect();
    output.print(&table(&["Config file", "Source name", "Status"], &rows))?;
    Ok(Exit::Done)
}

/// The status word; `Not registered` where the source or the catalog is not there, as 1.3 says it.
async fn status(cx: &Context) -> Result<String, HostError> {
    let client = cx.connect_target().await?;
    match chameleon_catalog::version(&client).await? {
        CatalogState::Absent => return Ok("Not registered".into()),
        CatalogState::V13Original => {}
        _ => chameleon_catalog::require_current(&client).await?,
    }
    let sources = chameleon_catalog::sources(&client).await?;
    let found = sources.into_iter().find(|s| s.name == cx.name());
    Ok(found.map_or_else(|| "Not registered".into(), |s| s.status.to_string()))
}

/// What stands in the list where there is no status: the code, which `explain` explains.
fn failure(error: &HostError) -> String {
    format!("unknown [{}]", error.code())
}
