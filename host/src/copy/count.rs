//! Compares how many rows a copy stored with how many are there.

use std::collections::BTreeSet;
use std::sync::Arc;

use chameleon_model::TableName;
use chameleon_model::name::{quote_qualified, target_name};
use chameleon_postgres::{Client, PostgresError};

use super::{CopyRequest, Work, lock};
use crate::error::HostError;

/// Compares what was stored with what is there. Tables that share targets are counted together.
pub(super) async fn compare(
    request: &CopyRequest<'_>,
    control: &Client,
    works: &[Arc<Work>],
) -> Result<(), HostError> {
    let mut counted: BTreeSet<&TableName> = BTreeSet::new();
    for work in works {
        if counted.contains(&work.table.name) {
            continue;
        }
        let own = BTreeSet::from([work.table.name.clone()]);
        let group = request.shaper.with_siblings(&own);
        let group: Vec<&Arc<Work>> = works
            .iter()
            .filter(|w| group.contains(&w.table.name))
            .collect();
        let names: BTreeSet<String> = group
            .iter()
            .flat_map(|w| &w.targets)
            .map(|target| target_name(&target.table.name.name))
            .collect();
        let mut stored = 0;
        for work in group {
            stored += lock(&work.progress).rows;
            counted.insert(&work.table.name);
        }
        let schema = &request.mapping.dest_schema;
        if rows_indexed(control, schema, &names).await? == Some(stored) {
            continue;
        }
        let there = rows_there(control, schema, &names).await?;
        if stored != there {
            return Err(HostError::Copy {
                object: work.table.name.to_string(),
                reason: format!("{stored} rows were stored and {there} are there"),
            });
        }
    }
    Ok(())
}

/// How many rows the tables' index builds have seen. `None` where the server does not know it to
/// the row: no index was built, or there are more than a `real` holds.
async fn rows_indexed(
    control: &Client,
    schema: &str,
    tables: &BTreeSet<String>,
) -> Result<Option<u64>, HostError> {
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    let sql = "select sum(c.reltuples)::bigint from pg_class c \
                 join pg_namespace n on n.oid = c.relnamespace \
                where n.nspname = $1 and c.relname = any($2) \
               having bool_and(c.reltuples between 0 and 16777215)";
    let row = control
        .query_opt(sql, &[&schema, &tables])
        .await
        .map_err(|e| PostgresError::statement("look how many rows were indexed", &e))?;
    let sum = row.and_then(|row| row.try_get::<_, i64>(0).ok());
    Ok(sum.and_then(|sum| u64::try_from(sum).ok()))
}

async fn rows_there(
    control: &Client,
    schema: &str,
    tables: &BTreeSet<String>,
) -> Result<u64, HostError> {
    let mut there = 0;
    for table in tables {
        let table = quote_qualified(schema, table);
        let counted = control
            .query_one(&format!("select count(*) from {table}"), &[])
            .await
            .and_then(|row| row.try_get::<_, i64>(0))
            .map_err(|e| PostgresError::statement(format!("count the rows of {table}"), &e))?;
        there += u64::try_from(counted).unwrap_or(0);
    }
    Ok(there)
}
