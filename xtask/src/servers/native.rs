//! Servers as plain processes from unpacked trees: no container, no root needed.

use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use tempfile::TempDir;

use super::{
    PASSWORD,
    engine::Kind,
    options,
    spawn::{self, Lifetime, UNPRIVILEGED},
    tree::Tree,
};
use crate::run;

/// How long a clean shutdown may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// What a server says when it meets the remains of one that was killed a moment ago; it is started again then.
const REMAINS: &[&str] = &[
    "still in use",
    "another server might be running",
    "is running",
];

/// A server process with a directory of its own. Dropping it kills the server and removes the directory, unless
/// it was made to outlive this program.
#[derive(Debug)]
pub(crate) struct NativeServer {
    tree: Tree,
    directory: Directory,
    port: u16,
    outlives: bool,
    extra: Extra,
    child: Option<Child>,
}

/// What a server is started with beyond the usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extra {
    /// Options; they win over the usual ones.
    pub(crate) options: Vec<String>,
    /// Directory that MySQL takes for that of its program: its manifest of components is read there.
    pub(crate) manifest: Option<PathBuf>,
}

#[derive(Debug)]
enum Directory {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Directory {
    fn path(&self) -> &Path {
        match self {
            Directory::Temporary(directory) => directory.path(),
            Directory::Kept(path) => path,
        }
    }
}

impl NativeServer {
    /// Makes a data directory and starts the server on a free port.
    pub(crate) fn start(tree: Tree, outlives: bool, extra: Extra) -> Result<Self> {
        let prefix = format!("chameleon-{}-", tree.engine);
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        let directory = if outlives {
            Directory::Kept(directory.keep())
        } else {
            Directory::Temporary(directory)
        };
        let mut server = NativeServer {
            tree,
            directory,
            port: free_port()?,
            outlives,
            extra,
            child: None,
        };
        match server.tree.engine.kind {
            Kind::Postgres => server.make_cluster()?,
            Kind::MySql | Kind::MariaDb => server.copy_template()?,
        }
        server.launch()?;
        Ok(server)
    }

    /// The port that the server listens on; the same after a restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Directory of the programs that belong to the server; none but for PostgreSQL.
    pub(crate) fn programs(&self) -> Option<PathBuf> {
        match self.tree.engine.kind {
            Kind::Postgres => self.tree.postgres_bin().ok(),
            _ => None,
        }
    }

    /// The process, while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Fails if the server ended by itself. A server that only met the remains of its predecessor is started
    /// again.
    pub(crate) fn check_alive(&mut self) -> Result<()> {
        let child = self.child.as_mut().context("the server was stopped")?;
        let Some(status) = child.try_wait()? else {
            return Ok(());
        };
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let tail = log.lines().rev().take(6).collect::<Vec<_>>();
        if REMAINS
            .iter()
            .any(|remains| tail.iter().any(|line| line.contains(remains)))
        {
            return self.launch();
        }
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        bail!("{} ended with {status}:\n{tail}", self.tree.engine)
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts the server again, on its old data and its old port.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.kill()?;
        self.launch()
    }

    /// Starts a server again that has ended, with other options.
    pub(crate) fn restart_with(&mut self, options: Vec<String>) -> Result<()> {
        self.extra.options = options;
        self.restart()
    }

    /// Ends the server cleanly.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else {
            return Ok(());
        };
        let signal = match self.tree.engine.kind {
            Kind::Postgres => Signal::INT, // a fast shutdown: sessions are ended
            Kind::MySql | Kind::MariaDb => Signal::TERM,
        };
        spawn::signal(&child, signal)?;
        let deadline = Instant::now() + STOP_TIMEOUT;
        while child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("{} did not stop within {STOP_TIMEOUT:?}", self.tree.engine);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn launch(&mut self) -> Result<()> {
        let command = match self.tree.engine.kind {
            Kind::Postgres => self.postgres()?,
            Kind::MySql | Kind::MariaDb => self.mysqld(),
        };
        let lifetime = Lifetime {
            death_signal: (!self.outlives).then_some("KILL"),
            unprivileged: self.tree.engine.kind == Kind::Postgres,
        };
        self.child = Some(spawn::spawn(&command, lifetime, &self.log())?);
        Ok(())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn log(&self) -> PathBuf {
        self.at("log")
    }

    fn mysqld(&self) -> Command {
        let kind = self.tree.engine.kind;
        let program = if kind == Kind::MySql {
            "usr/sbin/mysqld"
        } else {
            "usr/sbin/mariadbd"
        };
        let mut command = match &self.extra.manifest {
            Some(directory) => self.tree.command_as(&directory.join("mysqld"), program),
            None => self.tree.command(program),
        };
        command
            .arg("--no-defaults")
            .args(self.tree.place_options())
            .args(options::server(kind))
            .args([
                format!("--datadir={}", self.at("data").display()),
                // in a place that is shared, a server that starts removes the files of those that run
                format!("--tmpdir={}", self.directory.path().display()),
                format!("--socket={}", self.at("socket").display()),
                format!("--pid-file={}", self.at("pid").display()),
                format!("--init-file={}", self.at("init.sql").display()),
                format!("--port={}", self.port),
                "--bind-address=127.0.0.1".into(),
            ])
            .args(&self.extra.options);
        if spawn::is_root() {
            command.arg("--user=root");
        }
        command
    }

    fn copy_template(&self) -> Result<()> {
        let data = self.at("data");
        run::checked(
            Command::new("cp")
                .arg("-a")
                .arg(self.tree.template())
                .arg(&data),
        )?;
        // Idempotent: it runs at every start.
        let statements = format!(
            "set session sql_log_bin = 0;\n\
             create user if not exists 'root'@'%' identified by '{PASSWORD}';\n\
             grant all on *.* to 'root'@'%' with grant option;\n\
             create user if not exists 'root'@'127.0.0.1' identified by '{PASSWORD}';\n\
             grant all on *.* to 'root'@'127.0.0.1' with grant option;\n\
             alter user 'root'@'localhost' identified by '{PASSWORD}';\n"
        );
        fs::write(self.at("init.sql"), statements)?;
        Ok(())
    }

    fn postgres(&self) -> Result<Command> {
        let mut command = self.tree.postgres_program("postgres")?;
        command
            .arg("-D")
            .arg(self.at("data"))
            .arg("-k")
            .arg(self.directory.path())
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                "listen_addresses=127.0.0.1",
            ])
            .args(options::server(Kind::Postgres))
            .args(&self.extra.options);
        Ok(command)
    }

    fn make_cluster(&self) -> Result<()> {
        let password = self.at("password");
        fs::write(&password, format!("{PASSWORD}\n"))?;
        if spawn::is_root() {
            for path in [self.directory.path(), &password] {
                std::os::unix::fs::chown(path, Some(UNPRIVILEGED), Some(UNPRIVILEGED))?;
            }
        }
        let mut initdb = self.tree.postgres_program("initdb")?;
        initdb
            .arg("-D")
            .arg(self.at("data"))
            .args(["-U", "postgres", "-A", "scram-sha-256"]);
        initdb.args([
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
            "--no-instructions",
        ]);
        initdb.arg(format!("--pwfile={}", password.display()));
        run::checked(&mut spawn::unprivileged(&initdb))
    }
}

impl Drop for NativeServer {
    fn drop(&mut self) {
        if !self.outlives {
            // Nothing is left to report to; the death signal is the second line.
            let _ = self.kill();
        }
    }
}

/// A port that nothing listens on at this moment.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
