use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
    pairs.iter().map(pair).collect()
}

fn mysql(tag: &str, uuid: &str, number: u64) -> Gtid {
    Gtid::MySql {
        sid: Sid {
            uuid: bytes(uuid).try_into().unwrap(),
            tag: tag.to_owned(),
        },
        number,
    }
}

#[test]
fn a_gtid_of_mysql_tells_the_time_of_its_commit() {
    let body = bytes(
        "01360fb964e6be11f1af3d02fc0000000131000000000000000200000000000000000100000000000000\
         1491e0cee46006b850620100",
    );
    let event = read_gtid(false, &body).unwrap();
    assert_eq!(
        event.gtid,
        mysql("", "360fb964e6be11f1af3d02fc00000001", 0x31)
    );
    assert_eq!(event.commit_micros, Some(0x06_60e4_cee0_9114));
    // as servers before 8.0 and before 5.7 wrote it
    assert_eq!(read_gtid(false, &body[..42]).unwrap().commit_micros, None);
    assert_eq!(read_gtid(false, &body[..25]).unwrap().gtid, event.gtid);
    assert_eq!(read_gtid(true, &body).unwrap().gtid, Gtid::Anonymous);
    assert_eq!(read_gtid(false, &body[..24]), None);
}

#[test]
fn a_gtid_of_mariadb_tells_how_its_group_ends() {
    let check = |hex: &str, sequence, standalone, alter| {
        let event = read_mariadb_gtid(7, &bytes(hex)).unwrap();
        let gtid = Gtid::MariaDb {
            domain: 0,
            server: 7,
            sequence,
        };
        assert_eq!(
            (event.gtid, event.standalone, event.alter),
            (gtid, standalone, alter)
        );
    };
    check(
        "1e000000000000000000000029000000000000",
        0x1e,
        true,
        AlterPhase::Whole,
    );
    check(
        "1f00000000000000000000000c100c00000000",
        0x1f,
        false,
        AlterPhase::Whole,
    );
    check(
        "27000000000000000000000029020000000000",
        0x27,
        true,
        AlterPhase::Start,
    );
    check(
        "28000000000000000000000029042700000000000000",
        0x28,
        true,
        AlterPhase::Commit,
    );
    check(
        "2200000000000000000000004c0700000003016162636201ff",
        0x22,
        false,
        AlterPhase::Whole,
    );
    check(
        "230000000000000000000000020100000000000000",
        0x23,
        false,
        AlterPhase::Whole,
    );
    assert_eq!(
        read_mariadb_gtid(7, &bytes("1e0000000000000000000000")),
        None
    );
}

#[test]
fn sets_of_gtids_at_a_files_start_are_read() {
    let uuid = "360fb964e6be11f1af3d02fc00000001";
    let plain = format!("0100000000000000{uuid}010000000000000001000000000000000600000000000000");
    let set = read_previous_gtids(&bytes(&plain)).unwrap();
    assert_eq!(set.len(), 1);
    assert_eq!(set[0].1, [(1, 5)]);
    let list = bytes("01000000070000000900000005000000000000000000");
    assert_eq!(read_gtid_list(&list).unwrap(), [(7, 9, 5)]);
    // a count that lies costs nothing
    assert_eq!(read_previous_gtids(&[0xff; 8]), None);
    assert_eq!(read_gtid_list(&[0xff; 8]), None);
}

#[test]
fn a_format_description_of_another_age_is_refused() {
    let mut body = vec![4, 0];
    body.extend_from_slice(&[0; 50]);
    body.extend_from_slice(&[1, 0, 0, 0, 19]);
    body.extend_from_slice(&[8; 40]);
    let expect = FormatDescription {
        server_started: true,
    };
    assert_eq!(read_format_description(&body), Some(expect));
    body[57 + 18] = 6;
    assert_eq!(read_format_description(&body), None);
    assert_eq!(read_format_description(&body[..60]), None);
}

#[test]
fn a_rotate_names_file_and_offset() {
    let body = b"\x04\0\0\0\0\0\0\0binlog.000007";
    assert_eq!(read_rotate(body), Some((4, "binlog.000007")));
    assert_eq!(read_rotate(&body[..8]), None);
}

#[test]
fn a_payload_tells_its_unpacked_size() {
    // compression 0 (zstd), size packed 3, size unpacked 300
    assert_eq!(
        read_payload_bytes(&[2, 1, 0, 1, 1, 3, 3, 3, 0xfc, 44, 1, 0, 9, 9, 9]),
        Some(300)
    );
    // not compressed
    assert_eq!(
        read_payload_bytes(&[2, 3, 0xfc, 255, 0, 1, 1, 3, 0, 9, 9, 9]),
        Some(3)
    );
    assert_eq!(read_payload_bytes(&[2, 9]), None);
}

#[test]
fn a_header_is_read_in_the_order_of_its_fields() {
    let head = bytes("0403020113070000001e000000640000002000");
    let header = Header::read(&mut Reader(&head)).unwrap();
    let expect = Header {
        timestamp: 0x0102_0304,
        kind: kind::TABLE_MAP,
        server_id: 7,
        size: 30,
        log_pos: 100,
        flags: FLAG_ARTIFICIAL,
    };
    assert_eq!(header, expect);
    assert!(header.is_artificial());
    assert!(Header::read(&mut Reader(&head[..18])).is_none());
}
