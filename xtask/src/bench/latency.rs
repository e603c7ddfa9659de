//! Group `latency`: from the return of a commit at the source until its row is visible at the target, at 500
//! transactions a second.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{
    Arguments, Group,
    data::NAME,
    measure::{Client, Reading},
    ours::Ours,
    results::{Results, Sample, metric},
    stage::Stage,
};
use crate::{address::Address, random::Random};

pub(super) const RELAY: &str = "chameleon, relay";
pub(super) const DIRECT: &str = "chameleon, direct";

/// Transactions of two changes that are begun each second.
const PER_SECOND: u32 = 500;
/// How often the target is looked at: latencies are exact to this.
const LOOK: Duration = Duration::from_millis(1);
const LIMIT: Duration = Duration::from_secs(60);
/// Transactions of the first second are not counted.
const WARM_UP: usize = 500;

type Commits = Arc<Mutex<VecDeque<(i64, Instant)>>>;

/// Both ways of applying, in turn.
pub(super) async fn run(arguments: &Arguments, stage: &Stage, results: &mut Results) -> Result<()> {
    let seconds = stage.scale.of(20).max(5);
    for _ in 0..arguments.rounds().min(2) {
        for (name, more) in [(DIRECT, "apply: direct\n"), (RELAY, "apply: relay\n")] {
            if arguments.wants(name) {
                let sample = one(stage, more, Duration::from_secs(seconds)).await;
                results.add(Group::Latency, name, sample.context(name)?);
            }
        }
    }
    Ok(())
}

async fn one(stage: &Stage, more: &str, duration: Duration) -> Result<Sample> {
    const DATABASE: &str = "bench_latency";
    let source = stage.source.address.database(DATABASE);
    make_source(&source).await?;
    let target = stage.create_target(DATABASE).await?;
    let ours = Ours::configure(stage, DATABASE, &source, more)?;
    ours.register().await?;
    ours.must(&["init_replica"]).await?;
    let reading = Reading::begin(stage).await?;
    let mut client = Some(ours.start(&["start_replica"])?);
    let commits = Commits::default();
    let ended = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn(write(
        source,
        duration,
        Arc::clone(&commits),
        Arc::clone(&ended),
    ));
    let watched = watch(&target, &mut client, &commits, &ended).await;
    let written = writing.await??;
    let latencies = watched?;
    let client = client.context("no client")?;
    let spent = client.spent();
    let mut sample = reading.end(stage, 2 * written, spent).await?;
    client.stop().await?;
    stage.drop_target(DATABASE).await?;
    let mut counted: Vec<f64> = latencies.into_iter().skip(WARM_UP).collect();
    counted.sort_by(f64::total_cmp);
    let at = |per_mille: usize| counted.get(counted.len() * per_mille / 1_000).copied();
    for (name, value) in [
        (metric::P50, at(500)),
        (metric::P99, at(990)),
        (metric::MAX, counted.last().copied()),
    ] {
        sample.insert(name, value.context("no transaction was seen")?);
    }
    sample.remove(metric::ROWS_PER_SECOND);
    sample.insert(metric::PER_SECOND, written as f64 / duration.as_secs_f64());
    Ok(sample)
}

async fn make_source(source: &Address) -> Result<()> {
    let mut connection = super::data::unlogged(source).await?;
    super::data::make_database(&mut connection, &source.database).await?;
    for statement in [
        "create table probe (id int not null primary key, made datetime(6) not null)",
        "create table account (id int not null primary key, balance int not null, note varchar(40) not null)",
        "insert into probe values (0, now(6))",
    ] {
        connection.query_drop(statement).await?;
    }
    let rows: Vec<String> = (0..1_000)
        .map(|id| format!("({id}, 0, 'opened')"))
        .collect();
    connection
        .query_drop(format!("insert into account values {}", rows.join(", ")))
        .await?;
    Ok(connection.disconnect().await?)
}

/// Commits transactions at an even pace, and notes when.
async fn write(
    source: Address,
    duration: Duration,
    commits: Commits,
    ended: Arc<AtomicBool>,
) -> Result<u64> {
    let written = write_until(&source, duration, &commits).await;
    ended.store(true, Ordering::Release);
    written
}

async fn write_until(source: &Address, duration: Duration, commits: &Commits) -> Result<u64> {
    let mut connection = source.mysql().await?;
    let mut random = Random::new(500);
    let begun = Instant::now();
    let mut number: u32 = 0;
    while begun.elapsed() < duration {
        let due = begun + Duration::from_secs(1) * number / PER_SECOND;
        tokio::time::sleep_until(due.into()).await;
        number += 1;
        let account = random.below(1_000);
        connection
            .query_drop(format!(
                "begin; update account set balance = balance + {number}, note = 'moved' where id = {account}; \
                 insert into probe values ({number}, now(6)); commit"
            ))
            .await?;
        let now = Instant::now();
        lock(commits).push_back((i64::from(number), now));
    }
    connection.disconnect().await?;
    Ok(u64::from(number))
}

/// Looks at the target until all commits have been seen. Returns their latencies in milliseconds, in order.
async fn watch(
    target: &Address,
    client: &mut Option<Client>,
    commits: &Commits,
    ended: &AtomicBool,
) -> Result<Vec<f64>> {
    let session = target.postgres().await?;
    let question = format!("select max(id)::bigint from {NAME}.probe");
    let statement = session.prepare(&question).await?;
    let mut latencies = Vec::new();
    let mut last_seen = Instant::now();
    loop {
        let all_written = ended.load(Ordering::Acquire);
        let newest: i64 = session.query_one(&statement, &[]).await?.get(0);
        let now = Instant::now();
        let before = latencies.len();
        let none_waits = take_seen(commits, newest, now, &mut latencies);
        if latencies.len() > before {
            last_seen = now;
        }
        if all_written && none_waits {
            return Ok(latencies);
        }
        if let Some(client) = client {
            client.check_alive()?;
        }
        if last_seen.elapsed() > LIMIT {
            bail!("no transaction has arrived for {LIMIT:?}");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Moves what is visible by now to the latencies. True: nothing waits any more.
fn take_seen(commits: &Commits, newest: i64, now: Instant, latencies: &mut Vec<f64>) -> bool {
    let mut waiting = lock(commits);
    while let Some((_, committed)) = waiting.pop_front_if(|(number, _)| *number <= newest) {
        latencies.push(now.saturating_duration_since(committed).as_secs_f64() * 1e3);
    }
    waiting.is_empty()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
