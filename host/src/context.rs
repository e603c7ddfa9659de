//! What a command works with: one configuration, resolved.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chameleon_catalog::{CatalogState, SourceId, SourceRow, sessions, upgrade};
use chameleon_config::{Config, Home, MysqlConn, OnError, PgConn, TransformConfig};
use chameleon_ddl::Mapping;
use chameleon_diag::Report;
use chameleon_model::{ExtensionTypes, MappingRules};
use chameleon_mysql::{Source, SourceConn, TableSelection};
use chameleon_postgres::introspect::extension_types;
use chameleon_postgres::lock::Session;
use chameleon_postgres::{Client, ConnectOptions};
use chameleon_transform::{Chain, Engine, Secrets, Spec};

use crate::cli::GlobalOptions;
use crate::error::HostError;
use crate::output::Output;

/// One configuration and what follows from it. Its `Debug` shows no password.
#[derive(Clone, Debug)]
pub struct Context {
    /// The configuration.
    pub config: Arc<Config>,
    /// Warnings and notes of the configuration file.
    pub warnings: Report,
    /// How to reach the source, and which database of it.
    pub source: Source,
    /// How to reach the target. Sessions are named `chameleon SOURCE`.
    pub target: ConnectOptions,
    /// Tables that take part.
    pub selection: TableSelection,
    /// Its transforms, once they were asked for.
    transforms: LoadedChain,
    /// What the target has, once it was reached.
    extensions: Arc<OnceLock<ExtensionTypes>>,
    /// How much is said, and in which form.
    pub output: Output,
}

/// Clones share one chain.
#[derive(Clone, Default)]
struct LoadedChain(Arc<Mutex<Option<Chain>>>);

impl std::fmt::Debug for LoadedChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedChain").finish_non_exhaustive()
    }
}

fn spec(transform: &TransformConfig) -> Spec {
    Spec {
        name: transform.name.clone(),
        module: transform.module.clone(),
        sha256: transform.sha256.clone(),
        tables: transform.tables.clone(),
        config: transform.config.clone(),
        on_error: match transform.on_error {
            OnError::Stop => chameleon_transform::OnError::Stop,
            OnError::DeadLetter => chameleon_transform::OnError::DeadLetter,
        },
    }
}

/// What a command does to the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads: a catalog that the real pg_chameleon 1.3 made stays as it is.
    Read,
    /// Writes: such a catalog is completed first.
    Write,
}

impl Context {
    /// Loads a configuration file.
    ///
    /// # Errors
    /// CFG001, CFG002.
    pub fn load(path: &Path, output: Output) -> Result<Self, HostError> {
        let (config, warnings) = chameleon_config::load(path)?;
        let source = Source {
            options: source_options(&config.mysql),
            database: config.my_database.clone(),
        };
        Ok(Self {
            source,
            target: target_options(&config.pg, &format!("chameleon {}", config.source_name)),
            selection: TableSelection {
                limit: config.tables_limit.clone(),
                skip: config.skip_tables.clone(),
            },
            transforms: LoadedChain::default(),
            extensions: Arc::default(),
            config: Arc::new(config),
            warnings,
            output,
        })
    }

