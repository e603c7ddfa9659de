//! The home directory: `--home`, else `$CHAMELEON_HOME`, else `~/.pg_chameleon`.
//!
//! Laid out as 1.x laid it out: `config/NAME.yaml`, `logs/`, `pid/`.

use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{ConfigError, Env};

/// The example, with every key and its default.
const EXAMPLE: &str = include_str!("../config-example.yaml");
const EXAMPLE_NAME: &str = "config-example";
/// SHA-256 of examples that earlier versions wrote, pg_chameleon 1.2 and 1.3 first (they wrote the
/// same one). A file with one of these was not changed by anybody.
const EARLIER_EXAMPLES: &[&str] = &[EXAMPLE_OF_1_3];
const EXAMPLE_OF_1_3: &str = "39d17d6d0ef8db41c636a589b7f0e0dd92dce66c216e9a39612c7402989abfa0";
/// Directories of a home.
const DIRECTORIES: &[&str] = &["", "config", "logs", "pid"];

/// The directory with configurations, logs and pid files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// What [`Home::create_with_example`] did to `config-example.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExampleFile {
    /// It was not there.
    Written,
    /// An older one that nobody had changed was replaced.
    Updated,
    /// It was there as it is now.
    UpToDate,
    /// Somebody changed it: left alone.
    KeptChanged,
}

impl Home {
    /// Finds the home directory; it need not exist.
    ///
    /// # Errors
    /// CFG012 where nothing says where it is.
    pub fn resolve(flag: Option<&Path>) -> Result<Self, ConfigError> {
        Self::resolve_in(flag, &|name| std::env::var(name).ok())
    }

    /// The same in a given environment.
    ///
    /// # Errors
    /// CFG012 where nothing says where it is.
    pub fn resolve_in(flag: Option<&Path>, env: Env<'_>) -> Result<Self, ConfigError> {
        match flag {
            Some(path) => Ok(Self(path.to_owned())),
            None => default_home(env).map(Self).ok_or(ConfigError::NoHome),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// File of `--config VALUE`: a value with a slash or ending in `.yaml` is a path, else it is
    /// `HOME/config/VALUE.yaml`.
    pub fn config_path(&self, value: &str) -> PathBuf {
        if value.contains('/') || value.ends_with(".yaml") {
            return PathBuf::from(value);
        }
        self.0.join("config").join(format!("{value}.yaml"))
    }

    /// All configurations there but `config-example.yaml`, in order of name.
    ///
    /// # Errors
    /// CFG012 where the directory cannot be read.
    pub fn all_configs(&self) -> Result<Vec<PathBuf>, ConfigError> {
        let directory = self.0.join("config");
        let failed = |source| failed("list the configurations", &directory, source);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&directory).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let yaml = path.extension().is_some_and(|e| e == "yaml");
            let example = path.file_stem().is_some_and(|stem| stem == EXAMPLE_NAME);
            if yaml && !example && path.is_file() {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// Path of the example.
    pub fn example_path(&self) -> PathBuf {
        self.config_path(EXAMPLE_NAME)
    }

    /// Makes the directories, for this user alone, and writes `config-example.yaml`, but never
    /// over one that somebody changed.
    ///
    /// # Errors
    /// CFG012 where a directory or the file cannot be made.
    pub fn create_with_example(&self) -> Result<ExampleFile, ConfigError> {
        for name in DIRECTORIES {
            let path = self.0.join(name);
            create_private_dir(&path).map_err(|e| failed("make the directory", &path, e))?;
        }
        let path = self.example_path();
        let found = match std::fs::read(&path) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(failed("read the example", &path, e)),
        };
        let outcome = match found {
            None => ExampleFile::Written,
            Some(bytes) if bytes == EXAMPLE.as_bytes() => return Ok(ExampleFile::UpToDate),
            Some(bytes) if EARLIER_EXAMPLES.contains(&hex_digest(&bytes).as_str()) => {
                ExampleFile::Updated
            }
            Some(_) => return Ok(ExampleFile::KeptChanged),
        };
        replace(&path, EXAMPLE).map_err(|e| failed("write the example", &path, e))?;
        Ok(outcome)
    }
}

/// The home that a configuration belongs to: the directory above its `config` directory, else the
/// default one. Logs and pid files go there where the file does not say otherwise.
pub(crate) fn of_config(path: &Path, env: Env<'_>) -> PathBuf {
    let directory = path.parent();
    let beside = directory
        .filter(|d| d.file_name().is_some_and(|name| name == "config"))
        .and_then(Path::parent)
        .map(Path::to_owned);
    beside.or_else(|| default_home(env)).unwrap_or_default()
}

fn default_home(env: Env<'_>) -> Option<PathBuf> {
    let set = |name: &str| {
        env(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("CHAMELEON_HOME").or_else(|| set("HOME").map(|home| home.join(".pg_chameleon")))
}

fn failed(attempt: &'static str, path: &Path, source: std::io::Error) -> ConfigError {
    ConfigError::Home {
        attempt,
        path: path.to_owned(),
        source,
    }
}

fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Writes beside the file and renames, so that it is there whole or not at all.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("yaml.tmp");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn hex_digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
