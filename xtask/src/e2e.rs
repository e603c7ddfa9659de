//! `e2e`: end-to-end tests through the real programs and real servers. A test is a scenario on a pair of engines;
//! `plan` has the table of them. Every failed one is told, with its log; the others go on.
//!
//! Equality is judged by `oracle`, which reads both servers itself and shares no code with the programs.

mod after_upgrade;
mod bloat;
mod cases;
mod cases_coverage;
mod cases_policies;
mod control;
mod crashes;
mod faults;
pub(crate) mod interop;
mod kills;
mod operating;
mod oracle;
mod plan;
mod random;
mod random_statements;
mod random_values;
mod rollback;
mod sample;
mod stage;
mod transforms;
mod upgrade;
mod values;
mod wire;
mod workers;
mod xa;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::ctrl_c;

use crate::{
    Outcome,
    random::Random,
    servers::{self, AtExit, Backend, Server, engine::Engine},
    workspace::{self, Binaries},
};
use cases::Areas;
use plan::{Planned, SOURCES, Scenario, TARGETS, engines_of, plan};
use stage::{Mode, Pair};

/// Arguments of `e2e`.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the servers come from
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Runs only scenarios whose name contains this; the name is SOURCE-TARGET/SCENARIO
    #[arg(long)]
    filter: Option<String>,
    /// Leaves out scenarios whose name contains this; repeatable
    #[arg(long)]
    skip: Vec<String>,
    /// Sources, separated by commas
    #[arg(long, value_delimiter = ',', default_values = SOURCES)]
    sources: Vec<Engine>,
    /// Targets, separated by commas
    #[arg(long, value_delimiter = ',', default_values = TARGETS)]
    targets: Vec<Engine>,
    /// How often the host is killed in the scenarios that kill it
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// How long random statements run, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The seed of what is random; a new one if it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Shows the names of the scenarios and runs none
    #[arg(long)]
    list: bool,
}

/// Runs the scenarios; clean only if all passed.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome> {
    let mut planned = plan(
        &arguments.sources,
        &arguments.targets,
        arguments.filter.as_deref(),
    );
    planned.retain(|one| !arguments.skip.iter().any(|text| one.name().contains(text)));
    if arguments.list {
        planned.iter().for_each(|one| println!("{}", one.name()));
        return Ok(Outcome::Clean);
    }
    if planned.is_empty() {
        bail!("no scenario has such a name: `cargo xtask e2e --list` shows them");
    }
    let engines = engines_of(&planned);
    let backend = servers::choose(arguments.backend, &engines)?;
    if backend == Backend::Docker && !cfg!(feature = "e2e") {
        return run_with_containers();
    }
    tokio::select! {
        ended = run_all(arguments, &planned, &engines, backend) => ended,
        _ = ctrl_c() => Ok(Outcome::Interrupted),
    }
}

