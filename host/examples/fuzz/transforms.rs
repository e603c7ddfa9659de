//! Rows of all kinds of values through the shipped transforms.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chameleon_model::{
    Cell, ChangeBuffer, ChangeRef, Column, ColumnType, Op, RowRef, TableName, TableSchema, TypeKind,
};
use chameleon_transform::{Chain, Engine, OnError, Secrets, Spec, Worker};
use serde_json::json;

use crate::bytes::{Choices, Random};
use crate::corpus::Corpus;

pub(crate) struct Modules {
    table: Arc<TableSchema>,
    worker: Mutex<Worker>,
}

impl Modules {
    pub(crate) fn load(directory: &Path) -> Result<Self, String> {
        let engine =
            Engine::new(&directory.join("fuzz-cache")).map_err(|error| error.to_string())?;
        let spec = |name: &str, config| Spec {
            name: name.to_owned(),
            module: directory.join(format!("{name}.wasm")),
            sha256: None,
            tables: vec!["*".into()],
            config,
            on_error: OnError::DeadLetter,
        };
        let redacted = [
            "tiny", "big", "price", "single", "number", "day", "moment", "clock", "raw", "doc",
        ];
        let mut masked: Vec<_> = redacted.iter().map(|name| json!(name)).collect();
        masked.push(json!({"column": "mail", "how": "email"}));
        masked.push(json!({"column": "card", "how": "partial", "keep_first": 3, "keep_last": 2}));
        let specs = [
            spec("mask", json!({ "columns": masked })),
            spec("filter", json!({"where": "id % 3 <> 0"})),
        ];
        let chain = Chain::load(&engine, &specs, &Secrets::default());
        let chain = chain.or_else(|_| Chain::load(&engine, &specs[..1], &Secrets::default()));
        Ok(Self {
            table: table(),
            worker: Mutex::new(chain.map_err(|error| error.to_string())?.worker()),
        })
    }
}

/// One column of each kind of value.
fn table() -> Arc<TableSchema> {
    let column = |name: &str, kind, length| {
        let mut ty = ColumnType::new(kind, format!("{kind:?}").to_lowercase());
        ty.length = length;
        ty.scale = if kind == TypeKind::Decimal { 2 } else { 0 };
        Column::new(name, ty, name != "id")
    };
    Arc::new(TableSchema {
        primary_key: vec![0],
        ..TableSchema::new(
            TableName::new("shop", "everything"),
            vec![
                column("id", TypeKind::Int, 0),
                column("tiny", TypeKind::TinyInt, 0),
                column("big", TypeKind::BigInt, 0),
                column("price", TypeKind::Decimal, 10),
                column("single", TypeKind::Float, 0),
                column("number", TypeKind::Double, 0),
                column("day", TypeKind::Date, 0),
                column("moment", TypeKind::DateTime, 0),
                column("clock", TypeKind::Time, 0),
                column("raw", TypeKind::VarBinary, 60),
                column("doc", TypeKind::Json, 0),
                column("mail", TypeKind::VarChar, 60),
                column("card", TypeKind::VarChar, 30),
            ],
        )
    })
}

pub(crate) fn make(_: &Corpus, random: &mut Random) -> Vec<u8> {
    random.some(2000)
}

pub(crate) fn take(corpus: &Corpus, input: &[u8]) -> bool {
    let Some(modules) = corpus.modules() else {
        return false;
    };
    let mut choices = Choices(input);
    let mut buffer = ChangeBuffer::default();
    let number = buffer.table_number(&modules.table);
    while !choices.rest().is_empty() {
        let op = choices.pick(&[Op::Insert, Op::Update, Op::Delete]);
        let before = (op != Op::Insert).then(|| row(&modules.table, &mut choices, &mut buffer));
        let after = (op != Op::Delete).then(|| row(&modules.table, &mut choices, &mut buffer));
        buffer.push_change(ChangeRef {
            table: number,
            op,
            before,
            after,
        });
    }
    let given = buffer.len();
    let mut worker = modules
        .worker
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let Ok(done) = worker.run(buffer, false, None) else {
        return false;
    };
    assert!(done.rows.len() <= 2 * given, "rows came of nothing");
    for change in done.rows.changes() {
        let images = [done.rows.before(change), done.rows.after(change)];
        for span in images.into_iter().flatten().flatten().filter_map(span) {
            done.rows.slice(span);
        }
    }
    done.stopped.is_empty()
}

fn span(cell: &Cell) -> Option<chameleon_model::Span> {
    match cell {
        Cell::Text(span) | Cell::Bytes(span) | Cell::Odd(span) => Some(*span),
        _ => None,
    }
}

/// A row image: values that fit their columns, and others that the source calls odd.
fn row(table: &TableSchema, choices: &mut Choices<'_>, buffer: &mut ChangeBuffer) -> RowRef {
    let cells: Vec<Cell> = table
        .columns
        .iter()
        .map(|column| cell(column.ty.kind, choices, buffer))
        .collect();
    let row = buffer.begin_row();
    for cell in cells {
        buffer.push_cell(cell);
    }
    row
}

fn cell(kind: TypeKind, choices: &mut Choices<'_>, buffer: &mut ChangeBuffer) -> Cell {
    let choice = choices.byte();
    if choice < 24 && kind != TypeKind::Int {
        return Cell::Null;
    }
    let bytes = choices.number().to_le_bytes();
    let four = [bytes[0], bytes[1], bytes[2], bytes[3]];
    match kind {
        TypeKind::Float => Cell::Float(f32::from_le_bytes(four)),
        TypeKind::Double => Cell::Double(f64::from_le_bytes(bytes)),
        TypeKind::Date if choice < 48 => Cell::Odd(buffer.put(b"2020-00-15")),
        TypeKind::Date => Cell::Days(i32::from_le_bytes(four)),
        TypeKind::DateTime | TypeKind::Time => Cell::Micros(i64::from_le_bytes(bytes)),
        TypeKind::VarBinary => Cell::Bytes(buffer.put(choices.part())),
        TypeKind::Decimal => Cell::Text(buffer.put(b"-12.50")),
        TypeKind::VarChar | TypeKind::Json => match std::str::from_utf8(choices.part()) {
            Ok(text) => Cell::Text(buffer.put(text.as_bytes())),
            Err(_) => Cell::Odd(buffer.put(&bytes)),
        },
        TypeKind::TinyInt => Cell::Int(i64::from(bytes[0]) - 128),
        TypeKind::Int => Cell::Int(i64::from(i32::from_le_bytes(four))),
        _ => Cell::Int(i64::from_le_bytes(bytes)),
    }
}
