//! XA transactions: prepared in one session, ended in another, with other transactions and a killed host in between.

mod kills;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{random::Random, replica::Host};

/// How long the source may take to see that the session that prepared a transaction is gone.
const DETACH_TIMEOUT: Duration = Duration::from_secs(10);

/// Rows of a megabyte: more than the host keeps of one transaction before it writes a part.
const LARGE_ROWS: u64 = 72;

const TABLES: &[&str] = &[
    "create table accounts (id bigint primary key, balance decimal(20, 4), note varchar(100), \
       payload varbinary(50), unique key (note))",
    "create table audit (id bigint, what text)",
    "create table drifting (id int primary key, what text)",
    "create table large (id int primary key, what longtext)",
    "insert into accounts values (1, 10.5, 'one', x'00ff'), (2, -3, 'two', null), (3, null, null, ''), \
       (4, 0, 'four', x'27')",
    "insert into drifting values (1, 'a'), (2, 'b'), (3, 'c')",
];

/// Plays all of it, and at last kills the host at random moments.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    let mut connection = stage.source.database("").mysql().await?;
    let database = &stage.source.database;
    connection
        .query_drop(format!(
            "create database `{database}` character set utf8mb4"
        ))
        .await?;
    connection.disconnect().await?;
    execute(&stage, TABLES).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let host = over_a_restart(&mut stage).await.context("over a restart")?;
    let host = in_one_phase(&mut stage, host).await.context("one phase")?;
    let mut host = in_parts(&mut stage, host, setting)
        .await
        .context("in parts")?;
    if mode == Mode::Relay {
        held_between(&mut stage, &mut host)
            .await
            .context("held between the phases")?;
        host = refused_copies(&mut stage, host)
            .await
            .context("refused copies")?;
        host = read_by_predecessor(&mut stage, host)
            .await
            .context("1.x between the phases")?;
    }
    host.stop().await?;
    kills::run(&mut stage, setting)
        .await
        .context("random kills")?;
    stage.strike().await
}

async fn execute(stage: &Stage, statements: &[&str]) -> Result<()> {
    execute_in_session(stage, statements).await.map(drop)
}

/// Returns the number of the session, which ends.
async fn execute_in_session(stage: &Stage, statements: &[&str]) -> Result<u32> {
    let mut connection = stage.source.mysql().await?;
    for statement in statements {
        let done = connection.query_drop(*statement).await;
        done.with_context(|| (*statement).to_owned())?;
    }
    let session = connection.id();
    connection.disconnect().await?;
    Ok(session)
}

