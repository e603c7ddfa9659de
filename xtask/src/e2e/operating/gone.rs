//! Held tables that go away at the source: dropped and made anew, renamed, renamed out of the database, dropped while
//! nothing runs. A table that is gone holds nothing, and nothing waits for it. And one that comes from elsewhere: a new
//! copy makes it known.

use anyhow::{Context, Result, ensure};

use super::{ARRIVAL_TIMEOUT, Stage, count, source};
use crate::replica::Host;

/// Tables of whose rows some vanish without a word in the binlog, which nobody can follow.
const TABLES: &[&str] = &["boxes", "trays", "bins", "lots"];

/// Lets held tables go.
pub(super) async fn run(stage: &mut Stage) -> Result<()> {
    for table in TABLES {
        let create = format!(
            "create table {table} (id int primary key, what varchar(20)) \
               partition by range (id) (partition low values less than (100), partition rest values less than maxvalue)"
        );
        let fill = format!("insert into {table} values (1, 'one'), (100, 'hundred')");
        source(stage, &[&create, &fill]).await?;
    }
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    hold(stage, &mut host, "boxes").await?;
    made_anew(stage, &mut host, "boxes")
        .await
        .context("dropped and made anew")?;
    // and by a run that knows the hold from its start
    hold(stage, &mut host, "trays").await?;
    host.stop().await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    made_anew(stage, &mut host, "trays")
        .await
        .context("dropped and made anew in another run")?;
    renamed(stage, &mut host).await.context("renamed")?;
    host.stop().await?;
    renamed_meanwhile(stage)
        .await
        .context("renamed while nothing runs")?;
    dropped_meanwhile(stage)
        .await
        .context("dropped while nothing runs")?;
    made_of_rows(stage).await.context("made of rows")?;
    made_elsewhere(stage)
        .await
        .context("made after a table of another database")?;
    renamed_out(stage)
        .await
        .context("renamed out of the database")?;
    source(stage, &["drop table boxes, trays"]).await?;
    stage.replica.catch_up().await?;
    stage.must_be_equal().await
}

/// The names of the tables that are held, in order.
async fn held(stage: &Stage) -> Result<Vec<String>> {
    let told = stage.replica.status().await?.held_tables();
    let names = told.iter().filter_map(|told| told.split_once(": "));
    Ok(names.map(|(table, _)| table.to_owned()).collect())
}

async fn must_be_held(stage: &Stage, tables: &[&str]) -> Result<()> {
    let held = held(stage).await?;
    ensure!(held == tables, "held are {held:?}, and not {tables:?}");
    Ok(())
}

async fn hold(stage: &mut Stage, host: &mut Host, table: &str) -> Result<()> {
    let truncate = format!("alter table {table} truncate partition low");
    let unseen = format!("insert into {table} values (2, 'unseen')");
    source(stage, &[&truncate, &unseen]).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &[table]).await
}

/// Rows of the new one arrive, those that are written at once and those that come later.
async fn made_anew(stage: &mut Stage, host: &mut Host, table: &str) -> Result<()> {
    source(
        stage,
        &[
            &format!("drop table {table}"),
            &format!("create table {table} (id int primary key, label varchar(10), weight int)"),
            &format!("insert into {table} values (7, 'new', 70), (8, 'newer', 80)"),
        ],
    )
    .await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let weights = format!(
        "select coalesce(sum(weight), 0)::bigint from {}.{table}",
        stage.dest_schema()
    );
    ensure!(count(stage, &weights).await? == 150, "rows are missing");
    must_be_held(stage, &[]).await?;
    source(
        stage,
        &[
            &format!("update {table} set weight = weight + 1"),
            &format!("insert into {table} values (9, 'newest', 90)"),
            &format!("delete from {table} where id = 7"),
        ],
    )
    .await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    ensure!(count(stage, &weights).await? == 171, "changes are missing");
    stage.must_be_equal().await
}

/// The hold goes with the table, and a new copy brings the table back under its new name.
async fn renamed(stage: &mut Stage, host: &mut Host) -> Result<()> {
    hold(stage, host, "bins").await?;
    source(stage, &["rename table bins to old_bins"]).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &["old_bins"]).await?;
    sync_held(stage).await?;
    source(stage, &["insert into old_bins values (3, 'three')"]).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &[]).await?;
    drop_leftover(stage, "bins").await?;
    stage.must_be_equal().await
}

