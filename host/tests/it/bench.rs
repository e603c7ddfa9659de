//! A place to run the program in: a home directory, and a database of its own on either server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chameleon_postgres::{Client, ConnectOptions, connect};
use mysql_async::prelude::Queryable;

/// Longest wait for a condition.
const DEADLINE: Duration = Duration::from_secs(20);

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Exit code, stdout and stderr as one text for a snapshot.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let code = self
            .code
            .map_or_else(|| "none".into(), |code| code.to_string());
        let _ = writeln!(text, "exit {code}");
        for (name, part) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !part.is_empty() {
                let _ = write!(text, "--- {name}\n{part}");
            }
        }
        text
    }

    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("no JSON: {error}: {}", self.text()))
    }

    /// Panics unless the program ended with that code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }
}

/// A home directory.
pub(crate) struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("config")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn config_path(&self, name: &str) -> PathBuf {
        self.path().join("config").join(format!("{name}.yaml"))
    }

    pub(crate) fn write_config(&self, name: &str, text: &str) {
        std::fs::write(self.config_path(name), text).unwrap();
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon"));
        command
            .args(arguments)
            .env("CHAMELEON_HOME", self.path())
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        finish(self.start(arguments))
    }
}

/// Waits for the end of the program.
pub(crate) fn finish(child: Child) -> Ran {
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(
            started.elapsed() < DEADLINE,
            "{what}: not within {DEADLINE:?}"
        );
        std::thread::yield_now();
    }
}

/// Where a server is and who logs in.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Server {
    /// Reads `scheme://user:password@host:port/...` from the environment.
    #[track_caller]
    fn from_env(variable: &str) -> Self {
        let Ok(url) = std::env::var(variable) else {
            panic!("{variable} is not set: run `cargo xtask test`, which starts the servers");
        };
        let parts = || {
            let rest = url.split_once("://")?.1;
            let (login, rest) = rest.rsplit_once('@')?;
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let (host, port) = rest.split(['/', '?']).next()?.rsplit_once(':')?;
            Some(Self {
                user: user.to_owned(),
                password: password.to_owned(),
                host: host.to_owned(),
                port: port.parse().ok()?,
            })
        };
        parts().unwrap_or_else(|| panic!("{variable} is no URL with user, host and port"))
    }
}

/// A home directory and a database of the same name on both servers, dropped at the end.
pub(crate) struct Bench {
    pub(crate) home: Home,
    pub(crate) database: String,
    pub(crate) mysql: Server,
    pub(crate) postgres: Server,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    /// Databases without tables, and a configuration `default` for the source `shop`.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let bench = Self {
            home: Home::new(),
            database: format!("host_it_{}_{number}", std::process::id()),
            mysql: Server::from_env("CHAMELEON_TEST_MYSQL_URL"),
            postgres: Server::from_env("CHAMELEON_TEST_POSTGRES_URL"),
            runtime: tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap(),
        };
        bench.mysql(&format!("create database `{}`", bench.database));
        bench.on_postgres("postgres", &format!("create database {}", bench.database));
        bench
            .home
            .write_config("default", &bench.config("shop", ""));
        bench
    }

    /// A configuration with further lines.
    pub(crate) fn config(&self, source: &str, more: &str) -> String {
        let (my, pg, database) = (&self.mysql, &self.postgres, &self.database);
        format!(
            "source_name: {source}\nmy_database: {database}\npg_database: {database}\n\
             dest_schema: sch_{source}\n\
             mysql_conn: {{host: \"{}\", port: {}, user: {}, passwd: \"{}\"}}\n\
             pg_conn: {{host: \"{}\", port: {}, user: {}, password: \"{}\"}}\n{more}",
            my.host, my.port, my.user, my.password, pg.host, pg.port, pg.user, pg.password
        )
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(arguments)
    }

    /// Makes the catalog and registers the source.
    pub(crate) fn registered() -> Self {
        let bench = Self::new();
        bench.run(&["create_schema"]).expect(0);
        bench.run(&["add_source"]).expect(0);
        bench
    }

    /// Runs statements at the source, one a call.
    pub(crate) fn mysql(&self, sql: &str) {
        let server = &self.mysql;
        let options = mysql_async::OptsBuilder::default()
            .ip_or_hostname(&server.host)
            .tcp_port(server.port)
            .user(Some(&server.user))
            .pass(Some(&server.password))
            .secure_auth(true);
        let sql = sql.replace("DB.", &format!("`{}`.", self.database));
        self.runtime.block_on(async {
            let mut conn = mysql_async::Conn::new(options).await.unwrap();
            conn.query_drop(sql).await.unwrap();
            conn.disconnect().await.unwrap();
        });
    }

    /// Runs a script in the test's database at the target.
    pub(crate) fn postgres(&self, sql: &str) {
        self.on_postgres(&self.database, sql);
    }

    fn on_postgres(&self, database: &str, sql: &str) {
        self.runtime.block_on(async {
            let client = connect(&self.options(database, "bench")).await.unwrap();
            client.batch_execute(sql).await.unwrap();
        });
    }

    /// One value of the test's database at the target, as text.
    pub(crate) fn value(&self, sql: &str) -> Option<String> {
        self.runtime.block_on(async {
            let client = connect(&self.options(&self.database, "bench"))
                .await
                .unwrap();
            let row = client.query_opt(sql, &[]).await.unwrap();
            row.and_then(|row| row.get(0))
        })
    }

    /// A session in the test's database that stays open.
    pub(crate) fn session(&self, application_name: &str) -> Session<'_> {
        let options = self.options(&self.database, application_name);
        let client = self.runtime.block_on(connect(&options)).unwrap();
        Session {
            bench: self,
            client,
        }
    }

    fn options(&self, database: &str, application_name: &str) -> ConnectOptions {
        let server = &self.postgres;
        let mut options = ConnectOptions::new(&server.host, &server.user, database);
        options.port = server.port;
        options.password.clone_from(&server.password);
        options.application_name = application_name.to_owned();
        options
    }

    /// Settings of insta with everything that differs from run to run replaced.
    pub(crate) fn snapshots(&self) -> insta::Settings {
        let mut settings = snapshots(&self.home);
        for (text, name) in [
            (self.database.as_str(), "[database]"),
            (
                &format!("{}:{}", self.mysql.host, self.mysql.port),
                "[source]",
            ),
            (
                &format!("{}:{}", self.postgres.host, self.postgres.port),
                "[target]",
            ),
        ] {
            settings.add_filter(&escape(text), name);
        }
        settings
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // the databases stay for a look, and a second panic would abort the run
            return;
        }
        let drop_database = format!("drop database if exists {} with (force)", self.database);
        self.on_postgres("postgres", &drop_database);
        self.mysql(&format!("drop database if exists `{}`", self.database));
    }
}

/// A session at the target.
pub(crate) struct Session<'a> {
    bench: &'a Bench,
    client: Client,
}

impl Session<'_> {
    pub(crate) fn run(&self, sql: &str) {
        self.bench
            .runtime
            .block_on(self.client.batch_execute(sql))
            .unwrap();
    }
}

/// Settings of insta with everything that differs from run to run replaced, for tests without
/// servers.
pub(crate) fn snapshots(home: &Home) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&escape(&home.path().display().to_string()), "[home]");
    settings.add_filter(r"pid \d+", "pid [pid]");
    settings.add_filter(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "[time]");
    settings.add_filter(r"\b(\d+\.\d+ s|\d+ ms)\b", "[seconds]");
    settings
}

fn escape(text: &str) -> String {
    text.replace('.', r"\.").replace('/', r"\/")
}
