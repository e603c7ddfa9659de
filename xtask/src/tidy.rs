//! `tidy`: rules of the project that no compiler knows. Each rule is a file; a finding names a place and what is
//! wrong there.

mod codes;
mod layers;
mod source;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{Outcome, run, workspace};

/// What the rules have to say.
#[derive(Debug, Default)]
struct Findings {
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Findings {
    fn fault(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.faults.push(format!("{place}: {what}"));
    }

    fn warning(&mut self, place: impl std::fmt::Display, what: impl std::fmt::Display) {
        self.warnings.push(format!("{place}: {what}"));
    }
}

/// A text file of the project.
#[derive(Clone, Debug)]
struct File {
    /// Relative to the workspace.
    path: PathBuf,
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// Applies all rules; warnings alone are clean.
pub(crate) fn run() -> Result<Outcome> {
    let files = project_files(workspace::root())?;
    let mut findings = Findings::default();
    layers::check(&workspace::metadata()?, &files, &mut findings)?;
    codes::check(&files, &mut findings);
    source::check(&files, &mut findings);
    for warning in &findings.warnings {
        eprintln!("warning: {warning}");
    }
    for fault in &findings.faults {
        eprintln!("error: {fault}");
    }
    eprintln!(
        "tidy: {} files, {} faults",
        files.len(),
        findings.faults.len()
    );
    Ok(if findings.faults.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// All text files that are, or would be, under version control.
fn project_files(root: &Path) -> Result<Vec<File>> {
    let mut list = Command::new("git");
    // A clone may belong to another user than the one who runs this.
    list.args(["-c", "safe.directory=*"])
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
    let mut files = Vec::new();
    for path in run::output(&mut list)?.split_terminator('\0') {
        let bytes = match fs::read(root.join(path)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue, // deleted, not yet committed
            Err(error) => return Err(error).with_context(|| format!("cannot read {path}")),
        };
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(File {
                path: path.into(),
                text,
            });
        }
    }
    Ok(files)
}
