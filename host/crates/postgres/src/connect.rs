//! Sessions at the target.
//!
//! A session sets `standard_conforming_strings`, `client_min_messages` and an application name. It
//! never sets TimeZone: the catalog's timestamps are in the server's own.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls, Socket};

use crate::error::{Failure, PostgresError};
use crate::tls::WatchedTls;

/// Idle time after which the kernel asks whether the server is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between two such questions; the third without an answer ends the connection.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// Longest time that sent bytes may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
/// What every session is set to. TimeZone is not among it, see the module.
const SESSION: &str = "set standard_conforming_strings = on; set client_min_messages = warning";

/// During a long statement the server notices that its client is gone, ends it and gives its locks
/// back: from PostgreSQL 14 on, where its system can tell.
const WATCH_CLIENT: &str = "set client_connection_check_interval = '1s'";

/// How far the connection is protected; the words are libpq's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS where the server offers it; the certificate is not checked.
    #[default]
    Prefer,
    /// TLS or nothing; the certificate is checked only where an authority is given.
    Require,
    /// TLS with a certificate of a known authority, whatever host it names.
    VerifyCa,
    /// TLS with a certificate of a known authority for this host.
    VerifyFull,
}

/// TLS of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// How far the connection is protected.
    pub mode: TlsMode,
    /// Authorities in PEM; without it the system's.
    pub ca: Option<PathBuf>,
    /// Client certificate in PEM.
    pub cert: Option<PathBuf>,
    /// Its key in PEM.
    pub key: Option<PathBuf>,
}

/// Where and how to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Host name, address, or directory of a Unix socket.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Role.
    pub user: String,
    /// Password; empty sends none. Never printed.
    pub password: String,
    /// Database.
    pub database: String,
    /// TLS.
    pub tls: TlsOptions,
    /// What `pg_stat_activity` shows.
    pub application_name: String,
    /// Longest wait for the connection and the login, over all addresses of the host.
    pub connect_timeout: Duration,
}

impl ConnectOptions {
    /// Options for a host, with port 5432, no password, TLS preferred and ten seconds.
    pub fn new(
        host: impl Into<String>,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            host: host.into(),
            port: 5432,
            user: user.into(),
            password: String::new(),
            database: database.into(),
            tls: TlsOptions::default(),
            application_name: "chameleon".into(),
            connect_timeout: Duration::from_secs(10),
        }
    }

    /// Reads `postgres://user:password@host:port/database?sslmode=...` or a `key=value` string.
    /// Of several hosts the first is taken; `sslmode` is one of disable, prefer, require, verify-ca
    /// and verify-full.
    ///
    /// # Errors
    /// [`PostgresError::Url`], which does not repeat the URL.
    pub fn from_url(url: &str) -> Result<Self, PostgresError> {
        let bad = |reason: &str| PostgresError::Url {
            reason: reason.to_owned(),
        };
        let (url, mode) = take_tls_mode(url).ok_or_else(|| bad("sslmode is none of the five"))?;
        let config: Config = url
            .parse()
            .map_err(|_| bad("it is neither a URL nor a list of key=value"))?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => match config.get_hostaddrs().first() {
                Some(address) => address.to_string(),
                None => return Err(bad("it names no host")),
            },
        };
        let user = config.get_user().unwrap_or("postgres");
        let mut options = Self::new(host, user, config.get_dbname().unwrap_or(user));
        options.port = config.get_ports().first().copied().unwrap_or(5432);
        options.password = match config.get_password() {
            Some(bytes) => {
                String::from_utf8(bytes.to_vec()).map_err(|_| bad("the password is not UTF-8"))?
            }
            None => String::new(),
        };
        options.tls.mode = mode;
        if let Some(name) = config.get_application_name() {
            options.application_name = name.to_owned();
        }
        if let Some(&timeout) = config.get_connect_timeout() {
            options.connect_timeout = timeout;
        }
        Ok(options)
    }

    /// `user@host:port/database`.
    fn target(&self) -> String {
        let (user, host, port, database) = (&self.user, &self.host, self.port, &self.database);
        format!("{user}@{host}:{port}/{database}")
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.database)
            .application_name(&self.application_name)
            .connect_timeout(self.connect_timeout)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives(true)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(3)
            .ssl_mode(match self.tls.mode {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Prefer => SslMode::Prefer,
                TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
            });
        if !self.password.is_empty() {
            config.password(&self.password);
        }
        config
    }
}

/// Takes `sslmode` out of a URL or key=value string, because the driver knows only three of its
/// words. `None`: it is none of the five.
fn take_tls_mode(url: &str) -> Option<(String, TlsMode)> {
    let Some(at) = url.find("sslmode=") else {
        return Some((url.to_owned(), TlsMode::default()));
    };
    let rest = &url[at + "sslmode=".len()..];
    let end = rest.find(['&', ' ']).unwrap_or(rest.len());
    let mode = match &rest[..end] {
        "disable" => TlsMode::Disable,
        "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-ca" => TlsMode::VerifyCa,
        "verify-full" => TlsMode::VerifyFull,
        _ => return None,
    };
    let after = rest[end..].strip_prefix(['&', ' ']).unwrap_or(&rest[end..]);
    Some((format!("{}{after}", &url[..at]), mode))
}

