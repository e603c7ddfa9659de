//! A batch of changes to its net effect: one operation per key.

use std::sync::Arc;

use chameleon_model::{Cell, ChangeBuffer, ChangeRef, Op, RowRef, TableSchema};
use chameleon_target::bench::fold;
use divan::{Bencher, counter::ItemsCount};

const CHANGES: u64 = 10_000;

fn main() {
    divan::main();
}

/// Keys that the changes are spread over: every key once or so, and every key a hundred times.
#[divan::bench(args = [100_000, 100])]
fn changes_over_keys(bencher: Bencher<'_, '_>, keys: u64) {
    let buffer = batch(keys);
    let left = fold(&buffer, &[0], &[]).expect("sets");
    assert!(left.iter().sum::<usize>() <= buffer.len());
    bencher
        .counter(ItemsCount::new(CHANGES))
        .bench_local(|| fold(divan::black_box(&buffer), &[0], &[]));
}

fn batch(keys: u64) -> ChangeBuffer {
    let mut buffer = ChangeBuffer::default();
    let number = buffer.table_number(&Arc::new(table()));
    let text = "68487932199-96439406143-93774651418-41631865787";
    let mut there = vec![true; usize::try_from(keys).expect("few keys")];
    for n in 0..CHANGES {
        let key = n.wrapping_mul(7919) % keys;
        let state = &mut there[usize::try_from(key).expect("few keys")];
        let op = match (*state, n % 7) {
            (false, _) => Op::Insert,
            (true, 0 | 1) => Op::Delete,
            (true, _) => Op::Update,
        };
        *state = op != Op::Delete;
        let before = (op != Op::Insert).then(|| image(&mut buffer, key, n, text));
        let after = (op != Op::Delete).then(|| image(&mut buffer, key, n + 1, text));
        buffer.push_change(ChangeRef {
            table: number,
            op,
            before,
            after,
        });
    }
    buffer
}

fn image(buffer: &mut ChangeBuffer, key: u64, value: u64, text: &str) -> RowRef {
    let text = Cell::Text(buffer.put(text.as_bytes()));
    let row = buffer.begin_row();
    for cell in [Cell::UInt(key), Cell::UInt(value), text] {
        buffer.push_cell(cell);
    }
    row
}

fn table() -> TableSchema {
    let column = |name: &str, kind: &str| {
        serde_json::json!({
            "name": name, "ty": {"kind": kind, "declared": kind}, "nullable": false, "comment": ""
        })
    };
    let table = serde_json::json!({
        "name": {"schema": "bench", "name": "t"},
        "columns": [column("id", "bigint"), column("k", "bigint"), column("c", "varchar")],
        "primary_key": [0], "indexes": [], "foreign_keys": [], "comment": "",
    });
    serde_json::from_value(table).expect("a table")
}
