//! The real pg_chameleon, in the release that is maintained and in the one that this project takes over from.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};

use super::{
    data::NAME,
    measure::{Client, Spent},
    ours::{LIMIT, replace_batches},
    stage::Stage,
};
use crate::{
    address::Address,
    cache,
    e2e::interop::{
        KEYS_OF_1_3,
        predecessor::{Releases, find_python, python},
    },
    replica::{Replica, Settings},
    run,
    workspace::Binaries,
};

const TWO: &str = "2.0.21";

/// It refuses to run as root, as which containers run; it has nothing to fear from it here.
const NOT_ROOT: &str = "import os\n\nos.geteuid = lambda: 65534\n";

/// How long pip may take.
const PIP_SECONDS: &str = "240";

/// A release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Release {
    /// 1.3; its first copy is made by 1.3.1, because its own cannot finish.
    One,
    /// 2.0.21.
    Two,
}

impl Release {
    /// Both.
    pub(super) const ALL: [Release; 2] = [Release::Two, Release::One];

    /// How tables name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Release::One => "pg_chameleon 1.3",
            Release::Two => "pg_chameleon 2.0.21",
        }
    }

    /// A name for databases and directories.
    pub(super) fn word(self) -> &'static str {
        match self {
            Release::One => "theirs_1",
            Release::Two => "theirs_2",
        }
    }
}

/// A configured pg_chameleon.
#[derive(Debug)]
pub(super) struct Peer {
    release: Release,
    home: PathBuf,
    log: PathBuf,
    port: u16,
    streaming: PathBuf,
    copying: PathBuf,
}

impl Peer {
    /// Installs it if need be and configures it for a target database of that name.
    pub(super) async fn configure(stage: &Stage, release: Release, target: &str) -> Result<Self> {
        let home = stage.home_of(target)?;
        let (streaming, copying) = match release {
            Release::One => {
                let releases = Releases::install().await?;
                configure_one(stage, &home, target)?;
                (releases.streaming, releases.copying)
            }
            Release::Two => {
                let place = install_two().await?;
                configure_two(stage, &home, &stage.target.address.database(target))?;
                (place.clone(), place)
            }
        };
        Ok(Peer {
            release,
            home,
            log: stage.log(target),
            port: stage.source.address.port,
            streaming,
            copying,
        })
    }

    fn start_in(&self, place: &Path, command: &str) -> Result<Client> {
        let base = python(place);
        let mut line = Command::new(base.as_std().get_program());
        for (name, value) in base.as_std().get_envs() {
            match value {
                Some(value) => line.env(name, value),
                None => line.env_remove(name),
            };
        }
        line.env("HOME", &self.home)
            .env("PREDECESSOR_MYSQL_PORT", self.port.to_string());
        match self.release {
            Release::One => line.arg(place.join("bin/chameleon.py")),
            Release::Two => line.arg(place.join("bin/chameleon")),
        };
        line.args([command, "--config", NAME]);
        if self.release == Release::Two && command != "create_replica_schema" {
            line.args(["--source", NAME]);
        }
        Client::start(&line, &self.log)
    }

    async fn must(&self, command: &str) -> Result<()> {
        let ended = self.start_in(&self.streaming, command)?.finish(LIMIT).await;
        ended.with_context(|| format!("{} {command}", self.release.name()))?;
        Ok(())
    }

    /// Makes its catalog and registers the source.
    pub(super) async fn register(&self) -> Result<()> {
        match self.release {
            Release::One => self.must("create_schema").await?,
            Release::Two => self.must("create_replica_schema").await?,
        }
        self.must("add_source").await
    }

    /// Makes the first copy.
    pub(super) async fn copy(&self) -> Result<Spent> {
        let client = self.start_in(&self.copying, "init_replica")?;
        let ended = client.finish(LIMIT).await;
        ended.with_context(|| format!("{} init_replica", self.release.name()))
    }

    /// Starts streaming.
    pub(super) fn stream(&self) -> Result<Client> {
        self.start_in(&self.streaming, "start_replica")
    }
}

