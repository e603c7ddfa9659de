//! `bench`: this project, its peers and the physical limits do the same work in one run.
//!
//! It makes its servers and its data, which are the same ones every time, lets the contenders run in turn, several
//! rounds, and prints medians and ratios. Ratios are what counts: they compare what ran on the same machine minutes
//! apart. A contender that cannot run here is left out, with the reason.

mod changes;
mod chart;
mod copy;
mod data;
mod extremes;
mod goals;
mod idle;
mod latency;
mod light;
mod limits;
mod logical;
mod measure;
mod ours;
mod peers;
mod pgloader;
mod record;
mod report;
mod results;
mod stage;
mod stream;
mod tools;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use tokio::signal::ctrl_c;

use crate::{Outcome, servers::engine::Engine};
use data::Scale;
use results::Results;
use stage::Stage;

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// The server to replicate from
    #[arg(long, default_value = "mariadb10.11")]
    source: Engine,
    /// The server to replicate into
    #[arg(long, default_value = "postgres15")]
    target: Engine,
    /// Size of the data: 1 is 1.5 million rows and 200,001 changes [default: 1, or 0.2 with --light]
    #[arg(long)]
    scale: Option<Scale>,
    /// How often every contender runs [default: 3]
    #[arg(long)]
    rounds: Option<u32>,
    /// Only these groups, separated by commas
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Group>,
    /// Leaves out contenders whose name contains this; repeatable
    #[arg(long)]
    without: Vec<String>,
    /// The largest sizes: 10 million rows, 10,000 tables, a transaction of 5 GB
    #[arg(long)]
    full: bool,
    /// A few minutes at small scale; fails where a ratio has fallen by a third against the figures of record
    #[arg(long)]
    light: bool,
    /// Writes the results as the figures of record
    #[arg(long)]
    record: bool,
    /// Prints the results as one JSON object
    #[arg(long)]
    json: bool,
    /// Writes a chart (SVG) to this file
    #[arg(long, value_name = "FILE")]
    chart: Option<PathBuf>,
}

/// What is measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Group {
    /// The first copy of all rows.
    Copy,
    /// Changes that wait in the binlog.
    Stream,
    /// From commit at the source to visible at the target.
    Latency,
    /// Ten times the rows.
    Rows,
    /// Very many tables.
    Tables,
    /// One transaction that fits into no memory.
    Huge,
    /// A replica without work.
    Idle,
}

impl Group {
    const ALL: &'static [Group] = &[
        Group::Copy,
        Group::Stream,
        Group::Latency,
        Group::Idle,
        Group::Rows,
        Group::Tables,
        Group::Huge,
    ];
    const LIGHT: &'static [Group] = &[Group::Copy, Group::Stream];

    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Group::Copy => "copy",
            Group::Stream => "stream",
            Group::Latency => "latency",
            Group::Rows => "rows",
            Group::Tables => "tables",
            Group::Huge => "huge",
            Group::Idle => "idle",
        }
    }
}

impl Arguments {
    fn scale(&self) -> Scale {
        self.scale
            .unwrap_or(if self.light { Scale::LIGHT } else { Scale::ONE })
    }

    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(3).max(1)
    }

    fn groups(&self) -> Vec<Group> {
        let groups = if self.light { Group::LIGHT } else { Group::ALL };
        let wanted = |group: &&Group| self.only.is_empty() || self.only.contains(group);
        groups.iter().filter(wanted).copied().collect()
    }

    /// Is this contender to run?
    fn wants(&self, contender: &str) -> bool {
        let left_out = |word: &String| contender.contains(word.as_str());
        let too_slow = self.light && contender.contains("pg_chameleon");
        !too_slow && !self.without.iter().any(left_out)
    }
}

/// Runs the groups; clean unless a ratio of the light form has fallen.
pub(crate) async fn run(arguments: &Arguments) -> Result<Outcome> {
    tokio::select! {
        ended = measure(arguments) => ended,
        _ = ctrl_c() => {
            // Servers and contenders are dropped here, and end with it.
            eprintln!("\ninterrupted: ending what was started");
            Ok(Outcome::Interrupted)
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<Outcome> {
    let mut stage = Stage::set(arguments).await?;
    let mut results = Results::new(arguments, &stage);
    for group in arguments.groups() {
        eprintln!("\n{}", group.name());
        match group {
            Group::Copy => copy::run(arguments, &stage, &mut results).await?,
            Group::Stream => stream::run(arguments, &mut stage, &mut results).await?,
            Group::Latency => latency::run(arguments, &stage, &mut results).await?,
            Group::Idle => idle::run(arguments, &stage, &mut results).await?,
            Group::Rows => extremes::rows(arguments, &stage, &mut results).await?,
            Group::Tables => extremes::tables(arguments, &stage, &mut results).await?,
            Group::Huge => extremes::huge(arguments, &stage, &mut results).await?,
        }
    }
    stage.strike()?;
    let goals = goals::judge(&results);
    if arguments.json {
        println!("{:#}", report::json(&results, &goals));
    } else {
        print!("{}", report::text(&results, &goals));
    }
    if let Some(path) = &arguments.chart {
        std::fs::write(path, chart::svg(&results))?;
        eprintln!("chart: {}", path.display());
    }
    if arguments.light {
        return light::judge(&goals::ratios(&results), arguments.record);
    }
    if arguments.record {
        record::write(&results, &goals)?;
    }
    Ok(Outcome::Clean)
}
