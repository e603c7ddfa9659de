//! Servers, data and programs, made once for a run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::{
    Arguments, Group,
    data::{Data, NAME, Scale},
    ours::Ours,
};
use crate::{
    address::Address,
    run,
    servers::{self, AtExit, Backend, Server, options},
    workspace,
};

/// The target database that holds a first copy of this project's; others are made from it.
pub(super) const TEMPLATE: &str = "template_ours";

/// All data fit into the source's buffers, ten times the rows too: as on a machine made for them.
const SOURCE_BUFFERS: &str = "set global innodb_buffer_pool_size = 3221225472";

/// Everything that contenders meet.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) source: Server,
    pub(super) target: Server,
    /// A second PostgreSQL, where logical replication takes part.
    pub(super) publisher: Option<Server>,
    /// The release build.
    pub(super) chameleon: PathBuf,
    pub(super) data: Data,
    pub(super) scale: Scale,
    home: TempDir,
    template: OnceCell<()>,
}

impl Stage {
    /// Builds the program, starts the servers, loads the rows.
    pub(super) async fn set(arguments: &Arguments) -> Result<Self> {
        let chameleon = tokio::task::spawn_blocking(release_build).await??;
        let mut engines = vec![arguments.source.clone(), arguments.target.clone()];
        let logical =
            arguments.groups().contains(&Group::Stream) && arguments.wants("logical replication");
        if logical {
            engines.push(arguments.target.clone());
        }
        let backend = servers::choose(Backend::Native, &engines)?;
        let mut servers = servers::start(&engines, backend, AtExit::End).await?;
        let publisher = if logical { servers.pop() } else { None };
        let target = servers.pop().context("no target")?;
        let source = servers.pop().context("no source")?;
        let home = tempfile::Builder::new()
            .prefix("chameleon-bench-")
            .tempdir()?;
        let scale = arguments.scale();
        eprintln!("making the rows (scale {scale})");
        let (directory, size) = (home.path().to_owned(), scale);
        let data = tokio::task::spawn_blocking(move || Data::write(&directory, size)).await??;
        // The source's server may run as another user.
        make_readable(home.path())?;
        let mut connection = source.address.mysql().await?;
        connection.query_drop(SOURCE_BUFFERS).await?;
        connection.disconnect().await?;
        data.load(&source.address).await?;
        Ok(Stage {
            source,
            target,
            publisher,
            chameleon,
            data,
            scale,
            home,
            template: OnceCell::new(),
        })
    }

    /// A directory of its own for a contender.
    pub(super) fn home_of(&self, name: &str) -> Result<PathBuf> {
        let home = self.home.path().join(name);
        fs::create_dir_all(&home)?;
        Ok(home)
    }

