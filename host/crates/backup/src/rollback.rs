//! The way back to version 1.2, in one transaction.
//!
//! Where no source has moved since the backup, the backup comes back verbatim. Where one has, that
//! would make 1.2 apply changes a second time: then the living catalog is downgraded, which means
//! 1.2's tables and functions out of the backup, filled with the positions and waiting rows of now.
//! Either way the replaced catalog stays, in a schema whose name begins with [`REPLACED`], until it
//! is dropped by hand; the target tables are not touched.
//!
//! Nothing may work with the catalog: the locks of every source's replica and replay are taken, the
//! sessions of 1.x are looked for, and all tables of the catalog are locked, before anything is
//! decided. Killed at any moment, the catalog is whole: of the old version, or of 1.2.

mod decide;
mod replaced;
mod steps;

use std::time::Instant;

use chameleon_diag::{Finding, Report};
use chameleon_postgres::{ConnectOptions, connect};
use serde::Serialize;

use crate::error::BackupError;
use crate::inspect;
use crate::manifest::Backup;

pub use replaced::{REPLACED, Replaced, drop_replaced, replaced};

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The verbatim way or none.
    pub verbatim: bool,
    /// Leave behind what does not fit into 1.2 and is not lost by it: held tables, a status word
    /// without a session.
    pub force: bool,
}

/// How version 1.2 came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// As the backup holds it.
    Verbatim,
    /// The living catalog in the shape of 1.2.
    Downgrade,
}

/// A source after the rollback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceBack {
    /// Name.
    pub source: String,
    /// It has moved since the backup.
    pub moved: bool,
    /// File from which 1.2 reads; none before the first copy.
    pub binlog: Option<String>,
    /// Offset in it.
    pub position: Option<i64>,
    /// Rows and DDL entries that 1.2 will replay.
    pub waiting_rows: u64,
}

/// What a rollback did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// How.
    pub way: Way,
    /// Schema of the catalog that was replaced.
    pub replaced: String,
    /// The sources, by id.
    pub sources: Vec<SourceBack>,
    /// What is worth knowing.
    pub findings: Vec<Finding>,
    /// Milliseconds during which the catalog was locked.
    pub locked_milliseconds: u64,
}

/// Brings version 1.2 back.
///
/// # Errors
/// Nothing has changed, but for [`BackupError::OutcomeUnknown`]: something works with the catalog,
/// the backup does not fit, or the state of a source does not fit into 1.2.
pub async fn rollback(
    target: &ConnectOptions,
    backup: &Backup,
    request: Request,
) -> Result<RolledBack, BackupError> {
    decide::must_bring_back_1_2(backup)?;
    let c = connect(target).await?;
    inspect::begin(&c, "begin the rollback", "begin").await?;
    let begun = Instant::now();
    let mut done = match steps::prepare(&c, backup, request).await {
        Ok(done) => done,
        Err(error) => {
            // the session's end does the same, a moment later
            let _ = c.batch_execute("rollback").await;
            return Err(error);
        }
    };
    if let Err(error) = inspect::execute(&c, "commit the rollback", "commit").await {
        settle(target, &done, error).await?;
    }
    done.locked_milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(done)
}

/// The answer to the commit was an error: the replaced catalog's schema tells what happened.
async fn settle(
    target: &ConnectOptions,
    done: &RolledBack,
    error: BackupError,
) -> Result<(), BackupError> {
    let unknown = |error| BackupError::OutcomeUnknown(Box::new(error));
    let Ok(c) = connect(target).await else {
        return Err(unknown(error));
    };
    let all = replaced(&c).await.map_err(unknown)?;
    if all.iter().any(|one| one.schema == done.replaced) {
        return Ok(());
    }
    Err(error)
}

impl RolledBack {
    /// The findings as a report.
    pub fn report(&self) -> Report {
        Report {
            findings: self.findings.clone(),
        }
    }
}
