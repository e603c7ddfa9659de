//! `e2e`: end-to-end tests through the real programs and real servers. A test is a scenario on a pair of engines;
//! the table of them is `scenarios()`. Every failed one is told, with its log; the others go on.
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
use stage::{Mode, Pair};

/// Engines that are tested unless others are named.
const SOURCES: &[&str] = &["mariadb10.11", "mariadb11.8", "mysql9"];
const TARGETS: &[&str] = &["postgres15", "postgres17", "postgres18"];

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

/// What a scenario does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    /// The shop is copied and followed while it is written to.
    Sample(Mode),
    /// The case folders: values and statements.
    Cases(Mode),
    /// Values of which the configuration says what they become.
    Policies(Mode),
    /// Spatial types and vectors at a target that has PostGIS and pgvector.
    Extensions(Mode),
    /// Values of 100 MB.
    Large,
    /// Random statements.
    Random,
    /// The host is killed during the copy.
    CopyKills,
    /// The host is killed while it follows the source.
    StreamKills(Mode),
    /// Several sessions share the changes, and are lost.
    Workers,
    /// The network to the source fails.
    SourceFaults,
    /// The network to the target fails.
    TargetFaults,
    /// The servers are killed.
    Crashes,
    /// The commands that steer a replica.
    Control,
    /// What operators do over a replica's life.
    Operating,
    /// Three sources under load, the replay of one stuck.
    Bloat,
    /// XA transactions in two phases, with kills between them.
    Xa(Mode),
    /// What the binlog may look like, on a server that encrypts it.
    Wire,
    /// Another server takes the source's place.
    Failover,
    /// Certificates and logins at the source.
    SourceTls,
    /// Certificates and logins at the target.
    TargetTls,
    /// Tools that rewrite tables while rows stream.
    OnlineDdl,
    /// Rows go through transforms.
    Transforms(Mode),
    /// The real pg_chameleon 1.3 and the host take turns.
    Interop,
    /// From the real pg_chameleon 1.2 to the host and back, twice.
    Rollback,
    /// A catalog of the real pg_chameleon 1.2 is planned, rehearsed, upgraded and verified; and how fast.
    Upgrade,
    /// What 1.2 damaged is told after the upgrade, followed as it is, and repaired.
    AfterUpgrade,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Scenario::Sample(Mode::Relay) => "sample",
            Scenario::Sample(Mode::Direct) => "sample-direct",
            Scenario::Cases(Mode::Relay) => "cases",
            Scenario::Cases(Mode::Direct) => "cases-direct",
            Scenario::Policies(Mode::Relay) => "policies",
            Scenario::Policies(Mode::Direct) => "policies-direct",
            Scenario::Extensions(Mode::Relay) => "extensions",
            Scenario::Extensions(Mode::Direct) => "extensions-direct",
            Scenario::Large => "large",
            Scenario::Random => "random",
            Scenario::CopyKills => "copy-kills",
            Scenario::StreamKills(Mode::Relay) => "stream-kills",
            Scenario::StreamKills(Mode::Direct) => "stream-kills-direct",
            Scenario::Workers => "workers",
            Scenario::SourceFaults => "source-faults",
            Scenario::TargetFaults => "target-faults",
            Scenario::Crashes => "crashes",
            Scenario::Control => "control",
            Scenario::Operating => "operating",
            Scenario::Transforms(Mode::Relay) => "transforms",
            Scenario::Transforms(Mode::Direct) => "transforms-direct",
            Scenario::Bloat => "bloat",
            Scenario::Xa(Mode::Relay) => "xa",
            Scenario::Xa(Mode::Direct) => "xa-direct",
            Scenario::Wire => "wire",
            Scenario::Failover => "failover",
            Scenario::SourceTls => "source-tls",
            Scenario::TargetTls => "target-tls",
            Scenario::OnlineDdl => "online-ddl",
            Scenario::Interop => "interop",
            Scenario::Rollback => "rollback",
            Scenario::Upgrade => "upgrade",
            Scenario::AfterUpgrade => "after-upgrade",
        }
    }
}

/// On every pair.
const EVERYWHERE: &[Scenario] = &[Scenario::Sample(Mode::Relay), Scenario::Cases(Mode::Relay)];

