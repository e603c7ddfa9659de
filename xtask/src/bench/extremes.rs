//! Groups `rows`, `tables` and `huge`: ten times the rows, very many tables, one transaction larger than memory.
//!
//! Without `--full` they are smaller than what the goals speak of; their names tell the sizes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{
    Arguments, Group,
    data::{NAME, make_database, unlogged},
    measure::Reading,
    ours::Ours,
    peers::STREAM_LIMIT,
    results::{Results, metric},
    stage::Stage,
};
use crate::address::Address;

/// How many times the rows of the sysbench table are copied in the second part.
const TIMES: u64 = 10;
/// Tables and size of the transaction, with `--full` and without.
const TABLES: (u64, u64) = (10_000, 2_000);
const HUGE_MIB: (u64, u64) = (5_120, 512);
/// Bytes of one row of the huge transaction, about.
const HUGE_ROW_BYTES: u64 = 1_024;
/// Rows of the huge transaction that one statement inserts, and the database of the numbers that it takes.
const HUGE_STEP: u64 = 100_000;
const NUMBERS: &str = "bench_numbers";
/// Tables made by one statement sent.
const TABLES_AT_ONCE: u64 = 100;

/// Names of the two sizes of `rows`.
pub(super) const ONCE: &str = "chameleon, the sysbench rows";
pub(super) const TEN_TIMES: &str = "chameleon, ten times the sysbench rows";
/// Name in `tables`.
pub(super) const START: &str = "chameleon, start";
/// Name of the copy in `tables`.
pub(super) const FIRST_COPY: &str = "chameleon, first copy";
/// Names in `huge`.
pub(super) const DIRECT: &str = "chameleon, direct";
pub(super) const RELAY: &str = "chameleon, relay";

fn size(arguments: &Arguments, stage: &Stage, sizes: (u64, u64)) -> u64 {
    stage
        .scale
        .of(if arguments.full { sizes.0 } else { sizes.1 })
}

/// The sysbench table alone and ten times as long, in turn.
pub(super) async fn rows(
    arguments: &Arguments,
    stage: &Stage,
    results: &mut Results,
) -> Result<()> {
    const DATABASE: &str = "bench_rows";
    let mut sizes = Vec::new();
    for (name, times) in [(ONCE, 1), (TEN_TIMES, TIMES)] {
        let database = format!("{DATABASE}_{times}");
        let source = stage.source.address.database(&database);
        multiply(stage, &source, times).await?;
        sizes.push((name, times, source));
    }
    for _ in 0..arguments.rounds() {
        for (name, times, source) in &sizes {
            stage.create_target(DATABASE).await?;
            let ours = Ours::configure(stage, DATABASE, source, "")?;
            ours.register().await?;
            let reading = Reading::begin(stage).await?;
            let spent = ours.must(&["init_replica"]).await?;
            let rows = stage.data.sysbench.rows * times;
            let sample = reading.end(stage, rows, spent).await?;
            results.add(Group::Rows, name, sample);
            stage.drop_target(DATABASE).await?;
        }
    }
    for (.., source) in &sizes {
        drop_source(source).await?;
    }
    Ok(())
}

async fn multiply(stage: &Stage, source: &Address, times: u64) -> Result<()> {
    let mut connection = unlogged(source).await?;
    make_database(&mut connection, &source.database).await?;
    connection
        .query_drop(format!("create table sbtest1 like {NAME}.sbtest1"))
        .await?;
    for part in 0..times {
        let first = part * stage.data.sysbench.rows;
        connection
            .query_drop(format!(
                "insert into sbtest1 select id + {first}, k, c, pad from {NAME}.sbtest1 \
                 where id <= {}",
                stage.data.sysbench.rows
            ))
            .await?;
    }
    connection.query_drop("analyze table sbtest1").await?;
    Ok(connection.disconnect().await?)
}

async fn drop_source(source: &Address) -> Result<()> {
    let mut connection = unlogged(source).await?;
    connection
        .query_drop(format!("drop database if exists {}", source.database))
        .await?;
    Ok(connection.disconnect().await?)
}

/// A database of very many small tables: first copy, and start of the stream.
pub(super) async fn tables(
    arguments: &Arguments,
    stage: &Stage,
    results: &mut Results,
) -> Result<()> {
    const DATABASE: &str = "bench_tables";
    let source = stage.source.address.database(DATABASE);
    let count = size(arguments, stage, TABLES);
    eprintln!("  making {count} tables");
    make_tables(&source, count).await?;
    stage.create_target(DATABASE).await?;
    let ours = Ours::configure(stage, DATABASE, &source, "")?;
    ours.register().await?;
    let reading = Reading::begin(stage).await?;
    let spent = ours.must(&["init_replica"]).await?;
    let sample = reading.end(stage, count, spent).await?;
    results.note(
        Group::Tables,
        FIRST_COPY,
        &format!("{count} tables of one row"),
    );
    results.add(Group::Tables, FIRST_COPY, sample);
    results.note(Group::Tables, START, &format!("{count} tables"));
    for _ in 0..arguments.rounds() {
        change_one(&source).await?;
        let reading = Reading::begin(stage).await?;
        let spent = ours.must(&["start_replica", "--until-caught-up"]).await?;
        let mut sample = reading.end(stage, 1, spent).await?;
        let source_cpu = sample.get(metric::SOURCE_CPU).copied().unwrap_or_default();
        let own = spent.wall().as_secs_f64() - source_cpu;
        sample.insert(metric::OWN_SECONDS, own.max(0.0));
        sample.remove(metric::ROWS_PER_SECOND);
        results.add(Group::Tables, START, sample);
    }
    stage.drop_target(DATABASE).await?;
    drop_source(&source).await
}

