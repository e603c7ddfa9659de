//! What operators do to a replica over its life: a new copy under rights and views of others, a table that is kept
//! as it is, rows that the target refuses, a log file, metrics, a table that is held and comes back by itself, held
//! tables that are gone, two sources in one process.

mod gone;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use mysql_async::prelude::Queryable;

use super::{
    Setting, oracle,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{
    replica::Replica,
    shop::{self, Size},
};

/// How long a held table may take to come back: the replica looks every 30 s.
const RESYNC_TIMEOUT: Duration = Duration::from_secs(90);

/// The schema of the second source.
const SECOND: &str = "second";

/// Goes through it all.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>) -> Result<()> {
    let mut stage = Stage::set(pair, setting, Mode::Relay, Detour::default()).await?;
    shop::load(&stage.source, Size::SMALL).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    rights_and_views(&stage).await.context("a new copy")?;
    kept_tables(&mut stage, setting)
        .await
        .context("keep_existing_schema")?;
    refused_rows(&mut stage, setting)
        .await
        .context("a row that PostgreSQL refuses")?;
    until_a_position(&stage).await.context("--until-position")?;
    watched(&mut stage, setting).await.context("log and http")?;
    comes_back(&mut stage, setting)
        .await
        .context("auto_resync")?;
    gone::run(&mut stage)
        .await
        .context("held tables that are gone")?;
    two_sources(&mut stage, setting)
        .await
        .context("two sources in one process")?;
    stage.strike().await
}

async fn source(stage: &Stage, statements: &[&str]) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    for statement in statements {
        connection
            .query_drop(*statement)
            .await
            .with_context(|| (*statement).to_owned())?;
    }
    Ok(connection.disconnect().await?)
}

async fn count(stage: &Stage, sql: &str) -> Result<i64> {
    let client = stage.target.postgres().await?;
    Ok(client
        .query_one(sql, &[])
        .await
        .with_context(|| sql.to_owned())?
        .get(0))
}

/// A view of somebody else's stands in the way of a new copy, unless it is said that it may go; rights stay.
async fn rights_and_views(stage: &Stage) -> Result<()> {
    let client = stage.target.postgres().await?;
    let schema = stage.dest_schema();
    let role = format!("reader_{}", stage.target.database);
    client
        .batch_execute(&format!(
            "create role {role}; grant usage on schema {schema} to {role}; \
             grant select, references on {schema}.orders to {role}; \
             comment on schema {schema} is 'the shop, replicated'; \
             create schema reports; create view reports.big as select id from {schema}.orders"
        ))
        .await?;
    let refused = stage.replica.run(&["init_replica"]).await?;
    ensure!(
        refused.code == Some(2) && refused.stderr.contains("reports.big"),
        "the view was not named: {}",
        refused.describe()
    );
    ensure!(
        count(stage, "select count(*) from reports.big").await? > 0,
        "the refused copy changed something"
    );
    stage.replica.must(&["--yes", "init_replica"]).await?;
    let rights = format!(
        "select count(*) from (select 1 where has_schema_privilege('{role}', '{schema}', 'usage') \
           union all select 1 where has_table_privilege('{role}', '{schema}.orders', 'select') \
           union all select 1 where has_table_privilege('{role}', '{schema}.orders', 'references') \
           union all select 1 where not has_table_privilege('{role}', '{schema}.customers', 'select') \
           union all select 1 where obj_description('{schema}'::regnamespace) = 'the shop, replicated') t"
    );
    ensure!(
        count(stage, &rights).await? == 5,
        "rights or the schema's comment did not outlive the new copy"
    );
    single_table(stage, &rights).await.context("sync_tables")?;
    client
        .batch_execute(&format!("drop owned by {role}; drop role {role}"))
        .await?;
    stage.must_be_equal().await
}

/// The same for a single table that is copied anew.
async fn single_table(stage: &Stage, rights: &str) -> Result<()> {
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "create view reports.big as select id from {}.orders",
            stage.dest_schema()
        ))
        .await?;
    let sync = ["sync_tables", "--tables", "orders"];
    let refused = stage.replica.run(&sync).await?;
    ensure!(
        refused.code == Some(2) && refused.stderr.contains("reports.big"),
        "the view was not named: {}",
        refused.describe()
    );
    ensure!(
        count(stage, "select count(*) from reports.big").await? > 0,
        "the refused copy changed something"
    );
    stage
        .replica
        .must(&["--yes", sync[0], sync[1], sync[2]])
        .await?;
    stage.replica.catch_up().await?;
    ensure!(count(stage, rights).await? == 5, "rights were lost");
    Ok(())
}

