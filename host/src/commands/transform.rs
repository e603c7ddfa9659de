//! `transform`: what the author of a transform needs.

use std::path::{Path, PathBuf};

use chameleon_config::Home;
use chameleon_diag::{Diagnostic, ErrorCode, codes};
use chameleon_transform::Engine;
use serde_json::Value;

use super::{transform_bench, transform_inspect, transform_new, transform_test};
use crate::cli::{GlobalOptions, TransformCommand};
use crate::error::HostError;
use crate::output::{Exit, Output};

/// What can go wrong around a transform that is being written.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// TRF040.
    #[error("write the project {}: {reason}", path.display())]
    Project {
        /// The directory or file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// TRF041.
    #[error("read the case {}: {reason}", path.display())]
    Case {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// TRF043.
    #[error("look at the table {table}: {reason}")]
    Table {
        /// What was given.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TRF010.
    #[error("read the configuration of the module from `{given}`: {reason}")]
    Settings {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Diagnostic for AuthorError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Project { .. } => codes::TRF040,
            Self::Case { .. } => codes::TRF041,
            Self::Table { .. } => codes::TRF043,
            Self::Settings { .. } => codes::TRF010,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Project { .. } => Some("choose another name, or --path".into()),
            Self::Table { .. } => Some("--table FILE.sql with a CREATE TABLE statement".into()),
            Self::Settings { .. } => Some("--with FILE.json, or --with '{\"key\": 1}'".into()),
            Self::Case { .. } => None,
        }
    }
}

/// Runs one of the commands.
pub(super) async fn run(
    options: &GlobalOptions,
    command: &TransformCommand,
    output: Output,
) -> Result<Exit, HostError> {
    match command {
        TransformCommand::New { name, path } => transform_new::run(name, path.as_deref(), output),
        TransformCommand::Inspect(inspect) => {
            transform_inspect::run(options, inspect, output).await
        }
        TransformCommand::Test(test) => transform_test::run(options, test, output),
        TransformCommand::Bench(bench) => transform_bench::run(options, bench, output).await,
    }
}

/// The engine, with its compiled code where the replica has it too.
pub(super) fn engine(options: &GlobalOptions) -> Result<Engine, HostError> {
    let home = Home::resolve(options.home.as_deref())?;
    Ok(Engine::new(&home.path().join("cache"))?)
}

/// What a module is configured with: JSON text, or a file with it.
pub(super) fn settings(given: Option<&str>) -> Result<Value, HostError> {
    let Some(given) = given else {
        return Ok(Value::Object(serde_json::Map::new()));
    };
    let refused = |reason: String| AuthorError::Settings {
        given: given.chars().take(80).collect(),
        reason,
    };
    let text = if given.trim_start().starts_with('{') {
        given.to_owned()
    } else {
        std::fs::read_to_string(given).map_err(|error| refused(error.to_string()))?
    };
    Ok(serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?)
}

/// The name of a file without what stands behind the point.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
