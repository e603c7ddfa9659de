use chameleon_diag::{Diagnostic, codes};
use chameleon_model::{TableName, TypeKind};

use super::super::table_map::wire;
use super::super::test_bytes as bytes;
use super::*;
use crate::binlog::logged::Objects;
use crate::{Flavor, TableSelection};

/// An assembler that is fed by hand, with the table `shop.t (a int)`.
struct Feed {
    assembler: Assembler,
    buffer: ChangeBuffer,
    offset: u64,
}

impl Feed {
    fn new(flavor: Flavor, gtids: Option<&str>, skip: Option<Skip>) -> Self {
        let mut info = ServerInfo::unknown();
        info.flavor = flavor;
        info.version = match flavor {
            Flavor::MySql => 80_036,
            Flavor::MariaDb => 101_106,
        };
        let int = bytes::column("a", bytes::ty(TypeKind::Int, 0, 0));
        let tables = vec![bytes::table("t", vec![int])];
        let all = TableSelection::all();
        let schemas = Schemas::new("shop".to_owned(), all, false, tables);
        let offset = skip.map_or(4, |skip| skip.until);
        let position = SourcePosition {
            binlog: BinlogPosition::new("b.000001", offset),
            gtids: gtids.map(|text| match flavor {
                Flavor::MySql => GtidSet::parse_mysql(text).unwrap(),
                Flavor::MariaDb => GtidSet::parse_mariadb(text).unwrap(),
            }),
        };
        let defaults = Defaults {
            database: "shop".to_owned(),
            ..Defaults::default()
        };
        Self {
            assembler: Assembler::new(info, defaults, schemas, position, skip),
            buffer: ChangeBuffer::default(),
            offset: 4,
        }
    }

    /// Feeds an event; what comes of it, and the position after each step.
    fn event(&mut self, kind: u8, body: &[u8]) -> Vec<String> {
        self.offset += u64::try_from(Header::BYTES + body.len()).unwrap();
        let log_pos = u32::try_from(self.offset & 0xffff_ffff).unwrap();
        let header = bytes::header(kind, body.len(), log_pos);
        self.raw(header, body).unwrap()
    }

    fn raw(&mut self, header: Header, body: &[u8]) -> Result<Vec<String>, SourceError> {
        let event = Event {
            header,
            body,
            packed: false,
        };
        self.assembler.take(&event, &mut self.buffer)?;
        let mut told = Vec::new();
        while let Some(step) = self.assembler.pop() {
            let word = match step {
                Step::Continued => "continued".to_owned(),
                Step::Committed { rows, .. } => format!("committed {rows}"),
                Step::RolledBack => "rolled back".to_owned(),
                Step::Progress { .. } => "progress".to_owned(),
                Step::Hold { table, error } => format!("hold {} {}", table.name, error.code()),
                Step::Ddl(ddl) => format!("ddl {}", ddl.changes.len()),
                Step::Xa { xid, step, .. } => format!("{step:?} {xid}"),
            };
            told.push(format!("{word} @{}", self.assembler.position.binlog.offset));
        }
        Ok(told)
    }

    fn query(&mut self, sql: &str) -> Vec<String> {
        self.event(kind::QUERY, &bytes::query("shop", sql))
    }

    /// A table map and rows for `t`.
    fn insert(&mut self, values: &[u8]) -> Vec<String> {
        let mut told = self.map();
        told.extend(self.rows(values));
        told
    }

    fn map(&mut self) -> Vec<String> {
        let map = bytes::table_map(1, "shop", "t", &[(wire::LONG, &[])], None);
        self.event(kind::TABLE_MAP, &map)
    }

    fn rows(&mut self, values: &[u8]) -> Vec<String> {
        let rows: Vec<[u8; 5]> = values.iter().map(|&value| [0, value, 0, 0, 0]).collect();
        let rows: Vec<&[u8]> = rows.iter().map(|row| &row[..]).collect();
        self.event(kind::WRITE_ROWS, &bytes::rows(1, 1, &[&[1]], &rows))
    }

    /// What every call of `next` begins with.
    fn resume(&mut self) {
        if let Some(open) = &mut self.assembler.open {
            open.resume(&self.buffer);
        }
    }

