//! The real pg_chameleon 1.3, installed into a virtual environment of the cache directory and run as its users ran it.
//!
//! Two releases are installed. 1.3 does all the streaming; its `init_replica` cannot finish (KeyError 'Time' when it
//! saves the position of the copy), so 1.3.1, which differs in nothing but that repair, makes the first copy.
//!
//! Neither release gives the port to all of its connections to MySQL: a `sitecustomize.py` makes the port of the
//! environment pymysql's default. They need distutils and packages of their time: Python 3.11.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio::{process::Command, time::timeout};

use crate::{
    cache,
    servers::spawn::{self, Lifetime},
};

/// The release that streams.
const STREAMING: &str = "1.3";

/// The release that can finish a first copy.
const COPYING: &str = "1.3.1";

/// One step of an installation: a download or a small build.
const INSTALL_STEP_TIMEOUT: Duration = Duration::from_secs(180);

/// No command takes longer than this; `stop_replica` alone looks only every 5 s.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

const PYTHON: &str = "3.11";

/// What pip is told, in this order; the last one is the release itself.
const PACKAGES: &[&[&str]] = &[
    // The SQL files of 1.x are found only where `setup.py install` puts them: an old pip without `wheel` does.
    &["pip==22.3.1"],
    &["setuptools==57.5.0"],
    &[
        "PyMySQL==0.9.3",
        "mysql-replication==0.21",
        "psycopg2-binary==2.9.9",
        "tabulate==0.8.10",
    ],
    &["PyYAML==5.3.1", "--no-build-isolation"],
];

const DEFAULT_PORT: &str = "\
import os
import pymysql.connections

_init = pymysql.connections.Connection.__init__


def _with_port(self, *args, **kwargs):
    kwargs.setdefault('port', int(os.environ['PREDECESSOR_MYSQL_PORT']))
    _init(self, *args, **kwargs)


if 'PREDECESSOR_MYSQL_PORT' in os.environ:
    pymysql.connections.Connection.__init__ = _with_port
";

/// Both releases, ready to run.
#[derive(Clone, Debug)]
pub(crate) struct Releases {
    pub(crate) streaming: PathBuf,
    pub(crate) copying: PathBuf,
}

impl Releases {
    /// Finds them in the cache directory, or installs them through the machine's own configuration of pip.
    pub(crate) async fn install() -> Result<Self> {
        let cache = cache::directory()?;
        let streaming = cache.join(format!("pg_chameleon-{STREAMING}"));
        let copying = cache.join(format!("pg_chameleon-{COPYING}"));
        for (release, place) in [(STREAMING, &streaming), (COPYING, &copying)] {
            if !place.join("bin/chameleon.py").is_file() {
                install(release, place)
                    .await
                    .with_context(|| format!("cannot install pg_chameleon {release}"))?;
            }
        }
        Ok(Releases { streaming, copying })
    }

    /// The one release 1.2, which can do both.
    pub(crate) async fn install_1_2() -> Result<Self> {
        let place = cache::directory()?.join("pg_chameleon-1.2");
        if !place.join("bin/chameleon.py").is_file() {
            install("1.2", &place)
                .await
                .context("cannot install pg_chameleon 1.2")?;
        }
        Ok(Releases {
            streaming: place.clone(),
            copying: place,
        })
    }
}

/// The whole environment is made beside its place and moved there when it is complete.
async fn install(release: &str, place: &Path) -> Result<()> {
    let system_python = find_python().await?;
    let partial = place.with_extension(format!("partial-{}", std::process::id()));
    eprintln!("installing pg_chameleon {release}");
    let mut environment = Command::new(system_python);
    environment.args(["-m", "venv"]).arg(&partial);
    output(environment, INSTALL_STEP_TIMEOUT).await?;
    let pip = |arguments: &[&str]| {
        let mut command = python(&partial);
        command.args(["-m", "pip", "--disable-pip-version-check", "--quiet"]);
        command.args(arguments);
        command
    };
    for packages in PACKAGES {
        output(
            pip(&[&["install"], *packages].concat()),
            INSTALL_STEP_TIMEOUT,
        )
        .await?;
    }
    output(pip(&["uninstall", "--yes", "wheel"]), INSTALL_STEP_TIMEOUT).await?;
    let wanted = format!("pg_chameleon=={release}");
    let itself = ["--no-deps", "--no-build-isolation", "--no-binary", ":all:"];
    let arguments = [&["install", wanted.as_str()], itself.as_slice()].concat();
    output(pip(&arguments), INSTALL_STEP_TIMEOUT).await?;
    fs::create_dir_all(partial.join("first"))?;
    fs::write(partial.join("first/sitecustomize.py"), DEFAULT_PORT)?;
    if place.exists() {
        fs::remove_dir_all(place)?;
    }
    fs::rename(&partial, place)?;
    Ok(())
}

pub(crate) async fn find_python() -> Result<&'static str> {
    let mut seen = Vec::new();
    for name in ["python3.11", "python3"] {
        let mut command = Command::new(name);
        command.args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
        match output(command, COMMAND_TIMEOUT).await {
            Ok(version) if version.trim() == PYTHON => return Ok(name),
            Ok(version) => seen.push(format!("{name} is {}", version.trim())),
            Err(_) => seen.push(format!("there is no {name}")),
        }
    }
    bail!(
        "the real pg_chameleon runs on Python {PYTHON} alone, and {}: install it, or leave this scenario out with \
         `--skip interop`",
        seen.join(", ")
    )
}

