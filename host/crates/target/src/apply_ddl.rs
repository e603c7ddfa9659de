//! Runs rendered DDL at the target, inside the caller's transaction.
//!
//! DDL waits for its lock [`LOCK_TIMEOUT`] at most, so that a long query at the target makes the
//! replay try again instead of queueing every other session behind it.

use chameleon_postgres::{Class, Client, Failure};

use crate::error::TargetError;

/// How long DDL may wait for a lock, as PostgreSQL reads it.
const LOCK_TIMEOUT: &str = "2s";

/// Runs the statements under a savepoint. `Ok(Some(error))`: the target refuses them and nothing of
/// them is done; that concerns `table` alone.
///
/// # Errors
/// What concerns the whole batch: the connection, a lock not to be had in time.
pub(crate) async fn run(
    client: &Client,
    table: &str,
    script: &str,
) -> Result<Option<TargetError>, TargetError> {
    let fail = |error: &tokio_postgres::Error| TargetError::Apply {
        table: table.to_owned(),
        source: Failure::from(error),
    };
    let begin = format!("savepoint ddl; set local lock_timeout = '{LOCK_TIMEOUT}'");
    client.batch_execute(&begin).await.map_err(|e| fail(&e))?;
    match client.batch_execute(script).await {
        Ok(()) => {
            let end = "release savepoint ddl; set local lock_timeout = 0";
            client.batch_execute(end).await.map_err(|e| fail(&e))?;
            Ok(None)
        }
        Err(error) => {
            let error = fail(&error);
            if matches!(error.class(), Class::Connection | Class::Lock | Class::Disk) {
                return Err(error);
            }
            client
                .batch_execute("rollback to savepoint ddl")
                .await
                .map_err(|e| fail(&e))?;
            Ok(Some(error))
        }
    }
}
