//! Case folders: `testdata/cases/<area>/<case>/source.sql` is there before the copy, `changes.sql` is executed
//! while the replica follows. All cases of a run share one source database, so that one copy serves them all;
//! their tables therefore carry the case's name.
//!
//! A first line `-- engines: mysql` or `-- engines: mariadb` keeps a case from the others. For values, `changes.sql`
//! inserts the copied rows once more: the copy and the stream must then write the same.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use mysql_async::prelude::Queryable;

use super::{
    Setting,
    stage::{ARRIVAL_TIMEOUT, Detour, Mode, Pair, Stage},
};
use crate::{servers::engine::Kind, shop::execute_script, workspace};

struct Case {
    name: String,
    source: String,
    changes: String,
}

/// Loads all cases, copies, follows the changes, compares.
pub(super) async fn run(pair: Pair<'_>, setting: &Setting<'_>, mode: Mode) -> Result<()> {
    let cases = load(
        &workspace::root().join("testdata/cases"),
        pair.source.engine.kind,
    )?;
    let mut stage = Stage::set(pair, setting, mode, Detour::default()).await?;
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
    stage.add_marker().await?;
    stage.initialise().await?;
    stage.must_be_equal().await.context("after the copy")?;

    let mut host = stage.replica.start(&["start_replica"])?;
    for case in &cases {
        execute(&stage, &case.changes)
            .await
            .with_context(|| format!("{}/changes.sql", case.name))?;
    }
    stage.wait_for_arrival(&mut host, ARRIVAL_TIMEOUT).await?;
    let held = stage.replica.status().await?.held_tables();
    if !held.is_empty() {
        bail!("tables are held:\n  {}", held.join("\n  "));
    }
    stage.must_be_equal().await.context("after the changes")?;
    host.stop().await?;
    stage.strike().await
}

/// Each script has a connection of its own, so that what it sets ends with it.
async fn execute(stage: &Stage, script: &str) -> Result<()> {
    let mut connection = stage.source.mysql().await?;
    execute_script(&mut connection, script).await?;
    Ok(connection.disconnect().await?)
}

fn load(directory: &Path, kind: Kind) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for area in subdirectories(directory)? {
        for case in subdirectories(&area)? {
            let (source, changes) = (case.join("source.sql"), case.join("changes.sql"));
            if !source.is_file() || !changes.is_file() {
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
            let case = Case {
                name,
                source: read(&source)?,
                changes: read(&changes)?,
            };
            if is_meant_for(&case.source, kind) {
                cases.push(case);
            }
        }
    }
    if cases.is_empty() {
        bail!("there are no cases in {}", directory.display());
    }
    Ok(cases)
}

fn is_meant_for(source: &str, kind: Kind) -> bool {
    let engines = source
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("-- engines:"));
    engines.is_none_or(|engines| {
        engines
            .split(',')
            .any(|engine| engine.trim() == kind.word())
    })
}

fn subdirectories(directory: &Path) -> Result<Vec<PathBuf>> {
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

    #[test]
    fn a_case_is_kept_from_engines_that_it_does_not_name() {
        assert!(is_meant_for("create table t (a int);", Kind::MySql));
        assert!(is_meant_for("-- engines: mysql\n", Kind::MySql));
        assert!(!is_meant_for("-- engines: mysql\n", Kind::MariaDb));
    }

    #[test]
    fn both_families_have_cases_of_their_own() {
        let directory = workspace::root().join("testdata/cases");
        for kind in [Kind::MySql, Kind::MariaDb] {
            assert!(load(&directory, kind).expect("cases").len() > 8);
        }
    }
}
