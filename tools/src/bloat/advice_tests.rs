//! From figures to what is said of them.

use super::super::facts::Kind;
use super::super::horizon::{Holder, HolderKind};
use super::super::measure::{Estimates, Figures, Measure};
use super::super::report::{Group, MethodState};
use super::super::sources::{Blocker, SourceState};
use super::super::vacuum::VacuumState;
use super::*;

fn server() -> ServerFacts {
    ServerFacts {
        version: "17".into(),
        database: "d".into(),
        taken_at: String::new(),
        block: 8192.0,
        max_workers: 3,
        busy_workers: 0,
        nap_seconds: 60.0,
        extension: None,
        no_extension: Some("it is not there".into()),
    }
}

fn relation(kind: Kind, bytes: u64, ideal: f64, band: Option<u8>) -> RelationReport {
    let figures = Figures {
        ideal_bytes: ideal,
        ..Figures::default()
    };
    let mut measure = Measure::new(bytes, figures, Method::Statistics, "pg_stats".into());
    measure.error_band_percent = band;
    let name = if kind == Kind::Index { "t_pkey" } else { "t" };
    RelationReport {
        group: Group::Schema,
        schema: "s".into(),
        name: name.into(),
        kind,
        table: "s.t".into(),
        access_method: None,
        sources: Vec::new(),
        bytes,
        locked: false,
        fillfactor: 100,
        live_tuples: Some(10),
        dead_tuples: Some(0),
        method: Some(Method::Statistics),
        free_bytes: None,
        bloat_bytes: Some(measure.bloat_bytes),
        bloat_percent: Some(measure.bloat_percent),
        estimates: Estimates {
            statistics: Some(measure),
            ..Estimates::default()
        },
        stale: Vec::new(),
        hot_percent: None,
        empty_tail_bytes: None,
        vacuum: Some(VacuumState {
            enabled: true,
            ..VacuumState::default()
        }),
        oid: if kind == Kind::Index { 2 } else { 1 },
        table_oid: 1,
        quoted: format!("\"s\".\"{name}\""),
        quoted_table: "\"s\".\"t\"".into(),
        may_truncate: true,
    }
}

fn report(relations: Vec<RelationReport>) -> Report {
    Report {
        schema_version: 1,
        taken_at: String::new(),
        database: "d".into(),
        server_version: "17".into(),
        catalog: Some("1.3".into()),
        schemas: vec!["s".into()],
        methods: vec![MethodState {
            method: Method::Exact,
            used: false,
            reason: server().no_extension,
            error_band_percent: 3,
            conditions: "",
        }],
        total_bytes: 0,
        total_bloat_bytes: 0,
        relations,
        sources: Vec::new(),
        horizon: Vec::new(),
        findings: Vec::new(),
        advice: Vec::new(),
        seconds: 0.0,
    }
}

/// Codes of the findings with their severities, and the statements of the advice.
#[track_caller]
fn check(mut report: Report, findings: &[(&str, Severity)], sql: &[&str]) -> Report {
    add(&mut report, &server(), Speed::default(), false);
    let found: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.code.as_str(), f.severity))
        .collect();
    assert_eq!(found, findings, "{:#?}", report.findings);
    let found: Vec<&String> = report.advice.iter().flat_map(|a| &a.sql).collect();
    assert_eq!(found, sql);
    report
}

#[test]
fn a_bloated_table_is_rewritten_and_a_bloated_index_made_anew() {
    let found = check(
        report(vec![
            relation(Kind::Table, 100_000_000, 40_000_000.0, Some(10)),
            relation(Kind::Index, 10_000_000, 4_000_000.0, Some(10)),
        ]),
        &[("BLT017", Severity::Warning), ("BLT017", Severity::Warning)],
        &[
            "vacuum (full, analyze) \"s\".\"t\"",
            "reindex index concurrently \"s\".\"t_pkey\"",
        ],
    );
    let full = &found.advice[0];
    assert!(full.lock.starts_with("ACCESS EXCLUSIVE"));
    assert_eq!(
        (full.disk_bytes, full.gains_bytes),
        (44_000_000, 66_000_000)
    );
    // 110 MB read and 44 MB written twice
    assert!((full.seconds.unwrap() - 1.98).abs() < 0.01, "{full:?}");
    let reindex = &found.advice[1];
    assert!(reindex.lock.starts_with("SHARE UPDATE EXCLUSIVE"));
    assert_eq!(
        (reindex.disk_bytes, reindex.gains_bytes),
        (4_000_000, 6_000_000)
    );
    assert!(!found.is_clean());
}

