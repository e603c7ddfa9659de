//! Log tables: changing places, draining, and the lock that is not waited for.

use std::time::Duration;

use chameleon_catalog::batches::{Close, ReplayCounts, close, mark_replayed, retain, start_at};
use chameleon_catalog::relay_log::{clear_open, drained, log_tables, swap_log_tables};
use chameleon_catalog::{BatchId, SourceRow, add_source, source};
use chameleon_postgres::Client;

use crate::support::{at, run, value, with_source};

async fn fill(c: &Client, table: &str, batch: BatchId, rows: u32) {
    run(
        c,
        &format!(
            "insert into sch_chameleon.{table} (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event, jsb_event_data) select {batch}, 't', 'dest', 'insert', \
             jsonb_build_object('pad', repeat('x', 100)) from generate_series(1, {rows})"
        ),
    )
    .await;
}

async fn next(c: &Client, row: &SourceRow, batch: BatchId, offset: u64) -> BatchId {
    let close_it = Close {
        source: row.id,
        batch,
        next: &at(offset),
        rows: 0,
        last_event_micros: None,
    };
    close(c, &close_it).await.unwrap()
}

async fn truncate(c: &Client, row: &SourceRow) -> i32 {
    let sql = format!(
        "select sch_chameleon.fn_truncate_drained({}, 65536, false)",
        row.id
    );
    value(c, &sql).await
}

#[tokio::test]
async fn tables_change_places_only_where_the_other_one_is_drained_and_small() {
    with_source(|_, c, row| async move {
        let [first, second] = row.log_tables.clone();
        let a = start_at(&c, row.id, &at(1)).await.unwrap();
        fill(&c, &first, a, 10).await;
        let b = next(&c, &row, a, 2).await;
        let swapped = swap_log_tables(&c, &row).await.unwrap();
        assert_eq!(swapped, Some([second.clone(), first.clone()]));
        // what the caller knows is old now: nothing happens
        assert_eq!(swap_log_tables(&c, &row).await.unwrap(), None);
        let row = source(&c, "shop").await.unwrap();
        assert_eq!(row.log_tables, [second.clone(), first.clone()]);
        // the first table holds a batch that waits
        assert_eq!(swap_log_tables(&c, &row).await.unwrap(), None);
        mark_replayed(&c, a, &ReplayCounts::default())
            .await
            .unwrap();
        assert!(swap_log_tables(&c, &row).await.unwrap().is_some());
        // drained, but large: first truncated, then written again
        let row = source(&c, "shop").await.unwrap();
        fill(&c, &second, b, 2000).await;
        let d = next(&c, &row, b, 3).await;
        mark_replayed(&c, b, &ReplayCounts::default())
            .await
            .unwrap();
        assert_eq!(swap_log_tables(&c, &row).await.unwrap(), None);
        assert_eq!(truncate(&c, &row).await, 1);
        assert!(swap_log_tables(&c, &row).await.unwrap().is_some());
        assert!(d > b);
    })
    .await;
}

#[tokio::test]
async fn only_a_drained_table_that_is_not_written_is_truncated() {
    with_source(|_, c, row| async move {
        let [first, second] = row.log_tables.clone();
        let a = start_at(&c, row.id, &at(1)).await.unwrap();
        fill(&c, &first, a, 2000).await;
        fill(&c, &second, a, 2000).await;
        let b = next(&c, &row, a, 2).await;
        assert!(!drained(&c, row.id, &second).await.unwrap());
        assert_eq!(truncate(&c, &row).await, 0);
        mark_replayed(&c, a, &ReplayCounts::default())
            .await
            .unwrap();
        assert!(
            !drained(&c, row.id, &first).await.unwrap(),
            "it is being written"
        );
        assert!(drained(&c, row.id, &second).await.unwrap());
        // an older entry of a batch that waits, behind newer ones that do not
        run(
            &c,
            &format!(
                "insert into sch_chameleon.{second} (i_id_event, i_id_batch, v_table_name, \
                 v_schema_name, enm_binlog_event) values (-1, {b}, 't', 'dest', 'insert')"
            ),
        )
        .await;
        assert!(!drained(&c, row.id, &second).await.unwrap());
        assert_eq!(truncate(&c, &row).await, 0);
        assert_eq!(clear_open(&c, &row, b).await.unwrap(), 1);
        assert_eq!(truncate(&c, &row).await, 1);
        let sizes = log_tables(&c, row.id).await.unwrap();
        assert_eq!((&sizes[0].name, sizes[0].writing), (&first, true));
        assert!(sizes[0].bytes > 65536);
        assert_eq!((&sizes[1].name, sizes[1].bytes), (&second, 0));
    })
    .await;
}

#[tokio::test]
async fn a_table_whose_lock_is_not_to_be_had_is_left() {
    with_source(|database, c, row| async move {
        let second = row.log_tables[1].clone();
        let a = start_at(&c, row.id, &at(1)).await.unwrap();
        fill(&c, &second, a, 2000).await;
        next(&c, &row, a, 2).await;
        mark_replayed(&c, a, &ReplayCounts::default())
            .await
            .unwrap();
        let mut reader = database.connect().await;
        let t = reader.transaction().await.unwrap();
        t.batch_execute(&format!("select from sch_chameleon.{second} limit 1"))
            .await
            .unwrap();
        run(&c, "set lock_timeout = '7s'").await;
        assert_eq!(truncate(&c, &row).await, 0);
        t.rollback().await.unwrap();
        assert_eq!(truncate(&c, &row).await, 1);
        let timeout: String = value(&c, "select current_setting('lock_timeout')").await;
        assert_eq!(timeout, "7s");
    })
    .await;
}

#[tokio::test]
async fn removing_batches_does_not_read_the_log_of_a_stuck_source() {
    with_source(|_, mut c, row| async move {
        // no statistics yet, as after a burst
        let stuck = start_at(&c, row.id, &at(1)).await.unwrap();
        fill(&c, &row.log_tables[0], stuck, 20_000).await;
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        let mut batch = start_at(&c, other.id, &at(1)).await.unwrap();
        for offset in 2..30 {
            let following = next(&c, &other, batch, offset).await;
            let counts = ReplayCounts::default();
            mark_replayed(&c, batch, &counts).await.unwrap();
            batch = following;
        }
        assert_eq!(retain(&c, other.id, Duration::ZERO, 2).await.unwrap(), 2);
        let t = c.transaction().await.unwrap();
        let scans = async || {
            let sql = "select seq_scan, idx_scan from pg_stat_xact_user_tables where relname = $1";
            let row = t.query_one(sql, &[&row.log_tables[0]]).await.unwrap();
            (row.get::<_, i64>(0), row.get::<_, i64>(1))
        };
        let before = scans().await;
        assert_eq!(retain(&t, other.id, Duration::ZERO, 20).await.unwrap(), 20);
        assert_eq!(scans().await, (before.0, before.1 + 20));
    })
    .await;
}
