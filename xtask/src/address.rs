//! Where a server is and who we are there: read from and written as a URL, and turned into connections.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail};
use mysql_async::{Conn, OptsBuilder, prelude::Queryable};
use tokio::time::timeout;
use tokio_postgres::{Client, NoTls};

use crate::servers::engine::Kind;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server's place with the user to connect as.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    scheme: Scheme,
    /// A name or a number.
    pub(crate) host: String,
    /// The TCP port.
    pub(crate) port: u16,
    /// The user.
    pub(crate) user: String,
    /// The password; not shown by Debug.
    pub(crate) password: String,
    /// The database; may be empty with MySQL.
    pub(crate) database: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    MySql,
    Postgres,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}@{}/{}",
            self.user,
            self.host_and_port(),
            self.database
        )
    }
}

impl Address {
    /// A server on this machine.
    pub(crate) fn local(kind: Kind, port: u16, user: &str, password: &str, database: &str) -> Self {
        Address {
            scheme: if kind == Kind::Postgres {
                Scheme::Postgres
            } else {
                Scheme::MySql
            },
            host: "127.0.0.1".into(),
            port,
            user: user.into(),
            password: password.into(),
            database: database.into(),
        }
    }

    /// Reads `mysql://user:password@host:port/database` or the same with `postgres`; the parts may be
    /// percent-encoded.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .context("a server URL has the form mysql://… or postgres://…")?;
        let (scheme, default_port, default_user) = match scheme {
            "mysql" | "mariadb" => (Scheme::MySql, 3306, "root"),
            "postgres" | "postgresql" => (Scheme::Postgres, 5432, "postgres"),
            other => bail!("`{other}` is no known kind of server URL"),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, place) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().context("the port of a server URL")?),
            None => (place, default_port),
        };
        Ok(Address {
            scheme,
            host: host.into(),
            port,
            user: decode(if user.is_empty() { default_user } else { user })?,
            password: decode(password)?,
            database: decode(path.split('?').next().unwrap_or_default())?,
        })
    }

    /// The URL, with the password.
    pub(crate) fn url(&self) -> String {
        let scheme = match self.scheme {
            Scheme::MySql => "mysql",
            Scheme::Postgres => "postgres",
        };
        let (user, password, database) = (
            encode(&self.user),
            encode(&self.password),
            encode(&self.database),
        );
        format!(
            "{scheme}://{user}:{password}@{}/{database}",
            self.host_and_port()
        )
    }

    /// `host:port`.
    pub(crate) fn host_and_port(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The same server through another place, as through a proxy.
    pub(crate) fn through(&self, place: SocketAddr) -> Self {
        Address {
            host: place.ip().to_string(),
            port: place.port(),
            ..self.clone()
        }
    }

    /// The same server, another database.
    pub(crate) fn database(&self, database: &str) -> Self {
        Address {
            database: database.into(),
            ..self.clone()
        }
    }

    /// The place as a socket address.
    pub(crate) async fn resolve(&self) -> Result<SocketAddr> {
        let mut found = tokio::net::lookup_host(self.host_and_port()).await?;
        found
            .next()
            .with_context(|| format!("{} has no address", self.host))
    }

    /// A connection to MySQL or MariaDB, in UTC.
    pub(crate) async fn mysql(&self) -> Result<Conn> {
        let options = OptsBuilder::default()
            .ip_or_hostname(self.host.clone())
            .tcp_port(self.port)
            .user(Some(self.user.clone()))
            .pass(Some(self.password.clone()))
            .db_name(Some(self.database.clone()).filter(|name| !name.is_empty()))
            .prefer_socket(false)
            .init(vec!["set time_zone = '+00:00'", "set names utf8mb4"]);
        let connected = timeout(CONNECT_TIMEOUT, Conn::new(options)).await;
        connected
            .context("connecting took too long")
            .and_then(|connected| connected.map_err(Into::into))
            .with_context(|| format!("cannot connect to {self:?}"))
    }

    /// The end of the source's binlog: file and position.
    pub(crate) async fn binlog_end(&self) -> Result<(String, u64)> {
        let mut connection = self.mysql().await?;
        // MySQL has no `master` any more, and MariaDB has nothing else.
        let mut row: Option<mysql_async::Row> = None;
        for question in ["show binary log status", "show master status"] {
            if let Ok(answer) = connection.query_first(question).await {
                row = answer;
                break;
            }
        }
        connection.disconnect().await?;
        let row = row.context("the source shows no binlog")?;
        let file = row.get("File").context("a binlog without a name")?;
        Ok((
            file,
            row.get("Position").context("a binlog without a position")?,
        ))
    }

    /// A connection to PostgreSQL; the session ends when the client is dropped.
    pub(crate) async fn postgres(&self) -> Result<Client> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .password(&self.password)
            .dbname(&self.database)
            .application_name("xtask")
            .connect_timeout(CONNECT_TIMEOUT);
        let (client, connection) = timeout(CONNECT_TIMEOUT, config.connect(NoTls))
            .await
            .context("connecting took too long")
            .and_then(|connected| connected.map_err(Into::into))
            .with_context(|| format!("cannot connect to {self:?}"))?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// What the server calls its version; fails while it does not accept connections.
    pub(crate) async fn server_version(&self, kind: Kind) -> Result<String> {
        match kind {
            Kind::Postgres => {
                let client = self.postgres().await?;
                Ok(client.query_one("show server_version", &[]).await?.get(0))
            }
            Kind::MySql | Kind::MariaDb => {
                let mut connection = self.mysql().await?;
                let version: Option<String> = connection.query_first("select version()").await?;
                connection.disconnect().await?;
                version.context("no version")
            }
        }
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (digits, tail) = rest
            .split_at_checked(2)
            .context("a percent sign without two digits")?;
        let digits = std::str::from_utf8(digits).context("a percent sign without two digits")?;
        bytes.push(u8::from_str_radix(digits, 16).context("a percent sign without two digits")?);
        rest = tail;
    }
    String::from_utf8(bytes).context("a server URL must be UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_written_alike() {
        for url in [
            "mysql://root:pw@127.0.0.1:33010/",
            "postgres://u%40x:p%2Fw@db.example:5432/shop",
        ] {
            assert_eq!(Address::parse(url).expect(url).url(), url);
        }
        let address = Address::parse("postgres://h/d?sslmode=disable").expect("short form");
        assert_eq!(
            (
                address.port,
                address.user.as_str(),
                address.database.as_str()
            ),
            (5432, "postgres", "d")
        );
        assert!(Address::parse("oracle://h/d").is_err());
    }

    #[test]
    fn debug_shows_no_password() {
        let address = Address::parse("mysql://root:secret@h:1/d").expect("url");
        assert!(!format!("{address:?}").contains("secret"));
    }
}
