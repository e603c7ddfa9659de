//! `create_schema`: makes the catalog.

use chameleon_postgres::PostgresError;

use super::Outcome;
use crate::context::{Context, commit};
use crate::error::HostError;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let mut client = cx.connect_target().await?;
    let begun = client.transaction().await;
    let transaction =
        begun.map_err(|e| PostgresError::statement("begin to make the catalog", &e))?;
    chameleon_catalog::install(&transaction).await?;
    commit(transaction, "make the catalog").await?;
    let database = &cx.config.pg_database;
    Ok(Outcome::done(
        format_args!("{database}: catalog of version 1.3 made"),
        "created",
    ))
}
