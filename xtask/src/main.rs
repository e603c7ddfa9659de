//! Development tasks: `cargo xtask demo | test | e2e | fuzz | images | servers | bench | guests | tidy`.
//!
//! This program builds and runs the project's binaries as a user would, and links none of its crates: what it
//! finds, a user would find.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: results on stdout, progress on stderr"
)]

mod address;
mod bench;
mod cache;
mod demo;
mod e2e;
mod fault_proxy;
mod fuzz;
mod guests;
mod images;
mod random;
mod replica;
mod run;
mod servers;
mod shop;
mod suite;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Copies a sample database from one server to another and follows it, to look at
    Demo(demo::Arguments),
    /// Runs all tests and checks but the end-to-end tests
    Test(suite::Arguments),
    /// Runs the end-to-end tests
    E2e(e2e::Arguments),
    /// Feeds damaged input to everything that reads bytes from outside
    Fuzz(fuzz::Arguments),
    /// Makes container images of the servers that Debian packages have
    Images(images::Arguments),
    /// Fetches servers into the cache, so that later runs find them there
    Servers(images::Arguments),
    /// Measures this project, its peers and the physical limits on the same work
    Bench(bench::Arguments),
    /// Builds the row transforms as WebAssembly, with whatever toolchain is there or can be fetched
    Guests(guests::Arguments),
    /// Checks rules of the project that no compiler knows
    Tidy,
}

/// How a task ended, if it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Clean,
    /// It ran, and found faults.
    Findings,
    /// The user ended it.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Clean => ExitCode::SUCCESS,
            Outcome::Findings => ExitCode::from(1),
            Outcome::Interrupted => ExitCode::from(130),
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match perform(Cli::parse().task).await {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn perform(task: Task) -> Result<Outcome> {
    match task {
        Task::Demo(arguments) => demo::run(&arguments).await,
        Task::Test(arguments) => suite::run(&arguments).await,
        Task::E2e(arguments) => e2e::run(&arguments).await,
        Task::Fuzz(arguments) => fuzz::run(&arguments),
        Task::Images(arguments) => images::make(&arguments),
        Task::Servers(arguments) => images::fetch(&arguments),
        Task::Bench(arguments) => bench::run(&arguments).await,
        Task::Guests(arguments) => guests::run(&arguments),
        Task::Tidy => tidy::run(),
    }
}
