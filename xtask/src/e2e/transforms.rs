//! Transforms in the paths of a replica: masked values reach neither target nor relay nor logs, whatever happens;
//! rows enter and leave a filtered set; sharded tables become one.

mod leaks;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;
use tokio_postgres::Client;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{guests, replica::Host};

/// What must never be seen: values of masked columns begin with it.
const SECRET: &str = "Geheim";

/// How long rows may take to come to the relay.
const RELAY_TIMEOUT: Duration = Duration::from_secs(20);

const TABLES: &[&str] = &[
    "create table people (id int primary key, email varchar(190) not null, secret text, \
       token varbinary(40), note varchar(40) not null default '') character set utf8mb4",
    "create table tickets (id int primary key, state enum('open', 'done') not null, what varchar(40))",
    "create table events_0 (id int primary key, what varchar(40))",
    "create table events_1 (id int primary key, what varchar(40))",
    "insert into people select n, concat('Geheim', n, '@a.example'), concat('Geheim text ', n), \
       concat('Geheim', n), concat('note ', n) from numbers",
    "insert into tickets select n, if(n % 2, 'open', 'done'), concat('ticket ', n) from numbers",
    "insert into events_0 select n, concat('zero ', n) from numbers",
    "insert into events_1 select n, concat('one ', n) from numbers",
];

/// Goes through it all.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    make_tables(&stage).await?;
    stage.add_marker().await?;
    stage.reconfigure(setting, &configuration()?)?;
    stage.initialise().await?;
    check(&stage, &[]).await.context("after the copy")?;

    let mut host = stage.replica.start(&["start_replica"])?;
    write(&stage, 1).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    check(&stage, &[]).await.context("after changes")?;
    if mode == Mode::Relay {
        in_the_relay(&stage).await.context("while rows wait")?;
        stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    }
    write(&stage, 2).await?;
    host.kill()?;
    let mut host = stage.replica.start(&["start_replica"])?;
    write(&stage, 3).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    check(&stage, &[]).await.context("after a kill")?;

    altered(&mut stage, &mut host).await.context("after DDL")?;
    let synced = stage
        .replica
        .run(&["sync_tables", "--tables", "people,tickets,events_0"])
        .await?;
    ensure!(synced.code == Some(0), "{}", synced.describe());
    write(&stage, 4).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    check(&stage, &["nick"])
        .await
        .context("after sync_tables")?;
    shared_table(&mut stage, &mut host)
        .await
        .context("a statement that would destroy rows of another table")?;
    host.stop().await?;
    other_rules(&mut stage, setting)
        .await
        .context("after a change of the configuration")?;
    no_leak(&stage, setting).await?;
    stage.strike().await
}

/// The modules that were built here, pinned.
fn configuration() -> Result<String> {
    let names = ["filter", "mask", "route"].map(String::from);
    let files = guests::build(&names)?;
    let file = |name: &str| -> Result<String> {
        let found = files
            .iter()
            .find(|path| path.file_stem().is_some_and(|stem| stem == name));
        Ok(found
            .with_context(|| format!("no module {name}"))?
            .display()
            .to_string())
    };
    Ok(format!(
        "transforms:\n\
         - {{name: mask, module: \"{}\", tables: [people], config: {{columns: [email, secret, token]}}}}\n\
         - {{name: open, module: \"{}\", tables: [tickets], config: {{where: \"state = 'open'\"}}}}\n\
         - name: merge\n  module: \"{}\"\n  tables: [\"*\"]\n  config: {{rules: [{{from: \"events_*\", table: events, shard: {{column: shard}}}}]}}\n",
        file("mask")?,
        file("filter")?,
        file("route")?
    ))
}

async fn make_tables(stage: &Stage) -> Result<()> {
    let database = &stage.source.database;
    let mut connection = stage.source.database("").mysql().await?;
    connection
        .query_drop(format!("create database `{database}`"))
        .await?;
    connection.query_drop(format!("use `{database}`")).await?;
    connection
        .query_drop("create table numbers (n int primary key)")
        .await?;
    let numbers: Vec<String> = (1..=500).map(|n| format!("({n})")).collect();
    connection
        .query_drop(format!("insert into numbers values {}", numbers.join(",")))
        .await?;
    for statement in TABLES {
        connection
            .query_drop(*statement)
            .await
            .with_context(|| (*statement).to_owned())?;
    }
    Ok(connection.disconnect().await?)
}

