//! A fresh database per test.

use std::sync::atomic::{AtomicU32, Ordering};

use chameleon_model::TableSchema;
use chameleon_mysql::{ConnectOptions, Flavor, Source, SourceConn, TableSelection, introspect};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};

/// A database of its own, dropped at the end of the test.
pub(crate) struct TestDb {
    pub(crate) source: Source,
    pub(crate) admin: Conn,
    opts: Opts,
}

/// The server's URL; without it the test fails.
pub(crate) fn server() -> Opts {
    let url = std::env::var("CHAMELEON_TEST_MYSQL_URL")
        .expect("CHAMELEON_TEST_MYSQL_URL is not set: run `cargo xtask test`");
    let opts = Opts::from_url(&url).expect("CHAMELEON_TEST_MYSQL_URL is no mysql:// URL");
    OptsBuilder::from_opts(opts).prefer_socket(false).into()
}

impl TestDb {
    /// Makes an empty database.
    pub(crate) async fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let opts = server();
        let name = format!(
            "t_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let mut admin = Conn::new(opts.clone()).await.expect("connect");
        let set_up = format!(
            "drop database if exists {name}; create database {name} character set utf8mb4; \
             use {name}; set sql_mode = ''; set time_zone = '+00:00'"
        );
        admin.query_drop(set_up).await.expect("create the database");
        let source = Source {
            options: options(&opts),
            database: name,
        };
        Self {
            source,
            admin,
            opts,
        }
    }

    /// Runs statements, separated by semicolons.
    pub(crate) async fn run(&mut self, sql: &str) {
        if let Err(error) = self.admin.query_drop(sql).await {
            panic!("{error}: {sql}");
        }
    }

    /// Another session for statements, with this database as its default.
    pub(crate) async fn session(&self) -> Conn {
        let opts = OptsBuilder::from_opts(self.opts.clone());
        let opts = opts.db_name(Some(self.source.database.clone()));
        let mut conn = Conn::new(opts).await.expect("connect");
        conn.query_drop("set sql_mode = '', time_zone = '+00:00'")
            .await
            .expect("set the session up");
        conn
    }

    /// A session of the crate.
    pub(crate) async fn connect(&self) -> SourceConn {
        self.source.connect().await.expect("connect")
    }

    /// All tables' schemas.
    pub(crate) async fn tables(&self) -> Vec<TableSchema> {
        let mut conn = self.connect().await;
        introspect::load_tables(&mut conn, &self.source.database, &TableSelection::all())
            .await
            .expect("load the tables")
    }

    /// One table's schema.
    pub(crate) async fn table(&self, name: &str) -> TableSchema {
        let mut tables = self.tables().await;
        tables.retain(|t| t.name.name == name);
        tables.pop().expect("the table is there")
    }

    /// Flavour and version of the server.
    pub(crate) async fn version(&self) -> (Flavor, u32) {
        let conn = self.connect().await;
        let info = conn.server_info();
        (info.flavor, info.version)
    }
}

/// Connection options for a driver's URL.
pub(crate) fn options(opts: &Opts) -> ConnectOptions {
    ConnectOptions::new(
        opts.ip_or_hostname(),
        opts.tcp_port(),
        opts.user().unwrap_or_default(),
        opts.pass().unwrap_or_default(),
    )
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let (opts, name) = (self.opts.clone(), self.source.database.clone());
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("runtime");
            runtime.block_on(async {
                if let Ok(mut conn) = Conn::new(opts).await {
                    let sql = format!("drop database if exists {name}");
                    // a session that a failed test left open may hold the database's locks
                    let _ = conn.query_drop("set lock_wait_timeout = 5").await;
                    let _ = conn.query_drop(sql).await;
                }
            });
        };
        let _ = std::thread::spawn(work).join();
    }
}
