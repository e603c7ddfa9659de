//! What `bloat` finds out about causes, what it says without rights or extension, and its outputs.

use serde_json::Value;

use crate::scratch::Scratch;

/// A table with rows that are dead.
fn with_dead_rows(scratch: &Scratch) {
    scratch.sql(
        "create schema s; create table s.t (id bigint primary key, v text) \
         with (autovacuum_enabled = off); \
         insert into s.t select n, md5(n::text) from generate_series(1, 30000) n; analyze s.t",
    );
}

fn finding<'a>(report: &'a Value, code: &str) -> Option<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|f| f["code"] == code)
}

#[track_caller]
fn says<'a>(report: &'a Value, code: &str, words: &[&str]) -> &'a Value {
    let finding = finding(report, code).unwrap_or_else(|| panic!("no {code}: {report:#}"));
    let text = format!(
        "{} {} {}",
        finding["object"], finding["what"], finding["remedy"]
    );
    for word in words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
    finding
}

fn relation<'a>(report: &'a Value, name: &str) -> &'a Value {
    let relations = report["relations"].as_array().unwrap();
    relations.iter().find(|r| r["name"] == name).unwrap()
}

#[test]
fn the_session_that_holds_the_oldest_snapshot_is_named() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let holder = scratch.session();
    scratch.sql_on(
        &holder,
        "set application_name = 'old report'; begin isolation level repeatable read; \
         select count(*) from s.t",
    );
    scratch.sql("delete from s.t where id % 2 = 0; analyze s.t; vacuum s.t");
    let report = scratch.bloat_json(&["--schema", "s"]);
    let holders = report["horizon"].as_array().unwrap();
    let held = holders.iter().find(|h| h["name"] == "old report");
    let held = held.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(held["kind"], "session");
    assert_eq!(relation(&report, "t")["dead_tuples"], 15_000);
    // it has not held for long
    let finding = finding(&report, "BLT010");
    assert!(finding.is_none_or(|f| !f["object"].as_str().unwrap().contains("old report")));
}

#[test]
fn prepared_transactions_and_slots_are_holders_where_the_server_allows_them() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let name = format!("bloat_{}", std::process::id());
    let prepares = scratch.number("current_setting('max_prepared_transactions')::int") > 0.0;
    let decodes = scratch.number("(current_setting('wal_level') = 'logical')::int") > 0.0;
    // a slot waits for all transactions that are open when it is made
    if decodes {
        scratch.sql(&format!(
            "select pg_create_logical_replication_slot('{name}', 'pgoutput')"
        ));
    }
    if prepares {
        let other = scratch.session();
        let sql = format!("begin; insert into s.t values (-1, 'x'); prepare transaction '{name}'");
        scratch.sql_on(&other, &sql);
    }
    let report = scratch.bloat_json(&["--schema", "s"]);
    if prepares {
        scratch.sql(&format!("rollback prepared '{name}'"));
    }
    if decodes {
        scratch.sql(&format!("select pg_drop_replication_slot('{name}')"));
    }
    let holders = report["horizon"].as_array().unwrap();
    let has = |kind: &str| {
        let mut holders = holders.iter();
        holders.any(|h| h["kind"] == kind && h["name"] == name.as_str())
    };
    assert_eq!(has("prepared"), prepares, "{report:#}");
    assert_eq!(has("slot"), decodes, "{report:#}");
}

#[test]
fn autovacuum_that_is_off_and_due_is_told_with_the_statement() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    scratch.sql("delete from s.t where id % 2 = 0; analyze s.t");
    let report = scratch.bloat_json(&["--schema", "s"]);
    says(
        &report,
        "BLT011",
        &[
            "s.t",
            "15000 dead tuples",
            "switched off",
            "reset (autovacuum_enabled)",
        ],
    );
    let advice = report["advice"].as_array().unwrap();
    let vacuum = advice.iter().find(|a| a["code"] == "BLT011").unwrap();
    assert_eq!(vacuum["sql"][0], "vacuum (analyze) \"s\".\"t\"");
    // nothing was executed
    assert!(scratch.number("select n_dead_tup from pg_stat_all_tables where relname = 't'") > 1e4);
}

#[test]
fn a_session_that_waits_for_a_lock_of_vacuum_or_blocks_it_is_told() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    scratch.sql("delete from s.t where id % 2 = 0; analyze s.t");
    let holder = scratch.session();
    scratch.sql_on(
        &holder,
        "set application_name = 'ddl'; begin; lock table s.t in share mode; select pg_sleep(5.1)",
    );
    let report = scratch.bloat_json(&["--schema", "s"]);
    says(
        &report,
        "BLT012",
        &["s.t", "ddl, idle in transaction", "pg_terminate_backend("],
    );
}

#[test]
fn a_table_that_is_locked_is_reported_without_being_waited_for() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let holder = scratch.session();
    scratch.sql_on(&holder, "begin; lock table s.t in access exclusive mode");
    let begun = std::time::Instant::now();
    let report = scratch.bloat_json(&["--schema", "s", "--exact"]);
    assert!(begun.elapsed().as_secs() < 5);
    let table = relation(&report, "t");
    assert_eq!(table["locked"], true);
    assert!(table["bytes"].as_u64().unwrap() > 1_000_000, "{table:#}");
}

