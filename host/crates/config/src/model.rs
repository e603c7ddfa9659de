//! What a configuration says, typed and checked.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chameleon_model::MappingRules;

use crate::Secret;

/// One source and its target.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Name of the configuration: the file's name without `.yaml`. Log and pid files are named so.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Name of the source in the catalog.
    pub source_name: String,
    /// Schema at the target.
    pub dest_schema: String,
    /// Database at the source.
    pub my_database: String,
    /// Database at the target; the same as `pg.database`.
    pub pg_database: String,
    /// Replica server id at the source; `None`: the host chooses.
    pub my_server_id: Option<u32>,
    /// Rows after which a batch closes, 1 or more.
    pub replica_batch_size: u32,
    /// How long replayed batches stay in the catalog.
    pub batch_retention: Duration,
    /// Bound on the memory of a copy.
    pub copy_max_memory_bytes: u64,
    /// Connections that copy at once, 1 to 64.
    pub copy_workers: u16,
    /// Longest idle wait.
    pub sleep_loop: Duration,
    /// Pause while one of `reindex_app_names` is connected to the target database.
    pub pause_on_reindex: bool,
    /// Wait between two looks for such a session.
    pub sleep_on_reindex: Duration,
    /// `application_name`s that stand for a reindex.
    pub reindex_app_names: Vec<String>,
    /// Tables to replicate; empty is all.
    pub tables_limit: Vec<String>,
    /// Tables never replicated; wins over `tables_limit`.
    pub skip_tables: Vec<String>,
    /// Directory of log files, `~` resolved.
    pub log_dir: PathBuf,
    /// Least severe level that is logged.
    pub log_level: LogLevel,
    /// Where the log goes.
    pub log_dest: LogDest,
    /// Daily log files to keep; 0 keeps all.
    pub log_days_keep: u32,
    /// Directory of pid files, `~` resolved.
    pub pid_dir: PathBuf,
    /// Where 1.x wrote its CSV files. Without use; kept so that a file can be shown as it is.
    pub out_dir: PathBuf,
    /// How to reach the source.
    pub mysql: MysqlConn,
    /// How to reach the target.
    pub pg: PgConn,
    /// By which way changes reach the target.
    pub apply: ApplyMode,
    /// Sessions that apply a batch at once, 1 to 16; more than 1 only with [`ApplyMode::Direct`].
    pub apply_workers: u16,
    /// How types and values are mapped.
    pub rules: MappingRules,
    /// What a difference between rows expected and rows touched leads to.
    pub on_drift: OnDrift,
    /// Held tables are copied anew unasked.
    pub auto_resync: bool,
    /// The target schema is there already and is filled, not made.
    pub keep_existing_schema: bool,
    /// The first writing command after an upgrade also upgrades the catalog.
    pub auto_upgrade: bool,
    /// Keys for the transforms, by name.
    pub secrets: BTreeMap<String, Secret>,
    /// Transforms in chain order.
    pub transforms: Vec<TransformConfig>,
    /// Metrics and health; off if absent.
    pub http: Option<HttpConfig>,
}

impl Config {
    /// `log_dir/NAME.log`.
    pub fn log_file(&self) -> PathBuf {
        self.log_dir.join(format!("{}.log", self.name))
    }

    /// `pid_dir/NAME.pid`.
    pub fn pid_file(&self) -> PathBuf {
        self.pid_dir.join(format!("{}.pid", self.name))
    }
}

/// Connection to MySQL or MariaDB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MysqlConn {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password; empty: none.
    pub password: Secret,
    /// `my_charset`. Without use: connections speak utf8mb4.
    pub charset: String,
    /// Encryption.
    pub tls: Tls,
}

/// Connection to PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgConn {
    /// Host name, address, or directory of the Unix socket (begins with `/`).
    pub host: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// User.
    pub user: String,
    /// Password; empty: none.
    pub password: Secret,
    /// Database: `pg_database`.
    pub database: String,
    /// Encryption.
    pub tls: Tls,
}

/// Encryption of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tls {
    /// How far the server is asked for it and checked.
    pub mode: TlsMode,
    /// Certificates of the authorities to trust, PEM.
    pub ca: Option<PathBuf>,
    /// Certificate of the client, PEM.
    pub cert: Option<PathBuf>,
    /// Key of the client, PEM.
    pub key: Option<PathBuf>,
}

/// libpq's ladder of modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TlsMode {
    /// Never.
    Disable,
    /// If the server offers it; not checked.
    #[default]
    Prefer,
    /// Always; the certificate is not checked.
    Require,
    /// Always; the certificate must come from a trusted authority.
    VerifyCa,
    /// As `VerifyCa`, and the certificate must be made out to the host.
    VerifyFull,
}

/// By which way changes reach the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum ApplyMode {
    /// Through the source's two log tables.
    #[default]
    Relay,
    /// Straight to the tables, position in the same transaction.
    Direct,
}

/// What a difference between rows expected and rows touched leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnDrift {
    /// The table is held.
    #[default]
    Hold,
    /// The change is applied as far as it goes, counted and shown.
    Apply,
}

/// What a failing transform does to the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnError {
    /// The table is held.
    #[default]
    Stop,
    /// The row is left out and noted in the error table, without its values.
    DeadLetter,
}

/// Least severe level that is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[expect(missing_docs, reason = "the variants are the levels' own names")]
pub enum LogLevel {
    Error,
    Warning,
    #[default]
    Info,
    Debug,
    Trace,
}

/// Where the log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum LogDest {
    /// To the terminal.
    #[default]
    Stdout,
    /// To [`Config::log_file`], a new one every day.
    File,
}

/// One transform of the chain.
#[derive(Clone, PartialEq)]
pub struct TransformConfig {
    /// Name in messages, unique in the chain.
    pub name: String,
    /// The WebAssembly component; relative paths are from the configuration file's directory.
    pub module: PathBuf,
    /// SHA-256 that the module must have, 64 lowercase hex digits.
    pub sha256: Option<String>,
    /// Source tables it is for; `*` is all.
    pub tables: Vec<String>,
    /// What the module is configured with.
    pub config: serde_json::Value,
    /// What a failure leads to.
    pub on_error: OnError,
}

impl std::fmt::Debug for TransformConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransformConfig")
            .field("name", &self.name)
            .field("module", &self.module)
            .field("tables", &self.tables)
            .field("on_error", &self.on_error)
            .finish_non_exhaustive()
    }
}

/// Metrics and health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpConfig {
    /// Address to listen at.
    pub listen: SocketAddr,
}
