//! Cells to PostgreSQL's binary form: fields of a COPY, and arrays of a statement.

use chameleon_model::{Cell, CellForm, ChangeBuffer, ColumnType, MappingRules, PgType, TypeKind};
use chameleon_postgres::{ArrayParam, ColumnEncoder};
use divan::{Bencher, counter::ItemsCount};

const ROWS: usize = 10_000;

fn main() {
    divan::main();
}

/// Rows of (int, int, varchar, decimal, datetime), and an encoder for each column.
struct Batch {
    buffer: ChangeBuffer,
    rows: Vec<[Cell; 5]>,
    encoders: Vec<ColumnEncoder>,
}

impl Batch {
    fn new() -> Self {
        let column = |kind, declared: &str, length, scale, target| {
            let mut ty = ColumnType::new(kind, declared);
            (ty.length, ty.scale) = (length, scale);
            let rules = MappingRules::default();
            ColumnEncoder::plan(&ty, &target, &rules, CellForm::Source).expect("a plan")
        };
        let encoders = vec![
            column(TypeKind::Int, "int", 0, 0, PgType::Int4),
            column(TypeKind::Int, "int", 0, 0, PgType::Int4),
            column(
                TypeKind::VarChar,
                "varchar(120)",
                120,
                0,
                PgType::Varchar(Some(120)),
            ),
            column(
                TypeKind::Decimal,
                "decimal(12,2)",
                12,
                2,
                PgType::Numeric(Some((12, 2))),
            ),
            column(TypeKind::DateTime, "datetime", 0, 0, PgType::Timestamp(0)),
        ];
        let mut buffer = ChangeBuffer::default();
        let text =
            "68487932199-96439406143-93774651418-41631865787-96406072701-20604855487".repeat(2);
        let rows = (0i64..)
            .take(ROWS)
            .map(|id| {
                let words = buffer.put(&text.as_bytes()[..119]);
                let amount = buffer.put(format!("{}.{:02}", id * 37, id % 100).as_bytes());
                [
                    Cell::Int(id),
                    Cell::Int(id * 7919 % 1_000_000),
                    Cell::Text(words),
                    Cell::Text(amount),
                    Cell::Micros(1_750_000_000_000_000 + id * 1_000_000),
                ]
            })
            .collect();
        Batch {
            buffer,
            rows,
            encoders,
        }
    }
}

/// What a COPY takes.
#[divan::bench]
fn copy_fields(bencher: Bencher<'_, '_>) {
    let batch = Batch::new();
    let mut out = Vec::new();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        out.clear();
        for row in &batch.rows {
            for (encoder, cell) in batch.encoders.iter().zip(row) {
                let written = encoder.binary(&batch.buffer, *cell, &mut out);
                written.expect("a value that fits");
            }
        }
        out.len()
    });
}

/// What a DELETE, UPDATE or INSERT of a batch takes.
#[divan::bench]
fn arrays(bencher: Bencher<'_, '_>) {
    let batch = Batch::new();
    let mut arrays: Vec<ArrayParam> = batch.encoders.iter().map(ArrayParam::new).collect();
    bencher.counter(ItemsCount::new(ROWS)).bench_local(|| {
        arrays.iter_mut().for_each(ArrayParam::clear);
        for row in &batch.rows {
            for ((encoder, cell), array) in batch.encoders.iter().zip(row).zip(&mut arrays) {
                let pushed = array.push(encoder, &batch.buffer, *cell);
                pushed.expect("a value that fits");
            }
        }
        arrays.iter().map(ArrayParam::bytes).sum::<usize>()
    });
}
