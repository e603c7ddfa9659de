//! Binlog events to rows: transactions of one table map and one event of several rows, as MariaDB writes them.

use chameleon_mysql::binlog::fuzz::decode;
use divan::{Bencher, counter::ItemsCount};

const TRANSACTIONS: u64 = 1_000;
/// An odd server id means MariaDB to the decoder.
const SERVER_ID: u32 = 1;

fn main() {
    divan::main();
}

/// Rows of one event: those of small transactions, and those of a bulk load.
#[divan::bench(args = [1, 10, 100])]
fn rows_per_event(bencher: Bencher<'_, '_>, rows: usize) {
    let events = transactions(rows);
    let all = rows * usize::try_from(TRANSACTIONS).unwrap_or_default();
    let decoded = decode(&events);
    assert_eq!(
        (decoded.rows, decoded.errors),
        (all, 0),
        "the decoder takes the events"
    );
    bencher
        .counter(ItemsCount::new(all))
        .bench_local(|| decode(divan::black_box(&events)).rows);
}

fn transactions(rows: usize) -> Vec<u8> {
    let mut events = Vec::new();
    for number in 1..=TRANSACTIONS {
        // sequence number, domain, flags, padding
        let gtid = [&number.to_le_bytes()[..], &[0; 11]].concat();
        event(&mut events, 162, &gtid);
        event(&mut events, 19, &table_map());
        event(&mut events, 23, &insert(rows));
        event(&mut events, 16, &number.to_le_bytes());
    }
    events
}

/// Header, body and the place of a checksum.
fn event(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let size = u32::try_from(19 + body.len() + 4).unwrap_or_default();
    let at = u32::try_from(out.len()).unwrap_or_default() + size;
    out.extend_from_slice(&1_750_000_000u32.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(&SERVER_ID.to_le_bytes());
    out.extend_from_slice(&size.to_le_bytes());
    out.extend_from_slice(&at.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(body);
    out.extend_from_slice(&[0; 4]);
}

/// Table 7: int, int, varchar(120), varchar(60) of four bytes a character.
fn table_map() -> Vec<u8> {
    let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0];
    for name in ["bench", "sbtest1"] {
        body.push(u8::try_from(name.len()).unwrap_or_default());
        body.extend_from_slice(name.as_bytes());
        body.push(0);
    }
    body.extend_from_slice(&[4, 3, 3, 15, 15, 4]);
    body.extend_from_slice(&480u16.to_le_bytes());
    body.extend_from_slice(&240u16.to_le_bytes());
    body.push(0);
    body
}

fn insert(rows: usize) -> Vec<u8> {
    // table, end of the statement, four columns, all present
    let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0, 4, 0b1111];
    for id in (1u32..).take(rows) {
        body.push(0b1111_0000);
        body.extend_from_slice(&id.to_le_bytes());
        body.extend_from_slice(&id.wrapping_mul(7919).to_le_bytes());
        varchar(&mut body, 119, 480);
        varchar(&mut body, 59, 240);
    }
    body
}

/// A text; its length takes two bytes where the column may hold more than 255.
fn varchar(out: &mut Vec<u8>, length: u8, longest: u16) {
    out.push(length);
    if longest > 255 {
        out.push(0);
    }
    out.extend((0..length).map(|n| b'a' + n % 26));
}
