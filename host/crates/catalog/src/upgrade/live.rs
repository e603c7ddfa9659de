//! Who works with the catalog at present: an upgrade under a running replica breaks it.

use chameleon_postgres::lock::{self, Session};
use chameleon_postgres::tokio_postgres::GenericClient;
use chameleon_postgres::tokio_postgres::types::Type;

use super::error::UpgradeError;
use crate::db;
use crate::error::CatalogError;
use crate::sessions::{REPLAY_LOCK, REPLICA_LOCK, UPGRADE_LOCK, predecessor_sessions};

/// Sessions that work with the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Live {
    /// Of ours: they read or replay a source.
    pub(super) ours: Vec<Session>,
    /// Of pg_chameleon 1.x.
    pub(super) predecessors: Vec<Session>,
}

pub(super) async fn look(c: &impl GenericClient) -> Result<Live, CatalogError> {
    let keys = vec![REPLICA_LOCK.cast_unsigned(), REPLAY_LOCK.cast_unsigned()];
    let sql = include_str!("sql/sessions.sql");
    let attempt = "look for running replicas";
    lock::look_anew(c).await?;
    let rows = db::query(c, attempt, sql, &[(&keys, Type::OID_ARRAY)]).await?;
    let predecessors = predecessor_sessions(c).await?;
    Ok(Live {
        ours: rows.iter().map(session).collect::<Result<_, _>>()?,
        predecessors: predecessors
            .into_iter()
            .map(|found| found.session)
            .collect(),
    })
}

/// Goes on only where no replica is connected.
pub(super) async fn require_nobody(c: &impl GenericClient) -> Result<(), UpgradeError> {
    let live = look(c).await?;
    if let Some(session) = live.predecessors.first() {
        let session = in_words(session);
        return Err(UpgradeError::PredecessorAlive { session });
    }
    if let Some(session) = live.ours.first() {
        let session = in_words(session);
        return Err(UpgradeError::ReplicaAlive { session });
    }
    Ok(())
}

/// A status word that a process leaves behind when it is killed.
pub(super) fn says_running(status: &str) -> bool {
    matches!(status, "running" | "initialising")
}

/// Who upgrades the catalog at present. Its application name says how far it is.
///
/// # Errors
/// What the server says.
pub async fn upgrading(c: &impl GenericClient) -> Result<Option<Session>, CatalogError> {
    Ok(lock::holder(c, UPGRADE_LOCK, 0).await?)
}

/// Sessions that hold locks on the catalog's tables, in words.
pub(super) async fn holders(c: &impl GenericClient) -> Result<Vec<String>, CatalogError> {
    let sql = include_str!("sql/holders.sql");
    lock::look_anew(c).await?;
    let rows = db::query(c, "look who holds the catalog's tables", sql, &[]).await?;
    let sessions = rows.iter().map(session);
    sessions.map(|found| Ok(in_words(&found?))).collect()
}

fn session(row: &chameleon_postgres::tokio_postgres::Row) -> Result<Session, CatalogError> {
    Ok(Session {
        pid: db::get(row, "pid")?,
        application_name: db::get(row, "name")?,
        client_addr: db::get(row, "address")?,
    })
}

/// A session in words: `pid 4711, psql, from 10.0.0.7`.
pub fn in_words(session: &Session) -> String {
    let mut text = format!("pid {}", session.pid);
    for (before, part) in [
        (", ", Some(&session.application_name)),
        (", from ", session.client_addr.as_ref()),
    ] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            text.push_str(before);
            text.push_str(part);
        }
    }
    text
}
