//! What every scenario plays on: a source database, a target database, a configured replica between them, and
//! a marker table that tells when all that was written before has arrived.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{Setting, oracle};
use crate::{
    address::Address,
    replica::{Host, Replica, Settings},
    servers::Server,
};

/// How long changes may take to arrive, unless the network is made slow.
pub(super) const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

const MARKER_TABLE: &str = "arrival_marker";

/// The schema of all replicas.
const DEST_SCHEMA: &str = "replica";

/// How changes are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Through the log tables.
    Relay,
    /// Straight to the tables.
    Direct,
}

/// The servers of a scenario.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) source: &'a Server,
    pub(super) target: &'a Server,
}

/// Where the replica connects to, if not to the servers themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Detour {
    pub(super) source: Option<Address>,
    pub(super) target: Option<Address>,
}

/// Databases and a replica, for one scenario. The databases are dropped when the scenario ends well.
#[derive(Debug)]
pub(super) struct Stage {
    /// The source's database, directly.
    pub(super) source: Address,
    /// The target's database, directly.
    pub(super) target: Address,
    /// The replica between them.
    pub(super) replica: Replica,
    settings: Settings,
    marker: u64,
}

impl Stage {
    /// Makes the target database and the configuration. The source database is made by what fills it; call
    /// `add_marker` then.
    pub(super) async fn set(
        pair: Pair<'_>,
        setting: &Setting<'_>,
        mode: Mode,
        detour: Detour,
    ) -> Result<Self> {
        let scenario = setting
            .home
            .file_name()
            .context("a home without a name")?
            .to_string_lossy();
        let name: String = scenario
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        let database = format!("{name}_{}", std::process::id());
        let source = pair.source.address.database(&database);
        let target = pair.target.address.database(&database);
        let create = format!("create database {database}");
        pair.target
            .address
            .postgres()
            .await?
            .batch_execute(&create)
            .await?;
        let via = |detour: Option<Address>, direct: &Address| {
            detour.map_or_else(|| direct.clone(), |address| address.database(&database))
        };
        let settings = Settings {
            name,
            source: via(detour.source, &source),
            target: via(detour.target, &target),
            dest_schema: DEST_SCHEMA.into(),
            more: match mode {
                Mode::Relay => "apply: relay\n".into(),
                Mode::Direct => "apply: direct\n".into(),
            },
        };
        let replica = Replica::configure(setting.binaries, setting.home, &settings)?;
        Ok(Stage {
            source,
            target,
            replica,
            settings,
            marker: 0,
        })
    }

    /// Adds lines to the configuration; they stay until the next call.
    pub(super) fn reconfigure(&mut self, setting: &Setting<'_>, more: &str) -> Result<()> {
        let mut settings = self.settings.clone();
        settings.more.push_str(more);
        self.replica = Replica::configure(setting.binaries, setting.home, &settings)?;
        Ok(())
    }

    /// A second replica in the same home and target database: another source with a schema of its own.
    pub(super) fn second_replica(
        &self,
        setting: &Setting<'_>,
        source: Address,
        name: &str,
    ) -> Result<Replica> {
        let settings = Settings {
            name: name.into(),
            source,
            dest_schema: name.into(),
            ..self.settings.clone()
        };
        Replica::configure(setting.binaries, setting.home, &settings)
    }

    /// Adds the marker table to the filled source database.
    pub(super) async fn add_marker(&self) -> Result<()> {
        let mut connection = self.source.mysql().await?;
        connection
            .query_drop(format!(
                "create table {MARKER_TABLE} (id bigint unsigned not null primary key)"
            ))
            .await?;
        Ok(connection.disconnect().await?)
    }

    /// Catalog, source and first copy.
    pub(super) async fn initialise(&self) -> Result<()> {
        self.replica.register().await?;
        self.replica.must(&["init_replica"]).await.map(drop)
    }

    /// Waits until everything that is committed now has arrived at the target; the host must stay alive.
    pub(super) async fn wait_for_arrival(
        &mut self,
        host: &mut Host,
        limit: Duration,
    ) -> Result<()> {
        self.marker += 1;
        let mut connection = self.source.mysql().await?;
        connection
            .query_drop(format!(
                "insert into {MARKER_TABLE} values ({})",
                self.marker
            ))
            .await?;
        connection.disconnect().await?;
        let question = format!(
            "select 1 from {DEST_SCHEMA}.{MARKER_TABLE} where id = {}",
            self.marker
        );
        let client = self.target.postgres().await?;
        let deadline = Instant::now() + limit;
        while client.query_opt(&question, &[]).await?.is_none() {
            host.check_alive()?;
            if Instant::now() > deadline {
                bail!(
                    "what was written has not arrived after {limit:?}; the replica said:\n{}",
                    host.log_tail()
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Ok(())
    }

    /// Fails unless both sides hold the same values; no replica is to be running, or nothing to be written.
    pub(super) async fn must_be_equal(&self) -> Result<()> {
        let differences = oracle::compare(&self.source, &self.target, DEST_SCHEMA).await?;
        if differences.is_empty() {
            return Ok(());
        }
        let held = match self.replica.status().await {
            Ok(status) => status.held_tables(),
            Err(error) => vec![format!("{error:#}")],
        };
        bail!(
            "the sides differ:\n  {}\nheld tables:\n  {}",
            differences.join("\n  "),
            held.join("\n  ")
        )
    }

    /// The schema of the replica at the target.
    pub(super) fn dest_schema(&self) -> &'static str {
        DEST_SCHEMA
    }

    /// Drops both databases.
    pub(super) async fn strike(self) -> Result<()> {
        let database = &self.source.database;
        let mut connection = self.source.database("").mysql().await?;
        connection
            .query_drop(format!("drop database `{database}`"))
            .await?;
        connection.disconnect().await?;
        let client = self.target.database("postgres").postgres().await?;
        client
            .batch_execute(&format!("drop database {database} with (force)"))
            .await?;
        Ok(())
    }
}
