//! What can go wrong with configurations.

use std::path::PathBuf;

use chameleon_diag::{Diagnostic, ErrorCode, Finding, Report, Severity, codes};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is missing or cannot be read. CFG001.
    #[error("read the configuration file: {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file was read and has faults. CFG002.
    #[error("use the configuration file, which has {}: {}", faults(report), path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All of them, warnings and notes included. To be printed as a report.
        report: Report,
    },
    /// There is no home directory to look in. CFG012.
    #[error("find the home directory: neither CHAMELEON_HOME nor HOME is set")]
    NoHome,
    /// A file or directory of the home directory cannot be read or made. CFG012.
    #[error("{attempt}: {}", path.display())]
    Home {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl ConfigError {
    /// All faults of the file, where that is what is wrong.
    pub fn report(&self) -> Option<&Report> {
        match self {
            Self::Invalid { report, .. } => Some(report),
            _ => None,
        }
    }
}

fn errors(report: &Report) -> impl Iterator<Item = &Finding> {
    let findings = report.findings.iter();
    findings.filter(|f| f.severity == Severity::Error)
}

fn faults(report: &Report) -> String {
    match errors(report).count() {
        1 => "a fault".into(),
        n => format!("{n} faults"),
    }
}

impl Diagnostic for ConfigError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Read { .. } => codes::CFG001,
            Self::Invalid { .. } => codes::CFG002,
            Self::NoHome | Self::Home { .. } => codes::CFG012,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("chameleon set_configuration_files".into()),
            Self::Invalid { report, .. } => {
                let first = errors(report).next()?;
                Some(format!(
                    "{}: {}: {}",
                    first.object, first.what, first.remedy
                ))
            }
            Self::NoHome => Some("name the directory with --home".into()),
            Self::Home { .. } => Some("name another directory with --home".into()),
        }
    }
}
