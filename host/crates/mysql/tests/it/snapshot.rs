//! The consistent copy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chameleon_diag::{Diagnostic, codes};
use chameleon_model::{Cell, ChangeBuffer, TableSchema};
use chameleon_mysql::snapshot::{self, Chunk, Method, Snapshot, SnapshotReader};
use chameleon_mysql::{Flavor, Source};
use mysql_async::prelude::Queryable;

use crate::support::TestDb;

const WAIT: Duration = Duration::from_secs(5);

/// A cell as text, for comparing.
pub(crate) fn show(buffer: &ChangeBuffer, cell: Cell) -> String {
    match cell {
        Cell::Text(span) => format!("{:?}", buffer.text(span)),
        Cell::Bytes(span) => {
            let hex: Vec<String> = buffer
                .slice(span)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            format!("x{}", hex.concat())
        }
        Cell::Odd(span) => format!("odd {:?}", String::from_utf8_lossy(buffer.slice(span))),
        other => format!("{other:?}"),
    }
}

/// All rows of a buffer as text.
pub(crate) fn shown_rows(buffer: &ChangeBuffer) -> Vec<Vec<String>> {
    let row = |change| {
        let cells = buffer.after(change).expect("an after image");
        cells.iter().map(|&c| show(buffer, c)).collect()
    };
    buffer.changes().iter().map(row).collect()
}

/// Opens a snapshot with one reader. Other tests use the server too, so a lock that is not granted is
/// tried again.
async fn open(source: &Source, method: Method) -> Snapshot {
    open_readers(source, 1, method).await
}

async fn open_readers(source: &Source, readers: u16, method: Method) -> Snapshot {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(100);
    loop {
        match snapshot::open(source, readers, method, WAIT).await {
            Err(error) if error.code() == codes::SRC050 => {
                assert!(tokio::time::Instant::now() < deadline, "{error}");
            }
            opened => return opened.expect("open"),
        }
    }
}

/// All rows of a chunk.
async fn read(
    reader: &mut SnapshotReader,
    table: &Arc<TableSchema>,
    chunk: &Chunk,
) -> Vec<Vec<String>> {
    let mut buffer = ChangeBuffer::default();
    let mut rows = reader.begin(table, chunk).await.expect("begin");
    while rows.fill(&mut buffer, usize::MAX).await.expect("fill") {}
    shown_rows(&buffer)
}

/// All rows of a table, read in chunks of about `rows_per_chunk`, and the number of chunks.
async fn read_table(db: &TestDb, name: &str, rows_per_chunk: u64) -> (Vec<Vec<String>>, usize) {
    let table = Arc::new(db.table(name).await);
    let mut conn = db.connect().await;
    let chunks = snapshot::plan_chunks(&mut conn, &table, rows_per_chunk)
        .await
        .expect("plan");
    let mut snapshot = open(&db.source, Method::Locked).await;
    let mut rows = Vec::new();
    for chunk in &chunks {
        // as a resumed copy has it
        let json = serde_json::to_string(chunk).expect("to JSON");
        let chunk: Chunk = serde_json::from_str(&json).expect("from JSON");
        rows.extend(read(&mut snapshot.readers[0], &table, &chunk).await);
    }
    (rows, chunks.len())
}

#[tokio::test]
async fn values_come_as_typed_cells() {
    let mut db = TestDb::new().await;
    db.run(
        "create table t (
           i tinyint, u bigint unsigned, d decimal(10,2), z decimal(7,2) zerofill,
           f float, g double, b bit(10), y year, dt date, dz date, tm time(6), d6 datetime(3),
           dp datetime, ts timestamp(6) null, tz timestamp null, c char(5), v varchar(20) character set latin1,
           w text character set utf16, bn binary(4), vb varbinary(4), e enum('a', 'b'),
           s set('x', 'y', 'z'), gen int generated always as (i + 1) virtual, n int, j json);
         insert into t (i, u, d, z, f, g, b, y, dt, dz, tm, d6, dp, ts, tz, c, v, w, bn, vb, e, s, j)
         values (-128, 18446744073709551615, -12.50, 3.5, 3.4028235e38, 0.1, 1023, 1901, '9999-12-31',
           '2020-00-15', '-838:59:59.000000', '1000-01-01 00:00:00.001', '0000-00-00',
           '1970-01-01 00:00:01.000001', 0, 'a  ', 'ä€', '🦎', x'0100', '', 'b', 'z,x', '[1, \"ä\"]')",
    )
    .await;
    let table = Arc::new(db.table("t").await);
    let mut snapshot = open(&db.source, Method::Locked).await;
    let rows = read(&mut snapshot.readers[0], &table, &Chunk::whole()).await;
    let expect = [
        "Int(-128)",
        "UInt(18446744073709551615)",
        "\"-12.50\"",
        "\"3.50\"",
        "Float(3.4028235e38)",
        "Double(0.1)",
        "UInt(1023)",
        "Int(1901)",
        "Days(2932896)",
        "odd \"2020-00-15\"",
        "Micros(-3020399000000)",
        "Micros(-30610223999999000)",
        "odd \"0000-00-00 00:00:00\"",
        "Micros(1000001)",
        "odd \"0000-00-00 00:00:00\"",
        "\"a\"",
        "\"ä€\"",
        "\"🦎\"",
        "x01000000",
        "x",
        "UInt(2)",
        "UInt(5)",
        "Int(-127)",
        "Null",
        "\"[1, \\\"ä\\\"]\"",
    ];
    assert_eq!(rows, [expect.map(str::to_owned).to_vec()]);
}

