//! Three sources in one process under steady load, and the replay of one of them is stuck behind a lock that
//! somebody forgot. The log tables of the other two stay small: a table in which nothing waits any more is
//! under 100 kB within 10 s. `chameleon-tools bloat` names the source that is stuck, and the session that holds it.
//! Once the lock is gone, that source's log tables become small too.
//!
//! A log table's size is that of its rows with their TOAST. The indexes and the free space map, which keep up to
//! 72 kB for a table that is all but empty, are not counted; what both tables take with them is printed.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use tokio_postgres::Client;

use super::{
    Setting, oracle,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{
    address::Address,
    replica::Replica,
    shop::{
        self, Size,
        writer::{Writer, Written},
    },
};

/// A log table in which nothing waits is smaller than that.
const SMALL_BYTES: i64 = 100_000;

/// How long it may take to become so.
const SHRINK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the load goes on while one source is stuck.
const LOAD: Duration = Duration::from_secs(25);

/// Transactions a second that each source gets.
const PER_SECOND: u32 = 40;

/// The schemas of the second source, whose replay gets stuck, and of the third.
const STUCK: &str = "stuck";
const THIRD: &str = "third";

/// What holds the stuck source up.
const HOLDER: &str = "forgotten session";

/// One of the three.
struct Source {
    replica: Replica,
    address: Address,
    /// Its name and its schema at the target.
    name: String,
    schema: String,
}

/// Goes through it all.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    let sources = sources(&stage, setting).await?;
    let mut host = stage.replica.start_all()?;
    let (stop, writers) = writers(&sources, setting);
    let holder = hold(&stage).await?;
    let mut sizes = Sizes::new(stage.target.postgres().await?);
    let until = Instant::now() + LOAD;
    while Instant::now() < until {
        host.check_alive()?;
        sizes.look().await?;
        sizes.must_shrink(|source| source != STUCK)?;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    names_the_stuck_source(&stage, &sources, "under load").await?;
    stop.send_replace(true);
    let mut rows = 0;
    for writer in writers {
        rows += writer.await??.rows;
    }
    for source in sources.iter().filter(|s| s.name != STUCK) {
        drained(source, &mut sizes).await?;
    }
    names_the_stuck_source(&stage, &sources, "after the load").await?;
    let kept = sizes.of(STUCK);
    ensure!(
        kept > SMALL_BYTES,
        "the stuck source holds {kept} bytes only: it was not stuck"
    );
    holder.batch_execute("rollback").await?;
    let stuck = sources
        .iter()
        .find(|s| s.name == STUCK)
        .context("no such source")?;
    drained(stuck, &mut sizes).await?;
    let left: Vec<i64> = sources.iter().map(|s| sizes.of(&s.name) / 1000).collect();
    host.stop().await?;
    for source in &sources {
        let differences = oracle::compare(&source.address, &stage.target, &source.schema).await?;
        ensure!(
            differences.is_empty(),
            "{}: {}",
            source.name,
            differences.join("\n  ")
        );
    }
    println!(
        "    {rows} rows; largest log table of the others {} kB, of the stuck source {} kB; longest time from \
         drained to under 100 kB {:.1} s; at the end both tables with their indexes {left:?} kB",
        sizes.largest(|source| source != STUCK) / 1000,
        kept / 1000,
        sizes.longest.as_secs_f64()
    );
    strike(stage, &sources).await
}

/// Makes the three sources and copies them.
async fn sources(stage: &Stage, setting: &Setting<'_>) -> Result<Vec<Source>> {
    let name = setting.home.file_name().context("a home without a name")?;
    let name = name
        .to_string_lossy()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    shop::load(&stage.source, Size::SMALL).await?;
    let mut sources = vec![Source {
        replica: stage.replica.clone(),
        address: stage.source.clone(),
        name,
        schema: stage.dest_schema().to_owned(),
    }];
    for name in [STUCK, THIRD] {
        let database = format!("{}_{name}", stage.source.database);
        let address = stage.source.database(&database);
        shop::load(&address, Size::SMALL).await?;
        sources.push(Source {
            replica: stage.second_replica(setting, address.clone(), name)?,
            address,
            name: name.to_owned(),
            schema: name.to_owned(),
        });
    }
    stage.replica.must(&["create_schema"]).await?;
    for source in &sources {
        source.replica.must(&["add_source"]).await?;
        source.replica.must(&["init_replica"]).await?;
    }
    Ok(sources)
}

/// Keeps all three busy until told to stop.
fn writers(
    sources: &[Source],
    setting: &Setting<'_>,
) -> (watch::Sender<bool>, Vec<JoinHandle<Result<Written>>>) {
    let (stop, stopped) = watch::channel(false);
    let writers = sources.iter().zip(setting.seed..).map(|(source, seed)| {
        let (progress, _) = watch::channel(Written::default());
        let writer = Writer::new(seed, Size::SMALL);
        let (address, stopped) = (source.address.clone(), stopped.clone());
        tokio::spawn(writer.run(address, PER_SECOND, stopped, progress))
    });
    (stop, writers.collect())
}

/// A session that locks tables of one source and forgets about it.
async fn hold(stage: &Stage) -> Result<Client> {
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "set application_name = '{HOLDER}'; begin; \
             lock table {STUCK}.orders, {STUCK}.customers in access exclusive mode"
        ))
        .await?;
    Ok(client)
}

