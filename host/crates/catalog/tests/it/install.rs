//! The catalog's shape, and recognising whose it is.

use chameleon_catalog::{
    CatalogError, CatalogState, add_source, complete, drop_schema, install, require_current,
    version,
};
use chameleon_diag::Diagnostic;

use crate::support::{in_database, lines, run, value};

const LISTING: &str = include_str!("../../../../../testdata/catalogs/listing.sql");
const OURS: &str = include_str!("../../../../../testdata/catalogs/1.3.txt");
const ORIGINAL: &str = include_str!("../../../../../testdata/catalogs/1.3.original.txt");
const ORIGINAL_SQL: &str = include_str!("../../../../../testdata/catalogs/1.3.original.sql");
const V12_SQL: &str = include_str!("../../../../../testdata/catalogs/1.2.original.sql");

/// The listing is the expected one; says which lines are missing (-) and which are new (+).
fn check_listing(found: &[String], expect: &str) {
    let expect: Vec<&str> = expect.lines().collect();
    let missing = expect.iter().filter(|e| !found.iter().any(|f| f == *e));
    let new = found.iter().filter(|f| !expect.contains(&f.as_str()));
    let differences: Vec<String> = missing
        .map(|line| format!("-{line}"))
        .chain(new.map(|line| format!("+{line}")))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(found.iter().eq(expect.iter()), "the order differs");
}

#[tokio::test]
async fn a_new_catalog_has_the_expected_shape() {
    in_database(|database| async move {
        let c = database.connect().await;
        install(&c).await.unwrap();
        add_source(&c, "src1", "dest1").await.unwrap();
        let shape = lines(&c, LISTING).await;
        // a change of the catalog that is meant: name testdata/catalogs/1.3.txt here, run it twice
        if let Ok(path) = std::env::var("CHAMELEON_WRITE_LISTING") {
            std::fs::write(path, shape.join("\n") + "\n").unwrap();
        }
        check_listing(&shape, OURS);
    })
    .await;
}

#[test]
fn the_shape_differs_from_the_original_in_what_is_told_and_in_nothing_else() {
    let own = [
        "batch_detail",
        "replay_cursor",
        "schema_history",
        "held_tables",
        "wanted_state",
        "heartbeat",
        "copy_runs",
        "copy_tables",
        "copy_chunks",
        "table_windows",
        "stream_floor",
        "row_errors",
        "prepared_changes",
        "table_rules",
    ];
    let is_own = |line: &str| {
        own.iter()
            .any(|t| line.starts_with(&format!("table t_{t} ")) || line == format!("table t_{t}"))
            || line.starts_with("sequence t_row_errors")
            || line.starts_with("sequence t_prepared_changes")
            || line.starts_with("function fn_") && !ORIGINAL.contains(line)
    };
    let ours: Vec<&str> = OURS.lines().filter(|l| !is_own(l)).collect();
    let original: Vec<&str> = ORIGINAL.lines().collect();
    let gone: Vec<&&str> = original.iter().filter(|l| !ours.contains(l)).collect();
    let new: Vec<&&str> = ours.iter().filter(|l| !original.contains(l)).collect();
    let unused = |l: &str| {
        l.starts_with("table t_log_replica_1 ") || l.starts_with("table t_log_replica_2 ")
    };
    let gone: Vec<&str> = gone.into_iter().copied().filter(|l| !unused(l)).collect();
    assert_eq!(
        gone,
        ["table t_replica_batch column i_binlog_position integer"]
    );
    assert_eq!(new.len(), 3, "{new:#?}");
    assert!(new[0].contains("t_log_replica_1_src_1 USING brin (i_id_batch)"));
    assert!(new[1].contains("t_log_replica_2_src_1 USING brin (i_id_batch)"));
    assert_eq!(
        *new[2],
        "table t_replica_batch column i_binlog_position bigint"
    );
    // and what is common stands in the same order
    let common: Vec<&str> = ours
        .iter()
        .copied()
        .filter(|l| original.contains(l))
        .collect();
    let expect: Vec<&str> = original
        .iter()
        .copied()
        .filter(|l| ours.contains(l))
        .collect();
    assert_eq!(common, expect);
}

