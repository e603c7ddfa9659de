//! What an upgrade did.

use std::collections::BTreeMap;

use serde::Serialize;

use super::steps::Step;
use super::survey::Survey;

/// What became of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Committed.
    Upgraded,
    /// There was nothing to do.
    Current,
    /// Carried out and taken back.
    TakenBack,
}

/// What an upgrade did.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether it is there now.
    pub done: Done,
    /// What the catalog was before.
    pub from: String,
    /// Steps with their times.
    pub steps: Vec<StepDone>,
    /// Rows of each source in its log tables.
    pub sources: Vec<SourceRows>,
    /// Rows without batch that are in quarantine.
    pub quarantined_rows: u64,
    /// Event ids that stood twice.
    pub double_ids: u64,
    /// Rows that got new ids for it.
    pub renumbered_rows: u64,
    /// Rows that lay in the parent table.
    pub parent_rows: u64,
    /// Write-ahead log that the server wrote meanwhile, in bytes; `None` where it cannot be read.
    pub wal_bytes: Option<u64>,
    /// Seconds that the catalog's tables were locked.
    pub locked_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
}

/// A step that was carried out.
#[derive(Clone, Debug, Serialize)]
pub struct StepDone {
    /// The step.
    pub step: String,
    /// What it worked on.
    pub object: String,
    /// Rows that it moved, changed or looked at.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A source after the upgrade.
#[derive(Clone, Debug, Serialize)]
pub struct SourceRows {
    /// Its name.
    pub source: String,
    /// Rows in its log tables.
    pub rows: u64,
}

impl Outcome {
    /// There was nothing to do.
    pub(super) fn nothing_to_do() -> Self {
        Self {
            done: Done::Current,
            from: "1.3".into(),
            steps: vec![],
            sources: vec![],
            quarantined_rows: 0,
            double_ids: 0,
            renumbered_rows: 0,
            parent_rows: 0,
            wal_bytes: None,
            locked_seconds: 0.0,
            seconds: 0.0,
        }
    }
}

impl StepDone {
    pub(super) fn of(step: &Step, seconds: f64) -> Self {
        Self {
            step: step.id.to_owned(),
            object: step.object.clone(),
            rows: step.rows,
            seconds,
        }
    }
}

/// Rows of each source, from what has to be there.
pub(super) fn source_rows(
    survey: &Survey,
    expected: &BTreeMap<(i64, i64), u64>,
) -> Vec<SourceRows> {
    let rows = |id| {
        let of_source = expected.iter().filter(move |(key, _)| key.0 == id);
        of_source.map(|(_, rows)| rows).sum()
    };
    let sources = survey.sources.iter();
    sources
        .map(|s| SourceRows {
            source: s.name.clone(),
            rows: rows(s.id),
        })
        .collect()
}
