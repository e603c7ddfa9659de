//! Which scenario runs on which pair of engines.

use super::{interop, stage::Mode};
use crate::servers::engine::Engine;

/// Engines that are tested unless others are named.
pub(super) const SOURCES: &[&str] = &["mariadb10.11", "mariadb11.8", "mysql9"];
pub(super) const TARGETS: &[&str] = &["postgres15", "postgres17", "postgres18"];

/// What a scenario does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
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
pub(super) struct Planned {
    pub(super) source: Engine,
    pub(super) target: Engine,
    pub(super) scenario: Scenario,
}

impl Planned {
    /// How `--filter` and the report call it.
    pub(super) fn name(&self) -> String {
        format!("{}-{}/{}", self.source, self.target, self.scenario.name())
    }
}

/// The scenarios for these engines whose names contain the filter.
pub(super) fn plan(sources: &[Engine], targets: &[Engine], filter: Option<&str>) -> Vec<Planned> {
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

/// The servers that these scenarios need.
pub(super) fn engines_of(planned: &[Planned]) -> Vec<Engine> {
    let mut engines = Vec::new();
    for engine in planned.iter().flat_map(|one| [&one.source, &one.target]) {
        if !engines.contains(engine) {
            engines.push(engine.clone());
        }
    }
    engines
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
