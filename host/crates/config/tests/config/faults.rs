//! What is said about files that cannot be used.

use chameleon_config::load;
use chameleon_diag::render_error;

use crate::{LEAST, accept, faults_of, listing, read};

#[test]
fn all_faults_of_a_file_are_said_at_once() {
    let text = "\
my_server_id: many
replica_batch_size: 0
batch_retention: soon
copy_max_memory: 300X
my_database: shop
pg_databse: warehouse
dest_schema: sch_chameleon
sleep_loop: -1
pause_on_reindex: perhaps
reindex_app_names: {a: b}
log_level: verbose
log_dir: ~bob/logs
log_days_keep: [1]
tables_limit: [a, b]
skip_tables: [b]
skip_tabels: [c]
zero_date: epok
mysql_conn:
  hots: my
  port: 70000
  user: u
  passwd: p
  password: other
  tls: {mode: verify, cert: /c.pem}
port: 5432
type_override:
  tinyint(1): boolean
  decimal(10, 2): {override_to: \"text; drop table x\", tables: [a]}
hexify: [blobb, int]
http: {listen: localhost}
transforms:
  - {name: a, module: a.wasm, tables: [x], sha256: abc, on_eror: stop}
  - {name: a, module: b.wasm}
  - just text
secrets: {key: , other: \"${NOT_SET}\"}
sleep_loop: 2
yes: no
";
    insta::assert_snapshot!("all_faults", faults_of(text));
}

#[test]
fn an_empty_file_is_told_what_it_needs() {
    insta::assert_snapshot!(faults_of("# nothing\n"), @r"
    error[CFG003] source_name: the key is missing or empty
      remedy: name the source; each source has its own name
    error[CFG003] dest_schema: the key is missing or empty
      remedy: name the PostgreSQL schema to replicate into
    error[CFG003] my_database: the key is missing or empty
      remedy: name the database to replicate
    error[CFG003] pg_database: the key is missing or empty
      remedy: name the PostgreSQL database
    error[CFG003] mysql_conn: the key is missing or empty
      remedy: say how to reach the source: host, port, user, passwd
    error[CFG003] pg_conn: the key is missing or empty
      remedy: say how to reach the target: host, port, user, password
    ");
}

#[test]
fn text_that_is_not_yaml_is_named_by_its_line() {
    insta::assert_snapshot!(faults_of("a: b\nc: [d\ne: f\n"), @r"
    error[CFG011] the file: line 3: illegal placement of ':' indicator
      remedy: mend the line; text with special characters goes into quotes
    ");
    insta::assert_snapshot!(faults_of("just words"), @r"
    error[CFG011] the file: line 1: the file is not a map of keys and values
      remedy: write `key: value` on each line, as in config-example.yaml
    ");
    insta::assert_snapshot!(faults_of("a: b\n---\nc: d\n"), @r"
    error[CFG011] the file: line 2: a second document begins here
      remedy: mend the line; text with special characters goes into quotes
    ");
    insta::assert_snapshot!(faults_of("a: !!python/object:os.system x\n"), @r"
    error[CFG011] the file: line 1: a tag (`!...`) that a configuration has no use for
      remedy: mend the line; text with special characters goes into quotes
    ");
    insta::assert_snapshot!(faults_of("a: *nobody\n"), @r"
    error[CFG011] the file: line 1: while parsing node, found unknown anchor
      remedy: mend the line; text with special characters goes into quotes
    ");
    insta::assert_snapshot!(faults_of("? [a, b]\n: c\n"), @r"
    error[CFG011] the file: line 1: a key must be a word, not a list or a map
      remedy: mend the line; text with special characters goes into quotes
    ");
}

#[test]
fn several_sessions_behind_a_relay_are_refused() {
    for relay in ["", "apply: relay\n"] {
        let error = read(&format!("{relay}apply_workers: 4\n")).unwrap_err();
        let line = 7 + relay.lines().count();
        assert_eq!(
            listing(&error),
            format!(
                "error[CFG004] apply_workers: line {line}: several sessions can share a batch only \
                 where it goes straight to the tables\n  \
                 remedy: set `apply: direct`, or leave apply_workers out\n"
            )
        );
    }
}

#[test]
fn a_file_of_2_x_is_recognised() {
    let text = "sources:\n  mysql: {type: mysql}\npg_conn: {host: pg, user: u}\n";
    let faults = faults_of(text);
    assert!(faults.contains("pg_chameleon 2.x"), "{faults}");
}

#[test]
fn words_that_1_x_would_have_read_otherwise_are_noticed() {
    let (config, report) = accept("reindex_app_names: [on, 'off', 0123, x]\n");
    assert_eq!(config.reindex_app_names, ["on", "off", "0123", "x"]);
    insta::assert_snapshot!(report, @r"
    warning[CFG010] reindex_app_names: line 7: without quotes this could be read as a number or a truth value; it is taken as the text that stands there
      remedy: put it in quotes
    ");
}

#[test]
fn the_error_names_the_file_and_the_number_of_faults() {
    let error = read("log_dest: nowhere\nsleep_loop: x\n").unwrap_err();
    insta::assert_snapshot!(render_error(&error), @r"
    error[CFG002]: use the configuration file, which has 2 faults: test.yaml
    hint: log_dest: line 7: `nowhere` is not one of stdout, file: write one of these words
    ");
    assert_eq!(listing(&error).lines().count(), 4);
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing.yaml");
    assert!(render_error(&load(&missing).unwrap_err()).starts_with("error[CFG001]"));
    let binary = directory.path().join("binary.yaml");
    std::fs::write(&binary, [LEAST.as_bytes(), &[0xff, 0xfe]].concat()).unwrap();
    assert!(render_error(&load(&binary).unwrap_err()).contains("not UTF-8"));
    let large = directory.path().join("large.yaml");
    std::fs::write(&large, "#".repeat(2 << 20)).unwrap();
    assert!(render_error(&load(&large).unwrap_err()).contains("larger than 1 MiB"));
}
