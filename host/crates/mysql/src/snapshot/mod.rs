//! The consistent copy: readers at a known position, ranges of keys, rows as cells.
//!
//! `Locked`: FLUSH TABLES WITH READ LOCK is held only while every reader opens its snapshot and the
//! position is read, so all rows are those of one point. It is given up when a long query runs
//! (the lock would wait for it, and everybody else behind the lock), when it is not granted in
//! time, or when the right is missing.
//!
//! `PerChunk`: every chunk has a snapshot of its own and two positions, see [`ChunkRows::low`] and
//! [`ChunkRows::high`]; what happened between them may or may not be in the rows. On MariaDB the
//! two are always the same. How they are found is told in `mark`.
//!
//! A reader keeps no lock on a table's definition between two chunks, so that the source's own DDL
//! waits for one chunk at most.

mod cells;
mod key;
mod mark;
mod open;
mod plan;
mod reader;

use serde::{Deserialize, Serialize};

use chameleon_model::SourcePosition;

pub use key::KeyBound;
pub use open::open;
pub use plan::plan_chunks;
pub use reader::{ChunkRows, SnapshotReader};

/// How the copy is made consistent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `Locked` where the right is there and no long query runs, else `PerChunk`.
    Auto,
    /// One point for all readers, under a lock held while they open.
    Locked,
    /// Every chunk has its own low and high position.
    PerChunk,
}

/// Readers at the source, ready to copy.
#[derive(Debug)]
pub struct Snapshot {
    /// What the method became: `Locked` or `PerChunk`.
    pub method: Method,
    /// `Locked`: the point of all rows. `PerChunk`: the stream must begin here or before.
    pub position: SourcePosition,
    /// Readers, one connection each.
    pub readers: Vec<SnapshotReader>,
}

/// A range of a table's key, `(after, to]`; `None` is an open end.
///
/// The chunks of a table cover every key, also those inserted after they were planned. Bounds may
/// be on the first columns of the key only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chunk {
    /// Number within the table, from 0.
    pub number: u32,
    /// Lower end, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Vec<KeyBound>>,
    /// Upper end, inclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Vec<KeyBound>>,
}

impl Chunk {
    /// The whole table.
    pub fn whole() -> Self {
        Self {
            number: 0,
            after: None,
            to: None,
        }
    }
}
