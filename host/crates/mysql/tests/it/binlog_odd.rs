//! XA transactions, row images that leave columns out, and calls that are dropped.

use chameleon_mysql::Flavor;
use chameleon_mysql::binlog::Step;
use futures_util::future::poll_immediate;
use mysql_async::prelude::Queryable;

use crate::binlog::Follow;
use crate::support::TestDb;

#[tokio::test]
async fn an_xa_transaction_holds_its_tables_when_it_is_prepared() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); create table u (id int primary key)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    let xid = format!("'{}'", db.source.database);
    db.run(&format!(
        "xa start {xid}; insert into t values (1); xa end {xid}; xa prepare {xid}"
    ))
    .await;
    let mut other = db.session().await;
    mysql_async::prelude::Queryable::query_drop(&mut other, "insert into u values (2)")
        .await
        .unwrap();
    assert_eq!(
        follow.catch_up(&db).await,
        ["hold t SRC037", "insert u (Int(2))", "commit 1"]
    );
    db.run(&format!("xa commit {xid}")).await;
    assert_eq!(follow.catch_up(&db).await, [""; 0]);
    let xid = format!("'{}o'", db.source.database);
    db.run(&format!(
        "xa start {xid}; insert into u values (3); xa end {xid}; xa commit {xid} one phase"
    ))
    .await;
    assert_eq!(
        follow.catch_up(&db).await,
        ["insert u (Int(3))", "commit 1"]
    );
}

#[tokio::test]
async fn an_xa_transaction_is_handed_out_when_it_is_prepared_and_when_it_ends() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key)").await;
    let mut follow = Follow::from_now(&db).await;
    follow.source.keep_prepared();
    db.run("insert into t values (0)").await;
    let name = |n: &str| format!("'{}', '{n}', 7", db.source.database);
    let names = ["a", "b", "c"].map(name);
    for (n, xid) in names.iter().enumerate() {
        let mut session = db.session().await;
        let run = format!(
            "xa start {xid}; insert into t values ({}); xa end {xid}; xa prepare {xid}",
            n + 1
        );
        for sql in run.split("; ") {
            session.query_drop(sql).await.unwrap();
        }
        if n == 2 {
            // the server keeps a prepared transaction when its session goes
            session.disconnect().await.unwrap();
        }
    }
    let mut recovered = db.connect().await.prepared_xids().await.unwrap();
    recovered.retain(|xid| xid.gtrid == db.source.database.as_bytes());
    recovered.sort_by(|a, b| a.bqual.cmp(&b.bqual));
    let told: Vec<_> = recovered.iter().map(|x| (&x.bqual[..], x.format)).collect();
    assert_eq!(told, [(&b"a"[..], 7), (b"b", 7), (b"c", 7)]);
    db.run("insert into t values (9)").await;
    db.run(&format!(
        "xa commit {}; xa rollback {}; xa commit {}",
        names[1], names[0], names[2]
    ))
    .await;
    let prepared = |n: u8| {
        [
            "xa Begun".to_owned(),
            format!("insert t (Int({n}))"),
            "xa Prepared { rows: 1 }".to_owned(),
        ]
    };
    let mut expect = vec!["insert t (Int(0))".to_owned(), "commit 1".to_owned()];
    expect.extend((1..=3).flat_map(prepared));
    for line in [
        "insert t (Int(9))",
        "commit 1",
        "xa Committed",
        "xa RolledBack",
        "xa Committed",
    ] {
        expect.push(line.to_owned());
    }
    assert_eq!(follow.catch_up(&db).await, expect);
}

#[tokio::test]
async fn minimal_images_leave_out_what_did_not_change() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a int default 5, b int, c text)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("set binlog_row_image = minimal; insert into t values (1, 2, 3, null)")
        .await;
    db.run("update t set b = 4; delete from t").await;
    db.run("set binlog_row_image = noblob; insert into t (id, a, b) values (2, 2, 3)")
        .await;
    db.run("update t set b = 4").await;
    let expect = [
        "insert t (Int(1), Int(2), Int(3), Null)",
        "commit 1",
        "update t (Int(1), Absent, Absent, Absent) (Absent, Absent, Int(4), Absent)",
        "commit 1",
        "delete t (Int(1), Absent, Absent, Absent)",
        "commit 1",
        "insert t (Int(2), Int(2), Int(3), Null)",
        "commit 1",
        "update t (Int(2), Int(2), Int(3), Absent) (Int(2), Int(2), Int(4), Absent)",
        "commit 1",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
    if db.version().await.1 >= 110_700 {
        // the after image has what changed, the before image all
        db.run("set binlog_row_image = full_nodup; update t set a = 7")
            .await;
        let expect = "update t (Int(2), Int(2), Int(4), Null) (Absent, Int(7), Absent, Absent)";
        assert_eq!(follow.catch_up(&db).await, [expect, "commit 1"]);
    }
    // the default of a new row is not in the binlog, but in the schema
    db.run("set binlog_row_image = minimal; insert into t (id) values (3)")
        .await;
    let expect = ["insert t (Int(3), Int(5), Null, Null)", "commit 1"];
    assert_eq!(follow.catch_up(&db).await, expect);
    // what the source computes is there
    db.run("alter table t add g int as (a + 1) stored, add v int as (b + 1) virtual")
        .await;
    db.run("insert into t values (4, 5, 1, null, default, default)")
        .await;
    db.run("update t set a = 7, b = 8 where id = 4").await;
    let told = follow.catch_up(&db).await;
    assert_eq!(told[0], "ddl alter t");
    if db.version().await.0 == Flavor::MariaDb {
        // but for virtual columns, which MariaDB leaves out even where they changed
        assert_eq!(told[3..], ["hold t SRC035"]);
    } else {
        let after = "(Absent, Int(7), Int(8), Absent, Int(8), Int(9))";
        assert!(told[3].ends_with(after), "{told:?}");
    }
    db.run("create table s (id int primary key, a int default 5, g int as (a + 1) stored)")
        .await;
    db.run("insert into s (id) values (1); update s set a = 7")
        .await;
    let told = follow.catch_up(&db).await;
    assert_eq!(told[1], "insert s (Int(1), Int(5), Int(6))");
    assert!(told[3].ends_with("(Absent, Int(7), Int(8))"), "{told:?}");
}

