//! Every type: what the stream gives for a row is what the copy gives.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chameleon_model::{ChangeBuffer, TypeKind};
use chameleon_mysql::Flavor;
use chameleon_mysql::binlog::Step;
use chameleon_mysql::snapshot::{self, Chunk, Method};

use crate::binlog::Follow;
use crate::snapshot::shown_rows;
use crate::support::TestDb;

/// Makes a table, follows the rows that are then inserted, copies them, and compares: for every row,
/// all cells must be the same.
async fn check(db: &mut TestDb, table: &str, columns: &str, rows: &[&str]) {
    db.run(&format!(
        "create table {table} (id int auto_increment primary key, {columns})"
    ))
    .await;
    let mut follow = Follow::from_now(db).await;
    for row in rows {
        db.run(&format!("insert into {table} {row}")).await;
    }
    let end = db.connect().await.current_position().await.unwrap();
    let mut streamed = ChangeBuffer::default();
    while follow.source.position().binlog < end.binlog {
        let next = follow.source.next(&mut streamed, usize::MAX);
        let step = tokio::time::timeout(Duration::from_secs(30), next)
            .await
            .unwrap()
            .unwrap();
        if let Step::Hold { table, error } = step {
            panic!("{}: {error:?}", table.name);
        }
    }
    let streamed = keyed(shown_rows(&streamed));
    let schema = Arc::new(db.table(table).await);
    let mut snapshot = loop {
        // other tests lock the server too
        let wait = Duration::from_secs(5);
        if let Ok(snapshot) = snapshot::open(&db.source, 1, Method::Auto, wait).await {
            break snapshot;
        }
    };
    let mut copied = ChangeBuffer::default();
    let mut chunk = snapshot.readers[0]
        .begin(&schema, &Chunk::whole())
        .await
        .unwrap();
    while chunk.fill(&mut copied, 1 << 20).await.unwrap() {}
    let copied = keyed(shown_rows(&copied));
    assert_eq!(streamed.len(), copied.len(), "{table}");
    for (id, row) in &copied {
        for (column, (copied, streamed)) in schema.columns.iter().zip(row.iter().zip(&streamed[id]))
        {
            let name = &column.name;
            assert_eq!(streamed, copied, "{table}.{name} of row {id}: stream, copy");
        }
    }
}

fn keyed(rows: Vec<Vec<String>>) -> BTreeMap<String, Vec<String>> {
    rows.into_iter().map(|row| (row[0].clone(), row)).collect()
}

#[tokio::test]
async fn numbers() {
    let mut db = TestDb::new().await;
    check(
        &mut db,
        "t",
        "a tinyint, au tinyint unsigned, b smallint, bu smallint unsigned, c mediumint, \
         cu mediumint unsigned, d int, du int unsigned, e bigint, eu bigint unsigned, \
         f float, g double, h decimal(10, 3), i decimal(65, 30), j decimal(5, 5), k decimal(20, 0), \
         l bit(1), m bit(13), n bit(64), o year, p bool, q int(8) zerofill, r decimal(9, 2) unsigned, \
         fu float unsigned, z float(7, 3), y double(10, 2)",
        &[
            "() values ()",
            "values (null, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0, \
             -3.4028235e38, -1.7976931348623157e308, -9999999.999, \
             -99999999999999999999999999999999999.999999999999999999999999999999, -0.99999, \
             -99999999999999999999, b'0', b'0', b'0', 0, false, 0, 0, 0, -1.5, -1.25)",
            "values (null, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, \
             9223372036854775807, 18446744073709551615, 3.4028235e38, 1.7976931348623157e308, \
             9999999.999, 99999999999999999999999999999999999.999999999999999999999999999999, \
             0.99999, 99999999999999999999, b'1', b'1111111111111', \
             b'1111111111111111111111111111111111111111111111111111111111111111', 2155, true, 42, \
             1234567.89, 1.1, 1234.567, 12345678.91)",
            "values (null, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, 1.17549435e-38, 5e-324, 0.001, 0.5, \
             0.00001, 1, 1, b'101', b'1000000001', 1901, 2, 7, 0.01, 0.1, 0.1, 0.1)",
            "values (null, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16777217, 0.1, 0, 0, 0, 0, 0, 256, 256, 1970, \
             -1, 1, 10, 3.3333333, 999.9999, 1e6)",
        ],
    )
    .await;
}

