//! The relay log, and its replay from memory and from the log.

use chameleon_catalog::batches;
use chameleon_ddl::mapping::Mapping;
use chameleon_model::{ChangeBuffer, MappingRules};
use chameleon_target::rotate::Rotation;
use chameleon_target::{DdlEntry, DirectWriter, RelayWriter, Replayer, Strictness};

use crate::apply::Policy;
use crate::db::{TestDb, at, change, table};

const EXACT: Policy = Policy(Strictness::Exact, false);

/// Values that need care on their way through JSON and SQL.
const HOSTILE: &str = "quote\" 'single' back\\slash {brace} \u{1} 🦎 null \\N";

async fn relayed(name: &str) -> (TestDb, ChangeBuffer, chameleon_catalog::SourceRow) {
    let db = TestDb::create(name).await;
    let (row, batch) = db
        .source("create table shop.a (id bigint primary key, u int, v text)")
        .await;
    let mapping = Mapping::new("shop", MappingRules::default());
    let client = db.client().await;
    let mut writer = RelayWriter::new(client, row.clone(), mapping, batch)
        .await
        .unwrap();
    let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
    change(&mut buffer, &a, None, Some((1, Some(-5), Some(HOSTILE))));
    change(&mut buffer, &a, None, Some((i64::MIN, None, None)));
    change(
        &mut buffer,
        &a,
        Some((1, Some(-5), Some(HOSTILE))),
        Some((1, None, Some(HOSTILE))),
    );
    change(&mut buffer, &a, None, Some((2, None, None)));
    change(&mut buffer, &a, Some((2, None, None)), None);
    assert!(writer.write(&buffer, &EXACT).await.unwrap().is_empty());
    let ddl = ["alter table shop.a add column w int".to_owned()];
    writer.write_ddl("a", &ddl).await.unwrap();
    writer.close(&at(100), None).await.unwrap();
    writer.commit().await.unwrap();
    (db, buffer, row)
}

#[tokio::test]
async fn a_batch_replayed_from_the_log_equals_one_replayed_from_memory() {
    let expect = format!("{}|-|-|-\n1|-|{HOSTILE}|-\n", i64::MIN);
    for from_memory in [true, false] {
        let (db, buffer, row) = relayed(&format!("replay_{from_memory}")).await;
        let waiting = batches::unreplayed(&db.client().await, row.id, 10)
            .await
            .unwrap();
        assert_eq!(waiting.len(), 1);
        let rules = MappingRules::default();
        let mut replayer = Replayer::new(db.client().await, row.clone(), rules)
            .await
            .unwrap();
        let ddl = [DdlEntry {
            table: "a".into(),
            statements: vec!["alter table shop.a add column w int".into()],
        }];
        let done = if from_memory {
            replayer.apply_memory(&buffer, &ddl, &EXACT).await.unwrap()
        } else {
            replayer.apply_log(&waiting[0], &EXACT).await.unwrap()
        };
        assert!(
            done.applied.failures.is_empty(),
            "{:?}",
            done.applied.failures
        );
        assert_eq!((done.applied.changes, done.ddl), (5, 1));
        replayer.commit(waiting[0].id, &done).await.unwrap();
        assert_eq!(db.rows("select * from shop.a order by id").await, expect);
        assert!(
            batches::unreplayed(&db.client().await, row.id, 10)
                .await
                .unwrap()
                .is_empty()
        );
        drop(replayer);
        db.drop_database().await;
    }
}

/// A plain SQL session replays what the host would, with the same result.
#[tokio::test]
async fn the_catalogs_own_function_replays_a_batch_as_the_host_does() {
    let (db, _, row) = relayed("function").await;
    let client = db.client().await;
    let sql = format!("select sch_chameleon.fn_process_batch(10000, {})", row.id.0);
    while client.query_one(&sql, &[]).await.unwrap().get::<_, bool>(0) {}
    let expect = format!("{}|-|-|-\n1|-|{HOSTILE}|-\n", i64::MIN);
    assert_eq!(db.rows("select * from shop.a order by id").await, expect);
    let left = batches::unreplayed(&client, row.id, 10).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    drop(client);
    db.drop_database().await;
}

