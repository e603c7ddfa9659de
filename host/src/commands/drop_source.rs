//! `drop_source`: removes the source from the catalog, after asking.

use chameleon_postgres::PostgresError;

use super::Outcome;
use crate::context::{Access, Context, commit};
use crate::error::HostError;

pub(super) async fn run(cx: &Context) -> Result<Outcome, HostError> {
    let mut client = cx.open_catalog(Access::Write).await?;
    let source = cx.source_row(&client).await?;
    let attempt = "drop the source";
    cx.require_idle(&client, source.id, attempt).await?;
    let question = format!(
        "Drop the source {} with its position and its relay log (the tables in schema {} stay)",
        source.name, source.dest_schema
    );
    cx.output.confirm(&question).await?;
    let begun = client.transaction().await;
    let transaction = begun.map_err(|e| PostgresError::statement(attempt, &e))?;
    chameleon_catalog::drop_source(&transaction, cx.name()).await?;
    commit(transaction, attempt).await?;
    Ok(Outcome::done(
        format_args!("{}: dropped", cx.name()),
        "dropped",
    ))
}
