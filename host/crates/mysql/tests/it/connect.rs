//! Connections: login, TLS, time limits, positions.

use std::path::PathBuf;
use std::time::Duration;

use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_mysql::{ConnectOptions, Flavor, Source, SourceError, TableSelection, TlsMode};

use crate::fake_server::{self, Behaviour, Certificates};
use crate::support::{TestDb, options, server};

fn source(port: u16) -> Source {
    let mut options = ConnectOptions::new("127.0.0.1", port, "u", "geheim");
    options.connect_timeout = Duration::from_secs(5);
    Source {
        options,
        database: "d".to_owned(),
    }
}

async fn error(source: &Source) -> SourceError {
    let error = source.connect().await.expect_err("no connection");
    assert!(!format!("{error} {error:?}").contains("geheim"));
    error
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_server_that_does_not_answer() {
    let mut wrong = source(0);
    wrong.options = options(&server());
    wrong.options.password = "geheim".to_owned();
    let refused = error(&wrong).await;
    assert_eq!(refused.code(), codes::SRC002, "{refused:?}");
    assert_eq!(refused.retry(), RetryDirective::AfterOperatorAction);
    // a port that nothing listens at
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let absent = error(&source(port)).await;
    assert_eq!(absent.code(), codes::SRC001);
    assert_eq!(absent.retry(), RetryDirective::WithBackoff);
    let mut nameless = source(port);
    nameless.options.host = "no-such-host.invalid".to_owned();
    assert_eq!(error(&nameless).await.code(), codes::SRC001);
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let mut silent = source(fake_server::start(Behaviour::Silent).await);
    silent.options.connect_timeout = Duration::from_millis(200);
    let error = error(&silent).await;
    assert!(matches!(error, SourceError::Timeout { .. }));
    assert_eq!(error.code(), codes::SRC001);
}

#[tokio::test]
async fn a_killed_session_is_a_lost_connection() {
    let mut db = TestDb::new().await;
    let mut conn = db.connect().await;
    let id = conn.connection_id();
    db.run(&format!("kill {id}")).await;
    let error = conn.current_position().await.unwrap_err();
    assert_eq!(error.code(), codes::SRC001, "{error:?}");
    assert_eq!(error.retry(), RetryDirective::WithBackoff);
}

#[tokio::test]
async fn positions_files_and_sizes_are_read() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); insert into t values (1)")
        .await;
    let mut conn = db.connect().await;
    let before = conn.current_position().await.unwrap();
    db.run("insert into t values (2)").await;
    let after = conn.current_position().await.unwrap();
    assert!(after.binlog > before.binlog);
    let info = conn.server_info().clone();
    assert!(info.log_bin && info.server_id > 0);
    assert_eq!(info.binlog_format, "ROW");
    assert_eq!(after.gtids.is_some(), info.gtids);
    if let (Some(before), Some(after)) = (&before.gtids, &after.gtids) {
        assert!(after.contains(before) && !before.contains(after));
    }
    let files = conn.binlog_files().await.unwrap();
    let (last, size) = files.last().unwrap();
    assert!(**last >= *after.binlog.file && *size > 0);
    assert!(files.is_sorted());
    let database = db.source.database.clone();
    let all = TableSelection::all();
    let rows = conn.table_row_estimates(&database, &all).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert!(conn.database_bytes(&database, &all).await.unwrap() > 0);
    let none = TableSelection {
        limit: vec!["x".into()],
        skip: vec![],
    };
    assert_eq!(conn.database_bytes(&database, &none).await.unwrap(), 0);
    match info.flavor {
        Flavor::MySql => assert!(info.server_uuid.is_some() && info.version >= 50_700),
        Flavor::MariaDb => assert!(info.version >= 100_500),
    }
    conn.close().await;
}