#[test]
fn the_empty_end_and_the_part_of_heap_only_updates_are_measured() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    scratch.sql("create index on s.t (v); update s.t set v = v || 'x' where id <= 3000");
    scratch.sql("delete from s.t where id > 10000; analyze s.t");
    let report = scratch.bloat_json(&["--schema", "s"]);
    let table = relation(&report, "t");
    let (size, tail) = (
        table["bytes"].as_f64().unwrap(),
        table["empty_tail_bytes"].as_f64().unwrap(),
    );
    // the updated rows are behind the 20,000 that went
    assert!(tail < size * 0.2, "{table:#}");
    assert!(table["hot_percent"].as_f64().unwrap() < 5.0, "{table:#}");
    says(&report, "BLT013", &["heap-only", "fillfactor"]);
    scratch
        .sql("vacuum (full) s.t; delete from s.t where id not between 3001 and 4000; analyze s.t");
    let report = scratch.bloat_json(&["--schema", "s"]);
    let table = relation(&report, "t");
    let (size, tail) = (
        table["bytes"].as_f64().unwrap(),
        table["empty_tail_bytes"].as_f64().unwrap(),
    );
    assert!((size * 0.5..size).contains(&tail), "{table:#}");
}

#[test]
fn without_extension_statistics_answer_and_exact_says_what_is_missing() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let report = scratch.bloat_json(&["--schema", "s", "--exact"]);
    let says = says(&report, "BLT003", &["pgstattuple", "create extension"]);
    assert_eq!(says["severity"], "warning");
    let table = relation(&report, "t");
    assert_eq!(table["method"], "statistics");
    assert_eq!(table["estimates"]["exact"], Value::Null);
    assert_eq!(report["methods"][2]["used"], false);
}

#[test]
fn a_table_that_was_never_analysed_is_flagged_and_sampled() {
    let scratch = Scratch::new();
    scratch.sql(
        "create schema s; create table s.t (id bigint primary key, v text) \
         with (autovacuum_enabled = off); \
         insert into s.t select n, md5(n::text) from generate_series(1, 30000) n",
    );
    scratch.wait_for("select n_live_tup = 30000 from pg_stat_all_tables where relname = 't'");
    let report = scratch.bloat_json(&["--schema", "s"]);
    says(&report, "BLT016", &["never analysed", "analyze"]);
    let table = relation(&report, "t");
    let found = &table["estimates"]["statistics"];
    assert!(
        found["basis"].as_str().unwrap().starts_with("a sample of"),
        "{found:#}"
    );
    assert!(found["bloat_percent"].as_f64().unwrap() < 2.0, "{found:#}");
    assert_eq!(found["live_tuples"], 30_000);
}

#[test]
fn what_there_is_not_is_refused_with_a_code() {
    let scratch = Scratch::new();
    let nothing = scratch.bloat(&[]);
    assert_eq!(nothing.code, Some(2));
    assert!(
        nothing.stderr.contains("error[BLT001]"),
        "{}",
        nothing.stderr
    );
    let unknown = scratch.bloat(&["--schema", "nowhere"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown
            .stderr
            .contains("error[BLT002]: find the schema: nowhere")
    );
}

#[test]
fn a_clean_schema_is_exit_0_and_a_bloated_one_exit_1() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let clean = scratch.bloat(&["--schema", "s"]);
    assert_eq!(clean.code, Some(0), "{}{}", clean.stdout, clean.stderr);
    scratch.sql("delete from s.t where id % 4 > 0; vacuum (analyze) s.t");
    let bloated = scratch.bloat(&["--schema", "s"]);
    assert_eq!(bloated.code, Some(1), "{}", bloated.stdout);
    for word in [
        "warning[BLT017] s.t:",
        "vacuum (full, analyze) \"s\".\"t\";",
        "ACCESS EXCLUSIVE",
        "disk:",
        "time:",
        "method statistics: ±10 %",
    ] {
        assert!(bloated.stdout.contains(word), "{word}: {}", bloated.stdout);
    }
}

#[test]
fn a_watch_gives_one_line_of_json_a_look_and_a_page_of_its_own() {
    let scratch = Scratch::new();
    with_dead_rows(&scratch);
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("bloat.html");
    let html = page.to_str().unwrap();
    let run = scratch.bloat(&[
        "--json", "--schema", "s", "--watch", "1", "--count", "3", "--html", html,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let samples: Vec<Value> = run
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(samples.len(), 3);
    assert!(samples.iter().all(|s| s["schema_version"] == 1));
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(
        page.matches("<svg").count(),
        3,
        "two of history, one of sizes"
    );
    for outside in ["http:", "https:", "<script", "src=", "<link", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    let watched = scratch.bloat(&["--schema", "s", "--watch", "1", "--count", "2"]);
    assert!(
        watched.stdout.contains("in all, 0 B bloat, 0 dead tuples"),
        "{}",
        watched.stdout
    );
}
