//! Following the binlog.

use std::sync::Arc;
use std::time::Duration;

use chameleon_ddl::SchemaChange;
use chameleon_diag::Diagnostic;
use chameleon_model::{ChangeBuffer, Op, SourcePosition, TableSchema};
use chameleon_mysql::binlog::{BinlogOptions, BinlogSource, StartAt, Step};
use chameleon_mysql::{Flavor, SourceError, TableSelection};
use mysql_async::prelude::Queryable;

use crate::snapshot::show;
use crate::support::TestDb;

/// Nothing in these tests takes longer on a healthy server.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Options to begin at a place.
pub(crate) fn options(start: StartAt) -> BinlogOptions {
    BinlogOptions {
        after_copy: false,
        server_id: 4_000_000_000 + std::process::id() % 100_000_000,
        heartbeat: Duration::from_millis(500),
        start,
        gtids: None,
        selection: TableSelection::all(),
    }
}

/// A stream and what came of it, as text.
pub(crate) struct Follow {
    pub(crate) source: BinlogSource,
    pub(crate) buffer: ChangeBuffer,
    max_bytes: usize,
    told: Vec<String>,
    database: String,
}

impl Follow {
    /// Follows from where the binlog ends now, with the schema of now.
    pub(crate) async fn from_now(db: &TestDb) -> Self {
        let start = db.connect().await.current_position().await.unwrap();
        Self::from(db, start, arcs(db.tables().await)).await
    }

    pub(crate) async fn from(
        db: &TestDb,
        start: SourcePosition,
        tables: Vec<Arc<TableSchema>>,
    ) -> Self {
        let mut options = options(StartAt::Position(start.binlog));
        options.gtids = start.gtids;
        Self::open(db, options, tables).await.unwrap()
    }

    pub(crate) async fn open(
        db: &TestDb,
        mut options: BinlogOptions,
        tables: Vec<Arc<TableSchema>>,
    ) -> Result<Self, SourceError> {
        static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        // the server ends an older stream of the same id
        options.server_id += NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let source = BinlogSource::open(&db.source, options, tables).await?;
        Ok(Self {
            source,
            buffer: ChangeBuffer::default(),
            max_bytes: usize::MAX,
            told: Vec::new(),
            database: db.source.database.clone(),
        })
    }

    /// Reads on to where the binlog ends now and returns what came, one line per row and step.
    /// Transactions and databases of other tests leave no line.
    pub(crate) async fn catch_up(&mut self, db: &TestDb) -> Vec<String> {
        let end = db.connect().await.current_position().await.unwrap();
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while self.source.position().binlog < end.binlog {
            let next = self.source.next(&mut self.buffer, self.max_bytes);
            let step = tokio::time::timeout_at(deadline, next).await;
            let step = step.expect("the stream stands still").unwrap();
            self.tell(step);
        }
        std::mem::take(&mut self.told)
    }

    fn tell(&mut self, step: Step) {
        if !matches!(step, Step::Hold { .. }) {
            let told = self.buffer.changes().iter().map(|change| {
                let image = |cells: Option<&[chameleon_model::Cell]>| {
                    let cells = cells.unwrap_or_default().iter();
                    let cells: Vec<String> = cells.map(|&c| show(&self.buffer, c)).collect();
                    cells.join(", ")
                };
                let table = &self.buffer.table(change).name.name;
                let (before, after) = (self.buffer.before(change), self.buffer.after(change));
                match change.op {
                    Op::Insert => format!("insert {table} ({})", image(after)),
                    Op::Delete => format!("delete {table} ({})", image(before)),
                    Op::Update => format!("update {table} ({}) ({})", image(before), image(after)),
                }
            });
            let told: Vec<String> = told.collect();
            self.told.extend(told);
            self.buffer.clear();
        }
        match step {
            Step::Continued => self.told.push("continued".to_owned()),
            Step::Committed { rows, .. } => self.told.push(format!("commit {rows}")),
            Step::RolledBack => self.told.push("rollback".to_owned()),
            Step::Progress { .. } => {}
            // those of other tests are no concern of this one
            Step::Xa { xid, step, .. } if xid.gtrid == self.database.as_bytes() => {
                self.told.push(format!("xa {step:?}"));
            }
            Step::Xa { .. } => {}
            Step::Hold { table, error } => {
                self.told
                    .push(format!("hold {} {}", table.name, error.code()));
            }
            Step::Ddl(step) => {
                let changes: Vec<String> = step.changes.iter().map(word).collect();
                self.told.push(format!("ddl {}", changes.join(", ")));
            }
        }
    }
}

