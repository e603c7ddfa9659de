//! Which configuration a command works with, and what it says of a bad one.

use crate::bench::{Bench, Home, snapshots};

#[test]
fn a_missing_configuration_is_named_with_its_path() {
    let home = Home::new();
    let _filters = snapshots(&home).bind_to_scope();
    insta::assert_snapshot!(home.run(&["check", "--config", "nope"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CFG001]: read the configuration file: [home]/config/nope.yaml
      caused by: No such file or directory (os error 2)
    hint: chameleon set_configuration_files
    ");
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once_and_no_password() {
    let home = Home::new();
    let text = "source_name: shop\nmy_database:\npg_database: x\ndest_schema: y\nslep_loop: 5\n\
                replica_batch_size: none\n\
                mysql_conn: {host: h, user: u, passwd: geheim, port: 99999}\n\
                pg_conn: {host: h, user: u, password: geheim, prot: 1}\n";
    home.write_config("default", text);
    let _filters = snapshots(&home).bind_to_scope();
    let ran = home.run(&["show_status"]).expect(2);
    assert!(!ran.text().contains("geheim"), "{}", ran.text());
    insta::assert_snapshot!(ran.text());
    let ran = home.run(&["show_status", "--json"]).expect(2);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["code"], "CFG002");
    assert!(error["findings"].as_array().unwrap().len() >= 5, "{error}");
}

#[test]
fn all_without_any_configuration_is_an_error() {
    let home = Home::new();
    home.run(&["set_configuration_files"]).expect(0);
    let _filters = snapshots(&home).bind_to_scope();
    insta::assert_snapshot!(home.run(&["--all", "check"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CFG061]: find configurations: there is none in [home]/config
    hint: chameleon set_configuration_files
    ");
}

#[test]
fn a_failure_of_one_configuration_does_not_stop_the_others() {
    let bench = Bench::new();
    bench.home.write_config("broken", "source_name: broken\n");
    bench.run(&["create_schema"]).expect(0);
    bench.home.write_config("other", &bench.config("blog", ""));
    let ran = bench.run(&["--all", "add_source", "--json"]).expect(2);
    let json = ran.json();
    let results = json["sources"].as_array().unwrap();
    let result = |source: &str| {
        let found = results.iter().find(|r| r["source"] == source);
        found.unwrap_or_else(|| panic!("{json}"))["result"].clone()
    };
    assert_eq!(
        (result("shop"), result("blog")),
        ("added".into(), "added".into())
    );
    assert!(
        results.iter().any(|r| r["error"]["code"] == "CFG002"),
        "{json}"
    );
}

#[test]
fn list_config_shows_source_and_status_of_each_file() {
    let bench = Bench::registered();
    bench.home.write_config("blog", &bench.config("blog", ""));
    bench.home.write_config("broken", "source_name: broken\n");
    let config = bench
        .config("far", "")
        .replace(&bench.postgres.port.to_string(), "1");
    bench.home.write_config("far", &config);
    bench.run(&["set_configuration_files"]).expect(0);
    insta::assert_snapshot!(bench.run(&["list_config"]).expect(0).text(), @r"
    exit 0
    --- stdout
    Config file  Source name  Status
    -----------  -----------  ----------------
    blog         blog         Not registered
    broken                    unknown [CFG002]
    default      shop         ready
    far          far          unknown [TGT001]
    ");
    let json = bench.run(&["list_config", "--json"]).expect(0).json();
    assert_eq!(json["configs"].as_array().unwrap().len(), 4);
    assert_eq!(json["configs"][2]["source"], "shop");
}

#[test]
fn one_source_is_not_started_twice() {
    let bench = Bench::registered();
    bench.home.write_config("again", &bench.config("shop", ""));
    let ran = bench.run(&["start_replica", "--config", "default", "--config", "again"]);
    insta::assert_snapshot!(ran.expect(2).text(), @r"
    exit 2
    --- stderr
    error[CFG060]: start shop twice: default and again are both for it
    ");
}

#[test]
fn a_transform_without_its_module_lets_nothing_pass() {
    let bench = Bench::registered();
    let more = "transforms:\n  - {name: mask, module: mask.wasm, tables: [\"*\"]}\n";
    bench
        .home
        .write_config("default", &bench.config("shop", more));
    for command in ["start_replica", "init_replica"] {
        let ran = bench.run(&[command]).expect(2);
        assert!(ran.stderr.contains("error[TRF001]"), "{}", ran.text());
    }
}
