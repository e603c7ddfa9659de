//! A fresh database per test, with a catalog and one source.

use std::sync::Arc;

use chameleon_catalog::{BatchId, SourceRow, add_source, batches, install, source};
use chameleon_model::{
    BinlogPosition, Cell, ChangeBuffer, ChangeRef, Column, ColumnType, Op, RowRef, SourcePosition,
    TableName, TableSchema, TypeKind,
};
use chameleon_postgres::{Client, ConnectOptions, connect};

/// The test's database; dropped by [`TestDb::drop_database`].
pub(crate) struct TestDb {
    pub(crate) options: ConnectOptions,
    admin: ConnectOptions,
}

impl TestDb {
    pub(crate) async fn create(name: &str) -> Self {
        let url = std::env::var("CHAMELEON_TEST_POSTGRES_URL")
            .expect("no PostgreSQL to test on: run `cargo xtask test`");
        let admin = ConnectOptions::from_url(&url).unwrap();
        let database = format!("t_{name}_{}", std::process::id());
        let client = connect(&admin).await.unwrap();
        let script = format!("drop database if exists {database}");
        client.batch_execute(&script).await.unwrap();
        client
            .batch_execute(&format!("create database {database}"))
            .await
            .unwrap();
        let mut options = admin.clone();
        options.database = database;
        options.application_name = "chameleon test".into();
        Self { options, admin }
    }

    pub(crate) async fn client(&self) -> Client {
        connect(&self.options).await.unwrap()
    }

    /// Installs the catalog with one source whose tables are in `shop`, at position `b.000001:4`.
    pub(crate) async fn source(&self, tables: &str) -> (SourceRow, BatchId) {
        let client = self.client().await;
        install(&client).await.unwrap();
        add_source(&client, "src", "shop").await.unwrap();
        let row = source(&client, "src").await.unwrap();
        client.batch_execute("create schema shop").await.unwrap();
        client.batch_execute(tables).await.unwrap();
        let batch = batches::start_at(&client, row.id, &at(4)).await.unwrap();
        batches::open_batch(&client, row.id).await.unwrap();
        (row, batch)
    }

    /// The rows of a query as text, one line a row.
    pub(crate) async fn rows(&self, sql: &str) -> String {
        let client = self.client().await;
        let rows = client.simple_query(sql).await.unwrap();
        let mut text = String::new();
        for message in rows {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                let cells: Vec<&str> = (0..row.len()).map(|i| row.get(i).unwrap_or("-")).collect();
                text.push_str(&cells.join("|"));
                text.push('\n');
            }
        }
        text
    }

    pub(crate) async fn drop_database(self) {
        let client = connect(&self.admin).await.unwrap();
        let script = format!("drop database {} with (force)", self.options.database);
        client.batch_execute(&script).await.unwrap();
    }
}

/// A position in the only binlog file.
pub(crate) fn at(offset: u64) -> SourcePosition {
    SourcePosition {
        binlog: BinlogPosition::new("b.000001", offset),
        gtids: None,
    }
}

/// A table with a bigint key `id`, a nullable int `u`, and a text `v`.
pub(crate) fn table(name: &str, key: bool) -> Arc<TableSchema> {
    let column = |name: &str, kind, declared: &str, nullable| {
        Column::new(
            name,
            {
                let mut ty = ColumnType::new(kind, declared);
                if kind == TypeKind::Text {
                    ty.charset = Some("utf8mb4".into());
                }
                ty
            },
            nullable,
        )
    };
    Arc::new(TableSchema {
        primary_key: if key { vec![0] } else { vec![] },
        ..TableSchema::new(
            TableName::new("db", name),
            vec![
                column("id", TypeKind::BigInt, "bigint", !key),
                column("u", TypeKind::Int, "int", true),
                column("v", TypeKind::Text, "text", true),
            ],
        )
    })
}

/// A row of [`table`].
pub(crate) type Row<'a> = (i64, Option<i64>, Option<&'a str>);

fn image(buffer: &mut ChangeBuffer, row: Row<'_>) -> RowRef {
    let text = row
        .2
        .map_or(Cell::Null, |v| Cell::Text(buffer.put(v.as_bytes())));
    let start = buffer.begin_row();
    buffer.push_cell(Cell::Int(row.0));
    buffer.push_cell(row.1.map_or(Cell::Null, Cell::Int));
    buffer.push_cell(text);
    start
}

/// Appends one change: `(before, after)`.
pub(crate) fn change(
    buffer: &mut ChangeBuffer,
    table: &Arc<TableSchema>,
    before: Option<Row<'_>>,
    after: Option<Row<'_>>,
) {
    let number = buffer.table_number(table);
    let op = match (&before, &after) {
        (None, _) => Op::Insert,
        (Some(_), Some(_)) => Op::Update,
        (Some(_), None) => Op::Delete,
    };
    let before = before.map(|row| image(buffer, row));
    let after = after.map(|row| image(buffer, row));
    buffer.push_change(ChangeRef {
        table: number,
        op,
        before,
        after,
    });
}