impl std::fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("password", &"***")
            .field("database", &self.database)
            .field("tls", &self.tls)
            .field("application_name", &self.application_name)
            .field("connect_timeout", &self.connect_timeout)
            .finish()
    }
}

/// Opens a session; a task of its own drives the connection until the client is dropped.
///
/// # Errors
/// The target does not answer or refuses the login, TLS cannot be had or its certificate is not
/// accepted.
pub async fn connect(options: &ConnectOptions) -> Result<Client, PostgresError> {
    match tokio::time::timeout(options.connect_timeout, open(options)).await {
        Ok(result) => result,
        Err(_) => Err(PostgresError::ConnectTimeout {
            target: options.target(),
            seconds: options.connect_timeout.as_secs(),
        }),
    }
}

async fn open(options: &ConnectOptions) -> Result<Client, PostgresError> {
    let config = options.config();
    let client = if options.tls.mode == TlsMode::Disable {
        let (client, connection) = config
            .connect(NoTls)
            .await
            .map_err(|e| refused(options, None, &e))?;
        drive(connection);
        client
    } else {
        let tls = WatchedTls::new(&options.tls)?;
        let (client, connection) = config
            .connect(tls.clone())
            .await
            .map_err(|e| refused(options, Some(&tls), &e))?;
        drive(connection);
        client
    };
    client
        .batch_execute(SESSION)
        .await
        .map_err(|e| PostgresError::Connect {
            target: options.target(),
            source: Failure::from(&e),
        })?;
    // what the server answers does not matter
    let _ = client.batch_execute(WATCH_CLIENT).await;
    Ok(client)
}

/// Runs the connection until the client is dropped. What ends it early is reported to whoever uses
/// the client next, so it is only traced here.
fn drive<T>(connection: tokio_postgres::Connection<Socket, T>)
where
    T: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %Failure::from(&error), "connection to the target ended");
        }
    });
}

/// Why no connection came about. A server without TLS is told from other failures by the handshake
/// that was never asked for.
fn refused(
    options: &ConnectOptions,
    tls: Option<&WatchedTls>,
    error: &tokio_postgres::Error,
) -> PostgresError {
    let target = options.target();
    let mut cause = error.source();
    let mut from_network = false;
    while let Some(inner) = cause {
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            let reason = tls.to_string();
            return match tls {
                rustls::Error::InvalidCertificate(_) => {
                    PostgresError::Certificate { target, reason }
                }
                _ => PostgresError::Handshake { target, reason },
            };
        }
        from_network |= inner.is::<std::io::Error>();
        // an I/O error passes its payload's source on, not the payload itself
        cause = inner
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .map(|payload| payload as &(dyn std::error::Error + 'static))
            .or_else(|| inner.source());
    }
    let insists = !matches!(options.tls.mode, TlsMode::Disable | TlsMode::Prefer);
    let answered = error.as_db_error().is_none() && !from_network && error.source().is_some();
    if insists && answered && tls.is_some_and(|tls| !tls.was_asked()) {
        return PostgresError::NoTls { target };
    }
    PostgresError::Connect {
        target,
        source: Failure::from(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_all_parts() {
        let options = ConnectOptions::from_url(
            "postgres://ann:p%40ss@db.example:6432/shop?sslmode=verify-full&application_name=x",
        )
        .unwrap();
        assert_eq!(options.target(), "ann@db.example:6432/shop");
        assert_eq!(options.password, "p@ss");
        assert_eq!(options.tls.mode, TlsMode::VerifyFull);
        assert_eq!(options.application_name, "x");
        let options = ConnectOptions::from_url("postgres://u@h/d?sslmode=require").unwrap();
        assert_eq!(
            (options.target().as_str(), options.tls.mode),
            ("u@h:5432/d", TlsMode::Require)
        );
        assert!(ConnectOptions::from_url("postgres://u@h/d?sslmode=allow").is_err());
        let options =
            ConnectOptions::from_url("host=/run/pg user=ann sslmode=disable dbname=d").unwrap();
        assert_eq!(
            (options.host.as_str(), options.database.as_str()),
            ("/run/pg", "d")
        );
        assert_eq!(options.tls.mode, TlsMode::Disable);
    }

    #[test]
    fn a_password_is_printed_nowhere() {
        let mut options = ConnectOptions::new("h", "u", "d");
        options.password = "hunter2".into();
        assert!(!format!("{options:?}").contains("hunter2"));
        let bad = ConnectOptions::from_url("postgres://u:hunter2@h:port/d").unwrap_err();
        assert!(!format!("{bad} {bad:?}").contains("hunter2"));
    }
}