/// Fills a table, plans chunks of ten rows and compares what is read with what was written.
async fn check_key(db: &mut TestDb, name: &str, columns: &str, keys: &[String], chunked: bool) {
    let values: Vec<String> = keys.iter().map(|k| format!("({k})")).collect();
    db.run(&format!(
        "create table {name} ({columns}); insert into {name} values {}; analyze table {name}",
        values.join(", ")
    ))
    .await;
    let (mut rows, chunks) = read_table(db, name, 10).await;
    let (mut whole, _) = read_table(db, name, u64::from(u32::MAX)).await;
    rows.sort();
    whole.sort();
    assert_eq!(whole.len(), keys.len(), "{name}");
    assert_eq!(rows, whole, "{name}");
    assert_eq!(chunks > 2, chunked, "{name}: {chunks} chunks");
}

#[tokio::test]
async fn chunks_of_integer_keys_cover_every_row_once() {
    let mut db = TestDb::new().await;
    let db = &mut db;
    let numbers = |f: &dyn Fn(i128) -> i128| (0..200).map(|n| f(n).to_string()).collect::<Vec<_>>();
    check_key(db, "a", "id int primary key", &numbers(&|n| n - 100), true).await;
    check_key(
        db,
        "b",
        "id bigint primary key",
        &numbers(&|n| (n - 100) * (1 << 56)),
        true,
    )
    .await;
    let top = |n: i128| i128::from(u64::MAX) - n * n * n;
    check_key(
        db,
        "c",
        "id bigint unsigned primary key",
        &numbers(&top),
        true,
    )
    .await;
    let gap = |n: i128| {
        if n == 0 {
            i128::from(i64::MIN)
        } else {
            i128::from(i64::MAX) - n
        }
    };
    check_key(db, "d", "id bigint primary key", &numbers(&gap), true).await;
    check_key(
        db,
        "e",
        "id int not null, unique key (id)",
        &numbers(&|n| n * 3),
        true,
    )
    .await;
    check_key(db, "f", "id int, key (id)", &numbers(&|n| n), false).await;
    check_key(db, "g", "id int primary key", &numbers(&|n| n)[..5], false).await;
}

