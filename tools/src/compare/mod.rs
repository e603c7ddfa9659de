//! `compare`: does the target hold what the source holds?
//!
//! Each table is read on both sides in the same ranges of its key, row by row, and every row
//! becomes canonical text ([`canon`]) and a checksum. Sums of checksums are compared per range
//! ([`chunk`]); where they differ, the range is read again and the differing keys are found. On a
//! moving system such keys are only suspects: they are looked at again for a while
//! ([`suspects`]), because the target may just not be there yet.
//!
//! Guarantee: no lock is taken and nothing is written. What is called different was different at
//! every look while it stood still at the source. Memory is bounded by the number of suspects, not
//! by the tables. Nothing here shares code with the replica's own encoding.

mod canon;
mod chunk;
mod details;
mod json;
mod plan;
mod repair;
mod report;
mod row;
mod side;
mod suspects;

use std::time::{Duration, Instant};

use chameleon_config::Config;
use chameleon_model::name::target_name;
use chameleon_model::{MappingRules, TableSchema};
use chameleon_mysql::{TableSelection, introspect};

use self::canon::Policies;
use self::chunk::TableSums;
use self::plan::TablePlan;
use self::side::{SourceSide, TargetSide};
use self::suspects::Suspect;
use crate::connect;
use crate::error::ToolsError;

pub(crate) use self::report::Comparison;
use self::report::{State, TableResult};

/// How to compare.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Tables by their names at the source; empty: all that the configuration selects.
    pub(crate) tables: Vec<String>,
    /// How long differing rows are looked at again.
    pub(crate) settle: Duration,
    /// Rows per range.
    pub(crate) chunk_rows: u64,
    /// Make statements that mend the target.
    pub(crate) repair: bool,
}

/// The two sides of one configuration.
pub(crate) struct Sides {
    pub(crate) source: SourceSide,
    pub(crate) target: TargetSide,
}

/// One table on its way to a result.
struct Work {
    plan: TablePlan,
    result: TableResult,
    sums: TableSums,
    suspects: Vec<Suspect>,
}

/// Compares all tables of a configuration.
pub(crate) async fn run(config: &Config, options: &Options) -> Result<Comparison, ToolsError> {
    let started = Instant::now();
    let mut conn = connect::source(config).connect().await?;
    let selection = TableSelection {
        limit: config.tables_limit.clone(),
        skip: config.skip_tables.clone(),
    };
    let tables = introspect::load_tables(&mut conn, &config.my_database, &selection).await?;
    let chosen = choose(&tables, &options.tables)?;
    let policies = Policies {
        zero_date: config.rules.zero_date,
        nul_character: config.rules.nul_character,
    };
    let mut sides = Sides {
        source: SourceSide::new(conn, policies).await?,
        target: TargetSide::new(connect::target(config).await?).await?,
    };
    let there = sides.target.tables(&config.dest_schema).await?;
    let mut work = Vec::new();
    for table in chosen {
        work.push(sides.first_look(table, config, &there, options).await?);
    }
    sides.look_again(&mut work, options.settle).await?;
    let mut results = Vec::new();
    for table in work {
        results.push(sides.finish(table, options).await?);
    }
    if options.tables.is_empty() && config.tables_limit.is_empty() && config.skip_tables.is_empty()
    {
        results.extend(only_at_target(&tables, &there, config));
    }
    sides.source.close().await;
    let mut comparison = Comparison::new(&config.source_name, &config.dest_schema, results);
    comparison.seconds = started.elapsed().as_secs_f64();
    Ok(comparison)
}

/// The tables that were asked for, in the source's order.
fn choose<'t>(
    tables: &'t [TableSchema],
    names: &[String],
) -> Result<Vec<&'t TableSchema>, ToolsError> {
    let unknown = names
        .iter()
        .find(|name| !tables.iter().any(|t| t.name.name == **name));
    if let Some(name) = unknown {
        return Err(ToolsError::UnknownTable {
            table: name.clone(),
        });
    }
    let asked = |table: &&TableSchema| names.is_empty() || names.contains(&table.name.name);
    let chosen: Vec<_> = tables.iter().filter(asked).collect();
    if chosen.is_empty() {
        return Err(ToolsError::NoTables);
    }
    Ok(chosen)
}

/// Tables that only the target has. Where there are transforms they may have made them.
fn only_at_target(tables: &[TableSchema], there: &[String], config: &Config) -> Vec<TableResult> {
    let state = if config.transforms.is_empty() {
        State::OnlyAtTarget
    } else {
        State::Transformed
    };
    let known: Vec<String> = tables.iter().map(|t| target_name(&t.name.name)).collect();
    let strays = there.iter().filter(|name| !known.contains(name));
    strays.map(|name| TableResult::new(name, state)).collect()
}

/// A transform of the chain takes this table.
fn is_transformed(config: &Config, table: &str) -> bool {
    let mut names = config.transforms.iter().flat_map(|t| &t.tables);
    names.any(|name| name == "*" || name.eq_ignore_ascii_case(table))
}

impl Sides {
    /// Reads a table once; differing rows become suspects.
    async fn first_look(
        &mut self,
        table: &TableSchema,
        config: &Config,
        there: &[String],
        options: &Options,
    ) -> Result<Work, ToolsError> {
        let target = target_name(&table.name.name);
        let found = self.target.columns(&config.dest_schema, &target).await?;
        let rules: &MappingRules = &config.rules;
        let plan = TablePlan::new(table, &config.dest_schema, &found, rules);
        let mut work = Work {
            result: TableResult::new(&plan.name, State::Equal),
            sums: TableSums::default(),
            suspects: Vec::new(),
            plan,
        };
        work.result.problems.clone_from(&work.plan.problems);
        let transformed = is_transformed(config, &work.plan.name);
        if !there.contains(&target) {
            // a transform may leave a table out, or give it another name
            work.result.state = if transformed {
                State::Transformed
            } else {
                State::MissingAtTarget
            };
            work.result.source_rows = self.source.count(&work.plan).await?;
            work.result.problems.clear();
        } else if transformed || work.plan.columns.is_empty() {
            // without a column that both sides have there is nothing but the number of rows
            work.result.state = if work.plan.columns.is_empty() {
                State::Different
            } else {
                State::Transformed
            };
            work.result.source_rows = self.source.count(&work.plan).await?;
            work.result.target_rows = self.target.count(&work.plan).await?;
        } else {
            self.read_chunks(&mut work, options).await?;
        }
        Ok(work)
    }

    /// Says what became of a table.
    async fn finish(
        &mut self,
        mut work: Work,
        options: &Options,
    ) -> Result<TableResult, ToolsError> {
        if !matches!(work.result.state, State::Equal) {
            return Ok(work.result);
        }
        self.describe(&mut work, options).await?;
        let (source, target) = work.sums.totals(&work.suspects);
        let mut result = work.result;
        result.source_rows = source.rows;
        result.target_rows = target.rows;
        result.source_checksum = format!("{:032x}", source.checksum);
        result.target_checksum = format!("{:032x}", target.checksum);
        result.more = work.sums.more;
        let rows = result.missing + result.extra + result.different;
        result.state = if rows > 0 || result.more || !result.problems.is_empty() {
            State::Different
        } else if result.unsettled > 0 {
            State::Unsettled
        } else {
            State::Equal
        };
        Ok(result)
    }
}
