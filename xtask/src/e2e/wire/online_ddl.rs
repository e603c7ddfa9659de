//! Tables are rewritten by pt-online-schema-change and by the statements of gh-ost while rows stream: the replica
//! ends equal, no table is held, and nothing of the tools' own tables is left at the target.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use tokio::{process::Command, sync::watch, task::JoinHandle, time::timeout};

use super::{execute, sound};
use crate::{
    address::Address,
    e2e::{
        Setting,
        stage::{Detour, Mode, Pair, Stage},
    },
    replica::Host,
    servers::extras,
    shop::{self, Size, writer::Writer},
};

/// A shop that a tool needs several chunks for.
const SIZE: Size = Size {
    customers: 2_000,
    orders: 6_000,
};

/// One run of a tool.
const TOOL_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a statement may take until it waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Rewrites tables of a busy shop.
pub(in crate::e2e) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    shop::load(&stage.source, SIZE).await?;
    visits(&stage.source).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    let (stop, writing) = busy(&stage, setting.seed);
    let visiting = tokio::spawn(visit(stage.source.clone(), stop.subscribe()));

    let changes = "add column note varchar(40) not null default 'new', \
                   modify full_name varchar(300), add index by_note (note, id)";
    percona(&stage, "customers", changes, &[])
        .await
        .context("pt-online-schema-change")?;
    // killed while a tool is at work
    let rewriting = percona(&stage, "orders", "add column channel smallint", KEPT);
    let killing = async {
        until_copying(&stage.source, "_orders_new").await?;
        host.kill()?;
        stage.replica.start(&["start_replica"])
    };
    let (rewritten, started) = tokio::join!(rewriting, killing);
    rewritten.context("pt-online-schema-change, the host killed")?;
    let mut host = started?;
    let alter = "add column memo varchar(30) default 'm', modify pages int, drop column bounced";
    ghost(&stage, "visits", alter).await.context("gh-ost")?;
    given_up(&stage, "products")
        .await
        .context("gh-ost given up")?;

    stop.send_replace(true);
    let written = writing.await?.context("the writer")?;
    let visited = visiting.await?.context("the visitor")?;
    ensure!(written > 0 && visited > 0, "the writers wrote nothing");
    execute(
        &stage.source,
        &["drop table _orders_old", "drop table _visits_del"],
    )
    .await?;
    equal(&mut stage, &mut host).await?;
    host.stop().await?;
    stage.strike().await
}

