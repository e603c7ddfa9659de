//! A pair of fresh databases and the binary.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_postgres::tokio_postgres;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

/// A database at either server, dropped at the end.
pub(crate) struct Pair {
    pub(crate) mysql: Conn,
    pub(crate) pg: tokio_postgres::Client,
    database: String,
    directory: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

fn url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask test`, which starts the servers")
    })
}

impl Pair {
    /// Makes the databases; the target's schema is `copy`. `more` is added to the configuration.
    pub(crate) fn new(more: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let database = format!("tools_{}_{number}", std::process::id());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let mysql_url = url("CHAMELEON_TEST_MYSQL_URL");
        let pg_url = url("CHAMELEON_TEST_POSTGRES_URL");
        let opts = Opts::from_url(&mysql_url).unwrap();
        let options = chameleon_postgres::ConnectOptions::from_url(&pg_url).unwrap();
        let (mysql, pg) = runtime.block_on(async {
            let mut mysql = Conn::new(opts.clone()).await.unwrap();
            mysql
                .query_drop(format!("create database {database} character set utf8mb4"))
                .await
                .unwrap();
            mysql.query_drop(format!("use {database}")).await.unwrap();
            mysql
                .query_drop("set sql_mode = '', time_zone = '+00:00'")
                .await
                .unwrap();
            let admin = chameleon_postgres::connect(&options).await.unwrap();
            admin
                .batch_execute(&format!("create database {database}"))
                .await
                .unwrap();
            let mut own = options.clone();
            own.database.clone_from(&database);
            let pg = chameleon_postgres::connect(&own).await.unwrap();
            pg.batch_execute("create schema copy; set search_path = copy")
                .await
                .unwrap();
            (mysql, pg)
        });
        let directory = tempfile::tempdir().unwrap();
        let config = format!(
            "source_name: s\nmy_database: {database}\npg_database: {database}\ndest_schema: copy\n\
             mysql_conn: {{host: '{}', port: {}, user: '{}', passwd: '{}'}}\n\
             pg_conn: {{host: '{}', port: {}, user: '{}', password: '{}'}}\n{more}\n",
            opts.ip_or_hostname(),
            opts.tcp_port(),
            opts.user().unwrap_or_default(),
            opts.pass().unwrap_or_default(),
            options.host,
            options.port,
            options.user,
            options.password,
        );
        std::fs::write(directory.path().join("test.yaml"), config).unwrap();
        Self {
            mysql,
            pg,
            database,
            directory,
            runtime,
        }
    }

    /// Runs statements at the source.
    pub(crate) fn source(&mut self, sql: &str) {
        let statements = sql
            .split(";\n")
            .map(str::trim)
            .filter(|sql| !sql.is_empty());
        for statement in statements {
            let done = self.runtime.block_on(self.mysql.query_drop(statement));
            done.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// What the source says its version is.
    pub(crate) fn version(&mut self) -> String {
        let found = self
            .runtime
            .block_on(self.mysql.query_first("select version()"));
        found.unwrap().unwrap()
    }

    /// Runs statements at the target.
    pub(crate) fn target(&mut self, sql: &str) {
        let done = self.runtime.block_on(self.pg.batch_execute(sql));
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// The same on both sides.
    pub(crate) fn both(&mut self, sql: &str) {
        self.source(sql);
        self.target(sql);
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join("test.yaml")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"));
        command
            .arg("--config")
            .arg(self.config())
            .arg("compare")
            .args(args);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Compares, without waiting for rows to settle.
    pub(crate) fn compare(&self, args: &[&str]) -> Run {
        let args = [&["--settle", "0"], args].concat();
        self.command(&args).output().unwrap().into()
    }

    /// Compares while `meanwhile` runs, which is called again and again, from when the session of
    /// the comparison is there until it ends or `meanwhile` says that it is done.
    pub(crate) fn compare_while(
        &mut self,
        args: &[&str],
        mut meanwhile: impl FnMut(&mut Self) -> bool,
    ) -> Run {
        let mut child = self.command(args).spawn().unwrap();
        let session = format!(
            "select 1 from pg_stat_activity where datname = '{}' and application_name = \
             'chameleon-tools'",
            self.database
        );
        while self
            .runtime
            .block_on(self.pg.query(session.as_str(), &[]))
            .unwrap()
            .is_empty()
        {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it connected"
            );
        }
        while child.try_wait().unwrap().is_none() && !meanwhile(self) {}
        child.wait_with_output().unwrap().into()
    }

    /// The JSON of a comparison.
    pub(crate) fn compare_json(&self, args: &[&str]) -> serde_json::Value {
        let run = self.compare(&[&["--json"], args].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// Compares and expects equality.
    pub(crate) fn expect_equal(&self) {
        let run = self.compare(&[]);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        let Self {
            mysql,
            runtime,
            database,
            ..
        } = self;
        runtime.block_on(async {
            let _ = mysql.query_drop(format!("drop database {database}")).await;
            let url = url("CHAMELEON_TEST_POSTGRES_URL");
            let options = chameleon_postgres::ConnectOptions::from_url(&url).unwrap();
            if let Ok(admin) = chameleon_postgres::connect(&options).await {
                let drop = format!("drop database {database} with (force)");
                let _ = admin.batch_execute(&drop).await;
            }
        });
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