fn word(change: &SchemaChange) -> String {
    match change {
        SchemaChange::Create { after } => format!("create {}", after.name.name),
        SchemaChange::Drop { before } => format!("drop {}", before.name.name),
        SchemaChange::Truncate { table } => format!("truncate {}", table.name),
        SchemaChange::Rename { before, after } => {
            format!("rename {} {}", before.name.name, after.name.name)
        }
        SchemaChange::Alter { after, .. } => format!("alter {}", after.name.name),
        SchemaChange::Unsupported { table, .. } => format!("unsupported {}", table.name),
    }
}

pub(crate) fn arcs(tables: Vec<TableSchema>) -> Vec<Arc<TableSchema>> {
    tables.into_iter().map(Arc::new).collect()
}

#[tokio::test]
async fn transactions_come_whole_and_in_order() {
    let mut db = TestDb::new().await;
    db.run(
        "create table t (id int primary key, a varchar(10)); \
         create table m (id int primary key) engine = myisam",
    )
    .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("insert into t values (1, 'a'), (2, null)").await;
    db.run("begin; update t set a = 'b' where id = 1; delete from t where id = 2; commit")
        .await;
    db.run("begin; insert into t values (3, 'lost'); rollback")
        .await;
    db.run(
        "begin; insert into t values (4, 'kept'); savepoint s; insert into t values (5, 'lost'); \
         rollback to s; insert into t values (6, ''); commit",
    )
    .await;
    db.run("insert into m values (7)").await;
    let expect = [
        r#"insert t (Int(1), "a")"#,
        "insert t (Int(2), Null)",
        "commit 2",
        r#"update t (Int(1), "a") (Int(1), "b")"#,
        "delete t (Int(2), Null)",
        "commit 2",
        r#"insert t (Int(4), "kept")"#,
        r#"insert t (Int(6), "")"#,
        "commit 2",
        "insert m (Int(7))",
        "commit 1",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
}

/// MariaDB writes ROLLBACK TO where a table that knows no transactions was changed behind the
/// savepoint, and ROLLBACK where a temporary table was made.
#[tokio::test]
async fn what_the_source_rolled_back_is_taken_back() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MySql {
        // under GTIDs the server refuses such transactions
        return;
    }
    db.run(
        "create table t (id int primary key); create table m (id int primary key) engine = myisam",
    )
    .await;
    let mut follow = Follow::from_now(&db).await;
    db.run(
        "begin; insert into t values (1); savepoint s; insert into t values (2); \
         insert into m values (3); rollback to s; insert into t values (4); commit",
    )
    .await;
    db.run(
        "begin; insert into t values (5); create temporary table x (a int); \
         drop temporary table x; rollback",
    )
    .await;
    let expect = [
        "insert m (Int(3))",
        "commit 1",
        "insert t (Int(1))",
        "insert t (Int(4))",
        "commit 2",
        "rollback",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
}

#[tokio::test]
async fn a_long_transaction_comes_in_parts() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a varchar(2000))")
        .await;
    let mut follow = Follow::from_now(&db).await;
    follow.max_bytes = 50_000;
    let rows: Vec<String> = (0..200)
        .map(|n| format!("({n}, repeat('x', 1000))"))
        .collect();
    db.run(&format!("insert into t values {}", rows.join(", ")))
        .await;
    let told = follow.catch_up(&db).await;
    let parts = told.iter().filter(|line| *line == "continued").count();
    assert!((2..6).contains(&parts), "{parts}");
    assert_eq!(told.last().unwrap(), "commit 200");
    assert_eq!(
        told.iter()
            .filter(|line| line.starts_with("insert"))
            .count(),
        200
    );
}