#[tokio::test]
async fn chunks_of_other_keys_cover_every_row_once() {
    let mut db = TestDb::new().await;
    let db = &mut db;
    let keys = |f: &dyn Fn(u32) -> String| (0..120).map(f).collect::<Vec<_>>();
    let composite = keys(&|n| format!("{}, 'k{}'", n / 40, n % 40));
    check_key(
        db,
        "a",
        "x int, y varchar(9), primary key (x, y)",
        &composite,
        true,
    )
    .await;
    let reversed = "x int, y varchar(9), primary key (y, x)";
    check_key(db, "b", reversed, &composite, true).await;
    let odd = ["''", "'\\''", "'\\\\'", "'ä'", "'B '", "'🦎'", "' '", "'%'"];
    let mut words = keys(&|n| format!("'{}'", char::from_u32(0x4e00 + n).unwrap_or('x')));
    words.extend(odd.iter().filter(|&&o| o != "' '").map(|&o| o.to_owned()));
    check_key(
        db,
        "c",
        "k varchar(20) character set utf8mb4 primary key",
        &words,
        true,
    )
    .await;
    let latin: Vec<String> = keys(&|n| format!("'w{n}ä'"));
    check_key(
        db,
        "d",
        "k char(20) character set latin1 primary key",
        &latin,
        true,
    )
    .await;
    let wide: Vec<String> = keys(&|n| format!("'w{n}ä'"));
    check_key(
        db,
        "e",
        "k varchar(20) character set utf16 primary key",
        &wide,
        true,
    )
    .await;
    let bytes = keys(&|n| format!("x'00{n:02x}ff'"));
    check_key(db, "f", "k varbinary(9) primary key", &bytes, true).await;
    let decimals = keys(&|n| format!("{}.{n:02}", i64::from(n) - 60));
    check_key(db, "g", "k decimal(12,3) primary key", &decimals, true).await;
    let times = keys(&|n| format!("'2020-01-01 00:00:{:02}.{n:03}'", n % 60));
    check_key(db, "h", "k datetime(3) primary key", &times, true).await;
    check_key(db, "i", "k timestamp(3) primary key", &times, true).await;
    let floats = keys(&|n| format!("{n}.5"));
    check_key(db, "j", "k double primary key", &floats, false).await;
    let label = keys(&|n| format!("{}, 'b'", n));
    check_key(
        db,
        "k",
        "x int, e enum('a','b'), primary key (x, e)",
        &label,
        true,
    )
    .await;
    let same = keys(&|n| format!("{}, {n}", n / 50));
    check_key(db, "l", "x int, e double, primary key (x, e)", &same, true).await;
    check_key(
        db,
        "m",
        "x int, y varchar(9) character set latin1, primary key (x desc, y)",
        &composite,
        true,
    )
    .await;
    let (flavor, version) = db.version().await;
    if flavor == Flavor::MariaDb && version >= 100_700 {
        let uuids = keys(&|n| {
            format!(
                "'{:08x}-1234-1{:03x}-8000-00000000{n:04x}'",
                n * 7919,
                n * 31 % 4096
            )
        });
        check_key(db, "u", "k uuid primary key", &uuids, true).await;
        let addresses = keys(&|n| format!("'::{n:x}:0'"));
        check_key(db, "v", "k inet6 primary key", &addresses, true).await;
    }
}

#[tokio::test]
async fn an_index_that_the_optimiser_may_not_use_is_not_forced() {
    let mut db = TestDb::new().await;
    let (flavor, version) = db.version().await;
    let word = match flavor {
        Flavor::MySql if version >= 80_000 => "invisible",
        Flavor::MariaDb if version >= 100_600 => "ignored",
        _ => return,
    };
    let keys: Vec<String> = (0..100).map(|n| format!("'{n}'")).collect();
    // the first unique key stands for the primary key and cannot be hidden; an ENUM cannot be walked
    let columns = format!(
        "e enum('a', 'b') not null, b int not null auto_increment, k varchar(9) not null, \
         unique key a (e, b), unique key u (k) {word}"
    );
    let rows: Vec<String> = keys.iter().map(|k| format!("({k})")).collect();
    db.run(&format!(
        "create table t ({columns}, key (b)); insert into t (k) values {}",
        rows.join(", ")
    ))
    .await;
    let (rows, chunks) = read_table(&db, "t", 10).await;
    assert_eq!(rows.len(), 100);
    assert!(chunks > 5);
}

#[tokio::test]
async fn all_readers_of_a_locked_snapshot_stand_at_one_point() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); insert into t values (1), (2)")
        .await;
    let table = Arc::new(db.table("t").await);
    let before = db.connect().await.current_position().await.unwrap();
    let mut snapshot = snapshot::open(&db.source, 3, Method::Auto, WAIT)
        .await
        .unwrap();
    assert_eq!(snapshot.method, Method::Locked);
    assert_eq!(snapshot.readers.len(), 3);
    db.run("insert into t values (3); delete from t where id = 1")
        .await;
    for reader in &mut snapshot.readers {
        let mut buffer = ChangeBuffer::default();
        let mut rows = reader.begin(&table, &Chunk::whole()).await.unwrap();
        assert!(!rows.fill(&mut buffer, 1 << 20).await.unwrap());
        assert_eq!(
            (rows.low(), rows.high()),
            (&snapshot.position, &snapshot.position)
        );
        assert_eq!(shown_rows(&buffer), [["Int(1)"], ["Int(2)"]]);
    }
    assert!(snapshot.position.binlog >= before.binlog);
    let (flavor, _) = db.version().await;
    assert!(flavor == Flavor::MySql || snapshot.position.gtids.is_some());
}