#[tokio::test]
async fn tls_is_used_where_offered_and_demanded_where_asked() {
    let plain = fake_server::start(Behaviour::Plain).await;
    let tls = Behaviour::Tls(fake_server::certificates(&["localhost"]).config);
    let tls = fake_server::start(tls).await;
    let check = async |port: u16, mode: TlsMode, code: ErrorCode| {
        let mut source = source(port);
        source.options.tls.mode = mode;
        let error = error(&source).await;
        assert_eq!(error.code(), code, "{mode:?} {error:?}");
    };
    // the login is refused, so the connection was good enough for it
    check(plain, TlsMode::Disable, codes::SRC002).await;
    check(plain, TlsMode::Prefer, codes::SRC002).await;
    check(plain, TlsMode::Require, codes::TLS002).await;
    check(plain, TlsMode::VerifyFull, codes::TLS002).await;
    check(tls, TlsMode::Prefer, codes::SRC002).await;
    check(tls, TlsMode::Require, codes::SRC002).await;
    check(tls, TlsMode::VerifyCa, codes::TLS001).await;
    check(tls, TlsMode::VerifyFull, codes::TLS001).await;
}

async fn check_certificate(
    served: &Certificates,
    trusted: &Certificates,
    host: &str,
    mode: TlsMode,
    code: ErrorCode,
) {
    let directory = tempfile::tempdir().unwrap();
    let ca: PathBuf = directory.path().join("ca.pem");
    std::fs::write(&ca, &trusted.ca).unwrap();
    let behaviour = Behaviour::Tls(served.config.clone());
    let mut source = source(fake_server::start(behaviour).await);
    source.options.host = host.to_owned();
    source.options.tls.mode = mode;
    source.options.tls.ca = Some(ca);
    let error = error(&source).await;
    assert_eq!(error.code(), code, "{mode:?} {host} {error:?}");
}

#[tokio::test]
async fn a_certificate_is_verified_as_far_as_asked() {
    let local = fake_server::certificates(&["localhost", "127.0.0.1"]);
    let other = fake_server::certificates(&["*.db.example.org"]);
    let nameless = fake_server::certificates(&[]);
    let (full, ca) = (TlsMode::VerifyFull, TlsMode::VerifyCa);
    let (accepted, refused) = (codes::SRC002, codes::TLS001);
    check_certificate(&local, &local, "localhost", full, accepted).await;
    check_certificate(&local, &local, "127.0.0.1", full, accepted).await;
    check_certificate(&local, &other, "localhost", full, refused).await;
    check_certificate(&local, &other, "localhost", ca, refused).await;
    check_certificate(&other, &other, "localhost", full, refused).await;
    check_certificate(&other, &other, "localhost", ca, accepted).await;
    check_certificate(&nameless, &nameless, "localhost", ca, refused).await;
}

#[tokio::test]
async fn unusable_tls_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("empty.pem");
    std::fs::write(&path, "nothing\n").unwrap();
    let tls = Behaviour::Tls(fake_server::certificates(&["localhost"]).config);
    let mut source = source(fake_server::start(tls).await);
    source.options.tls.mode = TlsMode::VerifyFull;
    source.options.tls.ca = Some(directory.path().join("missing.pem"));
    let missing = error(&source).await;
    assert_eq!(missing.code(), codes::TLS003);
    assert!(missing.to_string().contains("missing.pem"));
    source.options.tls.mode = TlsMode::Require;
    source.options.tls.ca = None;
    source.options.tls.cert = Some(path.clone());
    source.options.tls.key = Some(path);
    let keyless = error(&source).await;
    assert_eq!(keyless.code(), codes::TLS003, "{keyless:?}");
    assert!(keyless.to_string().contains("empty.pem"));
}

#[tokio::test]
async fn the_servers_own_certificate_is_refused_with_a_hint() {
    let mut own = source(0);
    own.options = options(&server());
    own.options.tls.mode = TlsMode::VerifyFull;
    let refused = error(&own).await;
    // a server without TLS is refused too, for that reason
    assert!(
        [codes::TLS001, codes::TLS002].contains(&refused.code()),
        "{refused:?}"
    );
    assert!(refused.hint().is_some());
    own.options.tls.mode = TlsMode::Prefer;
    assert!(own.connect().await.is_ok());
}
