//! What the original upgrade does wrong, each as a test of what ours does instead.

use chameleon_catalog::sessions::UPGRADE_LOCK;
use chameleon_catalog::upgrade::{self, Done, Event, Options};
use chameleon_catalog::{CatalogState, SourceId, batches, sessions, version};
use chameleon_diag::Diagnostic;

use crate::support::{in_database, lines, run, value};
use crate::upgrade_catalogs::{
    add_batch, add_rows, catalog, contents, empty_catalog, fingerprint, must_be_whole, rows_only,
    upgrade, upgrade_wholly, upgrade_with,
};

const V13_ORIGINAL: &str = include_str!("../../../../../testdata/catalogs/1.3.original.sql");
const LABEL_1_2: &str =
    "create or replace view sch_chameleon.v_version as select '1.2'::text as t_version";

#[tokio::test]
async fn only_looking_never_upgrades() {
    in_database(|database| async move {
        let c = database.connect().await;
        catalog(&c, 2, 2).await;
        let before = fingerprint(&c).await;
        upgrade::plan(&c, "").await.unwrap();
        let refused = upgrade::verify(&c).await.unwrap_err();
        assert_eq!(refused.code().as_str(), "CAT003");
        assert_eq!(upgrade::upgrading(&c).await.unwrap(), None);
        assert_eq!(fingerprint(&c).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_catalog_of_1_3_that_is_labelled_1_2_is_recognised_and_finished() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        run(&c, V13_ORIGINAL).await;
        run(
            &c,
            "insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source, \
                 t_binlog_name, i_binlog_position, b_started, b_processed) \
                 values (1, 1, 'binlog.000001', 7, true, true)",
        )
        .await;
        add_rows(&c, "t_log_replica_1_src_1", 1, 1, 20).await;
        run(
            &c,
            &format!(
                "drop table sch_chameleon.t_log_replica_1; \
                          drop table sch_chameleon.t_log_replica_2; {LABEL_1_2}"
            ),
        )
        .await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::Halfway);
        let plan = upgrade::plan(&c, "").await.unwrap();
        assert!(
            plan.findings
                .findings
                .iter()
                .any(|f| f.code.as_str() == "UPG026")
        );
        let outcome = upgrade_wholly(&mut c).await;
        assert_eq!(outcome.from, "half-way between 1.2 and 1.3");
        assert_eq!(rows_only(&c, "t_log_replica_1_src_1").await, 20);
    })
    .await;
}

/// What the original does, one statement after the other, as a session without transaction leaves it
/// when it ends in between. Rows are moved by its last but one.
const ORIGINAL_STATEMENTS: [&str; 6] = [
    "alter table sch_chameleon.t_sources add v_log_table character varying[]",
    "update sch_chameleon.t_sources set v_log_table = array['t_log_replica_1_src_' || i_id_source, \
            't_log_replica_2_src_' || i_id_source]",
    "create function sch_chameleon.fn_refresh_parts() returns void language sql as 'select'",
    "create table sch_chameleon.t_log_replica_1_src_1 (constraint pk_t_log_replica_1_src_1 \
            primary key (i_id_event), constraint fk_t_log_replica_1_src_1 foreign key (i_id_batch) \
            references sch_chameleon.t_replica_batch (i_id_batch) on update restrict \
            on delete cascade) inherits (sch_chameleon.t_log_replica)",
    "insert into sch_chameleon.t_log_replica_1_src_1 select l.* \
       from only sch_chameleon.t_log_replica_1 l join sch_chameleon.t_replica_batch using (i_id_batch) \
      where i_id_source = 1; \
     delete from only sch_chameleon.t_log_replica_1 where i_id_batch in \
            (select i_id_batch from sch_chameleon.t_replica_batch where i_id_source = 1)",
    "alter table sch_chameleon.t_replica_batch drop column v_log_table",
];

#[tokio::test]
async fn an_upgrade_that_was_broken_off_anywhere_is_finished() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        for end in 0..=ORIGINAL_STATEMENTS.len() {
            catalog(&c, 2, 4).await;
            for sql in &ORIGINAL_STATEMENTS[..end] {
                run(&c, sql).await;
            }
            let outcome = upgrade_wholly(&mut c).await;
            let rows: Vec<u64> = outcome.sources.iter().map(|s| s.rows).collect();
            assert_eq!(rows, [200, 200], "after {end} statements");
            run(&c, "drop schema sch_chameleon cascade").await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_catalog_of_1_3_whose_shared_log_tables_hold_rows_is_upgraded() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        run(&c, V13_ORIGINAL).await;
        run(
            &c,
            "insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source) values (7, 1)",
        )
        .await;
        add_rows(&c, "t_log_replica_2", 7, 1, 5).await;
        add_rows(&c, "t_log_replica_1_src_1", 7, 1, 5).await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::V13Original);
        upgrade_wholly(&mut c).await;
        assert_eq!(rows_only(&c, "t_log_replica_1_src_1").await, 10);
    })
    .await;
}

