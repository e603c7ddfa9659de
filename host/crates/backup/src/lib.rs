//! Backups of the catalog, their verification, and the way back to version 1.2.
//!
//! A backup is two files: the archive of `pg_dump` (custom format, schema `sch_chameleon` alone)
//! and a [`Manifest`] beside it that says what must be in it: version, rows and checksum of every
//! table, sequences, functions, and where every source stood. Both are of one snapshot. A backup is
//! verified by restoring it and comparing; the best means at hand is taken and named ([`Means`]).
//!
//! [`rollback`] brings version 1.2 back in one transaction. The tables and functions of 1.2 are
//! taken out of the backup: nothing of them is shipped here.
//!
//! Nothing here touches a target table, and nothing writes over a file.

mod archive;
mod create;
mod error;
mod files;
mod foreign_keys;
mod inspect;
mod machine;
mod manifest;
mod programs;
mod restore;
pub mod rollback;
mod scratch;
mod verify;

pub use create::{Out, create, create_verified};
pub use error::BackupError;
pub use foreign_keys::BrokenKey;
pub use inspect::table_sums;
pub use manifest::{
    Archive, Backup, FunctionSum, Manifest, SequenceState, Server, SourceState, TableSum,
};
pub use restore::{Owner, Part};
pub use scratch::Scratch;
pub use verify::{AtBest, Means, Verified, verify, verify_by};
