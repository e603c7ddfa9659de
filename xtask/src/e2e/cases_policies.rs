//! Values of which the configuration says what they become: a folder in `testdata/cases/policies` is a
//! configuration (`config.yaml`) with the tables that it is for (`source.sql`, else the one that they share).
//!
//! Tables have the columns `edge` and `v`, as all tables of edge values have. At the target every value of
//! `expected.tsv` must be there as written (table, edge, text; `\N` is NULL), after the copy, after the stream and
//! after `sync_tables`, with a key and without. `types.tsv` names the target's types, `warned.txt` what `check` must
//! warn of. Where there is a `held.tsv` (table, code), `changes.sql` must hold these tables and nothing else; where
//! it does so by rows, a copy must leave them out and say so.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{
    Setting, cases, cases_coverage as coverage,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{replica::Host, shop::execute_script, workspace};

/// Runs all folders, each with databases of its own.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let directory = workspace::root().join("testdata/cases/policies");
    for path in cases::subdirectories(&directory)? {
        let case = Case::read(&path)?;
        // a home of its own, by whose name the databases are named
        let scenario = setting.home.file_name().unwrap_or_default();
        let name = format!("{}-{}", scenario.to_string_lossy(), case.name);
        let home = setting.home.with_file_name(name);
        fs::create_dir_all(&home)?;
        let setting = Setting {
            home: &home,
            ..*setting
        };
        let played = if case.held.is_empty() {
            play(pair, &setting, mode, &case).await
        } else {
            refuse(pair, &setting, mode, &case).await
        };
        played.with_context(|| case.name.clone())?;
    }
    Ok(())
}

#[derive(Debug)]
struct Case {
    name: String,
    config: String,
    source: String,
    changes: String,
    /// Table and edge; text or NULL.
    expected: Vec<(String, String, Option<String>)>,
    types: Vec<(String, String)>,
    warned: Vec<String>,
    held: BTreeMap<String, String>,
}

impl Case {
    fn read(path: &Path) -> Result<Self> {
        let file = |name: &str| fs::read_to_string(path.join(name)).ok();
        let shared = || fs::read_to_string(path.with_file_name("source.sql"));
        let lines = |name: &str| -> Vec<Vec<String>> {
            let text = file(name).unwrap_or_default();
            let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
            text.lines().map(fields).collect()
        };
        let mut expected = Vec::new();
        for line in lines("expected.tsv") {
            let [table, edge, text] = <[String; 3]>::try_from(line)
                .map_err(|line| anyhow::anyhow!("expected.tsv: {line:?}"))?;
            expected.push((table, edge, (text != "\\N").then_some(text)));
        }
        let pairs = |name: &str| -> Result<Vec<(String, String)>> {
            let pair = |line: Vec<String>| match <[String; 2]>::try_from(line) {
                Ok([first, second]) => Ok((first, second)),
                Err(line) => bail!("{name}: {line:?}"),
            };
            lines(name).into_iter().map(pair).collect()
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self {
            config: file("config.yaml").with_context(|| format!("{name} has no config.yaml"))?,
            source: match file("source.sql") {
                Some(source) => source,
                None => shared()?,
            },
            changes: file("changes.sql").unwrap_or_default(),
            expected,
            types: pairs("types.tsv")?,
            warned: lines("warned.txt").concat(),
            held: pairs("held.tsv")?.into_iter().collect(),
            name: name.into_owned(),
        })
    }
}

impl Case {
    /// It is rows that are refused, which a copy meets too.
    fn refuses_rows(&self) -> bool {
        self.held.values().all(|code| code.starts_with("RPL"))
    }
}

/// Every value is what the configuration says, whichever way it came.
async fn play(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode, case: &Case) -> Result<()> {
    let mut stage = prepare(pair, setting, mode, case).await?;
    let mut connection = stage.source.mysql().await?;
    let edges = coverage::edge_tables(&mut connection, &stage.source.database).await?;
    coverage::make_twins(&mut connection, &edges).await?;
    if !case.warned.is_empty() {
        let said = stage.replica.run(&["check"]).await?;
        for warned in &case.warned {
            if !said.stdout.contains(warned.as_str()) {
                bail!("`check` does not warn of {warned}: {}", said.describe());
            }
        }
    }
    stage.initialise().await?;
    must_have_types(&stage, case).await?;
    must_be_as_expected(&stage, case)
        .await
        .context("after the copy")?;
    let mut host = stage.replica.start(&["start_replica"])?;
    coverage::change(&mut connection, &edges).await?;
    connection.disconnect().await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    must_hold_nothing(&stage).await?;
    coverage::must_be_alike(&stage, &edges).await?;
    must_be_as_expected(&stage, case)
        .await
        .context("after the stream")?;
    if mode == Mode::Relay {
        let names = coverage::all_names(&stage).await?;
        let sync = ["sync_tables", "--tables", &names];
        stage.replica.must(&sync).await?;
        stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
        must_hold_nothing(&stage).await?;
        coverage::must_be_alike(&stage, &edges).await?;
        must_be_as_expected(&stage, case)
            .await
            .context("after sync_tables")?;
    }
    host.stop().await?;
    stage.strike().await
}

