//! The catalog's life: made, filled, shown, dropped.

use crate::bench::Bench;

#[test]
fn a_catalog_is_made_once_and_dropped_after_asking() {
    let bench = Bench::new();
    let _filters = bench.snapshots().bind_to_scope();
    let ran = bench.run(&["show_status"]).expect(2);
    insta::assert_snapshot!(ran.text(), @r"
    exit 2
    --- stderr
    error[CAT001]: find the catalog: there is no schema sch_chameleon
    hint: chameleon create_schema
    ");
    insta::assert_snapshot!(bench.run(&["create_schema"]).expect(0).text(), @r"
    exit 0
    --- stdout
    [database]: catalog of version 1.3 made
    ");
    insta::assert_snapshot!(bench.run(&["create-schema"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CAT006]: create the catalog: the schema sch_chameleon exists already
    hint: chameleon show_status
    ");
    insta::assert_snapshot!(bench.run(&["upgrade_schema"]).expect(0).text(), @r"
    exit 0
    --- stdout
    [database]: the catalog is of version 1.3, which is current
    ");
    insta::assert_snapshot!(bench.run(&["drop_schema"]).expect(2).text(), @r#"
    exit 2
    --- stderr
    error[CFG051]: ask "Drop the catalog of [database] with the positions of all its sources (the replicated tables stay)?": this is no terminal
    hint: add --yes, if that is what you want
    "#);
    assert!(
        bench
            .value("select 'yes' from sch_chameleon.v_version")
            .is_some()
    );
    insta::assert_snapshot!(bench.run(&["drop_schema", "--yes"]).expect(0).text(), @r"
    exit 0
    --- stdout
    [database]: catalog dropped
    ");
    insta::assert_snapshot!(bench.run(&["drop_schema"]).expect(0).text(), @r"
    exit 0
    --- stdout
    [database]: there is no catalog
    ");
}

#[test]
fn a_source_is_registered_once_shown_and_dropped_after_asking() {
    let bench = Bench::new();
    let _filters = bench.snapshots().bind_to_scope();
    bench.run(&["create_schema"]).expect(0);
    insta::assert_snapshot!(bench.run(&["show_status"]).expect(0).text(), @r"
    exit 0
    --- stdout
    Config file  Destination schema  Status  Lag  Last received event
    -----------  ------------------  ------  ---  -------------------
    ");
    insta::assert_snapshot!(bench.run(&["add_source"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: registered, to be replicated into schema sch_shop
    ");
    insta::assert_snapshot!(bench.run(&["add_source"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CAT008]: register the source shop for schema sch_shop: the name is taken already
    hint: chameleon show_status, then choose another name
    ");
    insta::assert_snapshot!(bench.run(&["show_status"]).expect(0).text(), @r"
    exit 0
    --- stdout
    Config file  Destination schema  Status  Lag  Last received event
    -----------  ------------------  ------  ---  -------------------
    shop         sch_shop            ready   N/A  N/A

    shop
      alive              no (no session)
      unreplayed rows    0
      tables             none known yet
    ");
    let json = bench.run(&["--json", "show_status"]).expect(0).stdout;
    insta::assert_snapshot!(json, @r#"{"schema_version":1,"catalog_version":"1.3","sources":[{"source":"shop","dest_schema":"sch_shop","status":"ready","alive":false,"lag_seconds":null,"lag_bytes":null,"last_received_event":null,"read_position":null,"replayed_position":null,"unreplayed_rows":0,"tables":[]}]}"#);
    insta::assert_snapshot!(bench.run(&["show_errors"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: no errors
    ");
    insta::assert_snapshot!(bench.run(&["drop_source"]).expect(2).text(), @r#"
    exit 2
    --- stderr
    error[CFG051]: ask "Drop the source shop with its position and its relay log (the tables in schema sch_shop stay)?": this is no terminal
    hint: add --yes, if that is what you want
    "#);
    insta::assert_snapshot!(bench.run(&["drop_source", "--yes"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: dropped
    ");
    insta::assert_snapshot!(bench.run(&["drop_source", "--yes"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CAT007]: find the source shop: it is not registered
    hint: chameleon add_source
    ");
}

#[test]
fn show_status_takes_one_source_and_lists_each_catalog_once() {
    let bench = Bench::registered();
    bench.home.write_config("blog", &bench.config("blog", ""));
    bench.run(&["add_source", "--config", "blog"]).expect(0);
    let names = |arguments: &[&str]| {
        let json = bench.run(arguments).expect(0).json();
        let sources = json["sources"].as_array().unwrap().clone();
        let names = sources
            .iter()
            .map(|s| s["source"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&["show_status", "--all", "--json"]), "blog shop");
    assert_eq!(
        names(&["show_status", "--json", "--source", "blog"]),
        "blog"
    );
    bench.run(&["show_status", "--source", "nobody"]).expect(2);
}

#[test]
fn held_tables_and_row_errors_are_shown_with_codes() {
    let bench = Bench::registered();
    let _filters = bench.snapshots().bind_to_scope();
    bench.postgres(
        "insert into sch_chameleon.t_held_tables (i_id_source, t_table_schema, t_table_name, \
             v_table_name, t_state, t_code, t_reason, t_first_binlog, i_first_position, i_missed) \
         select i_id_source, 'shop', 'customer', 'customer', 'held', 'RPL001', \
                'the target refuses a row', 'mysql-bin.000003', 154, 7 \
           from sch_chameleon.t_sources; \
         insert into sch_chameleon.t_row_errors (i_id_source, t_table_schema, t_table_name, \
             t_operation, t_code, t_reason) \
         select i_id_source, 'shop', 'product', 'copy', 'RPL101', 'the text holds a NUL character' \
           from sch_chameleon.t_sources; \
         insert into sch_chameleon.t_discarded_rows (i_id_batch, t_row_data) values (5, 'c2VjcmV0')",
    );
    let ran = bench.run(&["show_errors"]).expect(0);
    assert!(!ran.text().contains("c2VjcmV0"), "{}", ran.text());
    insta::assert_snapshot!(ran.text());
    let json = bench.run(&["show_errors", "--json"]).expect(0).json();
    let errors = &json["sources"][0];
    assert_eq!(errors["held_tables"][0]["first_missed"]["position"], 154);
    assert_eq!(errors["row_errors"][0]["code"], "RPL101");
    assert_eq!(errors["discarded_rows"][0]["batch"], 5);
    let json = bench.run(&["show_status", "--json"]).expect(0).json();
    let table = &json["sources"][0]["tables"][0];
    assert_eq!(
        (&table["table"], &table["state"]),
        (&"customer".into(), &"held".into())
    );
}

#[test]
fn what_is_no_catalog_is_not_dropped() {
    let bench = Bench::new();
    bench.postgres("create schema sch_chameleon create table mine (i integer)");
    for command in ["create_schema", "drop_schema", "show_status", "add_source"] {
        let ran = bench.run(&[command, "--yes"]).expect(2);
        assert!(ran.stderr.contains("error[CAT005]"), "{}", ran.text());
    }
    assert_eq!(
        bench
            .value("select 'there' from pg_class where relname = 'mine'")
            .unwrap(),
        "there"
    );
}

#[test]
fn a_catalog_that_1_3_made_is_shown_as_it_is_and_completed_by_a_command_that_writes() {
    let bench = Bench::registered();
    // what 1.3 does not have
    bench.postgres(
        "drop table sch_chameleon.t_wanted_state, sch_chameleon.t_heartbeat; \
         alter table sch_chameleon.t_replica_batch alter i_binlog_position type integer; \
         update sch_chameleon.t_sources set enm_status = 'running'",
    );
    let has_own = || {
        let sql = "select to_regclass('sch_chameleon.t_wanted_state')::text";
        bench.value(sql).is_some()
    };
    bench.run(&["show_status"]).expect(0);
    bench.run(&["list_config"]).expect(0);
    bench.run(&["show_errors"]).expect(0);
    assert!(!has_own());
    let ran = bench.run(&["enable_replica"]).expect(2);
    assert!(ran.stderr.contains("error[CAT030]"), "{}", ran.text());
    assert!(!has_own());
    bench.run(&["upgrade_schema", "--force"]).expect(0);
    assert!(has_own());
    bench.run(&["enable_replica"]).expect(0);
}
