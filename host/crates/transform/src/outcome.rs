//! What plans and runs come to.

use std::sync::Arc;

use chameleon_diag::ErrorCode;
use chameleon_model::{ChangeBuffer, Op, TableName, TableSchema};

use crate::error::TransformError;

/// What the chain makes of one table version.
#[derive(Clone, Debug)]
pub enum TablePlan {
    /// Nothing: its rows are what the source has.
    Pass,
    /// Nothing of it is replicated.
    Exclude,
    /// Its rows become rows of these tables.
    Apply(Arc<Outputs>),
}

/// The tables that rows of one source table version become rows of.
#[derive(Debug)]
pub struct Outputs {
    /// One at least. Rows refer to these very `Arc`s, and all workers of a chain share them. Where
    /// a route's table is equal to the source's it is the source's `Arc` itself.
    pub routes: Vec<Output>,
    /// Names of the columns whose new values are handed over.
    pub reads: Vec<String>,
    /// Names of the columns whose old values are handed over.
    pub reads_old: Vec<String>,
    /// Some transform looks at old images: it filters, routes or computes keys.
    pub reads_before: bool,
    /// The source must write full row images (`binlog_row_image = FULL`) for this table.
    pub needs_full_images: bool,
    /// Some transform wants commit times and positions.
    pub wants_meta: bool,
    /// All transforms say that the same input gives the same output.
    pub deterministic: bool,
    /// Hash of what shapes the rows: modules, configurations and keys, in order, of the transforms
    /// that change this table.
    pub fingerprint: String,
    /// Names of the transforms that change this table, in order.
    pub transforms: Vec<String>,
}

/// One table that rows may go to.
#[derive(Debug)]
pub struct Output {
    /// The table as the target should have it. Passed and replaced columns keep their type,
    /// computed ones have one that follows from their form; `Column::target` holds the PostgreSQL
    /// type that a transform asked for.
    pub table: Arc<TableSchema>,
    /// Where each column of `table` comes from.
    pub columns: Vec<Origin>,
}

/// Where an output column comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The source's column of that index, untouched; name and PostgreSQL type may differ.
    Passed(usize),
    /// The source's column of that index with other values.
    Replaced(usize),
    /// Made by a transform.
    Computed,
}

impl Origin {
    /// The source's column, where there is one.
    pub fn source(self) -> Option<usize> {
        match self {
            Self::Passed(index) | Self::Replaced(index) => Some(index),
            Self::Computed => None,
        }
    }
}

/// When and where rows were committed, for transforms that want to know.
#[derive(Clone, Debug, Default)]
pub struct Meta {
    /// Index of the first change, commit time in microseconds since 1970, position; ascending.
    pub transactions: Vec<(usize, i64, String)>,
}

/// What came of a buffer.
#[derive(Debug)]
pub struct Transformed {
    /// The rows that go on. Every table that is in none of the lists below is complete.
    pub rows: ChangeBuffer,
    /// For each row its index in the buffer that was given; empty where all indexes are as before.
    /// An update that became a delete and an insert stands there twice.
    pub origin: Vec<u32>,
    /// Rows that were left out: rejected by a transform, or failed under `on_error: dead_letter`.
    pub failed: Vec<FailedRow>,
    /// Tables that cannot go on. Their rows from the named one on are left out.
    pub stopped: Vec<StoppedTable>,
}

impl Transformed {
    /// Index in the given buffer of a row of [`Transformed::rows`].
    pub fn origin_of(&self, change: usize) -> usize {
        let mapped = self.origin.get(change).map(|&n| n as usize);
        mapped.unwrap_or(change)
    }
}

/// A row that was left out. Nothing of its values is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedRow {
    /// The source's table.
    pub table: TableName,
    /// The transform.
    pub transform: String,
    /// What happened to the row.
    pub op: Op,
    /// Its index in the buffer that was given.
    pub change: usize,
    /// Why, as a code.
    pub code: ErrorCode,
    /// Why, in words.
    pub reason: String,
}

/// A table that cannot go on.
#[derive(Debug)]
pub struct StoppedTable {
    /// The source's table.
    pub table: TableName,
    /// Index in the given buffer of the first row that is left out.
    pub change: usize,
    /// Why.
    pub error: TransformError,
}

/// What a transform has done so far, over all workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformCount {
    /// The transform.
    pub name: String,
    /// Rows handed over.
    pub rows: u64,
    /// Rows dropped by its verdicts.
    pub dropped: u64,
    /// Rows rejected or failed.
    pub failed: u64,
    /// Instances that broke down.
    pub breakdowns: u64,
    /// Time spent, encoding and decoding included.
    pub nanoseconds: u64,
}