pub(crate) fn python(environment: &Path) -> Command {
    let mut command = Command::new(environment.join("bin/python"));
    command
        .env_remove("PYTHONHOME")
        .env("PYTHONPATH", environment.join("first"))
        .env("PYTHONUNBUFFERED", "1")
        .env("TZ", "UTC");
    command
}

/// pg_chameleon with a configuration: `HOME/.pg_chameleon/config/NAME.yaml`.
#[derive(Debug)]
pub(crate) struct Predecessor {
    releases: Releases,
    home: PathBuf,
    name: String,
    mysql_port: u16,
}

impl Predecessor {
    /// Takes the configuration `name` of the host's home directory, as it is.
    pub(crate) fn take_over(
        releases: &Releases,
        home: &Path,
        name: &str,
        mysql_port: u16,
    ) -> Result<Self> {
        // several configurations may share a home
        if !home.join(".pg_chameleon").exists() {
            std::os::unix::fs::symlink(home, home.join(".pg_chameleon"))?;
        }
        for directory in ["logs", "pid"] {
            fs::create_dir_all(home.join(directory))?;
        }
        Ok(Predecessor {
            releases: releases.clone(),
            home: home.into(),
            name: name.into(),
            mysql_port,
        })
    }

    fn command(&self, release: &Path, command: &str) -> Command {
        let mut line = python(release);
        line.env("HOME", &self.home)
            .env("PREDECESSOR_MYSQL_PORT", self.mysql_port.to_string())
            .arg(release.join("bin/chameleon.py"))
            .args([command, "--config", &self.name]);
        line
    }

    /// Runs a command of 1.3 to its end; it must succeed.
    pub(crate) async fn must(&self, command: &str) -> Result<()> {
        let line = self.command(&self.releases.streaming, command);
        output(line, COMMAND_TIMEOUT).await.map(drop)
    }

    /// The first copy, by the release that can make it.
    pub(crate) async fn init_replica(&self) -> Result<()> {
        let line = self.command(&self.releases.copying, "init_replica");
        let said = output(line, COMMAND_TIMEOUT).await?;
        find_fault(&said)
    }

    /// A first copy that may leave out rows: 1.2 logs them and goes on.
    pub(crate) async fn init_replica_with_losses(&self) -> Result<()> {
        let line = self.command(&self.releases.copying, "init_replica");
        output(line, COMMAND_TIMEOUT).await.map(drop)
    }

    /// Starts streaming with 1.3.
    pub(crate) fn start(&self) -> Result<Running> {
        let log = self.home.join(format!("{}-{STREAMING}.log", self.name));
        let begins = fs::metadata(&log).map_or(0, |found| found.len());
        let line = self.command(&self.releases.streaming, "start_replica");
        let lifetime = Lifetime {
            death_signal: Some("KILL"),
            unprivileged: false,
        };
        Ok(Running {
            child: spawn::spawn(line.as_std(), lifetime, &log)?,
            log,
            begins,
        })
    }
}

/// A `start_replica` of 1.3. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
    /// Where its own part of the log begins, in bytes.
    begins: u64,
}

impl Running {
    /// Fails if it has ended or has told of an error; 1.3 goes on after some.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        let said = self.said();
        find_fault(&said)?;
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "pg_chameleon ended by itself with {status}:\n{}",
                tail(&said)
            ),
        }
    }

    /// Ends it at once, as a crash does.
    pub(crate) fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Ends it as its users did, and it must have had no fault.
    pub(crate) async fn stop(mut self, predecessor: &Predecessor) -> Result<()> {
        let (stopped, ended) = tokio::join!(predecessor.must("stop_replica"), self.wait());
        stopped?;
        let status = ended?;
        let said = self.said();
        find_fault(&said)?;
        if !status.success() {
            bail!("pg_chameleon ended with {status}:\n{}", tail(&said));
        }
        Ok(())
    }

    /// Waits for its end; while nobody does, `stop_replica` takes the ended process for a running one.
    async fn wait(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + COMMAND_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!("pg_chameleon has not stopped:\n{}", tail(&self.said()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn said(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let begins = usize::try_from(self.begins).unwrap_or(usize::MAX);
        String::from_utf8_lossy(log.get(begins..).unwrap_or_default()).into_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing is left to report to; the death signal is the second line.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// 1.3 logs what goes wrong and often goes on.
fn find_fault(said: &str) -> Result<()> {
    if said.contains("[ERROR]") || said.contains("Traceback") {
        bail!("pg_chameleon told of an error:\n{}", tail(said));
    }
    Ok(())
}

fn tail(said: &str) -> String {
    let lines: Vec<_> = said.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

async fn output(mut command: Command, limit: Duration) -> Result<String> {
    let line = crate::run::line(command.as_std());
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(limit, command.output())
        .await
        .with_context(|| format!("`{line}` did not end within {limit:?}"))?
        .with_context(|| format!("cannot run `{line}`"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{line}` ended with {}:\n{}",
            output.status,
            tail(&format!("{said}{errors}"))
        );
    }
    Ok(said)
}
