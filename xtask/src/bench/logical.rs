//! PostgreSQL's own logical replication as a contender: the same rows and changes on a second PostgreSQL, and one slot
//! for each round, so that every round applies them all.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{
    changes::Changes,
    data::NAME,
    limits,
    measure::{Client, Reading, tree_cpu},
    peers::STREAM_LIMIT,
    results::{Sample, metric},
    stage::Stage,
    stream::wait_for_last,
};
use crate::{
    address::Address,
    servers::{PASSWORD, Server},
};

/// How long the apply worker may take to start.
const WORKER_LIMIT: Duration = Duration::from_secs(30);

/// A publisher with its rows.
#[derive(Debug)]
pub(super) struct Logical {
    pub(super) publisher: Address,
    process: u32,
}

impl Logical {
    /// Sets the publisher up; none if the run has no such server.
    pub(super) async fn prepare(stage: &mut Stage, rounds: u32) -> Result<Option<Self>> {
        let Some(server) = stage.publisher.as_mut() else {
            return Ok(None);
        };
        make_logical(server).await?;
        let process = server
            .process_id()
            .context("the publisher has no process")?;
        let publisher = server.address.database(NAME);
        let admin = server.address.postgres().await?;
        admin
            .batch_execute(&format!("create database {NAME}"))
            .await?;
        let client = publisher.postgres().await?;
        client
            .batch_execute(&format!(
                "create schema {NAME}; create table {NAME}.sbtest1 \
                 (id int primary key, k int not null, c varchar(120) not null, pad varchar(60) not null)"
            ))
            .await?;
        load(stage, &publisher).await?;
        client
            .batch_execute(&format!(
                "create index on {NAME}.sbtest1 (k); create publication bench for table {NAME}.sbtest1"
            ))
            .await?;
        for round in 0..rounds {
            let slot =
                format!("select pg_create_logical_replication_slot('bench_{round}', 'pgoutput')");
            client.batch_execute(&slot).await?;
        }
        Ok(Some(Logical { publisher, process }))
    }

    /// Subscribes and waits for the last change. The client's part is played by the servers themselves.
    pub(super) async fn apply(
        &self,
        stage: &Stage,
        target: &Address,
        round: u32,
    ) -> Result<Sample> {
        let client = target.postgres().await?;
        let place = &self.publisher;
        let subscribe = format!(
            "create subscription bench connection 'host={} port={} user={} password={PASSWORD} dbname={}' \
             publication bench with (create_slot = false, slot_name = 'bench_{round}', copy_data = false)",
            place.host, place.port, place.user, place.database
        );
        let reading = Reading::begin(stage).await?;
        let before = tree_cpu(self.process);
        client.batch_execute(&subscribe).await?;
        wait_for_worker(&client).await?;
        let begun = Instant::now();
        wait_for_last(target, &mut None::<Client>, STREAM_LIMIT).await?;
        let wall = begun.elapsed();
        let publisher_cpu = tree_cpu(self.process) - before;
        let count = Changes::count(stage.scale);
        let mut sample = reading.end_without_client(stage, count, wall).await?;
        sample.insert(metric::SOURCE_CPU, publisher_cpu);
        sample.remove(metric::SOURCE_MIB);
        sample.remove(metric::OTHER_CPU);
        stage.check_streamed(target).await?;
        client
            .batch_execute("alter subscription bench disable")
            .await?;
        client
            .batch_execute("alter subscription bench set (slot_name = none)")
            .await?;
        client.batch_execute("drop subscription bench").await?;
        stage.drop_target(&target.database).await?;
        Ok(sample)
    }
}

/// The launcher starts one worker in so many seconds; what it waits is not counted.
async fn wait_for_worker(client: &tokio_postgres::Client) -> Result<()> {
    const RUNS: &str = "select from pg_stat_subscription where pid is not null";
    let deadline = Instant::now() + WORKER_LIMIT;
    while client.query(RUNS, &[]).await?.is_empty() {
        if Instant::now() > deadline {
            bail!("no apply worker has started after {WORKER_LIMIT:?}");
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn make_logical(server: &mut Server) -> Result<()> {
    let client = server.address.postgres().await?;
    client
        .batch_execute("alter system set wal_level = 'logical'")
        .await?;
    client
        .batch_execute("alter system set max_replication_slots = 100")
        .await?;
    client.batch_execute("checkpoint").await?;
    server.restart().await
}

async fn load(stage: &Stage, publisher: &Address) -> Result<()> {
    let table = &stage.data.sysbench;
    let copy = format!(
        "\\copy {NAME}.{} from '{}'",
        table.name,
        table.file.display()
    );
    let mut command = limits::psql(stage, publisher)?;
    command.args(["-c", &copy]);
    tokio::task::spawn_blocking(move || crate::run::checked(&mut command)).await?
}
