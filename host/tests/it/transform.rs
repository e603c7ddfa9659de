//! `transform`: inspect, test, bench and new, as an author runs them.

#[path = "../../crates/transform/tests/support/assemble.rs"]
mod assemble;

use std::path::{Path, PathBuf};

use crate::bench::Home;

/// A guest of `testdata/wat` as a file in the home directory.
fn guest(home: &Home, name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = home.path().join(format!("{name}.wasm"));
    std::fs::write(&path, assemble::guest(&root, name, false)).unwrap();
    path.display().to_string()
}

const TABLE: &str = "create table t (id int primary key, name varchar(20) not null, note text)";

#[test]
fn inspect_shows_a_module_and_its_plan() {
    let home = Home::new();
    let module = guest(&home, "add_and_drop");
    let ran = home
        .run(&["transform", "inspect", &module, "--table", TABLE])
        .expect(0);
    for line in [
        "interface    chameleon:transform@0.1.0",
        "kind         core module",
        "imports      nothing",
        "chameleon:transform/guest@0.1.0#plan-table",
        "plan for shop.t",
        "    number int not null key <- id",
        "    twice bigint as numeric(30) null <- computed",
    ] {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.text());
    }
    let arguments = ["transform", "inspect", &module, "--table", TABLE, "--json"];
    let json = home.run(&arguments).expect(0).json();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(json["plan"]["reads"], serde_json::json!(["id"]));
    let log = guest(&home, "log_flood");
    let json = home
        .run(&["transform", "inspect", &log, "--json"])
        .expect(0)
        .json();
    assert_eq!(
        json["imports"],
        serde_json::json!(["chameleon:transform/host@0.1.0#log"])
    );
}

#[test]
fn inspect_names_what_is_wrong() {
    let home = Home::new();
    let check = |arguments: &[&str], code: &str| {
        let all = [&["transform", "inspect"], arguments].concat();
        let ran = home.run(&all).expect(2);
        assert!(
            ran.stderr.starts_with(&format!("error[{code}]: ")),
            "{}",
            ran.text()
        );
    };
    let imports = guest(&home, "component_unknown_import");
    let pass = guest(&home, "pass");
    check(&["nowhere.wasm"], "TRF001");
    check(&[&imports], "TRF006");
    check(&[&pass, "--table", "create view v as select 1"], "TRF043");
    check(&[&pass, "--table", "/nowhere/table.sql"], "TRF043");
    check(&[&pass, "--table", TABLE, "--with", "{\"a\": "], "TRF010");
}

fn cases(home: &Home, text: &str) -> (String, PathBuf) {
    let directory = home.path().join("cases");
    std::fs::create_dir(&directory).unwrap();
    let file = directory.join("one.json");
    std::fs::write(&file, text).unwrap();
    (directory.display().to_string(), file)
}

#[test]
fn cases_are_blessed_and_then_hold() {
    let home = Home::new();
    let module = guest(&home, "filter_even");
    let (directory, file) = cases(
        &home,
        r#"{
          "table": "create table pair (id int primary key, n int not null)",
          "steps": [
            {"rows": [
              {"op": "insert", "after": {"id": 1, "n": 2}},
              {"op": "update", "before": {"id": 1, "n": 2}, "after": {"id": 1, "n": 3}}
            ]},
            {"ddl": "alter table pair add column more date"},
            {"rows": [{"op": "refresh", "after": {"id": 2, "n": 4, "more": "0000-00-00"}}]}
          ]
        }"#,
    );
    let test =
        |more: &[&str]| home.run(&[&["transform", "test", &module, &directory], more].concat());
    let ran = test(&[]).expect(1);
    assert!(ran.stdout.contains("different one"), "{}", ran.text());
    assert!(ran.stderr.contains("TRF042"), "{}", ran.text());
    test(&["--bless"]).expect(0);
    let ran = test(&[]).expect(0);
    assert!(ran.stdout.contains("ok        one"), "{}", ran.text());
    insta::assert_snapshot!(std::fs::read_to_string(&file).unwrap());
    // a wrong expectation is found again
    let wrong = std::fs::read_to_string(&file)
        .unwrap()
        .replace("\"op\":\"delete\"", "\"op\":\"insert\"");
    std::fs::write(&file, wrong).unwrap();
    let ran = test(&["--json"]).expect(1);
    let json = ran.json();
    assert_eq!((&json["failed"], &json["passed"]), (&1.into(), &0.into()));
    let differences = json["cases"][0]["differences"].as_array().unwrap();
    assert_eq!(differences.len(), 2, "{}", ran.text());
}

