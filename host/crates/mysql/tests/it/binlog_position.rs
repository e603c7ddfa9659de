//! Where the binlog is read from, and what becomes of a connection.

use std::sync::Arc;
use std::time::Duration;

use chameleon_diag::{Diagnostic, codes};
use chameleon_model::{BinlogPosition, ChangeBuffer, GtidSet, SourcePosition};
use chameleon_mysql::SourceError;
use chameleon_mysql::binlog::{BinlogSource, StartAt, Step};
use mysql_async::prelude::Queryable;

use crate::binlog::{DEADLINE, Follow, arcs, options};
use crate::support::TestDb;

#[tokio::test]
async fn the_position_is_the_servers_own() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key)").await;
    let start = db.connect().await.current_position().await.unwrap();
    let mut follow = Follow::from(&db, start.clone(), arcs(db.tables().await)).await;
    assert_eq!(follow.source.position(), &start);
    for n in 0..20 {
        db.run(&format!(
            "begin; insert into t values ({n}); insert into t values (-1 - {n}); commit"
        ))
        .await;
    }
    db.run("flush binary logs; insert into t values (100)")
        .await;
    follow.catch_up(&db).await;
    let here = follow.source.position().clone();
    // another stream from there sees what comes next and nothing twice
    let tables: Vec<_> = follow.source.tables().cloned().collect();
    let mut again = Follow::from(&db, here.clone(), tables.clone()).await;
    db.run("insert into t values (101)").await;
    assert_eq!(
        again.catch_up(&db).await,
        ["insert t (Int(101))", "commit 1"]
    );
    // without the GTIDs they are found out
    let options = options(StartAt::Position(here.binlog.clone()));
    let mut derived = Follow::open(&db, options, tables).await.unwrap();
    assert_eq!(
        derived.catch_up(&db).await,
        ["insert t (Int(101))", "commit 1"]
    );
    let end = again
        .source
        .position()
        .binlog
        .clone()
        .max(derived.source.position().binlog.clone());
    for follow in [&mut again, &mut derived] {
        while follow.source.position().binlog < end {
            follow
                .source
                .next(&mut follow.buffer, usize::MAX)
                .await
                .unwrap();
        }
    }
    assert_eq!(
        again.source.position().binlog,
        derived.source.position().binlog
    );
    // a set read from MySQL may lack what others are committing at that moment
    let sets = [&again, &derived].map(|f| f.source.position().gtids.clone());
    if let [Some(read), Some(derived)] = &sets {
        assert!(derived.contains(read), "{derived} {read}");
    }
    let gtids = derived.source.position().gtids.clone();
    let info = db.connect().await.server_info().clone();
    assert_eq!(gtids.is_some(), info.gtids);
}

