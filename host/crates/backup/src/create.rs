//! Making a backup.
//!
//! One snapshot serves everything: a session exports it, `pg_dump` takes it over, and the manifest
//! is read under it. The archive is written under a name that ends in `.partial`; archive and
//! manifest get their names last, in this order, so a backup with a manifest is complete.

use std::path::{Path, PathBuf};

use chameleon_catalog::{CatalogError, CatalogState, SCHEMA};
use chameleon_postgres::{Client, ConnectOptions, connect};
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{OffsetDateTime, UtcDateTime};

use crate::archive;
use crate::error::BackupError;
use crate::files;
use crate::inspect::{self, get};
use crate::manifest::{self, Archive, Backup, Manifest};
use crate::programs;
use crate::verify::{Verified, verify};

/// Where a backup goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Out {
    /// This file; the manifest beside it.
    File(PathBuf),
    /// A new file `sch_chameleon-DATABASE-VERSION-TIME.dump` in this directory, which is made if it
    /// is missing.
    Directory(PathBuf),
}

/// Makes a backup of the catalog and verifies it.
///
/// # Errors
/// Those of [`create`]; [`BackupError::Differs`] where the backup is not what it should be.
pub async fn create_verified(target: &ConnectOptions, out: &Out) -> Result<Verified, BackupError> {
    let backup = create(target, out).await?;
    let verified = verify(&backup, Some(target)).await?;
    if verified.differences.is_empty() {
        return Ok(verified);
    }
    Err(BackupError::Differs {
        path: backup.path,
        differences: verified.differences,
    })
}

/// Makes a backup of the catalog. Replicas may run. When it returns, both files are on the disk.
///
/// # Errors
/// There is no catalog, or one that is not ours to touch; `pg_dump` is missing, too old, or fails;
/// the file exists or cannot be written.
pub async fn create(target: &ConnectOptions, out: &Out) -> Result<Backup, BackupError> {
    let c = connect(target).await?;
    let begin = "begin isolation level repeatable read read only";
    inspect::begin(&c, "begin the backup", begin).await?;
    let version = version(&c).await?;
    let server = inspect::server(&c, &target.host, target.port).await?;
    let program = programs::find("pg_dump", server.major()).await?;
    let now = UtcDateTime::now();
    let path = path(out, &server.database, &version, now)?;
    let partial = partial(&path);
    let file = files::create_private(&partial)?;
    // whatever ends this, what is left under that name is of no use
    let _removed = files::RemovedAtEnd(&partial);
    let made = async {
        let snapshot = inspect::one(
            &c,
            "export the snapshot",
            "select pg_export_snapshot() as id",
        );
        let snapshot: String = get(&snapshot.await?, "id")?;
        let read = async {
            let contents = inspect::contents(&c).await?;
            Ok((contents, inspect::sources(&c).await?))
        };
        let synced = file
            .try_clone()
            .map_err(BackupError::file("write", &partial))?;
        let dump = archive::dump(&program, target, &snapshot, file);
        let ((contents, sources), ()) = tokio::try_join!(read, dump)?;
        synced
            .sync_all()
            .map_err(BackupError::file("write", &partial))?;
        let (bytes, sha256) = files::digest(partial.clone()).await?;
        let name = path.file_name().unwrap_or_default();
        Ok::<_, BackupError>(Manifest {
            format: manifest::format(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            created_at: OffsetDateTime::from(now)
                .format(&Rfc3339)
                .unwrap_or_default(),
            version,
            server,
            archive: Archive {
                file: name.to_string_lossy().into_owned(),
                bytes,
                sha256,
                pg_dump: program.major,
            },
            tables: contents.tables,
            sequences: contents.sequences,
            functions: contents.functions,
            sources,
        })
    };
    let manifest = made.await?;
    publish(&partial, path, manifest)
}

fn publish(partial: &Path, path: PathBuf, manifest: Manifest) -> Result<Backup, BackupError> {
    let manifest_path = manifest::manifest_path(&path);
    let unfinished = self::partial(&manifest_path);
    let text = serde_json::to_string_pretty(&manifest);
    let text = text.map_err(|error| BackupError::NoManifest {
        path: manifest_path.clone(),
        reason: error.to_string(),
    })?;
    // left by an attempt that was killed
    let _ = std::fs::remove_file(&unfinished);
    files::write_private(&unfinished, &format!("{text}\n"))?;
    let named =
        files::publish(partial, &path).and_then(|()| files::publish(&unfinished, &manifest_path));
    if let Err(error) = named {
        let _ = std::fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok(Backup { path, manifest })
}

/// Version of a catalog that can be backed up.
async fn version(c: &Client) -> Result<String, BackupError> {
    Ok(match chameleon_catalog::version(c).await? {
        CatalogState::V12 => "1.2".into(),
        CatalogState::V13 | CatalogState::V13Original => "1.3".into(),
        CatalogState::Halfway => "half-way".into(),
        CatalogState::Absent => return Err(CatalogError::Absent.into()),
        CatalogState::Older(label) => label,
        CatalogState::Newer(version) => return Err(CatalogError::Newer { version }.into()),
        CatalogState::Foreign => return Err(CatalogError::Foreign.into()),
    })
}

fn path(
    out: &Out,
    database: &str,
    version: &str,
    now: UtcDateTime,
) -> Result<PathBuf, BackupError> {
    let path = match out {
        Out::File(path) => path.clone(),
        Out::Directory(directory) => {
            files::make_directory(directory)?;
            let form = format_description!("[year][month][day]T[hour][minute][second]Z");
            let time = now.format(form).unwrap_or_default();
            let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
            let database: String = database.chars().map(plain).collect();
            directory.join(format!("{SCHEMA}-{database}-{version}-{time}.dump"))
        }
    };
    for taken in [path.clone(), manifest::manifest_path(&path)] {
        if taken.exists() {
            return Err(BackupError::Exists { path: taken });
        }
    }
    Ok(path)
}

/// The name under which a file is written. It is of one attempt alone.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    name.into()
}
