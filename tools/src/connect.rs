//! From the configuration to connections.

use chameleon_config::{Config, Tls, TlsMode};
use chameleon_mysql::Source;
use chameleon_postgres::{Client, ConnectOptions};

use crate::error::ToolsError;

/// What `pg_stat_activity` shows.
const APPLICATION_NAME: &str = "chameleon-tools";

/// The source of a configuration.
pub(crate) fn source(config: &Config) -> Source {
    let conn = &config.mysql;
    let mut options = chameleon_mysql::ConnectOptions::new(
        conn.host.as_str(),
        conn.port,
        conn.user.as_str(),
        conn.password.expose(),
    );
    let Tls {
        mode,
        ca,
        cert,
        key,
    } = conn.tls.clone();
    options.tls = chameleon_mysql::TlsOptions {
        mode: match mode {
            TlsMode::Disable => chameleon_mysql::TlsMode::Disable,
            TlsMode::Prefer => chameleon_mysql::TlsMode::Prefer,
            TlsMode::Require => chameleon_mysql::TlsMode::Require,
            TlsMode::VerifyCa => chameleon_mysql::TlsMode::VerifyCa,
            TlsMode::VerifyFull => chameleon_mysql::TlsMode::VerifyFull,
        },
        ca,
        cert,
        key,
    };
    Source {
        options,
        database: config.my_database.clone(),
    }
}

/// A session at the target of a configuration.
pub(crate) async fn target(config: &Config) -> Result<Client, ToolsError> {
    Ok(chameleon_postgres::connect(&target_options(config)).await?)
}

/// Where the target of a configuration is.
pub(crate) fn target_options(config: &Config) -> ConnectOptions {
    let conn = &config.pg;
    let mut options = ConnectOptions::new(
        conn.host.as_str(),
        conn.user.as_str(),
        conn.database.as_str(),
    );
    options.port = conn.port;
    conn.password.expose().clone_into(&mut options.password);
    options.application_name = APPLICATION_NAME.into();
    let Tls {
        mode,
        ca,
        cert,
        key,
    } = conn.tls.clone();
    options.tls = chameleon_postgres::TlsOptions {
        mode: match mode {
            TlsMode::Disable => chameleon_postgres::TlsMode::Disable,
            TlsMode::Prefer => chameleon_postgres::TlsMode::Prefer,
            TlsMode::Require => chameleon_postgres::TlsMode::Require,
            TlsMode::VerifyCa => chameleon_postgres::TlsMode::VerifyCa,
            TlsMode::VerifyFull => chameleon_postgres::TlsMode::VerifyFull,
        },
        ca,
        cert,
        key,
    };
    options
}

/// Holds the password of a URL that has none, as for the programs of PostgreSQL.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// Where the target of a URL is.
pub(crate) fn target_of_url(url: &str) -> Result<ConnectOptions, ToolsError> {
    let mut options = ConnectOptions::from_url(url)?;
    if options.password.is_empty() {
        options.password = std::env::var(PASSWORD_VARIABLE).unwrap_or_default();
    }
    options.application_name = APPLICATION_NAME.into();
    Ok(options)
}
