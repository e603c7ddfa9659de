//! One replica as a user runs it: a configuration file in a home directory, and the real programs.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::{
    address::Address,
    servers::spawn::{self, Lifetime},
    workspace::Binaries,
};

/// No command of the tests takes longer than this.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(180);

/// A replica ends within 10 s of SIGTERM; a little more for a busy machine.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// How often a condition is looked at that is waited for.
const POLL: Duration = Duration::from_millis(50);

/// A configured replica.
#[derive(Clone, Debug)]
pub(crate) struct Replica {
    binaries: Binaries,
    home: PathBuf,
    name: String,
}

/// What a configuration says.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The name of the source and of the configuration.
    pub(crate) name: String,
    /// The server to replicate from, with the database.
    pub(crate) source: Address,
    /// The server to replicate into, with the database.
    pub(crate) target: Address,
    /// The schema in the target database.
    pub(crate) dest_schema: String,
    /// More lines of YAML.
    pub(crate) more: String,
}

/// What a command that ended left behind.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    /// Its standard output.
    pub(crate) stdout: String,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Replica {
    /// Writes the configuration into `home`; nothing else happens yet.
    pub(crate) fn configure(binaries: &Binaries, home: &Path, settings: &Settings) -> Result<Self> {
        let directory = home.join("config");
        fs::create_dir_all(&directory)?;
        fs::write(
            directory.join(format!("{}.yaml", settings.name)),
            yaml(home, settings),
        )?;
        Ok(Replica {
            binaries: binaries.clone(),
            home: home.into(),
            name: settings.name.clone(),
        })
    }

    /// The command line that a user would type.
    pub(crate) fn command_line(&self, command: &str) -> String {
        format!(
            "{} --home {} --config {} {command}",
            self.binaries.chameleon.display(),
            self.home.display(),
            self.name
        )
    }

    /// Where what the replica says is written to.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join(format!("{}.log", self.name))
    }

    /// The configuration file.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.home.join("config").join(format!("{}.yaml", self.name))
    }

    /// Runs `chameleon` with these arguments to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(&self.binaries.chameleon);
        command
            .arg("--home")
            .arg(&self.home)
            .args(["--config", &self.name])
            .args(arguments);
        run_to_end(command).await
    }

    /// The same, and it must succeed.
    pub(crate) async fn must(&self, arguments: &[&str]) -> Result<String> {
        let ended = self.run(arguments).await?;
        if ended.code != Some(0) {
            bail!("`chameleon {}` {}", arguments.join(" "), ended.describe());
        }
        Ok(ended.stdout)
    }

    /// Makes the catalog and registers the source.
    pub(crate) async fn register(&self) -> Result<()> {
        self.must(&["create_schema"]).await?;
        self.must(&["add_source"]).await?;
        Ok(())
    }

    /// Starts a command of `chameleon` in the background, such as `start_replica`.
    pub(crate) fn start(&self, arguments: &[&str]) -> Result<Host> {
        self.start_for(&["--config", &self.name], arguments)
    }

    /// Starts the replicas of all configurations of this home, in one process.
    pub(crate) fn start_all(&self) -> Result<Host> {
        self.start_for(&["--all"], &["start_replica"])
    }

    fn start_for(&self, which: &[&str], arguments: &[&str]) -> Result<Host> {
        let mut command = std::process::Command::new(&self.binaries.chameleon);
        command
            .arg("--home")
            .arg(&self.home)
            .args(which)
            .args(arguments);
        let lifetime = Lifetime {
            death_signal: Some("KILL"),
            unprivileged: false,
        };
        let log = self.log();
        Ok(Host {
            child: Some(spawn::spawn(&command, lifetime, &log)?),
            log,
        })
    }

    /// Applies all that is in the binlog now, and ends.
    pub(crate) async fn catch_up(&self) -> Result<()> {
        self.must(&["start_replica", "--until-caught-up"])
            .await
            .map(drop)
    }

    /// What `show_status` says of this source.
    pub(crate) async fn status(&self) -> Result<Status> {
        let text = self.must(&["show_status", "--json"]).await?;
        let whole: Value = serde_json::from_str(&text).context("show_status --json is no JSON")?;
        let sources = whole["sources"]
            .as_array()
            .context("show_status --json has no sources")?;
        let own = sources
            .iter()
            .find(|source| source["source"] == self.name.as_str());
        Ok(Status(
            own.with_context(|| format!("show_status does not know {}", self.name))?
                .clone(),
        ))
    }

    /// Waits until the running replica has applied everything that the source has committed by now. The lag that
    /// `show_status` tells is as old as the replica's last heartbeat; the replayed position is exact.
    pub(crate) async fn wait_until_caught_up(
        &self,
        source: &Address,
        limit: Duration,
    ) -> Result<()> {
        let end = source.binlog_end().await?;
        let deadline = Instant::now() + limit;
        loop {
            let status = self.status().await?;
            if status
                .replayed_position()
                .is_some_and(|position| position >= end)
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!(
                    "the replica has not reached {end:?} after {limit:?}: {}",
                    status.0
                );
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Runs `chameleon-tools` with these arguments to its end.
    pub(crate) async fn tools(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(&self.binaries.tools);
        command
            .arg("--config")
            .arg(self.config_file())
            .args(arguments);
        run_to_end(command).await
    }

    /// Compares both sides with `chameleon-tools compare`; true if they are equal, and what it printed.
    pub(crate) async fn compare(&self) -> Result<(bool, String)> {
        let ended = self.tools(&["compare"]).await?;
        match ended.code {
            Some(0) => Ok((true, ended.stdout)),
            Some(1) => Ok((false, ended.stdout)),
            _ => bail!("`chameleon-tools compare` {}", ended.describe()),
        }
    }
}

/// A source as `show_status --json` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Status(Value);

impl Status {
    /// Up to where all is applied: binlog file and position. Files of one server sort by name.
    pub(crate) fn replayed_position(&self) -> Option<(String, u64)> {
        let position = &self.0["replayed_position"];
        Some((
            position["file"].as_str()?.to_owned(),
            position["position"].as_u64()?,
        ))
    }

    /// Bytes of binlog that are not read yet.
    pub(crate) fn lag_bytes(&self) -> Option<u64> {
        self.0["lag_bytes"].as_u64()
    }

    /// How old the newest applied change is, in seconds.
    pub(crate) fn lag_seconds(&self) -> Option<f64> {
        self.0["lag_seconds"].as_f64()
    }

    /// Rows that are relayed and not replayed.
    pub(crate) fn unreplayed_rows(&self) -> Option<u64> {
        self.0["unreplayed_rows"].as_u64()
    }

    /// Does a replica serve this source?
    pub(crate) fn is_alive(&self) -> bool {
        self.0["alive"].as_bool() == Some(true)
    }

    /// Tables that are held, with the reasons.
    pub(crate) fn held_tables(&self) -> Vec<String> {
        let tables = self.0["tables"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let held = tables.iter().filter(|table| table["state"] == "held");
        let words = |word: &Value| word.as_str().unwrap_or_default().to_owned();
        held.map(|table| format!("{}: {}", words(&table["table"]), words(&table["reason"])))
            .collect()
    }
}

/// A `chameleon` that runs in the background. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Host {
    child: Option<Child>,
    log: PathBuf,
}

impl Host {
    /// Ends it at once, as a crash does. One that has ended by itself is no fault here.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Asks it to end with SIGTERM and waits; it must exit cleanly.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.check_alive()?;
        if let Some(child) = &self.child {
            spawn::signal(child, Signal::TERM)?;
        }
        let status = self.wait(STOP_TIMEOUT).await?.with_context(|| {
            format!("the replica did not end within {STOP_TIMEOUT:?} of SIGTERM")
        })?;
        if !status.success() {
            bail!("the replica ended with {status}:\n{}", self.log_tail());
        }
        Ok(())
    }

    /// Waits until it ends by itself; none if it does not within `limit`.
    pub(crate) async fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + limit;
        loop {
            let child = self.child.as_mut().context("it was killed")?;
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() > deadline {
                return Ok(None);
            }
            tokio::time::sleep(POLL.min(limit)).await;
        }
    }

    /// Fails if it has ended.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("it was killed")?;
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the replica ended by itself with {status}:\n{}",
                self.log_tail()
            ),
        }
    }

    /// The last lines of what it said.
    pub(crate) fn log_tail(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Nothing is left to report to; the death signal is the second line.
        let _ = self.kill();
    }
}

