//! The home directory.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chameleon_config::{ExampleFile, Home, parse};

#[test]
fn the_flag_wins_over_the_environment_and_that_over_the_default() {
    let both = |name: &str| match name {
        "CHAMELEON_HOME" => Some("/srv/chameleon".to_owned()),
        "HOME" => Some("/home/ada".to_owned()),
        _ => None,
    };
    let home = |name: &str| both(name).filter(|_| name == "HOME");
    let check = |flag: Option<&str>, env: &dyn Fn(&str) -> Option<String>, expect: Option<&str>| {
        let found = Home::resolve_in(flag.map(Path::new), env).ok();
        assert_eq!(found.as_ref().map(Home::path), expect.map(Path::new));
    };
    check(Some("/flag"), &both, Some("/flag"));
    check(None, &both, Some("/srv/chameleon"));
    check(None, &home, Some("/home/ada/.pg_chameleon"));
    check(None, &|_| None, None);
}

#[test]
fn a_value_with_a_slash_or_yaml_is_a_path() {
    let home = Home::resolve_in(Some(Path::new("/h")), &|_| None).unwrap();
    let check = |value: &str, expect: &str| {
        assert_eq!(home.config_path(value), PathBuf::from(expect), "{value}");
    };
    check("default", "/h/config/default.yaml");
    check("my.source", "/h/config/my.source.yaml");
    check("./default", "./default");
    check("x.yaml", "x.yaml");
    check("/etc/chameleon/a", "/etc/chameleon/a");
}

#[test]
fn the_example_is_written_and_never_over_a_changed_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/home");
    let home = Home::resolve_in(Some(&path), &|_| None).unwrap();
    assert_eq!(home.create_with_example().unwrap(), ExampleFile::Written);
    assert_eq!(home.create_with_example().unwrap(), ExampleFile::UpToDate);
    for name in ["", "config", "logs", "pid"] {
        let mode = std::fs::metadata(path.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
    assert!(home.all_configs().unwrap().is_empty());

    std::fs::write(home.example_path(), "source_name: mine\n").unwrap();
    assert_eq!(
        home.create_with_example().unwrap(),
        ExampleFile::KeptChanged
    );
    let kept = std::fs::read_to_string(home.example_path()).unwrap();
    assert_eq!(kept, "source_name: mine\n");
}

#[test]
fn the_example_is_a_configuration_that_shows_the_defaults() {
    let env = |name: &str| Some(format!("value of {name}"));
    let example = include_str!("../../config-example.yaml");
    let (config, report) = parse("config-example", example, &env).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");

    // what is commented out is a configuration too, with the values that are the default
    let mut shown = String::new();
    for line in example.lines() {
        let bare = line.trim_start();
        let key = bare
            .strip_prefix('#')
            .filter(|rest| !rest.starts_with([' ', '-']));
        let continued = bare.starts_with("#  ") && !bare.contains("64 hex digits");
        let indent = &line[..line.len() - bare.len()];
        match key.or(continued.then(|| &bare[1..])) {
            Some(text) => shown.push_str(&format!("{indent}{text}\n")),
            None => shown.push_str(&format!("{line}\n")),
        }
    }
    let (mut all, report) = parse("config-example", &shown, &env).unwrap_or_else(|error| {
        panic!("{:?}\n{shown}", error.report());
    });
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(all.transforms.len(), 1);
    assert_eq!(all.secrets.len(), 1);
    assert!(all.http.is_some());
    assert_eq!(all.rules.overrides.len(), 1);
    all.transforms.clear();
    all.secrets.clear();
    all.http = None;
    all.rules.overrides.clear();
    all.mysql.tls.ca = None;
    all.log_dir.clone_from(&config.log_dir);
    all.pid_dir.clone_from(&config.pid_dir);
    assert_eq!(all, config);
}

#[test]
fn all_configs_are_the_yaml_files_but_the_example() {
    let directory = tempfile::tempdir().unwrap();
    let home = Home::resolve_in(Some(directory.path()), &|_| None).unwrap();
    assert!(home.all_configs().is_err());
    home.create_with_example().unwrap();
    for name in ["b.yaml", "a.yaml", "notes.txt", "c.yaml.bak"] {
        std::fs::write(directory.path().join("config").join(name), "").unwrap();
    }
    let names: Vec<_> = home.all_configs().unwrap();
    let names: Vec<_> = names.iter().map(|p| p.file_name().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "b.yaml"]);
}
