//! Connections to the source and their session settings.
//!
//! Every session is set the same way, whatever the server's defaults are: times in UTC, an empty
//! `sql_mode` (so that quoting is the plain one and values come unpadded), UTF-8, repeatable read,
//! no limits on statement time, rows or idle time. Nothing is ever written.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use chameleon_model::{BinlogPosition, GtidSet, SourcePosition};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder};

use crate::rows::{TextRow, quote};
use crate::{Flavor, ServerInfo, SourceError, TableSelection, tls};

/// How far the server's identity is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS where the server offers it, unverified.
    #[default]
    Prefer,
    /// TLS or nothing, unverified.
    Require,
    /// The certificate must be signed by the authority; its name does not matter.
    VerifyCa,
    /// The certificate must be signed by the authority and name the host.
    VerifyFull,
}

/// TLS settings of a connection. Files are PEM.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// How far the server's identity is checked.
    pub mode: TlsMode,
    /// Authority that signs the server's certificate; without it the public ones of the web.
    pub ca: Option<PathBuf>,
    /// The client's own certificate.
    pub cert: Option<PathBuf>,
    /// Key of the client's own certificate.
    pub key: Option<PathBuf>,
}

/// Where the server is and how to log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// User name.
    pub user: String,
    /// Password; never printed.
    pub password: String,
    /// TLS.
    pub tls: TlsOptions,
    /// Longest time for opening a connection, login included.
    pub connect_timeout: Duration,
    /// Longest time without any answer to a statement or any row of a result.
    pub read_timeout: Duration,
}

impl ConnectOptions {
    /// Options with the usual times: 10 s to connect, 60 s without an answer, TLS where offered.
    pub fn new(
        host: impl Into<String>,
        port: u16,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port,
            user: user.into(),
            password: password.into(),
            tls: TlsOptions::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
        }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &"***")
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("read_timeout", &self.read_timeout)
            .finish()
    }
}

/// A database of a source server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The server.
    pub options: ConnectOptions,
    /// The database that is replicated.
    pub database: String,
}

/// An open connection. It has no default database: every statement names its own.
#[derive(Debug)]
pub struct SourceConn {
    pub(crate) conn: Conn,
    pub(crate) info: ServerInfo,
    pub(crate) address: String,
    pub(crate) read_timeout: Duration,
}

/// Head of an encrypted binlog file: MySQL source, `sql/rpl_log_encryption.h`.
const ENCRYPTION_HEAD_BYTES: u64 = 512;

/// Longest event or value that the driver takes, in bytes; the server's own limit is 1 GiB.
const MAX_PACKET_BYTES: usize = 1 << 30;

impl Source {
    /// Opens a session, with TLS as asked, and reads what the server says about itself.
    ///
    /// The database need not exist. Errors: SRC001, SRC002, TLS001-TLS004.
    pub async fn connect(&self) -> Result<SourceConn, SourceError> {
        let options = &self.options;
        let address = options.address();
        let work = async {
            let conn = self.open().await?;
            let mut conn = SourceConn {
                conn,
                info: ServerInfo::unknown(),
                address: address.clone(),
                read_timeout: options.read_timeout,
            };
            conn.info = ServerInfo::read(&mut conn).await?;
            conn.set_session().await?;
            Ok(conn)
        };
        let opened = tokio::time::timeout(options.connect_timeout, work).await;
        opened.unwrap_or_else(|_| {
            Err(SourceError::Timeout {
                what: "connect to the source".to_owned(),
                address: address.clone(),
                waited: options.connect_timeout,
            })
        })
    }

