//! `detach_replica`: makes the replicated schema a database of its own.
//!
//! The replica is stopped; sequences go on after the largest value that is there; foreign keys are
//! added without check and then validated one by one, which blocks nobody for long; at last the
//! source leaves the catalog. What fails for one table is reported and does not keep the rest from
//! being done.

use std::sync::Arc;

use chameleon_catalog::control::Wanted;
use chameleon_catalog::{BatchId, SourceRow, batches, history};
use chameleon_ddl::render::{ForeignKeyPlan, foreign_keys};
use chameleon_model::TableSchema;
use chameleon_mysql::introspect;
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Class, Client, Failure, PostgresError, quote_ident, quote_qualified};
use serde::Serialize;

use crate::cli::StopOptions;
use crate::context::{Context, commit};
use crate::error::HostError;
use crate::shape::Shaper;
use crate::wanted;

/// What became of the objects of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Detached {
    /// Sequences that were set.
    pub sequences: Vec<SequenceSet>,
    /// Foreign keys of all tables.
    pub foreign_keys: Vec<ForeignKeyResult>,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SequenceSet {
    /// Table whose column it fills.
    pub table: String,
    /// The column.
    pub column: String,
    /// The value that comes next.
    pub next: i64,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ForeignKeyResult {
    /// Referencing table at the source.
    pub table: String,
    /// Constraint name at the target.
    pub name: String,
    /// `valid`, `not_valid` or `missing`.
    pub state: &'static str,
    /// Why it is not valid.
    pub reason: Option<String>,
}

impl Detached {
    /// Every foreign key is there and valid.
    pub fn is_complete(&self) -> bool {
        self.foreign_keys.iter().all(|key| key.state == "valid")
    }
}

/// Detaches the source. Returns when it is out of the catalog.
///
/// # Errors
/// Those of [`wanted::stop`]; CAT031 where changes wait for replay. Then the source is stopped and
/// otherwise as it was.
pub async fn detach(
    cx: &Context,
    client: &mut Client,
    options: StopOptions,
) -> Result<Detached, HostError> {
    let source = cx.source_row(client).await?;
    wanted::stop(cx, client, Wanted::Stop, options).await?;
    let backlog = batches::backlog(client, source.id).await?;
    if backlog.batches > 0 {
        return Err(HostError::Unreplayed {
            attempt: "detach the replica of",
            source_name: source.name,
            batches: backlog.batches,
            rows: backlog.rows,
        });
    }
    let tables = tables(cx, client, &source).await?;
    let sequences = set_sequences(client, &source.dest_schema).await?;
    let foreign_keys = add_foreign_keys(cx, client, &tables).await?;
    let attempt = "drop the source";
    let begun = client.transaction().await;
    let transaction = begun.map_err(|e| PostgresError::statement(attempt, &e))?;
    chameleon_catalog::drop_source(&transaction, &source.name).await?;
    commit(transaction, attempt).await?;
    Ok(Detached {
        sequences,
        foreign_keys,
    })
}

/// The tables as the catalog knows them; where pg_chameleon 1.x made the replica, as they are at the
/// source now.
async fn tables(
    cx: &Context,
    client: &Client,
    source: &SourceRow,
) -> Result<Vec<Arc<TableSchema>>, HostError> {
    let known = history::load(client, source.id, BatchId(i64::MAX)).await?;
    if !known.is_empty() {
        return Ok(known);
    }
    let mut conn = cx.connect_source().await?;
    let tables = introspect::load_tables(&mut conn, &cx.source.database, &cx.selection).await?;
    conn.close().await;
    Ok(tables.into_iter().map(Arc::new).collect())
}

/// Sets every sequence that a column of the schema owns, identity or serial, to go on after the
/// column's largest value.
async fn set_sequences(client: &Client, schema: &str) -> Result<Vec<SequenceSet>, HostError> {
    let attempt = || format!("list the sequences of {}", quote_ident(schema));
    let failed = |error| PostgresError::statement(attempt(), &error);
    // deptype: a is serial, i is identity
    let sql = "select t.relname::text, a.attname::text, s.oid::regclass::text \
                 from pg_class s \
                 join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid \
                      and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i') \
                 join pg_class t on t.oid = d.refobjid \
                 join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid \
                 join pg_namespace n on n.oid = t.relnamespace \
                where s.relkind = 'S' and n.nspname = $1 order by 1, 2";
    let rows = client
        .query_typed(sql, &[(&schema as _, Type::TEXT)])
        .await
        .map_err(failed)?;
    let mut set = Vec::new();
    for row in rows {
        let table: String = row.try_get(0).map_err(failed)?;
        let column: String = row.try_get(1).map_err(failed)?;
        let sequence: String = row.try_get(2).map_err(failed)?;
        let next = set_sequence(client, schema, &table, &column, &sequence).await?;
        set.push(SequenceSet {
            table,
            column,
            next,
        });
    }
    Ok(set)
}

async fn set_sequence(
    client: &Client,
    schema: &str,
    table: &str,
    column: &str,
    sequence: &str,
) -> Result<i64, HostError> {
    let table = quote_qualified(schema, table);
    let attempt = || format!("set the sequence of {table}.{}", quote_ident(column));
    let failed = |error| PostgresError::statement(attempt(), &error);
    let column = quote_ident(column);
    let sql = format!(
        "select setval($1::text::regclass, greatest(coalesce(max({column}), 0) + 1, 1), false) \
           from {table}"
    );
    let params = [(&sequence as _, Type::TEXT)];
    let row = client
        .query_typed_one(&sql, &params)
        .await
        .map_err(failed)?;
    Ok(row.try_get(0).map_err(failed)?)
}

async fn add_foreign_keys(
    cx: &Context,
    client: &Client,
    tables: &[Arc<TableSchema>],
) -> Result<Vec<ForeignKeyResult>, HostError> {
    let mut shaper = Shaper::new(cx)?;
    for table in tables {
        if let Err(refused) = shaper.learn(table) {
            tracing::warn!(table = %table.name, reason = refused.reason, "table left out");
        }
    }
    let targets = shaper.referring_targets();
    let mut mapping = cx.mapping();
    mapping.learn(targets.iter().collect::<Vec<_>>());
    let mut results = Vec::new();
    for table in &targets {
        for plan in foreign_keys(table, &mapping) {
            let (state, reason) = add_foreign_key(client, &plan).await?;
            results.push(ForeignKeyResult {
                table: table.name.name.clone(),
                name: plan.name,
                state,
                reason: reason.map(|failure| failure.to_string()),
            });
        }
    }
    Ok(results)
}

/// Adds one foreign key and validates it. A lost connection is an error, whatever else PostgreSQL
/// refuses is told.
async fn add_foreign_key(
    client: &Client,
    plan: &ForeignKeyPlan,
) -> Result<(&'static str, Option<Failure>), HostError> {
    let attempt = || format!("add the foreign key {}", plan.name);
    if let Err(error) = client.batch_execute(&plan.add_not_valid).await {
        let failure = Failure::from(&error);
        // 42710: it is there already, from an earlier attempt
        let there = failure.sqlstate() == Some("42710");
        match failure.class {
            Class::Connection => return Err(PostgresError::statement(attempt(), &error).into()),
            _ if there => {}
            _ => return Ok(("missing", Some(failure))),
        }
    }
    match client.batch_execute(&plan.validate).await {
        Ok(()) => Ok(("valid", None)),
        Err(error) => match Failure::from(&error) {
            failure if failure.class == Class::Connection => {
                Err(PostgresError::statement(attempt(), &error).into())
            }
            failure => Ok(("not_valid", Some(failure))),
        },
    }
}
