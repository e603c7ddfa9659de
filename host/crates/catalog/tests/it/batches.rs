//! Positions, the life of a batch, and what must never happen to them.

use std::time::Duration;

use chameleon_catalog::batches::{
    Advance, Backlog, Close, ReplayCounts, UnreplayedBatch, advance, backlog, close, mark_replayed,
    open_batch, replayed_position, retain, start_at, unreplayed,
};
use chameleon_catalog::{BatchId, CatalogError, SourceId, add_source, source};
use chameleon_diag::Diagnostic;
use chameleon_model::{BinlogPosition, SourcePosition};
use chameleon_postgres::Client;

use crate::support::{at, at_gtid, run, value, with_source};

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

async fn close_at(
    c: &Client,
    source: SourceId,
    batch: BatchId,
    next: &SourcePosition,
) -> Result<BatchId, CatalogError> {
    let close_it = Close {
        source,
        batch,
        next,
        rows: 3,
        last_event_micros: None,
    };
    close(c, &close_it).await
}

async fn advance_to(
    c: &Client,
    source: SourceId,
    batch: BatchId,
    position: &SourcePosition,
) -> Result<(), CatalogError> {
    let advance_it = Advance {
        source,
        batch,
        position,
        last_event_micros: None,
    };
    advance(c, &advance_it).await
}

#[tokio::test]
async fn a_batch_is_opened_closed_replayed_and_followed_by_the_next() {
    with_source(|_, c, row| async move {
        assert_eq!(open_batch(&c, row.id).await.unwrap(), None);
        let first = start_at(&c, row.id, &at_gtid(100, &format!("{UUID}:1-5")))
            .await
            .unwrap();
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!(open.id, first);
        assert_eq!(open.position, at_gtid(100, &format!("{UUID}:1-5")));
        assert!(!open.by_predecessor);
        assert_eq!(open.recovered, 0);

        let next = at_gtid(5_000_000_000, &format!("{UUID}:1-9"));
        let second = close(
            &c,
            &Close {
                source: row.id,
                batch: first,
                next: &next,
                rows: 42,
                last_event_micros: Some(1_700_000_000_123_456),
            },
        )
        .await
        .unwrap();
        assert!(second > first);
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.id, open.position), (second, next));
        let event: i64 = value(
            &c,
            "select round(extract(epoch from ts_last_event::timestamptz) * 1000000)::bigint \
             from sch_chameleon.t_sources",
        )
        .await;
        assert_eq!(event, 1_700_000_000_123_456);

        let waiting = unreplayed(&c, row.id, 10).await.unwrap();
        let expect = UnreplayedBatch {
            id: first,
            position: Some(BinlogPosition::new("binlog.000001", 100)),
            rows: Some(42),
            own_rows: true,
            replayed_through: None,
        };
        assert_eq!(waiting, [expect]);
        let waits = Backlog {
            batches: 1,
            rows: 42,
        };
        assert_eq!(backlog(&c, row.id).await.unwrap(), waits);
        let done = replayed_position(&c, row.id).await.unwrap().unwrap();
        assert_eq!(done, at_gtid(100, &format!("{UUID}:1-5")));

        let counts = ReplayCounts {
            replayed: 40,
            skipped: 1,
            ddl: 1,
        };
        mark_replayed(&c, first, &counts).await.unwrap();
        let error = mark_replayed(&c, first, &counts).await.unwrap_err();
        assert!(matches!(error, CatalogError::NotOpen { .. }), "{error:?}");
        assert!(unreplayed(&c, row.id, 10).await.unwrap().is_empty());
        assert_eq!(backlog(&c, row.id).await.unwrap(), Backlog::default());
        let done = replayed_position(&c, row.id).await.unwrap().unwrap();
        assert_eq!(done.binlog.offset, 5_000_000_000);
        let stored: String = value(
            &c,
            "select format('%s %s %s %s %s', b_started, b_processed, i_replayed, i_skipped, i_ddl) \
             from sch_chameleon.t_replica_batch where b_replayed",
        )
        .await;
        assert_eq!(stored, "t t 40 1 1");
    })
    .await;
}