    fn gtids(&self) -> String {
        let gtids = self.assembler.position.gtids.as_ref();
        gtids.map(ToString::to_string).unwrap_or_default()
    }
}

const SID: &str = "07070707-0707-0707-0707-070707070707";

#[test]
fn a_gtid_counts_when_its_transaction_is_committed() {
    let mut feed = Feed::new(Flavor::MySql, Some(&format!("{SID}:1-4")), None);
    feed.event(kind::GTID, &bytes::mysql_gtid(5));
    feed.query("BEGIN");
    assert_eq!(feed.insert(&[1, 2]), [""; 0]);
    assert_eq!(feed.gtids(), format!("{SID}:1-4"));
    assert_eq!(feed.assembler.position.binlog.offset, 4);
    let told = feed.event(kind::XID, &[0; 8]);
    assert_eq!(told, [format!("committed 2 @{}", feed.offset)]);
    assert_eq!(feed.gtids(), format!("{SID}:1-5"));
    assert_eq!(feed.buffer.len(), 2);
}

#[test]
fn a_transaction_that_was_read_before_is_passed_over() {
    let mut feed = Feed::new(Flavor::MySql, Some(&format!("{SID}:1-5:9")), None);
    for (number, expect) in [(5, "progress"), (6, "committed 1"), (9, "progress")] {
        feed.event(kind::GTID, &bytes::mysql_gtid(number));
        feed.query("BEGIN");
        feed.insert(&[1]);
        let told = feed.event(kind::XID, &[0; 8]);
        assert_eq!(told, [format!("{expect} @{}", feed.offset)], "{number}");
    }
    feed.event(kind::GTID, &bytes::mysql_gtid(9));
    assert!(feed.query("alter table t add b int")[0].starts_with("progress"));
    assert_eq!(feed.gtids(), format!("{SID}:1-6:9"));
}

#[test]
fn groups_of_mariadb_end_with_xid_or_commit_and_ddl_ends_itself() {
    let mut feed = Feed::new(Flavor::MariaDb, Some("0-5-6"), None);
    for (sequence, end) in [(7, "xid"), (8, "commit")] {
        feed.event(kind::MARIADB_GTID, &bytes::mariadb_gtid(sequence, 0x0c, 0));
        feed.insert(&[1]);
        let told = match end {
            "xid" => feed.event(kind::XID, &[0; 8]),
            _ => feed.query("COMMIT"),
        };
        assert_eq!(told, [format!("committed 1 @{}", feed.offset)]);
        assert_eq!(feed.gtids(), format!("0-5-{sequence}"));
    }
    feed.event(kind::MARIADB_GTID, &bytes::mariadb_gtid(9, 0x29, 0));
    assert!(feed.query("alter table t add b int")[0].starts_with("ddl 1"));
    assert_eq!(feed.gtids(), "0-5-9");
}

#[test]
fn an_alter_in_two_phases_counts_when_it_is_done() {
    let mut feed = Feed::new(Flavor::MariaDb, None, None);
    for (extra, expect) in [(2, "progress"), (8, "progress"), (4, "ddl 1")] {
        feed.event(kind::MARIADB_GTID, &bytes::mariadb_gtid(9, 0x29, extra));
        let told = feed.query("alter table t add b int");
        assert!(told[0].starts_with(expect), "{extra}: {told:?}");
    }
}

#[test]
fn a_transaction_cut_short_by_a_restart_of_the_server_is_dropped() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    feed.query("BEGIN");
    feed.insert(&[1]);
    assert_eq!(
        feed.event(kind::FORMAT_DESCRIPTION, &bytes::format_description(7)),
        ["rolled back @4"]
    );
    assert!(feed.buffer.is_empty());
    // without one, the next file tells
    feed.query("BEGIN");
    feed.insert(&[1]);
    let mut rotate = bytes::header(kind::ROTATE, 16, 0);
    rotate.flags = 0x20;
    let told = feed.raw(rotate, b"\x04\0\0\0\0\0\0\0b.000002").unwrap();
    assert_eq!(told, ["rolled back @4", "progress @4"]);
    assert_eq!(&*feed.assembler.position.binlog.file, "b.000002");
    assert!(feed.buffer.is_empty());
}

