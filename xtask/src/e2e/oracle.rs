//! Are both sides equal, value by value? Reads both servers itself: MySQL through the binary protocol, PostgreSQL as
//! text, both brought to one written form. It knows the type mapping from its specification only.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use mysql_async::{Conn, Row, prelude::Queryable};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::values::{self, Class};
use crate::address::Address;

/// No more differences than this are told of a table.
const TOLD_PER_TABLE: usize = 5;

/// A row in written form: one entry per column, none for NULL.
type Written = Vec<Option<String>>;

#[derive(Clone, Debug)]
struct Column {
    name: String,
    class: Class,
    in_key: bool,
}

/// Compares all tables of a source database with the tables of the same names in a schema of the target; returns
/// the differences in words.
pub(super) async fn compare(
    source: &Address,
    target: &Address,
    schema: &str,
) -> Result<Vec<String>> {
    let mut connection = source.mysql().await?;
    let client = target.postgres().await?;
    client
        .batch_execute("set timezone = 'UTC'; set datestyle = 'ISO'; set extra_float_digits = 1; set bytea_output = hex")
        .await?;
    let tables = source_tables(&mut connection, &source.database).await?;
    let mut differences = surplus_tables(&client, schema, &tables).await?;
    for (table, columns) in &tables {
        let left = source_rows(&mut connection, &source.database, table, columns)
            .await
            .with_context(|| format!("reading {table} at the source"))?;
        match target_rows(&client, schema, table, columns).await {
            Ok(right) => differences.extend(differing(table, columns, &left, &right)),
            Err(error) => {
                differences.push(format!("{table} cannot be read at the target: {error:#}"))
            }
        }
    }
    connection.disconnect().await?;
    Ok(differences)
}

async fn source_tables(
    connection: &mut Conn,
    database: &str,
) -> Result<BTreeMap<String, Vec<Column>>> {
    let rows: Vec<(String, String, String, String, String)> = connection
        .exec(
            "select c.table_name, c.column_name, c.data_type, c.column_type, c.column_key \
             from information_schema.columns c join information_schema.tables t \
               on t.table_schema = c.table_schema and t.table_name = c.table_name \
             where c.table_schema = ? and t.table_type in ('BASE TABLE', 'SYSTEM VERSIONED') \
             order by c.table_name, c.ordinal_position",
            (database,),
        )
        .await?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for (table, name, data_type, column_type, key) in rows {
        let class = Class::of(&data_type, &column_type).with_context(|| {
            format!("{table}.{name}: the oracle does not know the type {column_type}")
        })?;
        tables.entry(table).or_default().push(Column {
            name,
            class,
            in_key: key == "PRI",
        });
    }
    Ok(tables)
}

async fn surplus_tables(
    client: &Client,
    schema: &str,
    tables: &BTreeMap<String, Vec<Column>>,
) -> Result<Vec<String>> {
    let found = client
        .query(
            "select tablename::text from pg_catalog.pg_tables where schemaname = $1",
            &[&schema],
        )
        .await?;
    let found: BTreeSet<String> = found.iter().map(|row| row.get(0)).collect();
    let surplus = found
        .into_iter()
        .filter(|table| !tables.contains_key(table));
    Ok(surplus
        .map(|table| format!("{table} exists at the target only"))
        .collect())
}

async fn source_rows(
    connection: &mut Conn,
    database: &str,
    table: &str,
    columns: &[Column],
) -> Result<Vec<Written>> {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let list: Vec<_> = columns.iter().map(|column| quoted(&column.name)).collect();
    let question = format!(
        "select {} from {}.{}",
        list.join(", "),
        quoted(database),
        quoted(table)
    );
    let rows: Vec<Row> = connection.exec(question, ()).await?;
    let mut written = Vec::with_capacity(rows.len());
    for row in rows {
        let cells = row.unwrap().into_iter().zip(columns);
        written.push(
            cells
                .map(|(value, column)| {
                    values::from_mysql(value, column.class).with_context(|| column.name.clone())
                })
                .collect::<Result<Written>>()?,
        );
    }
    Ok(written)
}

