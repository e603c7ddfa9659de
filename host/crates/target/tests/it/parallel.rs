//! Batches that several sessions share.

use chameleon_catalog::{BatchId, SourceRow, batches, windows};
use chameleon_model::{ChangeBuffer, MappingRules};
use chameleon_target::{DirectWriter, Strictness, TargetError};

use crate::apply::Policy;
use crate::db::{TestDb, at, change, table};

const EXACT: Policy = Policy(Strictness::Exact, false);
const IDEMPOTENT: Policy = Policy(Strictness::Idempotent, false);

/// Rows that are there before the batch.
const ROWS: i64 = 3_000;
/// What the target must hold after the batch of [`changes`], in one line.
const SUMS: &str = "select count(*), sum(id), sum(u), count(distinct v) from shop.a";
const EXPECTED: &str = "3000|6500500|3002000|3\n";

/// A table with these rows, written to by three sessions.
async fn shared(db: &TestDb, more: &str) -> (DirectWriter, SourceRow, BatchId) {
    let tables = format!(
        "create table shop.a (id bigint primary key, u int, v text); \
         insert into shop.a select i, i, 'old' from generate_series(1, {ROWS}) i; {more}"
    );
    let (row, batch) = db.source(&tables).await;
    let writer = writer(db, &row, batch).await;
    (writer, row, batch)
}

async fn writer(db: &TestDb, row: &SourceRow, batch: BatchId) -> DirectWriter {
    let (client, rules) = (db.client().await, MappingRules::default());
    let mut writer = DirectWriter::new(client, row.clone(), rules, batch)
        .await
        .unwrap();
    let clients = vec![db.client().await, db.client().await];
    writer.share_with(clients).await.unwrap();
    writer
}

/// A third of the rows deleted, a third changed, as many new ones.
fn changes(buffer: &mut ChangeBuffer) {
    let a = table("a", true);
    for id in 1..=ROWS {
        let old = (id, Some(id), Some("old"));
        match id % 3 {
            0 => change(buffer, &a, Some(old), None),
            1 => change(buffer, &a, Some(old), Some((id, Some(id + 1), Some("new")))),
            _ => {}
        }
    }
    for id in ROWS + 1..=ROWS + ROWS / 3 {
        change(buffer, &a, None, Some((id, Some(1), Some("more"))));
    }
}

/// The session of the writer that stores the position ends as if its host had been cut off.
async fn cut(db: &TestDb, writer: &DirectWriter) {
    let pid = writer
        .client()
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap();
    let pid: i32 = pid.get(0);
    let other = db.client().await;
    other
        .execute("select pg_terminate_backend($1, 10000)", &[&pid])
        .await
        .unwrap();
}

async fn position(db: &TestDb, row: &SourceRow) -> chameleon_model::SourcePosition {
    let open = batches::open_batch(&db.client().await, row.id)
        .await
        .unwrap();
    open.unwrap().position
}

