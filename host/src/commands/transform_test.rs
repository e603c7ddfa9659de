//! `transform test`: golden rows in and out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chameleon_diag::Diagnostic;
use chameleon_model::TableSchema;
use chameleon_transform::{Chain, Engine, OnError, Secrets, Spec, TransformError, Worker};
use serde::Serialize;
use serde_json::json;

use super::transform::{AuthorError, engine, stem};
use super::transform_bless::rendered;
use super::transform_case::{Case, CaseOnError, Step};
use super::transform_plan::PlanText;
use super::transform_table::{DATABASE, Tables};
use crate::cli::{GlobalOptions, TestArguments};
use crate::error::HostError;
use crate::output::{Exit, Output};

/// What became of a case.
#[derive(Debug, Serialize)]
struct Verdict {
    case: String,
    passed: bool,
    blessed: bool,
    /// Lines of what was expected (`-`) and of what came (`+`).
    differences: Vec<String>,
}

pub(super) fn run(
    options: &GlobalOptions,
    arguments: &TestArguments,
    output: Output,
) -> Result<Exit, HostError> {
    let engine = engine(options)?;
    let mut verdicts = Vec::new();
    for path in case_files(&arguments.cases)? {
        let case = Case::load(&path)?;
        let mut now = case.clone();
        play(&engine, &arguments.module, &mut now).map_err(|error| match error {
            Played::Case(reason) => HostError::from(AuthorError::Case {
                path: path.clone(),
                reason,
            }),
            Played::Transform(error) => error.into(),
        })?;
        let differences = differences(&case, &now);
        let blessed = arguments.bless && !differences.is_empty();
        if blessed {
            let written = std::fs::write(&path, rendered(&now));
            written.map_err(|error| AuthorError::Case {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        }
        verdicts.push(Verdict {
            case: stem(&path),
            passed: differences.is_empty(),
            blessed,
            differences,
        });
    }
    report(&verdicts, output)
}

/// JSON files of a directory by name, or the one file.
fn case_files(path: &Path) -> Result<Vec<PathBuf>, HostError> {
    let refused = |reason: String| AuthorError::Case {
        path: path.to_owned(),
        reason,
    };
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path).map_err(|error| refused(error.to_string()))?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(refused("there is no .json file in it".into()).into());
    }
    Ok(files)
}

/// How playing a case ended early.
enum Played {
    /// The case cannot be played.
    Case(String),
    /// The module cannot be loaded at all.
    Transform(TransformError),
}

/// Plays a case and notes in it what came.
fn play(engine: &Engine, module: &Path, case: &mut Case) -> Result<(), Played> {
    let database = case.database.as_deref().unwrap_or(DATABASE);
    let mut tables = Tables::new(database);
    let mut table = tables.follow(&case.table).map_err(Played::Case)?;
    case.refused = None;
    case.expect = None;
    let chain = match load(engine, module, case) {
        Ok(chain) => chain,
        Err(error @ TransformError::Config { .. }) => {
            case.refused = Some(error.code().to_string());
            return Ok(());
        }
        Err(error) => return Err(Played::Transform(error)),
    };
    let mut worker = chain.worker();
    (case.refused, case.expect) = planned(&mut worker, &table);
    for (n, step) in case.steps.iter_mut().enumerate() {
        let at = |reason: String| Played::Case(format!("step {n}: {reason}"));
        match step {
            Step::Rows(rows) => rows.expect = Some(rows.run(&mut worker, &table).map_err(at)?),
            Step::Ddl(ddl) => {
                worker.forget(&table);
                table = tables.follow(&ddl.ddl).map_err(at)?;
                (ddl.refused, ddl.expect) = planned(&mut worker, &table);
            }
        }
    }
    Ok(())
}

fn load(engine: &Engine, module: &Path, case: &Case) -> Result<Chain, TransformError> {
    let secrets = case.secrets.iter().flat_map(|secrets| &secrets.0);
    let secrets: Secrets = secrets
        .map(|(name, key)| (name.clone(), key.as_bytes().to_vec()))
        .collect();
    let spec = Spec {
        name: stem(module),
        module: module.to_owned(),
        sha256: None,
        tables: vec!["*".into()],
        config: case.config.clone(),
        on_error: match case.on_error {
            CaseOnError::Stop => OnError::Stop,
            CaseOnError::DeadLetter => OnError::DeadLetter,
        },
    };
    Chain::load(engine, &[spec], &secrets)
}

/// The code with which a table is refused, or its plan.
fn planned(worker: &mut Worker, table: &Arc<TableSchema>) -> (Option<String>, Option<PlanText>) {
    match worker.plan(table) {
        Ok(plan) => (None, Some(PlanText::of(&plan, table))),
        Err(error) => (Some(error.code().to_string()), None),
    }
}

fn differences(expected: &Case, came: &Case) -> Vec<String> {
    let (expected, came) = (rendered(expected), rendered(came));
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), came.lines().collect());
    let same = |a: &[&str], b: &[&str]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let head = same(&old, &new);
    let (old, new) = (&old[head..], &new[head..]);
    let reversed = |lines: &[&str]| lines.iter().rev().copied().collect::<Vec<_>>().join("\n");
    let (backwards_old, backwards_new) = (reversed(old), reversed(new));
    let tail = same(
        &backwards_old.lines().collect::<Vec<_>>(),
        &backwards_new.lines().collect::<Vec<_>>(),
    );
    let lines = |sign: &str, lines: &[&str]| -> Vec<String> {
        let lines = &lines[..lines.len().saturating_sub(tail)];
        lines
            .iter()
            .map(|line| format!("{sign} {}", line.trim()))
            .collect()
    };
    let mut differences = lines("-", old);
    differences.extend(lines("+", new));
    differences
}

fn report(verdicts: &[Verdict], output: Output) -> Result<Exit, HostError> {
    let failed = verdicts.iter().filter(|v| !v.passed && !v.blessed).count();
    if output.json {
        let passed = verdicts.len() - failed;
        output.print_json(&json!({
            "schema_version": 1, "passed": passed, "failed": failed, "cases": verdicts,
        }))?;
    } else {
        let mut text = String::new();
        for verdict in verdicts {
            let word = match (verdict.passed, verdict.blessed) {
                (true, _) => "ok",
                (_, true) => "blessed",
                _ => "different",
            };
            text += &format!("{word:9} {}\n", verdict.case);
            if !verdict.passed {
                let lines = verdict.differences.iter();
                text.extend(lines.map(|line| format!("    {line}\n")));
            }
        }
        let count = verdicts.len();
        text += &format!("{count} cases, {failed} different\n");
        output.print(&text)?;
        if failed > 0 {
            let code = chameleon_diag::codes::TRF042;
            output.note(&format!("[{code}] if the new result is right: --bless\n"));
        }
    }
    Ok(if failed > 0 {
        Exit::Findings
    } else {
        Exit::Done
    })
}
