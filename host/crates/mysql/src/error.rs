//! What can go wrong at the source.
//!
//! Errors are told apart by the server's error number and SQLSTATE, never by message text. A server
//! message that may quote a value (SQLSTATE classes 22 and 23 and their like) is not kept.

use std::time::Duration;

use chameleon_diag::{Diagnostic, ErrorCode, RetryDirective, codes};
use chameleon_model::{BinlogPosition, GtidError, TableName};

/// Everything that reading from MySQL or MariaDB can fail with.
///
/// `what` names the attempt (`read the table list`), `address` is `host:port`.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// No connection could be opened.
    #[error("connect to the source: {address}")]
    Connect {
        /// Host and port.
        address: String,
        /// What the network or the driver said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// An open connection broke.
    #[error("{what}: the connection to {address} was lost")]
    Lost {
        /// The attempt.
        what: String,
        /// Host and port.
        address: String,
        /// What the network or the driver said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// Nothing came for too long.
    #[error("{what}: no answer from {address} for {} s", waited.as_secs_f32())]
    Timeout {
        /// The attempt.
        what: String,
        /// Host and port.
        address: String,
        /// How long was waited.
        waited: Duration,
    },
    /// User or password is wrong, or the account may not log in from here.
    #[error("log in to the source: {user} at {address}")]
    Login {
        /// User name.
        user: String,
        /// Host and port.
        address: String,
        /// What the server said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// The configured database is not there, or the user cannot see it.
    #[error("open the source's database: {database}")]
    UnknownDatabase {
        /// Database name.
        database: String,
    },
    /// The server's certificate is not accepted.
    #[error("verify the certificate of {address}: {reason}")]
    Certificate {
        /// Host and port.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// TLS is required and the server has none.
    #[error("connect to the source with TLS: {address} offers none")]
    NoTls {
        /// Host and port.
        address: String,
    },
    /// A certificate or key file cannot be used.
    #[error("read the TLS file: {path}: {reason}")]
    TlsFile {
        /// Path of the file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS handshake failed for another reason than the certificate.
    #[error("TLS handshake with {address}: {reason}")]
    TlsHandshake {
        /// Host and port.
        address: String,
        /// What was wrong.
        reason: String,
    },
    /// A right is missing.
    #[error("{what}: the right is missing")]
    MissingRight {
        /// The attempt.
        what: String,
        /// What the server said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// A lock, a deadlock, too many connections, a server that is going down.
    #[error("{what}: the source is busy")]
    Busy {
        /// The attempt.
        what: String,
        /// What the server said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// The server refused a statement.
    #[error("{what}: refused by the source")]
    Statement {
        /// The attempt.
        what: String,
        /// What the server said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// The server refused a statement because of data, so its message is not kept.
    #[error("{what}: refused by the source with error {errno} ({sqlstate})")]
    StatementData {
        /// The attempt.
        what: String,
        /// MySQL error number.
        errno: u16,
        /// SQLSTATE.
        sqlstate: String,
    },
    /// The server's answer has another shape than its version should give.
    #[error("{what}: the answer is not understood: {reason}")]
    Answer {
        /// The attempt.
        what: String,
        /// What was expected and what came, without values.
        reason: String,
    },
    /// Too old, or of another kind.
    #[error("use the source: version {version} is not supported")]
    Version {
        /// As the server names itself.
        version: String,
    },
    /// The server writes no binlog, so there is nothing to follow.
    #[error("read the binlog position: the source writes no binlog")]
    NoBinlog,
    /// The binlog that is needed is gone.
    #[error("read the binlog from {position}: the source has purged it, its oldest is {oldest}")]
    BinlogPurged {
        /// Where reading had to go on: a binlog position or a GTID set.
        position: String,
        /// Oldest file that the source still has, or what is known of it.
        oldest: String,
    },
    /// Another server took the source's place and lacks what was replicated.
    #[error("go on at {address}: it lacks transactions of {gtids}: its own are {here}")]
    Lacks {
        /// Host and port.
        address: String,
        /// GTIDs up to which was read.
        gtids: String,
        /// GTIDs that the server has.
        here: String,
    },
    /// The server does not send its binlog (error 1236 and its like).
    #[error("read the binlog from {position}: refused by the source")]
    BinlogRefused {
        /// Where reading had to begin: a binlog position or a GTID set.
        position: String,
        /// What the server said.
        #[source]
        source: Box<mysql_async::Error>,
    },
    /// Checksum or length of an event is wrong.
    #[error("read a binlog event: damaged at {position}: {reason}")]
    EventDamaged {
        /// Where the event ends, as far as known.
        position: BinlogPosition,
        /// What does not fit.
        reason: String,
    },
    /// An event type or form that is not known.
    #[error("read a binlog event: not understood at {position}: {reason}")]
    EventUnknown {
        /// Where the event ends, as far as known.
        position: BinlogPosition,
        /// Which event and what about it.
        reason: String,
    },
    /// The table map and the known schema do not fit together.
    #[error("decode rows of {table} at {position}: the schema differs: {reason}")]
    SchemaDiffers {
        /// The table.
        table: TableName,
        /// Where the event ends.
        position: BinlogPosition,
        /// Which column differs and how.
        reason: String,
    },
    /// A row image cannot be decoded.
    #[error("decode a row of {table} at {position}: column {column}: {reason}")]
    Row {
        /// The table.
        table: TableName,
        /// Where the event ends.
        position: BinlogPosition,
        /// Column name.
        column: String,
        /// What is wrong with the bytes; never a value.
        reason: String,
    },
    /// A GTID text of the server or of the caller cannot be read.
    #[error("read a GTID set")]
    Gtid(#[from] GtidError),
    /// A statement changed a table in a way that cannot be followed: the table is held.
    #[error("follow a change of {table} at {position}: {reason}")]
    CannotFollow {
        /// The table.
        table: TableName,
        /// Where the statement ends.
        position: BinlogPosition,
        /// Which statement, or which part of it.
        reason: String,
    },
    /// The source says itself that its binlog may lack changes.
    #[error("read a binlog event: the source reports lost changes at {position}")]
    Incident {
        /// Where the event ends.
        position: BinlogPosition,
    },
    /// Rows were logged as a statement that does not tell which tables it changed.
    #[error("follow a statement at {position}: {kind} was logged in place of its rows")]
    StatementLogged {
        /// Where the statement ends.
        position: BinlogPosition,
        /// Kind of the statement.
        kind: &'static str,
    },
    /// The position to start at is not the boundary of an event, or not in that file.
    #[error("begin to read the binlog: {position} is not a place between two transactions")]
    BadPosition {
        /// The position asked for.
        position: String,
    },
    /// The lock for a consistent copy was not to be had in time.
    #[error("lock the tables of the source for {} s at most: not granted", waited.as_secs_f32())]
    LockNotGranted {
        /// How long was waited.
        waited: Duration,
        /// What the server said.
        #[source]
        source: Option<Box<mysql_async::Error>>,
    },
    /// Some XA transactions stay prepared, so that a copy would miss their rows.
    #[error("begin a copy: XA transactions are prepared: {}", names(xids))]
    Prepared {
        /// Which.
        xids: Vec<chameleon_ddl::statement::Xid>,
    },
    /// The table is not what it was when the copy was planned.
    #[error("copy {table}: its shape has changed: {reason}")]
    TableChanged {
        /// The table.
        table: TableName,
        /// What differs.
        reason: String,
    },
    /// A value read by SELECT cannot be turned into a cell.
    #[error("copy {table}: column {column}: {reason}")]
    Value {
        /// The table.
        table: TableName,
        /// Column name.
        column: String,
        /// What is wrong; never the value.
        reason: String,
    },
}

impl SourceError {
    /// Classifies an error of the driver by the server's error number and SQLSTATE.
    ///
    /// Error numbers: MySQL server error message reference.
    pub(crate) fn from_driver(
        what: impl Into<String>,
        address: &str,
        error: mysql_async::Error,
    ) -> Self {
        let what = what.into();
        let mysql_async::Error::Server(server) = &error else {
            return Self::Lost {
                what,
                address: address.to_owned(),
                source: Box::new(error),
            };
        };
        let (errno, sqlstate) = (server.code, server.state.as_str());
        if quotes_values(errno, sqlstate) {
            return Self::StatementData {
                what,
                errno,
                sqlstate: sqlstate.to_owned(),
            };
        }
        let source = Box::new(error);
        match errno {
            // access denied: to a database, a table, a column, a routine, for want of a privilege
            1044 | 1045 | 1142 | 1143 | 1227 | 1370 | 3530 => Self::MissingRight { what, source },
            // too many connections, shutdown, locks, deadlock, killed query, time limits
            1040 | 1053 | 1203 | 1205 | 1213 | 1226 | 1317 | 1969 | 3024 => {
                Self::Busy { what, source }
            }
            // killed or timed out connection
            1152 | 1158..=1161 | 1927 | 4031 => Self::Lost {
                what,
                address: address.to_owned(),
                source,
            },
            _ => Self::Statement { what, source },
        }
    }

    /// The server's error number, where the server answered with one.
    pub fn errno(&self) -> Option<u16> {
        let source = match self {
            Self::StatementData { errno, .. } => return Some(*errno),
            Self::LockNotGranted { source, .. } => source.as_ref()?,
            Self::Connect { source, .. }
            | Self::Lost { source, .. }
            | Self::Login { source, .. }
            | Self::MissingRight { source, .. }
            | Self::Busy { source, .. }
            | Self::Statement { source, .. }
            | Self::BinlogRefused { source, .. } => source,
            _ => return None,
        };
        match source.as_ref() {
            mysql_async::Error::Server(server) => Some(server.code),
            _ => None,
        }
    }
}

/// The first names of a list, and how many more there are.
pub(crate) fn names(xids: &[chameleon_ddl::statement::Xid]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<String> = xids.iter().take(SHOWN).map(ToString::to_string).collect();
    let mut text = shown.join("; ");
    if xids.len() > SHOWN {
        text.push_str(&format!("; and {} more", xids.len() - SHOWN));
    }
    text
}

/// Data exceptions, constraint violations and what else quotes a value in its message: wrong value
/// (1292, 1366), invalid character string (1300).
fn quotes_values(errno: u16, sqlstate: &str) -> bool {
    sqlstate.starts_with("22") || sqlstate.starts_with("23") || matches!(errno, 1292 | 1300 | 1366)
}

impl Diagnostic for SourceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Connect { .. } | Self::Lost { .. } | Self::Timeout { .. } => codes::SRC001,
            Self::Login { .. } => codes::SRC002,
            Self::UnknownDatabase { .. } => codes::SRC003,
            Self::Certificate { .. } => codes::TLS001,
            Self::NoTls { .. } => codes::TLS002,
            Self::TlsFile { .. } => codes::TLS003,
            Self::TlsHandshake { .. } => codes::TLS004,
            Self::MissingRight { .. } => codes::SRC004,
            Self::Busy { .. } => codes::SRC006,
            Self::Statement { .. } | Self::StatementData { .. } => codes::SRC005,
            Self::Answer { .. } => codes::SRC007,
            Self::Version { .. } => codes::SRC010,
            Self::NoBinlog => codes::SRC011,
            Self::BinlogPurged { .. } => codes::SRC030,
            Self::BinlogRefused { .. } => codes::SRC031,
            Self::EventDamaged { .. } => codes::SRC032,
            Self::EventUnknown { .. } => codes::SRC033,
            Self::SchemaDiffers { .. } => codes::SRC034,
            Self::Row { .. } => codes::SRC035,
            Self::Gtid(_) => codes::SRC036,
            Self::CannotFollow { .. } => codes::SRC037,
            Self::BadPosition { .. } => codes::SRC038,
            Self::Lacks { .. } => codes::SRC039,
            Self::Incident { .. } => codes::SRC060,
            Self::StatementLogged { .. } => codes::SRC061,
            Self::Prepared { .. } => codes::SRC026,
            Self::LockNotGranted { .. } => codes::SRC050,
            Self::TableChanged { .. } => codes::SRC051,
            Self::Value { .. } => codes::SRC052,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Certificate { .. } => "set tls.ca, or tls.mode: require to encrypt unverified",
            Self::Lacks { .. } => {
                "name a server that has them in mysql_conn, or chameleon init_replica"
            }
            Self::NoTls { .. } => "give the server a certificate, or set tls.mode: prefer",
            Self::MissingRight { .. } | Self::NoBinlog | Self::Version { .. } => "chameleon check",
            Self::BinlogPurged { .. } | Self::Incident { .. } => "chameleon init_replica",
            Self::StatementLogged { .. } => {
                "set binlog_format = ROW at the source, then init_replica"
            }
            Self::SchemaDiffers { table, .. }
            | Self::Row { table, .. }
            | Self::CannotFollow { table, .. } => {
                return Some(format!("chameleon sync_tables --tables {}", table.name));
            }
            Self::Prepared { .. } => {
                "end them at the source: XA COMMIT or XA ROLLBACK; XA RECOVER lists them"
            }
            Self::LockNotGranted { .. } => "end the long query at the source, or copy by chunks",
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn retry(&self) -> RetryDirective {
        self.code()
            .entry()
            .map_or(RetryDirective::Never, |e| e.retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16, state: &str) -> mysql_async::Error {
        mysql_async::Error::Server(mysql_async::ServerError {
            code,
            message: "near 'secret'".into(),
            state: state.into(),
        })
    }

    #[test]
    fn server_errors_are_classified_by_number() {
        let check = |errno, state, code| {
            let error = SourceError::from_driver("x", "h:1", server(errno, state));
            assert_eq!(error.code(), code, "{errno}");
            assert_eq!(error.errno(), Some(errno));
        };
        check(1227, "42000", codes::SRC004);
        check(1142, "42000", codes::SRC004);
        check(1205, "HY000", codes::SRC006);
        check(1064, "42000", codes::SRC005);
        check(1927, "70100", codes::SRC001);
    }

    #[test]
    fn a_message_that_may_quote_a_value_is_not_kept() {
        for (errno, state) in [(1062, "23000"), (1406, "22001"), (1300, "HY000")] {
            let error = SourceError::from_driver("x", "h:1", server(errno, state));
            assert!(!format!("{error}{error:?}").contains("secret"));
            assert!(std::error::Error::source(&error).is_none());
        }
    }
}
