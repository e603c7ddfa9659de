//! What bounds every copy: the target loading ready files and then making keys, and the source giving its rows away.

use std::{
    fmt::Write,
    fs,
    process::{Command, Stdio},
};

use anyhow::Result;

use super::{
    data::NAME,
    measure::{Client, Reading},
    ours::LIMIT,
    results::Sample,
    stage::Stage,
    tools,
};
use crate::{address::Address, servers::PASSWORD};

/// psql loads both tables from their files, one after the other, and then makes their keys. The tables are those that
/// this project makes.
pub(super) async fn psql_copy(stage: &Stage) -> Result<Sample> {
    const DATABASE: &str = "bench_limit";
    let target = stage.create(DATABASE, stage.template().await?).await?;
    let keys = take_keys(&target).await?;
    let mut script =
        String::from("set maintenance_work_mem = '256MB'; set synchronous_commit = off;\n");
    for table in stage.data.tables() {
        let (name, file) = (table.name, table.file.display());
        writeln!(script, "\\copy {NAME}.{name} from '{file}'")?;
    }
    script.push_str(&keys);
    let home = stage.home_of(DATABASE)?;
    let file = home.join("load.sql");
    fs::write(&file, script)?;
    let mut command = psql(stage, &target)?;
    command.arg("-f").arg(&file);
    let reading = Reading::begin(stage).await?;
    let client = Client::start(&command, &stage.log(DATABASE))?;
    let spent = client.finish(LIMIT).await?;
    let sample = reading.end(stage, stage.data.rows(), spent).await?;
    stage.check_copied(&target).await?;
    stage.drop_target(DATABASE).await?;
    Ok(sample)
}

/// psql, which stops at the first error.
pub(super) fn psql(stage: &Stage, database: &Address) -> Result<Command> {
    let mut command = tools::psql(&stage.target.engine)?;
    command
        .env("PGPASSWORD", PASSWORD)
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1"])
        .args(["-h", &database.host, "-p", &database.port.to_string()])
        .args(["-U", &database.user, "-d", &database.database]);
    Ok(command)
}

/// Empties the tables, takes their keys and indexes away, and returns the statements that make them again.
async fn take_keys(database: &Address) -> Result<String> {
    let client = database.postgres().await?;
    let constraints = client
        .query(
            "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint \
             where connamespace = $1::text::regnamespace and contype in ('p', 'u') order by 1, 2",
            &[&NAME],
        )
        .await?;
    let mut keys = String::new();
    for row in &constraints {
        let (table, name, definition): (String, String, String) =
            (row.get(0), row.get(1), row.get(2));
        writeln!(
            keys,
            "alter table {table} add constraint {name} {definition};"
        )?;
        let statement = format!("alter table {table} drop constraint {name} cascade");
        client.batch_execute(&statement).await?;
    }
    let question =
        "select quote_ident(indexname), indexdef from pg_indexes where schemaname = $1 order by 1";
    for row in client.query(question, &[&NAME]).await? {
        let (name, definition): (String, String) = (row.get(0), row.get(1));
        writeln!(keys, "{definition};")?;
        client
            .batch_execute(&format!("drop index {NAME}.{name}"))
            .await?;
    }
    let statement = format!("truncate {NAME}.sbtest1, {NAME}.mixed");
    client.batch_execute(&statement).await?;
    Ok(keys)
}

/// The source's rows to nowhere.
pub(super) async fn dump(stage: &Stage) -> Result<Sample> {
    let program = tools::dump()?;
    let source = stage.source_address();
    let mut dump = Command::new(program);
    dump.args(["--single-transaction", "--quick", "--skip-ssl"])
        .args(["-h", &source.host, "-P", &source.port.to_string()])
        .args(["-u", &source.user])
        .env("MYSQL_PWD", &source.password)
        .args(["--result-file=/dev/null", NAME])
        .stdin(Stdio::null());
    let reading = Reading::begin(stage).await?;
    let client = Client::start(&dump, &stage.log("dump"))?;
    let spent = client.finish(LIMIT).await?;
    reading.end(stage, stage.data.rows(), spent).await
}
