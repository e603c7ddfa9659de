//! Logins and certificates against the real server.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chameleon_diag::{Diagnostic, codes};
use chameleon_mysql::binlog::{BinlogSource, StartAt};
use chameleon_mysql::{Flavor, Source, TlsMode};
use mysql_async::prelude::Queryable;

use crate::binlog::options;
use crate::fake_server::{self, Certificates};
use crate::support::TestDb;

/// A user of its own with the rights of a replica.
async fn user(db: &mut TestDb, plugin: &str) -> Source {
    let name = &db.source.database;
    let user = format!("u_{name}");
    let mut source = db.source.clone();
    db.run(&format!("drop user if exists {user}")).await;
    db.run(&format!(
        "create user {user} identified {plugin} by 'geheim \"x'"
    ))
    .await;
    db.run(&format!(
        "grant select, replication slave, replication client on *.* to {user}"
    ))
    .await;
    source.options.user = user;
    source.options.password = "geheim \"x".to_owned();
    source
}

/// The first login after the server forgot the password's short hash sends it whole: over TLS, or
/// with the server's RSA key.
#[tokio::test]
async fn sha2_logins_work_with_and_without_tls() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MariaDb {
        return;
    }
    let mut source = user(&mut db, "with caching_sha2_password").await;
    for mode in [TlsMode::Disable, TlsMode::Require, TlsMode::Prefer] {
        source.options.tls.mode = mode;
        db.run("flush privileges").await;
        // cold, then warm
        for _ in 0..2 {
            let mut conn = source.connect().await.unwrap();
            let start = conn.current_position().await.unwrap();
            let options = options(StartAt::Position(start.binlog));
            let stream = BinlogSource::open(&source, options, vec![]).await;
            assert!(stream.is_ok(), "{mode:?} {stream:?}");
        }
        let mut wrong = source.clone();
        wrong.options.password = "wrong".to_owned();
        let refused = wrong.connect().await.unwrap_err();
        assert_eq!(refused.code(), codes::SRC002, "{mode:?}");
    }
    db.run(&format!("drop user {}", source.options.user)).await;
}

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The server takes these certificates; what it had before.
async fn serve(db: &mut TestDb, directory: &Path, served: &Certificates) -> Option<Vec<String>> {
    let sql = "select @@global.ssl_ca, @@global.ssl_cert, @@global.ssl_key";
    let before: Option<(Option<String>, Option<String>, Option<String>)> =
        db.admin.query_first(sql).await.unwrap();
    let (ca, cert, key) = before?;
    let files = [
        write(directory, "ca.pem", &served.ca),
        write(directory, "cert.pem", &served.certificate),
        write(directory, "key.pem", &served.key),
    ];
    let before = [ca, cert, key].map(Option::unwrap_or_default).to_vec();
    // a server in another file system cannot read them
    let taken = take(db, &files).await;
    if !taken {
        take(db, &before).await;
    }
    taken.then_some(before)
}

async fn take(db: &mut TestDb, files: &[String]) -> bool {
    let sql = format!(
        "set global ssl_ca = '{}', global ssl_cert = '{}', global ssl_key = '{}'",
        files[0], files[1], files[2]
    );
    db.run(&sql).await;
    let reload = "alter instance reload tls";
    db.admin.query_drop(reload).await.is_ok()
}

/// MySQL takes other certificates while it runs; MariaDB reads the same files again only.
#[tokio::test]
async fn the_real_server_is_verified_as_far_as_asked() {
    let mut db = TestDb::new().await;
    if db.version().await.0 == Flavor::MariaDb {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let names = ["127.0.0.1", "localhost"];
    let (served, other) = (
        fake_server::certificates(&names),
        fake_server::certificates(&names),
    );
    let Some(before) = serve(&mut db, directory.path(), &served).await else {
        return;
    };
    let mut source = db.source.clone();
    let mut told = Vec::new();
    for ca in [&served, &other] {
        let path = write(directory.path(), "trusted.pem", &ca.ca);
        source.options.tls.ca = Some(path.into());
        for mode in [TlsMode::VerifyCa, TlsMode::VerifyFull] {
            source.options.tls.mode = mode;
            let connected = source.connect().await;
            told.push(connected.err().map(|error| error.code()));
        }
    }
    // a stream verifies as a session does
    let start = db.connect().await.current_position().await.unwrap();
    let opened = BinlogSource::open(&source, options(StartAt::Position(start.binlog)), vec![]);
    told.push(opened.await.err().map(|error| error.code()));
    take(&mut db, &before).await;
    let refused = Some(codes::TLS001);
    assert_eq!(told, [None, None, refused, refused, refused]);
}
