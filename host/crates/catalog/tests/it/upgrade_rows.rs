//! What the original upgrade loses, drops or leaves behind of the relay's rows, each as a test of what
//! ours does instead.

use chameleon_catalog::upgrade::{self, Options};
use chameleon_diag::Diagnostic;

use crate::support::{in_database, lines, run, value};
use crate::upgrade_catalogs::{
    add_batch, add_rows, catalog, empty_catalog, fingerprint, rows_only, upgrade_wholly,
    upgrade_with,
};

/// Events of batches in the order in which they are replayed, by the notes of their rows.
async fn order_of(c: &chameleon_postgres::Client, batch: i64) -> Vec<String> {
    let sql = format!(
        "select jsb_event_data ->> 'note' from sch_chameleon.t_log_replica \
          where i_id_batch = {batch} order by i_id_event"
    );
    lines(c, &sql).await
}

#[tokio::test]
async fn rows_with_one_event_id_are_all_kept_and_every_batch_keeps_its_order() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        for sources in [1, 2] {
            empty_catalog(&c, sources).await;
            add_batch(&c, 1, 1, 1, 20).await;
            // the sequence is set back: five ids of batch 1 are given out again, to the last rows of
            // batch 2, and the rest of that batch's rows has ids of its own
            run(
                &c,
                "select setval('sch_chameleon.t_log_replica_i_id_event_seq', 15)",
            )
            .await;
            add_batch(&c, 2, sources, 2, 5).await;
            run(
                &c,
                "select setval('sch_chameleon.t_log_replica_i_id_event_seq', 20)",
            )
            .await;
            run(
                &c,
                "insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, \
                        v_schema_name, enm_binlog_event, jsb_event_data) \
                 select 2, 'orders', 'd', 'insert', jsonb_build_object('note', 'later ' || n) \
                   from generate_series(1, 10) n",
            )
            .await;
            add_batch(&c, 3, sources, 1, 4).await;
            let orders = [
                order_of(&c, 1).await,
                order_of(&c, 2).await,
                order_of(&c, 3).await,
            ];
            let plan = upgrade::plan(&c, "").await.unwrap();
            assert_eq!(plan.double_ids, 5);
            let found = plan
                .findings
                .findings
                .iter()
                .find(|f| f.code.as_str() == "UPG021");
            assert_eq!(found.unwrap().object, "batch 2");

            let outcome = upgrade_wholly(&mut c).await;
            assert_eq!((outcome.double_ids, outcome.renumbered_rows), (5, 15));
            assert_eq!(outcome.sources.iter().map(|s| s.rows).sum::<u64>(), 39);
            let after = [
                order_of(&c, 1).await,
                order_of(&c, 2).await,
                order_of(&c, 3).await,
            ];
            assert_eq!(after, orders);
            let sql =
                "select count(*) - count(distinct i_id_event) from sch_chameleon.t_log_replica";
            assert_eq!(value::<i64>(&c, sql).await, 0);
            let next: i64 = value(
                &c,
                "select nextval('sch_chameleon.t_log_replica_i_id_event_seq')",
            )
            .await;
            let highest: i64 = value(
                &c,
                "select max(i_id_event) from sch_chameleon.t_log_replica",
            )
            .await;
            assert!(next > highest, "{next} after {highest}");
            run(&c, "drop schema sch_chameleon cascade").await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_id_twice_in_one_batch_or_in_a_table_without_key_is_kept() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        empty_catalog(&c, 2).await;
        add_batch(&c, 1, 1, 1, 10).await;
        let copy = "insert into sch_chameleon.t_log_replica_2 \
                    select * from only sch_chameleon.t_log_replica_1 where i_id_event in (4, 5)";
        run(&c, copy).await;
        run(
            &c,
            "alter table sch_chameleon.t_log_replica_2 drop constraint pk_log_replica_2; \
             insert into sch_chameleon.t_log_replica_2 \
             select * from only sch_chameleon.t_log_replica_1 where i_id_event = 9",
        )
        .await;
        run(&c, copy).await;
        let outcome = upgrade_wholly(&mut c).await;
        assert_eq!(outcome.sources[0].rows, 15);
        let notes = order_of(&c, 1).await;
        let mut expect: Vec<String> = (1..=10).map(|n| format!("row {n}")).collect();
        expect.splice(
            3..5,
            ["row 4", "row 4", "row 4", "row 5", "row 5", "row 5"].map(str::to_owned),
        );
        expect.insert(expect.len() - 2, "row 9".into());
        assert_eq!(notes, expect);
    })
    .await;
}

