//! Stopping, disabling, enabling: the wish in the catalog, and the wait until it is obeyed.

use crate::bench::{Bench, Session, finish, wait_until};

/// Takes the lock that a replica of the source holds.
fn replica(bench: &Bench) -> Session<'_> {
    let session = bench.session("chameleon shop");
    session.run(&lock_call("pg_advisory_lock"));
    session
}

fn lock_call(function: &str) -> String {
    let key = chameleon_catalog::sessions::REPLICA_LOCK;
    format!("select {function}({key}, i_id_source::integer) from sch_chameleon.t_sources")
}

fn wanted(bench: &Bench) -> Option<String> {
    bench.value("select t_wanted from sch_chameleon.t_wanted_state")
}

#[test]
fn stop_waits_until_the_replica_is_gone() {
    let bench = Bench::registered();
    bench.postgres("update sch_chameleon.t_sources set enm_status = 'running'");
    let session = replica(&bench);
    let json = bench.run(&["show_status", "--json"]).expect(0).json();
    assert_eq!(json["sources"][0]["alive"], true, "{json}");
    let stopping = bench.home.start(&["stop_replica", "--timeout", "60"]);
    wait_until("the wish is in the catalog", || {
        wanted(&bench).as_deref() == Some("stop")
    });
    session.run(&lock_call("pg_advisory_unlock"));
    let ran = finish(stopping).expect(0);
    assert_eq!(ran.stdout, "shop: stopped\n");
    let json = bench.run(&["show_status", "--json"]).expect(0).json();
    assert_eq!(json["sources"][0]["alive"], false, "{json}");
    assert_eq!(json["sources"][0]["status"], "stopped", "{json}");
    assert_eq!(
        bench.run(&["stop_replica"]).expect(0).stdout,
        "shop: was not running\n"
    );
}

#[test]
fn a_replica_that_does_not_obey_in_time_is_named() {
    let bench = Bench::registered();
    let _filters = bench.snapshots().bind_to_scope();
    let _session = replica(&bench);
    let ran = bench.run(&["stop_replica", "--timeout", "0"]).expect(2);
    insta::assert_snapshot!(ran.text(), @r"
    exit 2
    --- stderr
    error[CFG055]: stop the replica of shop: it still runs after 0 s: pid [pid], chameleon shop, from 127.0.0.1
    hint: chameleon stop_replica --timeout 300
    ");
    assert_eq!(wanted(&bench).as_deref(), Some("stop"));
    for command in ["drop_source", "drop_schema"] {
        let ran = bench.run(&[command, "--yes"]).expect(2);
        assert!(ran.stderr.contains("error[CAT012]"), "{}", ran.text());
    }
}

#[test]
fn a_disabled_source_does_not_start_until_it_is_enabled() {
    let bench = Bench::registered();
    let _filters = bench.snapshots().bind_to_scope();
    insta::assert_snapshot!(bench.run(&["disable_replica"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: disabled
    ");
    insta::assert_snapshot!(bench.run(&["start_replica"]).expect(2).text(), @r"
    exit 2
    --- stderr
    error[CFG054]: start the replica of shop: it is disabled
    hint: chameleon enable_replica
    ");
    // stopping does not enable
    insta::assert_snapshot!(bench.run(&["stop_replica"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: was not running, and stays disabled
    ");
    assert_eq!(wanted(&bench).as_deref(), Some("disable"));
    bench.postgres("update sch_chameleon.t_sources set enm_status = 'error'");
    insta::assert_snapshot!(bench.run(&["enable_replica"]).expect(0).text(), @r"
    exit 0
    --- stdout
    shop: enabled
    ");
    assert_eq!(wanted(&bench).as_deref(), Some("run"));
    let status = bench.value("select enm_status::text from sch_chameleon.t_sources");
    assert_eq!(status.as_deref(), Some("stopped"));
}

#[test]
fn the_predecessor_is_left_to_its_own_commands() {
    let bench = Bench::registered();
    let _session = bench.session("[PGCH] - source: shop, action: read replica");
    for command in [
        "stop_replica",
        "disable_replica",
        "drop_source",
        "drop_schema",
    ] {
        let ran = bench.run(&[command, "--yes"]).expect(2);
        assert!(ran.stderr.contains("error[CAT013]"), "{}", ran.text());
    }
    let json = bench.run(&["show_status", "--json"]).expect(0).json();
    assert_eq!(json["sources"][0]["alive"], true, "{json}");
    bench.home.write_config("blog", &bench.config("blog", ""));
    bench.run(&["--config", "blog", "add_source"]).expect(0);
    bench.run(&["--config", "blog", "stop_replica"]).expect(0);
}

#[test]
fn a_signal_ends_a_waiting_command_with_130() {
    let bench = Bench::registered();
    let _session = replica(&bench);
    let waiting = bench.home.start(&["stop_replica"]);
    wait_until("the wish is in the catalog", || wanted(&bench).is_some());
    let pid = rustix::process::Pid::from_child(&waiting);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    finish(waiting).expect(130);
}