async fn source(stage: &Stage, statements: &[String]) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    for statement in statements {
        connection
            .query_drop(statement)
            .await
            .with_context(|| statement.clone())?;
    }
    Ok(connection.disconnect().await?)
}

/// Inserts, updates and deletes in all tables; different ones in every round.
async fn write(stage: &Stage, round: u32) -> Result<()> {
    let id = 1_000 * round;
    let statements = [
        format!(
            "insert into people (id, email, secret, note) values ({id}, 'Geheim{id}@b.example', null, 'new')"
        ),
        format!(
            "update people set email = concat('Geheim', id, '.{round}@c.example'), note = concat(note, '{round}') where id % 7 = {round}"
        ),
        format!(
            "update people set secret = 'Geheim again {round}', token = 'Geheim bytes' where id % 11 = {round}"
        ),
        format!("delete from people where id % 50 = {round}"),
        // in, out, and within
        format!(
            "update tickets set state = 'open' where id % 10 = {}",
            2 * round
        ),
        format!(
            "update tickets set state = 'done' where id % 10 = {}",
            2 * round - 1
        ),
        format!(
            "update tickets set what = concat(what, '!') where id % 3 = {}",
            round % 3
        ),
        format!("insert into tickets values ({id}, 'open', 'in'), ({id} + 1, 'done', 'out')"),
        format!("delete from tickets where id % 40 in ({round}, {round} + 1)"),
        format!("update events_0 set what = 'changed {round}' where id % 9 = {round}"),
        format!("update events_1 set id = id + 10000 where id = 100 + {round}"),
        format!("insert into events_1 (id, what) values ({id}, 'one more')"),
        format!("delete from events_0 where id % 20 = {round}"),
    ];
    source(stage, &statements).await
}

async fn altered(stage: &mut Stage, host: &mut Host) -> Result<()> {
    let statements = [
        "alter table people add column nick varchar(20), modify note varchar(80) not null default ''",
        "update people set nick = 'nick', secret = 'Geheim after DDL' where id < 20",
        "alter table events_0 add column extra int",
        "insert into events_0 values (70001, 'with extra', 7)",
        "insert into events_1 values (70001, 'without')",
        "update events_0 set extra = id where id < 50",
        "alter table events_1 add column extra int",
        "insert into events_1 values (70002, 'with extra', 8)",
    ];
    source(stage, &statements.map(String::from)).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    check(stage, &["nick"]).await
}

/// TRUNCATE of one shard cannot be followed: the others' rows are in the same table.
async fn shared_table(stage: &mut Stage, host: &mut Host) -> Result<()> {
    source(stage, &["truncate events_0".into()]).await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        held.len() == 1 && held[0].contains("events_0") && held[0].contains("TRF016"),
        "{held:?}"
    );
    let client = stage.target.postgres().await?;
    let left = number(
        &client,
        &format!(
            "select count(*) from {}.events where shard = '1'",
            stage.dest_schema()
        ),
    )
    .await?;
    ensure!(left > 400, "the other shard's rows are gone: {left} left");
    stage
        .replica
        .must(&["sync_tables", "--tables", "events_0"])
        .await?;
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    check(stage, &["nick"]).await
}

/// Other transforms than those that the stored rows went through hold a table until it is copied anew.
async fn other_rules(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    let stricter =
        configuration()?.replace("[email, secret, token]", "[email, secret, token, note]");
    stage.reconfigure(setting, &stricter)?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        held.len() == 1 && held[0].contains("people") && held[0].contains("TRF015"),
        "{held:?}"
    );
    stage
        .replica
        .must(&["sync_tables", "--tables", "people"])
        .await?;
    source(stage, &["update people set note = 'plain'".into()]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    host.stop().await?;
    let client = stage.target.postgres().await?;
    let plain = format!(
        "select count(*) from {}.people where note like 'n%' or note = 'plain'",
        stage.dest_schema()
    );
    ensure!(number(&client, &plain).await? == 0, "notes are not masked");
    Ok(())
}

