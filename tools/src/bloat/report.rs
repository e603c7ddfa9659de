//! What the report says. The table for people, the page and the JSON are made from these structs.

use chameleon_diag::{Finding, Severity};
use serde::Serialize;

use super::facts::Kind;
use super::horizon::Holder;
use super::measure::{Estimates, Measure, Method};
use super::sources::SourceState;
use super::vacuum::VacuumState;

/// Version of the JSON's shape.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// One look at a database.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) schema_version: u32,
    /// Time at the server, UTC.
    pub(crate) taken_at: String,
    pub(crate) database: String,
    pub(crate) server_version: String,
    /// What the catalog is: `1.3`, `1.2`, ...; `None` where there is none.
    pub(crate) catalog: Option<String>,
    /// Schemas that were looked at.
    pub(crate) schemas: Vec<String>,
    pub(crate) methods: Vec<MethodState>,
    pub(crate) total_bytes: u64,
    /// By each relation's best method.
    pub(crate) total_bloat_bytes: u64,
    pub(crate) relations: Vec<RelationReport>,
    pub(crate) sources: Vec<SourceState>,
    /// What keeps dead tuples from being removed, the oldest first.
    pub(crate) horizon: Vec<Holder>,
    pub(crate) findings: Vec<Finding>,
    /// Never executed.
    pub(crate) advice: Vec<Advice>,
    pub(crate) seconds: f64,
}

/// A method, and whether it could be used.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MethodState {
    pub(crate) method: Method,
    pub(crate) used: bool,
    /// Why not.
    pub(crate) reason: Option<String>,
    /// In percent of a relation's size.
    pub(crate) error_band_percent: u8,
    /// What the band holds for.
    pub(crate) conditions: &'static str,
}

/// Why a relation is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Group {
    /// A log table, or what belongs to one.
    Log,
    /// Another table of the catalog.
    Catalog,
    /// A schema that was named.
    Schema,
}

/// One relation with storage.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RelationReport {
    pub(crate) group: Group,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// `schema.table` that it belongs to.
    pub(crate) table: String,
    /// Of an index.
    pub(crate) access_method: Option<String>,
    /// Sources whose rows are in it; of log tables alone.
    pub(crate) sources: Vec<String>,
    pub(crate) bytes: u64,
    /// Somebody holds it exclusively: the size is what was noted last, and it was not read.
    pub(crate) locked: bool,
    pub(crate) fillfactor: u16,
    /// As the server counts them; `None` for indexes.
    pub(crate) live_tuples: Option<u64>,
    pub(crate) dead_tuples: Option<u64>,
    pub(crate) estimates: Estimates,
    /// The best method that answered; the next three are its figures.
    pub(crate) method: Option<Method>,
    pub(crate) free_bytes: Option<u64>,
    pub(crate) bloat_bytes: Option<u64>,
    pub(crate) bloat_percent: Option<f64>,
    /// Why the statistics are not to be relied on.
    pub(crate) stale: Vec<String>,
    /// Part of the updates that were heap-only.
    pub(crate) hot_percent: Option<f64>,
    /// Bytes at the end that hold no row, as far as that was looked at.
    pub(crate) empty_tail_bytes: Option<u64>,
    pub(crate) vacuum: Option<VacuumState>,
    #[serde(skip)]
    pub(crate) oid: u32,
    #[serde(skip)]
    pub(crate) table_oid: u32,
    #[serde(skip)]
    pub(crate) quoted: String,
    #[serde(skip)]
    pub(crate) quoted_table: String,
    #[serde(skip)]
    pub(crate) may_truncate: bool,
}

impl RelationReport {
    /// `schema.name`; for TOAST the table before it, because its own name says nothing.
    pub(crate) fn label(&self) -> String {
        match self.kind {
            Kind::Toast | Kind::ToastIndex => format!("{} ({})", self.table, self.name),
            Kind::Table | Kind::Index => format!("{}.{}", self.schema, self.name),
        }
    }

    /// The best method's answer.
    pub(crate) fn best(&self) -> Option<&Measure> {
        self.estimates.best().map(|(_, measure)| measure)
    }

    /// Size after a rewrite, or the real one where that is not known.
    pub(crate) fn ideal_bytes(&self) -> u64 {
        self.best()
            .map_or(self.bytes, |m| m.ideal_bytes.min(self.bytes))
    }
}

/// Something to do, with what it costs. Nothing of it is executed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Advice {
    /// Code of the finding that it answers.
    pub(crate) code: &'static str,
    pub(crate) object: String,
    pub(crate) why: String,
    /// Statements to execute as they stand, each by itself.
    pub(crate) sql: Vec<String>,
    /// A command to type, where it is none for SQL.
    pub(crate) command: Option<String>,
    /// Lock that it takes, and what that keeps others from.
    pub(crate) lock: String,
    /// Disk that it needs while it runs.
    pub(crate) disk_bytes: u64,
    /// How long it may take, at the speed that was measured or is assumed.
    pub(crate) seconds: Option<f64>,
    /// Bytes that it gives back to the file system.
    pub(crate) gains_bytes: u64,
    /// What else is to be known.
    pub(crate) note: Option<String>,
}

impl Report {
    /// Nothing is worse than worth knowing.
    pub(crate) fn is_clean(&self) -> bool {
        self.findings.iter().all(|f| f.severity == Severity::Info)
    }
}
