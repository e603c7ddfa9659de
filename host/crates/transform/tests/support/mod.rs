//! Guests from `testdata/wat`, tables and rows.

#![allow(dead_code, reason = "not every test file uses all of it")]

pub(crate) mod assemble;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, Column, ColumnType, Op, RowRef};
use chameleon_model::{TableName, TableSchema, TypeKind};
use chameleon_transform::{Chain, Engine, OnError, Secrets, Spec, TransformError};

/// Directory of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}

/// A directory of its own with an engine that keeps its code there.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) engine: Engine,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::new(&dir.path().join("cache")).unwrap();
        Self { dir, engine }
    }

    /// Assembles a guest; a core module gets its interface described, unless `bare`.
    pub(crate) fn guest(&self, name: &str, bare: bool) -> PathBuf {
        let path = self.dir.path().join(format!("{name}.wasm"));
        std::fs::write(&path, assemble::guest(&root(), name, bare)).unwrap();
        path
    }

    pub(crate) fn load(&self, guest: &str, on_error: OnError) -> Result<Chain, TransformError> {
        self.chain(&[guest], on_error)
    }

    pub(crate) fn chain(
        &self,
        guests: &[&str],
        on_error: OnError,
    ) -> Result<Chain, TransformError> {
        let specs: Vec<Spec> = guests
            .iter()
            .map(|guest| spec(guest, self.guest(guest, false), on_error))
            .collect();
        Chain::load(&self.engine, &specs, &Secrets::default())
    }
}

pub(crate) fn spec(name: &str, module: PathBuf, on_error: OnError) -> Spec {
    Spec {
        name: name.to_owned(),
        module,
        sha256: None,
        tables: vec!["*".into()],
        config: serde_json::json!({}),
        on_error,
    }
}

pub(crate) fn column(name: &str, ty: ColumnType, nullable: bool) -> Column {
    Column::new(name, ty, nullable)
}

pub(crate) fn varchar(length: u32) -> ColumnType {
    ColumnType {
        length,
        ..ColumnType::new(TypeKind::VarChar, format!("varchar({length})"))
    }
}

pub(crate) fn schema(name: &str, columns: Vec<Column>, key: Vec<usize>) -> Arc<TableSchema> {
    Arc::new(TableSchema {
        primary_key: key,
        ..TableSchema::new(TableName::new("shop", name), columns)
    })
}

/// `id int primary key, name varchar(20) not null, note text, born date`
pub(crate) fn customer() -> Arc<TableSchema> {
    let columns = vec![
        column("id", ColumnType::new(TypeKind::Int, "int"), false),
        column("name", varchar(20), false),
        column("note", ColumnType::new(TypeKind::Text, "text"), true),
        column("born", ColumnType::new(TypeKind::Date, "date"), true),
    ];
    schema("customer", columns, vec![0])
}

/// A cell of a row that is to be pushed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum V {
    Null,
    Absent,
    Int(i64),
    UInt(u64),
    Float(f32),
    Double(f64),
    Days(i32),
    Micros(i64),
    Text(String),
    Bytes(Vec<u8>),
    Odd(Vec<u8>),
}

pub(crate) fn text(text: &str) -> V {
    V::Text(text.into())
}

fn push_row(buffer: &mut ChangeBuffer, row: &[V]) -> RowRef {
    let at = buffer.begin_row();
    for value in row {
        let cell = match value {
            V::Null => Cell::Null,
            V::Absent => Cell::Absent,
            V::Int(n) => Cell::Int(*n),
            V::UInt(n) => Cell::UInt(*n),
            V::Float(n) => Cell::Float(*n),
            V::Double(n) => Cell::Double(*n),
            V::Days(n) => Cell::Days(*n),
            V::Micros(n) => Cell::Micros(*n),
            V::Text(text) => Cell::Text(buffer.put(text.as_bytes())),
            V::Bytes(bytes) => Cell::Bytes(buffer.put(bytes)),
            V::Odd(bytes) => Cell::Odd(buffer.put(bytes)),
        };
        buffer.push_cell(cell);
    }
    at
}

/// Pushes a change with these images.
pub(crate) fn push(
    buffer: &mut ChangeBuffer,
    table: &Arc<TableSchema>,
    before: Option<&[V]>,
    after: Option<&[V]>,
) {
    let table = buffer.table_number(table);
    let op = match (before, after) {
        (None, _) => Op::Insert,
        (_, None) => Op::Delete,
        _ => Op::Update,
    };
    let before = before.map(|row| push_row(buffer, row));
    let after = after.map(|row| push_row(buffer, row));
    buffer.push_change(ChangeRef {
        table,
        op,
        before,
        after,
    });
}

fn read_row(buffer: &ChangeBuffer, row: &[Cell]) -> Vec<V> {
    let value = |cell: &Cell| match *cell {
        Cell::Null => V::Null,
        Cell::Absent => V::Absent,
        Cell::Int(n) => V::Int(n),
        Cell::UInt(n) => V::UInt(n),
        Cell::Float(n) => V::Float(n),
        Cell::Double(n) => V::Double(n),
        Cell::Days(n) => V::Days(n),
        Cell::Micros(n) => V::Micros(n),
        Cell::Text(span) => V::Text(buffer.text(span).to_owned()),
        Cell::Bytes(span) => V::Bytes(buffer.slice(span).to_vec()),
        Cell::Odd(span) => V::Odd(buffer.slice(span).to_vec()),
    };
    row.iter().map(value).collect()
}

/// A change with its table and images.
pub(crate) type Seen = (String, Op, Option<Vec<V>>, Option<Vec<V>>);

/// All changes of a buffer.
pub(crate) fn changes(buffer: &ChangeBuffer) -> Vec<Seen> {
    let seen = |change: &ChangeRef| {
        (
            buffer.table(change).name.to_string(),
            change.op,
            buffer.before(change).map(|row| read_row(buffer, row)),
            buffer.after(change).map(|row| read_row(buffer, row)),
        )
    };
    buffer.changes().iter().map(seen).collect()
}

/// `count` inserts of customers with ids from 0 on.
pub(crate) fn customers(table: &Arc<TableSchema>, count: i64) -> ChangeBuffer {
    let mut buffer = ChangeBuffer::default();
    for id in 0..count {
        let row = [
            V::Int(id),
            V::Text(format!("name of {id}")),
            V::Null,
            V::Days(7),
        ];
        push(&mut buffer, table, None, Some(&row));
    }
    buffer
}
