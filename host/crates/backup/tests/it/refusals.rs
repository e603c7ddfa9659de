//! What a rollback refuses, and that it has changed nothing then.

use chameleon_backup::rollback::{Request, Way, replaced, rollback};
use chameleon_backup::{Backup, table_sums};
use chameleon_catalog::{CatalogState, SourceId, sessions, version};
use chameleon_diag::Diagnostic;

use crate::support::{Place, after_upgrade, in_database, run};

const DEFAULT: Request = Request {
    verbatim: false,
    force: false,
};
const FORCE: Request = Request {
    force: true,
    ..DEFAULT
};

/// A source moves, and `what` happens; the rollback must be refused with the code.
async fn refused(place: &Place, backup: &Backup, what: &str, code: &str, request: Request) {
    run(&place.c, what).await;
    let before = table_sums(&place.c).await.unwrap();
    let error = rollback(&place.options, backup, request).await.unwrap_err();
    assert_eq!(error.code().as_str(), code, "{error}");
    assert_eq!(version(&place.c).await.unwrap(), CatalogState::V13);
    assert_eq!(replaced(&place.c).await.unwrap(), []);
    assert_eq!(table_sums(&place.c).await.unwrap(), before);
}

const MOVED: &str =
    "update sch_chameleon.t_replica_batch set i_binlog_position = 401 where i_id_batch = 4;";

#[tokio::test]
async fn what_1_2_cannot_hold_is_refused_with_its_code() {
    after_upgrade(|place, backup| async move {
        let check = async |what: &str, code: &str, undo: &str| {
            refused(&place, &backup, &format!("{MOVED}{what}"), code, DEFAULT).await;
            run(&place.c, undo).await;
        };
        check(
            "update sch_chameleon.t_replica_batch set i_binlog_position = 2147483648 \
              where i_id_batch = 5",
            "BAK013",
            "update sch_chameleon.t_replica_batch set i_binlog_position = 250 \
              where i_id_batch = 5",
        )
        .await;
        check(
            "insert into sch_chameleon.t_table_windows \
             values (1, 's', 't', 't', 4, 'binlog.000001', 300, null, 'binlog.000001', 301)",
            "BAK015",
            "delete from sch_chameleon.t_table_windows",
        )
        .await;
        check(
            "insert into sch_chameleon.t_stream_floor values (1, 4, 'binlog.000002', 4)",
            "BAK015",
            "delete from sch_chameleon.t_stream_floor",
        )
        .await;
        check(
            "insert into sch_chameleon.t_copy_runs values (1, 'lock', 'x', 'b', 4, null, '{}')",
            "BAK015",
            "delete from sch_chameleon.t_copy_runs",
        )
        .await;
        check(
            "insert into sch_chameleon.t_prepared_changes \
             (i_id_source, t_xid, i_id_batch, v_table_name, v_schema_name, enm_binlog_event) \
             values (1, 'X''61''', 4, 't', 'dest1', 'insert')",
            "BAK015",
            "delete from sch_chameleon.t_prepared_changes",
        )
        .await;
        // a window that the target has passed is no obstacle
        let passed = "insert into sch_chameleon.t_table_windows \
             values (1, 's', 't', 't', 4, 'binlog.000001', 100, null, 'binlog.000001', 200)";
        run(&place.c, passed).await;
        let done = rollback(&place.options, &backup, DEFAULT).await.unwrap();
        assert_eq!(done.way, Way::Downgrade);
    })
    .await;
}

#[tokio::test]
async fn rows_of_ours_that_1_2_would_lose_or_die_of_are_refused() {
    after_upgrade(|place, backup| async move {
        let own = "insert into sch_chameleon.t_batch_detail (i_id_batch, b_own_rows) \
             values (3, true);";
        run(&place.c, own).await;
        let entry = |table: &str, event: &str, key: &str| {
            format!(
                "{MOVED} insert into sch_chameleon.t_log_replica_1_src_1 \
                 (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, jsb_event_data) \
                 values (3, '{table}', 'dest1', '{event}', '{{\"id\": \"{key}\"}}')"
            )
        };
        let undo = "delete from sch_chameleon.t_log_replica where i_id_event > 50";
        refused(
            &place,
            &backup,
            &entry("nokey", "insert", "1"),
            "BAK014",
            DEFAULT,
        )
        .await;
        run(&place.c, undo).await;
        refused(
            &place,
            &backup,
            &entry("t", "delete", "o''clock"),
            "BAK014",
            DEFAULT,
        )
        .await;
        run(&place.c, undo).await;
        // 1.2 quotes the values of an insert
        run(&place.c, &entry("t", "insert", "o''clock")).await;
        // 1.x itself writes rows of tables without key, and leaves them out
        run(
            &place.c,
            "update sch_chameleon.t_batch_detail set b_own_rows = false",
        )
        .await;
        run(&place.c, &entry("nokey", "insert", "1")).await;
        let done = rollback(&place.options, &backup, DEFAULT).await.unwrap();
        assert_eq!(done.sources[0].waiting_rows, 52);
    })
    .await;
}