#[tokio::test]
async fn a_catalog_is_known_by_its_shape() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::Absent);
        let error = require_current(&c).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT001");

        run(&c, "create schema sch_chameleon").await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::Foreign);
        assert!(matches!(install(&c).await, Err(CatalogError::Foreign)));
        assert!(matches!(drop_schema(&c).await, Err(CatalogError::Foreign)));
        run(
            &c,
            "create view sch_chameleon.v_version as select '2.0.21'::text as t_version",
        )
        .await;
        let newer = CatalogState::Newer("2.0.21".into());
        assert_eq!(version(&c).await.unwrap(), newer);
        let error = drop_schema(&c).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT004");
        run(&c, "drop schema sch_chameleon cascade").await;

        install(&c).await.unwrap();
        assert_eq!(version(&c).await.unwrap(), CatalogState::V13);
        require_current(&c).await.unwrap();
        assert!(matches!(install(&c).await, Err(CatalogError::Exists)));

        let t = c.transaction().await.unwrap();
        t.batch_execute(
            "create or replace view sch_chameleon.v_version as select '1.2'::text as t_version",
        )
        .await
        .unwrap();
        assert_eq!(version(&t).await.unwrap(), CatalogState::Halfway);
        let error = require_current(&t).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT003");
        t.rollback().await.unwrap();

        drop_schema(&c).await.unwrap();
        assert_eq!(version(&c).await.unwrap(), CatalogState::Absent);
        drop_schema(&c).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_catalog_of_1_2_is_told_from_one_of_1_3() {
    in_database(|database| async move {
        let c = database.connect().await;
        run(&c, V12_SQL).await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::V12);
        let error = complete(&c).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT003");
    })
    .await;
}

#[tokio::test]
async fn a_catalog_that_1_3_made_is_completed_and_keeps_what_it_holds() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        run(&c, ORIGINAL_SQL).await;
        check_listing(&lines(&c, LISTING).await, ORIGINAL);
        assert_eq!(version(&c).await.unwrap(), CatalogState::V13Original);
        run(
            &c,
            "insert into sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, \
             i_binlog_position, b_started) values (1, 'binlog.000003', 2147483647, true)",
        )
        .await;
        for _ in 0..2 {
            let t = c.transaction().await.unwrap();
            complete(&t).await.unwrap();
            t.commit().await.unwrap();
            assert_eq!(version(&c).await.unwrap(), CatalogState::V13);
            check_listing(&lines(&c, LISTING).await, OURS);
        }
        let kept: i64 = value(
            &c,
            "select i_binlog_position from sch_chameleon.t_replica_batch",
        )
        .await;
        assert_eq!(kept, 2_147_483_647);
    })
    .await;
}

#[tokio::test]
async fn unused_log_tables_that_hold_rows_are_not_dropped() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        run(&c, ORIGINAL_SQL).await;
        run(
            &c,
            "insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source) values (7, 1); \
             insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, v_schema_name, \
             enm_binlog_event) values (7, 't', 's', 'insert')",
        )
        .await;
        let t = c.transaction().await.unwrap();
        let error = complete(&t).await.unwrap_err();
        assert_eq!(error.code().as_str(), "CAT002");
        t.rollback().await.unwrap();
        assert_eq!(version(&c).await.unwrap(), CatalogState::V13Original);
    })
    .await;
}

#[tokio::test]
async fn two_that_create_at_once_make_one_catalog() {
    in_database(|database| async move {
        let (mut a, mut b) = (database.connect().await, database.connect().await);
        let first = a.transaction().await.unwrap();
        install(&first).await.unwrap();
        let waiting = tokio::spawn(async move {
            let second = b.transaction().await.unwrap();
            install(&second).await
        });
        let waits = "select exists (select from pg_locks where locktype = 'advisory' \
                     and not granted)";
        while !value::<bool>(&database.connect().await, waits).await {
            tokio::task::yield_now().await;
        }
        first.commit().await.unwrap();
        let outcome = waiting.await.unwrap();
        assert!(matches!(outcome, Err(CatalogError::Exists)), "{outcome:?}");
    })
    .await;
}
