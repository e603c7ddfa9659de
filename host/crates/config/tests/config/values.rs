//! Single keys: what is taken, and as what.

use std::path::Path;
use std::time::Duration;

use chameleon_config::{ApplyMode, Config, LogDest, LogLevel, OnDrift, OnError, TlsMode, parse};
use chameleon_model::{NulPolicy, TypeProfile, ZeroDatePolicy};

use crate::{accept, env};

fn check<T: PartialEq + std::fmt::Debug>(more: &str, get: impl Fn(&Config) -> T, expect: T) {
    let (config, report) = accept(more);
    assert_eq!(get(&config), expect, "{more}");
    assert_eq!(report, "", "{more}");
}

#[test]
fn truth_values_are_taken_in_every_spelling_of_yaml_1_1() {
    for yes in [
        "yes", "Yes", "YES", "y", "Y", "on", "On", "true", "TRUE", "'yes'", "\"ON\"", "1",
    ] {
        check(
            &format!("pause_on_reindex: {yes}"),
            |c| c.pause_on_reindex,
            true,
        );
    }
    for no in [
        "no", "No", "n", "N", "off", "OFF", "false", "False", "'No'", "0",
    ] {
        check(&format!("auto_upgrade: {no}"), |c| c.auto_upgrade, false);
        check(
            &format!("empty_enum_label: {no}"),
            |c| c.rules.empty_enum_label,
            false,
        );
    }
}

#[test]
fn sizes_numbers_and_spans_are_taken_quoted_or_not() {
    let memory = |c: &Config| c.copy_max_memory_bytes;
    check("copy_max_memory: 300M", memory, 300 << 20);
    check("copy_max_memory: '1G'", memory, 1 << 30);
    check("copy_max_memory: 2048k", memory, 2 << 20);
    check("copy_max_memory: 1048576", memory, 1 << 20);
    check("copy_max_memory: 1_048_576", memory, 1 << 20);
    check("replica_batch_size: '500'", |c| c.replica_batch_size, 500);
    check(
        "my_server_id: 4294967295",
        |c| c.my_server_id,
        Some(u32::MAX),
    );
    let retention = |c: &Config| c.batch_retention.as_secs();
    check("batch_retention: '1 day'", retention, 86_400);
    check("batch_retention: 12 hours", retention, 43_200);
    check("batch_retention: 30 minutes", retention, 1800);
    check("batch_retention: '01:30:00'", retention, 5400);
    check(
        "sleep_loop: 0.5",
        |c| c.sleep_loop,
        Duration::from_millis(500),
    );
    check(
        "sleep_loop: '10'",
        |c| c.sleep_loop,
        Duration::from_secs(10),
    );
    check(
        "sleep_on_reindex: 1:30",
        |c| c.sleep_on_reindex,
        Duration::from_secs(90),
    );
}

#[test]
fn a_batch_is_larger_without_a_relay_unless_its_size_is_given() {
    let size = |c: &Config| c.replica_batch_size;
    check("", size, 10_000);
    check("apply: relay", size, 10_000);
    check("apply: direct", size, 50_000);
    for given in [1, 10_000, 20_000, 50_000] {
        for mode in ["relay", "direct"] {
            let more = format!("apply: {mode}\nreplica_batch_size: {given}");
            check(&more, size, given);
        }
    }
}

#[test]
fn several_sessions_apply_where_there_is_no_relay() {
    let workers = |c: &Config| c.apply_workers;
    check("apply: direct", workers, 1);
    check("apply: direct\napply_workers: 4", workers, 4);
    check("apply: relay\napply_workers: 1", workers, 1);
}

#[test]
fn a_single_value_stands_for_a_list_of_one() {
    let tables = |c: &Config| c.tables_limit.clone();
    check("tables_limit: a", tables, vec!["a".into()]);
    check(
        "tables_limit: [a, 'b c']",
        tables,
        vec!["a".into(), "b c".into()],
    );
    check("tables_limit:\n- a\n-\n", tables, vec!["a".into()]);
}

#[test]
fn words_are_taken_in_any_case() {
    check("log_dest: File", |c| c.log_dest, LogDest::File);
    check("log_level: WARNING", |c| c.log_level, LogLevel::Warning);
    check("apply: direct", |c| c.apply, ApplyMode::Direct);
    check("on_drift: apply", |c| c.on_drift, OnDrift::Apply);
    check(
        "type_profile: pg_chameleon",
        |c| c.rules.profile,
        TypeProfile::PgChameleon,
    );
    check(
        "zero_date: \"null\"",
        |c| c.rules.zero_date,
        ZeroDatePolicy::Null,
    );
    check(
        "zero_date: minus-infinity",
        |c| c.rules.zero_date,
        ZeroDatePolicy::MinusInfinity,
    );
    check(
        "nul_character: replace",
        |c| c.rules.nul_character,
        NulPolicy::Replace,
    );
}

