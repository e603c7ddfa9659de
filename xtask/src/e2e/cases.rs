//! Case folders: `testdata/cases/<area>/<case>/source.sql` is there before the copy, `changes.sql` is executed
//! while the replica follows. All cases of a run share one source database, so that one copy serves them all;
//! their tables therefore carry the case's name.
//!
//! A first line `-- engines: mysql` (or `mariadb`, `mariadb11.8`) keeps a case from the others. For values,
//! `changes.sql` inserts the copied rows once more: the copy and the stream must then write the same. Tables of
//! edge values (see `cases_coverage`) need no `changes.sql`. At the end, tables are copied anew by `sync_tables`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{
    Setting, cases_coverage as coverage,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{replica::Host, servers::engine::Engine, shop::execute_script, workspace};

struct Case {
    name: String,
    source: String,
    changes: String,
}

/// Which case folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Areas {
    /// All but those of the other.
    Ordinary,
    /// Values of 100 MB.
    Large,
    /// Types for which the target has extensions.
    Extensions,
}

impl Areas {
    fn include(self, area: &Path) -> bool {
        // policies have configurations of their own
        !area.ends_with("policies") && area.ends_with("large") == (self == Areas::Large)
    }

    fn include_case(self, name: &str) -> bool {
        self != Areas::Extensions
            || ["types/geometry", "types/vector"]
                .iter()
                .any(|start| name.starts_with(start))
    }
}

/// Loads all cases, copies, follows the changes, compares.
pub(super) async fn run(
    pair: Pair<'_>,
    setting: &Setting<'_>,
    mode: Mode,
    areas: Areas,
) -> Result<()> {
    let cases = load(
        &workspace::root().join("testdata/cases"),
        &pair.source.engine,
        areas,
    )?;
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
    if areas == Areas::Extensions {
        let create = "create extension postgis; create extension vector";
        stage.target.postgres().await?.batch_execute(create).await?;
    }
    let mut connection = stage.source.database("").mysql().await?;
    connection
        .query_drop(format!(
            "create database `{}` character set utf8mb4",
            stage.source.database
        ))
        .await?;
    connection.disconnect().await?;
    for case in &cases {
        execute(&stage, &case.source)
            .await
            .with_context(|| format!("{}/source.sql", case.name))?;
    }
    let mut connection = stage.source.mysql().await?;
    let edges = coverage::edge_tables(&mut connection, &stage.source.database).await?;
    coverage::make_twins(&mut connection, &edges).await?;
    stage.add_marker().await?;
    stage.initialise().await?;
    stage.must_be_equal().await.context("after the copy")?;
    if areas == Areas::Extensions {
        must_be_of_extensions(&stage, &edges).await?;
    }
    let engine = pair.source.engine.to_string();
    let engine = match areas {
        Areas::Extensions => format!("{engine} with extensions"),
        _ => engine,
    };
    coverage::note(&engine, &edges, coverage::Route::Copy);

    let mut host = stage.replica.start(&["start_replica"])?;
    for case in &cases {
        execute(&stage, &case.changes)
            .await
            .with_context(|| format!("{}/changes.sql", case.name))?;
    }
    coverage::change(&mut connection, &edges).await?;
    connection.disconnect().await?;
    settle(&mut stage, &mut host)
        .await
        .context("after the changes")?;
    coverage::must_be_alike(&stage, &edges).await?;
    coverage::note(&engine, &edges, mode.into());
    if mode == Mode::Relay {
        let names = coverage::all_names(&stage).await?;
        stage
            .replica
            .must(&["sync_tables", "--tables", &names])
            .await?;
        settle(&mut stage, &mut host)
            .await
            .context("after sync_tables")?;
        coverage::note(&engine, &edges, coverage::Route::Sync);
    }
    host.stop().await?;
    stage.strike().await
}

