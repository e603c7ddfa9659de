//! What the operator wants of a source: written into the catalog, obeyed by whichever host runs it.
//!
//! A host holds the source's advisory lock for as long as it runs, so the lock tells when it has
//! obeyed. Nothing is asked of the host itself: it may be on any machine.

use std::time::Duration;

use chameleon_catalog::control::{self, Wanted};
use chameleon_catalog::{SourceRow, SourceStatus, sessions};
use chameleon_postgres::Client;
use tokio::time::Instant;

use crate::cli::StopOptions;
use crate::context::{Context, session_text};
use crate::error::HostError;

/// Pause between two looks at the lock.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How a stop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A host was there and is gone.
    Stopped,
    /// No host was there.
    WasNotRunning,
    /// No host was there, and the source is disabled, which stopping does not change.
    StaysDisabled,
}

/// Wishes the end of the replica and waits until no session holds the source. A status word
/// `running` that a killed host left behind becomes `stopped`.
///
/// # Errors
/// CAT007 where the source is not registered, CAT013 where pg_chameleon 1.x runs it, CFG055 where
/// the host does not obey in time: the wish stays.
pub async fn stop(
    cx: &Context,
    client: &Client,
    wanted: Wanted,
    options: StopOptions,
) -> Result<Ended, HostError> {
    let source = cx.source_row(client).await?;
    cx.require_no_predecessor(client, "stop the replica")
        .await?;
    // looked at before the wish is there, so that a host that obeys at once counts
    let was_there = cx.replica_alive(client, source.id).await?.is_some();
    let disabled = control::wanted(client, source.id).await? == Wanted::Disable;
    if !disabled || wanted == Wanted::Disable {
        control::set_wanted(client, source.id, wanted, &operator()).await?;
    }
    let was_running = wait_for_end(cx, client, &source, options.timeout).await? || was_there;
    let after = cx.source_row(client).await?;
    if after.status == SourceStatus::Running {
        chameleon_catalog::set_status(client, source.id, SourceStatus::Stopped).await?;
    }
    Ok(match was_running {
        true => Ended::Stopped,
        false if disabled => Ended::StaysDisabled,
        false => Ended::WasNotRunning,
    })
}

/// Lets the source start again. The status word `error` becomes `stopped`, as 1.3 has it.
///
/// # Errors
/// CAT007 where the source is not registered, CAT013 where pg_chameleon 1.x runs it.
pub async fn enable(cx: &Context, client: &Client) -> Result<(), HostError> {
    let source = cx.source_row(client).await?;
    cx.require_no_predecessor(client, "enable the replica")
        .await?;
    if control::wanted(client, source.id).await? == Wanted::Disable {
        control::set_wanted(client, source.id, Wanted::Run, &operator()).await?;
    }
    if source.status == SourceStatus::Error {
        chameleon_catalog::set_status(client, source.id, SourceStatus::Stopped).await?;
    }
    Ok(())
}

/// Waits until no session holds the source; whether one did.
async fn wait_for_end(
    cx: &Context,
    client: &Client,
    source: &SourceRow,
    seconds: u64,
) -> Result<bool, HostError> {
    let started = Instant::now();
    let mut was_running = false;
    while let Some(session) = sessions::replica_holder(client, source.id).await? {
        was_running = true;
        if started.elapsed() >= Duration::from_secs(seconds) {
            return Err(HostError::DidNotStop {
                source_name: cx.name().to_owned(),
                seconds,
                session: session_text(&session),
            });
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(was_running)
}

/// Who wishes: `user@machine`.
pub fn operator() -> String {
    let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname");
    format!(
        "{}@{}",
        user.as_deref().unwrap_or("somebody"),
        machine.as_deref().map_or("somewhere", str::trim)
    )
}
