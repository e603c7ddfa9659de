//! A scratch server from programs at hand.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chameleon_postgres::{ConnectOptions, TlsMode};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use super::{Scratch, Server, wait_for};
use crate::programs::{self, Program};

/// `nobody`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65534;
/// Superuser of the scratch server.
const USER: &str = "chameleon";
/// Port, which is only a part of the socket's name.
const PORT: u16 = 5432;
/// Longest path of a directory for a Unix socket; the system's limit is 104 to 108 bytes in all.
const SOCKET_PATH: usize = 85;
/// How long an ordinary shutdown may take before the server is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Nothing of it outlives the program, so nothing waits for the disk.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=4GB",
    "maintenance_work_mem=256MB",
    "max_connections=20",
    "logging_collector=off",
];

/// A server process. A thread of its own starts and ends it: the kernel tells a child when the
/// thread that made it ends, and this one lives as long as this value.
#[derive(Debug)]
pub(super) struct Native {
    stop: Option<mpsc::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
    _directory: TempDir,
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(keeper) = self.keeper.take() {
            // a keeper that panicked has nothing left to end
            let _ = keeper.join();
        }
    }
}

pub(super) async fn start(least: u32) -> Result<Scratch, String> {
    let (initdb, postgres) = find(least).await?;
    let directory = make_directory()?;
    let path = directory.path().to_owned();
    make_cluster(&initdb, &path).await?;
    let (stop, keeper) = launch(&postgres, &path)?;
    let native = Native {
        stop: Some(stop),
        keeper: Some(keeper),
        _directory: directory,
    };
    let mut options = ConnectOptions::new(path.display().to_string(), USER, "postgres");
    options.port = PORT;
    options.tls.mode = TlsMode::Disable;
    options.application_name = "chameleon scratch".into();
    let log = path.join("log");
    wait_for(&options, || match &native.keeper {
        Some(keeper) if keeper.is_finished() => Err(format!(
            "{} ended by itself: {}",
            postgres.path.display(),
            last_line(&log)
        )),
        _ => Ok(()),
    })
    .await?;
    Ok(Scratch {
        options,
        version: postgres.major,
        description: format!(
            "PostgreSQL {} from {}",
            postgres.major,
            postgres.directory().display()
        ),
        _server: Server::Native(native),
    })
}

/// `postgres` of the lowest version that fits, with an `initdb` beside it.
async fn find(least: u32) -> Result<(PathBuf, Program), String> {
    let all = programs::all("postgres").await;
    let newest = all.iter().map(|program| program.major).max();
    let fit = all
        .into_iter()
        .filter(|program| program.major >= least)
        .map(|program| (program.directory().join("initdb"), program))
        .filter(|(initdb, _)| initdb.is_file());
    fit.min_by_key(|(_, program)| program.major)
        .ok_or_else(|| match newest {
            Some(newest) => format!("the newest server here is of version {newest}"),
            None => "there is no server program here".into(),
        })
}

fn make_directory() -> Result<TempDir, String> {
    let build = |parent: &Path| {
        tempfile::Builder::new()
            .prefix("chameleon-scratch-")
            .tempdir_in(parent)
    };
    let usual = std::env::temp_dir();
    let parent = if usual.as_os_str().len() + 30 > SOCKET_PATH {
        Path::new("/tmp")
    } else {
        &usual
    };
    let directory = build(parent).map_err(|e| format!("make a directory: {e}"))?;
    if geteuid().is_root() {
        chown(directory.path(), Some(UNPRIVILEGED), Some(UNPRIVILEGED))
            .map_err(|e| format!("give the directory away: {e}"))?;
    }
    Ok(directory)
}

async fn make_cluster(initdb: &Path, directory: &Path) -> Result<(), String> {
    let mut command = Command::new(initdb);
    command
        .arg("-D")
        .arg(directory.join("data"))
        .args(["-U", USER, "--auth=trust", "--no-sync"])
        .args(["--encoding=UTF8", "--locale=C"])
        .current_dir(directory)
        .env("LC_ALL", "C")
        .env("HOME", directory);
    if geteuid().is_root() {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    let attempt = format!("run {}", initdb.display());
    programs::run(command.into(), &attempt)
        .await
        .map(drop)
        .map_err(|error| error.to_string())
}

/// Starts the server and the thread that keeps it.
fn launch(
    postgres: &Program,
    directory: &Path,
) -> Result<(mpsc::Sender<()>, JoinHandle<()>), String> {
    let log = directory.join("log");
    let log = std::fs::File::create(&log).map_err(|e| format!("{}: {e}", log.display()))?;
    let errors = log.try_clone().map_err(|e| e.to_string())?;
    let mut command = with_death_signal(&postgres.path);
    command
        .arg("-D")
        .arg(directory.join("data"))
        .arg("-k")
        .arg(directory)
        .args(["-p", &PORT.to_string()]);
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
    command
        .current_dir(directory)
        .env("LC_ALL", "C")
        .env("HOME", directory)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    let (stop, stopped) = mpsc::channel::<()>();
    let (started, start) = mpsc::channel();
    let keeper = thread::Builder::new()
        .name("scratch server".into())
        .spawn(move || match command.spawn() {
            Ok(child) => {
                let _ = started.send(Ok(()));
                keep(child, &stopped);
            }
            Err(error) => {
                let _ = started.send(Err(error.to_string()));
            }
        });
    let keeper = keeper.map_err(|error| error.to_string())?;
    match start.recv() {
        Ok(Ok(())) => Ok((stop, keeper)),
        Ok(Err(reason)) => Err(format!("run {}: {reason}", postgres.path.display())),
        Err(_) => Err("the thread that starts the server is gone".into()),
    }
}

/// The server ends when the thread that started it does, also where this program is killed.
fn with_death_signal(program: &Path) -> Command {
    let root = geteuid().is_root();
    let has_setpriv = Path::new("/usr/bin/setpriv").is_file();
    if has_setpriv {
        let mut command = Command::new("/usr/bin/setpriv");
        command.args(["--pdeathsig", "QUIT"]);
        if root {
            let id = UNPRIVILEGED.to_string();
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
        }
        command.arg("--").arg(program);
        return command;
    }
    let mut command = Command::new(program);
    if root {
        command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
    }
    command
}

/// Waits for the end of the server, or ends it when it is asked to.
fn keep(mut child: Child, stopped: &mpsc::Receiver<()>) {
    const LOOK: Duration = Duration::from_millis(200);
    while let Err(mpsc::RecvTimeoutError::Timeout) = stopped.recv_timeout(LOOK) {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
    }
    // SIGQUIT: at once, with its children; nothing of it is needed any more
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::QUIT);
    }
    let deadline = Instant::now() + STOP_TIMEOUT;
    while Instant::now() < deadline {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    text.lines().last().unwrap_or_default().to_owned()
}
