//! The report as a table for people.

use std::io::{self, Write};

use chameleon_diag::render_report;

use super::measure::Measure;
use super::number::{human_bytes, human_seconds};
use super::report::{Advice, Group, RelationReport, Report};
use super::sources::SourceState;

/// Holders of the horizon that are listed.
const HOLDERS: usize = 5;

/// Writes the whole report.
pub(crate) fn write(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let catalog = report.catalog.as_deref().unwrap_or("none");
    writeln!(
        out,
        "database {}, PostgreSQL {}, catalog {catalog}, {}",
        report.database, report.server_version, report.taken_at
    )?;
    methods(report, out)?;
    relations(report, out)?;
    sources(report, out)?;
    if !report.horizon.is_empty() {
        writeln!(out, "\noldest snapshots")?;
        for holder in report.horizon.iter().take(HOLDERS) {
            writeln!(out, "  {}", holder.describe())?;
        }
    }
    if !report.findings.is_empty() {
        let findings = chameleon_diag::Report {
            findings: report.findings.clone(),
        };
        write!(out, "\nfindings\n{}", render_report(&findings))?;
    }
    if !report.advice.is_empty() {
        writeln!(out, "\nadvice (nothing of it is executed)")?;
        for advice in &report.advice {
            write_advice(advice, out)?;
        }
    }
    Ok(())
}

fn methods(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for method in &report.methods {
        let word = method.method.word();
        match &method.reason {
            None => writeln!(
                out,
                "method {word}: ±{} % of the size; {}",
                method.error_band_percent, method.conditions
            )?,
            Some(reason) => writeln!(out, "method {word}: not used, {reason}")?,
        }
    }
    Ok(())
}

fn relations(report: &Report, out: &mut impl Write) -> io::Result<()> {
    const HEADERS: [&str; 9] = [
        "relation",
        "kind",
        "size",
        "live",
        "dead",
        "free",
        "statistics",
        "approximate",
        "exact",
    ];
    for (group, title) in [
        (Group::Log, "log tables"),
        (Group::Catalog, "catalog"),
        (Group::Schema, "schemas"),
    ] {
        let members = report.relations.iter().filter(|r| r.group == group);
        let members: Vec<_> = members.filter(|r| r.bytes > 0).collect();
        if members.is_empty() {
            continue;
        }
        writeln!(out, "\n{title}")?;
        let rows: Vec<[String; 9]> = members.into_iter().map(cells).collect();
        table(&HEADERS, &rows, out)?;
    }
    writeln!(
        out,
        "\n{} in all, of which {} are bloat by each relation's best method; ?: the error is not \
         bounded",
        human_bytes(report.total_bytes),
        human_bytes(report.total_bloat_bytes)
    )
}

fn cells(relation: &RelationReport) -> [String; 9] {
    let count = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
    let bytes = |n: Option<u64>| n.map_or_else(String::new, human_bytes);
    let mut kind = relation.kind.word().to_owned();
    if let Some(method) = relation.access_method.as_deref().filter(|m| *m != "btree") {
        kind = format!("{method} {kind}");
    }
    if relation.locked {
        kind.push_str(" (locked)");
    }
    let estimates = &relation.estimates;
    [
        relation.label(),
        kind,
        human_bytes(relation.bytes),
        count(relation.live_tuples),
        count(relation.dead_tuples),
        bytes(relation.free_bytes),
        bloat(estimates.statistics.as_ref()),
        bloat(estimates.approximate.as_ref()),
        bloat(estimates.exact.as_ref()),
    ]
}

fn bloat(measure: Option<&Measure>) -> String {
    measure.map_or_else(
        || "-".into(),
        |m| {
            let bound = if m.error_band_percent.is_none() {
                "?"
            } else {
                ""
            };
            let bytes = human_bytes(m.bloat_bytes);
            format!("{bytes} {:3.0} %{bound}", m.bloat_percent)
        },
    )
}

/// Columns as wide as their widest cell; the first two to the left, the others to the right.
fn table<const N: usize>(
    headers: &[&str; N],
    rows: &[[String; N]],
    out: &mut impl Write,
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(headers[column].len())
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut line = |cells: [&str; N]| {
        let mut text = String::from("  ");
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            text.push_str(&match column {
                0 | 1 => format!("{cell:width$}  "),
                _ => format!("{cell:>width$}  "),
            });
        }
        writeln!(out, "{}", text.trim_end())
    };
    line(*headers)?;
    for row in rows {
        line(std::array::from_fn(|column| row[column].as_str()))?;
    }
    Ok(())
}

fn sources(report: &Report, out: &mut impl Write) -> io::Result<()> {
    if report.sources.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nsources")?;
    for source in &report.sources {
        writeln!(out, "  {}", describe(source))?;
    }
    Ok(())
}

/// A source in a line.
pub(crate) fn describe(source: &SourceState) -> String {
    let mut text = format!(
        "{}: {}, {} in {}",
        source.source,
        source.status,
        human_bytes(source.log_bytes),
        source.log_tables.join(", ")
    );
    if source.waiting_batches > 0 {
        text.push_str(&format!("; {}", source.waiting()));
    }
    if source.stuck {
        text.push_str("; STUCK");
    }
    if let Some(reason) = &source.reason {
        text.push_str(&format!(": {reason}"));
    }
    for blocker in &source.blockers {
        text.push_str(&format!(", held by {}", blocker.describe()));
    }
    text
}

fn write_advice(advice: &Advice, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "- [{}] {}: {}", advice.code, advice.object, advice.why)?;
    for sql in &advice.sql {
        writeln!(out, "    {sql};")?;
    }
    if let Some(command) = &advice.command {
        writeln!(out, "    $ {command}")?;
    }
    writeln!(out, "    {}", costs(advice))?;
    if let Some(note) = &advice.note {
        writeln!(out, "    {note}")?;
    }
    Ok(())
}

/// Lock, disk and time of a piece of advice.
pub(crate) fn costs(advice: &Advice) -> String {
    let disk = match advice.disk_bytes {
        0 => "none".to_owned(),
        bytes => human_bytes(bytes),
    };
    let time = advice
        .seconds
        .map_or_else(|| "as long as it takes".to_owned(), human_seconds);
    format!(
        "lock: {}; disk: {disk}; time: {time}; gives back: {}",
        advice.lock,
        human_bytes(advice.gains_bytes)
    )
}

/// One sample of a watch in a line, and the findings that the one before did not have.
pub(crate) fn write_sample(
    report: &Report,
    before: Option<&Report>,
    out: &mut impl Write,
) -> io::Result<()> {
    let dead: u64 = report.relations.iter().filter_map(|r| r.dead_tuples).sum();
    writeln!(
        out,
        "{}  {} in all, {} bloat, {dead} dead tuples",
        report.taken_at,
        human_bytes(report.total_bytes),
        human_bytes(report.total_bloat_bytes)
    )?;
    for source in &report.sources {
        writeln!(out, "    {}", describe(source))?;
    }
    let known = |code, object: &str| {
        before.is_some_and(|b| {
            b.findings
                .iter()
                .any(|f| f.code == code && f.object == object)
        })
    };
    let new = report.findings.iter().filter(|f| !known(f.code, &f.object));
    let findings = chameleon_diag::Report {
        findings: new.cloned().collect(),
    };
    write!(out, "{}", render_report(&findings))
}