/// The values' columns have the types of the extensions.
async fn must_be_of_extensions(stage: &Stage, edges: &[coverage::EdgeTable]) -> Result<()> {
    let question = "select count(*) from information_schema.columns where table_schema = $1 and column_name = 'v' \
         and udt_name not in ('geometry', 'vector')";
    let client = stage.target.postgres().await?;
    let row = client.query_one(question, &[&stage.dest_schema()]).await?;
    match row.get::<_, i64>(0) {
        0 if !edges.is_empty() => Ok(()),
        others => bail!("{others} columns have other types than those of the extensions"),
    }
}

/// Waits until all has arrived and is equal. Tables of which only the source knows some values are copied again,
/// also under a name that they or others got meanwhile; one that is held for another reason is a failure.
pub(super) async fn settle(stage: &mut Stage, host: &mut Host) -> Result<()> {
    const UNTIL_COPIED: Duration = Duration::from_secs(30);
    stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
    let deadline = Instant::now() + UNTIL_COPIED;
    loop {
        let held = stage.replica.status().await?.held_tables();
        let failed: Vec<_> = held
            .iter()
            .filter(|held| {
                ![
                    "DDL004",
                    "it was held as",
                    "together with a table that is held",
                ]
                .iter()
                .any(|known| held.contains(known))
            })
            .cloned()
            .collect();
        if !failed.is_empty() {
            bail!("tables are held:\n  {}", failed.join("\n  "));
        }
        if !held.is_empty() {
            stage
                .replica
                .must(&["sync_tables", "--tables", "disabled"])
                .await?;
            stage.wait_for_arrival(host, ARRIVAL_TIMEOUT).await?;
        }
        match stage.must_be_equal().await {
            Err(_) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            judged => return judged,
        }
    }
}

/// Each script has a connection of its own, so that what it sets ends with it.
async fn execute(stage: &Stage, script: &str) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}

fn load(directory: &Path, engine: &Engine, areas: Areas) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let found = subdirectories(directory)?.into_iter();
    for area in found.filter(|area| areas.include(area)) {
        for case in subdirectories(&area)? {
            let (source, changes) = (case.join("source.sql"), case.join("changes.sql"));
            if !source.is_file() {
                continue; // cases of other tests have other files
            }
            let name = case
                .strip_prefix(directory)
                .unwrap_or(&case)
                .display()
                .to_string();
            let read = |path: &Path| {
                fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
            };
            let changes = if changes.is_file() {
                read(&changes)?
            } else {
                String::new()
            };
            let case = Case {
                name,
                source: read(&source)?,
                changes,
            };
            if is_meant_for(&case.source, engine) && areas.include_case(&case.name) {
                cases.push(case);
            }
        }
    }
    if cases.is_empty() {
        bail!("there are no cases in {}", directory.display());
    }
    Ok(cases)
}

fn is_meant_for(source: &str, engine: &Engine) -> bool {
    let engines = source
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("-- engines:"));
    engines.is_none_or(|engines| {
        engines
            .split(',')
            .map(str::trim)
            .any(|name| name == engine.kind.word() || name == engine.to_string())
    })
}

pub(super) fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str) -> Engine {
        name.parse().expect(name)
    }

    #[test]
    fn a_case_is_kept_from_engines_that_it_does_not_name() {
        let mysql = engine("mysql9");
        assert!(is_meant_for("create table t (a int);", &mysql));
        assert!(is_meant_for("-- engines: mysql\n", &mysql));
        assert!(!is_meant_for("-- engines: mysql\n", &engine("mariadb11.8")));
        assert!(is_meant_for(
            "-- engines: mysql, mariadb11.8\n",
            &engine("mariadb11.8")
        ));
        assert!(!is_meant_for(
            "-- engines: mariadb11.8\n",
            &engine("mariadb10.11")
        ));
    }

    #[test]
    fn both_families_have_cases_of_their_own() {
        let directory = workspace::root().join("testdata/cases");
        for name in ["mysql9", "mariadb11.8"] {
            assert!(
                load(&directory, &engine(name), Areas::Ordinary)
                    .expect("cases")
                    .len()
                    > 30
            );
        }
    }
}
