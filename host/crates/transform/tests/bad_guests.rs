//! Modules that break down, lie or ask for too much: each gets its code, the host lives, and no row
//! passes untransformed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use chameleon_diag::Diagnostic;
use chameleon_transform::{Chain, Module, OnError, Secrets, TransformError};
use support::{Bench, changes, customer, customers, spec};

fn load_code(result: Result<impl Sized, TransformError>) -> (String, String) {
    let error = result.err().expect("loading should fail");
    (error.code().to_string(), error.to_string())
}

#[test]
fn modules_that_are_none_are_refused_when_they_are_loaded() {
    let bench = Bench::new();
    let check = |guest: &str, bare: bool, code: &str, words: &str| {
        let path = bench.guest(guest, bare);
        let (found, text) = load_code(Module::load(&bench.engine, &path, None));
        assert_eq!(found, code, "{guest}: {text}");
        assert!(text.contains(words), "{guest}: {text}");
    };
    check("identity", true, "TRF004", "identity.wasm");
    check("wrong_version", true, "TRF005", "guest@0.2.0");
    check("wrong_version", true, "TRF005", "guest@0.1.0");
    check("component_wrong_version", true, "TRF005", "host@0.2.0");
    check(
        "unknown_import",
        true,
        "TRF006",
        "wasi_snapshot_preview1.fd_write",
    );
    check(
        "component_unknown_import",
        true,
        "TRF006",
        "wasi:clocks/wall-clock@0.2.0",
    );
    check("component_without_guest", true, "TRF007", "does not export");
}

#[test]
fn files_that_are_no_module_are_refused() {
    let bench = Bench::new();
    let whole = std::fs::read(bench.guest("identity", false)).unwrap();
    let check = |bytes: &[u8], code: &str| {
        let path = bench.dir.path().join("file.wasm");
        std::fs::write(&path, bytes).unwrap();
        let (found, text) = load_code(Module::load(&bench.engine, &path, None));
        assert_eq!(found, code, "{text}");
    };
    check(b"", "TRF002");
    check(b"a text that is no module", "TRF002");
    check(b"\0asm\x01\0\0\0garbage", "TRF002");
    check(&whole[..whole.len() / 2], "TRF002");
    let missing = bench.dir.path().join("missing.wasm");
    assert_eq!(
        load_code(Module::load(&bench.engine, &missing, None)).0,
        "TRF001"
    );
    let directory = bench.dir.path();
    assert_eq!(
        load_code(Module::load(&bench.engine, directory, None)).0,
        "TRF001"
    );
}

#[test]
fn a_module_that_is_not_the_pinned_one_is_refused_with_both_hashes() {
    let bench = Bench::new();
    let path = bench.guest("identity", false);
    let right = Module::load(&bench.engine, &path, None).unwrap();
    let right = right.facts().sha256.clone();
    let mut spec = spec("mask", path, OnError::Stop);
    spec.sha256 = Some(right.to_uppercase());
    let secrets = Secrets::default();
    assert!(Chain::load(&bench.engine, std::slice::from_ref(&spec), &secrets).is_ok());
    spec.sha256 = Some("0".repeat(64));
    let (code, text) = load_code(Chain::load(&bench.engine, &[spec], &secrets));
    assert_eq!(code, "TRF003");
    assert!(
        text.contains(&right) && text.contains(&"0".repeat(64)),
        "{text}"
    );
}

#[test]
fn a_module_that_fails_over_its_configuration_is_refused() {
    let bench = Bench::new();
    let check = |guest: &str, code: &str, words: &str| {
        let (found, text) = load_code(bench.load(guest, OnError::Stop));
        assert_eq!(found, code, "{guest}: {text}");
        assert!(text.contains(words), "{guest}: {text}");
    };
    check("refuse_config", "TRF010", "no such key");
    check("trap_in_configure", "TRF023", "take its configuration");
    check("trap_in_start", "TRF023", "start");
    check("component_other_functions", "TRF007", "another type");
    // room for the configuration's text is asked for first
    check("realloc_trap", "TRF023", "take its configuration");
    check("realloc_beyond", "TRF024", "take its configuration");
}