#[tokio::test]
async fn the_schema_follows_ddl_between_rows() {
    let mut db = TestDb::new().await;
    let mut follow = Follow::from_now(&db).await;
    let name = db.source.database.clone();
    db.run("create table t (id int primary key, a int)").await;
    db.run("insert into t values (1, 2)").await;
    db.run("alter table t add b varchar(10) default 'x' after id, drop a")
        .await;
    db.run("insert into t values (2, 'ä')").await;
    db.run(&format!(
        "create database {name}_x; create table {name}_x.t (id int)"
    ))
    .await;
    db.run(&format!(
        "insert into {name}_x.t values (9); drop database {name}_x"
    ))
    .await;
    db.run("rename table t to u; insert into u values (3, null); truncate u")
        .await;
    db.run("create index i on u (b); drop table u").await;
    let expect = [
        "ddl create t",
        "insert t (Int(1), Int(2))",
        "commit 1",
        "ddl alter t",
        r#"insert t (Int(2), "ä")"#,
        "commit 1",
        "ddl rename t u",
        "insert u (Int(3), Null)",
        "commit 1",
        "ddl truncate u",
        "ddl alter u",
        "ddl drop u",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
    assert_eq!(follow.source.tables().count(), 0);
}

#[tokio::test]
async fn a_table_made_by_a_query_comes_with_its_rows() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); insert into t values (1), (2)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("create table u as select * from t").await;
    let told = follow.catch_up(&db).await;
    assert_eq!(
        told,
        [
            "ddl create u",
            "insert u (Int(1))",
            "insert u (Int(2))",
            "commit 2"
        ]
    );
}

#[tokio::test]
async fn an_online_schema_change_is_one_alter() {
    let mut db = TestDb::new().await;
    db.run("create table x (id int primary key, a int); insert into x values (1, 5)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run(
        "create table _x_gho like x; alter table _x_gho change a b bigint, add c int default 7; \
         insert into _x_gho (id, b) select id, a from x",
    )
    .await;
    assert_eq!(follow.catch_up(&db).await, ["ddl ", "ddl "]);
    assert_eq!(follow.source.helper_tables().count(), 1);
    db.run("rename table x to _x_del, _x_gho to x; drop table _x_del")
        .await;
    db.run("insert into x values (2, 6, 8)").await;
    let expect = [
        "ddl alter x",
        "ddl ",
        "insert x (Int(2), Int(6), Int(8))",
        "commit 1",
    ];
    assert_eq!(follow.catch_up(&db).await, expect);
    assert_eq!(follow.source.helper_tables().count(), 0);
}

#[tokio::test]
async fn a_table_that_differs_from_its_schema_is_held_and_the_others_go_on() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a int); create table u (id int primary key)")
        .await;
    let start = db.connect().await.current_position().await.unwrap();
    let mut tables = db.tables().await;
    let right = Arc::new(tables.iter().find(|t| t.name.name == "t").unwrap().clone());
    tables
        .iter_mut()
        .find(|t| t.name.name == "t")
        .unwrap()
        .columns
        .pop();
    let mut follow = Follow::from(&db, start, arcs(tables)).await;
    db.run("begin; insert into t values (1, 1), (2, 2); insert into u values (3); commit")
        .await;
    db.run("insert into t values (4, 4)").await;
    let told = follow.catch_up(&db).await;
    assert_eq!(told, ["hold t SRC034", "insert u (Int(3))", "commit 1"]);
    assert_eq!(follow.source.take_held_counts(), [(right.name.clone(), 3)]);
    follow.source.release(Arc::clone(&right));
    db.run("insert into t values (5, 5)").await;
    assert_eq!(
        follow.catch_up(&db).await,
        ["insert t (Int(5), Int(5))", "commit 1"]
    );
    follow.source.hold(&right.name);
    db.run("insert into t values (6, 6)").await;
    assert_eq!(follow.catch_up(&db).await, [""; 0]);
    assert_eq!(follow.source.take_held_counts(), [(right.name.clone(), 1)]);
}

#[tokio::test]
async fn rows_logged_as_a_statement_hold_the_table() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); create table u (id int primary key)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("set binlog_format = statement; insert into t values (1); set binlog_format = row")
        .await;
    db.run("insert into t values (2); insert into u values (3)")
        .await;
    let told = follow.catch_up(&db).await;
    assert_eq!(told, ["hold t SRC037", "insert u (Int(3))", "commit 1"]);
}

