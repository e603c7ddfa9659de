//! Who works for a source: advisory locks of ours, sessions of pg_chameleon 1.x.
//!
//! Advisory locks are of the two-key kind, in the target database. The first key says what for
//! ([`REPLICA_LOCK`], [`REPLAY_LOCK`], [`UPGRADE_LOCK`]), the second is the source's id (0 for the
//! upgrade). `fn_process_batch` takes [`REPLAY_LOCK`] for its transaction, and so does every other
//! replay.

use chameleon_postgres::lock::{self, Session};
use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::db;
use crate::error::CatalogError;
use crate::ids::SourceId;

/// First key of the lock that the one host of a source holds while it runs ("CHRP").
pub const REPLICA_LOCK: i32 = 0x4348_5250;

/// First key of the lock that whoever replays a source's batches holds ("CHRY").
pub const REPLAY_LOCK: i32 = 0x4348_5259;

/// First key of the lock that is held while the catalog is made or upgraded ("CHUP").
pub const UPGRADE_LOCK: i32 = 0x4348_5550;

/// Second key of a source's locks.
///
/// # Errors
/// [`CatalogError::Unreadable`] for ids that do not fit, of which there is none in practice.
pub fn lock_key(source: SourceId) -> Result<i32, CatalogError> {
    i32::try_from(source.0).map_err(|_| CatalogError::Unreadable {
        what: format!("source {source} of t_sources"),
        reason: "its id is beyond 31 bits".into(),
    })
}

/// Takes the lock of the source's one host for this session, without waiting. False: another
/// session holds it; [`replica_holder`] names it.
pub async fn lock_replica(c: &impl GenericClient, source: SourceId) -> Result<bool, CatalogError> {
    Ok(lock::advisory_lock(c, REPLICA_LOCK, lock_key(source)?).await?)
}

/// Gives the lock of [`lock_replica`] back. False: this session did not hold it.
pub async fn unlock_replica(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<bool, CatalogError> {
    Ok(lock::advisory_unlock(c, REPLICA_LOCK, lock_key(source)?).await?)
}

/// The session of the source's host, where one is alive.
pub async fn replica_holder(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<Session>, CatalogError> {
    Ok(lock::holder(c, REPLICA_LOCK, lock_key(source)?).await?)
}

/// Takes the source's replay lock for this session, without waiting. False: another session has it.
pub async fn lock_replay(c: &impl GenericClient, source: SourceId) -> Result<bool, CatalogError> {
    Ok(lock::advisory_lock(c, REPLAY_LOCK, lock_key(source)?).await?)
}

/// Takes the source's replay lock together with other sessions of one host, waiting for whoever has
/// it alone. Nobody can take it alone until all of them are gone.
pub async fn share_replay(c: &impl GenericClient, source: SourceId) -> Result<(), CatalogError> {
    let sql = "select pg_advisory_lock_shared($1, $2)";
    let key = lock_key(source)?;
    let params = [(&REPLAY_LOCK as _, Type::INT4), (&key as _, Type::INT4)];
    db::query(c, "share the replay lock", sql, &params).await?;
    Ok(())
}

/// Gives the lock of [`lock_replay`] back. False: this session did not hold it.
pub async fn unlock_replay(c: &impl GenericClient, source: SourceId) -> Result<bool, CatalogError> {
    Ok(lock::advisory_unlock(c, REPLAY_LOCK, lock_key(source)?).await?)
}

/// The session that replays the source's batches, where there is one.
pub async fn replay_holder(
    c: &impl GenericClient,
    source: SourceId,
) -> Result<Option<Session>, CatalogError> {
    Ok(lock::holder(c, REPLAY_LOCK, lock_key(source)?).await?)
}

/// Waits for the upgrade lock and holds it to the end of the transaction.
pub async fn lock_upgrade(c: &impl GenericClient) -> Result<(), CatalogError> {
    let sql = "select pg_advisory_xact_lock($1, 0)";
    db::query(
        c,
        "wait for the upgrade lock",
        sql,
        &[(&UPGRADE_LOCK, Type::INT4)],
    )
    .await?;
    Ok(())
}

/// A session of pg_chameleon 1.x.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredecessorSession {
    /// The session.
    pub session: Session,
    /// Source that its application name says; `None` where it says none (1.2, or 1.3 before its
    /// first batch), so that it may be any.
    pub source: Option<String>,
}

/// Live sessions of pg_chameleon 1.x in this database.
///
/// 1.3 is known by an application name that begins `[PGCH]`. 1.2 sets none: a session without
/// application name whose last statement was on the catalog's tables counts as one. The statement
/// is only seen of one's own role or with the role `pg_read_all_stats`.
pub async fn predecessor_sessions(
    c: &impl GenericClient,
) -> Result<Vec<PredecessorSession>, CatalogError> {
    let sql = "select pid, application_name as name, host(client_addr) as address, \
                      substring(application_name \
                                from '^\\[PGCH\\] - source: (.*), action: [^,]*$') as source \
                 from pg_stat_activity \
                where datname = current_database() and pid <> pg_backend_pid() \
                  and backend_type = 'client backend' \
                  and (application_name like '[PGCH]%' \
                       or (application_name = '' and strpos(query, 'sch_chameleon.') > 0)) \
                order by pid";
    lock::look_anew(c).await?;
    let rows = db::query(c, "look for sessions of pg_chameleon 1.x", sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(PredecessorSession {
                session: Session {
                    pid: db::get(row, "pid")?,
                    application_name: db::get(row, "name")?,
                    client_addr: db::get(row, "address")?,
                },
                source: db::get(row, "source")?,
            })
        })
        .collect()
}

/// The sessions among `all` that may work for the source: those that name it and those that name
/// none.
pub fn may_work_for<'a>(
    all: &'a [PredecessorSession],
    source: &'a str,
) -> impl Iterator<Item = &'a PredecessorSession> {
    all.iter()
        .filter(move |s| s.source.as_deref().is_none_or(|named| named == source))
}
