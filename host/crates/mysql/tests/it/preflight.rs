//! What `check` finds at the source.

use std::time::Duration;

use chameleon_diag::{ErrorCode, Finding, Severity, codes};
use chameleon_mysql::preflight::{PreflightRequest, check};
use chameleon_mysql::{Source, TableSelection};

use crate::support::TestDb;

fn request(source: &Source) -> PreflightRequest {
    PreflightRequest {
        database: source.database.clone(),
        selection: TableSelection::all(),
        server_id: Some(4_000_000_000),
        min_retention: Duration::from_secs(60),
    }
}

async fn findings(source: &Source, request: &PreflightRequest) -> Vec<Finding> {
    let mut conn = source.connect().await.expect("connect");
    let findings = check(&mut conn, request).await.expect("check");
    for finding in &findings {
        assert!(!finding.what.ends_with('.') && !finding.what.is_empty());
        assert!(!finding.remedy.is_empty() && !finding.object.is_empty());
    }
    findings
}

fn objects(findings: &[Finding], code: ErrorCode, severity: Severity) -> Vec<&str> {
    findings
        .iter()
        .filter(|f| f.code == code && f.severity == severity)
        .map(|f| f.object.as_str())
        .collect()
}

#[tokio::test]
async fn a_sound_source_has_no_errors() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key, v varchar(9))")
        .await;
    let findings = findings(&db.source, &request(&db.source)).await;
    let bad: Vec<_> = findings
        .iter()
        .filter(|f| f.severity != Severity::Info)
        .collect();
    assert!(bad.is_empty(), "{bad:?}");
}

#[tokio::test]
async fn tables_are_looked_at_for_keys_types_names_and_engines() {
    let mut db = TestDb::new().await;
    let long = "l".repeat(64);
    db.run(&format!(
        "create table nokey (a int, unique key (a));
         create table odd (id bigint unsigned primary key, s set('a'), g point, b bit(3), t time,
           e enum('?', '🦎') character set utf8mb4 collate utf8mb4_bin);
         create table {long} (id int primary key, `ä{}` int);
         create table p (id int primary key);
         create table c (id int primary key, p int,
           constraint fk foreign key (p) references p (id) on delete cascade);
         create table m (id int primary key) engine = myisam",
        "x".repeat(63)
    ))
    .await;
    let findings = findings(&db.source, &request(&db.source)).await;
    assert_eq!(
        objects(&findings, codes::SRC016, Severity::Warning),
        ["nokey"]
    );
    let special = objects(&findings, codes::SRC017, Severity::Info);
    assert_eq!(special, ["odd.id", "odd.b", "odd.t", "odd.s", "odd.g"]);
    assert_eq!(
        objects(&findings, codes::SRC017, Severity::Warning),
        ["odd.e"]
    );
    let shortened = objects(&findings, codes::SRC019, Severity::Info);
    assert_eq!(shortened.len(), 2);
    assert!(shortened.contains(&long.as_str()));
    assert_eq!(objects(&findings, codes::SRC023, Severity::Warning), ["m"]);
    let conn = db.connect().await;
    let logged = conn.server_info().logs_cascades;
    let cascades = objects(&findings, codes::SRC025, Severity::Warning);
    assert_eq!(cascades, if logged { vec![] } else { vec!["c: fk"] });
    assert!(objects(&findings, codes::SRC018, Severity::Error).is_empty());
}

#[tokio::test]
async fn names_that_differ_in_case_only_are_found() {
    let mut db = TestDb::new().await;
    if db.connect().await.server_info().lower_case_table_names != 0 {
        return;
    }
    db.run("create table a (id int primary key); create table A (id int primary key)")
        .await;
    let findings = findings(&db.source, &request(&db.source)).await;
    assert_eq!(
        objects(&findings, codes::SRC018, Severity::Warning),
        ["A, a"]
    );
}

#[tokio::test]
async fn missing_databases_and_tables_are_named_together_with_all_else() {
    let mut db = TestDb::new().await;
    db.run("create table t (id int primary key); create view v as select 1 as one")
        .await;
    let own_id = db.connect().await.server_info().server_id;
    let mut wrong = request(&db.source);
    wrong.server_id = Some(own_id);
    wrong.min_retention = Duration::from_secs(100 * 365 * 86_400);
    wrong.selection.limit = vec!["v".into(), "missing".into(), "t".into()];
    wrong.selection.skip = vec!["t".into()];
    let found = findings(&db.source, &wrong).await;
    let object = format!("my_server_id: {own_id}");
    assert_eq!(objects(&found, codes::SRC014, Severity::Error), [object]);
    let missing = objects(&found, codes::SRC021, Severity::Error);
    assert_eq!(missing, ["tables_limit: v", "tables_limit: missing"]);
    assert_eq!(objects(&found, codes::SRC020, Severity::Error).len(), 1);
    wrong.database = "nowhere".to_owned();
    let found = findings(&db.source, &wrong).await;
    assert_eq!(objects(&found, codes::SRC003, Severity::Error), ["nowhere"]);
    assert_eq!(objects(&found, codes::SRC014, Severity::Error).len(), 1);
}

#[tokio::test]
async fn missing_rights_come_with_the_statements_that_give_them() {
    let mut db = TestDb::new().await;
    let name = db.source.database.clone();
    db.run(&format!(
        "create table t (id int primary key); create table u (id int primary key);
         create user {name}@'%' identified by 'pw'; grant select (id) on {name}.t to {name}@'%'"
    ))
    .await;
    let mut source = db.source.clone();
    source.options.user = name.clone();
    source.options.password = "pw".to_owned();
    let found = findings(&source, &request(&source)).await;
    let remedies: Vec<&str> = found
        .iter()
        .filter(|f| f.code == codes::SRC004 && f.severity == Severity::Error)
        .map(|f| f.remedy.as_str())
        .collect();
    assert_eq!(remedies.len(), 2, "{found:?}");
    for remedy in remedies {
        db.run(remedy).await;
    }
    let found = findings(&source, &request(&source)).await;
    assert!(
        found.iter().all(|f| f.severity == Severity::Info),
        "{found:?}"
    );
    let optional: Vec<&str> = found
        .iter()
        .filter(|f| f.code == codes::SRC004)
        .map(|f| f.remedy.as_str())
        .collect();
    assert!(optional.len() >= 2);
    for remedy in optional {
        db.run(remedy).await;
    }
    let found = findings(&source, &request(&source)).await;
    assert!(found.iter().all(|f| f.code != codes::SRC004), "{found:?}");
    db.run(&format!("drop user {name}@'%'")).await;
}

#[tokio::test]
async fn rights_that_a_role_gives_count() {
    let mut db = TestDb::new().await;
    let name = db.source.database.clone();
    let mariadb = db.connect().await.server_info().is_mariadb();
    let default = if mariadb {
        format!("set default role {name}_r for {name}@'%'")
    } else {
        format!("set default role {name}_r to {name}@'%'")
    };
    db.run(&format!(
        "create table t (id int primary key); create role {name}_r;
         create user {name}@'%' identified by 'pw';
         grant select on {name}.* to {name}_r;
         grant replication slave, replication client on *.* to {name}_r;
         grant {name}_r to {name}@'%'; {default}"
    ))
    .await;
    let mut source = db.source.clone();
    source.options.user = name.clone();
    source.options.password = "pw".to_owned();
    let found = findings(&source, &request(&source)).await;
    assert!(
        found.iter().all(|f| f.severity == Severity::Info),
        "{found:?}"
    );
    db.run(&format!("drop user {name}@'%'; drop role {name}_r"))
        .await;
}