#[tokio::test]
async fn dates_and_times() {
    let mut db = TestDb::new().await;
    check(
        &mut db,
        "t",
        "a date, b time, b1 time(1), b2 time(2), b3 time(3), b4 time(4), b5 time(5), b6 time(6), \
         c datetime, c1 datetime(1), c2 datetime(2), c3 datetime(3), c4 datetime(4), c5 datetime(5), \
         c6 datetime(6), d timestamp null, d1 timestamp(1) null, d2 timestamp(2) null, \
         d3 timestamp(3) null, d4 timestamp(4) null, d5 timestamp(5) null, d6 timestamp(6) null",
        &[
            "() values ()",
            &row_of_times("0000-00-00", "00:00:00", "0000-00-00 00:00:00", "0000-00-00 00:00:00"),
            &row_of_times("2020-00-15", "-00:00:00.999999", "2020-05-00 01:02:03.987654", "1970-01-01 00:00:01"),
            &row_of_times("9999-12-31", "838:59:59", "9999-12-31 23:59:59.999999", "2038-01-19 03:14:07.999999"),
            &row_of_times("1000-01-01", "-838:59:59", "1000-01-01 00:00:00.000001", "2001-09-09 01:46:40.123456"),
            &row_of_times("1969-12-31", "-01:02:03.123456", "1969-12-31 23:59:59.999999", "2024-02-29 12:00:00.5"),
            &row_of_times("0001-01-01", "12:34:56.7", "0001-01-01 00:00:00", "2037-12-31 23:59:59"),
        ],
    )
    .await;
    db.run("set sql_mode = 'ALLOW_INVALID_DATES'").await;
    check(
        &mut db,
        "i",
        "a date, b datetime(3)",
        &["values (null, '2021-02-31', '2021-02-30 1:2:3.5')"],
    )
    .await;
    let (flavor, version) = db.version().await;
    if flavor == Flavor::MariaDb && version >= 110_500 {
        let late = [
            "values (null, '2106-02-07 06:28:15.999')",
            "values (null, '2040-01-01 00:00:00')",
        ];
        check(&mut db, "late", "a timestamp(3) null", &late).await;
    }
}

fn row_of_times(date: &str, time: &str, datetime: &str, timestamp: &str) -> String {
    let many = |value: &str| format!("'{value}'").repeat(7).replace("''", "', '");
    let (times, datetimes, timestamps) = (many(time), many(datetime), many(timestamp));
    format!("values (null, '{date}', {times}, {datetimes}, {timestamps})")
}

#[tokio::test]
async fn text_and_bytes() {
    let mut db = TestDb::new().await;
    check(
        &mut db,
        "t",
        "a char(5), b varchar(300), c tinytext, d text, e mediumtext, f longtext, g binary(6), \
         h varbinary(300), i tinyblob, j blob, k mediumblob, l longblob, \
         m enum('a', 'it''s', 'ü') , n set('x', 'y', 'zß'), o char(255), p varchar(63), q binary(255), \
         r enum('') not null",
        &[
            "(r) values ('')",
            "values (null, '', '', '', '', '', '', '', '', '', '', '', '', 'a', '', '', '', '', '')",
            "values (null, 'a  ', 'a  ', ' ', 'ä', '🦎', 'x', x'0100', x'00', x'ff', '', '0', x'0001', \
             'it''s', 'x,zß', repeat('ü', 255), repeat('€', 63), x'01', '')",
            "values (null, 'ä\\0🦎b', repeat('ä', 300), repeat('a', 255), repeat('b', 65535), \
             repeat('c', 70000), repeat('d', 70000), 'abcdef', repeat(x'00', 300), repeat('a', 255), \
             repeat('b', 65535), repeat('c', 70000), repeat('d', 70000), 3, 7, 'x', '', \
             repeat('y', 255), '')",
            "values (null, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 0, 0, '', '', '', 0)",
        ],
    )
    .await;
    let labels: Vec<String> = (0..300).map(|n| format!("'l{n}'")).collect();
    let members: Vec<String> = (0..64).map(|n| format!("'m{n}'")).collect();
    let columns = format!(
        "a enum({}), b set({})",
        labels.join(", "),
        members.join(", ")
    );
    check(
        &mut db,
        "u",
        &columns,
        &[
            "values (null, 'l299', 18446744073709551615)",
            "values (null, 'l0', 1)",
            "values (null, 256, 'm63')",
        ],
    )
    .await;
}

