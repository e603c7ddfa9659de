//! The sample shop: its schema, its rows (the same ones every time) and a writer that keeps it busy.

pub(crate) mod rows;
mod sql;
pub(crate) mod writer;

use anyhow::{Context, Result};
use mysql_async::{Conn, prelude::Queryable};

use crate::address::Address;
pub(crate) use rows::Size;

/// The schema, as statements that end with a semicolon at a line's end.
const SCHEMA: &str = include_str!("../../testdata/shop/schema.sql");

/// Makes the database of `address` (it must not exist) with the shop's tables and rows; returns the number of
/// rows.
pub(crate) async fn load(address: &Address, size: Size) -> Result<u64> {
    let mut connection = address.database("").mysql().await?;
    let database = &address.database;
    connection
        .query_drop(format!(
            "create database `{database}` character set utf8mb4"
        ))
        .await?;
    connection.query_drop(format!("use `{database}`")).await?;
    execute_script(&mut connection, SCHEMA)
        .await
        .context("the shop's schema")?;
    let rows = rows::insert_all(&mut connection, size)
        .await
        .context("the shop's rows")?;
    connection.disconnect().await?;
    Ok(rows)
}

/// Executes statements one by one.
pub(crate) async fn execute_script(connection: &mut Conn, script: &str) -> Result<()> {
    for statement in sql::statements(script) {
        connection
            .query_drop(&statement)
            .await
            .with_context(|| first_line(&statement))?;
    }
    Ok(())
}

fn first_line(statement: &str) -> String {
    format!(
        "the statement that begins `{}`",
        statement.lines().next().unwrap_or_default()
    )
}
