//! The manuals' grammars, executed: what a statement makes of the tables as the DDL crate follows it must be what
//! the server's information schema shows afterwards.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use chameleon_ddl::{Dialect, ParseContext, SchemaChange, parse, resolve};
use chameleon_model::{TableName, TableSchema};
use chameleon_mysql::Flavor;
use mysql_async::prelude::Queryable;

use crate::support::TestDb;

const GRAMMAR: &str = include_str!("../../../../../testdata/ddl/grammar.tsv");

type Tables = BTreeMap<TableName, Arc<TableSchema>>;

/// Statements about tables and indexes, by their first words.
fn is_about_tables(sql: &str) -> bool {
    const ELSE: &[&str] = &["SERVER", "DATABASE", "SCHEMA", "TABLESPACE", "SEQUENCE"];
    let words: Vec<&str> = sql.split_whitespace().take(4).collect();
    let first = words.first().copied().unwrap_or_default();
    let about = words
        .iter()
        .any(|word| word.starts_with("TABLE") || *word == "INDEX")
        || first == "TRUNCATE"
        || first == "SET" && sql.contains("ALTER TABLE");
    let elsewhere = [
        "shop.",
        "other.",
        "x.y",
        "mariadb_schema",
        "START TRANSACTION",
        "DISCARD",
        "IMPORT",
        // the server puts the row's end into unique keys; the table is copied anew, by what is shown then
        "AS ROW START, ADD",
    ];
    let changes = ["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "SET", "/*"];
    about
        && changes.contains(&first)
        && !words.iter().any(|word| ELSE.contains(word))
        && !elsewhere.iter().any(|name| sql.contains(name))
}

fn follow(sql: &str, cx: &ParseContext<'_>, tables: &mut Tables) -> Result<bool, String> {
    for statement in parse(sql, cx).map_err(|error| error.to_string())? {
        for change in resolve(&statement, cx, tables).map_err(|error| error.to_string())? {
            if matches!(change, SchemaChange::Unsupported { .. }) {
                return Ok(false);
            }
            if let SchemaChange::Drop { before } | SchemaChange::Rename { before, .. } = &change {
                tables.remove(&before.name);
            }
            if let Some(after) = change.after() {
                tables.insert(after.name.clone(), Arc::clone(after));
            }
        }
    }
    Ok(true)
}

/// Without what has no order, and what the server only shows where it differs from a default.
fn plain(table: &TableSchema) -> TableSchema {
    let mut table = table.clone();
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    table.foreign_keys.sort_by(|a, b| a.name.cmp(&b.name));
    for column in &mut table.columns {
        column.ty.collation = None;
    }
    table
}

/// The first difference of two versions of a table.
fn difference(followed: &TableSchema, shown: &TableSchema) -> Option<String> {
    let (followed, shown) = (plain(followed), plain(shown));
    if followed == shown {
        return None;
    }
    let mut columns = followed.columns.iter().zip(&shown.columns);
    if let Some((one, other)) = columns.rfind(|(one, other)| one != other) {
        return Some(format!("{one:?}\n     instead of {other:?}"));
    }
    let names = |table: &TableSchema| -> Vec<String> {
        table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    };
    if names(&followed) != names(&shown) {
        return Some(format!(
            "columns {:?} instead of {:?}",
            names(&followed),
            names(&shown)
        ));
    }
    Some(format!(
        "key {:?} instead of {:?}\n  indexes {:?}\n  instead of {:?}\n  foreign keys {:?}\n  instead of {:?}\n  \
         {:?} {:?} instead of {:?} {:?}",
        followed.primary_key,
        shown.primary_key,
        followed.indexes,
        shown.indexes,
        followed.foreign_keys,
        shown.foreign_keys,
        followed.comment,
        followed.charset,
        shown.comment,
        shown.charset,
    ))
}

#[tokio::test]
async fn every_statement_of_the_grammars_leaves_the_tables_that_the_server_shows() {
    let mut db = TestDb::new().await;
    let (flavor, version) = db.version().await;
    let (own, dialect) = match flavor {
        Flavor::MySql => ("mysql", Dialect::MySql),
        Flavor::MariaDb => ("mariadb", Dialect::MariaDb),
    };
    let database = db.source.database.clone();
    let mut cx = ParseContext::new(dialect, version).in_schema(&database);
    cx.default_charset = Some("utf8mb4");
    let asked: (bool,) = db
        .admin
        .query_first("select @@explicit_defaults_for_timestamp")
        .await
        .unwrap()
        .unwrap();
    cx.explicit_defaults_for_timestamp = asked.0;
    db.run("set foreign_key_checks = 0").await;
    let start: Vec<String> = GRAMMAR
        .lines()
        .filter_map(|line| line.strip_prefix("# create"))
        .map(|rest| format!("create{rest}"))
        .collect();
    let mut last = "";
    let (mut same, mut refused, mut held, mut wrong) = (0, 0, 0, String::new());
    for line in GRAMMAR.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(3, '\t');
        let (server, sql) = (fields.next().unwrap(), fields.nth(1).unwrap());
        if server != "both" && server != own || !is_about_tables(sql) {
            continue;
        }
        let fresh = format!(
            "drop database {database}; create database {database} character set utf8mb4; \
             use {database}"
        );
        let made = db.admin.query_drop(fresh).await;
        assert!(made.is_ok(), "after {last}: {made:?}");
        last = sql;
        let mut tables = Tables::new();
        for sql in &start {
            db.run(sql).await;
            assert_eq!(follow(sql, &cx, &mut tables), Ok(true), "{sql}");
        }
        if db.admin.query_drop(sql).await.is_err() {
            refused += 1;
            continue;
        }
        match follow(sql, &cx, &mut tables) {
            Ok(true) => {}
            Ok(false) => {
                held += 1;
                continue;
            }
            Err(error) => {
                let _ = writeln!(wrong, "{sql}\n  {error}");
                continue;
            }
        }
        let shown = db.tables().await;
        let names = |names: Vec<&TableName>| -> Vec<String> {
            names.iter().map(|name| name.name.clone()).collect()
        };
        let (ours, theirs) = (
            names(tables.keys().collect()),
            names(shown.iter().map(|table| &table.name).collect()),
        );
        if ours != theirs {
            let _ = writeln!(wrong, "{sql}\n  tables {ours:?} instead of {theirs:?}");
            continue;
        }
        let differing = shown
            .iter()
            .find_map(|table| difference(&tables[&table.name], table));
        match differing {
            Some(difference) => {
                let _ = writeln!(wrong, "{sql}\n  {difference}");
            }
            None => same += 1,
        }
    }
    assert!(
        wrong.is_empty(),
        "{same} are right, {refused} refused, {held} held\n{wrong}"
    );
    assert!(
        same > 90,
        "{same} are right, {refused} refused by the server, {held} held"
    );
}
