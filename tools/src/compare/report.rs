//! What a comparison found. The table for people and the JSON are made from the same struct.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

/// Version of the JSON's shape.
const SCHEMA_VERSION: u32 = 1;
/// Keys that the table for people lists per table.
const LISTED: usize = 20;

/// All tables.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) schema_version: u32,
    pub(crate) source: String,
    pub(crate) dest_schema: String,
    /// Nothing differs and nothing was left open.
    pub(crate) equal: bool,
    pub(crate) tables: Vec<TableResult>,
    pub(crate) seconds: f64,
}

/// One table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TableResult {
    /// Name at the source; at the target for a table that is only there.
    pub(crate) table: String,
    pub(crate) state: State,
    pub(crate) source_rows: u64,
    pub(crate) target_rows: u64,
    /// Sum of the rows' checksums, hex. Where a chunk differed while it was read and was equal
    /// later, the source's count and sum stand for both sides.
    pub(crate) source_checksum: String,
    pub(crate) target_checksum: String,
    /// Rows that the target lacks, has besides, or has otherwise; at least so many where `more`.
    pub(crate) missing: u64,
    pub(crate) extra: u64,
    pub(crate) different: u64,
    /// There are more differing rows than are counted.
    pub(crate) more: bool,
    /// Rows that changed at the source during the whole comparison, so that nothing can be said.
    pub(crate) unsettled: u64,
    pub(crate) problems: Vec<Problem>,
    pub(crate) keys: Vec<DifferingRow>,
    /// Statements that mend the target, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repair: Option<Vec<String>>,
}

/// Outcome for a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Equal,
    Different,
    /// Only rows that never stood still differ.
    Unsettled,
    /// The target has no such table.
    MissingAtTarget,
    /// The source has no such table.
    OnlyAtTarget,
    /// Transforms change its rows on the way: only counted.
    Transformed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Unsettled => "unsettled",
            Self::MissingAtTarget => "missing at the target",
            Self::OnlyAtTarget => "only at the target",
            Self::Transformed => "transformed, only counted",
        }
    }

    /// Does not keep the sides from being called equal.
    pub(crate) fn is_good(self) -> bool {
        matches!(self, Self::Equal | Self::Transformed)
    }
}

/// What is wrong with a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    pub(crate) column: String,
    pub(crate) kind: ProblemKind,
}

/// Differences of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ProblemKind {
    MissingAtTarget,
    OnlyAtTarget,
    /// There is no rule for this pair of types.
    NotComparable,
}

impl ProblemKind {
    fn words(self) -> &'static str {
        match self {
            Self::MissingAtTarget => "is missing at the target",
            Self::OnlyAtTarget => "is only at the target",
            Self::NotComparable => "has types that cannot be compared",
        }
    }
}

/// One row that differs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DifferingRow {
    /// Key columns and their values; empty for a table without key.
    pub(crate) key: Map<String, Value>,
    pub(crate) what: Difference,
    /// Columns whose values differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Difference {
    Missing,
    Extra,
    Different,
}

impl Comparison {
    pub(crate) fn new(source: &str, dest_schema: &str, tables: Vec<TableResult>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            source: source.to_owned(),
            dest_schema: dest_schema.to_owned(),
            equal: tables.iter().all(|t| t.state.is_good()),
            tables,
            seconds: 0.0,
        }
    }

    /// The table for people.
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = self
            .tables
            .iter()
            .map(|t| t.table.chars().count())
            .max()
            .unwrap_or(5)
            .max(5);
        writeln!(
            out,
            "{:width$}  {:>12}  {:>12}  state",
            "table", "source rows", "target rows"
        )?;
        for table in &self.tables {
            let (name, state) = (&table.table, table.state.word());
            let (source, target) = (table.source_rows, table.target_rows);
            writeln!(out, "{name:width$}  {source:>12}  {target:>12}  {state}")?;
            table.write_details(out)?;
        }
        let words = if self.equal {
            "source and target are equal"
        } else {
            "they are not equal"
        };
        let count = self.tables.len();
        writeln!(
            out,
            "{count} tables compared in {:.1} s: {words}",
            self.seconds
        )
    }

    /// All statements that mend the target.
    pub(crate) fn write_repair(&self, out: &mut dyn Write) -> io::Result<()> {
        for table in &self.tables {
            for statement in table.repair.iter().flatten() {
                writeln!(out, "{statement}")?;
            }
        }
        Ok(())
    }
}

impl TableResult {
    /// A table of which nothing is known yet.
    pub(crate) fn new(table: &str, state: State) -> Self {
        Self {
            table: table.to_owned(),
            state,
            source_rows: 0,
            target_rows: 0,
            source_checksum: format!("{:032x}", 0),
            target_checksum: format!("{:032x}", 0),
            missing: 0,
            extra: 0,
            different: 0,
            more: false,
            unsettled: 0,
            problems: Vec::new(),
            keys: Vec::new(),
            repair: None,
        }
    }

    fn write_details(&self, out: &mut dyn Write) -> io::Result<()> {
        for problem in &self.problems {
            writeln!(
                out,
                "    column {} {}",
                problem.column,
                problem.kind.words()
            )?;
        }
        let (missing, extra, different) = (self.missing, self.extra, self.different);
        if missing + extra + different > 0 {
            let least = if self.more { "at least " } else { "" };
            writeln!(
                out,
                "    {least}{missing} missing, {extra} extra, {different} different rows"
            )?;
        }
        if self.unsettled > 0 {
            writeln!(out, "    {} rows never stood still", self.unsettled)?;
        }
        for row in self.keys.iter().take(LISTED) {
            row.write(out)?;
        }
        match self.keys.len().saturating_sub(LISTED) {
            0 => Ok(()),
            rest => writeln!(out, "    ... and {rest} more with --json"),
        }
    }
}

impl DifferingRow {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let word = match self.what {
            Difference::Missing => "missing  ",
            Difference::Extra => "extra    ",
            Difference::Different => "different",
        };
        let key: Vec<String> = self
            .key
            .iter()
            .map(|(column, value)| format!("{column}={}", plain(value)))
            .collect();
        let key = if key.is_empty() {
            "(no key)".to_owned()
        } else {
            key.join(" ")
        };
        let columns = match self.columns.as_slice() {
            [] => String::new(),
            columns => format!(": {}", columns.join(", ")),
        };
        writeln!(out, "    {word} {key}{columns}")
    }
}

/// A number as it is, text in quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text)
            if text
                .bytes()
                .all(|b| b.is_ascii_digit() || b"-.".contains(&b)) =>
        {
            text.clone()
        }
        other => other.to_string(),
    }
}
