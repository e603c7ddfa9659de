//! The real pg_chameleon 1.3 and the host follow one source in turns, with one configuration file and one catalog.
//!
//! Each turn changes the source and must end with both sides equal. Between the turns the one that runs is stopped, or
//! it is killed while it has work left: rows that are relayed and not replayed (a target table is locked), and, of
//! pg_chameleon, rows that are relayed while the position before them is still the saved one (its two transactions).
//! `ours_first` begins with a catalog and a copy of the host, `theirs_first` with those of pg_chameleon.

pub(crate) mod predecessor;
pub(super) mod rounds;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use tokio_postgres::Client;

use super::{
    Setting,
    stage::{Detour, Mode, Pair, Stage},
};
use crate::{
    replica::Host,
    servers::engine::{Engine, Kind},
};
use predecessor::{Predecessor, Releases, Running};

/// How long a turn's changes may take to arrive.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(60);

/// How often a condition is looked at that is waited for.
const POLL: Duration = Duration::from_millis(100);

/// The keys that pg_chameleon asks for beyond those that every configuration here has.
pub(crate) const KEYS_OF_1_3: &str = "\
my_charset: 'utf8'
pg_charset: 'utf8'
copy_mode: 'direct'
out_dir: /tmp
log_days_keep: 10
pause_on_reindex: No
sleep_on_reindex: 30
reindex_app_names:
    - 'reindexdb'
hexify:
    - 'blob'
    - 'binary'
tables_limit:
";

/// Can pg_chameleon read this source? From MariaDB 11 on, events inside of transactions have no position.
pub(super) fn reads(source: &Engine) -> bool {
    source.kind == Kind::MariaDb && source.version.starts_with("10.")
}

/// Both directions.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let releases = Releases::install().await?;
    let play = Play::set(pair, setting, &releases, "theirs_first").await?;
    theirs_first(play).await.context("theirs_first")?;
    let play = Play::set(pair, setting, &releases, "ours_first").await?;
    ours_first(play).await.context("ours_first")
}

async fn ours_first(mut play: Play) -> Result<()> {
    play.stage.initialise().await?;
    play.our_turn("ours, after our copy").await?;
    play.their_turn("theirs, after we were stopped").await?;

    let killed = play.we_are_killed_with_rows_waiting().await;
    killed.context("ours, killed with rows waiting")?;
    play.their_turn("theirs, after we were killed").await?;
    play.our_turn("ours again").await?;
    play.end().await
}

async fn theirs_first(mut play: Play) -> Result<()> {
    play.predecessor.must("create_schema").await?;
    play.predecessor.must("add_source").await?;
    play.predecessor.init_replica().await?;
    play.must_be_equal("after their copy").await?;
    play.their_turn("theirs, after their copy").await?;
    play.our_turn("ours, after they were stopped").await?;

    let table = format!(
        "{}.people in access exclusive mode",
        play.stage.dest_schema()
    );
    let killed = play.they_are_killed_at(&table).await;
    killed.context("theirs, killed with rows waiting")?;
    play.our_turn("ours, after they were killed with rows waiting")
        .await?;

    // The insert of the next position waits for its foreign key; the rows before it are in the relay by then.
    let sources = "sch_chameleon.t_sources in exclusive mode";
    let killed = play.they_are_killed_at(sources).await;
    killed.context("theirs, killed between rows and position")?;
    play.our_turn("ours, after they were killed between rows and position")
        .await?;
    play.their_turn("theirs again").await?;
    play.our_turn("ours again").await?;
    play.end().await
}

/// A source, a target, and both programs with one configuration.
struct Play {
    stage: Stage,
    predecessor: Predecessor,
    round: u32,
}

impl Play {
    async fn set(
        pair: Pair<'_>,
        setting: &Setting<'_>,
        releases: &Releases,
        name: &str,
    ) -> Result<Self> {
        let home = setting.home.join(name);
        fs::create_dir_all(&home)?;
        let own = Setting {
            home: &home,
            ..*setting
        };
        let stage = Stage::set(pair, &own, Mode::Relay, Detour::default()).await?;
        append(&stage.replica.config_file(), KEYS_OF_1_3)?;
        let port = stage.source.port;
        let predecessor = Predecessor::take_over(releases, &home, name, port)?;
        rounds::make_source(&stage.source).await?;
        Ok(Play {
            stage,
            predecessor,
            round: 0,
        })
    }

    async fn change(&mut self) -> Result<()> {
        self.round += 1;
        rounds::change(&self.stage.source, self.round).await
    }

