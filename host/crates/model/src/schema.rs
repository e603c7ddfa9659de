//! The source's tables as the source declares them.
//!
//! A `TableSchema` is one version of one table: it is made by introspection or by applying a DDL
//! statement to the version before, is shared behind an `Arc`, and never changes. It serialises to
//! JSON, because the schema history is kept in the catalog.

use serde::{Deserialize, Serialize};

/// A table of the source: database (schema) and table, spelled as the source spells them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// Database of the source.
    pub schema: String,
    /// Table in that database.
    pub name: String,
}

impl TableName {
    /// Makes a name from its two parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Source type of a column. `Text` and `Blob` stand for all four sizes of their family; `length`
/// of the [`ColumnType`] tells them apart where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the variants are the source's own type names")]
pub enum TypeKind {
    TinyInt,
    SmallInt,
    MediumInt,
    Int,
    BigInt,
    Decimal,
    Float,
    Double,
    Bit,
    Year,
    Date,
    Time,
    DateTime,
    Timestamp,
    Char,
    VarChar,
    Text,
    Binary,
    VarBinary,
    Blob,
    Enum,
    Set,
    Json,
    Geometry,
    Uuid,
    Inet4,
    Inet6,
    Vector,
    Unknown,
}

/// Type of a column, complete enough to decode its row images and to choose its target type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ColumnType {
    /// Family of the type.
    pub kind: TypeKind,
    /// `UNSIGNED` (or `ZEROFILL`, which implies it).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// DECIMAL: precision. CHAR, VARCHAR: characters. TEXT: bytes, saturated at `u32::MAX`. BINARY,
    /// VARBINARY, BLOB: bytes. BIT: bits. TINYINT: display width, because `TINYINT(1)` means a
    /// boolean. VECTOR: dimensions. 0 where it has no meaning.
    #[serde(default)]
    pub length: u32,
    /// DECIMAL: scale. TIME, DATETIME, TIMESTAMP: fractional second digits, 0 to 6.
    #[serde(default)]
    pub scale: u8,
    /// Character set of a text column, ENUM or SET, as the source names it (`utf8mb4`, `latin1`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// Collation of a text column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Labels of ENUM and SET in declared order, in UTF-8.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// MariaDB `COMPRESSED` storage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compressed: bool,
    /// Spatial reference of a GEOMETRY column, where the source fixes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub srid: Option<u32>,
    /// The declaration as information_schema.columns.column_type gives it, lowercase type words:
    /// `bigint(20) unsigned`, `geometry`, `longtext`.
    pub declared: String,
}

impl ColumnType {
    /// A type of this kind with nothing else said; fields are then set one by one.
    pub fn new(kind: TypeKind, declared: impl Into<String>) -> Self {
        Self {
            kind,
            unsigned: false,
            length: 0,
            scale: 0,
            charset: None,
            collation: None,
            labels: Vec::new(),
            compressed: false,
            srid: None,
            declared: declared.into(),
        }
    }
}

/// One column of a table version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Column {
    /// Name as the source spells it.
    pub name: String,
    /// Type.
    pub ty: ColumnType,
    /// May hold NULL.
    pub nullable: bool,
    /// AUTO_INCREMENT.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub auto_increment: bool,
    /// GENERATED ALWAYS AS, stored or virtual; the binlog holds both kinds' values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated: bool,
    /// Not shown by `SELECT *`: invisible columns, a generated invisible primary key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invisible: bool,
    /// PostgreSQL type that a transform asks for; it wins over overrides and profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// DEFAULT; `None` where there is none or it is NULL. Row images that leave columns out
    /// (`binlog_row_image`) do not hold the value that a new row got by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<ColumnDefault>,
    /// COMMENT, empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

impl Column {
    /// An ordinary column without DEFAULT and COMMENT.
    pub fn new(name: impl Into<String>, ty: ColumnType, nullable: bool) -> Self {
        Self {
            name: name.into(),
            ty,
            nullable,
            auto_increment: false,
            generated: false,
            invisible: false,
            target: None,
            default: None,
            comment: String::new(),
        }
    }
}

/// DEFAULT of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnDefault {
    /// A constant in one form by type: whole numbers and BIT in decimal digits, DECIMAL with its
    /// scale, binary types in hexadecimal digits, dates and times in full, all else as text.
    Constant(String),
    /// An expression, the present time, or a constant of a type for which it is not kept.
    Other,
}

/// What an index is made for; only `Btree` has a counterpart that is built at the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexKind {
    /// BTREE or HASH: an ordinary index.
    Btree,
    /// FULLTEXT.
    FullText,
    /// SPATIAL.
    Spatial,
    /// VECTOR.
    Vector,
}