/// Prepares a transaction in a session that then ends. Only then is it of no session: MariaDB may say that it has
/// committed one whose session is just ending, write so to the binlog, and roll its rows back.
async fn prepare(stage: &Stage, xid: &str, statements: &[&str]) -> Result<()> {
    let (start, end) = (format!("xa start {xid}"), format!("xa end {xid}"));
    let prepare = format!("xa prepare {xid}");
    let mut all = vec![start.as_str()];
    all.extend(statements);
    all.extend([end.as_str(), prepare.as_str()]);
    let session = execute_in_session(stage, &all).await?;
    let mut connection = stage.source.mysql().await?;
    let question = format!("select id from information_schema.processlist where id = {session}");
    let deadline = Instant::now() + DETACH_TIMEOUT;
    while connection.query_first::<u64, _>(&question).await?.is_some() {
        ensure!(Instant::now() < deadline, "session {session} does not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(connection.disconnect().await?)
}

/// A transaction that is committed in one phase.
async fn one_phase(stage: &Stage, xid: &str, statements: &[&str]) -> Result<()> {
    let (start, end) = (format!("xa start {xid}"), format!("xa end {xid}"));
    let commit = format!("xa commit {xid} one phase");
    let mut all = vec![start.as_str()];
    all.extend(statements);
    all.extend([end.as_str(), commit.as_str()]);
    execute(stage, &all).await
}

/// Commits or rolls back what another session has prepared.
async fn end(stage: &Stage, xid: &str, word: &str) -> Result<()> {
    execute(stage, &[&format!("xa {word} {xid}")]).await
}

async fn count(stage: &Stage, sql: &str) -> Result<i64> {
    let client = stage.target.postgres().await?;
    let counted = client
        .query_one(sql, &[])
        .await
        .with_context(|| sql.to_owned())?;
    Ok(counted.get(0))
}

/// Changes that the catalog keeps of prepared transactions.
async fn kept(stage: &Stage) -> Result<i64> {
    count(
        stage,
        "select count(*) from sch_chameleon.t_prepared_changes",
    )
    .await
}

/// What is committed has arrived, so many changes are kept, no table is held, both sides are equal.
async fn check(stage: &mut Stage, host: &mut Host, expected: i64) -> Result<()> {
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let found = kept(stage).await?;
    ensure!(
        found == expected,
        "{found} changes are kept instead of {expected}"
    );
    let held = stage.replica.status().await?.held_tables();
    ensure!(held.is_empty(), "tables are held: {}", held.join(", "));
    stage.must_be_equal().await
}

/// PostgreSQL ends what a dead host asked for last before it lets go of the source.
async fn killed_and_started(stage: &Stage, mut host: Host) -> Result<Host> {
    host.check_alive()?;
    host.kill()?;
    let sessions = "select count(*) from pg_stat_activity \
                    where datname = current_database() and application_name like 'chameleon %'";
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    while count(stage, sessions).await? > 0 {
        ensure!(
            Instant::now() < deadline,
            "sessions of the killed host stay"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.replica.start(&["start_replica"])
}

/// Prepared before the host is killed and while it is dead; ended after it runs again.
async fn over_a_restart(stage: &mut Stage) -> Result<Host> {
    // bytes that are no text, and a quote
    let (first, second) = ("x'00ff27',x'5c0a',7", "'second'");
    let mut host = stage.replica.start(&["start_replica"])?;
    check(stage, &mut host, 0).await?;
    prepare(
        stage,
        first,
        &[
            "insert into accounts values (10, 1, 'ten', x'0001'), (11, 2, 'eleven', null)",
            "update accounts set balance = 11, note = 'changed' where id = 1",
            "delete from accounts where id = 2",
            "insert into audit values (10, 'ten')",
        ],
    )
    .await?;
    execute(stage, &["update accounts set note = 'three' where id = 3"]).await?;
    check(stage, &mut host, 5).await.context("prepared")?;
    host.kill()?;
    prepare(
        stage,
        second,
        &["update accounts set balance = 44 where id = 4"],
    )
    .await?;
    execute(stage, &["insert into accounts values (12, 0, null, null)"]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    check(stage, &mut host, 6).await.context("started again")?;
    end(stage, first, "commit").await?;
    end(stage, second, "rollback").await?;
    check(stage, &mut host, 0).await.context("ended")?;
    ensure!(
        count(
            stage,
            "select count(*) from replica.accounts where id in (10, 11)"
        )
        .await?
            == 2,
        "the committed rows are not there"
    );

    // the same name once more, and both steps while the host is dead
    prepare(
        stage,
        first,
        &["update accounts set balance = 12 where id = 1"],
    )
    .await?;
    check(stage, &mut host, 1).await.context("the same name")?;
    let mut host = killed_and_started(stage, host).await?;
    check(stage, &mut host, 1).await.context("killed")?;
    host.kill()?;
    end(stage, first, "commit").await?;
    prepare(stage, second, &["delete from accounts where id = 10"]).await?;
    end(stage, second, "commit").await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    check(stage, &mut host, 0)
        .await
        .context("ended while the host was dead")?;
    Ok(host)
}

/// In one phase, what ends before it is prepared, and what changes no table of concern.
async fn in_one_phase(stage: &mut Stage, mut host: Host) -> Result<Host> {
    execute(stage, &["insert into audit values (1, 'before')"]).await?;
    one_phase(
        stage,
        "'once','',1",
        &["insert into accounts values (20, 5, 'once', null)"],
    )
    .await?;
    execute(
        stage,
        &[
            "xa start 'undone'",
            "insert into accounts values (21, 5, 'undone', null)",
            "xa end 'undone'",
            "xa rollback 'undone'",
        ],
    )
    .await?;
    // of another database, so nothing of it is kept
    let other = format!("{}_other", stage.source.database);
    let create = format!("create database {other}");
    let table = format!("create table {other}.things (id int primary key)");
    execute(stage, &[&create, &table]).await?;
    let insert = format!("insert into {other}.things values (1)");
    prepare(stage, "'elsewhere'", &[&insert]).await?;
    check(stage, &mut host, 0).await?;
    end(stage, "'elsewhere'", "commit").await?;
    check(stage, &mut host, 0).await?;
    execute(stage, &[&format!("drop database {other}")]).await?;
    Ok(host)
}

/// Larger than what the host keeps in memory, with kills while it is read.
async fn in_parts(stage: &mut Stage, mut host: Host, setting: &Setting<'_>) -> Result<Host> {
    let mut random = Random::new(setting.seed);
    let inserts: Vec<String> = (0..LARGE_ROWS)
        .map(|id| {
            format!(
                "insert into large values ({id}, repeat('{}', 1000000))",
                id % 10
            )
        })
        .collect();
    let inserts: Vec<&str> = inserts.iter().map(String::as_str).collect();
    prepare(stage, "'large'", &inserts).await?;
    for _ in 0..3 {
        let moment = random.duration(Duration::ZERO, Duration::from_millis(900));
        tokio::time::sleep(moment).await;
        host = killed_and_started(stage, host).await?;
    }
    let rows = i64::try_from(LARGE_ROWS)?;
    check(stage, &mut host, rows).await.context("prepared")?;
    end(stage, "'large'", "commit").await?;
    for _ in 0..2 {
        let moment = random.duration(Duration::ZERO, Duration::from_millis(900));
        tokio::time::sleep(moment).await;
        host = killed_and_started(stage, host).await?;
    }
    check(stage, &mut host, 0).await.context("committed")?;

    one_phase(
        stage,
        "'large'",
        &[
            "update large set what = concat(what, 'x') where id < 30",
            "delete from large where id = 31",
        ],
    )
    .await?;
    tokio::time::sleep(random.duration(Duration::ZERO, Duration::from_millis(900))).await;
    host = killed_and_started(stage, host).await?;
    check(stage, &mut host, 0).await.context("in one phase")?;
    prepare(stage, "'large'", &["delete from large"]).await?;
    check(stage, &mut host, rows - 1)
        .await
        .context("prepared again")?;
    end(stage, "'large'", "rollback").await?;
    check(stage, &mut host, 0).await.context("rolled back")?;
    Ok(host)
}

/// A table is held after its changes were kept: they are left out and counted, and the way back works.
async fn held_between(stage: &mut Stage, host: &mut Host) -> Result<()> {
    prepare(
        stage,
        "'held'",
        &[
            "update drifting set what = 'prepared' where id = 1",
            "insert into audit values (30, 'held')",
        ],
    )
    .await?;
    check(stage, host, 2).await?;
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "delete from {}.drifting where id = 2",
            stage.dest_schema()
        ))
        .await?;
    execute(stage, &["update drifting set what = 'drift' where id = 2"]).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        held.len() == 1,
        "one table should be held: {}",
        held.join(", ")
    );
    // the stream has noticed the hold when it counts what it leaves out
    let missed = "select coalesce(sum(i_missed), 0)::bigint from sch_chameleon.t_held_tables";
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    while count(stage, missed).await? == 0 {
        ensure!(Instant::now() < deadline, "nothing is counted");
        execute(
            stage,
            &["update drifting set what = concat(what, '.') where id = 3"],
        )
        .await?;
        stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    }
    let before = count(stage, missed).await?;
    end(stage, "'held'", "commit").await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    ensure!(kept(stage).await? == 0, "the changes are kept for ever");
    ensure!(
        count(stage, missed).await? == before + 1,
        "the missed change is not counted"
    );
    ensure!(
        count(stage, "select count(*) from replica.audit where id = 30").await? == 1,
        "the other table's change is missing"
    );
    stage
        .replica
        .must(&["sync_tables", "--tables", "drifting"])
        .await?;
    check(stage, host, 0).await
}

/// A copy does not begin while a transaction is prepared, and changes nothing.
async fn refused_copies(stage: &mut Stage, mut host: Host) -> Result<Host> {
    prepare(
        stage,
        "'waits'",
        &["update accounts set balance = 1 where id = 3"],
    )
    .await?;
    check(stage, &mut host, 1).await?;
    refused(stage, &["sync_tables", "--tables", "accounts"]).await?;
    check(stage, &mut host, 1).await?;
    host.stop().await?;
    refused(stage, &["init_replica"]).await?;
    refused(stage, &["init_replica", "--no-copy"]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    check(stage, &mut host, 1).await?;
    end(stage, "'waits'", "commit").await?;
    stage
        .replica
        .must(&["sync_tables", "--tables", "accounts"])
        .await?;
    check(stage, &mut host, 0).await?;
    Ok(host)
}

async fn refused(stage: &Stage, arguments: &[&str]) -> Result<()> {
    let ended = stage.replica.run(arguments).await?;
    if ended.code != Some(2) || !ended.stderr.contains("SRC026") {
        bail!("{arguments:?} should be refused: {}", ended.describe());
    }
    Ok(())
}

/// Where 1.x has read on, what is kept may have ended: the tables are held, and copied anew.
async fn read_by_predecessor(stage: &mut Stage, mut host: Host) -> Result<Host> {
    prepare(
        stage,
        "'old'",
        &[
            "update accounts set balance = 99 where id = 3",
            "insert into audit values (40, 'old')",
        ],
    )
    .await?;
    check(stage, &mut host, 2).await?;
    host.stop().await?;
    end(stage, "'old'", "commit").await?;
    let (file, offset) = stage.source.binlog_end().await?;
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "update sch_chameleon.t_replica_batch set b_started = true, b_processed = true, b_replayed = true \
               where not b_replayed; \
             insert into sch_chameleon.t_replica_batch (i_id_source, t_binlog_name, i_binlog_position) \
               select i_id_source, '{file}', {offset} from sch_chameleon.t_sources"
        ))
        .await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    // the one without a key is held because 1.x does not follow it at all
    let held = "select count(*) from sch_chameleon.t_held_tables \
        where (t_table_name, t_code) in (('accounts', 'RPL008'), ('audit', 'CAT015'))";
    ensure!(count(stage, held).await? == 2, "two tables should be held");
    ensure!(kept(stage).await? == 0, "the changes are kept for ever");
    stage
        .replica
        .must(&["sync_tables", "--tables", "disabled"])
        .await?;
    check(stage, &mut host, 0).await?;
    Ok(host)
}
