//! `test`: everything but the end-to-end tests. Two servers are made once and handed to all tests by environment
//! variables; each test makes a database of its own on them.

use std::{process::Command, time::Instant};

use anyhow::{Context, Result};
use clap::Args;
use tokio::signal::ctrl_c;

use crate::{
    Outcome, fuzz, guests, run,
    servers::{self, AtExit, Backend, Server, engine::Engine, spawn::find_program},
    tidy,
    workspace::{self, Binaries},
};

/// The variables that tests read.
const SOURCE_VARIABLE: &str = "CHAMELEON_TEST_MYSQL_URL";
const TARGET_VARIABLE: &str = "CHAMELEON_TEST_POSTGRES_URL";

/// The variable that the programs read to find `pg_dump` and its like.
const PROGRAMS_VARIABLE: &str = "CHAMELEON_PG_BINDIR";

/// How long damaged input is fed here; nightly it is longer, with a new seed.
const FUZZ_SECONDS: u64 = 20;

/// Arguments of `test`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The server that tests replicate from, unless CHAMELEON_TEST_MYSQL_URL names one
    #[arg(long, default_value_t = Engine::default_source())]
    source: Engine,
    /// The server that tests replicate into, unless CHAMELEON_TEST_POSTGRES_URL names one
    #[arg(long, default_value_t = Engine::default_target())]
    target: Engine,
    /// Where the servers come from
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// More arguments for the test runner, such as a filter
    #[arg(last = true)]
    runner: Vec<String>,
}

/// Runs all checks, also after one failed; clean only if all passed.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome> {
    tokio::select! {
        ended = run_all(arguments) => ended,
        _ = ctrl_c() => Ok(Outcome::Interrupted),
    }
}

async fn run_all(arguments: &Arguments) -> Result<Outcome> {
    let servers = servers(arguments).await?;
    let mut environment = vec![
        (SOURCE_VARIABLE, servers[0].address.url()),
        (TARGET_VARIABLE, servers[1].address.url()),
    ];
    if let Some(programs) = servers[1].programs() {
        environment.push((PROGRAMS_VARIABLE, programs.display().to_string()));
    }
    let runner = arguments.runner.clone();
    let report = tokio::task::spawn_blocking(move || checks(&environment, &runner)).await??;
    for server in servers {
        server.stop()?;
    }
    println!("\nsummary");
    for line in &report {
        let word = if line.passed { "ok    " } else { "FAILED" };
        println!("  {word} {}  {:.0} s", line.name, line.seconds);
    }
    let passed = report.iter().all(|line| line.passed);
    Ok(if passed {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// The source and the target, in this order.
async fn servers(arguments: &Arguments) -> Result<Vec<Server>> {
    let (source, target) = (arguments.source.clone(), arguments.target.clone());
    if let (Ok(source_url), Ok(target_url)) = (
        std::env::var(SOURCE_VARIABLE),
        std::env::var(TARGET_VARIABLE),
    ) {
        eprintln!("servers: {SOURCE_VARIABLE} and {TARGET_VARIABLE}");
        return Ok(vec![
            Server::external(source, &source_url).await?,
            Server::external(target, &target_url).await?,
        ]);
    }
    let engines = [source, target];
    let backend = servers::choose(arguments.backend, &engines)?;
    servers::start(&engines, backend, AtExit::End).await
}

struct Line {
    name: &'static str,
    passed: bool,
    seconds: f64,
}

struct Report(Vec<Line>);

impl Report {
    fn add(&mut self, name: &'static str, check: impl FnOnce() -> Result<bool>) -> Result<()> {
        let begun = Instant::now();
        let passed = check().with_context(|| name.to_owned())?;
        self.0.push(Line {
            name,
            passed,
            seconds: begun.elapsed().as_secs_f64(),
        });
        Ok(())
    }
}

fn checks(environment: &[(&'static str, String)], runner: &[String]) -> Result<Vec<Line>> {
    let mut report = Report(Vec::new());
    report.add("tidy", || Ok(tidy::run()? == Outcome::Clean))?;
    report.add("fmt", || {
        run::visible(workspace::cargo().args(["fmt", "--all", "--check"]))
    })?;
    report.add("clippy", || {
        let all = [
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ];
        run::visible(workspace::cargo().args(all))
    })?;
    let mut binaries = None;
    report.add("binaries", || match Binaries::build() {
        Ok(built) => {
            binaries = Some(built);
            Ok(true)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            Ok(false)
        }
    })?;
    let with_servers = |mut command: Command| {
        for (name, value) in environment {
            command.env(name, value);
        }
        if let Some(binaries) = &binaries {
            command.env("CHAMELEON_BIN", &binaries.chameleon);
            command.env("CHAMELEON_TOOLS_BIN", &binaries.tools);
        }
        run::visible(&mut command)
    };
    report.add("tests", || with_servers(test_runner(runner)))?;
    report.add("doc tests", || {
        let mut command = workspace::cargo();
        command.args(["test", "--workspace", "--doc"]);
        with_servers(command)
    })?;
    report.add("guests", guests::native_checks)?;
    if let Some(binaries) = &binaries {
        report.add("guest cases", || guests::cases(binaries))?;
    }
    report.add("fuzz", || fuzz::drive(FUZZ_SECONDS, 7, None))?;
    report.add("docs", || {
        let mut command = workspace::cargo();
        command
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings");
        run::visible(&mut command)
    })?;
    Ok(report.0)
}

/// nextest where it is installed, else cargo's own runner.
fn test_runner(arguments: &[String]) -> Command {
    let mut command = workspace::cargo();
    if find_program("cargo-nextest").is_some() {
        command
            .args(["nextest", "run", "--workspace"])
            .args(arguments);
    } else {
        command
            .args(["test", "--workspace", "--lib", "--bins", "--tests"])
            .args(arguments);
    }
    command
}