#[tokio::test]
async fn rows_without_batch_go_to_quarantine_and_are_told() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        for sources in [1, 2] {
            catalog(&c, sources, 2).await;
            // as after a restore with triggers off: rows whose batch is gone, and a batch whose source is
            run(&c, "set session_replication_role = replica").await;
            add_rows(&c, "t_log_replica_1", 900, 1, 7).await;
            add_rows(&c, "t_log_replica_2", 901, 2, 5).await;
            add_rows(&c, "t_log_replica", 902, 2, 3).await;
            add_batch(&c, 950, 77, 1, 2).await;
            run(&c, "reset session_replication_role").await;
            let plan = upgrade::plan(&c, "").await.unwrap();
            assert_eq!(plan.orphan_rows, 17);
            let told = plan.findings.findings.iter().filter(|f| f.code.as_str() == "UPG020");
            assert_eq!(told.count(), 3);

            let outcome = upgrade_wholly(&mut c).await;
            assert_eq!(outcome.quarantined_rows, 17);
            let kept = lines(
                &c,
                "select concat_ws(' ', t_log_table, i_id_batch, count(*), min(jsb_event_data ->> 'note')) \
                   from sch_chameleon.t_quarantined_rows group by t_log_table, i_id_batch order by 1",
            )
            .await;
            assert_eq!(
                kept,
                [
                    "t_log_replica 902 3 row 1",
                    "t_log_replica_1 900 7 row 1",
                    "t_log_replica_1 950 2 row 1",
                    "t_log_replica_2 901 5 row 1"
                ]
            );
            let found = upgrade::verify(&c).await.unwrap();
            assert_eq!(found.quarantined_rows, 17);
            assert!(upgrade::render_verification(&found).contains("17 rows are in quarantine"));
            assert!(upgrade::render_outcome(&outcome).contains("17 rows belong to no batch"));
            run(&c, "drop schema sch_chameleon cascade").await;
        }
    })
    .await;
}

#[tokio::test]
async fn rows_in_the_parent_table_go_to_their_source() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        for sources in [1, 3] {
            catalog(&c, sources, 2).await;
            add_rows(&c, "t_log_replica", 1, 1, 4).await;
            add_rows(&c, "t_log_replica", i64::from(sources), sources, 2).await;
            let outcome = upgrade_wholly(&mut c).await;
            assert_eq!(outcome.parent_rows, 6);
            assert_eq!(rows_only(&c, "t_log_replica").await, 0);
            let extra = if sources == 1 { 6 } else { 4 };
            assert_eq!(outcome.sources[0].rows, 100 + extra);
            run(&c, "drop schema sch_chameleon cascade").await;
        }
    })
    .await;
}

#[tokio::test]
async fn rows_are_counted_before_anything_is_dropped() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        // a trigger on the table that is renamed swallows a row of the parent on its way in
        catalog(&c, 1, 2).await;
        add_rows(&c, "t_log_replica", 1, 1, 4).await;
        let before = fingerprint(&c).await;
        run(
            &c,
            "create function swallow() returns trigger language plpgsql as \
             $$begin if new.jsb_event_data ->> 'note' = 'row 3' then return null; end if; \
             return new; end$$; \
             create function trap() returns event_trigger language plpgsql as \
             $$begin if to_regclass('sch_chameleon.t_log_replica_1_src_1') is not null \
                    and not exists (select from pg_trigger where tgname = 'swallow') then \
               create trigger swallow before insert on sch_chameleon.t_log_replica_1_src_1 \
               for each row execute function public.swallow(); end if; end$$; \
             create event trigger trap on ddl_command_end when tag in ('ALTER TABLE') \
             execute function trap()",
        )
        .await;
        let error = upgrade_with(&mut c, Options::default()).await.unwrap_err();
        run(&c, "drop event trigger trap").await;
        assert_eq!(error.code().as_str(), "UPG004", "{error}");
        assert_eq!(fingerprint(&c).await, before);

        // one that changes the batch on the way: as many rows, and not those that were there
        run(
            &c,
            "drop schema sch_chameleon cascade; create or replace function swallow() \
                 returns trigger language plpgsql as $$begin \
                 if new.i_id_batch = 1 then new.i_id_batch := 3; end if; return new; end$$; \
                 create or replace function trap() returns event_trigger language plpgsql as \
                 $$begin if to_regclass('sch_chameleon.t_log_replica_1_src_1') is not null \
                        and not exists (select from pg_trigger where tgname = 'swallow') then \
                   create trigger swallow before insert on sch_chameleon.t_log_replica_1_src_1 \
                   for each row execute function public.swallow(); end if; end$$",
        )
        .await;
        catalog(&c, 2, 2).await;
        let before = fingerprint(&c).await;
        run(
            &c,
            "create event trigger trap on ddl_command_end when tag in ('CREATE TABLE') \
                 execute function trap()",
        )
        .await;
        let error = upgrade_with(&mut c, Options::default()).await.unwrap_err();
        run(&c, "drop event trigger trap").await;
        assert_eq!(error.code().as_str(), "UPG004", "{error}");
        assert!(error.to_string().contains("batch 1 of source 1"), "{error}");
        assert_eq!(fingerprint(&c).await, before);
    })
    .await;
}
