//! Sessions: what they are set to, and why none came about.

use std::time::{Duration, Instant};

use chameleon_diag::Diagnostic;
use chameleon_postgres::{Class, ConnectOptions, PostgresError, TlsMode, connect};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::server::options;

/// A statement that nobody waits for ends by then; the server looks every second.
const GONE_WITHIN: Duration = Duration::from_secs(10);

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

/// The client goes without a word: its runtime ends in the middle of the statement, and the socket with it.
#[tokio::test]
async fn a_long_statement_ends_soon_when_its_client_is_gone() {
    let admin = connect(&options()).await.unwrap();
    let sessions = async |pid: i32| -> i64 {
        let count = "select count(*) from pg_stat_activity \
             where pid = $1 and state = 'active' and query like '%pg_sleep(60)%'";
        admin.query_one(count, &[&pid]).await.unwrap().get(0)
    };
    let until = async |pid: i32, wanted: i64| {
        let deadline = Instant::now() + GONE_WITHIN;
        while sessions(pid).await != wanted {
            assert!(Instant::now() < deadline, "{wanted} are never there");
            tokio::task::yield_now().await;
        }
    };
    let (tell, told) = oneshot::channel();
    let (cut, cutting) = oneshot::channel::<()>();
    let lost = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let client = connect(&options()).await.unwrap();
            let pid = client.query_one("select pg_backend_pid()", &[]).await;
            tell.send(pid.unwrap().get(0)).unwrap();
            tokio::select! {
                ended = client.batch_execute("select pg_sleep(60)") => panic!("{ended:?}"),
                cut = cutting => cut.unwrap(),
            }
        });
    });
    let pid: i32 = told.await.unwrap();
    until(pid, 1).await;
    cut.send(()).unwrap();
    lost.join().unwrap();
    until(pid, 0).await;
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
