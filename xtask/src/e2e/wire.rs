//! What the binlog may look like, through the real program, on a server that encrypts its binlog.
//!
//! | what | where |
//! |---|---|
//! | encrypted binlog; images FULL, MINIMAL, NOBLOB, FULL_NODUP with both kinds of metadata, compressed or not | `images` |
//! | partial updates of JSON, compressed columns, tagged GTIDs, rows of 20 MB | `images` |
//! | savepoints with tables that know no transactions, long transactions too | `rolled_back` |
//! | rows logged as statements: plain, through views, by triggers and functions, MIXED | `statements` |
//! | rotated files, restarts, an incident, a purged file | here |
//! | another server takes the source's place | `failover` |
//! | certificates and logins | `source_tls`, `target_tls` |
//! | pt-online-schema-change and gh-ost | `online_ddl` |
//!
//! Elsewhere: values of 100 MB in `large`, every type in `cases`, XA in `xa`, killed servers in `crashes`, damaged
//! and truncated events and other versions' events in the tests of the crate that decodes.

mod certificates;
mod encrypted;
pub(super) mod failover;
mod images;
pub(super) mod online_ddl;
mod rolled_back;
pub(super) mod source_tls;
mod statements;
pub(super) mod target_tls;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{address::Address, replica::Host, servers::Server, servers::engine::Kind};

/// Plays all of it on a server of its own.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut source = encrypted::start(&pair.source.engine, setting.home).await?;
    let kind = source.engine.kind;
    let own = Pair {
        source: &source,
        target: pair.target,
    };
    let mut stage = Stage::set(own, setting, Mode::Relay, Detour::default()).await?;
    create_database(&stage.source).await?;
    images::create(&stage.source, &source.engine).await?;
    rolled_back::create(&stage.source).await?;
    statements::create(&stage.source).await?;
    stage.add_marker().await?;
    encrypted::check(&stage.source, kind).await?;
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    images::run(&mut stage, &mut host, &source.engine)
        .await
        .context("images")?;
    rolled_back::run(&mut stage, &mut host, kind)
        .await
        .context("rolled back")?;
    restarts(&mut stage, &mut host, &mut source)
        .await
        .context("restarts")?;
    statements::run(&mut stage, &mut host)
        .await
        .context("statements")?;
    no_lag(&stage, &mut host).await.context("lag")?;
    incident(&stage, host).await.context("an incident")?;
    purged(&mut stage).await.context("a purged file")?;
    stage.strike().await?;
    source.stop()
}

async fn create_database(source: &Address) -> Result<()> {
    let name = &source.database;
    let create = format!("create database `{name}` character set utf8mb4");
    execute(&source.database(""), &[&create]).await
}

/// Statements of one session.
async fn execute(source: &Address, statements: &[&str]) -> Result<()> {
    let mut connection = source.mysql().await?;
    for statement in statements {
        let done = connection.query_drop(*statement).await;
        done.with_context(|| statement.chars().take(300).collect::<String>())?;
    }
    Ok(connection.disconnect().await?)
}

/// All has arrived, both sides are equal, and no table is held.
async fn sound(stage: &mut Stage, host: &mut Host) -> Result<()> {
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(held.is_empty(), "tables are held: {}", held.join(", "));
    stage.must_be_equal().await
}

/// A command that must end with 2 and name the code.
async fn refused(stage: &Stage, arguments: &[&str], code: &str) -> Result<()> {
    let ended = stage.replica.run(arguments).await?;
    ensure!(
        ended.code == Some(2) && ended.stderr.contains(code),
        "{arguments:?} should be refused with {code}: {}",
        ended.describe()
    );
    Ok(())
}