#[tokio::test]
async fn the_source_can_alter_a_table_between_two_chunks_and_the_copy_notices() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a int); insert into t values (1, 1)")
        .await;
    let table = Arc::new(db.table("t").await);
    for method in [Method::Locked, Method::PerChunk] {
        let mut snapshot = open(&db.source, method).await;
        let reader = &mut snapshot.readers[0];
        assert_eq!(read(reader, &table, &Chunk::whole()).await.len(), 1);
        // would wait for ever if the reader held on to the table
        db.run("set lock_wait_timeout = 5; alter table t drop column a, add column b int")
            .await;
        let error = reader.begin(&table, &Chunk::whole()).await.err().unwrap();
        assert_eq!(error.code(), codes::SRC051, "{error:?}");
        db.run("alter table t drop column b, add column a int")
            .await;
    }
}

#[tokio::test]
async fn rows_come_in_portions_of_the_asked_size() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int auto_increment primary key, v varchar(2000))")
        .await;
    for _ in 0..20 {
        db.run(
            "insert into t (v) select repeat('x', 1000) from information_schema.columns limit 200",
        )
        .await;
    }
    let table = Arc::new(db.table("t").await);
    let mut snapshot = open(&db.source, Method::Locked).await;
    let mut rows = snapshot.readers[0]
        .begin(&table, &Chunk::whole())
        .await
        .unwrap();
    let mut buffer = ChangeBuffer::default();
    let (mut total, mut portions, mut largest) = (0, 0, 0);
    loop {
        let more = rows.fill(&mut buffer, 100_000).await.unwrap();
        largest = largest.max(buffer.bytes());
        total += buffer.len();
        portions += 1;
        buffer.clear();
        if !more {
            break;
        }
    }
    assert_eq!((total, rows.rows()), (4000, 4000));
    assert!(portions >= 40, "{portions}");
    assert!(largest < 102_000, "{largest}");
    assert!(!rows.fill(&mut buffer, 100_000).await.unwrap());
    assert!(buffer.is_empty());
}

#[tokio::test]
async fn a_reader_goes_on_after_a_chunk_was_given_up() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); insert into t values (1), (2), (3)")
        .await;
    let table = Arc::new(db.table("t").await);
    for method in [Method::Locked, Method::PerChunk] {
        let mut snapshot = open(&db.source, method).await;
        let reader = &mut snapshot.readers[0];
        let mut buffer = ChangeBuffer::default();
        let mut rows = reader.begin(&table, &Chunk::whole()).await.unwrap();
        assert!(rows.fill(&mut buffer, 1).await.unwrap());
        assert_eq!(buffer.len(), 1);
        drop(rows);
        assert_eq!(read(reader, &table, &Chunk::whole()).await.len(), 3);
    }
}

#[tokio::test]
async fn without_the_right_to_lock_the_copy_goes_by_chunks() {
    let mut db = TestDb::new().await;
    let name = db.source.database.clone();
    db.run(&format!(
        "create table t (id int primary key); insert into t values (1);
         create table nokey (id int); insert into nokey values (1);
         create user {name}@'%' identified by 'p1 ''\"';
         grant select on {name}.* to {name}@'%';
         grant replication slave, replication client on *.* to {name}@'%'"
    ))
    .await;
    let mut source = db.source.clone();
    source.options.user = name.clone();
    source.options.password = "p1 '\"".to_owned();
    let error = snapshot::open(&source, 1, Method::Locked, WAIT)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), codes::SRC004);
    let mut snapshot = open(&source, Method::Auto).await;
    assert_eq!(snapshot.method, Method::PerChunk);
    for name in ["t", "nokey"] {
        let table = Arc::new(db.table(name).await);
        assert_eq!(
            read(&mut snapshot.readers[0], &table, &Chunk::whole())
                .await
                .len(),
            1
        );
    }
    db.run(&format!("drop user {name}@'%'")).await;
}

#[tokio::test]
async fn a_long_query_at_the_source_is_not_waited_for() {
    let mut db = TestDb::new().await;
    let mut other = db.session().await;
    let id: u32 = other
        .query_first("select connection_id()")
        .await
        .unwrap()
        .unwrap();
    let query = tokio::spawn(async move { other.query_drop("select sleep(60)").await });
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let running = format!(
        "select time from information_schema.processlist where id = {id} and command = 'Query'"
    );
    let mut seconds = 0;
    while seconds < 1 {
        assert!(tokio::time::Instant::now() < deadline);
        seconds = db.admin.query_first(&running).await.unwrap().unwrap_or(0);
    }
    let wait = Duration::from_secs(1);
    let error = snapshot::open(&db.source, 1, Method::Locked, wait)
        .await
        .err()
        .unwrap();
    assert_eq!(error.code(), codes::SRC050);
    let snapshot = snapshot::open(&db.source, 1, Method::Auto, wait)
        .await
        .unwrap();
    assert_eq!(snapshot.method, Method::PerChunk);
    db.run(&format!("kill {id}")).await;
    let _ = query.await;
}