#[test]
fn rows_of_other_databases_move_the_position_alone() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    feed.query("BEGIN");
    let map = bytes::table_map(1, "other", "t", &[(wire::LONG, &[])], None);
    feed.event(kind::TABLE_MAP, &map);
    feed.event(
        kind::WRITE_ROWS,
        &bytes::rows(1, 1, &[&[1]], &[&[0, 1, 0, 0, 0]]),
    );
    let told = feed.event(kind::XID, &[0; 8]);
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
    assert!(feed.buffer.is_empty());
}

#[test]
fn what_is_damaged_or_unknown_is_no_silence() {
    let code = |kind: u8, body: &[u8]| {
        let mut feed = Feed::new(Flavor::MySql, None, None);
        let header = bytes::header(kind, body.len(), 100);
        feed.raw(header, body)
            .map(|_| ())
            .map_err(|error| error.code())
    };
    assert_eq!(code(kind::INCIDENT, &[]), Err(codes::SRC060));
    assert_eq!(code(99, &[]), Err(codes::SRC033));
    assert_eq!(code(kind::QUERY, &[0; 5]), Err(codes::SRC032));
    assert_eq!(code(kind::GTID, &[0; 5]), Err(codes::SRC032));
    assert_eq!(code(kind::TABLE_MAP, &[0; 5]), Err(codes::SRC032));
    assert_eq!(code(kind::WRITE_ROWS, &[0; 5]), Err(codes::SRC032));
    // rows that no table map announced
    let rows = bytes::rows(1, 1, &[&[1]], &[&[0, 1, 0, 0, 0]]);
    assert_eq!(code(kind::WRITE_ROWS, &rows), Err(codes::SRC032));
    // the end of a statement without rows
    let dummy = [&[0xff, 0xff, 0xff, 0, 0, 0][..], &[1, 0, 2, 0, 0]].concat();
    assert_eq!(code(kind::WRITE_ROWS, &dummy), Ok(()));
    let mut ignorable = bytes::header(99, 0, 100);
    ignorable.flags = FLAG_IGNORABLE;
    assert!(
        Feed::new(Flavor::MySql, None, None)
            .raw(ignorable, &[])
            .is_ok()
    );
}

#[test]
fn a_row_that_cannot_be_decoded_holds_its_table_and_is_counted() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    feed.query("BEGIN");
    feed.insert(&[1]);
    let body = bytes::rows(1, 1, &[&[1]], &[&[0, 1, 0]]);
    assert_eq!(feed.event(kind::WRITE_ROWS, &body), ["hold t SRC035 @4"]);
    assert_eq!(feed.insert(&[2, 3]), [""; 0]);
    assert_eq!(feed.event(kind::XID, &[0; 8]).len(), 1);
    let name = TableName::new("shop", "t");
    assert_eq!(feed.assembler.schemas.take_counts(), [(name, 3)]);
    assert_eq!(feed.buffer.len(), 1);
}

#[test]
fn statements_in_place_of_rows_hold_their_tables_or_end_the_stream() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    assert!(feed.query("insert into other.x values (1)")[0].starts_with("progress"));
    let told = feed.query("update t set a = 1");
    assert!(told[0].starts_with("hold t SRC037"), "{told:?}");
    let body = bytes::query("shop", "select f()");
    let header = bytes::header(kind::QUERY, body.len(), 0);
    feed.raw(header, &body).unwrap();
    let logged = feed.assembler.logged.take().unwrap();
    let unknown = feed.assembler.hold_reached(&logged, &Objects::none());
    assert_eq!(unknown.unwrap_err().code(), codes::SRC061);
}

