//! `fuzz`: damaged input for everything that reads bytes from outside, by the driver in `host/examples/fuzz`.

use anyhow::Result;
use clap::Args;

use crate::{Outcome, guests, random::Random, run, workspace};

/// From so many seconds on it is worth to build the driver optimised.
const LONG_SECONDS: u64 = 300;

/// Arguments of `fuzz`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How long all targets run together
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed of the inputs; a new one if it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Only the target of this name
    #[arg(long)]
    only: Option<String>,
}

/// Clean if there were no findings; their inputs are in `fuzz-findings`.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let seed = arguments.seed.unwrap_or_else(Random::seed_of_now);
    let clean = drive(arguments.seconds, seed, arguments.only.as_deref())?;
    Ok(if clean {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// The same for the suite.
pub(crate) fn drive(seconds: u64, seed: u64, only: Option<&str>) -> Result<bool> {
    let mut command = workspace::cargo();
    command.args(["run", "--package", "chameleon-host", "--example", "fuzz"]);
    if seconds >= LONG_SECONDS {
        command.arg("--release");
    }
    let (seconds, seed) = (seconds.to_string(), seed.to_string());
    command.args(["--", "--seconds", &seconds, "--seed", &seed]);
    if let Some(only) = only {
        command.args(["--only", only]);
    }
    let modules = guests::directory()?;
    if modules.join("mask.wasm").is_file() {
        command.arg("--modules").arg(modules);
    }
    run::visible(&mut command)
}