#[tokio::test]
async fn a_table_without_transactions_is_read_under_its_own_lock() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key) engine = myisam; insert into t values (1)")
        .await;
    let table = Arc::new(db.table("t").await);
    for method in [Method::Locked, Method::PerChunk] {
        let mut snapshot = open(&db.source, method).await;
        let mut buffer = ChangeBuffer::default();
        let mut rows = snapshot.readers[0]
            .begin(&table, &Chunk::whole())
            .await
            .unwrap();
        let mut other = db.session().await;
        let insert =
            tokio::spawn(async move { other.query_drop("insert into t values (2)").await });
        while rows.fill(&mut buffer, 1 << 20).await.unwrap() {}
        assert_eq!(buffer.len(), 1);
        assert_eq!(rows.low(), rows.high());
        insert.await.unwrap().unwrap();
        db.run("delete from t where id = 2").await;
    }
}

/// Places of the inserts of each table in one binlog file, from the file's own list of events.
async fn inserts(db: &mut TestDb, file: &str) -> BTreeMap<String, Vec<u64>> {
    let rows: Vec<mysql_async::Row> = db
        .admin
        .query(format!("show binlog events in '{file}'"))
        .await
        .unwrap();
    let own = format!("({}.", db.source.database);
    let mut starts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in rows {
        let kind: String = row.get("Event_type").unwrap();
        let info: String = row.get("Info").unwrap();
        if kind == "Table_map"
            && let Some((_, table)) = info.split_once(&own)
        {
            let table = table.trim_end_matches(')').to_owned();
            let start: u64 = row.get("Pos").unwrap();
            starts.entry(table).or_default().push(start);
        }
    }
    starts
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_up_to_low_is_in_the_rows_and_what_is_after_high_is_not() {
    let mut db = TestDb::new().await;
    let writers = 4;
    for n in 0..writers {
        db.run(&format!(
            "create table w{n} (id int auto_increment primary key)"
        ))
        .await;
        db.run(&format!("create table k{n} (id int)")).await;
    }
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let mut tasks = Vec::new();
    for n in 0..writers {
        let (mut conn, stop) = (db.session().await, Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                conn.query_drop(format!("insert into w{n} values ()"))
                    .await
                    .unwrap();
                conn.query_drop(format!("insert into k{n} values (1)"))
                    .await
                    .unwrap();
            }
        }));
    }
    let (flavor, _) = db.version().await;
    let mut seen = Vec::new();
    for round in 0..12 {
        let method = if round % 3 == 0 {
            Method::Locked
        } else {
            Method::PerChunk
        };
        let mut snapshot = open(&db.source, method).await;
        for table in db.tables().await {
            let table = Arc::new(table);
            let mut buffer = ChangeBuffer::default();
            let mut rows = snapshot.readers[0]
                .begin(&table, &Chunk::whole())
                .await
                .unwrap();
            while rows.fill(&mut buffer, 1 << 20).await.unwrap() {}
            let (low, high) = (rows.low().binlog.clone(), rows.high().binlog.clone());
            let keyless = table.row_key().is_none();
            if method == Method::Locked || flavor == Flavor::MariaDb || keyless {
                assert_eq!(low, high, "{method:?} {}", table.name);
            }
            assert!(low <= high && low >= snapshot.position.binlog);
            seen.push((
                format!("{method:?} {round}"),
                table.name.name.clone(),
                buffer.len(),
                low,
                high,
            ));
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let file = seen[0].3.file.clone();
    let starts = inserts(&mut db, &file).await;
    for (method, table, rows, low, high) in seen {
        if low.file != file || high.file != file {
            continue;
        }
        let up_to = |offset| starts[&table].iter().filter(|&&s| s < offset).count();
        let (at_low, at_high) = (up_to(low.offset), up_to(high.offset));
        assert!(
            at_low <= rows && rows <= at_high,
            "{method} {table} {low} {high}: {at_low} {rows} {at_high}"
        );
    }
}
