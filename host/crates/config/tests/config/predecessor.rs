//! Files of pg_chameleon 1.x.

use std::path::PathBuf;
use std::time::Duration;

use chameleon_config::{LogDest, LogLevel, TlsMode, parse};
use chameleon_diag::Severity;

use crate::{accept, env};

const EXAMPLE: &str = include_str!("../files/pg_chameleon-1.3.yaml");

#[test]
fn every_key_of_1_x_keeps_its_meaning() {
    let (config, report) = parse("orders", EXAMPLE, &env).unwrap();
    assert_eq!(config.my_server_id, Some(77));
    assert_eq!(config.replica_batch_size, 1500);
    assert_eq!(config.batch_retention, Duration::from_secs(2 * 86_400));
    assert_eq!(config.copy_max_memory_bytes, 64 << 20);
    assert_eq!(config.my_database, "orders");
    assert_eq!(config.pg_database, "replica");
    assert_eq!(config.pg.database, "replica");
    assert_eq!(config.source_name, "orders");
    assert_eq!(config.dest_schema, "orders_copy");
    assert_eq!(config.sleep_loop, Duration::from_secs(5));
    assert!(config.pause_on_reindex);
    assert_eq!(config.sleep_on_reindex, Duration::from_secs(20));
    assert_eq!(config.reindex_app_names, ["reindexdb", "nightly"]);
    let hexify = ["blob", "tinyblob", "mediumblob", "longblob", "binary"];
    assert_eq!(config.rules.hexify, hexify);
    assert_eq!(config.log_level, LogLevel::Debug);
    assert_eq!(config.log_dest, LogDest::Stdout);
    assert_eq!(config.log_days_keep, 7);
    let log = PathBuf::from("/home/ada/.pg_chameleon/logs/orders.log");
    assert_eq!(config.log_file(), log);
    let pid = PathBuf::from("/home/ada/.pg_chameleon/pid/orders.pid");
    assert_eq!(config.pid_file(), pid);
    assert!(config.tables_limit.is_empty());
    let mysql = &config.mysql;
    assert_eq!((mysql.host.as_str(), mysql.port), ("db1.example", 3307));
    assert_eq!(mysql.user, "reader");
    assert_eq!(mysql.password.expose(), "first_secret");
    let pg = &config.pg;
    assert_eq!((pg.host.as_str(), pg.port), ("pg1.example", 5433));
    assert_eq!(
        (pg.user.as_str(), pg.password.expose()),
        ("writer", "second_secret")
    );

    assert_eq!(report.findings.len(), 1);
    let note = &report.findings[0];
    assert_eq!(note.severity, Severity::Info);
    assert_eq!(note.object, "copy_mode, my_charset, pg_charset, out_dir");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_change_nothing() {
    let (expect, _) = parse("orders", EXAMPLE, &env).unwrap();
    let text = format!("\u{feff}{}", EXAMPLE.replace('\n', "\r\n"));
    assert_eq!(parse("orders", &text, &env).unwrap().0, expect);
}

#[test]
fn what_pymysql_took_in_ssl_is_taken_as_tls() {
    let check = |ssl: &str, mode: TlsMode| {
        let text = crate::LEAST.replace("passwd: p}", &format!("passwd: p, ssl: {ssl}}}"));
        let (config, _) = parse("test", &text, &env).unwrap();
        assert_eq!(config.mysql.tls.mode, mode, "{ssl}");
    };
    check("{ca: /etc/ca.pem}", TlsMode::VerifyFull);
    check("{ca: /etc/ca.pem, check_hostname: no}", TlsMode::VerifyCa);
    check("{cert: /c.pem, key: /k.pem}", TlsMode::Require);
}

#[test]
fn an_empty_key_is_as_good_as_none() {
    let (expect, _) = accept("");
    let empty = "\
tables_limit:
hexify: ~
sleep_loop: null
reindex_app_names:
pause_on_reindex:
type_override:
transforms:
secrets:
http:
zero_date:
log_dir:
my_server_id: ${EMPTY}
";
    let (found, report) = accept(empty);
    assert_eq!(found, expect);
    assert_eq!(report, "");
}

#[test]
fn the_later_of_two_equal_keys_counts_as_in_1_x() {
    let (config, report) = accept("sleep_loop: 1\nsleep_loop: 2\n");
    assert_eq!(config.sleep_loop, Duration::from_secs(2));
    insta::assert_snapshot!(report, @r"
    warning[CFG008] sleep_loop: line 8: the key stands a second time; the later value counts
      remedy: remove one of the two lines
    ");
}

#[test]
fn a_closing_bracket_may_stand_at_the_start_of_a_line() {
    let (config, _) = accept("tables_limit: [\n  a,\n  b\n]\nhttp: {\n listen: \"[::1]:80\"\n}\n");
    assert_eq!(config.tables_limit, ["a", "b"]);
    assert!(config.http.is_some());
}