/// With `keep_existing_schema` the tables are those of the operator, who may have added to them.
async fn kept_tables(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    stage.reconfigure(setting, "keep_existing_schema: true\n")?;
    let schema = stage.dest_schema();
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "create index own_index on {schema}.orders (id, customer_id); \
             alter table {schema}.customers alter column full_name type text; \
             delete from {schema}.products"
        ))
        .await?;
    stage.replica.must(&["init_replica"]).await?;
    let kept = format!(
        "select count(*) from pg_class where relname = 'own_index' and relnamespace = '{schema}'::regnamespace"
    );
    ensure!(count(stage, &kept).await? == 1, "the index is gone");
    stage.must_be_equal().await?;
    stage.reconfigure(setting, "")
}

/// The row goes to the errors, the rest is copied, and the exit code tells.
async fn refused_rows(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    source(
        stage,
        &[
            "create table notes (id int primary key, body varchar(40)) character set utf8mb4",
            "insert into notes select id, 'fine' from customers",
            "update notes set body = concat('a', char(0), 'b') where id = 7",
        ],
    )
    .await?;
    let copied = stage.replica.run(&["init_replica"]).await?;
    ensure!(copied.code == Some(1), "{}", copied.describe());
    let missing = format!(
        "select (select count(*) from {0}.customers) - (select count(*) from {0}.notes)",
        stage.dest_schema()
    );
    ensure!(
        count(stage, &missing).await? == 1,
        "one row alone is refused"
    );
    let told = stage.replica.must(&["show_errors"]).await?;
    ensure!(
        told.contains("notes") && told.contains("RPL"),
        "show_errors does not tell of the row:\n{told}"
    );
    // The policy that stores it.
    stage.reconfigure(setting, "nul_character: strip\n")?;
    stage.replica.must(&["init_replica"]).await?;
    ensure!(count(stage, &missing).await? == 0, "it is stored now");
    rows_that_the_target_refuses(stage, setting).await?;
    source(stage, &["drop table notes"]).await?;
    stage.reconfigure(setting, "")?;
    stage.replica.catch_up().await
}

/// Constraints that the operator has added: each refused row is told of once, the others are there.
async fn rows_that_the_target_refuses(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    source(
        stage,
        &[
            "create table loose (what varchar(20))",
            "insert into loose select 'fine' from customers",
            "insert into loose values ('no'), ('fine'), ('no')",
            // refused behind what goes to one COPY
            "create table endless (what varchar(20))",
            "insert into endless select 'fine' from customers a, customers b, customers c limit 230000",
            "insert into endless values ('no'), ('no')",
        ],
    )
    .await?;
    stage.replica.must(&["init_replica"]).await?;
    let schema = stage.dest_schema();
    let client = stage.target.postgres().await?;
    client
        .batch_execute(&format!(
            "alter table {schema}.notes add check (id not in (9, 70)) not valid; \
             alter table {schema}.loose add check (what <> 'no') not valid; \
             alter table {schema}.endless add check (what <> 'no') not valid; \
             truncate sch_chameleon.t_row_errors"
        ))
        .await?;
    stage.reconfigure(
        setting,
        "keep_existing_schema: true\nnul_character: strip\n",
    )?;
    let copied = stage.replica.run(&["init_replica", "--json"]).await?;
    ensure!(copied.code == Some(1), "{}", copied.describe());
    let report = copied.stdout.replace(char::is_whitespace, "");
    let rows = [
        ("notes", "count(*) - 2"),
        ("loose", "count(*) + 3 - 2"),
        ("endless", "230000"),
    ];
    for (table, rows) in rows {
        let missing = format!(
            "select {rows} - (select count(*) from {schema}.{table}) from {schema}.customers \
             having count(*) > 0"
        );
        ensure!(
            count(stage, &missing).await? == 0,
            "{table}: other rows are missing"
        );
        let told = format!(
            "select count(*) from sch_chameleon.t_row_errors where t_table_name = '{table}'"
        );
        ensure!(
            count(stage, &told).await? == 2,
            "{table}: each row is told of once"
        );
    }
    ensure!(
        report.matches("\"refused_rows\":2").count() == 3,
        "the report does not count the rows: {report}"
    );
    source(stage, &["drop table loose, endless"]).await
}

async fn until_a_position(stage: &Stage) -> Result<()> {
    // more than a batch before it, so that the place is met while one is written
    let many: Vec<String> = (800_000..803_000).map(|id| format!("({id})")).collect();
    let many = format!("insert into arrival_marker values {}", many.join(", "));
    let first = "insert into arrival_marker values (900001)";
    source(stage, &[&many, first]).await?;
    let (file, position) = stage.source.binlog_end().await?;
    source(stage, &["insert into arrival_marker values (900002)"]).await?;
    let end = format!("{file}:{position}");
    stage
        .replica
        .must(&["start_replica", "--until-position", &end])
        .await?;
    let arrived = format!(
        "select sum(id)::bigint from {}.arrival_marker where id > 900000",
        stage.dest_schema()
    );
    ensure!(
        count(stage, &arrived).await? == 900_001,
        "it ends right there"
    );
    stage.replica.catch_up().await?;
    stage.must_be_equal().await
}