/// One part of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IndexPart {
    /// Index of the column in [`TableSchema::columns`]; `None` for a functional key part.
    pub column: Option<usize>,
    /// Prefix length: characters for text columns, bytes for binary ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<u32>,
    /// DESC.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descending: bool,
}

/// A secondary index; the primary key is [`TableSchema::primary_key`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Index {
    /// Name as the source spells it.
    pub name: String,
    /// UNIQUE.
    pub unique: bool,
    /// Ordinary, full-text, spatial or vector.
    pub kind: IndexKind,
    /// Parts in key order.
    pub parts: Vec<IndexPart>,
}

/// A foreign key. It is not made at the target while replication runs; `detach_replica` adds it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Constraint name.
    pub name: String,
    /// Referencing columns by name, in key order.
    pub columns: Vec<String>,
    /// Referenced table.
    pub referenced: TableName,
    /// Referenced columns by name, in key order.
    pub referenced_columns: Vec<String>,
    /// ON DELETE action as SQL words (`CASCADE`, `SET NULL`, `RESTRICT`, `NO ACTION`).
    pub on_delete: String,
    /// ON UPDATE action as SQL words.
    pub on_update: String,
}

/// One version of a source table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TableSchema {
    /// Database and name.
    pub name: TableName,
    /// Columns in the order of the row image, invisible ones included.
    pub columns: Vec<Column>,
    /// Indexes into `columns`, in key order; empty where there is no primary key.
    pub primary_key: Vec<usize>,
    /// Secondary indexes.
    #[serde(default)]
    pub indexes: Vec<Index>,
    /// Foreign keys.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// COMMENT, empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// Default character set of the table, which columns added later take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
}

impl TableSchema {
    /// A table without keys and indexes.
    pub fn new(name: TableName, columns: Vec<Column>) -> Self {
        Self {
            name,
            columns,
            primary_key: Vec::new(),
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
            comment: String::new(),
            charset: None,
        }
    }

    /// Index of the column of that name. MySQL column names compare without case.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(name))
            .or_else(|| {
                let lower = name.to_lowercase();
                self.columns
                    .iter()
                    .position(|c| c.name.to_lowercase() == lower)
            })
    }

    /// Columns that identify a row: the primary key, else the first unique index whose parts are
    /// whole NOT NULL columns, else `None` (the row is then matched by all its columns).
    pub fn row_key(&self) -> Option<Vec<usize>> {
        if !self.primary_key.is_empty() {
            return Some(self.primary_key.clone());
        }
        self.indexes
            .iter()
            .filter(|i| i.unique && i.kind == IndexKind::Btree)
            .find_map(|i| {
                i.parts
                    .iter()
                    .map(|p| {
                        p.column.filter(|&c| {
                            p.prefix.is_none() && self.columns.get(c).is_some_and(|c| !c.nullable)
                        })
                    })
                    .collect()
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, nullable: bool) -> Column {
        Column::new(name, ColumnType::new(TypeKind::Int, "int"), nullable)
    }

    fn unique(parts: &[(usize, Option<u32>)]) -> Index {
        Index {
            name: "u".into(),
            unique: true,
            kind: IndexKind::Btree,
            parts: parts
                .iter()
                .map(|&(c, prefix)| IndexPart {
                    column: Some(c),
                    prefix,
                    descending: false,
                })
                .collect(),
        }
    }

    fn check(indexes: Vec<Index>, primary_key: Vec<usize>, expect: Option<Vec<usize>>) {
        let table = TableSchema {
            name: TableName::new("s", "t"),
            columns: vec![column("a", true), column("b", false), column("c", false)],
            primary_key,
            indexes,
            foreign_keys: vec![],
            comment: String::new(),
            charset: None,
        };
        assert_eq!(table.row_key(), expect);
    }

    #[test]
    fn the_row_key_is_the_primary_key_or_a_whole_unique_not_null_index() {
        check(vec![unique(&[(1, None)])], vec![2], Some(vec![2]));
        check(
            vec![unique(&[(0, None)]), unique(&[(2, None), (1, None)])],
            vec![],
            Some(vec![2, 1]),
        );
        check(vec![unique(&[(1, Some(3))])], vec![], None);
        check(vec![], vec![], None);
    }

    #[test]
    fn a_schema_survives_the_schema_history() {
        let table = TableSchema {
            name: TableName::new("s", "t"),
            columns: vec![column("ä\"b", true)],
            primary_key: vec![0],
            indexes: vec![unique(&[(0, Some(2))])],
            foreign_keys: vec![],
            comment: "it's".into(),
            charset: Some("latin1".into()),
        };
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<TableSchema>(&text).unwrap(), table);
    }
}
