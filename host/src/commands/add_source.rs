//! `add_source`: registers the source.

use chameleon_postgres::PostgresError;

use super::Outcome;
use crate::context::{Access, Context, commit};
use crate::error::HostError;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let mut client = cx.open_catalog(Access::Write).await?;
    let attempt = "register the source";
    let begun = client.transaction().await;
    let transaction = begun.map_err(|e| PostgresError::statement(attempt, &e))?;
    let schema = &cx.config.dest_schema;
    chameleon_catalog::add_source(&transaction, cx.name(), schema).await?;
    commit(transaction, attempt).await?;
    let line = format!(
        "{}: registered, to be replicated into schema {schema}",
        cx.name()
    );
    Ok(Outcome::done(line, "added"))
}
