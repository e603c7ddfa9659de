//! Loading snapshot rows.

use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, MappingRules};
use chameleon_target::loader::{self, TableLoader};

use crate::db::{TestDb, change, table};

#[tokio::test]
async fn a_refused_row_is_found_and_the_rest_is_stored() {
    let db = TestDb::create("bisect").await;
    db.source("create table shop.a (id bigint, u int check (u <> 666), v text)")
        .await;
    let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
    for id in 0..1_000i64 {
        let u = if id == 17 || id == 900 { 666 } else { 1 };
        let v = if id == 500 { "a\0b" } else { "x" };
        change(&mut buffer, &a, None, Some((id, Some(u), Some(v))));
    }
    let client = db.client().await;
    client.batch_execute("begin").await.unwrap();
    let rules = MappingRules::default();
    let mut loader = TableLoader::open(&client, &a, "shop", &rules)
        .await
        .unwrap();
    let loaded = loader.load(&client, &buffer).await.unwrap();
    client.batch_execute("commit").await.unwrap();
    let mut refused: Vec<usize> = loaded.refused.iter().map(|r| r.row).collect();
    refused.sort_unstable();
    assert_eq!((loaded.stored, refused), (997, vec![17, 500, 900]));
    assert_eq!(db.rows("select count(*) from shop.a").await, "997\n");
    db.drop_database().await;
}

#[tokio::test]
async fn buffers_are_one_copy_until_a_row_is_refused() {
    let db = TestDb::create("append").await;
    db.source("create table shop.a (id bigint, u int check (u <> 666), v text)")
        .await;
    let a = table("a", true);
    let client = db.client().await;
    let rules = MappingRules::default();
    let buffer = |ids: std::ops::Range<i64>| {
        let mut buffer = ChangeBuffer::default();
        for id in ids {
            let u = if id == 700 { 666 } else { 1 };
            let v = if id == 5 { "a\0b" } else { "x" };
            change(&mut buffer, &a, None, Some((id, Some(u), Some(v))));
        }
        buffer
    };
    client.batch_execute("begin").await.unwrap();
    let mut loader = TableLoader::open(&client, &a, "shop", &rules)
        .await
        .unwrap();
    assert!(loader.can_append());
    let refused = loader.append(&client, &buffer(0..100)).await.unwrap();
    assert_eq!(refused.iter().map(|r| r.row).collect::<Vec<_>>(), [5]);
    assert!(
        loader
            .append(&client, &buffer(100..200))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(loader.finish().await.unwrap(), 199);
    assert_eq!(loader.finish().await.unwrap(), 0, "nothing was appended");
    client.batch_execute("commit; begin").await.unwrap();
    // the server tells of it when it comes to the row, which may be later
    let mut error = loader.append(&client, &buffer(600..800)).await.err();
    if error.is_none() {
        error = loader.finish().await.err();
    }
    let error = error.unwrap();
    assert!(loader::may_be_one_row(&error), "{error:?}");
    client.batch_execute("rollback; begin").await.unwrap();
    let loaded = loader.load(&client, &buffer(600..800)).await.unwrap();
    client.batch_execute("commit").await.unwrap();
    assert_eq!((loaded.stored, loaded.refused.len()), (199, 1));
    assert_eq!(db.rows("select count(*) from shop.a").await, "398\n");
    db.drop_database().await;
}

#[tokio::test]
async fn keys_are_finished_from_wherever_an_earlier_attempt_was() {
    let db = TestDb::create("keys").await;
    let client = db.client().await;
    let mapping = Mapping::new("shop", MappingRules::default());
    for done in 0..3 {
        loader::create_schema(&client, "shop").await.unwrap();
        let table = table("a", true);
        let plan = loader::create_table(&client, &table, &mapping)
            .await
            .unwrap();
        let last = plan.primary_key_from_index.as_deref();
        for statement in plan.index_builds().chain(last).take(done) {
            loader::build_index(&client, &table, statement)
                .await
                .unwrap();
        }
        loader::build_keys(&client, &table, &plan).await.unwrap();
        let keys = "select conname, contype from pg_constraint \
                     where conrelid = 'shop.a'::regclass and contype = 'p'";
        assert_eq!(db.rows(keys).await, "a_PRIMARY|p\n", "{done} were there");
    }
    db.drop_database().await;
}
