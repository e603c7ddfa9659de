//! The upgrade from 1.2 to 1.3: what it leaves, what it says, and what it refuses.

use chameleon_catalog::upgrade::{self, Done, Event, Options};
use chameleon_catalog::{CatalogState, add_source, install, version};
use chameleon_diag::{Diagnostic, Severity};

use crate::support::{in_database, lines, run, value};
use crate::upgrade_catalogs::{
    add_batch, add_rows, catalog, contents, empty_catalog, fingerprint, must_be_whole, rows_only,
    upgrade, upgrade_wholly, upgrade_with,
};

#[tokio::test]
async fn an_upgraded_catalog_is_what_a_new_one_is() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 3, 4).await;
        let outcome = upgrade_wholly(&mut c).await;
        assert_eq!(version(&c).await.unwrap(), CatalogState::V13);
        let rows: Vec<_> = outcome
            .sources
            .iter()
            .map(|s| (s.source.as_str(), s.rows))
            .collect();
        assert_eq!(rows, [("src1", 200), ("src2", 200), ("src3", 200)]);
        for source in 1..=3 {
            let sql = format!(
                "select v_log_table::text from sch_chameleon.t_sources \
                               where i_id_source = {source}"
            );
            let names: String = value(&c, &sql).await;
            let expect = format!("{{t_log_replica_1_src_{source},t_log_replica_2_src_{source}}}");
            assert_eq!(names, expect);
        }
        assert_eq!(upgrade(&mut c).await.done, Done::Current);
    })
    .await;
}

/// What a dump shows of columns beyond the listing: where they come from and who may use them.
const INHERITANCE: &str = "select concat_ws(' ', c.relname, a.attname, a.attislocal, \
     a.attinhcount, a.attstorage, a.attcompression, a.attstattarget, c.relpersistence, \
     c.reloptions::text) \
     from pg_class c join pg_attribute a on a.attrelid = c.oid \
     where c.relnamespace = 'sch_chameleon'::regnamespace and a.attnum > 0 \
       and not a.attisdropped and c.relkind in ('r', 'i', 'v') order by 1";

#[tokio::test]
async fn a_dump_shows_no_difference_to_a_new_catalog() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        let mut found = Vec::new();
        for sources in [0, 1, 2] {
            match sources {
                0 => {
                    install(&c).await.unwrap();
                    add_source(&c, "src1", "dest1").await.unwrap();
                    add_source(&c, "src2", "dest2").await.unwrap();
                }
                sources => {
                    catalog(&c, sources, 3).await;
                    upgrade(&mut c).await;
                }
            }
            found.push(lines(&c, INHERITANCE).await);
            run(&c, "drop schema sch_chameleon cascade").await;
        }
        assert_eq!(found[0], found[2], "two sources, whose rows were copied");
        let of_one = found[0].iter().filter(|line| !line.contains("_src_2"));
        assert!(
            found[1].iter().eq(of_one),
            "one source, whose tables were renamed"
        );
    })
    .await;
}

#[tokio::test]
async fn with_one_source_the_log_tables_are_renamed_and_nothing_is_copied() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 1, 4).await;
        let files = "select string_agg(pg_relation_filenode(c.oid)::text, ' ' \
                     order by pg_relation_filenode(c.oid)) from pg_class c \
                     join pg_inherits i on i.inhrelid = c.oid \
                     where i.inhparent = 'sch_chameleon.t_log_replica'::regclass";
        let before: String = value(&c, files).await;
        let outcome = upgrade_wholly(&mut c).await;
        assert_eq!(value::<String>(&c, files).await, before);
        assert!(
            outcome.steps.iter().all(|s| s.step != "070_copy_rows"),
            "{:?}",
            outcome.steps
        );
        assert_eq!(rows_only(&c, "t_log_replica_1_src_1").await, 100);
        assert_eq!(rows_only(&c, "t_log_replica_2_src_1").await, 100);
    })
    .await;
}

