//! Values of existing rows: what the rendered statements make of them on PostgreSQL against what
//! the servers made of them (`testdata/ddl`).

use chameleon_ddl::{Dialect, Mapping, ParseContext, parse, render, resolve};
use chameleon_model::{MappingRules, TableName, TableSchema};
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::Database;

const CONVERSIONS: &str = include_str!("../../../../../testdata/ddl/conversions.tsv");
const NEW_COLUMNS: &str = include_str!("../../../../../testdata/ddl/new_columns.tsv");

/// The session in which the values were captured.
fn context(server: &str) -> ParseContext<'static> {
    let mut cx = match server {
        "mysql" => ParseContext::new(Dialect::MySql, 90_704),
        _ => ParseContext::new(Dialect::MariaDb, 110_806),
    };
    cx = cx.in_schema("shop");
    cx.default_charset = Some("utf8mb4");
    cx.time_zone = Some("+02:00");
    cx.statement_micros = Some(1_577_934_245_678_912);
    cx
}

/// Statements that each statement becomes.
fn translate(statements: &[String], cx: &ParseContext<'_>) -> Vec<String> {
    let mapping = Mapping::new("shop", MappingRules::default());
    let mut tables: BTreeMap<TableName, Arc<TableSchema>> = BTreeMap::new();
    let mut translated = Vec::new();
    for sql in statements {
        for statement in parse(sql, cx).unwrap() {
            for change in resolve(&statement, cx, &tables).unwrap() {
                translated.push(render::change(&change, &mapping).unwrap().join(";"));
                let after = Arc::clone(change.after().unwrap());
                tables.insert(after.name.clone(), after);
            }
        }
    }
    translated
}

/// One test transaction: the table as it was with its rows, the change, and the rows that differ
/// from those that are expected.
fn transaction(create: &str, rows: &str, change: &str, expected: &str) -> String {
    format!(
        "begin; create schema shop; {create}; insert into shop.t values {rows}; {change}; \
         create table shop.w (like shop.t); insert into shop.w values {expected}; \
         select t.k, t.c::text, w.c::text from shop.t join shop.w using (k) \
         where t.c::text is distinct from w.c::text; rollback"
    )
}

async fn check(database: &Database, sql: &str, case: &str, failed: &mut Vec<String>) {
    match database.differing(sql).await {
        Ok(rows) if rows.is_empty() => {}
        Ok(rows) => failed.push(format!("{case}: {rows:?}")),
        Err(error) => failed.push(format!("{case}: {error}")),
    }
}

#[tokio::test]
async fn converted_values_are_those_of_the_source() {
    let database = Database::create().await;
    database
        .execute("set timezone = 'Etc/GMT-2'")
        .await
        .unwrap();
    let mut failed = Vec::new();
    for line in CONVERSIONS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [server, from, to, values @ ..] = fields.as_slice() else {
            panic!("{line}")
        };
        let statements = [
            format!("create table t (k int primary key, c {from})"),
            format!("alter table t modify c {to}"),
        ];
        let translated = translate(&statements, &context(server));
        let change = translated.get(1).map_or("", String::as_str);
        let rows = |n: usize| -> String {
            let pairs = values.chunks(2).enumerate();
            let rows: Vec<String> = pairs.map(|(k, v)| format!("({k}, {})", v[n])).collect();
            rows.join(", ")
        };
        let sql = transaction(&translated[0], &rows(0), change, &rows(1));
        let case = format!("{server}: {from} to {to}");
        check(&database, &sql, &case, &mut failed).await;
    }
    database.drop().await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test]
async fn new_columns_hold_the_values_of_the_source() {
    let database = Database::create().await;
    database
        .execute("set timezone = 'Etc/GMT-2'")
        .await
        .unwrap();
    let mut failed = Vec::new();
    for line in NEW_COLUMNS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [server, column, value] = fields.as_slice() else {
            panic!("{line}")
        };
        let statements = [
            "create table t (k int primary key)".to_owned(),
            format!("alter table t add c {column}"),
        ];
        let translated = translate(&statements, &context(server));
        let expected = format!("(1, {value})");
        let sql = transaction(&translated[0], "(1)", &translated[1], &expected);
        let case = format!("{server}: {column}");
        check(&database, &sql, &case, &mut failed).await;
    }
    database.drop().await;
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
