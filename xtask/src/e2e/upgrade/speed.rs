//! A million relay rows: ours against the script of the real 1.3, taken from its installed package and run through psql
//! on copies of the same database, in turns; the way back with as many rows; and one source, whose tables are renamed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::process::Command;
use tokio_postgres::Client;

use super::{Play, ended, original_script};
use crate::{address::Address, e2e::interop::predecessor::Releases};

/// Rows in the relay.
const ROWS: u32 = 1_000_000;

/// How often each is measured; the best counts.
const ROUNDS: u32 = 2;

/// How many times faster ours has to be with three sources.
const TIMES: f64 = 3.0;

/// How long ours may take with one source.
const ONE_SOURCE: Duration = Duration::from_secs(2);

/// Sources that take turns in the relay.
const SOURCES: u32 = 3;

/// Rows of a batch.
const BATCH: u32 = 5_000;

/// All batches, with their rows, belong to the first source, and there is no other.
const ONE_SOURCE_ONLY: &str = "\
    update sch_chameleon.t_replica_batch set i_id_source = (select min(i_id_source) from sch_chameleon.t_sources); \
    delete from sch_chameleon.t_sources where i_id_source > (select min(i_id_source) from sch_chameleon.t_sources);";

/// Batches in turns of the sources and of the two shared tables, that wait for replay.
pub(super) fn fill(rows: u32) -> String {
    let batches = rows / BATCH;
    let mut script = format!(
        "truncate sch_chameleon.t_log_replica, sch_chameleon.t_log_replica_1, sch_chameleon.t_log_replica_2; \
         delete from sch_chameleon.t_replica_batch; \
         insert into sch_chameleon.t_replica_batch (i_id_batch, i_id_source, t_binlog_name, i_binlog_position, \
                b_started, b_processed, ts_created, v_log_table) \
         select n, (select i_id_source from sch_chameleon.t_sources order by i_id_source offset n % {SOURCES} limit 1), \
                'binlog.000001', n * 1000, true, true, '2024-01-01'::timestamp + n * interval '1 minute', \
                't_log_replica_' || 1 + n / {SOURCES} % 2 \
           from generate_series(1, {batches}) n; \
         select setval('sch_chameleon.t_replica_batch_i_id_batch_seq', {batches});"
    );
    for table in ["t_log_replica_1", "t_log_replica_2"] {
        script.push_str(&format!(
            "insert into sch_chameleon.{table} (i_id_batch, v_table_name, v_schema_name, enm_binlog_event, \
                    t_binlog_name, i_binlog_position, jsb_event_data, jsb_event_update) \
             select i_id_batch, 'orders', t_dest_schema, 'insert', 'binlog.000001', i_binlog_position, \
                    jsonb_build_object('id', i_id_batch * {BATCH} + n, 'customer', n % 977, 'state', 'open', \
                    'note', repeat('x', n % 60), 'total', n * 1.5), '{{}}' \
               from sch_chameleon.t_replica_batch join sch_chameleon.t_sources using (i_id_source), \
                    generate_series(1, {BATCH}) n \
              where v_log_table = '{table}' order by i_id_batch, n;"
        ));
    }
    script
}

pub(super) async fn compare(play: &mut Play<'_>) -> Result<()> {
    let script = original_script(&Releases::install().await?.streaming)?;
    let target = play.stage.target.clone();
    let admin = target.database("postgres").postgres().await?;
    let begun = Instant::now();
    let model = copy_of_1_2(play, &admin).await?;
    let scratch = target.database(&format!("{}_run", target.database));
    let (mut theirs, mut ours) = (Measured::default(), Measured::default());
    for _ in 0..ROUNDS {
        clone(&admin, &model, &scratch).await?;
        theirs.take(original(play, &admin, &scratch, &script).await?);
        clone(&admin, &model, &scratch).await?;
        ours.take(apply(play, &admin, &scratch).await?);
    }
    let times = theirs.seconds / ours.seconds;
    let what = format!(
        "original {:.2} s, {} MB of log; ours {:.2} s, {} MB; {times:.1} times faster",
        theirs.seconds,
        theirs.wal_bytes / 1_000_000,
        ours.seconds,
        ours.wal_bytes / 1_000_000
    );
    play.timings
        .note("a million rows of three sources", begun, what);
    let begun = Instant::now();
    let back = downgrade(play, &admin, &scratch).await?;
    let what = format!("{:.2} s, {} MB", back.seconds, back.wal_bytes / 1_000_000);
    play.timings
        .note("the way back with these rows", begun, what);
    let begun = Instant::now();
    clone(&admin, &model, &scratch).await?;
    let client = scratch.postgres().await?;
    client.batch_execute(ONE_SOURCE_ONLY).await?;
    drop(client);
    let one = apply(play, &admin, &scratch).await?;
    let what = format!("{:.2} s, {} MB", one.seconds, one.wal_bytes / 1_000_000);
    play.timings
        .note("a million rows of one source", begun, what);
    for database in [&model, &scratch] {
        drop_database(&admin, database).await?;
    }
    if times < TIMES {
        bail!("only {times:.2} times faster than the original, not {TIMES}");
    }
    ensure!(
        ours.wal_bytes <= theirs.wal_bytes,
        "more log than the original's"
    );
    ensure!(
        one.seconds < ONE_SOURCE.as_secs_f64(),
        "one source takes {:.2} s",
        one.seconds
    );
    Ok(())
}

