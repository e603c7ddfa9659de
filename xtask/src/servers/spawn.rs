//! Starts processes that end with this program, whatever way it ends.
//!
//! The kernel sends the death signal when the *thread* that made a child ends. Servers are therefore started
//! by one thread of their own that lives as long as the program. The signal is set by `setpriv`, which also
//! drops root's rights for servers that refuse them.

use std::{
    fs::File,
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, mpsc},
    thread,
};

use anyhow::{Context, Result};

/// The user that servers run as which refuse to run as root: `nobody`.
pub(crate) const UNPRIVILEGED: u32 = 65534;

/// How a server process is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// The signal that the process gets when this program ends; none: it lives on.
    pub(crate) death_signal: Option<&'static str>,
    /// Runs as `nobody` if we are root.
    pub(crate) unprivileged: bool,
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

fn keeper() -> &'static Mutex<mpsc::Sender<Job>> {
    static KEEPER: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();
    KEEPER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    })
}

/// Is this program run by root?
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Starts `program` in a process group of its own (so that Ctrl-C reaches only this program), its output
/// appended to `log`.
pub(crate) fn spawn(program: &Command, lifetime: Lifetime, log: &Path) -> Result<Child> {
    let mut command = wrapped(program, lifetime);
    let log_file = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot open {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stdout(log_file.try_clone()?)
        .stderr(log_file)
        .process_group(0);
    let (answer, child) = mpsc::channel();
    let name = program.get_program().to_string_lossy().into_owned();
    keeper()
        .lock()
        .map_err(|_| anyhow::anyhow!("the starting thread is gone"))?
        .send((command, answer))
        .context("the starting thread is gone")?;
    child
        .recv()
        .context("the starting thread is gone")?
        .with_context(|| format!("cannot start {name}"))
}

/// `program` with dropped rights, for short commands such as initdb.
pub(crate) fn unprivileged(program: &Command) -> Command {
    wrapped(
        program,
        Lifetime {
            death_signal: None,
            unprivileged: true,
        },
    )
}

fn wrapped(program: &Command, lifetime: Lifetime) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(signal) = lifetime.death_signal {
        command.args(["--pdeathsig", signal]);
    }
    if lifetime.unprivileged && is_root() {
        let id = UNPRIVILEGED.to_string();
        command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
    }
    if command.get_args().next().is_none() {
        command = Command::new(program.get_program());
    } else {
        command.arg("--").arg(program.get_program());
    }
    command.args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Looks for a program in `PATH` and in the directories of administrators.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// Sends a signal to a child that is still running.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) -> Result<()> {
    let id = i32::try_from(child.id()).context("process id")?;
    let pid = rustix::process::Pid::from_raw(id).context("process id")?;
    rustix::process::kill_process(pid, signal).context("cannot send a signal")
}
