//! Results as a table for people and as JSON.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{
    Group,
    goals::{Bound, Goal},
    results::{Line, Results, metric},
};

/// Columns that a group's table has, with their heads and digits.
fn columns(group: Group) -> &'static [(&'static str, &'static str, usize)] {
    match group {
        Group::Copy | Group::Rows => &[
            (metric::WALL, "wall s", 2),
            (metric::ROWS_PER_SECOND, "rows/s", 0),
            (metric::CLIENT_CPU, "client s", 2),
            (metric::SOURCE_CPU, "source s", 2),
            (metric::TARGET_CPU, "target s", 2),
            (metric::OTHER_CPU, "others s", 2),
            (metric::PEAK_MIB, "peak MiB", 0),
            (metric::SOURCE_MIB, "sent MiB", 0),
            (metric::WAL_MIB, "WAL MiB", 0),
        ],
        Group::Stream => &[
            (metric::ROWS_PER_SECOND, "rows/s", 0),
            (metric::WALL, "wall s", 2),
            (metric::CLIENT_CPU, "client s", 2),
            (metric::SOURCE_CPU, "source s", 2),
            (metric::TARGET_CPU, "target s", 2),
            (metric::OTHER_CPU, "others s", 2),
            (metric::PEAK_MIB, "peak MiB", 0),
            (metric::SOURCE_MIB, "sent MiB", 0),
            (metric::WAL_MIB, "WAL MiB", 0),
        ],
        Group::Latency => &[
            (metric::P50, "p50 ms", 1),
            (metric::P99, "p99 ms", 1),
            (metric::MAX, "max ms", 1),
            (metric::PER_SECOND, "tx/s", 0),
            (metric::CLIENT_CPU, "client s", 2),
            (metric::TARGET_CPU, "target s", 2),
            (metric::OTHER_CPU, "others s", 2),
            (metric::PEAK_MIB, "peak MiB", 0),
        ],
        Group::Idle => &[
            (metric::CORE_PERCENT, "% of a core", 2),
            (metric::PEAK_MIB, "peak MiB", 1),
        ],
        Group::Tables => &[
            (metric::WALL, "wall s", 2),
            (metric::OWN_SECONDS, "own s", 2),
            (metric::CLIENT_CPU, "client s", 2),
            (metric::SOURCE_CPU, "source s", 2),
            (metric::TARGET_CPU, "target s", 2),
            (metric::PEAK_MIB, "peak MiB", 0),
        ],
        Group::Huge => &[
            (metric::WALL, "wall s", 2),
            (metric::ROWS_PER_SECOND, "rows/s", 0),
            (metric::CLIENT_CPU, "client s", 2),
            (metric::TARGET_CPU, "target s", 2),
            (metric::PEAK_MIB, "peak MiB", 0),
            (metric::WAL_MIB, "WAL MiB", 0),
            (metric::ATOMIC, "atomic", 0),
        ],
    }
}

/// One sentence on what a group measures.
pub(super) fn title(group: Group) -> &'static str {
    match group {
        Group::Copy => "First copy: from an empty database to tables with keys",
        Group::Stream => "Stream: changes that wait, transactions of ten",
        Group::Latency => {
            "Latency: commit at the source to visible at the target, 500 transactions/s"
        }
        Group::Idle => "Idle: a replica without work",
        Group::Rows => "Ten times the rows",
        Group::Tables => "Very many tables",
        Group::Huge => "One huge transaction",
    }
}

/// The groups that have results.
pub(super) fn groups(results: &Results) -> Vec<Group> {
    let has = |group: &&Group| results.lines.iter().any(|line| line.group == **group);
    Group::ALL.iter().filter(has).copied().collect()
}

/// Heads and cells of a group's table; the last column holds notes.
pub(super) fn table(results: &Results, group: Group) -> Vec<Vec<String>> {
    let columns = columns(group);
    let mut head = vec![String::new()];
    head.extend(columns.iter().map(|(_, head, _)| (*head).to_owned()));
    head.push("note".into());
    let mut rows = vec![head];
    for line in results.lines.iter().filter(|line| line.group == group) {
        let mut row = vec![line.contender.clone()];
        for (name, _, digits) in columns {
            let value = line.median(name);
            row.push(value.map_or_else(|| "-".into(), |value| format!("{value:.digits$}")));
        }
        row.push(line.note.clone());
        rows.push(row);
    }
    rows
}

/// All tables and goals.
pub(super) fn text(results: &Results, goals: &[Goal]) -> String {
    let mut text = format!("\n{}\n", results.machine);
    for setting in &results.settings {
        let _ = writeln!(text, "{setting}");
    }
    for group in groups(results) {
        let _ = writeln!(text, "\n{}", title(group));
        text.push_str(&aligned(&table(results, group)));
    }
    let _ = writeln!(text, "\nGoals");
    for goal in goals.iter().filter(|goal| goal.value.is_some()) {
        let _ = writeln!(text, "  {:7} {}: {}", word(goal), goal.what, goal.text());
    }
    text
}

/// `reached`, `MISSED` or `-`.
pub(super) fn word(goal: &Goal) -> &'static str {
    match goal.reached() {
        Some(true) => "reached",
        Some(false) => "MISSED",
        None => "-",
    }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (number, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = match number {
                0 => write!(line, "  {cell:<width$}"),
                last if last + 1 == columns => write!(line, "  {cell}"),
                _ => write!(line, "  {cell:>width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Everything, with all rounds.
pub(super) fn json(results: &Results, goals: &[Goal]) -> Value {
    let line = |line: &Line| {
        let rounds: Vec<Value> = line.samples.iter().map(|sample| json!(sample)).collect();
        let names = line.samples.iter().flat_map(|sample| sample.keys());
        let medians: Map<String, Value> = names
            .filter_map(|name| Some(((*name).to_owned(), json!(line.median(name)?))))
            .collect();
        json!({
            "group": line.group.name(),
            "contender": line.contender,
            "median": medians,
            "rounds": rounds,
            "note": line.note,
        })
    };
    let goal = |goal: &Goal| {
        let (bound, value) = match goal.bound {
            Bound::AtLeast(value) => ("at_least", value),
            Bound::AtMost(value) => ("at_most", value),
        };
        json!({
            "goal": goal.what,
            "value": goal.value,
            "unit": goal.unit,
            bound: value,
            "reached": goal.reached(),
        })
    };
    json!({
        "schema_version": 1,
        "date": results.date,
        "machine": results.machine,
        "settings": results.settings,
        "results": results.lines.iter().map(line).collect::<Vec<_>>(),
        "goals": goals.iter().map(goal).collect::<Vec<_>>(),
    })
}