/// DEFAULT read from statements is the one that the source shows, and what new rows get by it.
#[tokio::test]
async fn defaults_that_an_image_leaves_out_are_known() {
    let mut db = TestDb::new().await;
    let mut follow = Follow::from_now(&db).await;
    let columns = "a int default 5, b varchar(20) default 'it''s', c decimal(10,2) default 1.5, \
         d datetime(3) default '2020-02-29 01:02:03', e enum('x','y') default 'y', \
         f set('m','n','o') default 'm,o', g date default '2020-02-29', h float default 0.25, \
         i double not null default -1e3, j bit(9) default b'101', k varbinary(9) default 'ab', \
         l char(3) default 'z', m bigint unsigned default 18446744073709551615, \
         n int not null, o varchar(9) not null, p tinyint default true, q year default 2024, \
         r varchar(40) default (uuid()), s datetime default current_timestamp, t text, \
         u decimal(5,0) not null, v binary(4) default 0x0102, w int";
    db.run(&format!(
        "create table t (id int primary key, {columns}); \
         alter table t alter column a set default 6, alter column b drop default, \
         alter w set default 9"
    ))
    .await;
    db.run("set sql_mode = ''; set binlog_row_image = minimal; insert into t (id) values (1)")
        .await;
    db.run("set binlog_row_image = full; insert into t (id) values (2)")
        .await;
    let told = follow.catch_up(&db).await;
    let shown = db.tables().await;
    let followed: Vec<_> = follow.source.tables().collect();
    for (followed, shown) in followed[0].columns.iter().zip(&shown[0].columns) {
        assert_eq!(followed.default, shown.default, "{}", followed.name);
    }
    // the two rows differ in key, UUID and time alone
    let row = |line: &str| -> Vec<String> {
        let cells = line.split(", ").enumerate();
        let constant = cells.filter(|(n, _)| ![0, 18, 19].contains(n));
        constant.map(|(_, cell)| cell.to_owned()).collect()
    };
    assert_eq!(told.len(), 6, "{told:?}");
    assert_eq!(row(&told[2]), row(&told[4]));
    assert!(
        told[2].contains("Int(6)") && told[2].contains("Int(9)"),
        "{}",
        told[2]
    );
}

/// A unique key over more than a btree takes is a hash in MariaDB, kept in a hidden column that the
/// row images end with.
#[tokio::test]
async fn hidden_hashes_of_long_unique_keys_are_passed_over() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MySql {
        // MySQL refuses such a key
        let mut session = db.session().await;
        let refused = session.query_drop("create table t (a text unique)").await;
        assert!(refused.is_err());
        return;
    }
    db.run("create table t (id int primary key, a text, b blob, unique (a), unique (b, id))")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("insert into t values (1, 'x', 'y'); update t set a = 'z'; delete from t")
        .await;
    let told = follow.catch_up(&db).await;
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(
        told.iter().all(|line| !line.starts_with("hold")),
        "{told:?}"
    );
    assert!(told[0].starts_with("insert t (Int(1), "), "{told:?}");
}

/// Every call is dropped as soon as it has to wait.
#[tokio::test]
async fn what_a_logged_statement_reaches_is_found_over_many_dropped_calls() {
    let mut db = TestDb::new().await;
    for sql in [
        "create table fires (id int primary key)",
        "create table fired (id int primary key)",
        "set global log_bin_trust_function_creators = 1",
        "create trigger g after insert on fires for each row insert into fired values (new.id)",
    ] {
        db.run(sql).await;
    }
    let mut follow = Follow::from_now(&db).await;
    db.run("set binlog_format = statement; insert into fires values (1); set binlog_format = row")
        .await;
    let held = async {
        let mut held = Vec::new();
        while held.len() < 2 {
            let next = follow.source.next(&mut follow.buffer, usize::MAX);
            if let Some(step) = poll_immediate(next).await
                && let Step::Hold { table, .. } = step.unwrap()
            {
                assert!(follow.source.is_held(&table));
                held.push(table.name);
            }
            tokio::task::yield_now().await;
        }
        held.sort();
        held
    };
    let deadline = std::time::Duration::from_secs(30);
    let held = tokio::time::timeout(deadline, held).await;
    assert_eq!(held.expect("the stream stands still"), ["fired", "fires"]);
}
