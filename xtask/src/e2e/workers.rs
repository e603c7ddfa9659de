//! Several sessions share the changes of large batches (`apply_workers`), while the host is killed or loses its
//! sessions one by one at random moments. Both sides must be equal after each.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mysql_async::prelude::Queryable;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{random::Random, replica::Host};

/// Batches large enough to be shared.
const SETTINGS: &str = "apply_workers: 3\nreplica_batch_size: 20000\n";

/// Rows at the start, as a power of two.
const DOUBLINGS: u32 = 14;

/// Of the number of kills asked for this part is done here.
const PART: u32 = 4;

/// How long a shared batch may take to be seen.
const SHARING_TIMEOUT: Duration = Duration::from_secs(30);

/// Sessions that write to the shared table.
const WRITERS: &str = "select count(distinct pid) from pg_locks \
    where relation = 'replica.shared'::regclass and mode = 'RowExclusiveLock'";

/// Tables of which one can be shared and one cannot.
const TABLES: [&str; 2] = [
    "create table shared (id int not null primary key, n int not null, note varchar(60))",
    "create table alone (id int not null primary key, n int not null, note varchar(60), unique (n))",
];

/// Everything.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut stage = Stage::set(pair, setting, Mode::Direct, Detour::default()).await?;
    stage.reconfigure(setting, SETTINGS)?;
    let mut writer = Writer {
        random: Random::new(setting.seed),
        rows: 1 << DOUBLINGS,
    };
    fill(&stage).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    must_share(&mut stage, &mut host, &mut writer).await?;
    host.stop().await?;
    let mut noted = 0;
    for number in 0..setting.kills.div_ceil(PART) {
        let moment = writer
            .random
            .duration(Duration::ZERO, Duration::from_millis(600));
        let told = || format!("fault {number}, {moment:?} after the start");
        let mut host = stage.replica.start(&["start_replica"])?;
        writer.burst(&stage).await.with_context(told)?;
        tokio::time::sleep(moment).await;
        if number % 2 == 0 {
            host.kill()?;
            noted += u32::from(is_noted(&stage).await?);
            stage.replica.catch_up().await.with_context(told)?;
        } else {
            lose_a_session(&stage, &mut writer.random).await?;
            let arrived = stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await;
            arrived.with_context(told)?;
            host.stop().await.with_context(told)?;
        }
        stage.must_be_equal().await.with_context(told)?;
    }
    println!("  {noted} kills met a batch that was committed in part");
    stage.strike().await
}

/// The rows of both tables.
async fn fill(stage: &Stage) -> Result<()> {
    let mut connection = stage.source.database("").mysql().await?;
    let database = &stage.source.database;
    connection
        .query_drop(format!("create database `{database}`; use `{database}`"))
        .await?;
    for table in TABLES {
        connection.query_drop(table).await?;
    }
    for table in ["shared", "alone"] {
        connection
            .query_drop(format!(
                "insert into {table} values (0, 0, 'the first one')"
            ))
            .await?;
        for power in 0..DOUBLINGS {
            let more = 1 << power;
            let double = format!(
                "insert into {table} select id + {more}, n + {more}, concat('row ', id) from {table}"
            );
            connection.query_drop(double).await?;
        }
    }
    Ok(connection.disconnect().await?)
}

/// Fails unless several sessions are seen to write at once.
async fn must_share(stage: &mut Stage, host: &mut Host, writer: &mut Writer) -> Result<()> {
    let client = stage.target.postgres().await?;
    let deadline = Instant::now() + SHARING_TIMEOUT;
    let mut most: i64 = 0;
    while most < 3 {
        ensure!(
            Instant::now() < deadline,
            "no batch was shared: {most} sessions wrote at once at most"
        );
        writer.burst(stage).await?;
        let looked = Instant::now();
        while looked.elapsed() < Duration::from_millis(300) {
            most = most.max(client.query_one(WRITERS, &[]).await?.try_get(0)?);
        }
    }
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    stage.must_be_equal().await
}

/// A batch was committed in part, so the catalog says.
async fn is_noted(stage: &Stage) -> Result<bool> {
    let client = stage.target.postgres().await?;
    let sql = "select exists (select from sch_chameleon.t_table_windows)";
    Ok(client.query_one(sql, &[]).await?.try_get(0)?)
}

/// Ends one of the host's sessions at the target.
async fn lose_a_session(stage: &Stage, random: &mut Random) -> Result<()> {
    let client = stage.target.postgres().await?;
    let sql = "select pid from pg_stat_activity where datname = current_database() \
               and pid <> pg_backend_pid() and application_name like 'chameleon%' order by pid";
    let sessions = client.query(sql, &[]).await?;
    ensure!(
        !sessions.is_empty(),
        "the host has no session at the target"
    );
    let chosen = usize::try_from(random.below(sessions.len() as u64))?;
    let pid: i32 = sessions[chosen].try_get(0)?;
    client
        .execute("select pg_terminate_backend($1)", &[&pid])
        .await?;
    Ok(())
}

/// Writes transactions of thousands of changes.
struct Writer {
    random: Random,
    rows: u64,
}

impl Writer {
    async fn burst(&mut self, stage: &Stage) -> Result<()> {
        let mut connection = stage.source.mysql().await?;
        for table in ["shared", "alone", "shared"] {
            let from = self.random.below(self.rows);
            let to = from + 3_000;
            let next = self.rows;
            self.rows += 2_000;
            let transaction = [
                "begin".to_owned(),
                format!(
                    "update {table} set note = concat('changed ', n) where id between {from} and {to}"
                ),
                format!("delete from {table} where id between {to} + 1 and {to} + 500"),
                format!(
                    "insert into {table} select id + {next}, n + {next}, note from {table} where id < 2000"
                ),
                format!(
                    "update {table} set id = id + 100000000, n = n + 100000000 where id between {next} + 1 and {next} + 50"
                ),
                "commit".to_owned(),
            ];
            for statement in transaction {
                connection.query_drop(statement).await?;
            }
        }
        Ok(connection.disconnect().await?)
    }
}