#[test]
fn what_has_no_bound_or_is_small_or_grows_back_is_not_rewritten() {
    check(
        report(vec![relation(Kind::Table, 100_000_000, 10_000_000.0, None)]),
        &[],
        &[],
    );
    check(
        report(vec![relation(Kind::Table, 900_000, 0.0, Some(10))]),
        &[],
        &[],
    );
    let mut index = relation(Kind::Index, 10_000_000, 7_000_000.0, Some(10));
    if let Some(measure) = &mut index.estimates.statistics {
        measure.steady_bytes = Some(9_200_000);
    }
    let found = check(report(vec![index]), &[("BLT017", Severity::Info)], &[]);
    assert!(
        found.findings[0]
            .what
            .contains("will bring most of it back")
    );
    assert!(found.is_clean());
}

#[test]
fn log_tables_are_never_rewritten() {
    let mut log = relation(Kind::Table, 100_000_000, 0.0, Some(10));
    log.group = Group::Log;
    log.sources = vec!["shop".into()];
    check(report(vec![log]), &[], &[]);
}

#[test]
fn a_stuck_source_is_named_with_the_session_that_holds_it() {
    let mut stuck = report(Vec::new());
    stuck.sources.push(SourceState {
        source: "shop".into(),
        status: "running".into(),
        log_tables: vec!["t_log_replica_1_src_2".into()],
        log_bytes: 5_000_000,
        waiting_batches: 7,
        waiting_rows: Some(900),
        oldest_batch: Some(11),
        waiting_seconds: Some(60.0),
        replayed_seconds: None,
        replay_pid: Some(40),
        stuck: true,
        reason: Some("replay waits for shop.orders since 50 s".into()),
        blockers: vec![Blocker {
            pid: 41,
            application: "psql".into(),
            role: Some("joe".into()),
            state: Some("idle in transaction".into()),
            seconds: Some(61.0),
        }],
        id: 2,
    });
    let found = check(
        stuck,
        &[("BLT015", Severity::Warning)],
        &["select pg_terminate_backend(41)"],
    );
    insta::assert_snapshot!(
        found.findings[0].what,
        @"waiting for replay: 7 batches with 900 rows, the oldest for 60 s; this keeps 5.0 MB in t_log_replica_1_src_2: replay waits for shop.orders since 50 s, held by session 41 (psql) of joe, idle in transaction, open for 61 s"
    );
}

#[test]
fn an_old_snapshot_matters_where_there_is_something_to_remove() {
    let holder = Holder {
        kind: HolderKind::Slot,
        name: "old".into(),
        pid: None,
        age: Some(1_000_000),
        seconds: None,
        state: Some("nobody reads it".into()),
        role: None,
        database: None,
        local: true,
    };
    let mut table = relation(Kind::Table, 8192, 8192.0, Some(10));
    let mut quiet = report(vec![table.clone()]);
    quiet.horizon.push(holder.clone());
    let sql = ["select pg_drop_replication_slot('old')"];
    check(quiet, &[("BLT010", Severity::Info)], &sql);
    table.dead_tuples = Some(5);
    let mut dead = report(vec![table]);
    dead.horizon.push(holder);
    check(dead, &[("BLT010", Severity::Warning)], &sql);
}

#[test]
fn a_method_that_was_asked_for_and_is_not_there_is_a_finding() {
    let mut asked = report(Vec::new());
    add(&mut asked, &server(), Speed::default(), true);
    assert_eq!(asked.findings[0].code, codes::BLT003);
    assert_eq!(asked.findings[0].severity, Severity::Warning);
}

#[test]
fn stale_statistics_few_heap_only_updates_and_an_empty_end_are_worth_a_word() {
    let mut table = relation(Kind::Table, 10_000_000, 9_900_000.0, None);
    table.stale = vec!["never analysed".into()];
    table.hot_percent = Some(3.0);
    table.empty_tail_bytes = Some(2_000_000);
    check(
        report(vec![table]),
        &[
            ("BLT016", Severity::Info),
            ("BLT013", Severity::Info),
            ("BLT014", Severity::Info),
        ],
        &[
            "analyze \"s\".\"t\"",
            "alter table \"s\".\"t\" set (fillfactor = 80)",
            "vacuum (truncate) \"s\".\"t\"",
        ],
    );
}

#[test]
fn a_log_table_of_nobody_is_told() {
    let mut log = relation(Kind::Table, 8192, 0.0, None);
    log.group = Group::Log;
    log.name = "t_log_replica_1_src_9".into();
    check(report(vec![log]), &[("BLT018", Severity::Warning)], &[]);
}
