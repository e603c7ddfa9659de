//! What a backup says of itself.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::BackupError;
use crate::files;

/// Format of the manifest that this program writes, and the newest that it reads.
const FORMAT: u32 = 1;
/// What the manifest's name has more than the archive's.
const SUFFIX: &str = ".manifest.json";

/// What is in the archive. Written from the same snapshot of the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format of this description.
    pub format: u32,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// When, in UTC.
    pub created_at: String,
    /// Version of the catalog: `1.2`, `1.3`, `half-way`.
    pub version: String,
    /// The server it comes from.
    pub server: Server,
    /// The archive.
    pub archive: Archive,
    /// Every table alone, without those that inherit from it, by name.
    pub tables: Vec<TableSum>,
    /// Sequences, by name.
    pub sequences: Vec<SequenceState>,
    /// Functions, by signature.
    pub functions: Vec<FunctionSum>,
    /// Where every source stood, by id.
    pub sources: Vec<SourceState>,
}

/// A server and a database of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Version as a number: 170002 is 17.2.
    pub version_num: u32,
    /// Version as the server says it.
    pub version: String,
    /// Host as it was connected to.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// Its encoding.
    pub encoding: String,
}

impl Server {
    /// Major version.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }
}

/// The archive's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archive {
    /// Its name, without the directory.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Major version of the `pg_dump` that wrote it.
    pub pg_dump: u32,
}

/// Rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSum {
    /// Name within the schema.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Sum over 64 bits of the SHA-256 of each row's text: the same in any order of the rows.
    pub checksum: String,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceState {
    /// Name within the schema.
    pub name: String,
    /// The last value given out; none before the first.
    pub last_value: Option<i64>,
}

/// A function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionSum {
    /// Name and types of the arguments.
    pub signature: String,
    /// SHA-256 of its body in hexadecimal.
    pub sha256: String,
}

/// Where a source stands. Equal states: nothing was read, applied or given up between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// Id.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Schema at the target.
    pub dest_schema: String,
    /// The open batch, whose position is where reading goes on; none before the first copy.
    pub open_batch: Option<i64>,
    /// Binlog file of that position.
    pub binlog: Option<String>,
    /// Offset in the file.
    pub position: Option<i64>,
    /// Ids of the batches that are not replayed, the open one among them.
    pub batches: Vec<i64>,
    /// Rows and DDL entries of these batches that are not applied yet.
    pub waiting_rows: u64,
}

/// A backup: archive and manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// The archive.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
}

impl Backup {
    /// Reads the manifest and checks that the archive is the file that was written. `path` is the
    /// archive's, or the manifest's.
    ///
    /// # Errors
    /// [`BackupError::NoManifest`], [`BackupError::Damaged`], [`BackupError::File`].
    pub async fn open(path: &Path) -> Result<Self, BackupError> {
        let path = archive_path(path);
        let manifest = read(&manifest_path(&path))?;
        let (bytes, sha256) = files::digest(path.clone()).await?;
        let wrong = if bytes != manifest.archive.bytes {
            format!("it has {bytes} bytes, not {}", manifest.archive.bytes)
        } else if sha256 != manifest.archive.sha256 {
            "its SHA-256 is not that of the manifest".to_owned()
        } else {
            return Ok(Self { path, manifest });
        };
        Err(BackupError::Damaged {
            path,
            reason: wrong,
        })
    }
}

/// The manifest's file of an archive.
pub(crate) fn manifest_path(archive: &Path) -> PathBuf {
    let mut name = archive.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

fn archive_path(path: &Path) -> PathBuf {
    match path.to_str().and_then(|text| text.strip_suffix(SUFFIX)) {
        Some(archive) => archive.into(),
        None => path.to_owned(),
    }
}

pub(crate) fn format() -> u32 {
    FORMAT
}

fn read(path: &Path) -> Result<Manifest, BackupError> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let wrong = |reason: String| BackupError::NoManifest {
        path: path.to_owned(),
        reason,
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let Format { format } = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
    if format > FORMAT {
        return Err(wrong(format!(
            "it is of format {format}, this program reads {FORMAT}"
        )));
    }
    serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archive_and_manifest_are_named_after_each_other() {
        let archive = Path::new("/b/c.dump");
        let manifest = manifest_path(archive);
        assert_eq!(manifest, Path::new("/b/c.dump.manifest.json"));
        assert_eq!(archive_path(&manifest), archive);
        assert_eq!(archive_path(archive), archive);
    }

    #[test]
    fn a_manifest_of_a_newer_format_is_refused_before_it_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.manifest.json");
        std::fs::write(&path, r#"{"format": 99, "anything": 1}"#).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with("it is of format 99, this program reads 1"));
    }
}