#[tokio::test]
async fn of_three_that_start_at_once_one_upgrades_and_the_others_go_on() {
    in_database(|database| async move {
        let c = database.connect().await;
        catalog(&c, 3, 8).await;
        let before = contents(&c).await;
        let mut tasks = Vec::new();
        for number in 0..3 {
            let mut own = database.connect_as(&format!("host {number}")).await;
            tasks.push(tokio::spawn(async move { upgrade(&mut own).await.done }));
        }
        let mut done = Vec::new();
        for task in tasks {
            done.push(task.await.unwrap());
        }
        let upgraded = done.iter().filter(|d| **d == Done::Upgraded).count();
        assert_eq!(upgraded, 1, "{done:?}");
        assert!(done.iter().all(|d| *d != Done::TakenBack), "{done:?}");
        must_be_whole(&c).await;
        assert_eq!(contents(&c).await, before);
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_sees_who_upgrades_and_how_far_it_is() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        let first = database.connect_as("chameleon upgrade: 5/9 rows").await;
        run(
            &first,
            &format!("begin; select pg_advisory_xact_lock({UPGRADE_LOCK}, 0)"),
        )
        .await;
        let mut heard = None;
        let mut observe = |event: Event| {
            if let Event::Waiting { session } = event {
                heard.get_or_insert(session);
            }
        };
        let waiting = upgrade::apply(&mut c, Options::default(), &mut observe);
        let ends = async {
            let waits = "select exists (select from pg_locks where locktype = 'advisory' \
                         and not granted)";
            let watcher = database.connect().await;
            while !value::<bool>(&watcher, waits).await {
                tokio::task::yield_now().await;
            }
            run(&first, "rollback").await;
        };
        let (outcome, ()) = tokio::join!(waiting, ends);
        assert_eq!(outcome.unwrap().done, Done::Upgraded);
        assert!(heard.unwrap().contains("5/9 rows"));
    })
    .await;
}

#[tokio::test]
async fn a_connected_replica_is_not_upgraded_under_whatever_is_forced() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        let before = fingerprint(&c).await;
        let force = Options {
            force: true,
            ..Options::default()
        };

        let running = database
            .connect_as("[PGCH] - source: src2, action: replay")
            .await;
        let error = upgrade_with(&mut c, force).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT013");
        drop(running);

        // 1.2 has no application name: it is known by what it does
        let nameless = database.connect_as("").await;
        run(&nameless, "select t_source from sch_chameleon.t_sources").await;
        let name: String = value(&nameless, "select current_setting('application_name')").await;
        assert_eq!(name, "");
        run(&nameless, "select t_source from sch_chameleon.t_sources").await;
        let error = upgrade_with(&mut c, force).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT013", "{error}");
        drop(nameless);

        let host = database.connect_as("chameleon src1").await;
        assert!(sessions::lock_replica(&host, SourceId(1)).await.unwrap());
        let error = upgrade_with(&mut c, force).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT012");
        assert!(error.to_string().contains("chameleon src1"), "{error}");
        drop(host);
        let gone = "select count(*) = 0 from pg_stat_activity where datname = current_database() \
                    and pid <> pg_backend_pid() and backend_type = 'client backend'";
        while !value::<bool>(&c, gone).await {
            tokio::task::yield_now().await;
        }
        assert_eq!(fingerprint(&c).await, before);
        upgrade_wholly(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn a_1_2_that_comes_while_an_upgrade_waits_for_its_turn_is_seen() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 1, 2).await;
        let before = fingerprint(&c).await;
        let first = database.connect_as("another upgrade").await;
        let turn = format!("select pg_advisory_lock({UPGRADE_LOCK}, 0)");
        run(&first, &turn).await;
        let (waits, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let upgrade = tokio::spawn(async move {
            let mut observe = move |event| {
                let _ = waits.send(event);
            };
            let force = Options {
                force: true,
                ..Options::default()
            };
            upgrade::apply(&mut c, force, &mut observe).await
        });
        let event = heard.recv().await.unwrap();
        assert!(matches!(event, Event::Waiting { .. }), "{event:?}");
        let nameless = database.connect_as("").await;
        run(&nameless, "select t_source from sch_chameleon.t_sources").await;
        drop(first);
        let error = upgrade.await.unwrap().unwrap_err();
        assert_eq!(error.code().as_str(), "CAT013", "{error}");
        assert_eq!(fingerprint(&nameless).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_status_word_without_session_is_a_finding_that_force_accepts() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        run(
            &c,
            "update sch_chameleon.t_sources set enm_status = 'running' where i_id_source = 2",
        )
        .await;
        let error = upgrade_with(&mut c, Options::default()).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT030");
        assert!(error.to_string().contains("src2") && error.hint().unwrap().contains("--force"));
        let force = Options {
            force: true,
            ..Options::default()
        };
        assert_eq!(
            upgrade_with(&mut c, force).await.unwrap().done,
            Done::Upgraded
        );
        must_be_whole(&c).await;
    })
    .await;
}

