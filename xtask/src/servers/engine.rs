//! Database engines by name: `mariadb11.8`, `mysql9`, `postgres17`. An engine knows where it can be had from:
//! an environment variable, a container image, or (for some) packages of a Debian suite.

use std::{fmt, str::FromStr};

use anyhow::{Result, bail};

/// The family of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// MySQL of Oracle.
    MySql,
    /// MariaDB.
    MariaDb,
    /// PostgreSQL.
    Postgres,
}

impl Kind {
    /// The word that engine names, image names and trees use.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::MySql => "mysql",
            Kind::MariaDb => "mariadb",
            Kind::Postgres => "postgres",
        }
    }

    /// The port inside a container.
    pub(crate) fn container_port(self) -> u16 {
        match self {
            Kind::MySql | Kind::MariaDb => 3306,
            Kind::Postgres => 5432,
        }
    }
}

/// One engine in one version, as tests name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Engine {
    /// The family.
    pub(crate) kind: Kind,
    /// The version as in the public image's tag, such as `10.11`.
    pub(crate) version: String,
}

/// Where an engine's packages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packages {
    /// The Debian suite.
    pub(crate) suite: &'static str,
    /// The package that holds the server; its version is the engine's resolved version.
    pub(crate) server: &'static str,
    /// What else the tree needs.
    pub(crate) more: &'static [&'static str],
}

/// The engines that can be had from Debian packages, so without a container registry.
const PACKAGED: &[(&str, Packages)] = &[
    (
        "mariadb10.11",
        Packages {
            suite: "bookworm",
            server: "mariadb-server-core",
            more: USERLAND,
        },
    ),
    (
        "mariadb11.8",
        Packages {
            suite: "trixie",
            server: "mariadb-server-core",
            more: USERLAND,
        },
    ),
    (
        "mysql9",
        Packages {
            suite: "sid",
            server: "mysql-server-core",
            more: USERLAND,
        },
    ),
    (
        "postgres15",
        Packages {
            suite: "bookworm",
            server: "postgresql-15",
            more: WITH_LOCALES,
        },
    ),
    (
        "postgres17",
        Packages {
            suite: "trixie",
            server: "postgresql-17",
            more: WITH_LOCALES,
        },
    ),
    (
        "postgres18",
        Packages {
            suite: "sid",
            server: "postgresql-18",
            more: WITH_LOCALES,
        },
    ),
];
const USERLAND: &[&str] = &["busybox-static"];
/// `libc-bin` holds the locale C.UTF-8.
const WITH_LOCALES: &[&str] = &["busybox-static", "libc-bin"];

impl Engine {
    /// The source that demo and test use when none is named.
    pub(crate) fn default_source() -> Self {
        Engine {
            kind: Kind::MariaDb,
            version: "11.8".into(),
        }
    }

    /// The target that demo and test use when none is named; of the same suite as the default source.
    pub(crate) fn default_target() -> Self {
        Engine {
            kind: Kind::Postgres,
            version: "17".into(),
        }
    }

    /// All engines that can be had from packages.
    pub(crate) fn packaged() -> Vec<Engine> {
        PACKAGED
            .iter()
            .filter_map(|(name, _)| name.parse().ok())
            .collect()
    }

    /// The packages of this engine, if a known suite holds them.
    pub(crate) fn packages(&self) -> Option<Packages> {
        let name = self.to_string();
        PACKAGED
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, packages)| *packages)
    }

    /// The environment variable that names a server of this engine, such as `MARIADB1011_URL`.
    pub(crate) fn url_variable(&self) -> String {
        format!("{}_URL", self.variable_stem())
    }

    /// The environment variable that names another image, such as `MYSQL84_IMAGE`.
    pub(crate) fn image_variable(&self) -> String {
        format!("{}_IMAGE", self.variable_stem())
    }

    /// The public image.
    pub(crate) fn public_image(&self) -> String {
        format!("{}:{}", self.kind.word(), self.version)
    }

    /// The image that `cargo xtask images` makes.
    pub(crate) fn local_image(&self) -> String {
        format!("chameleon-test/{}:{}", self.kind.word(), self.version)
    }

    fn variable_stem(&self) -> String {
        self.to_string().to_uppercase().replace('.', "")
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind.word(), self.version)
    }
}

impl FromStr for Engine {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        for kind in [Kind::MySql, Kind::MariaDb, Kind::Postgres] {
            if let Some(version) = text.strip_prefix(kind.word())
                && version.starts_with(|c: char| c.is_ascii_digit())
            {
                return Ok(Engine {
                    kind,
                    version: version.into(),
                });
            }
        }
        bail!("`{text}` is no engine: write for example mariadb11.8, mysql9 or postgres17")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_read_and_written_alike_and_names_its_variables() {
        for name in ["mariadb10.11", "mysql8.4", "mysql9", "postgres18"] {
            let engine: Engine = name.parse().expect(name);
            assert_eq!(engine.to_string(), name);
        }
        let engine: Engine = "mariadb10.11".parse().expect("engine");
        assert_eq!(engine.url_variable(), "MARIADB1011_URL");
        assert_eq!(engine.public_image(), "mariadb:10.11");
        assert!("oracle23".parse::<Engine>().is_err());
        assert!("mysql".parse::<Engine>().is_err());
    }

    #[test]
    fn the_default_pair_is_packaged_in_one_suite() {
        let source = Engine::default_source().packages().expect("source");
        let target = Engine::default_target().packages().expect("target");
        assert_eq!(source.suite, target.suite);
    }
}
