//! The catalog of 1.2: who upgrades it, who does not, and what is left behind.

use crate::bench::{Bench, Ran, finish};

const V12: &str = include_str!("../../../testdata/catalogs/1.2.original.sql");

/// A target with a catalog of 1.2, the source `shop` registered, and rows that wait.
fn bench(more: &str) -> Bench {
    let bench = Bench::new();
    bench.postgres(V12);
    bench.postgres(
        "update sch_chameleon.t_sources set t_source = 'shop', t_dest_schema = 'sch_shop'; \
         insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, \
                i_binlog_position, b_started, b_processed, v_log_table) \
         values (1, 1, 'binlog.000001', 154, true, true, 't_log_replica_1'); \
         insert into sch_chameleon.t_log_replica_1 (i_id_batch, v_table_name, v_schema_name, \
                enm_binlog_event, jsb_event_data) \
         select 1, 'orders', 'sch_shop', 'insert', jsonb_build_object('id', n) \
           from generate_series(1, 30) n",
    );
    bench
        .home
        .write_config("default", &bench.config("shop", more));
    bench
}

fn version(bench: &Bench) -> String {
    let sql = "select t_version from sch_chameleon.v_version";
    bench.value(sql).unwrap()
}

fn backups(bench: &Bench) -> usize {
    let Ok(files) = std::fs::read_dir(bench.home.path().join("backup")) else {
        return 0;
    };
    let files = files.map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|ending| ending == "dump"))
        .count()
}

fn refused(ran: Ran, code: &str) {
    let ran = ran.expect(2);
    let start = format!("error[{code}]");
    assert!(ran.stderr.contains(&start), "{}", ran.text());
}

#[test]
fn commands_that_look_never_upgrade() {
    let bench = bench("");
    for command in ["show_status", "show_errors"] {
        refused(bench.run(&[command]), "CAT003");
    }
    bench.run(&["list_config"]);
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.2", 0));
}

#[test]
fn the_first_command_that_writes_takes_a_backup_and_upgrades() {
    let bench = bench("");
    let ran = bench.run(&["enable_replica"]).expect(0);
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.3", 1));
    assert!(ran.stderr.contains("it equals a new one"), "{}", ran.text());
    assert!(ran.stderr.contains("rollback --backup"), "{}", ran.text());
    let rows = "select count(*)::text from only sch_chameleon.t_log_replica_1_src_1";
    assert_eq!(bench.value(rows).unwrap(), "30");
    bench.run(&["enable_replica"]).expect(0);
    assert_eq!(backups(&bench), 1);
}

#[test]
fn with_auto_upgrade_off_only_upgrade_schema_upgrades() {
    let bench = bench("auto_upgrade: no\n");
    refused(bench.run(&["enable_replica"]), "CAT003");
    assert_eq!(version(&bench), "1.2");
    let json = bench.run(&["upgrade_schema", "--json"]).expect(0).json();
    let upgraded = &json["sources"][0];
    assert_eq!(upgraded["result"], "upgraded");
    assert_eq!(upgraded["outcome"]["done"], "upgraded");
    assert_eq!(upgraded["verification"]["whole"], true);
    let rows = upgraded["verification"]["rows"].as_array().unwrap();
    let relay = rows.iter().find(|r| r["table"] == "relay").unwrap();
    assert_eq!(
        (&relay["now"], &relay["identical"]),
        (&30.into(), &true.into())
    );
    let text = bench.run(&["upgrade_schema"]).expect(0).stdout;
    assert!(text.contains("which is current"), "{text}");
}

#[test]
fn a_running_replica_is_refused_before_anything_is_written() {
    let bench = bench("");
    let running = bench.session("[PGCH] - source: shop, action: replay");
    for arguments in [&["upgrade_schema", "--force"][..], &["add_source"]] {
        refused(bench.run(arguments), "CAT013");
    }
    drop(running);
    bench.postgres("update sch_chameleon.t_sources set enm_status = 'running'");
    refused(bench.run(&["upgrade_schema"]), "CAT030");
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.2", 0));
    bench.run(&["upgrade_schema", "--force"]).expect(0);
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.3", 1));
}

