//! Plans and outcomes for people.

use std::fmt::Write;

use chameleon_diag::render_report;

use super::outcome::{Done, Outcome};
use super::plan::Plan;
use super::verify::Verification;

/// A plan: sources, steps with their SQL, what it costs, findings. Ends with a line feed.
pub fn render_plan(plan: &Plan, with_sql: bool) -> String {
    let mut text = format!("catalog of {} is {}", plan.database, plan.from);
    if !plan.needed {
        text.push_str(": nothing to do\n");
        text.push_str(&render_report(&plan.findings));
        return text;
    }
    let _ = writeln!(text, "; the upgrade brings it to {}\n", plan.to);
    for source in &plan.sources {
        let _ = writeln!(
            text,
            "source {} ({}): {} relay rows, {} of them wait, {}",
            source.source,
            source.status,
            source.rows,
            source.waiting_rows,
            bytes(source.bytes)
        );
    }
    text.push('\n');
    for step in &plan.steps {
        let _ = write!(text, "{}  {}", step.step, step.object);
        if step.rows > 0 {
            let _ = write!(text, ", {} rows, {:.1} s", step.rows, step.seconds);
        }
        let _ = write!(text, "\n  why: {}\n  locks: {}\n", step.why, step.locks);
        if with_sql {
            for line in step.sql.lines() {
                let _ = writeln!(text, "    {}", shortened(line));
            }
            if step.statements > 1 && step.rows > 0 {
                let _ = writeln!(text, "    -- {} parts of such statements", step.statements);
            }
        }
    }
    let seconds = plan.seconds;
    let _ = write!(
        text,
        "\ntables are locked for about {:.1} s ({:.1} to {:.1})\ndisk: {}; write-ahead log: {}",
        seconds.likely,
        seconds.least,
        seconds.most,
        bytes(plan.disk_bytes),
        bytes(plan.wal_bytes)
    );
    match plan.free_bytes {
        Some(free) => drop(writeln!(text, "; free: {}", bytes(free))),
        None => text.push_str("; free space is not known from here\n"),
    }
    if !plan.findings.findings.is_empty() {
        text.push('\n');
        text.push_str(&render_report(&plan.findings));
    }
    text
}

/// What an upgrade did, with the time of each step. Ends with a line feed.
pub fn render_outcome(outcome: &Outcome) -> String {
    if outcome.done == Done::Current {
        return "the catalog is of version 1.3 and whole: nothing to do\n".into();
    }
    let mut text = String::new();
    for step in &outcome.steps {
        let _ = write!(
            text,
            "{:8.3} s  {}  {}",
            step.seconds, step.step, step.object
        );
        if step.rows > 0 {
            let _ = write!(text, ", {} rows", step.rows);
        }
        text.push('\n');
    }
    for source in &outcome.sources {
        let _ = writeln!(text, "source {}: {} relay rows", source.source, source.rows);
    }
    for (rows, what) in [
        (
            outcome.parent_rows,
            "rows lay in the parent table; they are with their sources",
        ),
        (
            outcome.renumbered_rows,
            "rows got new event ids, because ids stood twice",
        ),
        (
            outcome.quarantined_rows,
            "rows belong to no batch; they are in t_quarantined_rows",
        ),
    ] {
        if rows > 0 {
            let _ = writeln!(text, "{rows} {what}");
        }
    }
    let wal = outcome
        .wal_bytes
        .map(|b| format!(", write-ahead log {}", bytes(b)));
    let what = match outcome.done {
        Done::TakenBack => "all steps passed and were taken back",
        _ => "the catalog is of version 1.3 now",
    };
    let _ = writeln!(
        text,
        "{what}: {:.2} s, tables locked for {:.2} s{}",
        outcome.seconds,
        outcome.locked_seconds,
        wal.unwrap_or_default()
    );
    text
}

/// How the catalog compares. Ends with a line feed.
pub fn render_verification(found: &Verification) -> String {
    let mut text = render_report(&found.findings);
    for rows in found.rows.iter().filter(|rows| rows.equal) {
        let _ = writeln!(text, "{}: {} rows, as in the backup", rows.table, rows.now);
    }
    let conclusion = match (found.whole, found.differences.is_empty()) {
        (true, true) => "equals a new one",
        (true, false) => "has all that a new one has, and more",
        (false, _) => "differs",
    };
    let _ = writeln!(
        text,
        "catalog {}: {} objects compared, it {conclusion}",
        found.version, found.compared
    );
    text
}

/// A line of SQL without long lists.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 320;
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}

/// Bytes for people.
fn bytes(count: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    for (unit, name) in UNITS {
        if count >= unit {
            return format!("{}.{} {name}", count / unit, count % unit * 10 / unit);
        }
    }
    format!("{count} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit_and_long_lists_are_cut() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_250_000), "1.2 MB");
        assert_eq!(bytes(20_000_000_000), "20.0 GB");
        assert_eq!(shortened("short"), "short");
        assert!(shortened(&"x".repeat(500)).len() < 330);
    }
}
