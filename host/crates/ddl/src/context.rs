//! What a statement's text means depends on the server and the session that ran it.

/// Whose grammar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// MySQL (and Percona Server).
    MySql,
    /// MariaDB.
    MariaDb,
}

/// Server and session of a statement. [`ParseContext::new`] gives the servers' own defaults; what
/// a Query event's status variables say otherwise is then set field by field.
#[derive(Clone, Copy, Debug)]
pub struct ParseContext<'a> {
    /// Whose grammar.
    pub dialect: Dialect,
    /// Server version as in version comments: `80036` is 8.0.36, `101106` is 10.11.6.
    pub server_version: u32,
    /// Database of names that stand without one. Where it is `None` they get an empty schema.
    pub default_schema: Option<&'a str>,
    /// sql_mode ANSI_QUOTES: `"` quotes identifiers.
    pub ansi_quotes: bool,
    /// sql_mode NO_BACKSLASH_ESCAPES: a backslash in a string stands for itself.
    pub no_backslash_escapes: bool,
    /// sql_mode REAL_AS_FLOAT: REAL is FLOAT, else DOUBLE.
    pub real_as_float: bool,
    /// sql_mode ORACLE of MariaDB: DATE is DATETIME.
    pub oracle: bool,
    /// `false` (MySQL 5.7's default, MariaDB before 10.10): TIMESTAMP without NULL is NOT NULL.
    pub explicit_defaults_for_timestamp: bool,
    /// lower_case_table_names is 1: names of databases and tables are folded to lowercase.
    pub lower_case_names: bool,
    /// Default character set of the database in which tables are made; `None`: the server
    /// version's own default.
    pub default_charset: Option<&'a str>,
    /// Default collation of that database; `None`: the default one of its character set.
    pub default_collation: Option<&'a str>,
    /// The session's time zone, `+02:00` or a zone name that PostgreSQL knows too; `None`: unknown
    /// (`SYSTEM`). Conversions between DATETIME and TIMESTAMP depend on it.
    pub time_zone: Option<&'a str>,
    /// When the statement ran (its NOW()), microseconds since 1970 UTC; `None`: unknown, and new
    /// columns with DEFAULT CURRENT_TIMESTAMP take the time at which the target makes them.
    pub statement_micros: Option<i64>,
}

impl<'a> ParseContext<'a> {
    /// A session with default settings on a server of that version.
    pub fn new(dialect: Dialect, server_version: u32) -> Self {
        Self {
            dialect,
            server_version,
            default_schema: None,
            ansi_quotes: false,
            no_backslash_escapes: false,
            real_as_float: false,
            oracle: false,
            explicit_defaults_for_timestamp: true,
            lower_case_names: false,
            default_charset: None,
            default_collation: None,
            time_zone: None,
            statement_micros: None,
        }
    }

    /// The same with a default database.
    #[must_use]
    pub fn in_schema(mut self, schema: &'a str) -> Self {
        self.default_schema = Some(schema);
        self
    }

    /// The same with the sql_mode bits of a Query event (status variable 1; both servers give the
    /// modes that matter here the same bits: `sql/system_variables.h`, `sql/sql_class.h`).
    #[must_use]
    pub fn with_sql_mode(mut self, bits: u64) -> Self {
        self.real_as_float = bits & 0x1 != 0;
        self.ansi_quotes = bits & 0x4 != 0;
        self.oracle = self.dialect == Dialect::MariaDb && bits & 0x200 != 0;
        self.no_backslash_escapes = bits & 0x10_0000 != 0;
        self
    }
}