#[tokio::test]
async fn a_held_table_and_a_running_word_need_force_and_stay_behind() {
    after_upgrade(|place, backup| async move {
        let held = format!(
            "{MOVED} insert into sch_chameleon.t_held_tables \
             (i_id_source, t_table_schema, t_table_name, v_table_name, t_state, t_code, t_reason, \
              i_missed) values (1, 's', 't', 't', 'held', 'DDL001', 'x', 7), \
             (1, 's', 'nokey', 'nokey', 'held', 'CAT015', 'x', 0)"
        );
        refused(&place, &backup, &held, "BAK016", DEFAULT).await;
        run(
            &place.c,
            "update sch_chameleon.t_sources set enm_status = 'running'",
        )
        .await;
        let done = rollback(&place.options, &backup, FORCE).await.unwrap();
        let said = done
            .findings
            .iter()
            .map(|f| (f.code.as_str(), f.object.as_str()));
        assert_eq!(
            said.collect::<Vec<_>>(),
            [
                ("CAT030", "src1"),
                ("CAT030", "src2"),
                ("BAK016", "dest1.t"),
                ("CAT015", "dest1.nokey")
            ]
        );
        let left = "select format('%s %s', (select count(*) from sch_chameleon.t_replica_tables), \
             (select string_agg(enm_status::text, ',') from sch_chameleon.t_sources))";
        assert_eq!(place.value::<String>(left).await, "1 stopped,stopped");
    })
    .await;
}

#[tokio::test]
async fn tables_that_transforms_have_shaped_need_force_both_ways() {
    after_upgrade(|place, backup| async move {
        let shaped = "insert into sch_chameleon.t_table_rules values \
             (1, 's', 't', 'profile default; transforms 1f'), (2, 's', 'u', 'profile default')";
        refused(&place, &backup, shaped, "BAK016", DEFAULT).await;
        refused(&place, &backup, MOVED, "BAK016", DEFAULT).await;
        let done = rollback(&place.options, &backup, FORCE).await.unwrap();
        assert_eq!(done.way, Way::Downgrade);
        let finding = &done.findings[0];
        assert_eq!(
            (finding.code.as_str(), finding.object.as_str()),
            ("BAK016", "src1")
        );
        assert!(
            finding.what.starts_with("rows of t were written"),
            "{}",
            finding.what
        );
    })
    .await;
}

#[tokio::test]
async fn whoever_works_with_the_catalog_is_named() {
    after_upgrade(|place, backup| async move {
        let host = place.session("chameleon src2").await;
        assert!(sessions::lock_replica(&host, SourceId(2)).await.unwrap());
        let error = rollback(&place.options, &backup, DEFAULT)
            .await
            .unwrap_err();
        assert_eq!(error.code().as_str(), "CAT012");
        let said = error.to_string();
        assert!(
            said.contains("source src2 is being read by chameleon src2"),
            "{said}"
        );
        assert!(sessions::unlock_replica(&host, SourceId(2)).await.unwrap());
        assert!(sessions::lock_replay(&host, SourceId(1)).await.unwrap());
        refused(&place, &backup, "", "CAT012", FORCE).await;
        drop(host);
        let of_1_3 = place
            .session("[PGCH] - source: src1, action: read replica")
            .await;
        run(&of_1_3, "select 1").await;
        refused(&place, &backup, "", "CAT013", FORCE).await;
        drop(of_1_3);
        let of_1_2 = place.session("").await;
        run(&of_1_2, "select count(*) from sch_chameleon.t_sources").await;
        refused(&place, &backup, "", "CAT013", FORCE).await;
    })
    .await;
}

#[tokio::test]
async fn the_verbatim_way_is_refused_where_it_is_not_safe() {
    after_upgrade(|place, backup| async move {
        let verbatim = Request {
            verbatim: true,
            force: true,
        };
        refused(&place, &backup, MOVED, "BAK012", verbatim).await;
        let back = "update sch_chameleon.t_replica_batch set i_binlog_position = 400 \
             where i_id_batch = 4";
        run(&place.c, back).await;
        let done = rollback(&place.options, &backup, verbatim).await.unwrap();
        assert_eq!(done.way, Way::Verbatim);
        let error = rollback(&place.options, &backup, DEFAULT)
            .await
            .unwrap_err();
        assert_eq!(error.code().as_str(), "BAK017");
    })
    .await;
}

#[tokio::test]
async fn a_backup_of_another_version_or_catalog_is_refused() {
    in_database(|place| async move {
        place.old_catalog().await;
        let old = place.backup().await;
        place.new_catalog().await;
        let new = place.backup().await;
        refused(&place, &new, "", "BAK010", DEFAULT).await;
        let another = "update sch_chameleon.t_sources set t_source = t_source || ' other'";
        refused(&place, &old, another, "BAK011", DEFAULT).await;
        run(&place.c, "drop schema sch_chameleon cascade").await;
        let error = rollback(&place.options, &old, DEFAULT).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT001");
    })
    .await;
}
