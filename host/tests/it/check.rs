//! `check` against real servers.

use crate::bench::{Bench, Ran};

/// Findings as `severity CODE object`, one a line.
fn findings(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let findings = json["sources"][0]["findings"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    findings
        .iter()
        .map(|f| {
            format!(
                "{} {} {}",
                text(&f["severity"]),
                text(&f["code"]),
                text(&f["object"])
            )
        })
        .collect()
}

#[track_caller]
fn has(ran: &Ran, expect: &str) {
    let found = findings(ran);
    assert!(
        found.iter().any(|f| f.contains(expect)),
        "{expect}: {found:#?}"
    );
}

fn healthy(bench: &Bench) {
    bench.mysql(
        "create table DB.customer (id int primary key auto_increment, name varchar(40) not null, \
         state enum('new', 'old') not null, born date)",
    );
}

#[test]
fn a_healthy_pair_gives_notes_alone() {
    let bench = Bench::new();
    healthy(&bench);
    let ran = bench.run(&["check", "--json"]);
    let found = findings(&ran);
    assert!(found.iter().all(|f| f.starts_with("info ")), "{found:#?}");
    assert_eq!(ran.code, Some(0), "{found:#?}");
    has(&ran, "CAT001 sch_chameleon");
    bench.run(&["create_schema"]).expect(0);
    has(&bench.run(&["check", "--json"]).expect(0), "CAT007 shop");
}

#[test]
fn everything_is_told_at_once_with_its_remedy() {
    let bench = Bench::registered();
    let _filters = bench.snapshots().bind_to_scope();
    bench.mysql("create table DB.a (id int primary key, x int, index b_c (x))");
    bench.mysql("create table DB.a_b (id int primary key, x int, index c (x))");
    bench.mysql("create table DB.keyless (x int, t text, fulltext (t))");
    bench.postgres("create schema sch_shop; create table sch_shop.old (i integer)");
    bench.run(&["drop_source", "--yes"]).expect(0);
    let more = "tables_limit: [a, a_b, keyless, missing]\n\
                type_override: {\"tinyint(7)\": {override_to: boolean, override_tables: [\"*\"]}}\n\
                hexify: [blob]\n";
    bench
        .home
        .write_config("default", &bench.config("shop", more));
    let ran = bench.run(&["check", "--json"]).expect(1);
    for expect in [
        "SRC021",
        "SRC016",
        "error TGT035 index a.b_c, index a_b.c",
        "warning CFG065 type_override.tinyint(7)",
        "warning TGT031 sch_shop",
        "info CFG066 hexify",
        "info TGT036 index",
    ] {
        has(&ran, expect);
    }
    let text = bench.run(&["check"]).expect(1).stdout;
    assert!(text.contains("  remedy: "), "{text}");
    assert!(text.lines().last().unwrap().starts_with("shop: "), "{text}");
}

#[test]
fn a_side_that_does_not_answer_is_a_finding_and_the_other_is_looked_at() {
    let bench = Bench::new();
    healthy(&bench);
    let config = bench.config("shop", "");
    let source = format!("port: {}", bench.mysql.port);
    bench
        .home
        .write_config("default", &config.replace(&source, "port: 1"));
    let ran = bench.run(&["check", "--json"]).expect(1);
    has(&ran, "error SRC001 mysql_conn");
    has(&ran, "info CAT001 sch_chameleon");
    let target = format!("port: {}", bench.postgres.port);
    bench
        .home
        .write_config("default", &config.replace(&target, "port: 1"));
    has(
        &bench.run(&["check", "--json"]).expect(1),
        "error TGT001 pg_conn",
    );
}

#[test]
fn no_password_is_printed_where_a_login_is_refused() {
    let bench = Bench::new();
    let config = bench.config("shop", "").replace(
        &format!("passwd: \"{}\"", bench.mysql.password),
        "passwd: \"geheimes-wort\"",
    );
    bench.home.write_config("default", &config);
    for arguments in [&["check", "--debug"][..], &["check", "--json", "-vv"]] {
        let ran = bench.run(arguments).expect(1);
        assert!(ran.text().contains("SRC002"), "{}", ran.text());
        assert!(!ran.text().contains("geheimes-wort"), "{}", ran.text());
    }
}

#[test]
fn a_database_without_tables_and_a_wrong_selection_are_errors() {
    let bench = Bench::new();
    has(&bench.run(&["check", "--json"]).expect(1), "SRC020");
    healthy(&bench);
    bench.home.write_config(
        "default",
        &bench.config("shop", "skip_tables: [customer]\n"),
    );
    has(&bench.run(&["check", "--json"]).expect(1), "SRC020");
}

#[test]
fn missing_rights_at_the_target_are_told() {
    let bench = Bench::new();
    healthy(&bench);
    let role = format!("role_{}", bench.database);
    bench.postgres(&format!("create role {role} login password 'pw'"));
    let user = format!("user: {}, password", bench.postgres.user);
    let config = bench
        .config("shop", "")
        .replace(&user, &format!("user: {role}, password"));
    bench.home.write_config("default", &config);
    let ran = bench.run(&["check", "--json"]);
    bench.postgres(&format!("drop role {role}"));
    has(&ran.expect(1), &format!("error TGT007 {}", bench.database));
}

#[test]
fn a_kept_schema_is_compared_with_the_source() {
    let bench = Bench::new();
    healthy(&bench);
    let more = "keep_existing_schema: yes\n";
    bench
        .home
        .write_config("default", &bench.config("shop", more));
    has(
        &bench.run(&["check", "--json"]).expect(1),
        "error TGT031 sch_shop",
    );
    bench.postgres(
        "create schema sch_shop; create table sch_shop.customer (id bigint primary key, \
         name text not null, state text, born uuid, extra integer not null)",
    );
    let ran = bench.run(&["check", "--json"]).expect(1);
    has(&ran, "error TGT038 sch_shop.customer.born");
    has(&ran, "warning TGT038 sch_shop.customer.extra");
    assert!(
        !findings(&ran).iter().any(|f| f.ends_with("customer.id")),
        "{:#?}",
        findings(&ran)
    );
}

#[test]
fn replicas_that_are_alive_are_told() {
    let bench = Bench::registered();
    healthy(&bench);
    let _session = bench.session("[PGCH] - source: shop, action: read replica");
    has(
        &bench.run(&["check", "--json"]).expect(1),
        "warning CAT013 shop",
    );
}