#[test]
fn a_case_tells_what_fails_and_what_is_refused() {
    let home = Home::new();
    let module = guest(&home, "trap_on_13");
    let text = r#"{
      "table": "create table pair (id int primary key, n int)",
      "on_error": "dead_letter",
      "steps": [{"rows": [{"op": "insert", "after": {"id": 13, "n": 1}}, {"op": "insert", "after": {"id": 1, "n": 1}}]}]
    }"#;
    let (directory, file) = cases(&home, text);
    home.run(&["transform", "test", &module, &directory, "--bless"])
        .expect(0);
    let blessed = std::fs::read_to_string(&file).unwrap();
    assert!(
        blessed.contains(r#"{"failed":"TRF023","row":0,"#),
        "{blessed}"
    );
    assert!(blessed.contains(r#""after":{"id":1,"n":1}"#), "{blessed}");
    let refusing = guest(&home, "refuse_table");
    home.run(&["transform", "test", &refusing, &directory, "--bless"])
        .expect(0);
    let blessed = std::fs::read_to_string(&file).unwrap();
    assert!(blessed.contains(r#""refused": "TRF011""#), "{blessed}");
    assert!(
        blessed.contains(r#"{"stopped":"TRF011","row":0}"#),
        "{blessed}"
    );
}

#[test]
fn cases_that_cannot_be_read_are_named() {
    let home = Home::new();
    let module = guest(&home, "pass");
    let (directory, file) = cases(&home, "");
    let check = |text: &str, words: &str| {
        std::fs::write(&file, text).unwrap();
        let ran = home
            .run(&["transform", "test", &module, &directory])
            .expect(2);
        assert!(ran.stderr.starts_with("error[TRF041]: "), "{}", ran.text());
        assert!(ran.stderr.contains(words), "{}", ran.text());
    };
    check("{", "one.json");
    check(
        r#"{"table": "select 1"}"#,
        "no statement makes or alters a table",
    );
    check(
        r#"{"table": "create table t (id int)", "steps": [{"rows": [{"op": "insert", "after": {"x": 1}}]}]}"#,
        "no column `x`",
    );
    check(
        r#"{"table": "create table t (id int)", "steps": [{"rows": [{"op": "delete", "after": {"id": 1}}]}]}"#,
        "do not go with the operation",
    );
}

#[test]
fn bench_measures_four_sizes_of_batches() {
    let home = Home::new();
    let module = guest(&home, "identity");
    let arguments = [
        "transform",
        "bench",
        &module,
        "--milliseconds",
        "10",
        "--json",
    ];
    let json = home.run(&arguments).expect(0).json();
    let rows: Vec<u64> = json["batches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| batch["rows"].as_u64().unwrap())
        .collect();
    assert_eq!(rows, [1, 100, 1000, 4096]);
    assert!(json["batches"][2]["ns_per_row"].as_f64().unwrap() > 0.0);
    assert!(json["memory_bytes"].as_u64().unwrap() > 0);
    assert!(json["compile_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn new_writes_a_project_and_nothing_over_another() {
    let home = Home::new();
    let directory = home.path().join("hide-emails");
    let path = directory.display().to_string();
    let new = |name: &str| home.run(&["transform", "new", name, "--path", &path]);
    assert!(new("Hide").expect(2).stderr.starts_with("error[TRF040]: "));
    new("hide-emails").expect(0);
    let readme = std::fs::read_to_string(directory.join("README.md")).unwrap();
    assert!(readme.contains("hide-emails"), "{readme}");
    let ran = new("hide-emails").expect(2);
    assert!(ran.stderr.contains("it is there already"), "{}", ran.text());
}