/// Rows of a table that was held when it was renamed stay at the target under its old name, and are nobody's.
async fn drop_leftover(stage: &Stage, table: &str) -> Result<()> {
    let client = stage.target.postgres().await?;
    let drop = format!("drop table {}.{table}", stage.dest_schema());
    Ok(client.batch_execute(&drop).await?)
}

/// A held table that is gone is left out, and the other one is copied.
async fn renamed_meanwhile(stage: &mut Stage) -> Result<()> {
    let mut host = stage.replica.start(&["start_replica"])?;
    hold(stage, &mut host, "old_bins").await?;
    source(stage, &["alter table lots truncate partition low"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &["lots", "old_bins"]).await?;
    host.stop().await?;
    source(stage, &["rename table old_bins to bins"]).await?;
    sync_held(stage).await?;
    must_be_held(stage, &["old_bins"]).await?;
    stage.replica.catch_up().await?;
    must_be_held(stage, &["bins"]).await?;
    sync_held(stage).await?;
    stage.replica.catch_up().await?;
    must_be_held(stage, &[]).await?;
    drop_leftover(stage, "old_bins").await?;
    stage.must_be_equal().await
}

/// The next run reads that it is gone.
async fn dropped_meanwhile(stage: &mut Stage) -> Result<()> {
    let mut host = stage.replica.start(&["start_replica"])?;
    hold(stage, &mut host, "lots").await?;
    host.stop().await?;
    source(stage, &["drop table lots"]).await?;
    must_be_held(stage, &["lots"]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &[]).await?;
    host.stop().await?;
    stage.must_be_equal().await
}

/// A statement that makes a table with its rows comes right behind a position that is stored already.
async fn made_of_rows(stage: &mut Stage) -> Result<()> {
    let mut host = stage.replica.start(&["start_replica"])?;
    for table in ["picked", "picked_again"] {
        stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
        let all = stage.source.clone();
        let caught_up = stage.replica.wait_until_caught_up(&all, ARRIVAL_TIMEOUT);
        caught_up.await?;
        let create = format!("create table {table} (primary key (id)) as select * from bins");
        source(stage, &[&create]).await?;
        stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
        must_be_held(stage, &[]).await?;
        stage.must_be_equal().await?;
    }
    host.stop().await?;
    source(stage, &["drop table picked, picked_again"]).await?;
    stage.replica.catch_up().await
}

/// Only the source knows its columns; the copy that brings it back tells the stream of them.
async fn made_elsewhere(stage: &mut Stage) -> Result<()> {
    let other = format!("{}_other", stage.source.database);
    let create = format!("create database {other}");
    let first = format!("create table {other}.forms (id int primary key, what varchar(20))");
    source(stage, &[&create, &first]).await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    let like = format!("create table forms like {other}.forms");
    source(stage, &[&like, "insert into forms values (1, 'one')"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &["forms"]).await?;
    sync_held(stage).await?;
    source(stage, &["insert into forms values (2, 'two')"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &[]).await?;
    stage.must_be_equal().await?;
    host.stop().await?;
    source(stage, &["update forms set what = 'both'"]).await?;
    stage.replica.catch_up().await?;
    must_be_held(stage, &[]).await?;
    let drop = format!("drop database {other}");
    source(stage, &["drop table forms", &drop]).await?;
    stage.replica.catch_up().await?;
    stage.must_be_equal().await
}

/// Nobody knows whether it comes back, so it stays held; a new copy of all forgets it.
async fn renamed_out(stage: &mut Stage) -> Result<()> {
    let other = format!("{}_elsewhere", stage.source.database);
    let mut host = stage.replica.start(&["start_replica"])?;
    hold(stage, &mut host, "bins").await?;
    let create = format!("create database {other}");
    let away = format!("rename table bins to {other}.bins");
    source(stage, &[&create, &away]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_be_held(stage, &["bins"]).await?;
    sync_held(stage).await?;
    must_be_held(stage, &["bins"]).await?;
    host.stop().await?;
    sync_held(stage).await?;
    must_be_held(stage, &["bins"]).await?;
    let drop = format!("drop database {other}");
    source(stage, &[&drop]).await?;
    stage.replica.must(&["init_replica"]).await?;
    must_be_held(stage, &[]).await?;
    stage.must_be_equal().await
}

async fn sync_held(stage: &Stage) -> Result<()> {
    let sync = ["sync_tables", "--tables", "disabled"];
    stage.replica.must(&sync).await.map(drop)
}