#[tokio::test]
async fn sessions_share_a_batch_and_leave_no_note() {
    let db = TestDb::create("shared").await;
    let (mut writer, row, _) = shared(&db, "").await;
    let mut buffer = ChangeBuffer::default();
    changes(&mut buffer);
    let done = writer.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
    assert_eq!(done.applied.changes, buffer.len() as u64);
    assert!(done.applied.failures.is_empty());
    let busy = "select count(distinct pid) from pg_locks \
                where relation = 'shop.a'::regclass and mode = 'RowExclusiveLock'";
    assert_eq!(db.rows(busy).await, "3\n");
    writer.advance(&at(50), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(db.rows(SUMS).await, EXPECTED);
    assert_eq!(position(&db, &row).await, at(50));
    let noted = windows::list(&db.client().await, row.id).await.unwrap();
    assert!(noted.is_empty(), "{noted:?}");
    // the next one, after the sessions' first
    let mut buffer = ChangeBuffer::default();
    let a = table("a", true);
    for id in ROWS + 1..=ROWS + ROWS / 3 {
        change(&mut buffer, &a, Some((id, Some(1), Some("more"))), None);
    }
    writer.write_whole(&buffer, &at(60), &EXACT).await.unwrap();
    writer.advance(&at(60), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(
        db.rows("select count(*) from shop.a").await,
        format!("{}\n", 2 * ROWS / 3)
    );
    drop(writer);
    db.drop_database().await;
}

#[tokio::test]
async fn a_batch_that_was_committed_in_part_is_noted_and_applied_again() {
    let db = TestDb::create("in_part").await;
    let (mut lost, row, batch) = shared(&db, "").await;
    let mut buffer = ChangeBuffer::default();
    changes(&mut buffer);
    lost.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
    lost.advance(&at(50), None).await.unwrap();
    cut(&db, &lost).await;
    lost.commit().await.unwrap_err();
    drop(lost);
    // two of three ranges are there, and the catalog says so
    assert_ne!(db.rows(SUMS).await, EXPECTED);
    assert_ne!(
        db.rows("select count(*) from shop.a where v <> 'old'")
            .await,
        "0\n"
    );
    assert_eq!(position(&db, &row).await, at(4));
    let noted = windows::list(&db.client().await, row.id).await.unwrap();
    let [window] = noted.as_slice() else {
        panic!("{noted:?}");
    };
    assert_eq!(window.table, table("a", true).name);
    assert_eq!((window.batch, &window.skip_until), (batch, &None));
    assert_eq!(window.idempotent_until, Some(at(50)));
    let mut again = writer(&db, &row, batch).await;
    again.write(&buffer, &[], &IDEMPOTENT).await.unwrap();
    again.advance(&at(50), None).await.unwrap();
    again.commit().await.unwrap();
    assert_eq!(db.rows(SUMS).await, EXPECTED);
    drop(again);
    db.drop_database().await;
}

#[tokio::test]
async fn nothing_is_there_of_a_batch_that_no_session_committed() {
    let db = TestDb::create("uncommitted_ranges").await;
    let (mut lost, row, _) = shared(&db, "").await;
    let mut buffer = ChangeBuffer::default();
    changes(&mut buffer);
    lost.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
    cut(&db, &lost).await;
    lost.advance(&at(50), None).await.unwrap_err();
    drop(lost);
    // the server ends the other sessions when it sees that their client is gone
    let left = "select count(*) from pg_locks where relation = 'shop.a'::regclass";
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while db.rows(left).await != "0\n" {
        assert!(std::time::Instant::now() < deadline, "sessions stay open");
        tokio::task::yield_now().await;
    }
    let untouched = format!("select count(*) = {ROWS}, min(v) = max(v) from shop.a");
    assert_eq!(db.rows(&untouched).await, "t|t\n");
    let noted = windows::list(&db.client().await, row.id).await.unwrap();
    assert!(noted.is_empty(), "{noted:?}");
    db.drop_database().await;
}

#[tokio::test]
async fn tables_whose_rows_touch_each_other_are_not_split() {
    let reasons = [
        "create unique index on shop.a (u)",
        "create table shop.child (a bigint references shop.a deferrable initially deferred)",
        "create table shop.kid () inherits (shop.a)",
        "alter table shop.a add exclude using btree (u with =)",
        "create function shop.f() returns trigger language plpgsql as $$begin return new; end$$; \
         create trigger t before update on shop.a for each row execute function shop.f()",
        "create rule r as on update to shop.a do also notify shop",
    ];
    for (number, reason) in reasons.iter().enumerate() {
        let db = TestDb::create(&format!("touching_{number}")).await;
        let (mut writer, _, _) = shared(&db, reason).await;
        let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
        for id in 1..=ROWS {
            let old = (id, Some(id), Some("old"));
            change(
                &mut buffer,
                &a,
                Some(old),
                Some((id, Some(id), Some("new"))),
            );
        }
        let done = writer.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
        assert_eq!(done.applied.changes, ROWS.unsigned_abs(), "{reason}");
        let busy = "select count(distinct pid) from pg_locks \
                    where relation = 'shop.a'::regclass and mode = 'RowExclusiveLock'";
        assert_eq!(db.rows(busy).await, "1\n", "{reason}");
        writer.advance(&at(50), None).await.unwrap();
        writer.commit().await.unwrap();
        let old = db.rows("select count(*) from shop.a where v = 'old'").await;
        assert_eq!(old, "0\n", "{reason}");
        drop(writer);
        db.drop_database().await;
    }
}

#[tokio::test]
async fn a_range_that_is_refused_is_left_to_one_session() {
    let db = TestDb::create("refused").await;
    // one row in the last range is not what the source had
    let more = format!(
        "delete from shop.a where id = {}; create table shop.b (id bigint primary key, u int, v text)",
        ROWS - 2
    );
    let (mut writer, row, _) = shared(&db, &more).await;
    let (b, mut buffer) = (table("b", true), ChangeBuffer::default());
    changes(&mut buffer);
    change(&mut buffer, &b, None, Some((1, None, None)));
    let done = writer.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
    let [failure] = done.applied.failures.as_slice() else {
        panic!("{:?}", done.applied.failures);
    };
    assert_eq!(failure.table, "a");
    assert!(matches!(failure.error, TargetError::Drift { .. }));
    assert_eq!(done.applied.changes, 1);
    writer.advance(&at(50), None).await.unwrap();
    writer.commit().await.unwrap();
    // the table that failed is as it was, the other one has its row
    let a = "select count(*), min(v), max(v) from shop.a";
    assert_eq!(db.rows(a).await, format!("{}|old|old\n", ROWS - 1));
    assert_eq!(db.rows("select count(*) from shop.b").await, "1\n");
    let noted = windows::list(&db.client().await, row.id).await.unwrap();
    assert!(noted.is_empty(), "{noted:?}");
    drop(writer);
    db.drop_database().await;
}

#[tokio::test]
async fn a_transaction_that_has_written_before_is_not_shared() {
    let db = TestDb::create("written_before").await;
    let (mut writer, _, _) = shared(&db, "").await;
    let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
    let first = (1, Some(1), Some("old"));
    change(
        &mut buffer,
        &a,
        Some(first),
        Some((1, Some(7), Some("new"))),
    );
    writer.write(&buffer, &[], &EXACT).await.unwrap();
    let mut buffer = ChangeBuffer::default();
    change(
        &mut buffer,
        &a,
        Some((1, Some(7), Some("new"))),
        Some((1, Some(8), Some("new"))),
    );
    for id in 2..=ROWS {
        let old = (id, Some(id), Some("old"));
        change(&mut buffer, &a, Some(old), None);
    }
    let done = writer.write_whole(&buffer, &at(50), &EXACT).await.unwrap();
    assert!(done.applied.failures.is_empty());
    writer.advance(&at(50), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(db.rows("select id, u, v from shop.a").await, "1|8|new\n");
    drop(writer);
    db.drop_database().await;
}
