//! Both ways back.

use chameleon_backup::rollback::{Request, Way, drop_replaced, replaced, rollback};
use chameleon_backup::table_sums;
use chameleon_catalog::{CatalogState, version};

use crate::support::{ORPHANS, after_upgrade, in_database, run};

/// Events of the log tables in the order in which 1.2 replays them.
const EVENTS: &str = "select format('%s %s %s %s %s %s', i_id_event, tableoid::regclass, \
     enm_binlog_event, jsb_event_data, jsb_event_update, t_query) \
     from sch_chameleon.t_log_replica order by i_id_batch, ts_event_datetime";

/// The host replayed the first waiting batch and half of the second; then it read a batch of its
/// own and left it waiting.
const THE_HOST_MOVED_ON: &str = r#"
create schema dest1;
create table dest1.t (id int primary key, v text, doc json, docs jsonb, raw bytea);
update sch_chameleon.t_replica_batch set b_replayed = true where i_id_batch = 2;
insert into sch_chameleon.t_replay_cursor
select 3, i_id_event from sch_chameleon.t_log_replica where i_id_batch = 3
 order by 2 offset 4 limit 1;
update sch_chameleon.t_replica_batch set b_started = true, b_processed = true
 where i_id_batch = 4;
insert into sch_chameleon.t_batch_detail (i_id_batch, b_own_rows) values (4, true);
insert into sch_chameleon.t_replica_batch
       (i_id_source, t_binlog_name, i_binlog_position, ts_created)
values (1, 'binlog.000002', 4000, '2020-01-01 00:00:06');
insert into sch_chameleon.t_log_replica_2_src_1
       (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, ts_event_datetime,
        jsb_event_data, jsb_event_update, t_query)
values (4, 't', 'dest1', 'insert', '2021-01-01 00:00:01',
        '{"id": 90, "v": "{\"a\": 1}", "doc": "{\"b\": [null]}", "docs": "null", "raw": "\\x00ff"}',
        null, null),
       (4, 't', 'dest1', 'ddl', '2021-01-01 00:00:02', null, null,
        E'alter table dest1.t add w int;\nalter table dest1.t add x int'),
       (4, 't', 'dest1', 'update', '2021-01-01 00:00:03',
        '{"id": 91, "doc": "[1]", "docs": null}', '{"id": 90, "docs": "{\"c\": 2}"}', null),
       (4, 't', 'dest1', 'delete', '2021-01-01 00:00:04', '{"id": 91}', null, null);
"#;

#[tokio::test]
async fn where_no_source_has_moved_the_backup_comes_back_verbatim() {
    after_upgrade(|place, backup| async move {
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(done.way, Way::Verbatim);
        assert_eq!(table_sums(&place.c).await.unwrap(), backup.manifest.tables);
        assert_eq!(version(&place.c).await.unwrap(), CatalogState::V12);
        assert!(done.sources.iter().all(|source| !source.moved));

        let all = replaced(&place.c).await.unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].schema, done.replaced);
        assert!(
            all[0]
                .comment
                .starts_with("catalog of version 1.3, replaced")
        );
        let kept = format!("select count(*) from {}.t_sources", done.replaced);
        assert_eq!(place.value::<i64>(&kept).await, 2);
        drop_replaced(&place.c, &done.replaced).await.unwrap();
        assert_eq!(replaced(&place.c).await.unwrap(), []);
        let again = drop_replaced(&place.c, "sch_chameleon").await.unwrap_err();
        assert_eq!(
            again.to_string(),
            "find the replaced catalog: sch_chameleon"
        );
    })
    .await;
}

#[tokio::test]
async fn where_a_source_has_moved_the_living_catalog_takes_the_shape_of_1_2() {
    after_upgrade(|place, backup| async move {
        run(&place.c, THE_HOST_MOVED_ON).await;
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(
            (done.way, done.findings.as_slice()),
            (Way::Downgrade, [].as_slice())
        );
        assert_eq!(version(&place.c).await.unwrap(), CatalogState::V12);
        let sources: Vec<_> = done
            .sources
            .iter()
            .map(|s| {
                (
                    s.source.as_str(),
                    s.moved,
                    s.position.unwrap(),
                    s.waiting_rows,
                )
            })
            .collect();
        assert_eq!(sources, [("src1", true, 4000, 9), ("src2", false, 250, 0)]);
        let batches = place
            .lines(
                "select format('%s %s %s %s %s %s', i_id_batch, t_binlog_name, i_binlog_position, \
                    b_processed, b_replayed, v_log_table) \
               from sch_chameleon.t_replica_batch where i_id_source = 1 order by ts_created",
            )
            .await;
        assert_eq!(
            batches,
            [
                "1 binlog.000001 100 t t t_log_replica_1",
                "2 binlog.000001 200 t t t_log_replica_2",
                "3 binlog.000001 300 t f t_log_replica_1",
                "4 binlog.000001 400 t f t_log_replica_2",
                "6 binlog.000002 4000 f f t_log_replica_1",
            ]
        );
        let events = place.lines(EVENTS).await;
        let expected = [
            "46 sch_chameleon.t_log_replica_1 insert {\"id\": 46} {} ",
            "47 sch_chameleon.t_log_replica_1 insert {\"id\": 47} {} ",
            "48 sch_chameleon.t_log_replica_1 insert {\"id\": 48} {} ",
            "49 sch_chameleon.t_log_replica_1 insert {\"id\": 49} {} ",
            "50 sch_chameleon.t_log_replica_1 insert {\"id\": 50} {} ",
            "51 sch_chameleon.t_log_replica_2 insert {\"v\": \"{\\\"a\\\": 1}\", \"id\": 90, \
             \"doc\": {\"b\": [null]}, \"raw\": \"\\\\x00ff\", \"docs\": \"null\"} {} ",
            "52 sch_chameleon.t_log_replica_2 ddl   \
             alter table dest1.t add w int;\nalter table dest1.t add x int",
            "53 sch_chameleon.t_log_replica_2 update {\"id\": 91, \"doc\": [1], \"docs\": null} \
             {\"id\": 90, \"docs\": {\"c\": 2}} ",
            "54 sch_chameleon.t_log_replica_2 delete {\"id\": 91} {} ",
        ];
        assert_eq!(events, expected);
    })
    .await;
}

