//! A fresh database at the target, and `chameleon-tools bloat` on it.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_postgres::{Client, ConnectOptions};
use serde_json::Value;

use crate::support::Run;

/// A database that is dropped at the end.
pub(crate) struct Scratch {
    options: ConnectOptions,
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Scratch {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let url = std::env::var("CHAMELEON_TEST_POSTGRES_URL").unwrap_or_else(|_| {
            panic!("CHAMELEON_TEST_POSTGRES_URL is not set: run `cargo xtask test`")
        });
        let mut options = ConnectOptions::from_url(&url).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let client = runtime.block_on(async {
            let admin = chameleon_postgres::connect(&options).await.unwrap();
            let database = format!("bloat_{}_{number}", std::process::id());
            let sql = format!("create database {database}");
            admin.batch_execute(&sql).await.unwrap();
            options.database = database;
            chameleon_postgres::connect(&options).await.unwrap()
        });
        Self {
            options,
            client,
            runtime,
        }
    }

    /// Another session.
    pub(crate) fn session(&self) -> Client {
        let connected = chameleon_postgres::connect(&self.options);
        self.runtime.block_on(connected).unwrap()
    }

    /// Runs statements one by one, each in its own transaction; a body in dollars is one. What they
    /// count is published at once, where PostgreSQL takes its time.
    pub(crate) fn sql(&self, sql: &str) {
        self.sql_on(&self.client, sql);
    }

    pub(crate) fn sql_on(&self, client: &Client, sql: &str) {
        let statements = sql.split(';').scan((String::new(), false), |state, part| {
            state.0.push_str(part);
            state.1 ^= part.matches("$$").count() % 2 == 1;
            if state.1 {
                state.0.push(';');
                return Some(None);
            }
            Some(Some(std::mem::take(&mut state.0)))
        });
        for statement in statements.flatten().filter(|s| !s.trim().is_empty()) {
            let done = self.runtime.block_on(client.batch_execute(&statement));
            done.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
            let flush = client.batch_execute("select pg_stat_force_next_flush()");
            self.runtime.block_on(flush).unwrap();
        }
    }

    /// The one number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> f64 {
        let sql = format!("select ({sql})::float8");
        let row = self.runtime.block_on(self.client.query_one(&sql, &[]));
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .get(0)
    }

    /// Asks until the answer is true.
    pub(crate) fn wait_for(&self, sql: &str) {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while self.number(&format!("select case when ({sql}) then 1 else 0 end")) < 1.0 {
            assert!(std::time::Instant::now() < deadline, "never true: {sql}");
        }
    }

    fn url(&self) -> String {
        let ConnectOptions {
            host,
            port,
            user,
            password,
            database,
            ..
        } = &self.options;
        format!("postgres://{user}:{password}@{host}:{port}/{database}")
    }

    /// Runs the report.
    pub(crate) fn bloat(&self, args: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"));
        command.arg("--pg-url").arg(self.url());
        command.arg("bloat").args(args).stdin(Stdio::null());
        command.output().unwrap().into()
    }

    /// The same as JSON.
    pub(crate) fn bloat_json(&self, args: &[&str]) -> Value {
        let run = self.bloat(&[&["--json"], args].concat());
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let database = std::mem::replace(&mut self.options.database, "postgres".into());
        self.runtime.block_on(async {
            if let Ok(admin) = chameleon_postgres::connect(&self.options).await {
                let drop = format!("drop database {database} with (force)");
                let _ = admin.batch_execute(&drop).await;
            }
        });
    }
}
