//! Rows of prepared transactions: kept, then part of a batch, applied, or given up.

use chameleon_catalog::{batches, prepared};
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, MappingRules};
use chameleon_target::{ApplyPolicy, DirectWriter, RelayWriter, Replayer, Strictness};

use crate::apply::Policy;
use crate::db::{TestDb, at, change, table};

const EXACT: Policy = Policy(Strictness::Exact, false);
const XID: &str = "X'00ff27',X'5c',7";
const HOSTILE: &str = "quote\" 'single' back\\slash {brace} \u{1} 🦎 null \\N";
const KEPT: &str = "select count(*) from sch_chameleon.t_prepared_changes";
const TABLES: &str = "create table shop.a (id bigint primary key, u int, v text); \
                      create table shop.b (id bigint primary key, u int, v text); \
                      insert into shop.a values (1, 1, 'old'), (2, 2, 'gone')";
const ROWS: &str = "select * from shop.a order by id";

/// Leaves one table out.
struct Without(&'static str);

impl ApplyPolicy for Without {
    fn strictness(&self, table: &str) -> Option<Strictness> {
        (table != self.0).then_some(Strictness::Exact)
    }

    fn applies_drift(&self) -> bool {
        false
    }
}

/// Of two parts the second: both go to the same rows, so their order counts.
fn parts() -> [ChangeBuffer; 2] {
    let (a, b) = (table("a", true), table("b", true));
    let mut first = ChangeBuffer::default();
    change(
        &mut first,
        &a,
        Some((1, Some(1), Some("old"))),
        Some((1, None, Some("mid"))),
    );
    change(&mut first, &b, None, Some((5, None, None)));
    change(&mut first, &a, Some((2, Some(2), Some("gone"))), None);
    let mut second = ChangeBuffer::default();
    change(
        &mut second,
        &a,
        Some((1, None, Some("mid"))),
        Some((1, Some(-5), Some(HOSTILE))),
    );
    change(&mut second, &a, None, Some((i64::MIN, None, None)));
    [first, second]
}

fn expected() -> String {
    format!("{}|-|-\n1|-5|{HOSTILE}\n", i64::MIN)
}

#[tokio::test]
async fn in_the_relay_it_becomes_the_end_of_a_batch() {
    let db = TestDb::create("prepared_relay").await;
    let (row, batch) = db.source(TABLES).await;
    let mapping = Mapping::new("shop", MappingRules::default());
    let client = db.client().await;
    let mut writer = RelayWriter::new(client, row.clone(), mapping, batch)
        .await
        .unwrap();
    for part in parts() {
        let failures = writer.store_prepared(XID, &part, &EXACT).await.unwrap();
        assert!(failures.is_empty());
    }
    assert_eq!(writer.written().events, 0, "it is no part of the batch");
    writer.advance(&at(50), None).await.unwrap();
    assert_eq!(db.rows(KEPT).await, "0\n");
    writer.commit().await.unwrap();
    assert_eq!(db.rows(KEPT).await, "5\n");
    assert_eq!(db.rows(ROWS).await, "1|1|old\n2|2|gone\n");

    // another transaction in the same batch, before it
    let mut other = ChangeBuffer::default();
    change(&mut other, &table("a", true), None, Some((9, None, None)));
    change(&mut other, &table("a", true), Some((9, None, None)), None);
    writer.write(&other, &EXACT).await.unwrap();
    let written = writer.write_prepared(XID, &["a", "b"], 5).await.unwrap();
    assert_eq!((written, writer.written().events), (5, 7));
    prepared::forget(writer.client(), row.id, XID)
        .await
        .unwrap();
    let mut later = ChangeBuffer::default();
    change(
        &mut later,
        &table("b", true),
        Some((5, None, None)),
        Some((5, Some(5), None)),
    );
    writer.write(&later, &EXACT).await.unwrap();
    writer.close(&at(100), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(db.rows(KEPT).await, "0\n");
    let unordered = "select count(*) from (select ts_event_datetime <= lag(ts_event_datetime) \
                     over (order by i_id_event) as late from sch_chameleon.t_log_replica) e where late";
    assert_eq!(
        db.rows(unordered).await,
        "0\n",
        "event times strictly increase"
    );

    let waiting = batches::unreplayed(&db.client().await, row.id, 10)
        .await
        .unwrap();
    assert_eq!(waiting[0].rows, Some(8));
    let rules = MappingRules::default();
    let mut replayer = Replayer::new(db.client().await, row.clone(), rules)
        .await
        .unwrap();
    let done = replayer.apply_log(&waiting[0], &EXACT).await.unwrap();
    assert!(
        done.applied.failures.is_empty(),
        "{:?}",
        done.applied.failures
    );
    replayer.commit(waiting[0].id, &done).await.unwrap();
    assert_eq!(db.rows(ROWS).await, expected());
    assert_eq!(db.rows("select * from shop.b").await, "5|5|-\n");
    drop((writer, replayer));
    db.drop_database().await;
}

#[tokio::test]
async fn in_direct_mode_it_is_applied_with_the_position() {
    let db = TestDb::create("prepared_direct").await;
    let (row, batch) = db.source(TABLES).await;
    let mapping = Mapping::new("shop", MappingRules::default());
    let (client, rules) = (db.client().await, MappingRules::default());
    let mut writer = DirectWriter::new(client, row.clone(), rules, batch)
        .await
        .unwrap();
    for part in parts() {
        let stored = writer.store_prepared(XID, &part, &EXACT, &mapping).await;
        assert!(stored.unwrap().is_empty());
    }
    writer.advance(&at(50), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(db.rows(KEPT).await, "5\n");
    assert_eq!(db.rows(ROWS).await, "1|1|old\n2|2|gone\n");

    // killed before the commit: all is as it was
    let done = writer.write_prepared(XID, &EXACT).await.unwrap();
    assert_eq!(done.applied.changes, 5);
    prepared::forget(writer.client(), row.id, XID)
        .await
        .unwrap();
    writer.advance(&at(100), None).await.unwrap();
    writer.rollback().await.unwrap();
    assert_eq!(db.rows(KEPT).await, "5\n");

    let done = writer.write_prepared(XID, &Without("b")).await.unwrap();
    assert_eq!((done.applied.changes, done.applied.skipped), (4, 1));
    prepared::forget(writer.client(), row.id, XID)
        .await
        .unwrap();
    writer.advance(&at(100), None).await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(db.rows(ROWS).await, expected());
    assert_eq!(db.rows("select count(*) from shop.b").await, "0\n");
    let open = batches::open_batch(&db.client().await, row.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((open.id, open.position), (batch, at(100)));
    drop(writer);
    db.drop_database().await;
}

#[tokio::test]
async fn a_table_that_cannot_be_kept_comes_back_and_the_others_are_kept() {
    let db = TestDb::create("prepared_failure").await;
    let (row, batch) = db.source(TABLES).await;
    let mapping = Mapping::new("shop", MappingRules::default());
    let client = db.client().await;
    let mut writer = RelayWriter::new(client, row, mapping, batch).await.unwrap();
    let (a, b) = (table("a", true), table("b", true));
    let mut rows = ChangeBuffer::default();
    change(
        &mut rows,
        &a,
        None,
        Some((3, None, Some("nul \0 character"))),
    );
    change(&mut rows, &b, None, Some((3, None, None)));
    let failures = writer.store_prepared(XID, &rows, &EXACT).await.unwrap();
    let failed: Vec<&str> = failures.iter().map(|f| f.table.as_str()).collect();
    assert_eq!(failed, ["a"]);
    let failures = writer
        .store_prepared(XID, &rows, &Without("a"))
        .await
        .unwrap();
    assert!(failures.is_empty(), "what is left out is not looked at");
    writer.commit().await.unwrap();
    let kept = "select v_table_name, count(*) from sch_chameleon.t_prepared_changes group by 1";
    assert_eq!(db.rows(kept).await, "b|2\n");
    drop(writer);
    db.drop_database().await;
}