fn configure_one(stage: &Stage, home: &Path, target: &str) -> Result<()> {
    let settings = Settings {
        name: NAME.into(),
        source: stage.source_address(),
        target: stage.target.address.database(target),
        dest_schema: NAME.into(),
        more: KEYS_OF_1_3.into(),
    };
    let binaries = Binaries {
        chameleon: PathBuf::new(),
        tools: PathBuf::new(),
    };
    let replica = Replica::configure(&binaries, home, &settings)?;
    // as its example configuration has it
    replace_batches(&replica.config_file(), "replica_batch_size: 10000\n")?;
    for directory in ["logs", "pid"] {
        fs::create_dir_all(home.join(directory))?;
    }
    let link = home.join(".pg_chameleon");
    if !link.exists() {
        std::os::unix::fs::symlink(home, link)?;
    }
    Ok(())
}

fn configure_two(stage: &Stage, home: &Path, target: &Address) -> Result<()> {
    let base = home.join(".pg_chameleon");
    for directory in ["configuration", "logs", "pid"] {
        fs::create_dir_all(base.join(directory))?;
    }
    let source = &stage.source.address;
    let text = format!(
        "pid_dir: '{base}/pid/'\nlog_dir: '{base}/logs/'\nlog_dest: stdout\nlog_level: info\nlog_days_keep: 10\n\
         rollbar_key: ''\nrollbar_env: ''\n\
         type_override:\n  \"tinyint(1)\":\n    override_to: boolean\n    override_tables:\n      - \"*\"\n\
         pg_conn:\n  host: \"{}\"\n  port: \"{}\"\n  user: \"{}\"\n  password: \"{}\"\n  database: \"{}\"\n  charset: \"utf8\"\n\
         sources:\n  {NAME}:\n    db_conn:\n      host: \"{}\"\n      port: \"{}\"\n      user: \"{}\"\n      password: \"{}\"\n      \
         charset: 'utf8'\n      connect_timeout: 10\n    schema_mappings:\n      {NAME}: {NAME}\n    limit_tables:\n    skip_tables:\n    \
         grant_select_to:\n    lock_timeout: \"120s\"\n    my_server_id: 777\n    replica_batch_size: 10000\n    \
         replay_max_rows: 10000\n    batch_retention: '1 day'\n    copy_max_memory: \"300M\"\n    copy_mode: 'file'\n    \
         out_dir: /tmp\n    sleep_loop: 1\n    on_error_replay: continue\n    on_error_read: continue\n    \
         auto_maintenance: \"disabled\"\n    gtid_enable: false\n    type: mysql\n    keep_existing_schema: No\n",
        target.host,
        target.port,
        target.user,
        target.password,
        target.database,
        source.host,
        source.port,
        source.user,
        source.password,
        base = base.display(),
    );
    Ok(fs::write(
        base.join("configuration").join(format!("{NAME}.yml")),
        text,
    )?)
}

/// Puts 2.0.21 into a virtual environment of the cache directory, as its users install it.
async fn install_two() -> Result<PathBuf> {
    let place = cache::directory()?.join(format!("pg_chameleon-{TWO}"));
    if place.join("bin/chameleon").is_file() {
        return Ok(place);
    }
    let system_python = find_python().await?;
    let target = place.clone();
    tokio::task::spawn_blocking(move || {
        let partial = target.with_extension(format!("partial-{}", std::process::id()));
        eprintln!("installing pg_chameleon {TWO}");
        let mut environment = Command::new(system_python);
        run::checked(environment.args(["-m", "venv"]).arg(&partial))?;
        let mut pip = Command::new("timeout");
        pip.arg(PIP_SECONDS)
            .arg(partial.join("bin/python"))
            .args([
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--quiet",
                "install",
            ])
            .arg(format!("pg_chameleon=={TWO}"));
        run::checked(&mut pip)?;
        fs::create_dir_all(partial.join("first"))?;
        fs::write(partial.join("first/sitecustomize.py"), NOT_ROOT)?;
        if target.exists() {
            fs::remove_dir_all(&target)?;
        }
        Ok::<_, anyhow::Error>(fs::rename(&partial, &target)?)
    })
    .await?
    .with_context(|| format!("cannot install pg_chameleon {TWO}"))?;
    Ok(place)
}

/// Rounds of contenders that take minutes for each.
pub(super) const ROUNDS_OF_PEERS: u32 = 1;

/// How long its stream may take until all changes have arrived.
pub(super) const STREAM_LIMIT: Duration = Duration::from_secs(600);
