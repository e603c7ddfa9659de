//! Locks that this process holds on sources, through sessions that it may have lost.
//!
//! A source is held by an advisory lock of one session. Where that session's connection was cut, or
//! is closing, the server may still count it among the living: such a session of our own is ended,
//! and the lock taken over. A session of anybody else is named and left alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chameleon_catalog::{SourceRow, sessions};
use chameleon_postgres::{Client, PostgresError};

use crate::context::{Context, session_text};
use crate::error::HostError;

/// How long a session that was ended may take to go.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the session of a command that has ended may take to go.
pub(crate) const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked for.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// What fails when the connection is lost.
const LOOK_AT_OWN: &str = "look at our own sessions";

/// Which lock of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lock {
    /// Reading the source.
    Replica,
    /// Applying its batches.
    Replay,
}

/// Backends of this process, by process id.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnSessions(Arc<Mutex<Vec<i32>>>);

impl OwnSessions {
    /// Takes a source's lock for the session of `client`.
    ///
    /// # Errors
    /// CAT012 where somebody else has it.
    pub(crate) async fn take(
        &self,
        client: &Client,
        cx: &Context,
        row: &SourceRow,
        lock: Lock,
    ) -> Result<(), HostError> {
        let pid = backend(client).await?;
        let deadline = Instant::now() + PATIENCE;
        // A replica that opens its stream again has to wait for a command that took the chance to let
        // tables rejoin, and for whoever still applies; one that starts waits only for the session of a
        // command that has just ended.
        let again = !self.all().is_empty();
        let others = if again { PATIENCE } else { GRACE };
        let others_deadline = Instant::now() + others;
        loop {
            let taken = match lock {
                Lock::Replica => sessions::lock_replica(client, row.id).await?,
                Lock::Replay => sessions::lock_replay(client, row.id).await?,
            };
            if taken {
                self.all().push(pid);
                return Ok(());
            }
            let holder = match lock {
                Lock::Replica => sessions::replica_holder(client, row.id).await?,
                Lock::Replay => sessions::replay_holder(client, row.id).await?,
            };
            if let Some(session) = holder {
                let mine = self.all().contains(&session.pid);
                let until = if mine { deadline } else { others_deadline };
                if Instant::now() > until {
                    return Err(HostError::ReplicaAlive {
                        attempt: "start the replica of",
                        source_name: cx.name().to_owned(),
                        session: session_text(&session),
                    });
                }
                if mine {
                    let end = client
                        .execute("select pg_terminate_backend($1)", &[&session.pid])
                        .await;
                    end.map_err(|e| PostgresError::statement(LOOK_AT_OWN, &e))?;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Takes the source's replay lock for the session of `client` together with other sessions of
    /// its stream: whoever comes next waits until all of them are gone.
    ///
    /// # Errors
    /// The connection is lost.
    pub(crate) async fn share_replay(
        &self,
        client: &Client,
        row: &SourceRow,
    ) -> Result<(), HostError> {
        let pid = backend(client).await?;
        self.all().push(pid);
        Ok(sessions::share_replay(client, row.id).await?)
    }

    fn all(&self) -> MutexGuard<'_, Vec<i32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The process that serves the session.
async fn backend(client: &Client) -> Result<i32, PostgresError> {
    let read = client.query_one("select pg_backend_pid()", &[]).await;
    read.and_then(|row| row.try_get(0))
        .map_err(|e| PostgresError::statement(LOOK_AT_OWN, &e))
}