    /// The host catches up with what waits, follows more changes, among them one of a table's shape, and is stopped.
    async fn our_turn(&mut self, turn: &'static str) -> Result<()> {
        let begun = Instant::now();
        let mut host = Runs::Host(self.stage.replica.start(&["start_replica"])?);
        self.follow(&mut host).await.context(turn)?;
        let held = self.stage.replica.status().await?.held_tables();
        if !held.is_empty() {
            bail!("{turn}: tables are held:\n  {}", held.join("\n  "));
        }
        host.stop(&self.predecessor).await.context(turn)?;
        self.tell(turn, begun).await
    }

    /// The same with pg_chameleon.
    async fn their_turn(&mut self, turn: &'static str) -> Result<()> {
        let begun = Instant::now();
        let mut running = Runs::Predecessor(self.predecessor.start()?);
        self.follow(&mut running).await.context(turn)?;
        running.stop(&self.predecessor).await.context(turn)?;
        self.tell(turn, begun).await
    }

    async fn follow(&mut self, running: &mut Runs) -> Result<()> {
        self.wait_until_equal(running)
            .await
            .context("what waited")?;
        self.change().await?;
        self.wait_until_equal(running)
            .await
            .context("its changes")?;
        // pg_chameleon reads rows with the shape that the table has by then: the change of shape comes alone, after a row.
        rounds::add_column(&self.stage.source, &format!("more_{}", self.round)).await?;
        self.wait_for_column(running).await?;
        self.change().await?;
        self.wait_until_equal(running)
            .await
            .context("changes after a new column")
    }