async fn make_tables(source: &Address, count: u64) -> Result<()> {
    let mut connection = unlogged(source).await?;
    make_database(&mut connection, &source.database).await?;
    let mut script = String::new();
    for number in 0..count {
        script.push_str(&format!(
            "create table t{number} (id int not null auto_increment primary key, account int not null, \
             name varchar(80) not null, amount decimal(12,2), made datetime, key (account)); \
             insert into t{number} values (1, 1, 'one', 1.5, '2026-01-01'); "
        ));
        if (number + 1) % TABLES_AT_ONCE == 0 || number + 1 == count {
            connection.query_drop(std::mem::take(&mut script)).await?;
        }
    }
    Ok(connection.disconnect().await?)
}

async fn change_one(source: &Address) -> Result<()> {
    let mut connection = source.mysql().await?;
    connection
        .query_drop("update t0 set account = account + 1")
        .await?;
    Ok(connection.disconnect().await?)
}

/// One transaction that is larger than the memory the host may use.
pub(super) async fn huge(
    arguments: &Arguments,
    stage: &Stage,
    results: &mut Results,
) -> Result<()> {
    const DATABASE: &str = "bench_huge";
    let source = stage.source.address.database(DATABASE);
    let mib = size(arguments, stage, HUGE_MIB);
    let rows = (mib << 20) / HUGE_ROW_BYTES;
    make_huge_table(&source).await?;
    let ways = [(DIRECT, "apply: direct\n"), (RELAY, "apply: relay\n")];
    let mut contenders = Vec::new();
    for (number, (name, more)) in (0..).zip(ways) {
        if !arguments.wants(name) {
            continue;
        }
        let database = format!("{DATABASE}_{number}");
        let target = stage.create_target(&database).await?;
        let ours = Ours::configure(stage, &database, &source, more)?;
        ours.register().await?;
        ours.must(&["init_replica"]).await?;
        contenders.push((name, ours, target));
    }
    eprintln!("  writing one transaction of {rows} rows, {mib} MiB");
    write_huge(&source, rows).await?;
    for (name, ours, target) in contenders {
        let reading = Reading::begin(stage).await?;
        let client = ours.start(&["start_replica"])?;
        let atomic = watch_huge(&target, rows).await.context(name)?;
        let spent = client.spent();
        let mut sample = reading.end(stage, rows, spent).await?;
        sample.insert(metric::ATOMIC, f64::from(u8::from(atomic)));
        client.stop().await?;
        results.note(Group::Huge, name, &format!("{mib} MiB in one transaction"));
        results.add(Group::Huge, name, sample);
        stage.drop_target(&target.database).await?;
    }
    drop_source(&source).await
}

/// The empty table, and numbers beside it that no replica looks at.
async fn make_huge_table(source: &Address) -> Result<()> {
    let mut connection = unlogged(source).await?;
    make_database(&mut connection, NUMBERS).await?;
    connection
        .query_drop("create table numbers (id int not null primary key)")
        .await?;
    for first in (0..HUGE_STEP).step_by(1_000) {
        let rows: Vec<String> = (first..first + 1_000).map(|id| format!("({id})")).collect();
        let insert = format!("insert into numbers values {}", rows.join(", "));
        connection.query_drop(insert).await?;
    }
    make_database(&mut connection, &source.database).await?;
    connection
        .query_drop("create table huge (id int not null primary key, body text not null)")
        .await?;
    Ok(connection.disconnect().await?)
}

/// Writes the rows within one transaction, which the binlog holds whole.
async fn write_huge(source: &Address, rows: u64) -> Result<()> {
    let mut connection = source.mysql().await?;
    connection.query_drop("begin").await?;
    for first in (0..rows).step_by(usize::try_from(HUGE_STEP)?) {
        let more = HUGE_STEP.min(rows - first);
        connection
            .query_drop(format!(
                "insert into huge select id + {first}, repeat(md5(id + {first}), 31) \
                 from {NUMBERS}.numbers where id < {more}"
            ))
            .await?;
    }
    connection.query_drop("commit").await?;
    Ok(connection.disconnect().await?)
}

/// Waits until all rows are visible; false if ever only some were.
async fn watch_huge(target: &Address, rows: u64) -> Result<bool> {
    let session = target.postgres().await?;
    let rows = i64::try_from(rows)?;
    // The first and the last row tell of parts without counting all the time.
    let question = format!(
        "select count(*) from {NAME}.huge where id in (0, {}, {})",
        rows / 2,
        rows - 1
    );
    let deadline = Instant::now() + STREAM_LIMIT * 3;
    let mut atomic = true;
    loop {
        let seen: i64 = session.query_one(&question, &[]).await?.get(0);
        match seen {
            3 => break,
            0 => {}
            _ => atomic = false,
        }
        if Instant::now() > deadline {
            bail!("the transaction has not arrived");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let question = format!("select count(*) from {NAME}.huge");
    let count: i64 = session.query_one(&question, &[]).await?.get(0);
    Ok(atomic && count == rows)
}