/// The target's columns are still those of before the DDL when rows of after it are written.
#[tokio::test]
async fn rows_are_written_for_the_types_that_waiting_ddl_will_make() {
    for reopened in [false, true] {
        let db = TestDb::create(&format!("waiting_ddl_{reopened}")).await;
        let (row, batch) = db
            .source("create table shop.a (id bigint primary key, u int, v int)")
            .await;
        let writer = async |batch| {
            let mapping = Mapping::new("shop", MappingRules::default());
            let client = db.client().await;
            RelayWriter::new(client, row.clone(), mapping, batch)
                .await
                .unwrap()
        };
        let mut relay = writer(batch).await;
        let ddl = ["alter table shop.a alter column v type text using v::text".to_owned()];
        relay.write_ddl("a", &ddl).await.unwrap();
        let next = relay.close(&at(100), None).await.unwrap();
        relay.commit().await.unwrap();
        if reopened {
            relay = writer(next).await;
        }
        let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
        change(&mut buffer, &a, None, Some((1, None, Some("no number"))));
        let failed = relay.write(&buffer, &EXACT).await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        relay.close(&at(200), None).await.unwrap();
        relay.commit().await.unwrap();
        let rules = MappingRules::default();
        let mut replayer = Replayer::new(db.client().await, row.clone(), rules)
            .await
            .unwrap();
        for batch in batches::unreplayed(&db.client().await, row.id, 10)
            .await
            .unwrap()
        {
            let done = replayer.apply_log(&batch, &EXACT).await.unwrap();
            assert!(
                done.applied.failures.is_empty(),
                "{:?}",
                done.applied.failures
            );
            replayer.commit(batch.id, &done).await.unwrap();
        }
        assert_eq!(db.rows("select v from shop.a").await, "no number\n");
        drop((relay, replayer));
        db.drop_database().await;
    }
}

#[tokio::test]
async fn what_is_not_committed_is_not_there() {
    let (db, buffer, row) = relayed("uncommitted").await;
    let open = batches::open_batch(&db.client().await, row.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(open.position, at(100));
    let mapping = Mapping::new("shop", MappingRules::default());
    let mut writer = RelayWriter::new(db.client().await, row.clone(), mapping, open.id)
        .await
        .unwrap();
    writer.write(&buffer, &EXACT).await.unwrap();
    writer.close(&at(200), None).await.unwrap();
    drop(writer);
    let open = batches::open_batch(&db.client().await, row.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(open.position, at(100));
    let logged = db
        .rows("select count(*) from sch_chameleon.t_log_replica")
        .await;
    assert_eq!(logged, "6\n");
    db.drop_database().await;
}

#[tokio::test]
async fn a_drained_log_table_is_truncated_and_an_undrained_one_is_not() {
    let (db, _, row) = relayed("rotate").await;
    let client = db.client().await;
    let filler = format!(
        "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, \
         jsb_event_data) select i_id_batch, 'a', 'shop', 'insert', jsonb_build_object('v', \
         repeat(md5(n::text), 20)) from sch_chameleon.t_replica_batch, generate_series(1, 500) n \
         where b_processed",
        row.log_tables[0]
    );
    client.batch_execute(&filler).await.unwrap();
    let swap = format!(
        "update sch_chameleon.t_sources set v_log_table = array['{}', '{}']",
        row.log_tables[1], row.log_tables[0]
    );
    client.batch_execute(&swap).await.unwrap();
    assert_eq!(Rotation::new(row.id).run(&client).await.unwrap(), 0);
    let replayed = "update sch_chameleon.t_replica_batch set b_replayed = true where b_processed";
    client.batch_execute(replayed).await.unwrap();
    assert_eq!(Rotation::new(row.id).run(&client).await.unwrap(), 1);
    assert_eq!(
        db.rows("select count(*) from sch_chameleon.t_log_replica")
            .await,
        "0\n"
    );
    drop(client);
    db.drop_database().await;
}

#[tokio::test]
async fn direct_moves_the_position_with_the_rows() {
    let db = TestDb::create("direct").await;
    let (row, batch) = db
        .source("create table shop.a (id bigint primary key, u int, v text)")
        .await;
    let rules = MappingRules::default();
    let mut writer = DirectWriter::new(db.client().await, row.clone(), rules, batch)
        .await
        .unwrap();
    let (a, mut buffer) = (table("a", true), ChangeBuffer::default());
    change(&mut buffer, &a, None, Some((1, None, None)));
    writer.write(&buffer, &[], &EXACT).await.unwrap();
    writer.advance(&at(50), None).await.unwrap();
    assert_eq!(db.rows("select count(*) from shop.a").await, "0\n");
    writer.commit().await.unwrap();
    assert_eq!(db.rows("select count(*) from shop.a").await, "1\n");
    let open = batches::open_batch(&db.client().await, row.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((open.id, open.position), (batch, at(50)));
    drop(writer);
    db.drop_database().await;
}