    /// Opens the connection in as many attempts as the TLS mode needs; see [`TlsMode`].
    async fn open(&self) -> Result<Conn, SourceError> {
        tls::install_provider();
        let options = &self.options;
        let error = match Conn::new(self.opts(tls::options(&options.tls, None)?)).await {
            Ok(conn) => return Ok(conn),
            Err(error) => error,
        };
        let second = match (options.tls.mode, &error) {
            (TlsMode::Prefer, Error::Driver(DriverError::NoClientSslFlagFromServer)) => {
                Some(self.opts(None))
            }
            (TlsMode::VerifyCa, _) => match tls::presented_name(&error) {
                Some(name) => Some(self.opts(tls::options(&options.tls, Some(name))?)),
                None => None,
            },
            _ => None,
        };
        let error = match second {
            Some(opts) => match Conn::new(opts).await {
                Ok(conn) => return Ok(conn),
                Err(error) => error,
            },
            None => error,
        };
        Err(self.connect_error(error))
    }

    fn opts(&self, tls: Option<mysql_async::SslOpts>) -> Opts {
        let options = &self.options;
        OptsBuilder::default()
            .ip_or_hostname(options.host.clone())
            .tcp_port(options.port)
            .user(Some(options.user.clone()))
            .pass(Some(options.password.clone()))
            .prefer_socket(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .max_allowed_packet(Some(MAX_PACKET_BYTES))
            .wait_timeout(Some(28_800))
            .stmt_cache_size(4)
            .ssl_opts(tls)
            .into()
    }

    /// Errors of opening a connection. Numbers 1045, 1698, 1130, 1129, 1251, 1862, 3118, 3955 and
    /// 4151 refuse the login itself; the rest is classified as for any statement.
    fn connect_error(&self, error: Error) -> SourceError {
        let address = self.options.address();
        if let Some(error) = tls::classify(&error, &self.options.tls, &address) {
            return error;
        }
        match &error {
            Error::Server(server) => match server.code {
                1045 | 1698 | 1129 | 1130 | 1251 | 1862 | 3118 | 3955 | 4151 => {
                    SourceError::Login {
                        user: self.options.user.clone(),
                        address,
                        source: Box::new(error),
                    }
                }
                _ => SourceError::from_driver("connect to the source", &address, error),
            },
            Error::Driver(
                DriverError::UnknownAuthPlugin { .. }
                | DriverError::MysqlOldPasswordDisabled
                | DriverError::CleartextPluginDisabled,
            ) => SourceError::Login {
                user: self.options.user.clone(),
                address,
                source: Box::new(error),
            },
            _ => SourceError::Connect {
                address,
                source: Box::new(error),
            },
        }
    }
}

impl SourceConn {
    /// What the server says about itself.
    pub fn server_info(&self) -> &ServerInfo {
        &self.info
    }

    /// The driver's connection, for the comparison alone: it streams queries of its own and shares
    /// no decoding with the replica.
    pub fn driver(&mut self) -> &mut Conn {
        &mut self.conn
    }

    /// Ends the session in order.
    pub async fn close(self) {
        // the session ends either way; there is nothing to do about an error
        let _ = tokio::time::timeout(Duration::from_secs(1), self.conn.disconnect()).await;
    }

    /// Fixed session settings, see the module's header. Variables that only one of the two servers
    /// knows are set by its flavour.
    async fn set_session(&mut self) -> Result<(), SourceError> {
        let own = match self.info.flavor {
            Flavor::MySql => "max_execution_time = 0",
            Flavor::MariaDb => {
                "max_statement_time = 0, idle_transaction_timeout = 0, \
                 idle_readonly_transaction_timeout = 0"
            }
        };
        let set = format!(
            "set names utf8mb4, time_zone = '+00:00', sql_mode = '', sql_auto_is_null = 0, \
             autocommit = 1, sql_big_selects = 1, sql_select_limit = 18446744073709551615, \
             wait_timeout = 28800, net_read_timeout = 28800, net_write_timeout = 28800, {own}"
        );
        self.run("set the session up", &set).await?;
        let isolation = "set session transaction isolation level repeatable read";
        self.run("set the session up", isolation).await
    }