/// Time and write-ahead log.
#[derive(Clone, Copy)]
struct Measured {
    seconds: f64,
    wal_bytes: u64,
}

impl Default for Measured {
    fn default() -> Self {
        Measured {
            seconds: f64::INFINITY,
            wal_bytes: u64::MAX,
        }
    }
}

impl Measured {
    fn take(&mut self, other: Measured) {
        self.seconds = self.seconds.min(other.seconds);
        self.wal_bytes = self.wal_bytes.min(other.wal_bytes);
    }
}

/// A new database with the catalog of 1.2 out of the scenario's backup.
pub(super) async fn restore(play: &Play<'_>, admin: &Client, database: &Address) -> Result<()> {
    let create = format!("create database {}", database.database);
    admin.batch_execute(&create).await?;
    let mut restore = Command::new(play.program("pg_restore"));
    restore
        .args(["--no-owner", "--exit-on-error", "--dbname"])
        .arg(database.url())
        .arg(play.setting.home.join("before.dump"));
    let restored = ended(restore).await?;
    ensure!(restored.code == Some(0), "{}", restored.stderr);
    Ok(())
}

/// A database with the catalog of 1.2, with three sources and all rows.
async fn copy_of_1_2(play: &Play<'_>, admin: &Client) -> Result<Address> {
    let target = &play.stage.target;
    let model = target.database(&format!("{}_model", target.database));
    restore(play, admin, &model).await?;
    let client = model.postgres().await?;
    // the scenario has dropped it; as 1.2 makes it, a log table has it
    let key = "alter table sch_chameleon.t_log_replica_1 add constraint fk_replica_batch_1 foreign key (i_id_batch) \
         references sch_chameleon.t_replica_batch (i_id_batch) on update restrict on delete cascade";
    let empty = "truncate sch_chameleon.t_log_replica, sch_chameleon.t_log_replica_1";
    client.batch_execute(empty).await?;
    client.batch_execute(key).await?;
    client
        .batch_execute(&fill(ROWS))
        .await
        .context("a million rows")?;
    client.batch_execute("vacuum analyze").await?;
    Ok(model)
}

/// Copies a database that nobody is connected to; a copy that is there is replaced.
pub(super) async fn clone(admin: &Client, model: &Address, copy: &Address) -> Result<()> {
    drop_database(admin, copy).await?;
    let create = format!(
        "create database {} template {}",
        copy.database, model.database
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    // a session that has just ended is still seen for a moment
    while let Err(error) = admin.batch_execute(&create).await {
        if Instant::now() > deadline {
            return Err(error).context("cannot copy the database");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(admin.batch_execute("checkpoint").await?)
}

pub(super) async fn drop_database(admin: &Client, address: &Address) -> Result<()> {
    let drop = format!("drop database if exists {} with (force)", address.database);
    Ok(admin.batch_execute(&drop).await?)
}

async fn original(
    play: &Play<'_>,
    admin: &Client,
    database: &Address,
    script: &std::path::Path,
) -> Result<Measured> {
    let mut command = Command::new(play.program("psql"));
    command
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--file",
        ])
        .arg(script)
        .arg(database.url());
    measure(admin, command).await.map(|(measured, _)| measured)
}

async fn apply(play: &Play<'_>, admin: &Client, database: &Address) -> Result<Measured> {
    let command = play.apply_command(&database.url());
    let (measured, said) = measure(admin, command).await?;
    let said: Value = serde_json::from_str(&said)?;
    ensure!(
        said["done"] == "upgraded" && said["verification"]["whole"] == true,
        "not upgraded: {said}"
    );
    Ok(measured)
}

/// The upgraded catalog goes back to 1.2 with all its rows: it has moved since the scenario's backup.
async fn downgrade(play: &Play<'_>, admin: &Client, database: &Address) -> Result<Measured> {
    let backup = play.setting.home.join("before.dump");
    let mut command = Command::new(&play.setting.binaries.tools);
    command.args(["--json", "--yes", "--pg-url", &database.url(), "rollback"]);
    command.arg("--backup").arg(backup);
    if let Some(programs) = &play.programs {
        command.env("CHAMELEON_PG_BINDIR", programs);
    }
    let (measured, said) = measure(admin, command).await?;
    let said: Value = serde_json::from_str(&said)?;
    let waiting = |source: &Value| source["waiting_rows"].as_u64();
    let sources = said["sources"].as_array().context("no sources")?;
    let rows: u64 = sources.iter().filter_map(waiting).sum();
    ensure!(
        said["way"] == "downgrade" && rows == u64::from(ROWS),
        "{rows} rows wait: {said}"
    );
    Ok(measured)
}

async fn measure(admin: &Client, command: Command) -> Result<(Measured, String)> {
    let position = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
    let before: i64 = admin.query_one(position, &[]).await?.get(0);
    let begun = Instant::now();
    let ended = ended(command).await?;
    let seconds = begun.elapsed().as_secs_f64();
    ensure!(ended.code == Some(0), "{}{}", ended.stdout, ended.stderr);
    let after: i64 = admin.query_one(position, &[]).await?.get(0);
    let wal_bytes = u64::try_from(after - before)?;
    Ok((Measured { seconds, wal_bytes }, ended.stdout))
}
