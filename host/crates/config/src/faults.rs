//! Collects everything that is wrong with a file, so that all of it is said at once.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use chameleon_diag::{ErrorCode, Finding, Report, Severity, codes};

/// Findings so far, and what values are resolved with.
pub(crate) struct Faults<'e> {
    pub(crate) env: &'e dyn Fn(&str) -> Option<String>,
    /// Directory that relative paths in the file start from.
    base: PathBuf,
    findings: RefCell<Vec<(usize, Finding)>>,
    without_use: RefCell<Vec<String>>,
}

impl<'e> Faults<'e> {
    pub(crate) fn new(env: &'e dyn Fn(&str) -> Option<String>, base: &Path) -> Self {
        Self {
            env,
            base: base.to_owned(),
            findings: RefCell::default(),
            without_use: RefCell::default(),
        }
    }

    /// An error at a key; line 0: no line.
    pub(crate) fn error(
        &self,
        code: ErrorCode,
        key: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Error, code, key, line, what.into(), remedy.into());
    }

    /// A value that is not what its key takes.
    pub(crate) fn value(&self, key: &str, line: usize, what: String, remedy: impl Into<String>) {
        self.error(codes::CFG004, key, line, what, remedy);
    }

    /// Something that works and should be looked at.
    pub(crate) fn warning(
        &self,
        code: ErrorCode,
        key: &str,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            code,
            key,
            line,
            what.into(),
            remedy.into(),
        );
    }

    /// A path of the file, made absolute where the file's own directory is.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }

    /// A key of 1.x that has no use any more.
    pub(crate) fn without_use(&self, key: String) {
        self.without_use.borrow_mut().push(key);
    }

    fn push(
        &self,
        severity: Severity,
        code: ErrorCode,
        key: &str,
        line: usize,
        what: String,
        remedy: String,
    ) {
        let what = match line {
            0 => what,
            line => format!("line {line}: {what}"),
        };
        let object = key.to_owned();
        self.findings.borrow_mut().push((
            line,
            Finding {
                severity,
                code,
                object,
                what,
                remedy,
            },
        ));
    }

    /// The report: by line, what is missing last, then the keys without use in one finding.
    pub(crate) fn into_report(self) -> Report {
        let mut findings = self.findings.into_inner();
        findings.sort_by_key(|(line, _)| if *line == 0 { usize::MAX } else { *line });
        findings.dedup();
        let mut findings: Vec<Finding> = findings.into_iter().map(|(_, f)| f).collect();
        let without_use = self.without_use.into_inner();
        if !without_use.is_empty() {
            findings.push(Finding {
                severity: Severity::Info,
                code: codes::CFG007,
                object: without_use.join(", "),
                what: "accepted, but without use any more".into(),
                remedy: "nothing has to be done; the lines may be removed".into(),
            });
        }
        Report { findings }
    }
}

/// A value for a message: short, on one line.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
    if text.chars().count() > 40 {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The candidate that somebody probably meant.
pub(crate) fn nearest<'c>(word: &str, candidates: &[&'c str]) -> Option<&'c str> {
    let word: String = word.chars().take(80).collect::<String>().to_lowercase();
    let length = word.chars().count();
    let most = (length / 3).max(if length < 4 { 1 } else { 2 });
    candidates
        .iter()
        .map(|c| (strsim::osa_distance(&word, &c.to_lowercase()), *c))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