#[tokio::test]
async fn a_downgraded_catalog_has_the_shape_of_the_one_that_was_backed_up() {
    after_upgrade(|place, backup| async move {
        // the shape as 1.2 had it, on a server of the same version
        let verbatim = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        let expected = place.listing().await;
        run(&place.c, "drop schema sch_chameleon cascade").await;
        let back = format!("alter schema {} rename to sch_chameleon", verbatim.replaced);
        run(&place.c, &back).await;
        run(&place.c, THE_HOST_MOVED_ON).await;
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(done.way, Way::Downgrade);
        assert_eq!(place.listing().await, expected);
        // ids go on where they stood: nothing is given out twice
        let next = "select format('%s %s', nextval('sch_chameleon.t_log_replica_i_id_event_seq'), \
             nextval('sch_chameleon.t_replica_batch_i_id_batch_seq'))";
        assert_eq!(place.value::<String>(next).await, "55 7");
    })
    .await;
}

#[tokio::test]
async fn a_batch_that_1_x_left_between_rows_and_mark_is_replayed_by_1_2() {
    after_upgrade(|place, backup| async move {
        let killed = "insert into sch_chameleon.t_replica_batch \
             (i_id_source, t_binlog_name, i_binlog_position, b_started, ts_created) \
             values (2, 'binlog.000001', 500, true, '2020-01-01 00:00:07'); \
             insert into sch_chameleon.t_log_replica_1_src_2 \
             (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data) \
             values (5, 'odd name', 'Dest \"2\"', 'delete', '{\"a\": 1, \"b\": 2}'), \
             (6, 'odd name', 'Dest \"2\"', 'delete', '{\"a\": 1, \"b\": 3}')";
        run(&place.c, killed).await;
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(done.way, Way::Downgrade);
        let state = place
            .lines(
                "select format('%s %s %s', i_id_batch, b_processed, (select count(*) \
                      from sch_chameleon.t_log_replica l where l.i_id_batch = b.i_id_batch)) \
               from sch_chameleon.t_replica_batch b where i_id_source = 2 order by 1",
            )
            .await;
        // of the open batch nothing: it is read again
        assert_eq!(state, ["5 t 1", "6 f 0"]);
    })
    .await;
}

#[tokio::test]
async fn views_of_somebody_elses_are_named_and_never_dropped() {
    after_upgrade(|place, backup| async move {
        run(
            &place.c,
            "create view mine as select * from sch_chameleon.t_sources",
        )
        .await;
        let done = rollback(&place.options, &backup, Request::default())
            .await
            .unwrap();
        assert_eq!(done.findings.len(), 1);
        assert_eq!(done.findings[0].object, "public.mine");
        let error = drop_replaced(&place.c, &done.replaced).await.unwrap_err();
        assert!(
            error.to_string().ends_with("public.mine depends on it"),
            "{error}"
        );
        assert_eq!(place.value::<i64>("select count(*) from mine").await, 2);
    })
    .await;
}

#[tokio::test]
async fn rows_that_break_a_foreign_key_come_back_with_the_backup() {
    in_database(|place| async move {
        place.old_catalog().await;
        run(&place.c, ORPHANS).await;
        let backup = place.backup().await;
        place.new_catalog().await;
        let request = Request::default();
        let done = rollback(&place.options, &backup, request).await.unwrap();
        assert_eq!(done.way, Way::Verbatim);
        assert_eq!(table_sums(&place.c).await.unwrap(), backup.manifest.tables);
        let said = done
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.object.as_str()));
        assert_eq!(
            said.collect::<Vec<_>>(),
            [("BAK023", "sch_chameleon.t_log_replica_1")]
        );
        let keys = "select string_agg(conname, ' ' order by conname) from pg_constraint \
             where connamespace = 'sch_chameleon'::regnamespace and contype = 'f' \
               and convalidated = ";
        assert_eq!(
            place.value::<String>(&format!("{keys}false")).await,
            "fk_replica_batch_1"
        );
        assert_eq!(
            place.value::<String>(&format!("{keys}true")).await,
            "fk_replica_batch fk_replica_batch_2 fk_t_replica_batch_i_id_source \
             fk_t_replica_tables_i_id_source"
        );
    })
    .await;
}