/// Keeps the shop busy until it is told to stop.
fn busy(stage: &Stage, seed: u64) -> (watch::Sender<bool>, JoinHandle<Result<u64>>) {
    let (stop, told) = watch::channel(false);
    let mut writer = Writer::new(seed, SIZE);
    let source = stage.source.clone();
    let writing = async move {
        let mut written = 0;
        let mut connection = source.mysql().await?;
        while !*told.borrow() {
            match writer.write(&mut connection, 1).await {
                Ok(_) => written += 1,
                // the tools lock rows, too
                Err(error) if is_of_the_tools(&error) => connection = source.mysql().await?,
                Err(error) => return Err(error),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        connection.disconnect().await?;
        Ok(written)
    };
    (stop, tokio::spawn(writing))
}

/// A deadlock, a lock that was waited for too long, a foreign key that still names the old table.
fn is_of_the_tools(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<mysql_async::Error>())
        .any(|cause| {
            matches!(cause, mysql_async::Error::Server(server) if matches!(server.code, 1205 | 1213 | 1452))
        })
}

/// A table without foreign keys, as gh-ost wants it.
async fn visits(source: &Address) -> Result<()> {
    let rows: Vec<String> = (0..2_000)
        .map(|n| format!("({n}, {n}, 'page {n}', {})", n % 2))
        .collect();
    let insert = format!(
        "insert into visits (pages, customer, path, bounced) values {}",
        rows.join(", ")
    );
    execute(
        source,
        &[
            "create table visits (id bigint unsigned not null auto_increment primary key, \
               pages smallint, customer int, path varchar(60), bounced tinyint(1) not null default 0)",
            &insert,
        ],
    )
    .await
}

/// Changes visits until it is told to stop, also while the table is locked and exchanged.
async fn visit(source: Address, stop: watch::Receiver<bool>) -> Result<u64> {
    let mut connection = source.mysql().await?;
    let mut number = 0;
    while !*stop.borrow() {
        number += 1;
        for statement in [
            format!(
                "insert into visits (pages, customer, path) values ({number} % 100, {number}, 'new {number}')"
            ),
            format!(
                "update visits set pages = {number} % 77, path = concat('seen ', id) where id % 997 = {number} % 997"
            ),
            format!("delete from visits where id = {number} * 3"),
        ] {
            let done = connection.query_drop(&statement).await;
            let done = done.map_err(anyhow::Error::from);
            if !done.as_ref().is_err_and(is_of_the_tools) {
                done.context(statement)?;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    connection.disconnect().await?;
    Ok(number)
}

async fn equal(stage: &mut Stage, host: &mut Host) -> Result<()> {
    sound(stage, host).await?;
    // the new columns came without a copy
    let client = stage.target.postgres().await?;
    let columns: i64 = client
        .query_one(
            "select count(*) from information_schema.columns where table_schema = $1::text \
               and (table_name, column_name) in (('customers', 'note'), ('orders', 'channel'), ('visits', 'memo'))",
            &[&stage.dest_schema()],
        )
        .await?
        .get(0);
    ensure!(columns == 3, "{columns} of 3 new columns are there");
    Ok(())
}

/// The old table stays, and foreign keys of others follow the new one.
const KEPT: &[&str] = &["--no-drop-old-table"];

/// Runs the tool itself.
async fn percona(stage: &Stage, table: &str, alter: &str, more: &[&str]) -> Result<()> {
    let tool = tokio::task::spawn_blocking(extras::online_schema_change).await??;
    let source = &stage.source;
    let mut command = Command::from(tool);
    command
        .args(["--alter", alter, "--execute", "--recursion-method=none"])
        .args(["--no-version-check", "--no-check-replication-filters"])
        .args([
            "--chunk-size=500",
            "--chunk-time=0",
            "--no-check-unique-key-change",
        ])
        .args([
            "--alter-foreign-keys-method=rebuild_constraints",
            "--max-load=Threads_running=1000",
            "--critical-load=Threads_running=5000",
        ])
        .args(more)
        .arg(format!(
            "h={},P={},u={},p={},D={},t={table}",
            source.host, source.port, source.user, source.password, source.database
        ))
        .kill_on_drop(true);
    let done = timeout(TOOL_TIMEOUT, command.output())
        .await
        .context("the tool does not end")??;
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        bail!("{}:\n{}", done.status, String::from_utf8_lossy(&said));
    }
    Ok(())
}

/// The statements of gh-ost up to its row copy. It has no triggers: it reads the binlog and writes what it finds into
/// its ghost table, which `replace` and `delete` stand for here.
async fn copied_by_ghost(stage: &Stage, table: &str, alter: &str) -> Result<()> {
    let create_log = format!(
        "create table _{table}_ghc (id bigint auto_increment, \
           last_update timestamp not null default current_timestamp on update current_timestamp, \
           hint varchar(64) charset ascii not null, value varchar(4096) charset ascii not null, \
           primary key (id), unique key hint_uidx (hint)) auto_increment = 256"
    );
    let log = |value: &str| {
        format!(
            "insert into _{table}_ghc (id, hint, value) values (null, 'state', '{value}') on duplicate key update value = '{value}'"
        )
    };
    let columns = columns(&stage.source, table, "bounced").await?;
    let mut statements = vec![
        format!("drop table if exists _{table}_gho"),
        format!("drop table if exists _{table}_del"),
        format!("drop table if exists _{table}_ghc"),
        create_log,
        format!("create table _{table}_gho like {table}"),
        format!("alter table _{table}_gho {alter}"),
        log("GhostTableMigrated"),
    ];
    for chunk in 0..8 {
        statements.push(format!(
            "insert ignore into _{table}_gho ({columns}) (select {columns} from {table} force index (primary) \
               where id % 8 = {chunk} lock in share mode)"
        ));
        statements.push(format!(
            "replace into _{table}_gho ({columns}) select {columns} from {table} where id % 8 = {chunk} and id % 5 = 0"
        ));
        statements.push(log(&format!("copy {chunk}")));
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    execute(&stage.source, &statements).await
}

/// The columns that both tables have.
async fn columns(source: &Address, table: &str, dropped: &str) -> Result<String> {
    let mut connection = source.mysql().await?;
    let names: Vec<String> = connection
        .exec(
            "select concat('`', column_name, '`') from information_schema.columns \
             where table_schema = ? and table_name = ? and column_name <> ? order by ordinal_position",
            (&source.database, table, dropped),
        )
        .await?;
    connection.disconnect().await?;
    Ok(names.join(", "))
}

/// The atomic cut-over: one session locks the table and a sentry of the old table's name, another one's RENAME waits
/// behind the lock, the first one drops the sentry and unlocks.
async fn ghost(stage: &Stage, table: &str, alter: &str) -> Result<()> {
    copied_by_ghost(stage, table, alter).await?;
    let mut locker = stage.source.mysql().await?;
    let prepare = [
        format!(
            "create table _{table}_del (id int auto_increment primary key) engine = innodb \
               comment = 'ghost-cut-over-sentry'"
        ),
        format!("lock tables {table} write, _{table}_del write"),
    ];
    for statement in prepare {
        locker.query_drop(&statement).await.context(statement)?;
    }
    last_events(stage, &mut locker, table).await?;
    let source = stage.source.clone();
    let rename = format!("rename table {table} to _{table}_del, _{table}_gho to {table}");
    let renaming = tokio::spawn(async move { execute(&source, &[&rename]).await });
    until_waiting(&stage.source, "rename table").await?;
    let drop = format!("drop table if exists _{table}_del");
    locker.query_drop(&drop).await.context(drop)?;
    until_locked(&stage.source, &format!("_{table}_gho")).await?;
    locker.query_drop("unlock tables").await?;
    renaming.await?.context("the rename")?;
    locker.disconnect().await?;
    let drop_log = format!("drop table if exists _{table}_ghc");
    execute(&stage.source, &[&drop_log]).await
}

/// What the binlog still had for the ghost table: its values come from another session than the one with the locks.
async fn last_events(stage: &Stage, locker: &mut mysql_async::Conn, table: &str) -> Result<()> {
    let names = "id, pages, customer, path";
    let rows: Vec<String> = locker
        .query(format!(
            "select concat('(', id, ', ', ifnull(pages, 'null'), ', ', ifnull(customer, 'null'), ', ', quote(path), ')') \
             from {table}"
        ))
        .await?;
    let ids: Vec<String> = locker.query(format!("select id from {table}")).await?;
    let replace = format!(
        "replace into _{table}_gho ({names}) values {}",
        rows.join(", ")
    );
    let delete = format!(
        "delete from _{table}_gho where id not in ({})",
        ids.join(", ")
    );
    execute(&stage.source, &[&replace, &delete]).await
}

/// Waits until a statement of another session waits for a lock.
async fn until_waiting(source: &Address, begins: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    let question = format!(
        "select count(*) from information_schema.processlist where info like '{begins}%' and state like '%metadata lock%'"
    );
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        let waiting: Option<u64> = connection.query_first(&question).await?;
        if waiting == Some(1) {
            return Ok(connection.disconnect().await?);
        }
        ensure!(Instant::now() < deadline, "{begins} does not wait");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a session holds the table and does not give it back: the rename takes its locks in the order of the
/// names, so the table's own is all that it waits for then.
async fn until_locked(source: &Address, table: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    connection.query_drop("set lock_wait_timeout = 1").await?;
    let probe = format!("select 1 from {table} limit 1");
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match connection.query_drop(&probe).await {
            Ok(()) => {}
            Err(mysql_async::Error::Server(refused)) if refused.code == 1205 => {
                return Ok(connection.disconnect().await?);
            }
            Err(error) => return Err(error).context(probe),
        }
        ensure!(Instant::now() < deadline, "nobody locks {table}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a tool has made its new table and copies rows into it.
async fn until_copying(source: &Address, table: &str) -> Result<()> {
    let mut connection = source.mysql().await?;
    let there =
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?";
    let filled = format!("select 1 from {table} limit 1");
    let deadline = Instant::now() + TOOL_TIMEOUT;
    loop {
        let found: Option<u64> = connection
            .exec_first(there, (&source.database, table))
            .await?;
        if found == Some(1) && connection.query_first::<u8, _>(&filled).await?.is_some() {
            return Ok(connection.disconnect().await?);
        }
        ensure!(Instant::now() < deadline, "no row comes into {table}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A run that is given up leaves nothing.
async fn given_up(stage: &Stage, table: &str) -> Result<()> {
    copied_by_ghost(stage, table, "add column never int").await?;
    let (ghost, log) = (
        format!("drop table _{table}_gho"),
        format!("drop table _{table}_ghc"),
    );
    execute(&stage.source, &[&ghost, &log]).await
}
