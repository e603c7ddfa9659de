//! Statements as the parser gives them. Table names are complete: the default schema is filled in.

use chameleon_model::TableName;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// CREATE TABLE.
    CreateTable(Box<CreateTable>),
    /// ALTER TABLE.
    AlterTable(AlterTable),
    /// DROP TABLE.
    DropTable(DropTable),
    /// RENAME TABLE.
    RenameTable(RenameTable),
    /// TRUNCATE TABLE.
    TruncateTable(TableName),
    /// CREATE INDEX.
    CreateIndex(CreateIndex),
    /// DROP INDEX.
    DropIndex(DropIndex),
    /// CREATE DATABASE.
    CreateDatabase(DatabaseOptions),
    /// ALTER DATABASE.
    AlterDatabase(DatabaseOptions),
    /// DROP DATABASE.
    DropDatabase {
        /// Name.
        name: String,
    },
    /// BEGIN, COMMIT, SAVEPOINT, XA and the like.
    Transaction(TransactionControl),
    /// A statement that changes rows. In a row-format binlog it stands for rows that were logged as
    /// a statement, so the tables that it names must be held.
    RowStatement(RowStatement),
    /// Anything else: it changes no table's structure and no rows.
    Other {
        /// Its name, `CREATE VIEW`, `GRANT`, `ANALYZE TABLE`.
        kind: &'static str,
    },
}

impl Statement {
    /// The statement's name in capitals: `CREATE TABLE`, `XA PREPARE`, `GRANT`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::CreateTable(_) => "CREATE TABLE",
            Self::AlterTable(_) => "ALTER TABLE",
            Self::DropTable(_) => "DROP TABLE",
            Self::RenameTable(_) => "RENAME TABLE",
            Self::TruncateTable(_) => "TRUNCATE TABLE",
            Self::CreateIndex(_) => "CREATE INDEX",
            Self::DropIndex(_) => "DROP INDEX",
            Self::CreateDatabase(_) => "CREATE DATABASE",
            Self::AlterDatabase(_) => "ALTER DATABASE",
            Self::DropDatabase { .. } => "DROP DATABASE",
            Self::Transaction(control) => control.kind(),
            Self::RowStatement(s) => s.kind,
            Self::Other { kind } => kind,
        }
    }
}

/// CREATE TABLE; temporary tables are [`Statement::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTable {
    /// Name.
    pub name: TableName,
    /// OR REPLACE of MariaDB: a table of that name is dropped before.
    pub or_replace: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// LIKE: the table whose structure is taken; `elements` is then empty.
    pub like: Option<TableName>,
    /// Columns, keys and constraints in order.
    pub elements: Vec<TableElement>,
    /// Table options that matter.
    pub options: TableOptions,
    /// AS SELECT follows: columns and rows come from a query.
    pub as_select: bool,
    /// WITH SYSTEM VERSIONING of MariaDB.
    pub system_versioning: bool,
}

/// One element of CREATE TABLE's parentheses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableElement {
    /// A column.
    Column(Box<ColumnDefinition>),
    /// An index or the primary key.
    Key(KeyDefinition),
    /// A foreign key.
    ForeignKey(ForeignKeyDefinition),
    /// A CHECK constraint, which changes nothing here.
    Check,
    /// PERIOD FOR of MariaDB; `true` for SYSTEM_TIME.
    Period(bool),
}

/// Table options that matter; all others are read and left out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// [DEFAULT] CHARACTER SET.
    pub charset: Option<String>,
    /// [DEFAULT] COLLATE.
    pub collation: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
}

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
    /// INVISIBLE.
    pub invisible: bool,
    /// REFERENCES; `columns` of it is the column itself.
    pub references: Option<ForeignKeyDefinition>,
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

/// ALTER TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterTable {
    /// The table.
    pub name: TableName,
    /// IF EXISTS of MariaDB.
    pub if_exists: bool,
    /// Actions in order.
    pub actions: Vec<AlterAction>,
}

/// Where a column is put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing said: last for a new column, unmoved for an old one.
    Unsaid,
    /// FIRST.
    First,
    /// AFTER that column.
    After(String),
}