#[test]
fn reading_from_a_files_start_skips_and_finds_the_gtids() {
    let mut whole = Feed::new(Flavor::MySql, None, None);
    // the same events: a set, then three transactions of one row each
    let events = |feed: &mut Feed| {
        let mut told = Vec::new();
        let mut set = vec![1, 0, 0, 0, 0, 0, 0, 0];
        set.extend_from_slice(&[7; 16]);
        for number in [1_u64, 1, 5] {
            set.extend_from_slice(&number.to_le_bytes());
        }
        told.extend(feed.event(kind::PREVIOUS_GTIDS, &set));
        let mut ends = Vec::new();
        for number in 5..8 {
            told.extend(feed.event(kind::GTID, &bytes::mysql_gtid(number)));
            told.extend(feed.query("BEGIN"));
            told.extend(feed.insert(&[u8::try_from(number).unwrap()]));
            ends.push(feed.offset);
            told.extend(feed.event(kind::XID, &[0; 8]));
            ends.push(feed.offset);
        }
        (told, ends)
    };
    let (_, ends) = events(&mut whole);
    // behind the second transaction, or behind its rows
    for (until, inside) in [(ends[3], false), (ends[2], true)] {
        let skip = Skip {
            until,
            inside,
            derive_gtids: true,
        };
        let mut feed = Feed::new(Flavor::MySql, None, Some(skip));
        let (told, _) = events(&mut feed);
        let progress = format!("progress @{}", ends[3]);
        let committed = format!("committed 1 @{}", ends[5]);
        if inside {
            assert_eq!(told, [progress, committed]);
        } else {
            assert_eq!(told, [committed]);
        }
        assert_eq!(feed.gtids(), format!("{SID}:1-7"));
        assert_eq!(feed.buffer.len(), 1);
    }
}

#[test]
fn a_start_that_is_no_boundary_is_told() {
    let skip = Skip {
        until: 30,
        inside: true,
        derive_gtids: false,
    };
    let mut feed = Feed::new(Flavor::MySql, None, Some(skip));
    let body = bytes::query("shop", "BEGIN");
    let header = bytes::header(kind::QUERY, body.len(), 50);
    assert_eq!(feed.raw(header, &body).unwrap_err().code(), codes::SRC038);
}

/// A set that was read while a transaction was being committed lacks it; the next file names it.
#[test]
fn a_hole_in_the_set_is_filled_at_the_next_file() {
    let mut feed = Feed::new(Flavor::MySql, Some(&format!("{SID}:1-3:5-6")), None);
    let mut body = 1_u64.to_le_bytes().to_vec();
    body.extend_from_slice(&[7; 16]);
    for number in [1_u64, 1, 7] {
        body.extend_from_slice(&number.to_le_bytes());
    }
    feed.event(kind::PREVIOUS_GTIDS, &body);
    assert_eq!(feed.gtids(), format!("{SID}:1-6"));
}

#[test]
fn the_position_reaches_the_end_of_a_file_without_transactions() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    let told = feed.event(kind::PREVIOUS_GTIDS, &[0; 8]);
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
    let told = feed.raw(bytes::header(kind::HEARTBEAT, 0, 0), &[]).unwrap();
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
    let told = feed.event(kind::STOP, &[]);
    assert_eq!(told, [format!("progress @{}", feed.offset)]);
    // inside a transaction it stays
    feed.event(kind::GTID, &bytes::mysql_gtid(1));
    assert_eq!(
        feed.raw(bytes::header(kind::HEARTBEAT, 0, 0), &[]).unwrap(),
        [""; 0]
    );
}

#[test]
fn a_heartbeat_tells_what_was_passed_over() {
    let mut feed = Feed::new(Flavor::MySql, None, None);
    feed.event(kind::PREVIOUS_GTIDS, &[0; 8]);
    let (here, file) = (feed.offset, feed.assembler.here().file);
    let ahead = u32::try_from(here).unwrap() + 1_000;
    let mut beat = |log_pos: u32, file: &str| {
        let header = bytes::header(kind::HEARTBEAT, 0, log_pos);
        feed.raw(header, file.as_bytes()).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(beat(ahead, "other.1"), [format!("progress @{here}")]);
    }
    // it may be passing over transactions still
    assert_eq!(beat(ahead - 100, &file), [format!("progress @{here}")]);
    assert_eq!(beat(ahead, &file), [format!("progress @{here}")]);
    assert_eq!(beat(ahead, &file), [format!("progress @{ahead}")]);
    for _ in 0..2 {
        assert_eq!(beat(ahead - 900, &file), [format!("progress @{ahead}")]);
    }
}

#[path = "xa_tests.rs"]
mod xa_tests;