#[test]
fn relative_paths_start_from_the_file_and_logs_from_its_home() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path();
    std::fs::create_dir(home.join("config")).unwrap();
    let file = home.join("config/a.yaml");
    let more = "pid_dir: run\ntransforms:\n- {name: m, module: m.wasm, tables: ['*']}\n";
    std::fs::write(&file, format!("{}{more}", crate::LEAST)).unwrap();
    let (config, _) = chameleon_config::load(&file).unwrap();
    assert_eq!(config.name, "a");
    assert_eq!(config.pid_dir, home.join("config/run"));
    assert_eq!(config.transforms[0].module, home.join("config/m.wasm"));
    assert_eq!(config.log_dir, home.join("logs"));
}

#[test]
fn variables_are_put_in_after_yaml_is_read() {
    check(
        "reindex_app_names: ['${ODD}']",
        |c| c.reindex_app_names[0].clone(),
        "a: [b\n# c".into(),
    );
    check(
        "replica_batch_size: ${PORT}",
        |c| c.replica_batch_size,
        3311,
    );
    check(
        "reindex_app_names: ['$${PORT}']",
        |c| c.reindex_app_names[0].clone(),
        "${PORT}".into(),
    );
    check(
        "log_dir: ${HOME}/l",
        |c| c.log_dir.clone(),
        "/home/ada/l".into(),
    );
}

#[test]
fn tls_is_a_map_or_its_mode_alone() {
    let check = |tls: &str, mode: TlsMode, ca: Option<&str>| {
        let text = crate::LEAST.replace("password: p}", &format!("password: p, tls: {tls}}}"));
        let (config, _) = parse("test", &text, &env).unwrap();
        assert_eq!(config.pg.tls.mode, mode, "{tls}");
        assert_eq!(config.pg.tls.ca.as_deref(), ca.map(Path::new), "{tls}");
    };
    check(
        "{mode: verify-full, ca: ~/ca.pem}",
        TlsMode::VerifyFull,
        Some("/home/ada/ca.pem"),
    );
    check(
        "{mode: VERIFY_CA, ca: /ca.pem}",
        TlsMode::VerifyCa,
        Some("/ca.pem"),
    );
    check("require", TlsMode::Require, None);
    check("{}", TlsMode::Prefer, None);
}

#[test]
fn overrides_transforms_and_http_are_read_whole() {
    let (config, report) = accept(
        "
type_override:
  \"tinyint(1)\": {override_to: boolean, override_tables: [\"*\"]}
  shop.customer.flags: {override_to: \"bit varying(8)\"}
transforms:
  - name: mask
    module: /opt/mask.wasm
    sha256: E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855
    tables: [customer]
    config: {columns: [email, 'no'], keep: 2, ratio: 0.5, strict: true, country: NO, code: 007}
    on_error: dead_letter
http: {listen: \"127.0.0.1:9187\"}
",
    );
    assert_eq!(report, "");
    let overrides = &config.rules.overrides;
    assert_eq!(overrides[0].source, "tinyint(1)");
    assert_eq!(overrides[0].target, "boolean");
    assert_eq!(overrides[1].tables, ["*"]);
    let mask = &config.transforms[0];
    assert_eq!(mask.on_error, OnError::DeadLetter);
    assert_eq!(mask.sha256.as_deref().map(|s| &s[..8]), Some("e3b0c442"));
    insta::assert_snapshot!(mask.config.to_string(), @r#"{"code":"007","columns":["email","no"],"country":"NO","keep":2,"ratio":0.5,"strict":true}"#);
    let listen = config.http.map(|http| http.listen.to_string());
    assert_eq!(listen.as_deref(), Some("127.0.0.1:9187"));
}

#[test]
fn anchors_and_merge_keys_work_as_in_yaml_1_1() {
    let text = "\
source_name: shop
my_database: shop
pg_database: warehouse
dest_schema: shop
mysql_conn: &conn {host: one, user: u, passwd: p, port: 1}
pg_conn: {<<: *conn, host: two}
";
    let (config, _) = parse("test", text, &env).unwrap();
    assert_eq!((config.pg.host.as_str(), config.pg.port), ("two", 1));
    assert_eq!(config.pg.password.expose(), "p");
}