/// Waits until all of the source is replayed, then until each of its log tables is small.
async fn drained(source: &Source, sizes: &mut Sizes) -> Result<()> {
    source
        .replica
        .wait_until_caught_up(&source.address, ARRIVAL_TIMEOUT)
        .await
        .with_context(|| source.name.clone())?;
    let begun = Instant::now();
    loop {
        sizes.look().await?;
        if sizes.rows_of(&source.name) < SMALL_BYTES {
            sizes.longest = sizes.longest.max(begun.elapsed());
            return Ok(());
        }
        ensure!(
            begun.elapsed() < SHRINK_TIMEOUT,
            "{}: a log table of {} bytes {SHRINK_TIMEOUT:?} after it was drained",
            source.name,
            sizes.rows_of(&source.name)
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The report must name the stuck source and no other, and who holds it.
async fn names_the_stuck_source(stage: &Stage, sources: &[Source], when: &str) -> Result<()> {
    let ended = stage.replica.tools(&["--json", "bloat"]).await?;
    ensure!(ended.code == Some(1), "{when}: {}", ended.describe());
    let report: Value = serde_json::from_str(&ended.stdout).context("the report is no JSON")?;
    let told = report["sources"].as_array().context("no sources")?;
    ensure!(told.len() == sources.len(), "{when}: {told:?}");
    for source in told {
        let stuck = source["source"] == STUCK;
        ensure!(source["stuck"] == stuck, "{when}: {source:#}");
        let holder = &source["blockers"][0]["application"];
        ensure!((holder == HOLDER) == stuck, "{when}: {source:#}");
    }
    let findings = report["findings"].as_array().context("no findings")?;
    let named = findings
        .iter()
        .any(|f| f["code"] == "BLT015" && f["object"] == format!("source {STUCK}"));
    ensure!(named, "{when}: {findings:#?}");
    let text = stage.replica.tools(&["bloat"]).await?.stdout;
    for word in ["STUCK", HOLDER, "select pg_terminate_backend("] {
        ensure!(text.contains(word), "{when}: {word} is not in\n{text}");
    }
    Ok(())
}

/// How the log tables go.
struct Sizes {
    client: Client,
    tables: HashMap<String, Table>,
    /// Longest time from drained to small.
    longest: Duration,
}

struct Table {
    source: String,
    bytes: i64,
    with_indexes: i64,
    largest: i64,
    /// Nothing in it waits since then, and it is large.
    drained: Option<Instant>,
}

impl Sizes {
    fn new(client: Client) -> Self {
        Sizes {
            client,
            tables: HashMap::new(),
            longest: Duration::ZERO,
        }
    }

    async fn look(&mut self) -> Result<()> {
        let tables = "select s.t_source, t.name::text, \
                pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0), \
                pg_total_relation_size(c.oid) \
             from sch_chameleon.t_sources s, unnest(s.v_log_table) t(name), pg_class c \
             where c.oid = ('sch_chameleon.' || t.name)::regclass";
        for row in self.client.query(tables, &[]).await? {
            let (source, name): (String, String) = (row.get(0), row.get(1));
            let (bytes, with_indexes): (i64, i64) = (row.get(2), row.get(3));
            let waits = format!(
                "select exists (select from only sch_chameleon.{name} where i_id_batch in \
                   (select i_id_batch from sch_chameleon.t_replica_batch where not b_replayed))"
            );
            let waits: bool = self.client.query_one(&waits, &[]).await?.get(0);
            let table = self.tables.entry(name).or_insert(Table {
                source,
                bytes,
                with_indexes,
                largest: 0,
                drained: None,
            });
            (table.bytes, table.with_indexes) = (bytes, with_indexes);
            table.largest = table.largest.max(bytes);
            if bytes < SMALL_BYTES {
                let since = table.drained.take().map(|since| since.elapsed());
                self.longest = self.longest.max(since.unwrap_or_default());
            } else if waits {
                table.drained = None;
            } else {
                table.drained.get_or_insert_with(Instant::now);
            }
        }
        Ok(())
    }

    /// Fails if a table of such a source is large although nothing has waited in it for 10 s.
    fn must_shrink(&self, which: impl Fn(&str) -> bool) -> Result<()> {
        for (name, table) in &self.tables {
            let long = table
                .drained
                .is_some_and(|since| since.elapsed() > SHRINK_TIMEOUT);
            if which(&table.source) && long {
                bail!(
                    "{name} holds {} bytes, {SHRINK_TIMEOUT:?} after it was drained",
                    table.bytes
                );
            }
        }
        Ok(())
    }

    /// The larger of a source's log tables.
    fn rows_of(&self, source: &str) -> i64 {
        let own = self.tables.values().filter(|table| table.source == source);
        own.map(|table| table.bytes).max().unwrap_or(0)
    }

    /// Both log tables of a source together, with all that belongs to them.
    fn of(&self, source: &str) -> i64 {
        let own = self.tables.values().filter(|table| table.source == source);
        own.map(|table| table.with_indexes).sum()
    }

    fn largest(&self, which: impl Fn(&str) -> bool) -> i64 {
        let own = self.tables.values().filter(|table| which(&table.source));
        own.map(|table| table.largest).max().unwrap_or(0)
    }
}

/// Drops the databases of all three.
async fn strike(stage: Stage, sources: &[Source]) -> Result<()> {
    use mysql_async::prelude::Queryable;
    for source in &sources[1..] {
        let mut connection = source.address.database("").mysql().await?;
        connection
            .query_drop(format!("drop database `{}`", source.address.database))
            .await?;
        connection.disconnect().await?;
    }
    stage.strike().await
}