#[tokio::test]
async fn character_sets() {
    let mut db = TestDb::new().await;
    let samples = [
        ("latin1", "äÖ€ÿ"),
        ("latin2", "łŐ"),
        ("latin5", "ğİ"),
        ("latin7", "ļž"),
        ("ascii", "abc"),
        ("cp1250", "łŐ€"),
        ("cp1251", "жЯ"),
        ("cp1256", "پ€"),
        ("cp1257", "ļž"),
        ("cp850", "äÖ░"),
        ("cp852", "łŐ"),
        ("cp866", "жЯ░"),
        ("cp932", "あｱ～①"),
        ("dec8", "äÖ"),
        ("geostd8", "ა"),
        ("greek", "αΩ"),
        ("hebrew", "אב"),
        ("hp8", "äÖ"),
        ("keybcs2", "řž"),
        ("koi8r", "жЯ"),
        ("koi8u", "жїЯ"),
        ("macce", "łŐ"),
        ("macroman", "äÖ"),
        ("swe7", "ÄÖÅé"),
        ("armscii8", "ա"),
        ("tis620", "ก"),
        ("big5", "你好"),
        ("euckr", "가나"),
        ("eucjpms", "あｱ～①"),
        ("gb2312", "你好"),
        ("gbk", "你好"),
        ("sjis", "あｱ〜"),
        ("ujis", "あｱ〜"),
        ("ucs2", "ä€あ"),
        ("utf16", "ä€🦎"),
        ("utf16le", "ä€🦎"),
        ("utf32", "ä€🦎"),
        ("utf8mb3", "ä€あ"),
        ("utf8mb4", "ä€🦎"),
    ];
    let columns: Vec<String> = samples
        .iter()
        .map(|(set, _)| {
            format!("{set} varchar(20) character set {set}, {set}_c char(5) character set {set}")
        })
        .collect();
    let values: Vec<String> = samples
        .iter()
        .map(|(_, text)| format!("'{text}', 'a{text}'"))
        .collect();
    db.run("set names utf8mb4").await;
    let row = format!("values (null, {})", values.join(", "));
    check(&mut db, "t", &columns.join(", "), &[&row, "() values ()"]).await;
    // the text is what was written, not only the same on both ways
    let mut follow = Follow::from_now(&db).await;
    db.run(&format!("insert into t {row}")).await;
    let told = follow.catch_up(&db).await;
    let expect: Vec<String> = samples
        .iter()
        .map(|(_, text)| format!("{text:?}, {:?}", format!("a{text}")))
        .collect();
    assert_eq!(told[0], format!("insert t (Int(3), {})", expect.join(", ")));
}

#[tokio::test]
async fn documents_and_what_one_flavor_has() {
    let mut db = TestDb::new().await;
    let rows = [
        "(a) values ('{\"b\": 1, \"aa\": [1.0, null, true, \"ä\\\\n\"], \"a\": {}}')",
        "(a) values ('[18446744073709551615, -1, 1e100, 0.1, 123456789012345678]')",
        "(a) values (null)",
        "(a) values ('\"text\"')",
    ];
    check(&mut db, "j", "a json", &rows).await;
    check(
        &mut db,
        "g",
        "a geometry, b point, c polygon, d geometrycollection",
        &[
            "() values ()",
            "values (null, st_geomfromtext('point(1 2)'), st_geomfromtext('point(-1.5 10)', 4326), \
             st_geomfromtext('polygon((0 0, 1 0, 1 1, 0 0))'), \
             st_geomfromtext('geometrycollection empty'))",
        ],
    )
    .await;
    check(
        &mut db,
        "v",
        "a int, b int generated always as (a + 1) virtual, c varchar(20) generated always as \
         (concat('x', a)) stored, d int invisible default 4",
        &["(a) values (1)", "(a, d) values (null, null)"],
    )
    .await;
    match db.version().await {
        (Flavor::MariaDb, version) => mariadb_types(&mut db, version).await,
        (Flavor::MySql, version) => mysql_types(&mut db, version).await,
    }
}