/// A log file, and the pages that monitoring reads.
async fn watched(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    let port = free_port()?;
    stage.reconfigure(
        setting,
        &format!("http: {{listen: \"127.0.0.1:{port}\"}}\n"),
    )?;
    let config = fs::read_to_string(stage.replica.config_file())?;
    fs::write(
        stage.replica.config_file(),
        config.replace("log_dest: stdout", "log_dest: file"),
    )?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    let ready = get(port, "/readyz")?;
    ensure!(
        ready.starts_with("HTTP/1.1 200") && ready.contains("ready"),
        "{ready}"
    );
    ensure!(get(port, "/healthz")?.starts_with("HTTP/1.1 200"));
    let metrics = get(port, "/metrics")?;
    for name in [
        "chameleon_rows_total",
        "chameleon_lag_seconds",
        "chameleon_batches_total",
    ] {
        ensure!(
            metrics.contains(&format!("{name}{{source=")),
            "no {name} in\n{metrics}"
        );
    }
    host.stop().await?;
    let logs = setting.home.join("logs");
    let files: Vec<_> = fs::read_dir(&logs)?.collect::<Result<_, _>>()?;
    let [file] = files.as_slice() else {
        bail!("{} files in {}", files.len(), logs.display());
    };
    let said = fs::read_to_string(file.path())?;
    ensure!(said.contains("streaming"), "the log file says\n{said}");
    let password = &stage.target.password;
    ensure!(
        !said.contains(password.as_str()),
        "a password is in the log file"
    );
    stage.reconfigure(setting, "")
}

/// What cannot be followed holds its table; with `auto_resync` the replica brings it back.
async fn comes_back(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    stage.reconfigure(setting, "auto_resync: true\n")?;
    source(
        stage,
        &[
            "create table parts (id int primary key, what varchar(20)) \
               partition by range (id) (partition low values less than (100), partition rest values less than maxvalue)",
            "insert into parts values (1, 'one'), (100, 'hundred')",
        ],
    )
    .await?;
    let mut host = stage.replica.start(&["start_replica"])?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    source(stage, &["alter table parts truncate partition low"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    ensure!(
        held.iter().any(|table| table.contains("parts")),
        "it is not held: {held:?}"
    );
    source(stage, &["insert into parts values (2, 'two')"]).await?;
    let deadline = Instant::now() + RESYNC_TIMEOUT;
    // 2 and 100 are there, 1 is not, and changes arrive again.
    let back = format!(
        "select coalesce(sum(id), 0)::bigint from {}.parts",
        stage.dest_schema()
    );
    while count(stage, &back).await? != 102 {
        host.check_alive()?;
        ensure!(
            Instant::now() < deadline,
            "still held after {RESYNC_TIMEOUT:?}:\n{}",
            host.log_tail()
        );
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    source(stage, &["insert into parts values (3, 'three')"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    host.stop().await?;
    // Stopped before the table had rejoined the stream, the next run lets it rejoin.
    stage.replica.catch_up().await?;
    stage.must_be_equal().await?;
    stage.reconfigure(setting, "")
}

/// `--all` runs both; a fault of one does not stop the other.
async fn two_sources(stage: &mut Stage, setting: &Setting<'_>) -> Result<()> {
    let address = stage
        .source
        .database(&format!("{}_2", stage.source.database));
    shop::load(&address, Size::SMALL).await?;
    let second = stage.second_replica(setting, address.clone(), SECOND)?;
    second.must(&["add_source"]).await?;
    second.must(&["init_replica"]).await?;
    let mut host = stage.replica.start_all()?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    write_and_wait(&second, &address).await?;
    // What one source cannot follow is that source's alone.
    let statuses = [stage.replica.status().await?, second.status().await?];
    ensure!(
        statuses.iter().all(crate::replica::Status::is_alive),
        "{statuses:?}"
    );
    second.must(&["stop_replica"]).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    ensure!(!second.status().await?.is_alive(), "the second stopped");
    ensure!(
        stage.replica.status().await?.is_alive(),
        "the first goes on"
    );
    host.stop().await?;
    second.must(&["enable_replica"]).await?;
    stage.must_be_equal().await?;
    let differences = oracle::compare(&address, &stage.target, SECOND).await?;
    ensure!(differences.is_empty(), "{}", differences.join("\n"));
    second.must(&["--yes", "drop_source"]).await?;
    let mut connection = address.database("").mysql().await?;
    connection
        .query_drop(format!("drop database `{}`", address.database))
        .await?;
    Ok(connection.disconnect().await?)
}

async fn write_and_wait(second: &Replica, address: &crate::address::Address) -> Result<()> {
    let mut connection = address.mysql().await?;
    connection
        .query_drop("update products set in_stock = in_stock + 1")
        .await?;
    connection.disconnect().await?;
    second.wait_until_caught_up(address, ARRIVAL_TIMEOUT).await
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// One page, with its status line.
fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )?;
    let mut page = String::new();
    stream.read_to_string(&mut page)?;
    Ok(page)
}