#[tokio::test]
async fn no_batch_is_opened_at_an_unchanged_position() {
    with_source(|_, c, row| async move {
        let first = start_at(&c, row.id, &at(100)).await.unwrap();
        let error = close_at(&c, row.id, first, &at(100)).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT010");
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.id, open.position), (first, at(100)));
        assert!(unreplayed(&c, row.id, 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_batch_of_somebody_else_is_neither_closed_nor_moved() {
    with_source(|_, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        let first = start_at(&c, row.id, &at(100)).await.unwrap();
        for (source, batch) in [(other.id, first), (row.id, BatchId(first.0 + 77))] {
            let error = close_at(&c, source, batch, &at(200)).await.unwrap_err();
            assert_eq!(error.code().as_str(), "CAT009");
            let error = advance_to(&c, source, batch, &at(200)).await.unwrap_err();
            assert_eq!(error.code().as_str(), "CAT009");
        }
        close_at(&c, row.id, first, &at(200)).await.unwrap();
        // closed twice, as after a COMMIT whose answer was lost
        let error = close_at(&c, row.id, first, &at(300)).await.unwrap_err();
        assert!(matches!(error, CatalogError::NotOpen { .. }));
        let batches: i64 = value(&c, "select count(*) from sch_chameleon.t_replica_batch").await;
        assert_eq!(batches, 2);
    })
    .await;
}

#[tokio::test]
async fn an_earlier_batch_at_the_same_position_makes_room() {
    with_source(|_, c, row| async move {
        let first = start_at(&c, row.id, &at(100)).await.unwrap();
        let second = close_at(&c, row.id, first, &at(200)).await.unwrap();
        mark_replayed(&c, first, &ReplayCounts::default())
            .await
            .unwrap();
        // RESET MASTER: the positions come again, the first batch is replayed, the second waits
        let third = close_at(&c, row.id, second, &at(100)).await.unwrap();
        let ids: i64 = value(
            &c,
            "select count(*) from sch_chameleon.t_replica_batch where i_binlog_position = 100",
        )
        .await;
        assert_eq!(ids, 1);
        let fourth = close_at(&c, row.id, third, &at(200)).await.unwrap();
        let waiting = unreplayed(&c, row.id, 10).await.unwrap();
        let seen: Vec<_> = waiting
            .iter()
            .map(|b| (b.id, b.position.is_some()))
            .collect();
        assert_eq!(seen, [(second, false), (third, true)]);
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.id, open.position), (fourth, at(200)));
    })
    .await;
}

#[tokio::test]
async fn the_open_batch_is_moved_in_place() {
    with_source(|_, c, row| async move {
        let first = start_at(&c, row.id, &at(100)).await.unwrap();
        for offset in [200, 200, 5_000_000_000] {
            let place = at_gtid(offset, "0-1-7");
            advance_to(&c, row.id, first, &place).await.unwrap();
            let open = open_batch(&c, row.id).await.unwrap().unwrap();
            assert_eq!((open.id, open.position), (first, place));
        }
        // onto a position that a replayed batch and one that waits have
        let second = close_at(&c, row.id, first, &at(300)).await.unwrap();
        mark_replayed(&c, first, &ReplayCounts::default())
            .await
            .unwrap();
        let third = close_at(&c, row.id, second, &at(400)).await.unwrap();
        advance_to(&c, row.id, third, &at(5_000_000_000))
            .await
            .unwrap();
        advance_to(&c, row.id, third, &at(300)).await.unwrap();
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.id, open.position), (third, at(300)));
        let batches: i64 = value(&c, "select count(*) from sch_chameleon.t_replica_batch").await;
        assert_eq!(batches, 2);
    })
    .await;
}

#[tokio::test]
async fn empty_gtid_sets_keep_their_kind() {
    with_source(|_, c, row| async move {
        for set in [
            chameleon_model::GtidSet::MySql(Default::default()),
            chameleon_model::GtidSet::MariaDb(Default::default()),
        ] {
            let place = SourcePosition {
                gtids: Some(set),
                ..at(9)
            };
            start_at(&c, row.id, &place).await.unwrap();
            let open = open_batch(&c, row.id).await.unwrap().unwrap();
            assert_eq!(open.position, place);
        }
    })
    .await;
}

#[tokio::test]
async fn creation_times_increase_whatever_the_clock_does() {
    with_source(|_, c, row| async move {
        let mut batch = start_at(&c, row.id, &at(1)).await.unwrap();
        // as after a step of the clock, or the end of summer time
        run(
            &c,
            "update sch_chameleon.t_replica_batch set ts_created = ts_created + interval '1 hour'",
        )
        .await;
        for offset in 2..40 {
            batch = close_at(&c, row.id, batch, &at(offset)).await.unwrap();
        }
        let ordered: bool = value(
            &c,
            "select bool_and(ts_created > before) from (select ts_created, \
             lag(ts_created) over (order by i_id_batch) as before \
             from sch_chameleon.t_replica_batch) b where before is not null",
        )
        .await;
        assert!(ordered);
        let waiting = unreplayed(&c, row.id, 100).await.unwrap();
        assert!(waiting.is_sorted_by_key(|b| b.id));
        assert_eq!(waiting.len(), 38);
        assert_eq!(unreplayed(&c, row.id, 5).await.unwrap(), waiting[..5]);
    })
    .await;
}

