//! A transaction arrives over a thin line, right behind a small one, and the replica is killed while it does. The
//! target must never show a part of it, and after the restart both sides must be equal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use super::super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{fault_proxy::FaultProxy, random::Random};

/// How often the replica is killed.
const ROUNDS: u64 = 4;

/// Rows of a large transaction.
const ROWS: u64 = 4_000;

/// With the rows' size this makes a transaction take about two seconds.
const BYTES_PER_SECOND: u64 = 400_000;

/// The kill comes at some moment of these.
const ARRIVING: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_700)];

/// Transactions of `slow` that are there, and those that are there in part.
const SEEN: &str = "select count(*), count(*) filter (where rows <> $1) \
    from (select count(*) as rows from replica.slow group by round) r";

pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let proxy = FaultProxy::start(pair.source.address.resolve().await?).await?;
    let detour = Detour {
        source: Some(pair.source.address.through(proxy.address())),
        target: None,
    };
    let mut random = Random::new(setting.seed);
    let mut stage = Stage::set(pair, setting, mode, detour).await?;
    fill(&stage).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let client = stage.target.postgres().await?;
    for round in 0..ROUNDS {
        let told = || format!("round {round}, {mode:?}");
        let mut host = stage.replica.start(&["start_replica"])?;
        stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
        proxy.set(|faults| faults.stall = true);
        write(&stage, round).await?;
        proxy.set(|faults| {
            faults.stall = false;
            faults.bytes_per_second = Some(BYTES_PER_SECOND);
        });
        let moment = random.duration(ARRIVING[0], ARRIVING[1]);
        watch(&client, round, moment).await.with_context(told)?;
        host.kill()?;
        proxy.heal();
        stage.replica.catch_up().await.with_context(told)?;
        stage.must_be_equal().await.with_context(told)?;
    }
    stage.strike().await
}

/// Two empty tables.
async fn fill(stage: &Stage) -> Result<()> {
    let database = &stage.source.database;
    let mut connection = stage.source.database("").mysql().await?;
    for statement in [
        format!("create database `{database}`"),
        format!("use `{database}`"),
        "create table quick (id int not null primary key)".into(),
        "create table slow (id int not null primary key, round int not null, note varchar(250))"
            .into(),
    ] {
        connection.query_drop(statement).await?;
    }
    Ok(connection.disconnect().await?)
}

/// A small transaction and a large one behind it.
async fn write(stage: &Stage, round: u64) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    connection
        .query_drop(format!("insert into quick values ({round})"))
        .await?;
    let rows: Vec<String> = (0..ROWS)
        .map(|row| format!("({}, {round}, repeat('x', 200))", round * ROWS + row))
        .collect();
    connection
        .query_drop(format!("insert into slow values {}", rows.join(", ")))
        .await?;
    Ok(connection.disconnect().await?)
}

/// Looks at the target for that long; no transaction may be there in part.
async fn watch(client: &Client, before: u64, moment: Duration) -> Result<()> {
    let rows = i64::try_from(ROWS)?;
    let begun = Instant::now();
    let mut looks = 0;
    while begun.elapsed() < moment {
        let seen = client.query_one(SEEN, &[&rows]).await?;
        let (all, parts): (i64, i64) = (seen.try_get(0)?, seen.try_get(1)?);
        ensure!(
            parts == 0,
            "after {:?} the target shows a transaction in part",
            begun.elapsed()
        );
        looks += u64::from(u64::try_from(all)? == before);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ensure!(looks > 0, "the line was too fast: nothing was under way");
    Ok(())
}