async fn target_rows(
    client: &Client,
    schema: &str,
    table: &str,
    columns: &[Column],
) -> Result<Vec<Written>> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let list: Vec<_> = columns
        .iter()
        .map(|column| column.class.postgres_expression(&quoted(&column.name)))
        .collect();
    let question = format!(
        "select {} from {}.{}",
        list.join(", "),
        quoted(schema),
        quoted(table)
    );
    let mut written = Vec::new();
    for message in client.simple_query(&question).await? {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        let cells = columns.iter().enumerate();
        written.push(
            cells
                .map(|(position, column)| {
                    let cell = row.get(position);
                    cell.map(|text| values::from_postgres(text, column.class))
                        .transpose()
                })
                .collect::<Result<Written>>()?,
        );
    }
    Ok(written)
}

/// Rows are matched by the primary key; without one, equal rows are matched, however often they occur.
fn differing(table: &str, columns: &[Column], left: &[Written], right: &[Written]) -> Vec<String> {
    let key = |row: &Written| -> Written {
        let in_key = row.iter().zip(columns).filter(|(_, column)| column.in_key);
        let key: Written = in_key.map(|(cell, _)| cell.clone()).collect();
        if key.is_empty() { row.clone() } else { key }
    };
    let grouped = |rows: &[Written]| {
        let mut groups: BTreeMap<Written, Vec<Written>> = BTreeMap::new();
        for row in rows {
            groups.entry(key(row)).or_default().push(row.clone());
        }
        groups
    };
    let (left, right) = (grouped(left), grouped(right));
    let mut differences = Vec::new();
    for (key, rows) in &left {
        match right.get(key) {
            None => differences.push(format!("{table} {}: missing at the target", shown(key))),
            Some(others) if others != rows => {
                differences.push(format!(
                    "{table} {}: {}",
                    shown(key),
                    cells_that_differ(columns, rows, others)
                ));
            }
            Some(_) => {}
        }
    }
    let surplus = right.keys().filter(|key| !left.contains_key(*key));
    differences.extend(surplus.map(|key| format!("{table} {}: at the target only", shown(key))));
    let all = differences.len();
    differences.truncate(TOLD_PER_TABLE);
    if all > TOLD_PER_TABLE {
        differences.push(format!("{table}: {} more", all - TOLD_PER_TABLE));
    }
    differences
}

fn cells_that_differ(columns: &[Column], left: &[Written], right: &[Written]) -> String {
    let ([left], [right]) = (left, right) else {
        return format!(
            "{} at the source, {} at the target",
            left.len(),
            right.len()
        );
    };
    let cells = columns.iter().zip(left.iter().zip(right));
    let differing =
        cells
            .filter(|(_, (left, right))| left != right)
            .map(|(column, (left, right))| {
                let show = |cell: &Option<String>| shown(std::slice::from_ref(cell));
                format!(
                    "{} is {} at the source and {} at the target",
                    column.name,
                    show(left),
                    show(right)
                )
            });
    differing.collect::<Vec<_>>().join(", ")
}

/// Test data may be shown; long values are cut.
fn shown(cells: &[Option<String>]) -> String {
    let cell = |cell: &Option<String>| match cell {
        None => "NULL".to_owned(),
        Some(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
    };
    format!(
        "({})",
        cells.iter().map(cell).collect::<Vec<_>>().join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Written {
        cells
            .iter()
            .map(|cell| (*cell != "NULL").then(|| (*cell).to_owned()))
            .collect()
    }

    fn columns(key: bool) -> Vec<Column> {
        let column = |name: &str, in_key| Column {
            name: name.into(),
            class: Class::Text,
            in_key,
        };
        vec![column("id", key), column("v", false)]
    }

    #[test]
    fn rows_are_matched_by_key_and_each_difference_is_told() {
        let left = [row(&["1", "a"]), row(&["2", "b"]), row(&["3", "NULL"])];
        let right = [row(&["2", "b"]), row(&["3", ""]), row(&["4", "d"])];
        let told = differing("t", &columns(true), &left, &right);
        assert_eq!(
            told,
            [
                "t (\"1\"): missing at the target",
                "t (\"3\"): v is (NULL) at the source and (\"\") at the target",
                "t (\"4\"): at the target only",
            ]
        );
    }

    #[test]
    fn without_a_key_equal_rows_are_counted() {
        let left = [row(&["1", "a"]), row(&["1", "a"])];
        assert!(differing("t", &columns(false), &left, &left).is_empty());
        assert_eq!(
            differing("t", &columns(false), &left, &left[..1]),
            ["t (\"1\", \"a\"): 2 at the source, 1 at the target"]
        );
    }
}
