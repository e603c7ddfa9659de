//! Arguments, help, and the commands that need no server.

use crate::bench::{Home, finish, snapshots};

#[test]
fn the_help_lists_every_command() {
    let home = Home::new();
    let ran = home.run(&["--help"]).expect(0);
    insta::assert_snapshot!(ran.text());
    let ran = home.run(&["init_replica", "--help"]).expect(0);
    insta::assert_snapshot!(ran.text());
}

#[test]
fn bad_usage_ends_with_two_and_a_code() {
    let home = Home::new();
    let check = |arguments: &[&str], word: &str| {
        let ran = home.run(arguments).expect(2);
        assert!(ran.stdout.is_empty(), "{}", ran.text());
        assert!(ran.stderr.starts_with("error[CFG050]: "), "{}", ran.text());
        assert!(ran.stderr.contains(word), "{}", ran.text());
    };
    check(&["chek"], "check");
    check(&["--all", "check", "--config", "a"], "--all");
    check(&["sync_tables"], "--tables");
    check(&["init_replica", "--position", "nowhere"], "FILE:POS");
    check(&["init_replica", "--workers", "0"], "--workers");
    check(
        &[
            "start_replica",
            "--until-caught-up",
            "--until-position",
            "b.1:4",
        ],
        "--until-position",
    );
}

#[test]
fn without_a_command_the_help_is_shown_as_an_error() {
    let ran = Home::new().run(&[]).expect(2);
    assert!(
        ran.stdout.is_empty() && ran.stderr.contains("start_replica"),
        "{}",
        ran.text()
    );
}

#[test]
fn the_version_goes_to_stdout() {
    let ran = Home::new().run(&["--version"]).expect(0);
    assert!(ran.stdout.starts_with("chameleon "), "{}", ran.text());
}

#[test]
fn sync_replica_is_refused_and_names_sync_tables() {
    for name in ["sync_replica", "sync-replica"] {
        let ran = Home::new().run(&[name]).expect(2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.text(), @r"
            exit 2
            --- stderr
            error[CFG053]: sync_replica: this command is disabled
            hint: chameleon sync_tables --tables A,B; for everything: chameleon init_replica
            ");
        }
    }
}

#[test]
fn explain_prints_the_page_of_a_code() {
    let home = Home::new();
    let ran = home.run(&["explain", "cat003"]).expect(0);
    assert!(ran.stdout.starts_with("# CAT003: "), "{}", ran.text());
    assert!(ran.stdout.contains("## What to do"), "{}", ran.text());
    let json = home.run(&["explain", "CAT003", "--json"]).expect(0).json();
    assert_eq!(
        (&json["schema_version"], &json["code"]),
        (&1.into(), &"CAT003".into())
    );
    insta::assert_snapshot!(home.run(&["explain", "XYZ999"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CFG056]: explain XYZ999: there is no such code
    hint: codes look like CAT003; every error prints its own
    ");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for arguments in [&["explain", "CAT003"][..], &["--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = Home::new()
            .command(arguments)
            .stdout(writer)
            .spawn()
            .unwrap();
        let ran = finish(child).expect(0);
        assert!(ran.stderr.is_empty(), "{}", ran.text());
    }
}

#[test]
fn an_error_is_one_json_object_where_json_is_wanted() {
    let home = Home::new();
    let ran = home.run(&["explain", "XYZ999", "--json"]).expect(2);
    let error: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert_eq!(error["code"], "CFG056");
    assert!(ran.stdout.is_empty());
}

#[test]
fn set_configuration_files_never_overwrites_what_somebody_changed() {
    let home = Home::new();
    let example = home.config_path("config-example");
    let _filters = snapshots(&home).bind_to_scope();
    let says = |expect: &str| {
        let ran = home.run(&["set_configuration_files"]).expect(0);
        assert!(ran.stdout.contains(expect), "{}", ran.text());
    };
    says(": written");
    says(": up to date");
    std::fs::write(&example, "mine: 1\n").unwrap();
    says("somebody has changed it");
    assert_eq!(std::fs::read_to_string(&example).unwrap(), "mine: 1\n");
    assert!(home.path().join("logs").is_dir() && home.path().join("pid").is_dir());
    let ran = home.run(&["--json", "set-configuration-files"]).expect(0);
    insta::assert_snapshot!(ran.stdout, @r#"{"example":"[home]/config/config-example.yaml","home":"[home]","result":"kept","schema_version":1}"#);
}