#[tokio::test]
async fn reading_begins_behind_a_set_of_gtids() {
    let mut db = TestDb::new().await;
    if !db.connect().await.server_info().gtids {
        return;
    }
    db.run("create table t (id int primary key)").await;
    let start = db.connect().await.current_position().await.unwrap();
    let tables = arcs(db.tables().await);
    db.run("insert into t values (1); flush binary logs; insert into t values (2)")
        .await;
    let mut follow = Follow::open(&db, options(StartAt::Gtid(start.gtids.unwrap())), tables)
        .await
        .unwrap();
    let expect = [
        "insert t (Int(1))",
        "commit 1",
        "insert t (Int(2))",
        "commit 1",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
    let end = db.connect().await.current_position().await.unwrap();
    let here = follow.source.position().gtids.clone().unwrap();
    assert!(end.gtids.is_none_or(|end| end.contains(&here)));
}

/// After a failover the saved position is one of another server: not there, or in the midst of
/// something else. The GTIDs tell where to go on.
#[tokio::test]
async fn a_position_of_another_server_gives_way_to_its_gtids() {
    let mut db = TestDb::new().await;
    if !db.connect().await.server_info().gtids {
        return;
    }
    db.run("create table t (id int primary key, a char(100)); flush binary logs")
        .await;
    db.run("insert into t values (1, 'x'), (2, 'y')").await;
    let saved = db.connect().await.current_position().await.unwrap();
    let tables = arcs(db.tables().await);
    db.run("insert into t values (3, 'z')").await;
    let file = &saved.binlog.file;
    let foreign = [
        BinlogPosition::new("other.000001", 12_345),
        BinlogPosition::new(Arc::clone(file), 1 << 31),
        BinlogPosition::new(Arc::clone(file), saved.binlog.offset - 7),
        // a place between two transactions, whose GTIDs are others
        BinlogPosition::new(Arc::clone(file), 4),
    ];
    for binlog in foreign {
        let mut options = options(StartAt::Position(binlog.clone()));
        options.gtids.clone_from(&saved.gtids);
        let mut follow = Follow::open(&db, options, tables.clone()).await.unwrap();
        let told = follow.catch_up(&db).await;
        assert_eq!(told, [r#"insert t (Int(3), "z")"#, "commit 1"], "{binlog}");
    }
}

/// The end of the newest file, of an older one, and a place before unread transactions are this server's own; the same
/// places are not where transactions before them were not read.
#[tokio::test]
async fn a_position_of_this_server_is_told_from_one_of_another() {
    let mut db = TestDb::new().await;
    if !db.connect().await.server_info().gtids {
        return;
    }
    db.run("create table t (id int primary key)").await;
    let before = db.connect().await.current_position().await.unwrap();
    db.run("insert into t values (1)").await;
    db.run("insert into t values (2)").await;
    let tables = arcs(db.tables().await);
    let newest = db.connect().await.current_position().await.unwrap();
    let check = async |at: &SourcePosition, gtids: &SourcePosition, elsewhere: bool| {
        let mut options = options(StartAt::Position(at.binlog.clone()));
        options.gtids.clone_from(&gtids.gtids);
        let follow = Follow::open(&db, options, tables.clone()).await.unwrap();
        assert_eq!(follow.source.is_elsewhere(), elsewhere, "{at:?} {gtids:?}");
    };
    check(&newest, &newest, false).await;
    check(&newest, &before, true).await;
    db.session()
        .await
        .query_drop("flush binary logs")
        .await
        .unwrap();
    check(&newest, &newest, false).await;
    check(&before, &before, false).await;
    check(&newest, &before, true).await;
}

/// A server that lacks what was read is refused, whether its file has the position or not.
#[tokio::test]
async fn a_server_that_lacks_transactions_is_refused() {
    let mut db = TestDb::new().await;
    let info = db.connect().await.server_info().clone();
    if !info.gtids {
        return;
    }
    db.run("create table t (id int primary key)").await;
    let here = db.connect().await.current_position().await.unwrap();
    let mut ahead = here.gtids.clone().unwrap();
    match &mut ahead {
        GtidSet::MySql(set) => {
            let (_, intervals) = set.iter_mut().next().unwrap();
            intervals.last_mut().unwrap().1 += 1_000_000_000;
        }
        GtidSet::MariaDb(set) => set.values_mut().for_each(|last| last.1 += 1_000_000_000),
    }
    for start in [
        StartAt::Position(here.binlog.clone()),
        StartAt::Position(BinlogPosition::new("other.000001", 4)),
        StartAt::Gtid(ahead.clone()),
    ] {
        let mut options = options(start.clone());
        options.gtids = Some(ahead.clone());
        let refused = Follow::open(&db, options, vec![]).await.err().unwrap();
        assert_eq!(refused.code(), codes::SRC039, "{start:?}");
    }
}

#[tokio::test]
async fn a_position_of_the_predecessor_is_inside_a_transaction() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a char(100))")
        .await;
    db.run("flush binary logs").await;
    let start = db.connect().await.current_position().await.unwrap();
    db.run(
        "insert into t values (0, ''); begin; insert into t values (1, ''); insert into t values \
         (2, ''); insert into t values (3, ''); commit; insert into t values (4, '')",
    )
    .await;
    let tables = arcs(db.tables().await);
    // ends of row events, as the server lists them
    let sql = format!("show binlog events in '{}'", start.binlog.file);
    let rows: Vec<mysql_async::Row> = mysql_async::prelude::Queryable::query(&mut db.admin, sql)
        .await
        .unwrap();
    let events: Vec<(String, u64, u64)> = rows
        .iter()
        .map(|row| {
            let number = |name: &str| row.get::<u64, _>(name).unwrap();
            (
                row.get("Event_type").unwrap(),
                number("Pos"),
                number("End_log_pos"),
            )
        })
        .collect();
    let of_row = |event: &&(String, u64, u64)| {
        event.0.starts_with("Write_rows") && event.1 > start.binlog.offset
    };
    let ends: Vec<u64> = events.iter().filter(of_row).map(|event| event.2).collect();
    if ends.contains(&0) {
        // MariaDB 11.7 and later do not say where such an event ends: there is no such position
        return;
    }
    assert!(ends.len() >= 5, "{ends:?}");
    let position = BinlogPosition::new(Arc::clone(&start.binlog.file), ends[2]);
    let mut follow = Follow::open(&db, options(StartAt::RowEvent(position)), tables.clone())
        .await
        .unwrap();
    let told = follow.catch_up(&db).await;
    assert_eq!(
        told,
        [
            r#"insert t (Int(3), "")"#,
            "commit 1",
            r#"insert t (Int(4), "")"#,
            "commit 1"
        ]
    );
    let position = BinlogPosition::new(Arc::clone(&start.binlog.file), ends[2] - 1);
    let mut follow = Follow::open(&db, options(StartAt::RowEvent(position)), tables)
        .await
        .unwrap();
    let error = follow
        .source
        .next(&mut follow.buffer, usize::MAX)
        .await
        .unwrap_err();
    assert_eq!(error.code(), codes::SRC038);
}

#[tokio::test]
async fn a_binlog_that_is_gone_or_never_was_is_told() {
    let db = TestDb::new().await;
    let files = db.connect().await.binlog_files().await.unwrap();
    let (stem, _) = files[0].0.rsplit_once('.').unwrap();
    let open = async |file: String, offset| {
        let mut options = options(StartAt::Position(BinlogPosition::new(file, offset)));
        options.gtids = Some(GtidSet::parse_mariadb("").unwrap());
        Follow::open(&db, options, vec![])
            .await
            .err()
            .unwrap()
            .code()
    };
    assert_eq!(open(format!("{stem}.000000"), 4).await, codes::SRC030);
    assert_eq!(open(format!("{stem}.999999"), 4).await, codes::SRC038);
    assert_eq!(open(files[0].0.clone(), 4_000_000_000).await, codes::SRC038);
}

#[tokio::test]
async fn an_idle_source_is_heard_of() {
    let db = TestDb::new().await;
    let mut follow = Follow::from_now(&db).await;
    let mut heard = 0;
    let deadline = tokio::time::Instant::now() + DEADLINE;
    while heard < 3 {
        let next = follow.source.next(&mut follow.buffer, usize::MAX);
        match tokio::time::timeout_at(deadline, next)
            .await
            .unwrap()
            .unwrap()
        {
            Step::Progress { commit_micros } => {
                let now = std::time::SystemTime::now();
                let now = now
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_micros();
                assert!(
                    i128::from(commit_micros).abs_diff(i128::try_from(now).unwrap()) < 10_000_000
                );
                heard += 1;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_dead_connection_is_noticed_by_its_silence() {
    let db = TestDb::new().await;
    let (mut source, stall) = open_behind_proxy(&db, 77_777).await;
    let mut buffer = ChangeBuffer::default();
    source.next(&mut buffer, usize::MAX).await.unwrap();
    stall.send(Line::Silent).unwrap();
    let began = tokio::time::Instant::now();
    let error = loop {
        if let Err(error) = source.next(&mut buffer, usize::MAX).await {
            break error;
        }
    };
    assert!(matches!(error, SourceError::Timeout { .. }), "{error:?}");
    assert_eq!(error.code(), codes::SRC001);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_that_breaks_takes_the_unfinished_transaction_with_it() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a varchar(2000))")
        .await;
    let (mut source, line) = open_behind_proxy(&db, 88_888).await;
    let mut buffer = ChangeBuffer::default();
    let rows: Vec<String> = (0..3000)
        .map(|n| format!("({n}, repeat('x', 2000))"))
        .collect();
    db.run(&format!("insert into t values {}", rows.join(", ")))
        .await;
    while !matches!(
        source.next(&mut buffer, 1 << 20).await.unwrap(),
        Step::Continued
    ) {
        buffer.clear();
    }
    line.send(Line::Cut).unwrap();
    let error = loop {
        buffer.clear();
        if let Err(error) = source.next(&mut buffer, 1 << 20).await {
            break error;
        }
    };
    assert_eq!(error.code(), codes::SRC001, "{error:?}");
    assert!(buffer.is_empty());
}

#[tokio::test]
async fn tagged_gtids_are_followed_and_asked_for() {
    let mut db = TestDb::new().await;
    let info = db.connect().await.server_info().clone();
    if !(info.mysql_since(80_300) && info.gtids) {
        return;
    }
    db.run("create table t (id int primary key)").await;
    let mut follow = Follow::from_now(&db).await;
    let tag = format!("tag_{}", std::process::id());
    db.run(&format!(
        "set gtid_next = 'automatic:{tag}'; insert into t values (1), (2)"
    ))
    .await;
    db.run("set gtid_next = 'automatic'").await;
    assert_eq!(follow.catch_up(&db).await.last().unwrap(), "commit 2");
    let gtids = follow.source.position().gtids.clone().unwrap();
    assert!(gtids.to_string().contains(&format!(":{tag}:1")), "{gtids}");
    let tables = follow.source.tables().cloned().collect();
    let mut again = Follow::open(&db, options(StartAt::Gtid(gtids)), tables)
        .await
        .unwrap();
    db.run(&format!(
        "set gtid_next = 'automatic:{tag}'; insert into t values (3)"
    ))
    .await;
    db.run("set gtid_next = 'automatic'").await;
    assert_eq!(again.catch_up(&db).await, ["insert t (Int(3))", "commit 1"]);
}

/// A stream whose connection can be disturbed.
async fn open_behind_proxy(
    db: &TestDb,
    server_id: u32,
) -> (BinlogSource, tokio::sync::watch::Sender<Line>) {
    let start = db.connect().await.current_position().await.unwrap();
    let (port, line) = proxy(db).await;
    let mut behind = db.source.clone();
    behind.options.host = "127.0.0.1".to_owned();
    behind.options.port = port;
    let mut options = options(StartAt::Position(start.binlog));
    options.gtids = start.gtids;
    options.server_id += server_id;
    let tables = arcs(db.tables().await);
    (
        BinlogSource::open(&behind, options, tables).await.unwrap(),
        line,
    )
}

/// State of a proxy's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open,
    /// Nothing goes through, and nobody is told.
    Silent,
    /// Both ends are closed.
    Cut,
}

/// Forwards connections to the server as long as the line is open.
async fn proxy(db: &TestDb) -> (u16, tokio::sync::watch::Sender<Line>) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    let server = (db.source.options.host.clone(), db.source.options.port);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (line, state) = tokio::sync::watch::channel(Line::Open);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(upstream) = TcpStream::connect(&server).await else {
                return;
            };
            let (client_in, client_out) = client.into_split();
            let (server_in, server_out) = upstream.into_split();
            for (mut from, mut to) in [(client_in, server_out), (server_in, client_out)] {
                let mut state = state.clone();
                tokio::spawn(async move {
                    let mut bytes = vec![0; 65_536];
                    loop {
                        let count = tokio::select! {
                            read = from.read(&mut bytes) => read.unwrap_or(0),
                            _ = state.wait_for(|line| *line == Line::Cut) => 0,
                        };
                        if count == 0 {
                            return;
                        }
                        let is_open = |line: &Line| *line != Line::Silent;
                        if state.wait_for(is_open).await.is_err() {
                            return;
                        }
                        if to.write_all(&bytes[..count]).await.is_err() {
                            return;
                        }
                    }
                });
            }
        }
    });
    (port, line)
}
