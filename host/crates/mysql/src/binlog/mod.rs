//! The binlog as a stream of transactions.
//!
//! `stream` reads and verifies events, `table_map` and `plan` decide once per table version how
//! its row images are decoded, `rows` decodes them straight into a [`ChangeBuffer`](chameleon_model::ChangeBuffer), `assemble`
//! puts events together into transactions. A position and a GTID set move at the end of a
//! transaction only. What cannot be decoded or followed holds that table: nothing is skipped in
//! silence.
//!
//! This module decides on no retry and writes nothing.

mod absent;
mod assemble;
mod cell;
mod event;
#[doc(hidden)]
pub mod fuzz;
mod gtids;
mod history;
mod logged;
mod maps;
pub mod online_change;
mod place;
mod plan;
mod query;
mod reader;
mod row_events;
mod rows;
mod schemas;
mod shared;
mod source;
mod start;
mod statement;
mod stream;
mod table_map;
#[cfg(test)]
mod test_bytes;
mod transaction;
mod xa;

use std::sync::Arc;
use std::time::Duration;

use chameleon_ddl::SchemaChange;
use chameleon_model::{BinlogPosition, GtidSet, TableName, TableSchema};

use crate::{SourceError, TableSelection};

pub use chameleon_ddl::statement::Xid;
pub use source::BinlogSource;

/// Where to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartAt {
    /// The end of a transaction, or a file's start. Where it is not in this server's history and
    /// [`BinlogOptions::gtids`] are known, reading goes on behind those: the server took the place
    /// of another.
    Position(BinlogPosition),
    /// After all transactions of the set, on whatever server has the rest.
    Gtid(GtidSet),
    /// The end of a rows event inside a transaction, as pg_chameleon 1.x saved it. The file is read
    /// from its start; rows that end at or before the position are skipped.
    RowEvent(BinlogPosition),
}

/// How to follow a source.
#[derive(Clone, Debug)]
pub struct BinlogOptions {
    /// Own server id, unique among the source's replicas.
    pub server_id: u32,
    /// How often an idle source tells that it lives. Silence of three times that long is a lost
    /// connection.
    pub heartbeat: Duration,
    /// Where to begin.
    pub start: StartAt,
    /// GTIDs executed up to [`StartAt::Position`], where they are known. Where they are not and the
    /// source has GTIDs, they are derived by reading the file from its start.
    pub gtids: Option<GtidSet>,
    /// The position is that of a copy, and its GTID set may lack transactions that were being
    /// committed then. What is before a position is otherwise looked at, to tell it from one of another
    /// server.
    pub after_copy: bool,
    /// Tables that take part.
    pub selection: TableSelection,
}

/// What the schema history has to keep of a DDL statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryChange {
    /// The version that is in force from now on.
    Set(Arc<TableSchema>),
    /// The table is gone.
    Dropped(TableName),
}

/// A DDL statement.
#[derive(Clone, Debug)]
pub struct DdlStep {
    /// The statement as the source ran it.
    pub sql: String,
    /// Its default database, empty where it had none.
    pub default_schema: String,
    /// What the target has to do, in order; empty where only tables of a running online schema
    /// change are concerned. `Unsupported` is not among them: such a table comes as [`Step::Hold`].
    /// `Drop` ends the hold of a held table, too.
    pub changes: Vec<SchemaChange>,
    /// What the schema history has to keep, tables of online schema changes (`_x_gho`) included.
    pub history: Vec<HistoryChange>,
    /// The statement stands in a transaction together with rows (CREATE TABLE .. AS SELECT): the
    /// position does not move with this step, a `Committed` follows.
    pub in_transaction: bool,
    /// When the source committed it, microseconds since the epoch.
    pub commit_micros: i64,
}

/// What a call of [`BinlogSource::next`] came to.
#[derive(Debug)]
pub enum Step {
    /// The buffer is full inside a transaction; it goes on in the next call. The buffer may be
    /// emptied.
    Continued,
    /// A transaction is complete.
    Committed {
        /// When the source committed it, microseconds since the epoch.
        commit_micros: i64,
        /// Changes of the whole transaction, those of earlier `Continued` steps included.
        rows: usize,
    },
    /// The transaction was rolled back. Its rows were taken out of the buffer; what was handed out
    /// by `Continued` since the last complete transaction must be dropped.
    RolledBack,
    /// A DDL statement; it is a transaction of its own.
    Ddl(DdlStep),
    /// The position moved and no row came: heartbeat, filtered transaction, rotate.
    Progress {
        /// Time at the source, microseconds since the epoch.
        commit_micros: i64,
    },
    /// Rows of that table cannot be decoded; from the first such row on they are counted only. May
    /// come inside a transaction: the buffer must be left as it is.
    Hold {
        /// The table.
        table: TableName,
        /// Why.
        error: SourceError,
    },
    /// An XA transaction came a step further. Comes only after [`BinlogSource::keep_prepared`];
    /// without it the tables of a prepared transaction are held.
    Xa {
        /// Its name; the same name may be used again once it has ended.
        xid: Xid,
        /// What happened.
        step: XaStep,
        /// Time at the source, microseconds since the epoch.
        commit_micros: i64,
    },
}

/// What happened to an XA transaction. Its rows take part in nothing until it is committed, which may
/// be many transactions later, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XaStep {
    /// It begins. The buffer must be emptied; until the next step it takes the rows of this
    /// transaction alone. The position has not moved.
    Begun,
    /// The buffer is full; what is in it are rows of this transaction, and more follow. The buffer
    /// may be emptied. The position has not moved. Rows of an earlier attempt under the same name,
    /// from before a restart, are to be dropped with the first part.
    Part,
    /// It is prepared: its rows are those of the parts and what is in the buffer. They are to be
    /// made durable with the position, under its name.
    Prepared {
        /// Rows in all, those of the parts included; not zero.
        rows: usize,
    },
    /// Its rows take force now, behind all transactions that came before this step. A name that is
    /// not known had no rows of concern, or was prepared before reading began.
    Committed,
    /// Its rows, or its parts so far, are to be dropped.
    RolledBack,
}