    async fn wait_until_equal(&self, running: &mut Runs) -> Result<()> {
        let deadline = Instant::now() + ARRIVAL_TIMEOUT;
        loop {
            running.check_alive()?;
            match self.stage.must_be_equal().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(error).with_context(|| format!("after {ARRIVAL_TIMEOUT:?}"));
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn wait_for_column(&self, running: &mut Runs) -> Result<()> {
        let question = format!(
            "select count(*) from information_schema.columns where table_schema = '{}' \
             and table_name = 'codes' and column_name = 'more_{}'",
            self.stage.dest_schema(),
            self.round
        );
        let client = self.stage.target.postgres().await?;
        wait_for(&client, &question, 1, running)
            .await
            .context("a new column")
    }

    /// The statement and the rows on both sides of it are in the relay, in our encoding.
    async fn we_are_killed_with_rows_waiting(&mut self) -> Result<()> {
        let mut running = Runs::Host(self.stage.replica.start(&["start_replica"])?);
        // At a position of 1.3 no schema is known but that of the start: the statement comes when it has streamed.
        self.change().await?;
        self.wait_until_equal(&mut running).await?;
        let client = self.stage.target.postgres().await?;
        let table = format!(
            "{}.people in access exclusive mode",
            self.stage.dest_schema()
        );
        client
            .batch_execute(&format!("begin; lock table {table}"))
            .await?;
        self.change().await?;
        rounds::add_column(&self.stage.source, &format!("more_{}", self.round)).await?;
        self.change().await?;
        self.wait_for_waiting_rows(&mut running, 2).await?;
        running.kill()?;
        client.batch_execute("rollback").await?;
        self.wait_until_nobody_is_connected().await?;
        self.must_have_waiting_rows().await
    }

    /// pg_chameleon is killed when it waits for a lock, and its session, which would go on alone, is ended.
    async fn they_are_killed_at(&mut self, lock: &str) -> Result<()> {
        let mut running = Runs::Predecessor(self.predecessor.start()?);
        self.wait_until_equal(&mut running).await?;
        let client = self.stage.target.postgres().await?;
        // It has this name only when it has read once.
        let streams = "select count(*) from pg_stat_activity where datname = current_database() \
             and application_name like '[PGCH]%'";
        wait_for(&client, streams, 1, &mut running).await?;
        // a session of its own: in a transaction, pg_stat_activity shows what it showed first
        let locking = self.stage.target.postgres().await?;
        locking
            .batch_execute(&format!("begin; lock table {lock}"))
            .await?;
        self.change().await?;
        self.wait_for_waiting_rows(&mut running, 1).await?;
        let stuck = "from pg_stat_activity where datname = current_database() \
             and application_name like '[PGCH]%' and wait_event_type = 'Lock'";
        wait_for(
            &client,
            &format!("select count(*) {stuck}"),
            1,
            &mut running,
        )
        .await
        .context("pg_chameleon at the lock")?;
        running.kill()?;
        client
            .batch_execute(&format!("select pg_terminate_backend(pid) {stuck}"))
            .await?;
        locking.batch_execute("rollback").await?;
        self.wait_until_nobody_is_connected().await?;
        self.must_have_waiting_rows().await
    }

    async fn wait_for_waiting_rows(&self, running: &mut Runs, rounds: u32) -> Result<()> {
        let client = self.stage.target.postgres().await?;
        wait_for(
            &client,
            WAITING_ROWS,
            i64::from(rounds * rounds::MANY),
            running,
        )
        .await
        .context("rows in the relay")
    }

    async fn must_have_waiting_rows(&self) -> Result<()> {
        let client = self.stage.target.postgres().await?;
        let rows: i64 = client.query_one(WAITING_ROWS, &[]).await?.get(0);
        println!("      {rows} rows wait in the relay");
        if rows == 0 {
            bail!("the kill left no rows in the relay");
        }
        Ok(())
    }

    /// A session whose program was killed lives until it has noticed.
    async fn wait_until_nobody_is_connected(&self) -> Result<()> {
        let client = self.stage.target.postgres().await?;
        let question = "select case when exists (select from pg_stat_activity \
             where datname = current_database() and backend_type = 'client backend' \
             and application_name <> 'xtask') then 0::bigint else 1::bigint end";
        wait_for(&client, question, 1, &mut Runs::Nobody)
            .await
            .context("the end of the killed program's sessions")
    }

    async fn must_be_equal(&self, when: &'static str) -> Result<()> {
        self.stage.must_be_equal().await.context(when)
    }

    /// After a turn both sides are equal, and nobody has left out a row.
    async fn tell(&self, turn: &'static str, begun: Instant) -> Result<()> {
        self.must_be_equal(turn).await?;
        let client = self.stage.target.postgres().await?;
        let question = "select coalesce(sum(i_replayed), 0)::bigint, coalesce(sum(i_skipped), 0)::bigint, \
             count(*), count(*) filter (where not b_replayed) from sch_chameleon.t_replica_batch";
        let row = client.query_one(question, &[]).await?;
        let (replayed, skipped): (i64, i64) = (row.get(0), row.get(1));
        let (batches, open): (i64, i64) = (row.get(2), row.get(3));
        println!(
            "      {turn}: {:.1} s; in all {batches} batches, {replayed} rows replayed, {skipped} skipped",
            begun.elapsed().as_secs_f64()
        );
        if skipped != 0 || open != 1 {
            bail!(
                "{turn}: {skipped} rows were skipped, and {open} batches are not replayed (one is open)"
            );
        }
        Ok(())
    }

    async fn end(self) -> Result<()> {
        let client = self.stage.target.postgres().await?;
        let question = "select (select count(*) from sch_chameleon.t_discarded_rows) \
             + (select count(*) from sch_chameleon.t_row_errors)";
        let lost: i64 = client.query_one(question, &[]).await?.get(0);
        if lost != 0 {
            bail!("{lost} rows are in the error tables");
        }
        self.stage.strike().await
    }
}

const WAITING_ROWS: &str = "select count(*) from sch_chameleon.t_log_replica \
     join sch_chameleon.t_replica_batch using (i_id_batch) where not b_replayed";

/// What runs at the moment.
enum Runs {
    Host(Host),
    Predecessor(Running),
    Nobody,
}

impl Runs {
    fn check_alive(&mut self) -> Result<()> {
        match self {
            Runs::Host(host) => host.check_alive(),
            Runs::Predecessor(running) => running.check_alive(),
            Runs::Nobody => Ok(()),
        }
    }

    fn kill(self) -> Result<()> {
        match self {
            Runs::Host(mut host) => host.kill(),
            Runs::Predecessor(running) => running.kill(),
            Runs::Nobody => Ok(()),
        }
    }

    async fn stop(self, predecessor: &Predecessor) -> Result<()> {
        match self {
            Runs::Host(host) => host.stop().await,
            Runs::Predecessor(running) => running.stop(predecessor).await,
            Runs::Nobody => Ok(()),
        }
    }
}

/// Waits until the number that a question asks for is at least `enough`.
async fn wait_for(client: &Client, question: &str, enough: i64, running: &mut Runs) -> Result<()> {
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    loop {
        running.check_alive()?;
        let number: i64 = client.query_one(question, &[]).await?.get(0);
        if number >= enough {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("it is {number} after {ARRIVAL_TIMEOUT:?}, not {enough}");
        }
        tokio::time::sleep(POLL).await;
    }
}

pub(super) fn append(path: &Path, more: &str) -> Result<()> {
    let text = fs::read_to_string(path)?;
    Ok(fs::write(path, format!("{text}{more}"))?)
}
