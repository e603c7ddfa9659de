//! Advisory locks of a session.

use tokio_postgres::GenericClient;
use tokio_postgres::types::Type;

use crate::error::PostgresError;

/// A session at the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Process id of the backend.
    pub pid: i32,
    /// Its application name.
    pub application_name: String,
    /// Where it comes from; `None` for a Unix socket, or where the right to see it is missing.
    pub client_addr: Option<String>,
}

/// Takes the advisory lock for this session, without waiting. False: another session holds it.
/// It is held until [`advisory_unlock`] or the session's end, whatever becomes of a transaction.
/// Taken twice, it must be given back twice.
pub async fn advisory_lock(
    client: &impl GenericClient,
    key1: i32,
    key2: i32,
) -> Result<bool, PostgresError> {
    answer(client, "pg_try_advisory_lock", key1, key2).await
}

/// Gives the advisory lock back. False: this session did not hold it.
pub async fn advisory_unlock(
    client: &impl GenericClient,
    key1: i32,
    key2: i32,
) -> Result<bool, PostgresError> {
    answer(client, "pg_advisory_unlock", key1, key2).await
}

/// Makes the next look at `pg_stat_activity` a new one: within a transaction the server answers every
/// look with the sessions that it found at the first.
///
/// # Errors
/// What the server says.
pub async fn look_anew(client: &impl GenericClient) -> Result<(), PostgresError> {
    client
        .batch_execute("select pg_catalog.pg_stat_clear_snapshot()")
        .await
        .map_err(|e| PostgresError::statement("look anew at the sessions", &e))
}

/// The session that holds the advisory lock in this database.
pub async fn holder(
    client: &impl GenericClient,
    key1: i32,
    key2: i32,
) -> Result<Option<Session>, PostgresError> {
    // pg_locks shows the two keys as OIDs (unsigned), objsubid 2 marks the form with two keys
    let query = "select l.pid, coalesce(a.application_name, ''), host(a.client_addr) \
         from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid \
         where l.locktype = 'advisory' and l.granted and l.objsubid = 2 \
         and l.classid = $1 and l.objid = $2 and l.database = \
         (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())";
    let attempt = || format!("look for the holder of the advisory lock ({key1}, {key2})");
    look_anew(client).await?;
    let keys = (key1.cast_unsigned(), key2.cast_unsigned());
    let rows = client
        .query_typed(query, &[(&keys.0, Type::OID), (&keys.1, Type::OID)])
        .await
        .map_err(|e| PostgresError::statement(attempt(), &e))?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let read = || -> Result<Session, tokio_postgres::Error> {
        Ok(Session {
            pid: row.try_get(0)?,
            application_name: row.try_get(1)?,
            client_addr: row.try_get(2)?,
        })
    };
    read()
        .map(Some)
        .map_err(|e| PostgresError::statement(attempt(), &e))
}

async fn answer(
    client: &impl GenericClient,
    function: &str,
    key1: i32,
    key2: i32,
) -> Result<bool, PostgresError> {
    let query = format!("select pg_catalog.{function}($1, $2)");
    let attempt = || format!("{function} of the advisory lock ({key1}, {key2})");
    let row = client
        .query_typed_one(&query, &[(&key1, Type::INT4), (&key2, Type::INT4)])
        .await
        .map_err(|e| PostgresError::statement(attempt(), &e))?;
    row.try_get(0)
        .map_err(|e| PostgresError::statement(attempt(), &e))
}