    /// Waits for an answer, not longer than the read timeout, and classifies its error. After a
    /// timeout the connection is of no use any more.
    pub(crate) async fn answer<T>(
        what: &str,
        address: &str,
        limit: Duration,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, SourceError> {
        match tokio::time::timeout(limit, work).await {
            Ok(answer) => answer.map_err(|e| SourceError::from_driver(what, address, e)),
            Err(_) => Err(SourceError::Timeout {
                what: what.to_owned(),
                address: address.to_owned(),
                waited: limit,
            }),
        }
    }

    /// Runs a statement without an answer.
    pub(crate) async fn run(&mut self, what: &str, sql: &str) -> Result<(), SourceError> {
        let work = self.conn.query_drop(sql);
        Self::answer(what, &self.address, self.read_timeout, work).await
    }

    /// Runs a query whose answer is small.
    pub(crate) async fn rows(
        &mut self,
        what: &str,
        sql: &str,
    ) -> Result<Vec<TextRow>, SourceError> {
        let work = self.conn.query::<TextRow, _>(sql);
        Self::answer(what, &self.address, self.read_timeout, work).await
    }

    /// Runs a query and hands over its rows one by one, so that a long answer takes no memory. The
    /// first error of `take` is returned after the last row.
    pub(crate) async fn each(
        &mut self,
        what: &str,
        sql: &str,
        mut take: impl FnMut(&TextRow) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut first = Ok(());
        let work = async {
            let mut result = self.conn.query_iter(sql).await?;
            let each = |row| {
                let row = TextRow::new(row);
                if first.is_ok() {
                    first = take(&row);
                }
            };
            result.for_each(each).await?;
            result.drop_result().await
        };
        Self::answer(what, &self.address, self.read_timeout * 5, work).await?;
        first
    }

    /// Runs a query whose answer has one row.
    pub(crate) async fn row(&mut self, what: &str, sql: &str) -> Result<TextRow, SourceError> {
        let rows = self.rows(what, sql).await?;
        rows.into_iter().next().ok_or_else(|| SourceError::Answer {
            what: what.to_owned(),
            reason: "it is empty".to_owned(),
        })
    }

    /// Where the binlog ends now.
    ///
    /// On a server that commits meanwhile, file and offset are exact, and the GTID set is the one
    /// that belongs to them on MariaDB; on MySQL it may lack transactions that are being committed.
    /// Errors: SRC011 without a binlog, SRC004 without the right.
    pub async fn current_position(&mut self) -> Result<SourcePosition, SourceError> {
        let (mut binlog, gtids) = self.binlog_status().await?;
        if !self.info.is_mariadb() {
            return Ok(SourcePosition { binlog, gtids });
        }
        for _ in 0..3 {
            let gtids = self.mariadb_binlog_gtids().await?;
            let (after, _) = self.binlog_status().await?;
            if after == binlog {
                let gtids = Some(gtids);
                return Ok(SourcePosition { binlog, gtids });
            }
            binlog = after;
        }
        let gtids = self.gtids_at(&binlog).await?;
        Ok(SourcePosition { binlog, gtids })
    }

    /// File and offset where the binlog ends, and MySQL's executed set where GTIDs are on.
    pub(crate) async fn binlog_status(
        &mut self,
    ) -> Result<(BinlogPosition, Option<GtidSet>), SourceError> {
        let what = "read the binlog position";
        let rows = self.rows(what, self.binlog_status_statement()).await?;
        let row = rows.first().ok_or(SourceError::NoBinlog)?;
        let file = row.required(what, "File")?;
        let binlog = BinlogPosition::new(file, row.required_number(what, "Position")?);
        let gtids = if self.info.gtids && !self.info.is_mariadb() {
            Some(GtidSet::parse_mysql(
                row.required(what, "Executed_Gtid_Set")?,
            )?)
        } else {
            None
        };
        Ok((binlog, gtids))
    }

    /// The statement for [`SourceConn::binlog_status`]: renamed in MySQL 8.2, where the old form went
    /// with 8.4.
    pub(crate) fn binlog_status_statement(&self) -> &'static str {
        if self.info.mysql_since(80_200) {
            "show binary log status"
        } else {
            "show master status"
        }
    }