/// Plans that cannot be carried out: the table's rows stop, all of them.
#[test]
fn a_plan_that_cannot_be_carried_out_stops_its_table() {
    let bench = Bench::new();
    let check = |guest: &str, code: &str, words: &str| {
        let chain = bench.load(guest, OnError::DeadLetter).unwrap();
        let mut worker = chain.worker();
        let table = customer();
        let error = worker.plan(&table).expect_err(guest);
        assert_eq!(error.code().to_string(), code, "{guest}: {error}");
        assert_eq!(error.table(), Some(&table.name), "{guest}");
        assert!(error.to_string().contains(words), "{guest}: {error}");
        let done = worker.run(customers(&table, 3), false, None).unwrap();
        assert!(done.rows.is_empty(), "{guest} let rows pass");
        assert_eq!(done.stopped.len(), 1, "{guest}");
        assert_eq!(done.stopped[0].change, 0, "{guest}");
        assert_eq!(done.stopped[0].error.code().to_string(), code, "{guest}");
    };
    check("refuse_table", "TRF011", "no such column");
    check("plan_unknown_column", "TRF012", "index 99");
    check("plan_without_route", "TRF012", "0 routes");
    check("plan_same_name", "TRF012", "two columns are called `name`");
    check("plan_unseen_rows", "TRF012", "rows would pass without it");
    check("plan_injects_sql", "TRF013", "not the name of a type");
    check("plan_wrong_type", "TRF013", "interval");
    check("trap_in_plan", "TRF023", "plan a table");
}

/// Every row fails: under `stop` the table stops at the first, under `dead_letter` each is reported.
fn check_rows(bench: &Bench, guest: &str, code: &str, words: &str) {
    let table = customer();
    let chain = bench.load(guest, OnError::Stop).unwrap();
    let mut worker = chain.worker();
    let done = worker.run(customers(&table, 5), false, None).unwrap();
    assert!(
        done.rows.is_empty(),
        "{guest} let rows pass: {:?}",
        changes(&done.rows)
    );
    let [stopped] = done.stopped.as_slice() else {
        panic!("{guest}: {:?}", done.stopped);
    };
    assert_eq!(
        (stopped.change, &stopped.table),
        (0, &table.name),
        "{guest}"
    );
    assert_eq!(
        stopped.error.code().to_string(),
        code,
        "{guest}: {}",
        stopped.error
    );
    assert!(
        stopped.error.to_string().contains(words),
        "{guest}: {}",
        stopped.error
    );
    let chain = bench.load(guest, OnError::DeadLetter).unwrap();
    let mut worker = chain.worker();
    let done = worker.run(customers(&table, 5), false, None).unwrap();
    assert!(
        done.rows.is_empty(),
        "{guest} let rows pass: {:?}",
        changes(&done.rows)
    );
    assert!(done.stopped.is_empty(), "{guest}: {:?}", done.stopped);
    let rows: Vec<usize> = done.failed.iter().map(|row| row.change).collect();
    assert_eq!(rows, [0, 1, 2, 3, 4], "{guest}");
    for row in &done.failed {
        assert_eq!(row.code.to_string(), code, "{guest}: {row:?}");
        assert!(
            !row.reason.contains("name of"),
            "{guest} tells a value: {row:?}"
        );
    }
}

#[test]
fn a_module_that_breaks_down_over_rows_lets_none_pass() {
    let bench = Bench::new();
    check_rows(&bench, "memory_bomb", "TRF021", "67108864");
    check_rows(&bench, "stack_overflow", "TRF022", "stack");
    check_rows(&bench, "trap", "TRF023", "unreachable");
    check_rows(&bench, "divide_by_zero", "TRF023", "divide by zero");
    check_rows(&bench, "out_of_bounds", "TRF023", "out of bounds");
    check_rows(&bench, "log_and_trap", "TRF023", "[value]");
    check_rows(&bench, "refuse_rows", "TRF025", "I will not");
}

