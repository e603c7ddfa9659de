//! Applying batches to tables.

use std::sync::Arc;

use chameleon_model::{ChangeBuffer, MappingRules, TableSchema};
use chameleon_target::{Applied, Applier, ApplyPolicy, Strictness};

use crate::db::{TestDb, change, table};

const TABLES: &str = "create table shop.a (id bigint primary key, u int unique, v text); \
                      create table shop.b (id bigint, u int, v text)";

/// One strictness for all tables.
pub(crate) struct Policy(pub(crate) Strictness, pub(crate) bool);

impl ApplyPolicy for Policy {
    fn strictness(&self, table: &str) -> Option<Strictness> {
        (table != "held").then_some(self.0)
    }

    fn applies_drift(&self) -> bool {
        self.1
    }
}

async fn apply(db: &TestDb, buffer: &ChangeBuffer, policy: &Policy) -> Applied {
    let client = db.client().await;
    Applier::prepare_session(&client).await.unwrap();
    let mut applier = Applier::new("shop", MappingRules::default());
    client.batch_execute("begin").await.unwrap();
    let applied = applier.apply(&client, buffer, policy).await.unwrap();
    client.batch_execute("commit").await.unwrap();
    applied
}

fn keyed() -> Arc<TableSchema> {
    table("a", true)
}

#[tokio::test]
async fn rows_that_exchange_unique_values_end_as_at_the_source() {
    let db = TestDb::create("exchange").await;
    db.source(&format!(
        "{TABLES}; insert into shop.a values (1, 10, 'x'), (2, 20, 'y')"
    ))
    .await;
    let (a, mut buffer) = (keyed(), ChangeBuffer::default());
    change(
        &mut buffer,
        &a,
        Some((1, Some(10), Some("x"))),
        Some((1, None, Some("x"))),
    );
    change(
        &mut buffer,
        &a,
        Some((2, Some(20), Some("y"))),
        Some((2, Some(10), Some("y"))),
    );
    change(
        &mut buffer,
        &a,
        Some((1, None, Some("x"))),
        Some((1, Some(20), Some("x"))),
    );
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    assert_eq!((applied.changes, applied.failures.len()), (3, 0));
    assert_eq!(
        db.rows("select * from shop.a order by 1").await,
        "1|20|x\n2|10|y\n"
    );
    db.drop_database().await;
}

#[tokio::test]
async fn a_table_without_key_keeps_its_number_of_duplicates() {
    let db = TestDb::create("keyless").await;
    db.source(TABLES).await;
    let (b, mut buffer) = (table("b", false), ChangeBuffer::default());
    for _ in 0..3 {
        change(&mut buffer, &b, None, Some((1, None, Some("x"))));
    }
    change(&mut buffer, &b, Some((1, None, Some("x"))), None);
    change(
        &mut buffer,
        &b,
        Some((1, None, Some("x"))),
        Some((1, Some(5), None)),
    );
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    assert_eq!((applied.changes, applied.failures.len()), (5, 0));
    assert_eq!(
        db.rows("select * from shop.b order by u").await,
        "1|5|-\n1|-|x\n"
    );
    db.drop_database().await;
}

#[tokio::test]
async fn drift_holds_that_table_and_the_others_go_on() {
    let db = TestDb::create("drift").await;
    db.source(TABLES).await;
    let (a, b, mut buffer) = (keyed(), table("b", false), ChangeBuffer::default());
    change(
        &mut buffer,
        &a,
        Some((1, None, None)),
        Some((1, Some(5), None)),
    );
    change(&mut buffer, &b, None, Some((7, None, None)));
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    let failure = &applied.failures[0];
    assert_eq!(failure.table, "a");
    assert_eq!(
        chameleon_diag::Diagnostic::code(&failure.error),
        chameleon_diag::codes::RPL002
    );
    assert_eq!((applied.changes, applied.skipped), (1, 1));
    assert_eq!(db.rows("select * from shop.b").await, "7|-|-\n");
    db.drop_database().await;
}

#[tokio::test]
async fn drift_is_counted_and_overwritten_where_that_is_wanted() {
    let db = TestDb::create("drift_apply").await;
    db.source(&format!(
        "{TABLES}; insert into shop.a values (2, 1, 'theirs')"
    ))
    .await;
    let (a, mut buffer) = (keyed(), ChangeBuffer::default());
    change(
        &mut buffer,
        &a,
        Some((1, None, None)),
        Some((1, Some(5), Some("ours"))),
    );
    change(&mut buffer, &a, None, Some((2, Some(6), Some("ours"))));
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, true)).await;
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert_eq!(
        db.rows("select * from shop.a order by 1").await,
        "1|5|ours\n2|6|ours\n"
    );
    db.drop_database().await;
}

