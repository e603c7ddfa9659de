//! A fresh database per test.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_catalog::{SourceRow, add_source, install, source};
use chameleon_model::{BinlogPosition, GtidSet, SourcePosition, TableName, TableSchema};
use chameleon_postgres::{Client, ConnectOptions, connect};

const VARIABLE: &str = "CHAMELEON_TEST_POSTGRES_URL";

/// A database of the test's own.
#[derive(Clone)]
pub(crate) struct Database {
    options: ConnectOptions,
}

impl Database {
    /// A new session in it.
    pub(crate) async fn connect(&self) -> Client {
        self.connect_as("chameleon test").await
    }

    /// How to connect to it.
    pub(crate) fn options(&self) -> ConnectOptions {
        self.options.clone()
    }

    /// A new session with that application name.
    pub(crate) async fn connect_as(&self, application_name: &str) -> Client {
        let mut options = self.options.clone();
        options.application_name = application_name.into();
        connect(&options).await.unwrap()
    }
}

/// Runs a test in a database of its own, which is dropped afterwards whatever happens.
pub(crate) async fn in_database<F, Fut>(test: F)
where
    F: FnOnce(Database) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var(VARIABLE) else {
        panic!("{VARIABLE} is not set: run `cargo xtask test`, which starts the servers");
    };
    let server = ConnectOptions::from_url(&url).unwrap();
    let admin = connect(&server).await.unwrap();
    let name = format!(
        "catalog_{}_{}",
        std::process::id(),
        NUMBER.fetch_add(1, Ordering::Relaxed)
    );
    let create = format!("create database {name}");
    admin.batch_execute(&create).await.unwrap();
    let database = Database {
        options: ConnectOptions {
            database: name.clone(),
            ..server
        },
    };
    let outcome = tokio::spawn(test(database)).await;
    let drop = format!("drop database {name} with (force)");
    admin.batch_execute(&drop).await.unwrap();
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Runs a test on a new catalog with one source `shop` for the schema `dest`.
pub(crate) async fn with_source<F, Fut>(test: F)
where
    F: FnOnce(Database, Client, SourceRow) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    in_database(|database| async move {
        let c = database.connect().await;
        install(&c).await.unwrap();
        add_source(&c, "shop", "dest").await.unwrap();
        let row = source(&c, "shop").await.unwrap();
        test(database, c, row).await;
    })
    .await;
}

/// A position without GTID set.
pub(crate) fn at(offset: u64) -> SourcePosition {
    SourcePosition {
        binlog: BinlogPosition::new("binlog.000001", offset),
        gtids: None,
    }
}

/// A position with a GTID set.
pub(crate) fn at_gtid(offset: u64, gtids: &str) -> SourcePosition {
    SourcePosition {
        gtids: Some(GtidSet::parse(gtids).unwrap()),
        ..at(offset)
    }
}

/// A table without columns.
pub(crate) fn table(name: &str, comment: &str) -> TableSchema {
    TableSchema {
        name: TableName::new("shop", name),
        columns: vec![],
        primary_key: vec![],
        indexes: vec![],
        foreign_keys: vec![],
        comment: comment.into(),
        charset: None,
    }
}

/// The one value of a statement's one row.
pub(crate) async fn value<T>(c: &Client, sql: &str) -> T
where
    T: for<'a> chameleon_postgres::tokio_postgres::types::FromSql<'a>,
{
    c.query_one(sql, &[]).await.unwrap().get(0)
}

/// Runs a script.
pub(crate) async fn run(c: &Client, sql: &str) {
    if let Err(error) = c.batch_execute(sql).await {
        panic!("{error:?}: {sql}");
    }
}

/// All values of a statement's one text column, in lines.
pub(crate) async fn lines(c: &Client, sql: &str) -> Vec<String> {
    let rows = c.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}