#[test]
fn a_module_whose_answer_breaks_the_interface_lets_no_row_pass() {
    let bench = Bench::new();
    check_rows(&bench, "short_vector", "TRF024", "values for");
    check_rows(&bench, "falling_ends", "TRF024", "column `name`");
    check_rows(&bench, "ends_beyond_data", "TRF024", "column `name`");
    check_rows(&bench, "invalid_utf8", "TRF024", "not UTF-8");
    check_rows(&bench, "split_character", "TRF024", "column `name`");
    check_rows(&bench, "unknown_column", "TRF024", "output column 99 of 4");
    check_rows(
        &bench,
        "same_column_twice",
        "TRF024",
        "two vectors for column `name`",
    );
    check_rows(
        &bench,
        "missing_column",
        "TRF024",
        "missing in the new image",
    );
    check_rows(&bench, "other_form", "TRF024", "comes as Micros");
    check_rows(&bench, "unknown_state", "TRF024", "state 7");
    check_rows(&bench, "null_in_not_null", "TRF024", "NULL");
    check_rows(
        &bench,
        "absent_without_cause",
        "TRF024",
        "absent without cause",
    );
    check_rows(&bench, "odd_without_value", "TRF024", "odd values");
    check_rows(&bench, "unknown_verdict", "TRF024", "verdict 9");
    check_rows(&bench, "enter_on_insert", "TRF024", "no update");
    check_rows(&bench, "too_many_verdicts", "TRF024", "`verdicts`");
    check_rows(&bench, "unknown_route", "TRF024", "route 1799 of 1");
    check_rows(&bench, "huge_list", "TRF024", "");
    check_rows(&bench, "far_pointer", "TRF024", "");
    check_rows(&bench, "odd_pointer", "TRF024", "align");
    check_rows(&bench, "unknown_case", "TRF024", "");
    check_rows(&bench, "reject_in_bad_utf8", "TRF024", "");
    check_rows(&bench, "log_bad_utf8", "TRF024", "");
}

#[test]
fn a_key_that_is_made_without_its_old_image_stops_its_table() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("plan_blind_key", OnError::Stop).unwrap();
    let mut given = customers(&table, 1);
    let row = [
        support::V::Int(1),
        support::text("x"),
        support::V::Null,
        support::V::Null,
    ];
    support::push(&mut given, &table, Some(&row), Some(&row));
    let done = chain.worker().run(given, false, None).unwrap();
    assert_eq!(done.rows.len(), 1);
    let text = done.stopped[0].error.to_string();
    assert!(
        text.contains("column `id` is missing in the old image"),
        "{text}"
    );
}

#[test]
fn rejected_rows_are_reported_without_their_values_and_stop_nothing() {
    let bench = Bench::new();
    let chain = bench.load("reject_all", OnError::Stop).unwrap();
    let table = customer();
    let done = chain
        .worker()
        .run(customers(&table, 3), true, None)
        .unwrap();
    assert!(done.rows.is_empty() && done.stopped.is_empty());
    let seen: Vec<_> = done
        .failed
        .iter()
        .map(|f| (f.change, f.code.as_str(), f.reason.as_str()))
        .collect();
    assert_eq!(seen[0], (0, "TRF026", "[value]"));
    assert_eq!(seen[1], (1, "TRF026", "no reason given"));
    assert_eq!(seen.len(), 3);
    assert_eq!(chain.counters()[0].failed, 3);
}