/// Rows that wait in the relay are masked too.
async fn in_the_relay(stage: &Stage) -> Result<()> {
    let blocker = stage.target.postgres().await?;
    let schema = stage.dest_schema();
    blocker
        .batch_execute(&format!(
            "begin; lock table {schema}.people in access exclusive mode"
        ))
        .await?;
    let update = "update people set secret = concat('Geheim in the relay ', id)";
    source(stage, &[update.into()]).await?;
    let client = stage.target.postgres().await?;
    let waiting = "select count(*) from sch_chameleon.t_log_replica where v_table_name = 'people'";
    let deadline = Instant::now() + RELAY_TIMEOUT;
    while number(&client, waiting).await? < 400 {
        ensure!(Instant::now() < deadline, "no rows came to the relay");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let found = leaks::in_database(&client, SECRET, &["people"]).await?;
    blocker.batch_execute("rollback").await?;
    ensure!(found.is_empty(), "in the relay: {found:?}");
    Ok(())
}

async fn number(client: &Client, sql: &str) -> Result<i64> {
    let row = client.query_one(sql, &[]).await;
    Ok(row.with_context(|| sql.to_owned())?.get(0))
}

/// Compares every table with what its transforms are to make of it.
async fn check(stage: &Stage, more_of_people: &[&str]) -> Result<()> {
    let schema = stage.dest_schema();
    let mut people = vec!["id", "note"];
    people.extend(more_of_people);
    let columns = |prefix: &str| {
        let named = people
            .iter()
            .map(|column| format!("coalesce({prefix}{column}, '-')"));
        named.collect::<Vec<_>>().join(", ")
    };
    let pairs = [
        (
            format!(
                "select concat_ws('|', {}) from people order by id",
                columns("")
            ),
            format!(
                "select concat_ws('|', {}) from {schema}.people order by id",
                columns("").replace("coalesce(id, '-')", "id")
            ),
        ),
        (
            "select concat_ws('|', id, state, what) from tickets where state = 'open' order by id"
                .into(),
            format!("select concat_ws('|', id, state, what) from {schema}.tickets order by id"),
        ),
        (
            "select concat_ws('|', shard, id, what) from (select 0 shard, id, what from events_0 \
               union all select 1, id, what from events_1) e order by shard, id"
                .into(),
            format!(
                "select concat_ws('|', shard, id, what) from {schema}.events order by shard, id"
            ),
        ),
    ];
    let mut connection = stage.source.mysql().await?;
    let client = stage.target.postgres().await?;
    for (at_source, at_target) in pairs {
        let expected: Vec<String> = connection.query(&at_source).await.context(at_source)?;
        let rows = client.query(&at_target, &[]).await;
        let rows = rows.with_context(|| at_target.clone())?;
        let found: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        if let Some((a, b)) = expected.iter().zip(&found).find(|(a, b)| a != b) {
            bail!("{at_target}: `{b}` where `{a}` should be");
        }
        ensure!(
            expected.len() == found.len(),
            "{at_target}: {} rows where {} should be",
            found.len(),
            expected.len()
        );
    }
    connection.disconnect().await?;
    let found = leaks::in_database(&client, SECRET, &[]).await?;
    ensure!(found.is_empty(), "unmasked values in {found:?}");
    Ok(())
}

/// Looks for masked values in everything that the replica has written anywhere.
async fn no_leak(stage: &Stage, setting: &Setting<'_>) -> Result<()> {
    let client = stage.target.postgres().await?;
    let mut found = leaks::in_database(&client, SECRET, &[]).await?;
    found.extend(leaks::in_files(setting.home, SECRET)?);
    ensure!(found.is_empty(), "unmasked values in {found:?}");
    // The search itself finds what is there.
    client
        .batch_execute(
            "create table proof (t text); insert into proof values (encode('a Geheim', 'base64'))",
        )
        .await?;
    let found = leaks::in_database(&client, SECRET, &[]).await?;
    ensure!(found.len() == 1, "the search found {found:?}");
    Ok(())
}
