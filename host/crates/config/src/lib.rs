//! The configuration of one source: the flat YAML file of pg_chameleon 1.x, plus newer keys.
//!
//! [`load`] reads a file and says everything that is wrong with it at once: each fault names its
//! key path and line, what is wrong and what to write instead. Words mean what they meant to 1.x,
//! which read YAML 1.1 through PyYAML; what that comes to stands in `scalar` and `interval`.
//! `${NAME}` takes an environment variable and `passwd_file` / `password_file` a file; what they
//! give, and whatever stands in a connection, is never repeated in a message.
//!
//! Not done here: no connection is opened and no name is looked up. Whether a module, a table or a
//! type exists is what `chameleon check` finds out.

mod connections;
mod error;
mod expand;
mod faults;
mod home;
mod interval;
mod model;
mod read;
mod rules;
mod scalar;
mod secret;
mod section;
mod transforms;
mod yaml;

pub use error::ConfigError;
pub use home::{ExampleFile, Home};
pub use model::{
    ApplyMode, Config, HttpConfig, LogDest, LogLevel, MysqlConn, OnDrift, OnError, PgConn, Tls,
    TlsMode, TransformConfig,
};
pub use secret::Secret;

use std::path::{Path, PathBuf};

use chameleon_diag::{Report, Severity, codes};

use crate::faults::Faults;
use crate::section::Section;
use crate::yaml::{Kind, Map, Node, NotYaml};

/// An environment: the value of a variable, where it is set.
pub type Env<'e> = &'e dyn Fn(&str) -> Option<String>;

/// Loads a configuration file. Its name is the file's name without `.yaml`; relative paths in it
/// start from its directory. The report holds warnings and notes only.
///
/// # Errors
/// CFG001 where the file cannot be read, CFG002 with all its faults where it cannot be used.
pub fn load(path: &Path) -> Result<(Config, Report), ConfigError> {
    let unreadable = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size > yaml::MAX_BYTES as u64 {
        let source = std::io::Error::other("larger than 1 MiB, which no configuration is");
        return Err(unreadable(source));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| unreadable(std::io::Error::other("the file is not UTF-8 text")))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    read_text(&name, path, &text, &|name| std::env::var(name).ok())
}

/// Reads a configuration from text, as [`load`] does from a file of that name. Password files that
/// it names are read.
///
/// # Errors
/// CFG002 with all faults where the text cannot be used.
pub fn parse(name: &str, text: &str, env: Env<'_>) -> Result<(Config, Report), ConfigError> {
    read_text(name, &PathBuf::from(format!("{name}.yaml")), text, env)
}

fn read_text(
    name: &str,
    path: &Path,
    text: &str,
    env: Env<'_>,
) -> Result<(Config, Report), ConfigError> {
    let faults = Faults::new(env, path.parent().unwrap_or(Path::new("")));
    let config = match yaml::parse(text) {
        Ok(Some(Node {
            line,
            kind: Kind::Map(map),
        })) => read_map(name, path, line, &map, &faults),
        Ok(None) => read_map(name, path, 0, &Map::default(), &faults),
        Ok(Some(node)) => {
            let what = "the file is not a map of keys and values";
            let remedy = "write `key: value` on each line, as in config-example.yaml";
            faults.error(codes::CFG011, "the file", node.line, what, remedy);
            None
        }
        Err(NotYaml { line, what }) => {
            let remedy = "mend the line; text with special characters goes into quotes";
            faults.error(codes::CFG011, "the file", line, what, remedy);
            None
        }
    };
    let report = faults.into_report();
    match config {
        Some(config) if report.worst() < Some(Severity::Error) => Ok((config, report)),
        _ => Err(ConfigError::Invalid {
            path: path.to_owned(),
            report,
        }),
    }
}

fn read_map(
    name: &str,
    path: &Path,
    line: usize,
    map: &Map,
    faults: &Faults<'_>,
) -> Option<Config> {
    let home = home::of_config(path, faults.env);
    let root = Section::new("", line, map, faults, false);
    Some(read::config(name, path, &home, root))
}