#[tokio::test]
async fn an_upgraded_catalog_has_no_shared_log_tables() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        upgrade(&mut c).await;
        let sql = "select c.relname::text from pg_class c \
                   where c.relnamespace = 'sch_chameleon'::regnamespace and c.relkind = 'r' \
                     and c.relname like 't_log_replica%' order by 1";
        assert_eq!(
            lines(&c, sql).await,
            [
                "t_log_replica",
                "t_log_replica_1_src_1",
                "t_log_replica_1_src_2",
                "t_log_replica_2_src_1",
                "t_log_replica_2_src_2"
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_position_beyond_2_gib_fits_after_the_upgrade() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 1, 2).await;
        run(
            &c,
            "update sch_chameleon.t_replica_batch set i_binlog_position = 2147483647 \
                 where i_id_batch = 1",
        )
        .await;
        upgrade(&mut c).await;
        run(
            &c,
            "update sch_chameleon.t_replica_batch set i_binlog_position = 3221225472 \
                 where i_id_batch = 2",
        )
        .await;
        let positions = lines(
            &c,
            "select i_binlog_position::text from sch_chameleon.t_replica_batch \
                                   where i_id_batch < 3 order by i_id_batch",
        )
        .await;
        assert_eq!(positions, ["2147483647", "3221225472"]);
    })
    .await;
}

#[tokio::test]
async fn rows_that_a_crash_left_twice_are_replayed_once() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        run(&c, "create schema dest1; create table dest1.orders (id integer primary key, note text)")
            .await;
        empty_catalog(&c, 2).await;
        run(&c, "insert into sch_chameleon.t_replica_tables (i_id_source, v_table_name, \
                 v_schema_name, v_table_pkey) values (1, 'orders', 'dest1', array['\"id\"'])").await;
        add_batch(&c, 1, 1, 1, 30).await;
        // killed between rows and position: the same rows again, in the next batch and the other table
        add_batch(&c, 2, 1, 2, 10).await;
        run(
            &c,
            "insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, v_schema_name, \
                    enm_binlog_event, jsb_event_data, jsb_event_update) \
             select 2, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data, jsb_event_update \
               from only sch_chameleon.t_log_replica_1 order by i_id_event; \
             insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, v_schema_name, \
                    enm_binlog_event, jsb_event_data, jsb_event_update) \
             values (2, 'orders', 'dest1', 'update', '{\"id\": 10005, \"note\": \"new\"}', \
                     '{\"id\": 10005, \"note\": \"row 5\"}'), \
                    (2, 'orders', 'dest1', 'delete', '{\"id\": 10006, \"note\": \"row 6\"}', '{}')",
        )
        .await;
        upgrade_wholly(&mut c).await;
        let waiting = batches::unreplayed(&c, SourceId(1), 10).await.unwrap();
        assert!(waiting.iter().all(|batch| !batch.own_rows), "{waiting:?}");
        while batches::process(&c, SourceId(1), 7).await.unwrap() {}
        let rows: i64 = value(&c, "select count(*) from dest1.orders").await;
        assert_eq!(rows, 39);
        let note: String = value(&c, "select note from dest1.orders where id = 10005").await;
        assert_eq!(note, "new");
        let open: i64 = value(&c, "select count(*) from sch_chameleon.t_replica_batch \
                                   where b_processed and not b_replayed").await;
        assert_eq!(open, 0);
    })
    .await;
}