/// On the first pair with each source: what depends on how the source is read.
const PER_SOURCE: &[Scenario] = &[
    Scenario::Cases(Mode::Direct),
    Scenario::Policies(Mode::Relay),
    Scenario::Extensions(Mode::Relay),
    Scenario::Large,
    Scenario::Random,
    Scenario::SourceFaults,
    Scenario::Xa(Mode::Relay),
    Scenario::OnlineDdl,
];

/// The same, where the source's server can be made from packages: these need servers with options of their own.
const PER_PACKAGED_SOURCE: &[Scenario] = &[Scenario::Wire, Scenario::Failover, Scenario::SourceTls];

/// On one pair: long, or about the host alone.
const ONCE: &[Scenario] = &[
    Scenario::Sample(Mode::Direct),
    Scenario::Policies(Mode::Direct),
    Scenario::Extensions(Mode::Direct),
    Scenario::TargetFaults,
    Scenario::Crashes,
    Scenario::Control,
    Scenario::Operating,
    Scenario::TargetTls,
    Scenario::Transforms(Mode::Relay),
    Scenario::Transforms(Mode::Direct),
    Scenario::Xa(Mode::Direct),
    Scenario::Bloat,
    Scenario::CopyKills,
    Scenario::StreamKills(Mode::Relay),
    Scenario::StreamKills(Mode::Direct),
    Scenario::Workers,
];

/// One line of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Planned {
    source: Engine,
    target: Engine,
    scenario: Scenario,
}

impl Planned {
    fn name(&self) -> String {
        format!("{}-{}/{}", self.source, self.target, self.scenario.name())
    }
}

fn plan(sources: &[Engine], targets: &[Engine], filter: Option<&str>) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        for (position, target) in targets.iter().enumerate() {
            let mut scenarios = EVERYWHERE.to_vec();
            // Each source meets another target first, so that all targets are used.
            if position == number % targets.len() {
                scenarios.extend(PER_SOURCE);
                if source.packages().is_some() {
                    scenarios.extend(PER_PACKAGED_SOURCE);
                }
            }
            if number == 0 && position == 0 {
                scenarios.extend(ONCE);
            }
            if position == 0 && sources.iter().position(interop::reads) == Some(number) {
                scenarios.push(Scenario::Interop);
                scenarios.push(Scenario::Rollback);
                scenarios.push(Scenario::Upgrade);
                scenarios.push(Scenario::AfterUpgrade);
            }
            planned.extend(scenarios.into_iter().map(|scenario| Planned {
                source: source.clone(),
                target: target.clone(),
                scenario,
            }));
        }
    }
    planned.retain(|one| filter.is_none_or(|text| one.name().contains(text)));
    planned
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

fn engines_of(planned: &[Planned]) -> Vec<Engine> {
    let mut engines = Vec::new();
    for engine in planned.iter().flat_map(|one| [&one.source, &one.target]) {
        if !engines.contains(engine) {
            engines.push(engine.clone());
        }
    }
    engines
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
                println!(
                    "{count} FAILED {name}  {seconds:.1} s\n{error:#}\nits files: {}",
                    home.display()
                );
                failed.push(name);
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
    for name in &failed {
        println!("  failed: {name}   (again: cargo xtask e2e --filter {name} --seed {seed})");
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

#[cfg(test)]
mod tests {
    use super::*;

    fn engines(names: &[&str]) -> Vec<Engine> {
        names.iter().map(|name| name.parse().expect(name)).collect()
    }

    #[test]
    fn every_pair_has_sample_and_cases_and_every_scenario_runs_somewhere() {
        let planned = plan(&engines(SOURCES), &engines(TARGETS), None);
        for scenario in EVERYWHERE {
            assert_eq!(
                planned
                    .iter()
                    .filter(|one| one.scenario == *scenario)
                    .count(),
                9
            );
        }
        for scenario in ONCE {
            assert_eq!(
                planned
                    .iter()
                    .filter(|one| one.scenario == *scenario)
                    .count(),
                1
            );
        }
        let mut names: Vec<_> = planned.iter().map(Planned::name).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all, "names are unique");
    }

    #[test]
    fn a_filter_leaves_only_what_it_needs_of_the_servers() {
        let planned = plan(
            &engines(SOURCES),
            &engines(TARGETS),
            Some("mysql9-postgres18/sample"),
        );
        assert_eq!(planned.len(), 1);
        assert_eq!(engines_of(&planned), engines(&["mysql9", "postgres18"]));
    }
}