impl Ended {
    /// For an error message.
    pub(crate) fn describe(&self) -> String {
        let code = self.code.map_or("ended by a signal".to_owned(), |code| {
            format!("ended with exit code {code}")
        });
        format!("{code}:\n{}{}", self.stdout, self.stderr)
    }
}

async fn run_to_end(mut command: Command) -> Result<Ended> {
    let program = Path::new(command.as_std().get_program())
        .file_name()
        .unwrap_or(OsStr::new("?"))
        .to_owned();
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(COMMAND_TIMEOUT, command.output())
        .await
        .with_context(|| format!("{program:?} did not end within {COMMAND_TIMEOUT:?}"))?
        .with_context(|| format!("cannot run {program:?}"))?;
    Ok(Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// The configuration file. Values are written as JSON strings, which are YAML too.
fn yaml(home: &Path, settings: &Settings) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let (source, target) = (&settings.source, &settings.target);
    let place = |name: &str| quoted(&home.join(name).display().to_string());
    format!(
        "source_name: {name}\n\
         dest_schema: {schema}\n\
         my_server_id: {server_id}\n\
         my_database: {my_database}\n\
         pg_database: {pg_database}\n\
         replica_batch_size: 1000\n\
         batch_retention: '1 day'\n\
         copy_max_memory: 100M\n\
         sleep_loop: 1\n\
         log_dest: stdout\n\
         log_level: info\n\
         log_dir: {logs}\n\
         pid_dir: {pids}\n\
         mysql_conn:\n  host: {my_host}\n  port: {my_port}\n  user: {my_user}\n  passwd: {my_password}\n\
         pg_conn:\n  host: {pg_host}\n  port: {pg_port}\n  user: {pg_user}\n  password: {pg_password}\n{more}",
        name = quoted(&settings.name),
        schema = quoted(&settings.dest_schema),
        server_id = new_server_id(),
        my_database = quoted(&source.database),
        pg_database = quoted(&target.database),
        logs = place("logs"),
        pids = place("pid"),
        my_host = quoted(&source.host),
        my_port = source.port,
        my_user = quoted(&source.user),
        my_password = quoted(&source.password),
        pg_host = quoted(&target.host),
        pg_port = target.port,
        pg_user = quoted(&target.user),
        pg_password = quoted(&target.password),
        more = settings.more,
    )
}

/// No two replicas of a server may have the same id.
fn new_server_id() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed) % 1_000;
    1_000_000 + (std::process::id() % 100_000) * 1_000 + number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_names_both_sides_and_quotes_what_it_must() {
        let settings = Settings {
            name: "shop".into(),
            source: Address::parse("mysql://root:p%22w@h:3307/shop").expect("url"),
            target: Address::parse("postgres://u:p@t:5433/copy").expect("url"),
            dest_schema: "shop".into(),
            more: "apply: direct\n".into(),
        };
        let text = yaml(Path::new("/h"), &settings);
        assert!(text.contains("passwd: \"p\\\"w\"\n"), "{text}");
        assert!(text.contains("pg_database: \"copy\"\n"), "{text}");
        assert!(text.ends_with("apply: direct\n"), "{text}");
    }

    #[test]
    fn the_replayed_position_is_ordered_by_file_and_then_by_offset() {
        let position =
            |text: &str| Status(serde_json::from_str(text).expect("json")).replayed_position();
        let early = position(r#"{"replayed_position": {"file": "b.000001", "position": 900}}"#);
        let late = position(r#"{"replayed_position": {"file": "b.000002", "position": 4}}"#);
        assert!(early.is_some() && early < late);
        assert_eq!(position(r#"{"replayed_position": null}"#), None);
    }
}
