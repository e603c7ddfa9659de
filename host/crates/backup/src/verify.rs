//! Is the backup what its manifest says? The best means at hand answers, and is named.

mod database;

use std::collections::BTreeMap;
use std::time::Instant;

use chameleon_catalog::SCHEMA;
use chameleon_postgres::{Client, ConnectOptions, connect, quote_ident};
use serde::Serialize;

use crate::archive::{self, Script, Section};
use crate::error::BackupError;
use crate::foreign_keys::{self, BrokenKey};
use crate::inspect::{self, Contents};
use crate::manifest::{Backup, Manifest};
use crate::restore::{Owner, Part, is_copy};
use crate::scratch::Scratch;
use database::NoDatabase;

/// How a backup was verified, best first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// Restored into a server of its own; the text says which.
    ScratchServer(String),
    /// Restored into a database of its own on the server where the catalog lives.
    ScratchDatabase,
    /// Not restored: contents, rows per table and SHA-256 of the archive.
    Archive,
}

impl std::fmt::Display for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ScratchServer(which) => write!(f, "restored into a scratch server: {which}"),
            Self::ScratchDatabase => {
                f.write_str("restored into a scratch database on the catalog's server")
            }
            Self::Archive => f.write_str("archive read from end to end, not restored"),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The backup.
    pub backup: Backup,
    /// How it was done.
    pub by: Means,
    /// Why no better means was taken.
    pub passed_over: Vec<String>,
    /// What is not as the manifest says, each in one sentence; empty where the backup is sound.
    pub differences: Vec<String>,
    /// Foreign keys that rows break, as they do where the backup was taken. The rows are all there.
    pub broken_keys: Vec<BrokenKey>,
    /// How long it took.
    pub seconds: f64,
}

/// The best means that a verification may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AtBest {
    /// Reading the archive.
    Archive,
    /// A database on the catalog's server.
    ScratchDatabase,
    /// A server of its own.
    #[default]
    ScratchServer,
}

/// Verifies a backup by the best means there is. `live` is the server where the catalog lives: a
/// database of its own is made on it where no scratch server can be had.
///
/// # Errors
/// The archive cannot be read. What differs is no error but in the answer.
pub async fn verify(
    backup: &Backup,
    live: Option<&ConnectOptions>,
) -> Result<Verified, BackupError> {
    verify_by(backup, live, AtBest::default()).await
}