    /// Name of the source.
    #[expect(
        clippy::misnamed_getters,
        reason = "the configuration's own name is its file's"
    )]
    pub fn name(&self) -> &str {
        &self.config.source_name
    }

    /// The mapping of types and names, which has learnt no tables yet.
    pub fn mapping(&self) -> Mapping {
        Mapping::new(&self.config.dest_schema, self.rules())
    }

    /// The configuration's rules, with what the target has; of that nothing is known before the first
    /// session there.
    pub fn rules(&self) -> MappingRules {
        MappingRules {
            extensions: self.extensions.get().cloned().unwrap_or_default(),
            ..self.config.rules.clone()
        }
    }

    /// Opens a session at the source.
    ///
    /// # Errors
    /// SRC001, SRC002, TLS001-TLS004.
    pub async fn connect_source(&self) -> Result<SourceConn, HostError> {
        Ok(self.source.connect().await?)
    }

    /// Opens a session at the target.
    ///
    /// # Errors
    /// TGT001, TGT002, TLS001-TLS004.
    pub async fn connect_target(&self) -> Result<Client, HostError> {
        let client = chameleon_postgres::connect(&self.target).await?;
        if self.extensions.get().is_none() {
            let found = extension_types(&client).await?;
            self.extensions.get_or_init(|| found);
        }
        Ok(client)
    }

    /// Opens a session at the target and goes on only where the catalog is of version 1.3. To be
    /// written, an older catalog is upgraded, and one that pg_chameleon 1.3 made gets the tables
    /// that are missing, unless `auto_upgrade` is off.
    ///
    /// # Errors
    /// Those of [`Context::connect_target`]; CAT001-CAT005; those of [`crate::upgrade::upgrade`].
    pub async fn open_catalog(&self, access: Access) -> Result<Client, HostError> {
        let client = self.connect_target().await?;
        if let Some(session) = upgrade::upgrading(&client).await? {
            // its tables are locked then: whoever looks waits as well, and may know why
            let who = upgrade::session_in_words(&session);
            self.output
                .note(&format!("waits for the upgrade of the catalog by {who}\n"));
        }
        let state = chameleon_catalog::version(&client).await?;
        if access == Access::Read && state == CatalogState::V13Original {
            return Ok(client);
        }
        let upgrades = matches!(
            state,
            CatalogState::V12 | CatalogState::Halfway | CatalogState::V13Original
        );
        if access == Access::Write && upgrades && self.config.auto_upgrade {
            // boxed: an upgrade needs much room, and nearly every call goes without
            if let Some(upgraded) = Box::pin(crate::upgrade::upgrade(self, false)).await? {
                self.output.note(&upgraded.text());
            }
        }
        chameleon_catalog::require_current(&client).await?;
        Ok(client)
    }

    /// The source's row of the catalog.
    ///
    /// # Errors
    /// CAT007 where it is not registered.
    pub async fn source_row(&self, client: &Client) -> Result<SourceRow, HostError> {
        Ok(chameleon_catalog::source(client, self.name()).await?)
    }

    /// The session of the source's replica, where one of ours is alive.
    ///
    /// # Errors
    /// What the target says.
    pub async fn replica_alive(
        &self,
        client: &Client,
        source: SourceId,
    ) -> Result<Option<Session>, HostError> {
        Ok(sessions::replica_holder(client, source).await?)
    }

    /// Goes on only where no replica of the source is alive, neither ours nor one of 1.x.
    ///
    /// # Errors
    /// CAT012, CAT013.
    pub async fn require_idle(
        &self,
        client: &Client,
        source: SourceId,
        attempt: &'static str,
    ) -> Result<(), HostError> {
        if let Some(session) = self.replica_alive(client, source).await? {
            return Err(HostError::ReplicaAlive {
                attempt,
                source_name: self.name().to_owned(),
                session: session_text(&session),
            });
        }
        self.require_no_predecessor(client, attempt).await
    }

    /// Goes on only where no 1.x works for the source.
    ///
    /// # Errors
    /// CAT013.
    pub async fn require_no_predecessor(
        &self,
        client: &Client,
        attempt: &'static str,
    ) -> Result<(), HostError> {
        let all = sessions::predecessor_sessions(client).await?;
        match sessions::may_work_for(&all, self.name()).next() {
            Some(found) => Err(HostError::PredecessorAlive {
                attempt,
                session: session_text(&found.session),
            }),
            None => Ok(()),
        }
    }

    /// The chain of transforms; `None` where none is configured. Loaded when it is first asked for.
    ///
    /// # Errors
    /// TRF001-TRF010: a module is not what it should be, or does not take its configuration.
    pub(crate) fn chain(&self) -> Result<Option<Chain>, HostError> {
        if self.config.transforms.is_empty() {
            return Ok(None);
        }
        let mut loaded = self
            .transforms
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if loaded.is_none() {
            *loaded = Some(self.load_chain()?);
        }
        Ok(loaded.clone())
    }

    fn load_chain(&self) -> Result<Chain, HostError> {
        let specs: Vec<Spec> = self.config.transforms.iter().map(spec).collect();
        let secrets = self.config.secrets.iter();
        let secrets: Secrets = secrets
            .map(|(name, secret)| (name.clone(), secret.expose().as_bytes().to_vec()))
            .collect();
        let engine = Engine::new(&self.home_dir()?.join("cache"))?;
        Ok(Chain::load(&engine, &specs, &secrets)?)
    }

    /// The home directory that the configuration lies in, else the user's.
    pub(crate) fn home_dir(&self) -> Result<PathBuf, HostError> {
        let directory = self.config.path.parent();
        let home = directory
            .filter(|d| d.file_name().is_some_and(|name| name == "config"))
            .and_then(Path::parent)
            .filter(|home| !home.as_os_str().is_empty());
        Ok(match home {
            Some(home) => home.to_path_buf(),
            None => Home::resolve(None)?.path().to_path_buf(),
        })
    }

    /// What tells the target database from others: host, port, database.
    pub fn target_key(&self) -> (String, u16, String) {
        let pg = &self.config.pg;
        (pg.host.clone(), pg.port, pg.database.clone())
    }
}