/// Every row that the configuration refuses holds its table, with its code; and once it is gone, the table comes
/// back.
async fn refuse(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode, case: &Case) -> Result<()> {
    let mut stage = prepare(pair, setting, mode, case).await?;
    stage.initialise().await?;
    stage
        .must_be_equal()
        .await
        .context("after the copy of good rows")?;
    let mut host = stage.replica.start(&["start_replica"])?;
    execute(&stage, &case.changes).await?;
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    wait_for_holds(&stage, &mut host, case).await?;
    for table in case.held.keys() {
        execute(
            &stage,
            &format!("delete from `{table}` where edge = 'bad';"),
        )
        .await?;
    }
    stage
        .replica
        .must(&["sync_tables", "--tables", "disabled"])
        .await?;
    cases::settle(&mut stage, &mut host)
        .await
        .context("after the rows were mended")?;
    host.stop().await?;
    if mode == Mode::Relay && case.refuses_rows() {
        execute(&stage, &case.changes).await?;
        let refused = stage.replica.run(&["init_replica"]).await?;
        if refused.code != Some(1) {
            bail!("a copy of such rows {}", refused.describe());
        }
        let told = stage.replica.run(&["show_errors"]).await?;
        for (table, code) in &case.held {
            let of_table = |line: &&str| line.contains(table.as_str());
            if !told
                .stdout
                .lines()
                .filter(of_table)
                .any(|line| line.contains(code.as_str()))
            {
                bail!("no {code} of {table}: `show_errors` {}", told.describe());
            }
        }
    }
    stage.strike().await
}

async fn prepare(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode, case: &Case) -> Result<Stage> {
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    stage.reconfigure(setting, &case.config)?;
    let mut connection = stage.source.database("").mysql().await?;
    let create = format!(
        "create database `{}` character set utf8mb4",
        stage.source.database
    );
    connection.query_drop(create).await?;
    connection.disconnect().await?;
    execute(&stage, &case.source).await?;
    stage.add_marker().await?;
    Ok(stage)
}

async fn execute(stage: &Stage, script: &str) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}

async fn must_hold_nothing(stage: &Stage) -> Result<()> {
    let held = stage.replica.status().await?.held_tables();
    if !held.is_empty() {
        bail!("tables are held:\n  {}", held.join("\n  "));
    }
    Ok(())
}

async fn wait_for_holds(stage: &Stage, host: &mut Host, case: &Case) -> Result<()> {
    let deadline = Instant::now() + ARRIVAL_TIMEOUT;
    loop {
        host.check_alive()?;
        let held = stage.replica.status().await?.held_tables();
        let is_right = |line: &String| {
            let (table, reason) = line.split_once(": ").unwrap_or((line, ""));
            case.held
                .get(table.trim_matches('"'))
                .is_some_and(|code| reason.contains(code))
        };
        if held.len() == case.held.len() && held.iter().all(is_right) {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "these should be held: {:?}; these are:\n  {}",
                case.held,
                held.join("\n  ")
            );
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn must_be_as_expected(stage: &Stage, case: &Case) -> Result<()> {
    let client = stage.target.postgres().await?;
    client
        .batch_execute(
            "set timezone = 'UTC'; set extra_float_digits = 1; set intervalstyle = 'postgres'",
        )
        .await?;
    let schema = stage.dest_schema();
    let mut wrong = Vec::new();
    for (table, edge, expected) in &case.expected {
        for table in [table.clone(), format!("{table}_nokey")] {
            let question = format!("select v::text from {schema}.{table} where edge = $1");
            let rows = client.query(&question, &[edge]).await?;
            let seen: Vec<Option<String>> = rows.iter().map(|row| row.get(0)).collect();
            if seen.is_empty() || seen.iter().any(|seen| seen != expected) {
                wrong.push(format!("{table} {edge}: {seen:?} instead of {expected:?}"));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("values are not as configured:\n  {}", wrong.join("\n  "))
}

async fn must_have_types(stage: &Stage, case: &Case) -> Result<()> {
    let client = stage.target.postgres().await?;
    let question = "select case t.typtype when 'e' then 'enum: ' || (select string_agg(e.enumlabel, ', ' order by \
           e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid) \
           else pg_catalog.format_type(a.atttypid, a.atttypmod) end \
         from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
         where a.attname = 'v' and a.attrelid = ($1::text)::regclass";
    for (table, expected) in &case.types {
        let name = format!("{}.{table}", stage.dest_schema());
        let seen: String = client.query_one(question, &[&name]).await?.get(0);
        if seen != *expected {
            bail!("{table} has the type {seen}, not {expected}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_is_read_and_says_what_it_expects() {
        let directory = workspace::root().join("testdata/cases/policies");
        let paths = cases::subdirectories(&directory).expect("folders");
        assert!(paths.len() >= 5);
        for path in paths {
            let case = Case::read(&path).expect("case");
            assert!(
                case.expected.len() > 10 || case.held.len() > 3,
                "{}",
                case.name
            );
        }
    }
}
