//! The goals, and how far the results are from them. Ratios are larger where this project is better.

use super::{
    Group, copy, extremes, idle, latency,
    results::{Results, metric},
    stream,
};
use crate::bench::peers::Release;

/// One goal with what was measured.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    /// What is compared.
    pub(super) what: &'static str,
    /// What was measured; none if a side of it did not run.
    pub(super) value: Option<f64>,
    /// The bound, which the value must reach or stay under.
    pub(super) bound: Bound,
    pub(super) unit: &'static str,
}

/// Which side of it is good.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    /// Is it reached? None if it was not measured.
    pub(super) fn reached(&self) -> Option<bool> {
        let value = self.value?;
        Some(match self.bound {
            Bound::AtLeast(bound) => value >= bound,
            Bound::AtMost(bound) => value <= bound,
        })
    }

    /// `1.23 x (at least 1)`.
    pub(super) fn text(&self) -> String {
        let unit = self.unit;
        let value = self.value.map_or_else(
            || "not measured".into(),
            |value| format!("{value:.2} {unit}"),
        );
        match self.bound {
            Bound::AtLeast(bound) => format!("{value} (at least {bound})"),
            Bound::AtMost(bound) => format!("{value} (at most {bound})"),
        }
    }
}

/// Judges all goals.
pub(super) fn judge(results: &Results) -> Vec<Goal> {
    let median = |group, contender, name| results.median(group, contender, name);
    let goal = |what, value, bound, unit| Goal {
        what,
        value,
        bound,
        unit,
    };
    let all_cpu = results
        .lines
        .iter()
        .find(|line| line.group == Group::Copy && line.contender == copy::OURS)
        .and_then(super::results::Line::all_cpu);
    let share = ratio(
        median(Group::Copy, copy::OURS, metric::WALL),
        median(Group::Copy, copy::PSQL, metric::WALL),
    );
    let scale = results.scale.factor();
    let mut goals = vec![
        goal(
            "copy: speed against pgloader",
            copy_against_pgloader(results),
            Bound::AtLeast(3.0),
            "x",
        ),
        goal(
            "copy: memory",
            median(Group::Copy, copy::OURS, metric::PEAK_MIB),
            Bound::AtMost(120.0),
            "MiB",
        ),
        goal(
            "copy: time against psql \\copy and keys",
            share,
            Bound::AtMost(0.75),
            "x",
        ),
        goal(
            "copy: CPU in all, at full size",
            all_cpu.map(|cpu| cpu / scale),
            Bound::AtMost(10.0),
            "s",
        ),
    ];
    let stream = |ours, theirs| speed(results, Group::Stream, ours, theirs);
    let two = Release::Two.name();
    goals.extend([
        goal(
            "stream, relay: speed against pg_chameleon 2.0.21",
            stream(stream::RELAY, two),
            Bound::AtLeast(10.0),
            "x",
        ),
        goal(
            "stream, direct: speed against pg_chameleon 2.0.21",
            stream(stream::DIRECT, two),
            Bound::AtLeast(20.0),
            "x",
        ),
        goal(
            "stream, direct, 2 workers: speed against pg_chameleon 2.0.21",
            stream(stream::DIRECT_2, two),
            Bound::AtLeast(20.0),
            "x",
        ),
        goal(
            "stream, direct: speed against PostgreSQL's logical replication",
            stream(stream::DIRECT, stream::LOGICAL),
            Bound::AtLeast(1.0),
            "x",
        ),
    ]);
    let late = |contender, name| median(Group::Latency, contender, name);
    goals.extend([
        goal(
            "latency, direct: p50",
            late(latency::DIRECT, metric::P50),
            Bound::AtMost(10.0),
            "ms",
        ),
        goal(
            "latency, direct: p99",
            late(latency::DIRECT, metric::P99),
            Bound::AtMost(60.0),
            "ms",
        ),
        goal(
            "latency, relay: p99",
            late(latency::RELAY, metric::P99),
            Bound::AtMost(250.0),
            "ms",
        ),
    ]);
    let ten = |name| {
        ratio(
            median(Group::Rows, extremes::TEN_TIMES, name),
            median(Group::Rows, extremes::ONCE, name),
        )
    };
    goals.extend([
        goal(
            "ten times the rows: time",
            ten(metric::WALL),
            Bound::AtMost(11.0),
            "x",
        ),
        goal(
            "ten times the rows: memory",
            ten(metric::PEAK_MIB),
            Bound::AtMost(1.25),
            "x",
        ),
        goal(
            "many tables: the host's own share of a start",
            median(Group::Tables, extremes::START, metric::OWN_SECONDS),
            Bound::AtMost(10.0),
            "s",
        ),
        goal(
            "many tables: memory",
            median(Group::Tables, extremes::START, metric::PEAK_MIB),
            Bound::AtMost(300.0),
            "MiB",
        ),
    ]);
    for (what, atomic, contender) in [
        (
            "huge transaction, direct: memory",
            "huge transaction, direct: atomic",
            extremes::DIRECT,
        ),
        (
            "huge transaction, relay: memory",
            "huge transaction, relay: atomic",
            extremes::RELAY,
        ),
    ] {
        let value = |name| median(Group::Huge, contender, name);
        goals.push(goal(
            what,
            value(metric::PEAK_MIB),
            Bound::AtMost(300.0),
            "MiB",
        ));
        goals.push(goal(atomic, value(metric::ATOMIC), Bound::AtLeast(1.0), ""));
    }
    let rest = |name| median(Group::Idle, idle::RELAY, name);
    goals.push(goal(
        "idle: CPU",
        rest(metric::CORE_PERCENT),
        Bound::AtMost(1.0),
        "% of a core",
    ));
    goals.push(goal(
        "idle: memory",
        rest(metric::PEAK_MIB),
        Bound::AtMost(40.0),
        "MiB",
    ));
    goals
}

/// The ratios that the light form watches.
pub(super) fn ratios(results: &Results) -> Vec<(&'static str, f64)> {
    let copy_limit = ratio(
        results.median(Group::Copy, copy::PSQL, metric::WALL),
        results.median(Group::Copy, copy::OURS, metric::WALL),
    );
    let stream = |ours, theirs| speed(results, Group::Stream, ours, theirs);
    [
        ("copy_against_pgloader", copy_against_pgloader(results)),
        ("copy_against_psql", copy_limit),
        (
            "relay_against_logical_replication",
            stream(stream::RELAY, stream::LOGICAL),
        ),
        (
            "direct_against_logical_replication",
            stream(stream::DIRECT, stream::LOGICAL),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn copy_against_pgloader(results: &Results) -> Option<f64> {
    speed(results, Group::Copy, copy::OURS, copy::PGLOADER)
}

/// How many times the rows of a contender ours does in the same time.
fn speed(results: &Results, group: Group, ours: &str, theirs: &str) -> Option<f64> {
    ratio(
        results.median(group, ours, metric::ROWS_PER_SECOND),
        results.median(group, theirs, metric::ROWS_PER_SECOND),
    )
}

fn ratio(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    Some(above? / below.filter(|value| *value > 0.0)?)
}