#[tokio::test]
async fn with_one_source_a_table_of_dead_space_is_copied() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        empty_catalog(&c, 1).await;
        add_batch(&c, 1, 1, 1, 20_000).await;
        add_batch(&c, 2, 1, 1, 10).await;
        run(
            &c,
            "delete from sch_chameleon.t_log_replica_1 where i_id_batch = 1",
        )
        .await;
        let plan = upgrade::plan(&c, "").await.unwrap();
        let said = plan
            .findings
            .findings
            .iter()
            .find(|f| f.code.as_str() == "UPG027")
            .unwrap();
        assert!(said.what.contains("dead space"), "{said:?}");
        upgrade_wholly(&mut c).await;
        let bytes: i64 = value(
            &c,
            "select pg_total_relation_size('sch_chameleon.t_log_replica_1_src_1')",
        )
        .await;
        assert!(bytes < 100_000, "{bytes}");
    })
    .await;
}

#[tokio::test]
async fn a_log_table_that_is_not_what_1_2_makes_is_copied() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 1, 2).await;
        run(
            &c,
            "alter table sch_chameleon.t_log_replica_1 drop constraint fk_replica_batch_1; \
             create index own on sch_chameleon.t_log_replica_2 (v_table_name)",
        )
        .await;
        upgrade_wholly(&mut c).await;
        assert_eq!(rows_only(&c, "t_log_replica_1_src_1").await, 100);
    })
    .await;
}

#[tokio::test]
async fn a_catalog_without_sources_is_upgraded() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        empty_catalog(&c, 1).await;
        run(&c, "delete from sch_chameleon.t_sources").await;
        upgrade_wholly(&mut c).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_catalog_of_1_2_has_a_code_and_a_way_out() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        let label = |text: &str| {
            format!("create or replace view sch_chameleon.v_version as select '{text}'::text as t_version")
        };
        let cases = [
            ("", String::new(), "CAT001"),
            ("older", label("1.1"), "UPG001"),
            ("newer", label("2.0.21"), "CAT004"),
            ("a table is gone", "drop table sch_chameleon.t_log_replica_2".into(), "UPG002"),
            ("a column is gone", "alter table sch_chameleon.t_replica_tables drop v_table_pkey".into(), "UPG002"),
            ("an unused column is gone", "alter table sch_chameleon.t_index_def drop t_create".into(), "UPG002"),
            ("foreign", "drop schema sch_chameleon cascade; create schema sch_chameleon".into(), "CAT005"),
        ];
        for (name, change, code) in cases {
            run(&c, "drop schema if exists sch_chameleon cascade").await;
            if !change.is_empty() {
                catalog(&c, 2, 2).await;
                run(&c, &change).await;
            }
            let error = upgrade_with(&mut c, Options::default()).await.unwrap_err();
            assert_eq!(error.code().as_str(), code, "{name}: {error}");
            assert!(error.hint().is_some() || code.starts_with("CAT"), "{name}");
            let planned = upgrade::plan(&c, "").await.unwrap_err();
            assert_eq!(planned.code().as_str(), code, "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_carries_all_out_and_leaves_nothing() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 4).await;
        add_rows(&c, "t_log_replica", 2, 2, 3).await;
        let before = fingerprint(&c).await;
        let options = Options {
            dry_run: true,
            ..Options::default()
        };
        let outcome = upgrade_with(&mut c, options).await.unwrap();
        assert_eq!(outcome.done, Done::TakenBack);
        assert!(
            outcome
                .steps
                .iter()
                .any(|s| s.step == "130_complete_catalog")
        );
        assert!(outcome.seconds >= outcome.locked_seconds && outcome.locked_seconds > 0.0);
        assert_eq!(fingerprint(&c).await, before);
    })
    .await;
}