#[test]
fn without_a_backup_nothing_is_upgraded() {
    let bench = bench("");
    std::fs::write(bench.home.path().join("backup"), "in the way").unwrap();
    let ran = bench.run(&["upgrade_schema"]).expect(2);
    assert!(ran.stderr.contains("error[BAK"), "{}", ran.text());
    assert_eq!(version(&bench), "1.2");
}

#[test]
fn three_hosts_at_once_upgrade_once() {
    let bench = bench("");
    let commands = [["enable_replica"], ["upgrade_schema"], ["enable_replica"]];
    let children: Vec<_> = commands.iter().map(|c| bench.home.start(c)).collect();
    for child in children {
        finish(child).expect(0);
    }
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.3", 1));
}

/// Rows of a batch that is gone, behind a foreign key that says otherwise.
const ORPHANS: &str = "begin; set local session_replication_role = replica; \
     insert into sch_chameleon.t_log_replica_2 (i_id_batch, v_table_name, v_schema_name, \
            enm_binlog_event, jsb_event_data) \
     select 900, 'orders', 'sch_shop', 'insert', jsonb_build_object('id', n) \
       from generate_series(1, 12) n; commit";

#[test]
fn rows_that_break_a_foreign_key_are_backed_up_and_set_aside() {
    let bench = bench("");
    bench.postgres(ORPHANS);
    let text = bench.run(&["upgrade_schema"]).expect(0).stdout;
    let told = "BAK023 sch_chameleon.t_log_replica_2: 12 rows break the foreign key";
    assert!(text.contains(told), "{text}");
    let rows = "select format('%s %s', (select count(*) from sch_chameleon.t_quarantined_rows), \
         (select count(*) from sch_chameleon.t_log_replica))";
    assert_eq!(bench.value(rows).unwrap(), "12 30");
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.3", 1));
}

/// Commands that write, with what they need to come as far as the catalog.
const WRITING: &[&[&str]] = &[
    &["add_source"],
    &["drop_source", "--yes"],
    &["init_replica"],
    &["start_replica", "--until-caught-up"],
    &["stop_replica"],
    &["disable_replica"],
    &["enable_replica"],
    &["sync_tables", "--tables", "orders"],
    &["detach_replica", "--yes"],
];

#[test]
fn no_command_writes_to_a_catalog_of_1_2_where_it_may_not_upgrade() {
    let bench = bench("auto_upgrade: no\n");
    for command in WRITING {
        refused(bench.run(command), "CAT003");
    }
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.2", 0));
    let sources = "select count(*)::text from sch_chameleon.t_sources";
    assert_eq!(bench.value(sources).unwrap(), "1");
}

#[test]
fn every_command_that_writes_upgrades_first() {
    let bench = bench("");
    bench.run(&["drop_source", "--yes"]).expect(0);
    assert_eq!((version(&bench).as_str(), backups(&bench)), ("1.3", 1));
    let sources = "select count(*)::text from sch_chameleon.t_sources";
    assert_eq!(bench.value(sources).unwrap(), "0");
    for command in [
        &["stop_replica"][..],
        &["sync_tables", "--tables", "orders"],
        &["start_replica", "--until-caught-up"],
    ] {
        bench.postgres("drop schema sch_chameleon cascade");
        bench.postgres(V12);
        bench.postgres(
            "update sch_chameleon.t_sources set t_source = 'shop', t_dest_schema = 'sch_shop'",
        );
        let ran = bench.run(command);
        assert!(!ran.stderr.contains("CAT003"), "{}", ran.text());
        assert_eq!(version(&bench), "1.3", "{}", ran.text());
    }
}