async fn mariadb_types(db: &mut TestDb, version: u32) {
    check(
        db,
        "c",
        "a varchar(1000) compressed, b blob compressed, c text compressed character set latin1, \
         d varbinary(100) compressed, e longtext compressed",
        &[
            "() values ()",
            "values (null, repeat('ä', 400), repeat(x'00', 60000), repeat('ü', 500), repeat('q', 100), \
             repeat('long', 100000))",
            "values (null, '', '', '', '', '')",
            "values (null, 'a', 'b', 'ü', x'00', 'e')",
        ],
    )
    .await;
    check(
        db,
        "i",
        "a inet6",
        &[
            "values (null, '::')",
            "values (null, '1::')",
            "values (null, '::1.2.3.4')",
            "() values ()",
        ],
    )
    .await;
    if version >= 101_000 {
        check(
            db,
            "n",
            "a uuid, b inet4",
            &[
                "values (null, '00112233-4455-6677-8899-aabbccddee00', '1.2.3.0')",
                "values (null, '123e4567-e89b-12d3-a456-426655440000', '0.0.0.0')",
                "() values ()",
            ],
        )
        .await;
    }
    if version >= 110_700 {
        let rows = ["values (null, vec_fromtext('[1, -2.5, 0]'))"];
        check(db, "w", "a vector(3) not null", &rows).await;
    }
}

async fn mysql_types(db: &mut TestDb, version: u32) {
    check(
        db,
        "o",
        "a json",
        &[
            "(a) values (json_array(cast('2020-01-02' as date), cast('-10:11:12.5' as time(1)), \
             cast('2020-01-02 3:4:5.678' as datetime(3)), cast(-0.50 as decimal(10, 3)), x'00ff', \
             repeat(x'78', 100), cast(2020 as year), b'101', 1e15, 1e-20, 12345678901234567890))",
            "(a) values (json_object('k', cast(1 as unsigned), 'l', cast(99.99 as decimal(4, 2))))",
            "(a) values (cast(json_array_append('[]', '$', repeat('x', 70000)) as json))",
        ],
    )
    .await;
    if version >= 90_000 {
        let rows = [
            "values (null, string_to_vector('[1, -2.5, 0]'))",
            "values (null, null)",
        ];
        check(db, "w", "a vector(3)", &rows).await;
        assert!(
            db.table("w")
                .await
                .columns
                .iter()
                .any(|c| c.ty.kind == TypeKind::Vector)
        );
    }
    // columns of functional indexes are hidden, the generated primary key is not
    check(
        db,
        "f",
        "a varchar(10), j json, key k ((upper(a))), key m ((cast(j->'$.x' as unsigned array)))",
        &["(a, j) values ('ab', '{\"x\": [1, 2]}')"],
    )
    .await;
}

#[tokio::test]
async fn a_table_with_system_versioning_streams_its_current_rows() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MySql {
        return;
    }
    db.run(
        "create table t (id int primary key, a int) with system versioning; \
         create table u (id int primary key, a int, s timestamp(6) generated always as row start, \
         e timestamp(6) generated always as row end, period for system_time (s, e)) \
         with system versioning",
    )
    .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("insert into t values (1, 1), (2, 2); update t set a = 3 where id = 1; delete from t")
        .await;
    let expect = [
        "insert t (Int(1), Int(1))",
        "insert t (Int(2), Int(2))",
        "commit 2",
        "update t (Int(1), Int(1)) (Int(1), Int(3))",
        "commit 1",
        "delete t (Int(1), Int(3))",
        "delete t (Int(2), Int(2))",
        "commit 2",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
    db.run("insert into u (id, a) values (1, 1); update u set a = 2; delete from u")
        .await;
    let told = follow.catch_up(&db).await;
    let words: Vec<&str> = told
        .iter()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        words,
        ["insert", "commit", "update", "commit", "delete", "commit"]
    );
}