#[tokio::test]
async fn a_plan_names_steps_rows_and_findings_and_runs_in_a_read_only_session() {
    in_database(|database| async move {
        let c = database.connect().await;
        catalog(&c, 2, 4).await;
        run(
            &c,
            "update sch_chameleon.t_sources set enm_status = 'running' where i_id_source = 2; \
             create schema dest1; \
             create view odd as select v_log_table from sch_chameleon.t_replica_batch; \
             set default_transaction_read_only = on",
        )
        .await;
        let plan = upgrade::plan(&c, "127.0.0.1").await.unwrap();
        assert!(plan.needed);
        let copied: u64 = plan
            .steps
            .iter()
            .filter(|s| s.step == "070_copy_rows")
            .map(|s| s.rows)
            .sum();
        assert_eq!(copied, 400);
        let sources: Vec<_> = plan
            .sources
            .iter()
            .map(|s| (s.rows, s.waiting_rows))
            .collect();
        assert_eq!(sources, [(200, 200), (200, 200)]);
        assert!(plan.seconds.least < plan.seconds.likely && plan.disk_bytes > 0);
        assert!(
            plan.steps
                .iter()
                .all(|s| !s.sql.is_empty() && !s.locks.is_empty())
        );
        let mut codes: Vec<_> = plan
            .findings
            .findings
            .iter()
            .map(|f| f.code.as_str())
            .collect();
        codes.dedup();
        assert_eq!(
            codes,
            ["CAT030", "UPG029", "UPG030", "UPG010"],
            "{:#?}",
            plan.findings
        );
        let text = upgrade::render_plan(&plan, true);
        assert!(
            text.contains("insert into \"sch_chameleon\".\"t_log_replica_1_src_1\""),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_plan_names_sources_whose_schema_is_gone_and_tables_that_are() {
    in_database(|database| async move {
        let c = database.connect().await;
        catalog(&c, 2, 1).await;
        run(
            &c,
            "create schema dest1; create table dest1.there (id int); \
             update sch_chameleon.t_sources set t_dest_schema = 'Dest 2' where i_id_source = 2; \
             insert into sch_chameleon.t_replica_tables \
                    (i_id_source, v_table_name, v_schema_name, v_table_pkey) \
             values (1, 'there', 'dest1', '{}'), (1, 'gone', 'dest1', '{}'), \
                    (2, 'gone', 'Dest 2', '{}')",
        )
        .await;
        let told = async || -> Vec<String> {
            let plan = upgrade::plan(&c, "").await.unwrap();
            let all = plan.findings.findings.iter();
            all.filter(|f| ["UPG023", "UPG030"].contains(&f.code.as_str()))
                .inspect(|f| assert_eq!(f.severity, Severity::Warning))
                .map(|f| format!("{} {}: {}", f.code, f.object, f.what))
                .collect()
        };
        let table = "UPG023 table dest1.gone: it is registered and not in this database";
        let schema = "UPG030 source src2: its schema Dest 2 is not in this database";
        assert_eq!(told().await, [schema, table]);
        run(&c, "create schema \"Dest 2\"").await;
        let other = "UPG023 table Dest 2.gone: it is registered and not in this database";
        assert_eq!(told().await, [other, table]);
    })
    .await;
}

#[tokio::test]
async fn a_plan_says_which_rights_are_missing() {
    in_database(|database| async move {
        let c = database.connect().await;
        catalog(&c, 2, 1).await;
        let role = format!("upgrader_{}", std::process::id());
        run(
            &c,
            &format!(
                "create role {role}; grant usage on schema sch_chameleon to {role}; \
                 grant select on all tables in schema sch_chameleon to {role}; \
                 grant select on all sequences in schema sch_chameleon to {role}; set role {role}"
            ),
        )
        .await;
        let planned = upgrade::plan(&c, "").await;
        run(
            &c,
            &format!("reset role; drop owned by {role}; drop role {role}"),
        )
        .await;
        let plan = planned.unwrap();
        let missing = plan
            .findings
            .findings
            .iter()
            .filter(|f| f.code.as_str() == "UPG005");
        let objects: Vec<_> = missing.map(|f| f.object.as_str()).collect();
        assert!(objects.contains(&"schema sch_chameleon"), "{objects:?}");
        assert!(objects.contains(&"table t_log_replica_1"), "{objects:?}");
        assert_eq!(plan.findings.worst(), Some(Severity::Error));
    })
    .await;
}

#[tokio::test]
async fn a_table_that_somebody_holds_is_waited_for_and_then_named() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        let before = fingerprint(&c).await;
        let holder = database.connect_as("nightly report").await;
        run(
            &holder,
            "begin; select count(*) from sch_chameleon.t_replica_batch",
        )
        .await;
        let mut busy = 0;
        let mut observe = |event: Event| {
            if let Event::LockBusy { holders } = event {
                busy += 1;
                assert!(holders[0].contains("nightly report"), "{holders:?}");
            }
        };
        let error = upgrade::apply(&mut c, Options::default(), &mut observe)
            .await
            .unwrap_err();
        assert_eq!(error.code().as_str(), "UPG003", "{error}");
        assert!(error.to_string().contains("nightly report"), "{error}");
        assert!(busy > 1);
        run(&holder, "rollback").await;
        assert_eq!(fingerprint(&c).await, before);
        upgrade_wholly(&mut c).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_session_sees_how_far_it_is() {
    in_database(|database| async move {
        let mut c = database.connect_as("operator").await;
        catalog(&c, 3, 4).await;
        let watcher = database.connect().await;
        let handle = tokio::runtime::Handle::current();
        let mut seen = Vec::new();
        let mut observe = |event: Event| {
            if let Event::Progress(_) = event {
                // the session stands still here: what others see is what was said last
                let found =
                    tokio::task::block_in_place(|| handle.block_on(upgrade::upgrading(&watcher)));
                seen.push(found.unwrap().unwrap().application_name);
            }
        };
        upgrade::apply(&mut c, Options::default(), &mut observe)
            .await
            .unwrap();
        assert!(
            seen.iter().any(|n| n == "chameleon upgrade: 0/600 rows"),
            "{seen:?}"
        );
        let last = seen.last().unwrap();
        assert!(
            last.starts_with("chameleon upgrade: 600/600 rows, "),
            "{last}"
        );
        assert!(last.ends_with("/s"), "{last}");
        let name: String = value(&c, "select current_setting('application_name')").await;
        assert_eq!(name, "operator");
        assert_eq!(upgrade::upgrading(&watcher).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn what_is_there_beside_the_catalog_stays_and_is_told() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        catalog(&c, 2, 2).await;
        run(&c, "create table sch_chameleon.notes (n int)").await;
        upgrade(&mut c).await;
        let found = upgrade::verify(&c).await.unwrap();
        assert!(found.whole);
        let extra: Vec<_> = found
            .differences
            .iter()
            .map(|d| d.object.as_str())
            .collect();
        assert_eq!(extra, ["table notes", "table notes column n integer"]);
        run(
            &c,
            "drop index sch_chameleon.idx_t_log_replica_1_src_2_i_id_batch; \
             create or replace function sch_chameleon.fn_refresh_parts() returns void \
             language sql as 'select'",
        )
        .await;
        let found = upgrade::verify(&c).await.unwrap();
        assert!(!found.whole);
        assert_eq!(found.findings.worst(), Some(Severity::Error));
        let text = upgrade::render_verification(&found);
        assert!(text.contains("body of function fn_refresh_parts"), "{text}");
        assert!(
            text.contains("idx_t_log_replica_1_src_2_i_id_batch"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test]
async fn many_batches_are_copied_from_the_blocks_where_they_lie() {
    in_database(|database| async move {
        let mut c = database.connect().await;
        empty_catalog(&c, 3).await;
        // batches of all sources grow side by side, so that their blocks overlap
        run(
            &c,
            "insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, \
                    i_binlog_position, b_started, b_processed, ts_created, v_log_table) \
             select n, 1 + n % 3, 'binlog.000001', n, true, true, \
                    '2024-01-01'::timestamp + n * interval '1 second', 't_log_replica_1' \
               from generate_series(1, 900) n; \
             insert into sch_chameleon.t_log_replica_1 (i_id_batch, v_table_name, v_schema_name, \
                    enm_binlog_event, jsb_event_data) \
             select 1 + ((n / 200) * 7 + n % 13) % 900, 't', 's', 'insert', \
                    jsonb_build_object('n', n, 'x', repeat('y', 1 + n % 300)) \
               from generate_series(1, 60000) n",
        )
        .await;
        let outcome = upgrade_wholly(&mut c).await;
        assert_eq!(outcome.sources.iter().map(|s| s.rows).sum::<u64>(), 60_000);
        must_be_whole(&c).await;
        assert_eq!(contents(&c).await.len(), 60_000);
    })
    .await;
}