    /// MariaDB: last GTID per domain in the binlog.
    pub(crate) async fn mariadb_binlog_gtids(&mut self) -> Result<GtidSet, SourceError> {
        let row = self
            .row("read the GTID position", "select @@global.gtid_binlog_pos")
            .await?;
        Ok(GtidSet::parse_mariadb(row.first().unwrap_or_default())?)
    }

    /// MariaDB: last GTID per domain before a binlog position. The server reads the file up to
    /// there, which takes time in a large one.
    pub(crate) async fn gtids_at(
        &mut self,
        at: &BinlogPosition,
    ) -> Result<Option<GtidSet>, SourceError> {
        let sql = format!("select binlog_gtid_pos({}, {})", quote(&at.file), at.offset);
        let row = self.row("read the GTID position", &sql).await?;
        Ok(row.first().map(GtidSet::parse_mariadb).transpose()?)
    }

    /// The session's number, as in the server's process list.
    pub fn connection_id(&self) -> u32 {
        self.conn.id()
    }

    /// Statements that this session has sent so far.
    pub async fn session_questions(&mut self) -> Result<u64, SourceError> {
        let what = "read the session's status";
        let row = self
            .row(what, "show session status like 'Questions'")
            .await?;
        row.required_number(what, "Value")
    }

    /// Binlog files that the source still has, oldest first, with their size in bytes.
    pub async fn binlog_files(&mut self) -> Result<Vec<(String, u64)>, SourceError> {
        let what = "list the binlog files";
        if !self.info.log_bin {
            return Err(SourceError::NoBinlog);
        }
        let rows = self.rows(what, "show binary logs").await?;
        rows.iter()
            .map(|row| {
                let name = row.required(what, "Log_name")?.to_owned();
                let size: u64 = row.required_number(what, "File_size")?;
                // positions do not count the head of a file that MySQL encrypts
                let encrypted = row.text("Encrypted") == Some("Yes");
                let head = if encrypted { ENCRYPTION_HEAD_BYTES } else { 0 };
                Ok((name, size.saturating_sub(head)))
            })
            .collect()
    }

    /// Bytes that data and indexes of the selected tables take, from the server's statistics.
    pub async fn database_bytes(
        &mut self,
        database: &str,
        selection: &TableSelection,
    ) -> Result<u64, SourceError> {
        let sql = format!(
            "select table_name as name, coalesce(data_length, 0) + coalesce(index_length, 0) as size \
             from information_schema.tables \
             where table_schema = {} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED')",
            quote(database)
        );
        let rows = self.rows("read the table sizes", &sql).await?;
        let selected = |row: &&TextRow| row.text("name").is_some_and(|n| selection.matches(n));
        let size = |row: &TextRow| row.number("size").unwrap_or(0);
        Ok(rows.iter().filter(selected).map(size).sum())
    }

    /// Rough number of rows per selected table, from the server's statistics, sorted by name.
    pub async fn table_row_estimates(
        &mut self,
        database: &str,
        selection: &TableSelection,
    ) -> Result<Vec<(String, u64)>, SourceError> {
        let sql = format!(
            "select table_name as name, table_rows as estimate from information_schema.tables \
             where table_schema = {} and table_type in ('BASE TABLE', 'SYSTEM VERSIONED') \
             order by table_name",
            quote(database)
        );
        let rows = self.rows("read the table sizes", &sql).await?;
        Ok(rows
            .iter()
            .map(|row| (row.owned("name"), row.number("estimate").unwrap_or(0)))
            .filter(|(name, _)| selection.matches(name))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_printed() {
        let options = ConnectOptions::new("h", 3306, "u", "geheim");
        assert!(!format!("{options:?}").contains("geheim"));
        let source = Source {
            options,
            database: "d".into(),
        };
        assert!(!format!("{source:?}").contains("geheim"));
    }
}