/// One action of ALTER TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlterAction {
    /// ADD COLUMN.
    AddColumn {
        /// The column.
        column: ColumnDefinition,
        /// Where to.
        place: Place,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// DROP COLUMN.
    DropColumn {
        /// Its name.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// MODIFY COLUMN, or CHANGE COLUMN where `from` is another name.
    ChangeColumn {
        /// Name before.
        from: String,
        /// The column as it becomes.
        column: ColumnDefinition,
        /// Where to.
        place: Place,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME COLUMN.
    RenameColumn {
        /// Name before.
        from: String,
        /// Name after.
        to: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// ALTER COLUMN SET VISIBLE or INVISIBLE.
    SetInvisible {
        /// The column.
        name: String,
        /// `true`: INVISIBLE.
        invisible: bool,
    },
    /// ADD INDEX, KEY, UNIQUE, PRIMARY KEY, FULLTEXT, SPATIAL, VECTOR.
    AddKey(KeyDefinition),
    /// ADD FOREIGN KEY.
    AddForeignKey(ForeignKeyDefinition),
    /// DROP PRIMARY KEY.
    DropPrimaryKey {
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP INDEX.
    DropKey {
        /// Its name.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP FOREIGN KEY.
    DropForeignKey {
        /// Its name.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP CONSTRAINT: a foreign key, a unique index or a check.
    DropConstraint {
        /// Its name.
        name: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME INDEX.
    RenameKey {
        /// Name before.
        from: String,
        /// Name after.
        to: String,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// RENAME TO.
    RenameTable(TableName),
    /// CONVERT TO CHARACTER SET.
    ConvertCharset {
        /// `None`: DEFAULT.
        charset: Option<String>,
        /// COLLATE.
        collation: Option<String>,
    },
    /// Options that matter.
    Options(TableOptions),
    /// Something that changes rows without row events: EXCHANGE PARTITION, IMPORT TABLESPACE.
    Rows {
        /// Which.
        what: &'static str,
        /// Another table whose rows it changes too.
        other: Option<TableName>,
    },
    /// Something that has no effect at the target: ENGINE, ALGORITHM, a partition reorganised.
    Nothing {
        /// Which.
        what: &'static str,
    },
}

/// DROP TABLE; temporary tables are [`Statement::Other`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropTable {
    /// The tables.
    pub names: Vec<TableName>,
    /// IF EXISTS.
    pub if_exists: bool,
}

/// RENAME TABLE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenameTable {
    /// From and to, carried out in order.
    pub renames: Vec<(TableName, TableName)>,
    /// IF EXISTS of MariaDB.
    pub if_exists: bool,
}

/// CREATE INDEX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateIndex {
    /// The table.
    pub table: TableName,
    /// The index, whose name is given.
    pub key: KeyDefinition,
    /// OR REPLACE of MariaDB.
    pub or_replace: bool,
}

/// DROP INDEX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIndex {
    /// The table.
    pub table: TableName,
    /// The index; `PRIMARY` is the primary key.
    pub name: String,
    /// IF EXISTS of MariaDB.
    pub if_exists: bool,
}

/// CREATE DATABASE or ALTER DATABASE. The character set matters for tables made in it later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseOptions {
    /// Name.
    pub name: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// CHARACTER SET.
    pub charset: Option<String>,
    /// COLLATE.
    pub collation: Option<String>,
}

/// Transaction control.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK.
    Rollback,
    /// ROLLBACK TO SAVEPOINT.
    RollbackTo(String),
    /// SAVEPOINT.
    Savepoint(String),
    /// RELEASE SAVEPOINT.
    Release(String),
    /// XA START.
    XaBegin(Xid),
    /// XA END.
    XaEnd(Xid),
    /// XA PREPARE.
    XaPrepare(Xid),
    /// XA COMMIT.
    XaCommit {
        /// Which transaction.
        xid: Xid,
        /// ONE PHASE: prepare and commit in one.
        one_phase: bool,
    },
    /// XA ROLLBACK.
    XaRollback(Xid),
}

impl TransactionControl {
    /// The statement's name in capitals.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Begin => "BEGIN",
            Self::Commit => "COMMIT",
            Self::Rollback => "ROLLBACK",
            Self::RollbackTo(_) => "ROLLBACK TO SAVEPOINT",
            Self::Savepoint(_) => "SAVEPOINT",
            Self::Release(_) => "RELEASE SAVEPOINT",
            Self::XaBegin(_) => "XA START",
            Self::XaEnd(_) => "XA END",
            Self::XaPrepare(_) => "XA PREPARE",
            Self::XaCommit { .. } => "XA COMMIT",
            Self::XaRollback(_) => "XA ROLLBACK",
        }
    }
}

/// Name of an XA transaction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Xid {
    /// Global part, up to 64 bytes.
    pub gtrid: Vec<u8>,
    /// Branch part, up to 64 bytes.
    pub bqual: Vec<u8>,
    /// Format number, 1 where it is not said.
    pub format: u32,
}

/// A statement that changes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowStatement {
    /// INSERT, UPDATE, DELETE, REPLACE, LOAD DATA and the like.
    pub kind: &'static str,
    /// Tables that it may change, as far as its text tells; empty where it tells nothing.
    pub tables: Vec<TableName>,
}