#[tokio::test]
async fn a_position_of_1_x_is_told_from_ours() {
    with_source(|_, c, row| async move {
        let first = start_at(&c, row.id, &at_gtid(100, "0-1-7")).await.unwrap();
        // what save_master_status and set_batch_processed of 1.3 do
        run(
            &c,
            &format!(
                "insert into sch_chameleon.t_replica_batch \
                        (i_id_source, t_binlog_name, i_binlog_position) \
                 values ({}, 'binlog.000001', 777); \
                 update sch_chameleon.t_replica_batch set b_started = true, b_processed = true, \
                        ts_processed = now() where i_id_batch = {first}",
                row.id
            ),
        )
        .await;
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert!(open.by_predecessor);
        assert_eq!(open.position, at(777));
        let waiting = unreplayed(&c, row.id, 10).await.unwrap();
        assert_eq!((waiting[0].own_rows, waiting[0].rows), (false, None));
        // once we have closed it, the next is ours
        close_at(&c, row.id, open.id, &at(800)).await.unwrap();
        let next = open_batch(&c, row.id).await.unwrap().unwrap();
        assert!(!next.by_predecessor);
        assert!(unreplayed(&c, row.id, 10).await.unwrap()[1].own_rows);
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_1_x_left_unmarked_is_replayed_and_not_lost() {
    with_source(|_, c, row| async move {
        // killed between save_master_status and set_batch_processed
        run(
            &c,
            &format!(
                "insert into sch_chameleon.t_replica_batch \
                        (i_id_source, t_binlog_name, i_binlog_position, b_started) \
                 values ({0}, 'binlog.000001', 4, true); \
                 insert into sch_chameleon.t_replica_batch \
                        (i_id_source, t_binlog_name, i_binlog_position) \
                 values ({0}, 'binlog.000001', 900)",
                row.id
            ),
        )
        .await;
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.recovered, open.position), (1, at(900)));
        assert_eq!(unreplayed(&c, row.id, 10).await.unwrap().len(), 1);
        let again = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((again.recovered, again.id), (0, open.id));
    })
    .await;
}

#[tokio::test]
async fn a_new_start_gives_up_what_waited_and_nothing_of_another_source() {
    with_source(|_, c, row| async move {
        add_source(&c, "other", "other").await.unwrap();
        let other = source(&c, "other").await.unwrap();
        let theirs = start_at(&c, other.id, &at(100)).await.unwrap();
        let mut batch = start_at(&c, row.id, &at(100)).await.unwrap();
        for offset in [200, 300] {
            run(
                &c,
                &format!(
                    "insert into sch_chameleon.{} (i_id_batch, v_table_name, v_schema_name, \
                     enm_binlog_event) values ({batch}, 't', 'dest', 'insert')",
                    row.log_tables[0]
                ),
            )
            .await;
            batch = close_at(&c, row.id, batch, &at(offset)).await.unwrap();
        }
        let new = start_at(&c, row.id, &at(200)).await.unwrap();
        let open = open_batch(&c, row.id).await.unwrap().unwrap();
        assert_eq!((open.id, open.position), (new, at(200)));
        assert!(unreplayed(&c, row.id, 10).await.unwrap().is_empty());
        let entries: i64 = value(&c, "select count(*) from sch_chameleon.t_log_replica").await;
        assert_eq!(entries, 0);
        assert_eq!(open_batch(&c, other.id).await.unwrap().unwrap().id, theirs);
    })
    .await;
}

#[tokio::test]
async fn retention_is_bounded_and_keeps_the_newest_replayed_batch() {
    with_source(|_, c, row| async move {
        let mut batch = start_at(&c, row.id, &at(1)).await.unwrap();
        for offset in 2..=20 {
            let next = close_at(&c, row.id, batch, &at(offset)).await.unwrap();
            if offset <= 18 {
                mark_replayed(&c, batch, &ReplayCounts::default())
                    .await
                    .unwrap();
            }
            batch = next;
        }
        let keep = Duration::from_secs(60);
        assert_eq!(retain(&c, row.id, keep, 5).await.unwrap(), 0);
        run(
            &c,
            "update sch_chameleon.t_replica_batch set ts_replayed = ts_replayed - interval '61 s' \
             where b_replayed",
        )
        .await;
        assert_eq!(retain(&c, row.id, keep, 5).await.unwrap(), 5);
        assert_eq!(retain(&c, row.id, keep, 500).await.unwrap(), 11);
        assert_eq!(retain(&c, row.id, keep, 500).await.unwrap(), 0);
        let left: String = value(
            &c,
            "select string_agg(i_binlog_position::text, ' ' order by ts_created) \
             from sch_chameleon.t_replica_batch",
        )
        .await;
        assert_eq!(left, "17 18 19 20");
        let details: i64 = value(&c, "select count(*) from sch_chameleon.t_batch_detail").await;
        assert_eq!(details, 4);
    })
    .await;
}

#[tokio::test]
async fn nothing_is_durable_before_the_caller_commits() {
    with_source(|_, mut c, row| async move {
        let first = start_at(&c, row.id, &at(1)).await.unwrap();
        let t = c.transaction().await.unwrap();
        let close_it = Close {
            source: row.id,
            batch: first,
            next: &at(2),
            rows: 0,
            last_event_micros: None,
        };
        close(&t, &close_it).await.unwrap();
        t.rollback().await.unwrap();
        assert_eq!(open_batch(&c, row.id).await.unwrap().unwrap().id, first);
    })
    .await;
}