    /// A file for what a contender says.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("{name}.log"))
    }

    /// The process of the source's server.
    pub(super) fn source_process(&self) -> Result<u32> {
        self.source
            .process_id()
            .context("the source has no process")
    }

    /// The process of the target's server.
    pub(super) fn target_process(&self) -> Result<u32> {
        self.target
            .process_id()
            .context("the target has no process")
    }

    /// The address of the source's database.
    pub(super) fn source_address(&self) -> Address {
        self.source.address.database(NAME)
    }

    /// Makes an empty target database.
    pub(super) async fn create_target(&self, name: &str) -> Result<Address> {
        self.create(name, "template1").await
    }

    /// Makes a target database as a copy of another one, to which nobody is connected.
    pub(super) async fn create(&self, name: &str, template: &str) -> Result<Address> {
        self.drop_target(name).await?;
        let client = self.target.address.postgres().await?;
        let statement = format!("create database {name} template {template} strategy file_copy");
        client.batch_execute(&statement).await?;
        Ok(self.target.address.database(name))
    }

    /// Drops a target database and ends what is connected to it.
    pub(super) async fn drop_target(&self, name: &str) -> Result<()> {
        let client = self.target.address.postgres().await?;
        let statement = format!("drop database if exists {name} with (force)");
        Ok(client.batch_execute(&statement).await?)
    }

    /// The target database with this project's first copy, made at the first call.
    pub(super) async fn template(&self) -> Result<&'static str> {
        let make = || self.make_template(TEMPLATE, "");
        self.template.get_or_try_init(make).await?;
        Ok(TEMPLATE)
    }

    /// Makes a target database with this project's first copy; `more` is YAML.
    pub(super) async fn make_template(&self, name: &str, more: &str) -> Result<()> {
        let database = self.create_target(name).await?;
        let ours = Ours::configure(self, name, &self.source_address(), more)?;
        ours.register().await?;
        ours.must(&["init_replica"]).await?;
        let client = database.postgres().await?;
        Ok(client.batch_execute("vacuum analyze").await?)
    }

    /// Fails unless a target database holds as many rows as the source's files.
    pub(super) async fn check_copied(&self, database: &Address) -> Result<()> {
        let client = database.postgres().await?;
        for table in self.data.tables() {
            let question = format!("select count(*) from {NAME}.{}", table.name);
            let rows: i64 = client.query_one(&question, &[]).await?.get(0);
            if u64::try_from(rows)? != table.rows {
                bail!("{rows} rows of {} are in {}", table.rows, table.name);
            }
        }
        Ok(())
    }

    /// Fails unless the sysbench table is the same at both sides, as far as counts and sums tell.
    pub(super) async fn check_streamed(&self, database: &Address) -> Result<()> {
        const COUNTS: &str = "count(*), sum(id), sum(k), sum(length(c))";
        let mut connection = self.source_address().mysql().await?;
        let question = format!("select concat_ws(' ', {COUNTS}) from sbtest1");
        let source: Option<String> = connection.query_first(question).await?;
        connection.disconnect().await?;
        let client = database.postgres().await?;
        let question = format!("select concat_ws(' ', {COUNTS}) from {NAME}.sbtest1");
        let target: String = client.query_one(&question, &[]).await?.get(0);
        if source.as_deref() != Some(&target) {
            bail!("the source has {source:?}, the target {target}");
        }
        Ok(())
    }

    /// One line each about what was measured with.
    pub(super) fn settings(&self, rounds: u32) -> Vec<String> {
        let server = |server: &Server| {
            let options = options::server(server.engine.kind);
            let options: Vec<_> = options.into_iter().filter(|word| *word != "-c").collect();
            format!(
                "{} {}: {}",
                server.engine,
                server.version,
                options.join(" ")
            )
        };
        vec![
            format!("{}; {SOURCE_BUFFERS}", server(&self.source)),
            server(&self.target),
            format!(
                "scale {}: {} sysbench rows, {} mixed rows; {rounds} rounds in turn, medians; release build",
                self.scale, self.data.sysbench.rows, self.data.mixed.rows
            ),
            "replica_batch_size of the others 10000, copy_max_memory 100M, otherwise defaults"
                .into(),
        ]
    }

    /// Ends the servers at once: nothing of theirs is needed any more.
    pub(super) fn strike(mut self) -> Result<()> {
        for server in [
            Some(&mut self.source),
            Some(&mut self.target),
            self.publisher.as_mut(),
        ] {
            server.map_or(Ok(()), Server::kill)?;
        }
        Ok(())
    }
}

fn make_readable(directory: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(
        directory,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// The release build of the host; `CHAMELEON_BIN` names a ready one instead.
fn release_build() -> Result<PathBuf> {
    if let Some(ready) = std::env::var_os("CHAMELEON_BIN") {
        return Ok(ready.into());
    }
    let mut build = workspace::cargo();
    build.args([
        "build",
        "--release",
        "--package",
        "chameleon-host",
        "--bin",
        "chameleon",
    ]);
    if !run::visible(&mut build)? {
        bail!("the release build failed");
    }
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    Ok(Path::new(target).join("release/chameleon"))
}
