use super::*;
use crate::binlog::XaStep;

const XID: &str = "X'61',X'',1";

fn prepare(one_phase: u8) -> Vec<u8> {
    let numbers = [1_u32, 1, 0].map(u32::to_le_bytes).concat();
    [&[one_phase][..], &numbers, &[0x61]].concat()
}

/// An XA transaction up to XA END; the caller empties the buffer where it begins.
fn begun(feed: &mut Feed, values: &[u8]) -> Vec<String> {
    feed.query(&format!("XA START {XID}"));
    rows(feed, values)
}

fn rows(feed: &mut Feed, values: &[u8]) -> Vec<String> {
    let mut told = feed.map();
    if !told.is_empty() {
        feed.buffer.clear();
        feed.resume();
    }
    told.extend(feed.rows(values));
    told
}

fn keeping() -> Feed {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    feed.assembler.keeps_prepared = true;
    feed
}

#[test]
fn one_phase_is_an_ordinary_transaction() {
    for keeps in [false, true] {
        let mut feed = Feed::new(Flavor::MySql, None, None);
        feed.assembler.keeps_prepared = keeps;
        begun(&mut feed, &[1]);
        let told = feed.event(kind::XA_PREPARE, &prepare(1));
        assert_eq!(told, [format!("committed 1 @{}", feed.offset)]);
    }
}

#[test]
fn prepared_rows_are_kept_under_their_name_until_it_is_committed() {
    let mut feed = keeping();
    feed.query("BEGIN");
    feed.insert(&[9]);
    feed.event(kind::XID, &[0; 8]);
    let before = feed.offset;
    let told = begun(&mut feed, &[1, 2]);
    // the position of the transactions before: what is in the buffer can be written with it
    assert_eq!(told, [format!("Begun {XID} @{before}")]);
    let told = feed.event(kind::XA_PREPARE, &prepare(0));
    let expect = format!("Prepared {{ rows: 2 }} {XID} @{}", feed.offset);
    assert_eq!(told, [expect]);
    assert_eq!(feed.buffer.len(), 2);
    feed.buffer.clear();
    feed.query("BEGIN");
    feed.insert(&[3]);
    let told = feed.event(kind::XID, &[0; 8]);
    assert_eq!(told, [format!("committed 1 @{}", feed.offset)]);
    for (sql, word) in [("XA COMMIT", "Committed"), ("XA ROLLBACK", "RolledBack")] {
        let told = feed.query(&format!("{sql} {XID}"));
        assert_eq!(told, [format!("{word} {XID} @{}", feed.offset)]);
    }
}

#[test]
fn a_long_one_comes_in_parts() {
    let mut feed = keeping();
    begun(&mut feed, &[1, 2]);
    let part = feed.assembler.hand_out();
    assert!(matches!(part, Step::Xa { step, .. } if step == XaStep::Part));
    feed.buffer.clear();
    feed.resume();
    feed.insert(&[3]);
    let told = feed.event(kind::XA_PREPARE, &prepare(1));
    // the position moves with the end alone
    assert_eq!(told[0], format!("Prepared {{ rows: 3 }} {XID} @4"));
    let offset = feed.offset;
    assert_eq!(told[1], format!("Committed {XID} @{offset}"));
}

#[test]
fn one_that_the_source_lost_is_rolled_back() {
    let mut feed = keeping();
    begun(&mut feed, &[1]);
    feed.assembler.hand_out();
    feed.buffer.clear();
    feed.resume();
    let told = feed.event(kind::FORMAT_DESCRIPTION, &bytes::format_description(7));
    assert_eq!(told, [format!("RolledBack {XID} @4")]);
}

#[test]
fn one_without_rows_of_concern_leaves_no_trace() {
    let mut feed = keeping();
    feed.query(&format!("XA START {XID}"));
    feed.query(&format!("XA END {XID}"));
    let told = feed.event(kind::XA_PREPARE, &prepare(0));
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
}

#[test]
fn its_tables_are_held_where_nobody_keeps_its_rows() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    begun(&mut feed, &[1]);
    let told = feed.event(kind::XA_PREPARE, &prepare(0));
    let offset = feed.offset;
    assert!(told[0].starts_with("hold t SRC037"));
    assert_eq!(told[1], format!("progress @{offset}"));
    assert!(feed.buffer.is_empty());
    let told = feed.query(&format!("XA COMMIT {XID}"));
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
}

#[test]
fn mariadb_names_it_in_the_gtid_event() {
    let mut feed = Feed::new(Flavor::MariaDb, None, None);
    feed.assembler.keeps_prepared = true;
    let named = [1, 0, 0, 0, 1, 0, 0x61];
    let mut gtid = bytes::mariadb_gtid(7, 64, 0);
    let at = 8 + 4 + 1;
    gtid.splice(at..at, named);
    assert_eq!(feed.event(kind::MARIADB_GTID, &gtid), [""; 0]);
    assert_eq!(rows(&mut feed, &[1]), [format!("Begun {XID} @4")]);
    let told = feed.event(kind::XA_PREPARE, &prepare(0));
    let expect = format!("Prepared {{ rows: 1 }} {XID} @{}", feed.offset);
    assert_eq!(told, [expect]);
    // the second half has no BEGIN either, and ends with the query
    let mut gtid = bytes::mariadb_gtid(8, 128, 0);
    gtid.splice(at..at, named);
    feed.event(kind::MARIADB_GTID, &gtid);
    let told = feed.query(&format!("XA COMMIT {XID}"));
    assert_eq!(told, [format!("Committed {XID} @{}", feed.offset)]);
}
