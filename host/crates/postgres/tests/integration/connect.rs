//! Sessions: what they are set to, and why none came about.

use std::time::Duration;

use chameleon_diag::Diagnostic;
use chameleon_postgres::{Class, ConnectOptions, PostgresError, TlsMode, connect};
use tokio::net::TcpListener;

use crate::server::options;

async fn code(options: &ConnectOptions) -> &'static str {
    connect(options).await.unwrap_err().code().as_str()
}

#[tokio::test]
async fn a_session_has_its_settings_and_the_servers_time_zone() {
    let client = connect(&options()).await.unwrap();
    let show = async |name: &str| -> String {
        client
            .query_one(&format!("show {name}"), &[])
            .await
            .unwrap()
            .get(0)
    };
    assert_eq!(show("standard_conforming_strings").await, "on");
    assert_eq!(show("client_min_messages").await, "warning");
    assert_eq!(show("application_name").await, "chameleon tests");
    let query = "select setting = reset_val and source <> 'session' and source <> 'client' \
         from pg_settings where name = 'TimeZone'";
    assert!(
        client
            .query_one(query, &[])
            .await
            .unwrap()
            .get::<_, bool>(0)
    );
}

#[tokio::test]
async fn a_refused_login_is_told_from_a_server_that_does_not_answer() {
    let mut absent = options();
    absent.database = "no such database".into();
    assert_eq!(code(&absent).await, "TGT002");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut silent = options();
    silent.port = listener.local_addr().unwrap().port();
    silent.host = "127.0.0.1".into();
    silent.connect_timeout = Duration::from_millis(50);
    let error = connect(&silent).await.unwrap_err();
    assert!(
        matches!(error, PostgresError::ConnectTimeout { .. }),
        "{error:?}"
    );
    assert_eq!(error.class(), Class::Connection);
    drop(listener);
    silent.connect_timeout = Duration::from_secs(10);
    assert_eq!(code(&silent).await, "TGT001");
}

#[tokio::test]
async fn a_session_that_is_ended_by_the_server_is_a_lost_connection() {
    let client = connect(&options()).await.unwrap();
    let admin = connect(&options()).await.unwrap();
    let pid: i32 = client
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    let error = {
        let kill = format!("select pg_terminate_backend({pid})");
        let killed = admin.batch_execute(&kill);
        let (slept, _) = tokio::join!(client.batch_execute("select pg_sleep(60)"), killed);
        slept.unwrap_err()
    };
    let error = PostgresError::statement("wait", &error);
    assert_eq!(
        (error.class(), error.code().as_str()),
        (Class::Connection, "TGT001")
    );
    let error = client.batch_execute("select 1").await.unwrap_err();
    assert_eq!(chameleon_postgres::classify(&error), Class::Connection);
}

/// The test server has no TLS.
#[tokio::test]
async fn a_server_without_tls_is_said_to_have_none() {
    let mut options = options();
    options.tls.mode = TlsMode::Prefer;
    assert!(connect(&options).await.is_ok());
    options.tls.mode = TlsMode::Require;
    let error = connect(&options).await.unwrap_err();
    assert!(matches!(error, PostgresError::NoTls { .. }), "{error:?}");
    assert_eq!(error.code().as_str(), "TLS002");
}
