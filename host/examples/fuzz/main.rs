//! Drives the functions that read bytes from outside with damaged input, for a while: DDL, binlog events, status
//! variables of statements, binary JSON, text in all character sets, values on their way to
//! PostgreSQL, GTID sets and positions, configurations.
//!
//! A target is two plain functions: one makes an input from a seed, one takes it. A panic or an input that takes
//! seconds is a finding; its input is written to a file, and `--replay FILE` takes it again. The same seed makes
//! the same inputs.
#![allow(
    clippy::print_stdout,
    reason = "a program for the terminal: what it found is its output"
)]

mod binlog;
mod bytes;
mod corpus;
mod documents;
mod findings;
mod statements;
mod texts;
mod transforms;
mod values;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use bytes::Random;
use corpus::Corpus;
use findings::Findings;

#[derive(Parser)]
#[command(about = "Feeds damaged input to everything that reads bytes from outside")]
struct Arguments {
    /// How long all targets run together
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed of the inputs
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Only the target of this name
    #[arg(long)]
    only: Option<String>,
    /// Takes the input in this file, once; needs `--only`
    #[arg(long)]
    replay: Option<PathBuf>,
    /// Where inputs of findings are written
    #[arg(long, default_value = "fuzz-findings")]
    findings: PathBuf,
    /// A directory with the shipped transforms as WebAssembly
    #[arg(long)]
    modules: Option<PathBuf>,
}

/// What is driven.
struct Target {
    name: &'static str,
    /// An input.
    make: fn(&Corpus, &mut Random) -> Vec<u8>,
    /// Takes it; true if it was not refused at once.
    take: fn(&Corpus, &[u8]) -> bool,
}

const TARGETS: &[Target] = &[
    Target {
        name: "ddl",
        make: statements::make,
        take: statements::take,
    },
    Target {
        name: "events",
        make: binlog::make_events,
        take: binlog::take_events,
    },
    Target {
        name: "query",
        make: binlog::make_query,
        take: binlog::take_events,
    },
    Target {
        name: "json",
        make: documents::make,
        take: documents::take,
    },
    Target {
        name: "text",
        make: texts::make,
        take: texts::take,
    },
    Target {
        name: "values",
        make: values::make,
        take: values::take,
    },
    Target {
        name: "positions",
        make: texts::make_position,
        take: texts::take_position,
    },
    Target {
        name: "configuration",
        make: texts::make_configuration,
        take: texts::take_configuration,
    },
    Target {
        name: "transforms",
        make: transforms::make,
        take: transforms::take,
    },
];

/// Targets take turns of this length, so that all are seen in a short run too.
const TURN: Duration = Duration::from_secs(2);

/// What a target has done.
#[derive(Clone, Copy, Default)]
struct Tally {
    inputs: u64,
    taken: u64,
    time: Duration,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            println!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// False if there were findings.
fn run(arguments: &Arguments) -> Result<bool, String> {
    let corpus = Corpus::read(arguments.modules.as_deref())?;
    let targets: Vec<_> = TARGETS
        .iter()
        .filter(|target| match &arguments.only {
            Some(name) => target.name == name,
            None => target.name != "transforms" || corpus.has_transforms(),
        })
        .collect();
    if targets.is_empty() {
        return Err("there is no such target".into());
    }
    let mut findings = Findings::watch(&arguments.findings);
    if let Some(path) = &arguments.replay {
        let input = std::fs::read(path).map_err(|error| error.to_string())?;
        for target in &targets {
            findings.execute(target.name, &input, || (target.take)(&corpus, &input));
        }
        return Ok(findings.report());
    }
    println!("seed {}", arguments.seed);
    let begun = Instant::now();
    let end = begun + Duration::from_secs(arguments.seconds);
    let turn = TURN
        .min(Duration::from_secs(arguments.seconds) / u32::try_from(targets.len()).unwrap_or(1));
    let mut tallies = vec![Tally::default(); targets.len()];
    let mut sources: Vec<_> = (0..)
        .zip(&targets)
        .map(|(number, _)| Random::new(arguments.seed + number))
        .collect();
    while Instant::now() < end {
        for ((target, tally), random) in targets.iter().zip(&mut tallies).zip(&mut sources) {
            let started = Instant::now();
            while started.elapsed() < turn {
                let input = (target.make)(&corpus, random);
                let taken =
                    findings.execute(target.name, &input, || (target.take)(&corpus, &input));
                tally.inputs += 1;
                tally.taken += u64::from(taken);
            }
            tally.time += started.elapsed();
        }
    }
    for (target, tally) in targets.iter().zip(&tallies) {
        println!(
            "{:<14} {:>12} inputs, {:>12} taken, {:>6.0} s",
            target.name,
            tally.inputs,
            tally.taken,
            tally.time.as_secs_f64()
        );
    }
    Ok(findings.report())
}