#[tokio::test]
async fn a_window_is_applied_idempotently() {
    let db = TestDb::create("idempotent").await;
    db.source(&format!(
        "{TABLES}; insert into shop.a values (1, 1, 'copied'), (3, 3, 'copied')"
    ))
    .await;
    let (a, mut buffer) = (keyed(), ChangeBuffer::default());
    change(&mut buffer, &a, None, Some((1, Some(1), Some("old"))));
    change(
        &mut buffer,
        &a,
        Some((2, None, None)),
        Some((2, Some(2), Some("new"))),
    );
    change(&mut buffer, &a, Some((4, None, None)), None);
    change(&mut buffer, &a, Some((3, Some(3), None)), None);
    let applied = apply(&db, &buffer, &Policy(Strictness::Idempotent, false)).await;
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert_eq!(
        db.rows("select * from shop.a order by 1").await,
        "1|1|old\n2|2|new\n"
    );
    db.drop_database().await;
}

#[tokio::test]
async fn a_row_that_the_target_refuses_holds_that_table_alone() {
    let db = TestDb::create("refused").await;
    db.source(&format!("{TABLES}; alter table shop.a add check (u < 100)"))
        .await;
    let (a, b, mut buffer) = (keyed(), table("b", false), ChangeBuffer::default());
    change(&mut buffer, &a, None, Some((1, Some(1), None)));
    change(&mut buffer, &a, None, Some((2, Some(100), None)));
    change(&mut buffer, &b, None, Some((7, None, None)));
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    assert_eq!(applied.failures.len(), 1);
    let error = &applied.failures[0].error;
    assert_eq!(
        chameleon_diag::Diagnostic::code(error),
        chameleon_diag::codes::RPL001
    );
    assert_eq!(db.rows("select count(*) from shop.a").await, "0\n");
    assert_eq!(db.rows("select count(*) from shop.b").await, "1\n");
    db.drop_database().await;
}

#[tokio::test]
async fn foreign_keys_at_the_target_see_the_source_order() {
    let db = TestDb::create("foreign_keys").await;
    let tables = "create table shop.a (id bigint primary key, u int, v text); \
                  create table shop.c (id bigint primary key, u bigint references shop.a, v text)";
    db.source(tables).await;
    let (a, c, mut buffer) = (keyed(), table("c", true), ChangeBuffer::default());
    change(&mut buffer, &a, None, Some((1, None, None)));
    change(&mut buffer, &c, None, Some((1, Some(1), None)));
    change(&mut buffer, &c, Some((1, Some(1), None)), None);
    change(&mut buffer, &a, Some((1, None, None)), None);
    change(&mut buffer, &a, None, Some((2, None, None)));
    change(&mut buffer, &c, None, Some((2, Some(2), None)));
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    // a second batch deletes in the other order: children before parents, first seen last
    let mut buffer = ChangeBuffer::default();
    change(&mut buffer, &a, None, Some((3, None, None)));
    change(
        &mut buffer,
        &c,
        Some((2, Some(2), None)),
        Some((2, Some(3), None)),
    );
    change(&mut buffer, &a, Some((2, None, None)), None);
    let applied = apply(&db, &buffer, &Policy(Strictness::Exact, false)).await;
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    assert_eq!(db.rows("select id, u from shop.c").await, "2|3\n");
    assert_eq!(db.rows("select id from shop.a").await, "3\n");
    db.drop_database().await;
}

#[tokio::test]
async fn many_inserts_go_by_copy_and_many_changes_in_pieces() {
    let db = TestDb::create("pieces").await;
    db.source(TABLES).await;
    let (a, mut buffer) = (keyed(), ChangeBuffer::default());
    for id in 0..30_000 {
        change(&mut buffer, &a, None, Some((id, Some(id), Some("x"))));
    }
    let policy = Policy(Strictness::Exact, false);
    assert_eq!(apply(&db, &buffer, &policy).await.changes, 30_000);
    let mut buffer = ChangeBuffer::default();
    for id in 0..30_000 {
        let before = Some((id, Some(id), Some("x")));
        let after = (id % 2 == 0).then_some((id, Some(id), Some("y")));
        change(&mut buffer, &a, before, after);
    }
    let applied = apply(&db, &buffer, &policy).await;
    assert!(applied.failures.is_empty(), "{:?}", applied.failures);
    let counted = db.rows("select v, count(*) from shop.a group by v").await;
    assert_eq!(counted, "y|15000\n");
    db.drop_database().await;
}