/// The same with no better means than the given one.
///
/// # Errors
/// Those of [`verify`].
pub async fn verify_by(
    backup: &Backup,
    live: Option<&ConnectOptions>,
    at_best: AtBest,
) -> Result<Verified, BackupError> {
    let begun = Instant::now();
    archive::must_exist(&backup.path)?;
    archive::check_contents(backup).await?;
    let mut passed_over = Vec::new();
    let mut done = None;
    if at_best >= AtBest::ScratchServer {
        match Scratch::start(backup.manifest.server.major()).await {
            Ok(scratch) => {
                let restored = in_scratch(backup, &scratch).await?;
                let by = Means::ScratchServer(scratch.describe().to_owned());
                done = Some((by, restored));
            }
            Err(error) => passed_over.push(error.to_string()),
        }
    }
    if done.is_none() && at_best >= AtBest::ScratchDatabase {
        match database::restored_in(backup, live).await {
            Ok(restored) => done = Some((Means::ScratchDatabase, restored)),
            Err(NoDatabase::Refused(reason)) => passed_over.push(reason),
            Err(NoDatabase::Failed(error)) => return Err(error),
        }
    }
    let (by, (differences, broken_keys)) = match done {
        Some(done) => done,
        None => (Means::Archive, (in_archive(backup).await?, Vec::new())),
    };
    Ok(Verified {
        backup: backup.clone(),
        by,
        passed_over,
        differences,
        broken_keys,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// What differs in a restored backup, and the foreign keys that its rows break.
type Restored = (Vec<String>, Vec<BrokenKey>);

async fn in_scratch(backup: &Backup, scratch: &Scratch) -> Result<Restored, BackupError> {
    let encoding = &backup.manifest.server.encoding;
    let options = scratch.database("verify", encoding).await?;
    let c = connect(&options).await?;
    restored(backup, &c).await
}

/// The statement that makes an empty database of an encoding, whatever the server's own locale is.
pub(crate) fn create_database(name: &str, encoding: &str) -> String {
    format!(
        "create database {} template template0 encoding {} lc_collate 'C' lc_ctype 'C'",
        quote_ident(name),
        chameleon_postgres::quote_literal(encoding)
    )
}

async fn restored(backup: &Backup, c: &Client) -> Result<Restored, BackupError> {
    inspect::begin(c, "begin to restore the backup", "begin").await?;
    backup.restore_into(c, Owner::Drop, Part::All).await?;
    inspect::execute(c, "end restoring the backup", "commit").await?;
    let begin = "begin isolation level repeatable read read only";
    inspect::begin(c, "begin to read the restored catalog", begin).await?;
    let differences = differences(c, backup).await?;
    let broken_keys = foreign_keys::broken(c).await?;
    inspect::execute(c, "end reading the restored catalog", "rollback").await?;
    Ok((differences, broken_keys))
}

/// What of the catalog in the session's database is not as the manifest says. The session must be
/// in a transaction, of which settings are changed.
pub(crate) async fn differences(c: &Client, backup: &Backup) -> Result<Vec<String>, BackupError> {
    let contents = inspect::contents(c).await?;
    let sources = inspect::sources(c).await?;
    let mut differences = compare(&backup.manifest, &contents);
    if sources != backup.manifest.sources {
        differences.push("sources stand elsewhere than the manifest says".into());
    }
    Ok(differences)
}

fn compare(manifest: &Manifest, found: &Contents) -> Vec<String> {
    let mut differences = Vec::new();
    let expected = manifest.tables.iter().map(|t| (&t.name, t)).collect();
    let restored = found.tables.iter().map(|t| (&t.name, t)).collect();
    pairs("table", &expected, &restored, &mut differences, |e, f| {
        if e.rows != f.rows {
            Some(format!("has {} rows, not {}", f.rows, e.rows))
        } else {
            (e.checksum != f.checksum).then(|| "has other rows".to_owned())
        }
    });
    let expected = manifest.sequences.iter().map(|s| (&s.name, s)).collect();
    let restored = found.sequences.iter().map(|s| (&s.name, s)).collect();
    pairs(
        "sequence",
        &expected,
        &restored,
        &mut differences,
        |e, f| (e.last_value != f.last_value).then(|| "stands elsewhere".to_owned()),
    );
    let expected = manifest
        .functions
        .iter()
        .map(|p| (&p.signature, p))
        .collect();
    let restored = found.functions.iter().map(|p| (&p.signature, p)).collect();
    pairs(
        "function",
        &expected,
        &restored,
        &mut differences,
        |e, f| (e.sha256 != f.sha256).then(|| "has another body".to_owned()),
    );
    differences
}

fn pairs<T>(
    kind: &str,
    expected: &BTreeMap<&String, &T>,
    found: &BTreeMap<&String, &T>,
    differences: &mut Vec<String>,
    differs: impl Fn(&T, &T) -> Option<String>,
) {
    for (name, one) in expected {
        match found.get(name) {
            None => differences.push(format!("{kind} {name} is missing")),
            Some(other) => {
                differences.extend(differs(one, other).map(|what| format!("{kind} {name} {what}")));
            }
        }
    }
    for name in found.keys().filter(|name| !expected.contains_key(*name)) {
        differences.push(format!("{kind} {name} is not in the manifest"));
    }
}

/// Reads the whole archive and counts the rows of every table.
async fn in_archive(backup: &Backup) -> Result<Vec<String>, BackupError> {
    let mut script = Script::open(backup, Section::Data, Owner::Drop).await?;
    let mut rows: BTreeMap<String, u64> = BTreeMap::new();
    while let Some(line) = script.sql().await? {
        if !is_copy(line) {
            continue;
        }
        let statement = String::from_utf8_lossy(line).into_owned();
        let mut count = 0;
        while script.row().await?.is_some() {
            count += 1;
        }
        if let Some(table) = archive::copied_table(&statement) {
            rows.insert(table, count);
        }
    }
    script.close().await?;
    let expected = backup.manifest.tables.iter();
    let differing = expected.filter(|t| rows.get(&t.name).copied().unwrap_or_default() != t.rows);
    Ok(differing
        .map(|t| {
            let found = rows.get(&t.name).copied().unwrap_or_default();
            format!("table {SCHEMA}.{} has {found} rows, not {}", t.name, t.rows)
        })
        .collect())
}
