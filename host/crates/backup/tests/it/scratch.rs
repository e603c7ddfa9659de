//! The scratch server.

use chameleon_backup::Scratch;
use chameleon_postgres::connect;

use crate::support::run;

#[tokio::test]
async fn a_scratch_server_serves_and_leaves_nothing_behind() {
    let scratch = Scratch::start(15).await.unwrap();
    assert!(scratch.version() >= 15, "{}", scratch.describe());
    let options = scratch.database("odd \"name\"", "SQL_ASCII").await.unwrap();
    let c = connect(&options).await.unwrap();
    run(&c, "create table t (a int); insert into t values (1)").await;
    let directory = std::path::PathBuf::from(&scratch.options().host);
    let native = directory.is_absolute();
    assert_eq!(native, directory.join("data").is_dir());
    let pid: i32 = c
        .query_one("select pg_backend_pid()", &[])
        .await
        .unwrap()
        .get(0);
    drop(scratch);
    assert!(!native || !directory.exists());
    if native {
        let process = std::path::PathBuf::from(format!("/proc/{pid}"));
        assert!(!process.exists(), "its sessions are gone");
    }
    assert!(connect(&options).await.is_err());
}

#[tokio::test]
async fn a_version_that_is_not_there_is_told_with_what_was_tried() {
    let error = Scratch::start(99).await.unwrap_err().to_string();
    assert!(
        error.starts_with("start a scratch server of PostgreSQL 99 or newer: "),
        "{error}"
    );
}