/// Commits; `attempt` says what.
///
/// # Errors
/// What PostgreSQL says; then nothing of the transaction is there, unless the connection was lost.
pub async fn commit(
    transaction: chameleon_postgres::Transaction<'_>,
    attempt: &str,
) -> Result<(), HostError> {
    let committed = transaction.commit().await;
    committed.map_err(|error| chameleon_postgres::PostgresError::statement(attempt, &error).into())
}

/// A session in words: `pid 4711, chameleon shop, from 10.0.0.7`.
pub fn session_text(session: &Session) -> String {
    let mut text = format!("pid {}", session.pid);
    if !session.application_name.is_empty() {
        text.push_str(&format!(", {}", session.application_name));
    }
    if let Some(address) = &session.client_addr {
        text.push_str(&format!(", from {address}"));
    }
    text
}

/// Paths of the configurations that the options name.
///
/// # Errors
/// CFG012 without a home directory, CFG061 where `--all` finds nothing.
pub fn config_paths(options: &GlobalOptions) -> Result<Vec<std::path::PathBuf>, HostError> {
    let home = Home::resolve(options.home.as_deref())?;
    if options.all {
        let paths = home.all_configs()?;
        if paths.is_empty() {
            return Err(HostError::NoConfigs {
                directory: home.path().join("config"),
            });
        }
        return Ok(paths);
    }
    if options.configs.is_empty() {
        return Ok(vec![home.config_path("default")]);
    }
    let mut paths = Vec::new();
    for value in &options.configs {
        let path = home.config_path(value);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn source_options(conn: &MysqlConn) -> chameleon_mysql::ConnectOptions {
    use chameleon_config::TlsMode as From;
    use chameleon_mysql::{ConnectOptions, TlsMode, TlsOptions};
    let mut options =
        ConnectOptions::new(&conn.host, conn.port, &conn.user, conn.password.expose());
    options.tls = TlsOptions {
        mode: match conn.tls.mode {
            From::Disable => TlsMode::Disable,
            From::Prefer => TlsMode::Prefer,
            From::Require => TlsMode::Require,
            From::VerifyCa => TlsMode::VerifyCa,
            From::VerifyFull => TlsMode::VerifyFull,
        },
        ca: conn.tls.ca.clone(),
        cert: conn.tls.cert.clone(),
        key: conn.tls.key.clone(),
    };
    options
}

fn target_options(conn: &PgConn, application_name: &str) -> ConnectOptions {
    use chameleon_config::TlsMode as From;
    use chameleon_postgres::{TlsMode, TlsOptions};
    let mut options = ConnectOptions::new(&conn.host, &conn.user, &conn.database);
    options.port = conn.port;
    options.password = conn.password.expose().to_owned();
    options.application_name = application_name.to_owned();
    options.tls = TlsOptions {
        mode: match conn.tls.mode {
            From::Disable => TlsMode::Disable,
            From::Prefer => TlsMode::Prefer,
            From::Require => TlsMode::Require,
            From::VerifyCa => TlsMode::VerifyCa,
            From::VerifyFull => TlsMode::VerifyFull,
        },
        ca: conn.tls.ca.clone(),
        cert: conn.tls.cert.clone(),
        key: conn.tls.key.clone(),
    };
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(directory: &Path) -> Context {
        let path = directory.join("shop.yaml");
        let text = "source_name: shop\nmy_database: shop\npg_database: warehouse\n\
                    dest_schema: shop\nskip_tables: [x]\n\
                    mysql_conn: {host: my, user: u, passwd: geheim, tls: {mode: verify-ca}}\n\
                    pg_conn: {host: pg, port: 6432, user: u, password: geheim}\n";
        std::fs::write(&path, text).unwrap();
        Context::load(&path, Output::default()).unwrap()
    }

    #[test]
    fn a_context_carries_the_connections_and_shows_no_password() {
        let directory = tempfile::tempdir().unwrap();
        let cx = context(directory.path());
        assert_eq!(cx.source.options.password, "geheim");
        assert_eq!(
            cx.source.options.tls.mode,
            chameleon_mysql::TlsMode::VerifyCa
        );
        assert_eq!(
            (cx.target.port, cx.target.database.as_str()),
            (6432, "warehouse")
        );
        assert_eq!(cx.target.application_name, "chameleon shop");
        assert!(cx.selection.matches("a") && !cx.selection.matches("x"));
        assert!(!format!("{cx:?}").contains("geheim"));
    }

    #[test]
    fn a_configuration_named_twice_is_taken_once() {
        let options = GlobalOptions {
            configs: vec!["a".into(), "a".into(), "./b.yaml".into()],
            home: Some("/h".into()),
            ..GlobalOptions::default()
        };
        let paths = config_paths(&options).unwrap();
        assert_eq!(
            paths,
            [Path::new("/h/config/a.yaml"), Path::new("./b.yaml")]
        );
    }
}
