//! Statements as the parser gives them. Table names are complete: the default schema is filled in.

mod definition;

use chameleon_model::TableName;

pub use definition::{ColumnDefinition, DataType, DefaultValue, TypeWord};
pub use definition::{ForeignKeyDefinition, KeyDefinition, KeyKind, KeyPart, RowPeriod};

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
}

/// Table options that matter; all others are read and left out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TableOptions {
    /// `[DEFAULT] CHARACTER SET`.
    pub charset: Option<String>,
    /// `[DEFAULT] COLLATE`.
    pub collation: Option<String>,
    /// COMMENT.
    pub comment: Option<String>,
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
    /// ALTER COLUMN SET DEFAULT; DROP DEFAULT as NULL.
    SetDefault {
        /// The column.
        name: String,
        /// The value of new rows that name none.
        value: DefaultValue,
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

impl std::fmt::Display for Xid {
    /// As the servers write it: `X'6162',X'',1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in [&self.gtrid, &self.bqual] {
            f.write_str("X'")?;
            part.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            f.write_str("',")?;
        }
        write!(f, "{}", self.format)
    }
}

/// A statement that changes rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowStatement {
    /// INSERT, UPDATE, DELETE, REPLACE, LOAD DATA and the like.
    pub kind: &'static str,
    /// Tables that it may change, as far as its text tells; empty where it tells nothing.
    pub tables: Vec<TableName>,
}
