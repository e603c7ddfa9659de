//! `drop_schema`: drops the catalog, after asking.

use chameleon_catalog::{CatalogState, sessions};
use chameleon_postgres::{Client, PostgresError};

use super::Outcome;
use crate::context::{Context, commit, session_text};
use crate::error::HostError;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let mut client = cx.connect_target().await?;
    let database = &cx.config.pg_database;
    let state = chameleon_catalog::version(&client).await?;
    if state == CatalogState::Absent {
        let line = format!("{database}: there is no catalog");
        return Ok(Outcome::done(line, "absent"));
    }
    refuse_living(&client, &state).await?;
    let question = format!(
        "Drop the catalog of {database} with the positions of all its sources (the replicated \
         tables stay)"
    );
    cx.output.confirm(&question).await?;
    let begun = client.transaction().await;
    let transaction =
        begun.map_err(|e| PostgresError::statement("begin to drop the catalog", &e))?;
    chameleon_catalog::drop_schema(&transaction).await?;
    commit(transaction, "drop the catalog").await?;
    Ok(Outcome::done(
        format_args!("{database}: catalog dropped"),
        "dropped",
    ))
}

/// Refuses while any replica works with the catalog.
async fn refuse_living(client: &Client, state: &CatalogState) -> Result<(), HostError> {
    let attempt = "drop the catalog under";
    if let Some(found) = sessions::predecessor_sessions(client).await?.first() {
        return Err(HostError::PredecessorAlive {
            attempt: "drop the catalog",
            session: session_text(&found.session),
        });
    }
    if !matches!(state, CatalogState::V13 | CatalogState::V13Original) {
        return Ok(());
    }
    for source in chameleon_catalog::sources(client).await? {
        if let Some(session) = sessions::replica_holder(client, source.id).await? {
            return Err(HostError::ReplicaAlive {
                attempt,
                source_name: source.name,
                session: session_text(&session),
            });
        }
    }
    Ok(())
}