#[test]
fn a_loop_without_end_is_ended_and_its_row_found() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("endless_loop", OnError::Stop).unwrap();
    let begun = std::time::Instant::now();
    let done = chain
        .worker()
        .run(customers(&table, 1), false, None)
        .unwrap();
    assert!(done.rows.is_empty());
    assert_eq!(done.stopped[0].error.code().to_string(), "TRF020");
    // once and once more, a second each
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    let chain = bench.load("loop_on_13", OnError::DeadLetter).unwrap();
    let done = chain
        .worker()
        .run(customers(&table, 16), false, None)
        .unwrap();
    assert_eq!(done.failed.len(), 1);
    assert_eq!(
        (done.failed[0].change, done.failed[0].code.as_str()),
        (13, "TRF020")
    );
    assert_eq!(done.rows.len(), 15);
}

#[test]
fn one_bad_row_is_found_and_all_others_come_through() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("trap_on_13", OnError::DeadLetter).unwrap();
    let given = customers(&table, 5000);
    let mut expect = changes(&given);
    expect.remove(13);
    let done = chain.worker().run(given, false, None).unwrap();
    assert_eq!(changes(&done.rows), expect);
    assert_eq!(done.failed.len(), 1);
    assert_eq!(
        (done.failed[0].change, done.failed[0].code.as_str()),
        (13, "TRF023")
    );
    assert_eq!((done.origin_of(12), done.origin_of(13)), (12, 14));
    assert!(chain.counters()[0].breakdowns > 2);
}

#[test]
fn a_table_that_stops_keeps_the_rows_before_and_harms_no_other_table() {
    let bench = Bench::new();
    let (table, other) = (
        customer(),
        support::schema("order", customer().columns.clone(), vec![0]),
    );
    let mut given = customers(&table, 20);
    let row = [
        support::V::Int(1),
        support::text("x"),
        support::V::Null,
        support::V::Null,
    ];
    support::push(&mut given, &other, None, Some(&row));
    let chain = bench.load("trap_on_13", OnError::Stop).unwrap();
    let done = chain.worker().run(given, false, None).unwrap();
    let [stopped] = done.stopped.as_slice() else {
        panic!("{:?}", done.stopped);
    };
    assert_eq!((&stopped.table, stopped.change), (&table.name, 13));
    let text = stopped.error.to_string();
    assert!(
        text.contains("trap_on_13") && text.contains("shop.customer") && text.contains("row 13"),
        "{text}"
    );
    let seen = changes(&done.rows);
    assert_eq!(seen.len(), 14);
    assert_eq!(seen[13].0, "shop.order");
    assert_eq!(done.origin_of(13), 20);
}

#[test]
fn a_row_that_the_module_blames_is_left_out_alone() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("refuse_row_1", OnError::DeadLetter).unwrap();
    let done = chain
        .worker()
        .run(customers(&table, 2), false, None)
        .unwrap();
    // row 1 is blamed, and alone it is taken
    assert_eq!(done.rows.len(), 2);
    assert!(done.failed.is_empty());
}

#[test]
fn a_breakdown_that_does_not_come_again_loses_no_row() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("trap_first_time", OnError::Stop).unwrap();
    let mut worker = chain.worker();
    for _ in 0..4 {
        let given = customers(&table, 10);
        let expect = changes(&given);
        let done = worker.run(given, false, None).unwrap();
        assert_eq!(changes(&done.rows), expect);
        assert!(done.stopped.is_empty() && done.failed.is_empty());
    }
    assert_eq!(chain.counters()[0].breakdowns, 3);
}

#[test]
fn a_flood_of_log_lines_harms_nothing() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("log_flood", OnError::Stop).unwrap();
    let given = customers(&table, 10);
    let expect = changes(&given);
    let done = chain.worker().run(given, false, None).unwrap();
    assert_eq!(changes(&done.rows), expect);
}

#[test]
fn a_module_that_traps_when_it_forgets_goes_on_with_a_new_instance() {
    let bench = Bench::new();
    let table = customer();
    let chain = bench.load("trap_in_forget", OnError::Stop).unwrap();
    let mut worker = chain.worker();
    worker.plan(&table).unwrap();
    worker.forget(&table);
    let done = worker.run(customers(&table, 3), false, None).unwrap();
    assert_eq!(done.rows.len(), 3);
}
