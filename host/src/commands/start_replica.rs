//! `start_replica`: replicates all sources named, in the foreground, until told to stop.

use std::net::SocketAddr;
use std::time::Duration;

use chameleon_catalog::control::{self, Wanted};

use crate::cli::{GlobalOptions, StartArguments};
use crate::context::{Access, Context, config_paths, session_text};
use crate::error::HostError;
use crate::http::{self, Health};
use crate::output::{Exit, Output};
use crate::stop::Stop;
use crate::supervisor::{self, RunOptions, Until};
use crate::wanted::operator;

/// A replica that was told to stop and has not by then is abandoned: nothing is lost by that,
/// because rows and position commit together.
const LONGEST_STOP: Duration = Duration::from_secs(10);

pub(super) async fn run(
    options: &GlobalOptions,
    arguments: &StartArguments,
    output: Output,
    stop: &Stop,
) -> Result<Exit, HostError> {
    let mut contexts: Vec<Context> = Vec::new();
    for path in config_paths(options)? {
        let cx = Context::load(&path, output)?;
        super::warn(&cx);
        refuse_twice(&contexts, &cx)?;
        contexts.push(cx);
    }
    if contexts.len() > 1 && arguments.until_position.is_some() {
        let what = "start several replicas until one position: positions are of one source";
        return Err(HostError::usage(what, "name one configuration"));
    }
    for cx in &contexts {
        cx.chain()?;
        may_start(cx).await?;
    }
    let health = Health::default();
    let addresses = addresses(&contexts);
    if !addresses.is_empty() {
        http::serve(&addresses, health.clone()).await?;
    }
    let until = match &arguments.until_position {
        Some(position) => Until::Position(position.clone()),
        None if arguments.until_caught_up => Until::CaughtUp,
        None => Until::Stopped,
    };
    let stop = stop.clone();
    let too_late = {
        let stop = stop.clone();
        async move {
            stop.wait().await;
            tokio::time::sleep(LONGEST_STOP).await;
        }
    };
    tokio::select! {
        ended = supervisor::run(contexts, RunOptions { until, stop, health }) => ended?,
        () = too_late => {
            tracing::warn!("not stopped in time, ending at once");
            return Ok(Exit::Interrupted);
        }
    }
    Ok(Exit::Done)
}

fn refuse_twice(contexts: &[Context], cx: &Context) -> Result<(), HostError> {
    let same = |c: &&Context| c.name() == cx.name() && c.target_key() == cx.target_key();
    match contexts.iter().find(same) {
        None => Ok(()),
        Some(first) => Err(HostError::SameSource {
            source_name: cx.name().to_owned(),
            first: first.config.name.clone(),
            second: cx.config.name.clone(),
        }),
    }
}

/// Refuses a disabled source, and takes back the wish that ended an earlier run.
async fn may_start(cx: &Context) -> Result<(), HostError> {
    let client = cx.open_catalog(Access::Write).await?;
    let source = cx.source_row(&client).await?;
    match control::wanted(&client, source.id).await? {
        Wanted::Run => Ok(()),
        Wanted::Disable => Err(HostError::SourceDisabled {
            source_name: source.name,
        }),
        Wanted::Stop => {
            // the wish may still be on its way to a replica that runs
            if let Some(session) = cx.replica_alive(&client, source.id).await? {
                return Err(HostError::ReplicaAlive {
                    attempt: "start the replica of",
                    source_name: source.name,
                    session: session_text(&session),
                });
            }
            Ok(control::set_wanted(&client, source.id, Wanted::Run, &operator()).await?)
        }
    }
}

/// Where metrics and health are served, each address once.
fn addresses(contexts: &[Context]) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = contexts
        .iter()
        .filter_map(|cx| cx.config.http)
        .map(|http| http.listen)
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}