/// Through a view, by a trigger, by a function: what the statement does not name is held, too.
#[tokio::test]
async fn what_a_logged_statement_reaches_is_held() {
    let mut db = TestDb::new().await;
    for name in ["seen", "fires", "fired", "called", "other"] {
        db.run(&format!("create table {name} (id int primary key)"))
            .await;
    }
    db.run("set global log_bin_trust_function_creators = 1; create view v as select id from seen")
        .await;
    db.run("create trigger g after insert on fires for each row insert into fired values (new.id)")
        .await;
    let mut session = db.session().await;
    let function = "create function f() returns int modifies sql data begin insert into called values (9); return 9; end";
    session.query_drop(function).await.unwrap();
    let mut follow = Follow::from_now(&db).await;
    for (statement, held) in [
        ("insert into v values (1)", vec!["hold seen SRC037"]),
        (
            "insert into fires values (1)",
            vec!["hold fired SRC037", "hold fires SRC037"],
        ),
        (
            "insert into other values (f())",
            vec!["hold called SRC037", "hold other SRC037"],
        ),
    ] {
        db.run(&format!(
            "set binlog_format = statement; {statement}; set binlog_format = row"
        ))
        .await;
        let mut told = follow.catch_up(&db).await;
        told.sort();
        assert_eq!(told, held, "{statement}");
    }
}

#[tokio::test]
async fn compressed_transactions_are_unpacked() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, a text)").await;
    let mut follow = Follow::from_now(&db).await;
    let on_off = match db.version().await.0 {
        Flavor::MySql => ["set binlog_transaction_compression = on"; 2],
        Flavor::MariaDb => [
            "set global log_bin_compress = on",
            "set global log_bin_compress = off",
        ],
    };
    db.run(on_off[0]).await;
    db.run("insert into t values (1, repeat('a', 500)), (2, repeat('b', 500))")
        .await;
    db.run("update t set a = concat(a, 'c'); delete from t where id = 2")
        .await;
    db.run("create table long_name_of_a_table (id int primary key, b int) comment 'aaaaaaaaaaaaaaaaaaaaaa\
            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
            aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'")
        .await;
    db.run(on_off[1]).await;
    let told = follow.catch_up(&db).await;
    let (a, b) = ("a".repeat(500), "b".repeat(500));
    let expect = [
        format!("insert t (Int(1), {a:?})"),
        format!("insert t (Int(2), {b:?})"),
        "commit 2".to_owned(),
        format!("update t (Int(1), {a:?}) (Int(1), \"{a}c\")"),
        format!("update t (Int(2), {b:?}) (Int(2), \"{b}c\")"),
        "commit 2".to_owned(),
        format!("delete t (Int(2), \"{b}c\")"),
        "commit 1".to_owned(),
        "ddl create long_name_of_a_table".to_owned(),
    ];
    assert_eq!(told, expect);
}

#[tokio::test]
async fn partial_updates_of_documents_become_whole_documents() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MariaDb {
        return;
    }
    let long = "x".repeat(200);
    db.run("create table t (id int primary key, j json, k json)")
        .await;
    db.run(&format!(
        "insert into t values (1, '{{\"a\": 1, \"l\": \"{long}\"}}', '[1]')"
    ))
    .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("set binlog_row_value_options = partial_json; update t set j = json_set(j, '$.a', 2)")
        .await;
    let before = format!("{{\"a\": 1, \"l\": \"{long}\"}}");
    let after = format!("{{\"a\": 2, \"l\": \"{long}\"}}");
    let expect = format!("update t (Int(1), {before:?}, \"[1]\") (Int(1), {after:?}, \"[1]\")");
    assert_eq!(follow.catch_up(&db).await, [expect, "commit 1".to_owned()]);
    db.run("set binlog_row_image = minimal; update t set j = json_set(j, '$.a', 3)")
        .await;
    assert_eq!(follow.catch_up(&db).await, ["hold t SRC035"]);
}

#[tokio::test]
async fn wide_rows_and_long_values_are_rows_like_others() {
    let mut db = TestDb::new().await;
    let columns: Vec<String> = (0..1000).map(|n| format!("c{n} int")).collect();
    db.run(&format!(
        "create table w (id int primary key, {})",
        columns.join(", ")
    ))
    .await;
    db.run("create table l (id int primary key, a longtext)")
        .await;
    let mut follow = Follow::from_now(&db).await;
    db.run("insert into w (id, c999) values (1, 2)").await;
    db.run("insert into l values (1, repeat('ä', 10000000)); update l set id = 2")
        .await;
    let told = follow.catch_up(&db).await;
    assert!(told[0].starts_with("insert w (Int(1), Null, Null"));
    assert!(told[0].ends_with("Null, Int(2))"));
    assert_eq!(told[2].len(), "insert l (Int(1), \"\")".len() + 20_000_000);
    assert_eq!(told[5..], ["commit 1"]);
}