/// Builds this program with the feature that brings testcontainers, and lets that one run.
fn run_with_containers() -> Result<Outcome> {
    let mut command = workspace::cargo();
    command.args(["run", "--package", "xtask", "--features", "e2e", "--"]);
    command.args(std::env::args_os().skip(1));
    Ok(if crate::run::visible(&mut command)? {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

async fn run_all(
    arguments: &Arguments,
    planned: &[Planned],
    engines: &[Engine],
    backend: Backend,
) -> Result<Outcome> {
    let (binaries, servers) = tokio::join!(
        tokio::task::spawn_blocking(Binaries::build),
        servers::start(engines, backend, AtExit::End)
    );
    let (binaries, mut servers) = (binaries??, servers?);
    let homes = homes()?;
    let seed = arguments.seed.unwrap_or_else(Random::seed_of_now);
    eprintln!("seed: {seed}");
    let begun = Instant::now();
    let mut failed = Vec::new();
    for (number, one) in planned.iter().enumerate() {
        let name = one.name();
        let started = Instant::now();
        let home = homes.join(name.replace('/', "-"));
        fs::create_dir_all(&home)?;
        let setting = Setting {
            binaries: &binaries,
            home: &home,
            seed,
            kills: arguments.kills,
            random_time: Duration::from_secs(arguments.seconds),
        };
        let result = run_one(one, &mut servers, &setting).await;
        let seconds = started.elapsed().as_secs_f64();
        let count = format!("[{}/{}]", number + 1, planned.len());
        match result {
            Ok(()) => println!("{count} ok     {name}  {seconds:.1} s"),
            Err(error) => {
                let told = format!("{error:#}\nits files: {}", home.display());
                println!("{count} FAILED {name}  {seconds:.1} s\n{told}");
                failed.push((name, told));
            }
        }
    }
    for server in servers {
        server.stop()?;
    }
    print!("{}", cases_coverage::report());
    println!(
        "\n{} of {} scenarios passed in {:.0} s",
        planned.len() - failed.len(),
        planned.len(),
        begun.elapsed().as_secs_f64()
    );
    // Once more at the end, where a reader of a long log looks first.
    for (name, told) in &failed {
        println!(
            "\nfailed: {name}   (again: cargo xtask e2e --filter {name} --seed {seed})\n{told}"
        );
    }
    Ok(if failed.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// What scenarios get beside the servers.
#[derive(Clone, Copy, Debug)]
struct Setting<'a> {
    binaries: &'a Binaries,
    home: &'a Path,
    seed: u64,
    kills: u32,
    random_time: Duration,
}

async fn run_one(one: &Planned, servers: &mut [Server], setting: &Setting<'_>) -> Result<()> {
    let position = |engine: &Engine| {
        servers
            .iter()
            .position(|server| server.engine == *engine)
            .context("no such server")
    };
    let (source, target) = (position(&one.source)?, position(&one.target)?);
    if let Scenario::Extensions(mode) = one.scenario {
        // a server of its own, which is made of packages whatever the others are
        let target = servers::start_extended().await?;
        let pair = Pair {
            source: &servers[source],
            target: &target,
        };
        cases::run(pair, setting, mode, Areas::Extensions).await?;
        return target.stop();
    }
    if one.scenario == Scenario::Crashes {
        return crashes::run(servers, source, target, setting).await;
    }
    let pair = Pair {
        source: &servers[source],
        target: &servers[target],
    };
    match one.scenario {
        Scenario::Sample(mode) => sample::run(pair, setting, mode).await,
        Scenario::Cases(mode) => cases::run(pair, setting, mode, Areas::Ordinary).await,
        Scenario::Policies(mode) => cases_policies::run(pair, setting, mode).await,
        Scenario::Large => cases::run(pair, setting, Mode::Relay, Areas::Large).await,
        Scenario::Random => random::run(pair, setting, setting.random_time).await,
        Scenario::CopyKills => kills::copy(pair, setting).await,
        Scenario::StreamKills(mode) => kills::stream(pair, setting, mode).await,
        Scenario::Workers => workers::run(pair, setting).await,
        Scenario::SourceFaults => faults::source(pair, setting).await,
        Scenario::TargetFaults => faults::target(pair, setting).await,
        Scenario::Control => control::run(pair, setting).await,
        Scenario::Operating => operating::run(pair, setting).await,
        Scenario::Transforms(mode) => transforms::run(pair, setting, mode).await,
        Scenario::Bloat => bloat::run(pair, setting).await,
        Scenario::Xa(mode) => xa::run(pair, setting, mode).await,
        Scenario::Wire => wire::run(pair, setting).await,
        Scenario::Failover => wire::failover::run(pair, setting).await,
        Scenario::SourceTls => wire::source_tls::run(pair, setting).await,
        Scenario::TargetTls => wire::target_tls::run(pair, setting).await,
        Scenario::OnlineDdl => wire::online_ddl::run(pair, setting).await,
        Scenario::Interop => interop::run(pair, setting).await,
        Scenario::Rollback => rollback::run(pair, setting).await,
        Scenario::Upgrade => upgrade::run(pair, setting).await,
        Scenario::AfterUpgrade => after_upgrade::run(pair, setting).await,
        Scenario::Crashes | Scenario::Extensions(_) => Ok(()),
    }
}

/// The directory for the homes of this run's scenarios, empty. Those of runs that have ended are removed.
fn homes() -> Result<PathBuf> {
    let metadata = workspace::metadata()?;
    let target = metadata["target_directory"]
        .as_str()
        .context("no target directory")?;
    let all = Path::new(target).join("e2e");
    fs::create_dir_all(&all)?;
    for entry in fs::read_dir(&all)? {
        let entry = entry?;
        if !Path::new("/proc").join(entry.file_name()).exists() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let homes = all.join(std::process::id().to_string());
    if homes.exists() {
        fs::remove_dir_all(&homes)?;
    }
    fs::create_dir_all(&homes)?;
    Ok(homes)
}
