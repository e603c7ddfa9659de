//! `chameleon:transform@0.1.0`; the meaning of each part stands in `transform.wit`.

use wasmtime::component::{ComponentType, Lift, Lower, flags};

/// States of a slot.
pub(crate) mod state {
    pub(crate) const VALUE: u8 = 0;
    pub(crate) const NULL: u8 = 1;
    pub(crate) const ABSENT: u8 = 2;
    pub(crate) const ODD: u8 = 3;
}

/// Operations of a row.
pub(crate) mod op {
    pub(crate) const INSERT: u8 = 0;
    pub(crate) const UPDATE: u8 = 1;
    pub(crate) const DELETE: u8 = 2;
    pub(crate) const REFRESH: u8 = 3;
}

/// Verdicts on a row.
pub(crate) mod verdict {
    pub(crate) const KEEP: u8 = 0;
    pub(crate) const DROP: u8 = 1;
    pub(crate) const REJECT: u8 = 2;
    pub(crate) const LEAVE: u8 = 3;
    pub(crate) const ENTER: u8 = 4;
}

#[derive(Clone, Copy, Debug, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum TypeKind {
    #[component(name = "tinyint")] TinyInt,
    #[component(name = "smallint")] SmallInt,
    #[component(name = "mediumint")] MediumInt,
    #[component(name = "int")] Int,
    #[component(name = "bigint")] BigInt,
    #[component(name = "year")] Year,
    #[component(name = "bit")] Bit,
    #[expect(dead_code, reason = "the source has no type of its own for it")]
    #[component(name = "boolean")] Boolean,
    #[component(name = "decimal")] Decimal,
    #[component(name = "float")] Float,
    #[component(name = "double")] Double,
    #[component(name = "date")] Date,
    #[component(name = "time")] Time,
    #[component(name = "datetime")] DateTime,
    #[component(name = "timestamp")] Timestamp,
    #[component(name = "char")] Char,
    #[component(name = "varchar")] VarChar,
    #[component(name = "text")] Text,
    #[component(name = "json")] Json,
    #[component(name = "enum")] Enum,
    #[component(name = "set")] Set,
    #[component(name = "uuid")] Uuid,
    #[component(name = "inet")] Inet,
    #[component(name = "binary")] Binary,
    #[component(name = "varbinary")] VarBinary,
    #[component(name = "blob")] Blob,
    #[component(name = "geometry")] Geometry,
    #[component(name = "vector")] Vector,
    #[component(name = "unknown")] Unknown,
}

#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct ColumnType {
    pub(crate) kind: TypeKind,
    pub(crate) unsigned: bool,
    pub(crate) length: u32,
    pub(crate) scale: u8,
    pub(crate) collation: Option<String>,
    pub(crate) labels: Vec<String>,
    pub(crate) declared: String,
}

#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: ColumnType,
    pub(crate) nullable: bool,
    pub(crate) key: u16,
    pub(crate) generated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct TableName {
    pub(crate) schema: String,
    pub(crate) name: String,
}

#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Table {
    pub(crate) id: u32,
    pub(crate) name: TableName,
    pub(crate) columns: Vec<Column>,
}

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Pool {
    pub(crate) ends: Vec<u32>,
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum Values {
    #[component(name = "ints")]
    Ints(Vec<i64>),
    #[component(name = "uints")]
    UInts(Vec<u64>),
    #[component(name = "floats")]
    Floats(Vec<f64>),
    #[component(name = "days")]
    Days(Vec<i32>),
    #[component(name = "micros")]
    Micros(Vec<i64>),
    #[component(name = "texts")]
    Texts(Pool),
    #[component(name = "blobs")]
    Blobs(Pool),
}

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Odd {
    pub(crate) row: u32,
    pub(crate) raw: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Vector {
    pub(crate) column: u32,
    pub(crate) states: Vec<u8>,
    pub(crate) values: Values,
    pub(crate) odd: Vec<Odd>,
}

#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct BatchMeta {
    #[component(name = "commit-micros")]
    pub(crate) commit_micros: Vec<i64>,
    pub(crate) positions: Pool,
}

#[derive(Clone, Debug, ComponentType, Lower)]
#[component(record)]
pub(crate) struct Batch {
    pub(crate) table: u32,
    pub(crate) rows: u32,
    pub(crate) snapshot: bool,
    pub(crate) ops: Vec<u8>,
    pub(crate) after: Vec<Vector>,
    pub(crate) before: Vec<Vector>,
    pub(crate) meta: Option<BatchMeta>,
}

#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Reject {
    pub(crate) row: u32,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct ResultBatch {
    pub(crate) verdicts: Vec<u8>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) after: Vec<Vector>,
    pub(crate) before: Vec<Vector>,
    pub(crate) routes: Vec<u16>,
    #[component(name = "before-routes")]
    pub(crate) before_routes: Vec<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[rustfmt::skip]
pub(crate) enum ValueForm {
    #[component(name = "ints")] Ints,
    #[component(name = "uints")] UInts,
    #[component(name = "floats")] Floats,
    #[component(name = "days")] Days,
    #[component(name = "micros")] Micros,
    #[component(name = "texts")] Texts,
    #[component(name = "blobs")] Blobs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum ColumnSource {
    #[component(name = "input")]
    Input(u32),
    #[component(name = "replaced")]
    Replaced(u32),
    #[component(name = "computed")]
    Computed(ValueForm),
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct TargetColumn {
    pub(crate) name: String,
    #[component(name = "pg-type")]
    pub(crate) pg_type: Option<String>,
    pub(crate) nullable: bool,
    pub(crate) source: ColumnSource,
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Route {
    pub(crate) table: TableName,
}

flags! {
    OpSet {
        #[component(name = "insert")]
        const INSERT;
        #[component(name = "update")]
        const UPDATE;
        #[component(name = "delete")]
        const DELETE;
        #[component(name = "refresh")]
        const REFRESH;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "modules make the others")]
#[rustfmt::skip]
pub(crate) enum OtherOps {
    #[component(name = "pass")] Pass,
    #[component(name = "drop")] Drop,
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct TablePlan {
    #[component(name = "read-after")]
    pub(crate) read_after: Vec<u32>,
    #[component(name = "read-before")]
    pub(crate) read_before: Vec<u32>,
    #[component(name = "want-meta")]
    pub(crate) want_meta: bool,
    pub(crate) columns: Vec<TargetColumn>,
    pub(crate) key: Option<Vec<String>>,
    pub(crate) routes: Vec<Route>,
    pub(crate) ops: OpSet,
    #[component(name = "other-ops")]
    pub(crate) other_ops: OtherOps,
    pub(crate) deterministic: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Plan {
    #[component(name = "pass")]
    Pass,
    #[component(name = "exclude")]
    Exclude,
    #[component(name = "apply")]
    Apply(TablePlan),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "modules make the others")]
#[rustfmt::skip]
pub(crate) enum ErrorKind {
    #[component(name = "config")] Config,
    #[component(name = "schema")] Schema,
    #[component(name = "data")] Data,
    #[component(name = "retry")] Retry,
    #[component(name = "fatal")] Fatal,
}

#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Error {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) row: Option<u32>,
    pub(crate) column: Option<u32>,
}

#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    #[component(name = "config-schema")]
    pub(crate) config_schema: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "modules make the others")]
#[rustfmt::skip]
pub(crate) enum Level {
    #[component(name = "trace")] Trace,
    #[component(name = "debug")] Debug,
    #[component(name = "info")] Info,
    #[component(name = "warn")] Warn,
    #[component(name = "error")] Error,
}