/// Files are rotated, and the server dies and comes back, while rows are written.
async fn restarts(stage: &mut Stage, host: &mut Host, source: &mut Server) -> Result<()> {
    for round in 0..2_u32 {
        let rows = format!(
            "insert into plain select id + {}, n, v from plain",
            100_000 << round
        );
        execute(&stage.source, &["flush binary logs", &rows]).await?;
        source.restart().await?;
        execute(&stage.source, &["update plain set n = n + 1"]).await?;
        sound(stage, host).await.context("after a restart")?;
    }
    Ok(())
}

/// What is read to the end leaves no lag: the files' sizes are counted as positions are.
async fn no_lag(stage: &Stage, host: &mut Host) -> Result<()> {
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    loop {
        let status = stage.replica.status().await?;
        if status.lag_bytes() == Some(0) {
            return Ok(());
        }
        host.check_alive()?;
        ensure!(Instant::now() < deadline, "lag remains: {status:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The source says that its binlog lacks changes: the replica stops, and a new copy is the way on.
async fn incident(stage: &Stage, mut host: Host) -> Result<()> {
    let size: Option<u64> = {
        let mut connection = stage.source.mysql().await?;
        let question = "select @@global.max_binlog_stmt_cache_size";
        let size = connection.query_first(question).await?;
        connection.disconnect().await?;
        size
    };
    // Rows of a table that knows no transactions stay, though the log cannot take them.
    let mut connection = stage.source.mysql().await?;
    for prepare in [
        "set global max_binlog_stmt_cache_size = 4096",
        "set global binlog_stmt_cache_size = 4096",
    ] {
        connection.query_drop(prepare).await?;
    }
    connection.disconnect().await?;
    let mut connection = stage.source.mysql().await?;
    let rows: Vec<String> = (0..200)
        .map(|n| format!("({}, repeat('i', 200))", 9_000 + n))
        .collect();
    let insert = format!("insert into untransactional values {}", rows.join(", "));
    let refused = connection.query_drop(insert).await;
    ensure!(refused.is_err(), "the log took all the rows");
    connection.disconnect().await?;
    let size = size.context("no size")?;
    let back = format!("set global max_binlog_stmt_cache_size = {size}");
    execute(&stage.source, &[&back]).await?;
    let ended = host.wait(ARRIVAL_TIMEOUT).await?;
    let said = host.log_tail();
    ensure!(
        ended.is_some_and(|status| status.code() == Some(2)) && said.contains("SRC060"),
        "the incident was not told: {ended:?}\n{said}"
    );
    // It stays so, until the source is copied anew.
    self::refused(stage, &["start_replica"], "SRC060").await?;
    stage.replica.must(&["init_replica"]).await?;
    stage.replica.catch_up().await?;
    stage.must_be_equal().await
}

/// The file that is needed is gone.
async fn purged(stage: &mut Stage) -> Result<()> {
    execute(
        &stage.source,
        &[
            "insert into plain values (9000001, 1, 'unread')",
            "flush binary logs",
            "insert into plain values (9000002, 1, 'unread')",
            "flush binary logs",
        ],
    )
    .await?;
    let (newest, _) = stage.source.binlog_end().await?;
    purge(stage, &newest).await?;
    refused(stage, &["start_replica"], "SRC030").await?;
    let status = stage.replica.must(&["show_status"]).await?;
    ensure!(
        status.contains("error"),
        "the status tells nothing:\n{status}"
    );
    stage.replica.must(&["init_replica"]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    sound(stage, &mut host).await?;
    host.stop().await
}

/// A server keeps files for a while that a connection which has ended was reading.
async fn purge(stage: &Stage, to: &str) -> Result<()> {
    let statement = format!("purge binary logs to '{to}'");
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    loop {
        let mut connection = stage.source.mysql().await?;
        connection.query_drop(&statement).await?;
        let files: Vec<mysql_async::Row> = connection.query("show binary logs").await?;
        connection.disconnect().await?;
        if files.len() == 1 {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{} files stay", files.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// True for MySQL.
fn is_mysql(kind: Kind) -> bool {
    kind == Kind::MySql
}
