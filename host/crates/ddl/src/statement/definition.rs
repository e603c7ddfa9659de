//! Columns, types, defaults and keys as they are written.

use chameleon_model::TableName;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// Name.
    pub name: String,
    /// Type as written.
    pub ty: DataType,
    /// NULL (`true`) or NOT NULL (`false`).
    pub nullable: Option<bool>,
    /// DEFAULT.
    pub default: Option<DefaultValue>,
    /// AUTO_INCREMENT.
    pub auto_increment: bool,
    /// PRIMARY KEY.
    pub primary_key: bool,
    /// UNIQUE.
    pub unique: bool,
    /// COMMENT.
    pub comment: Option<String>,
    /// GENERATED ALWAYS AS, or MariaDB's ROW START and ROW END.
    pub generated: bool,
    /// Which of the latter two.
    pub row_period: Option<RowPeriod>,
    /// INVISIBLE.
    pub invisible: bool,
    /// REFERENCES; `columns` of it is the column itself.
    pub references: Option<ForeignKeyDefinition>,
}

/// Columns that MariaDB fills in a table WITH SYSTEM VERSIONING.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowPeriod {
    /// ROW START.
    Start,
    /// ROW END.
    End,
}

/// The word that names a type, synonyms already replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the source's own type names")]
pub enum TypeWord {
    TinyInt,
    SmallInt,
    MediumInt,
    Int,
    BigInt,
    Decimal,
    Float,
    Double,
    Real,
    Bit,
    Bool,
    Serial,
    Year,
    Date,
    Time,
    DateTime,
    Timestamp,
    Char,
    VarChar,
    TinyText,
    Text,
    MediumText,
    LongText,
    Binary,
    VarBinary,
    TinyBlob,
    Blob,
    MediumBlob,
    LongBlob,
    Enum,
    Set,
    Json,
    Geometry,
    Point,
    LineString,
    Polygon,
    MultiPoint,
    MultiLineString,
    MultiPolygon,
    GeometryCollection,
    Uuid,
    Inet4,
    Inet6,
    Vector,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataType {
    /// Which.
    pub word: TypeWord,
    /// First number in parentheses.
    pub length: Option<u64>,
    /// Second number in parentheses.
    pub scale: Option<u64>,
    /// UNSIGNED.
    pub unsigned: bool,
    /// ZEROFILL.
    pub zerofill: bool,
    /// NATIONAL, NCHAR, NVARCHAR: utf8 whatever the table's character set.
    pub national: bool,
    /// CHARACTER SET.
    pub charset: Option<String>,
    /// COLLATE.
    pub collation: Option<String>,
    /// The attribute BINARY: the `_bin` collation of the character set.
    pub binary: bool,
    /// Labels of ENUM and SET, trailing blanks still there.
    pub labels: Vec<String>,
    /// COMPRESSED of MariaDB.
    pub compressed: bool,
    /// A LONGTEXT with CHECK (json_valid(...)), which is what MariaDB makes of JSON.
    pub json_checked: bool,
    /// SRID of MySQL or REF_SYSTEM_ID of MariaDB.
    pub srid: Option<u32>,
}

/// A DEFAULT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// NULL.
    Null,
    /// A string, decoded.
    Text(String),
    /// A number as written, with sign: `-1.50`, `1e3`.
    Number(String),
    /// TRUE or FALSE.
    Bool(bool),
    /// A hex or bit literal, as bytes.
    Bytes(Vec<u8>),
    /// CURRENT_TIMESTAMP and its synonyms.
    Now,
    /// CURRENT_DATE as an expression.
    CurrentDate,
    /// CURRENT_TIME as an expression.
    CurrentTime,
    /// JSON_ARRAY() or JSON_OBJECT(), as JSON text.
    Json(&'static str),
    /// Any other expression.
    Expression,
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// INDEX or KEY.
    Index,
    /// FULLTEXT.
    FullText,
    /// SPATIAL.
    Spatial,
    /// VECTOR.
    Vector,
}

/// An index or the primary key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDefinition {
    /// What it is.
    pub kind: KeyKind,
    /// Name, where one is given; the constraint's name stands in for it.
    pub name: Option<String>,
    /// Parts in order.
    pub parts: Vec<KeyPart>,
    /// IF NOT EXISTS of MariaDB.
    pub if_not_exists: bool,
}

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPart {
    /// Column; `None` for an expression.
    pub column: Option<String>,
    /// Prefix length.
    pub prefix: Option<u32>,
    /// DESC.
    pub descending: bool,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKeyDefinition {
    /// CONSTRAINT name.
    pub name: Option<String>,
    /// FOREIGN KEY index name.
    pub index_name: Option<String>,
    /// Referencing columns.
    pub columns: Vec<String>,
    /// Referenced table.
    pub referenced: TableName,
    /// Referenced columns; empty: the referenced table's primary key.
    pub referenced_columns: Vec<String>,
    /// ON DELETE in capitals, empty where it is not said.
    pub on_delete: &'static str,
    /// ON UPDATE in capitals, empty where it is not said.
    pub on_update: &'static str,
    /// IF NOT EXISTS of MariaDB.
    pub if_not_exists: bool,
}
