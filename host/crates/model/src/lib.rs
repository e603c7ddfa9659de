//! The pure data that every other crate speaks in: table schemas, row changes, positions, names.
//!
//! Nothing here does I/O, is async, or knows a driver. Values stay exact: a cell holds what the
//! source holds, and only `chameleon-postgres` turns it into what PostgreSQL is sent.

pub mod change;
pub mod gtid;
pub mod name;
pub mod position;
pub mod rules;
pub mod schema;
pub mod target_table;

pub use change::{Cell, CellForm, ChangeBuffer, ChangeRef, Op, RowRef, Span};
pub use gtid::{GtidError, GtidSet};
pub use position::{BinlogPosition, SourcePosition};
pub use rules::ZeroDatePolicy;
pub use rules::{ExtensionTypes, MappingRules, NulPolicy, TypeOverride, TypeProfile};
pub use schema::{
    Column, ColumnDefault, ColumnType, ForeignKey, Index, IndexKind, IndexPart, TableName,
};
pub use schema::{TableSchema, TypeKind};
pub use target_table::{PgType, TargetColumn, TargetTable};
