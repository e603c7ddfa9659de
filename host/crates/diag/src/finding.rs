//! Findings: what a check noticed without failing itself.

use serde::Serialize;

use crate::codes::ErrorCode;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; does not change an exit code.
    Info,
    /// Works, with a limitation that is named.
    Warning,
    /// Will not work until it is mended.
    Error,
}

/// One thing that a check noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// Code, whose page explains it.
    pub code: ErrorCode,
    /// What it is about: a key path, table, column, server setting.
    pub object: String,
    /// What was found, one sentence without a full stop.
    pub what: String,
    /// What to do about it, ideally a command or statement to type.
    pub remedy: String,
}

/// All findings of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// In the order in which they were found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The worst severity, `None` where nothing was found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|f| f.severity).max()
    }
}
