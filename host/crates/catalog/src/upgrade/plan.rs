//! What an upgrade would do: its steps, what they cost, and what stands in the way. Reads only.

use std::time::Instant;

use chameleon_diag::Report;
use chameleon_postgres::tokio_postgres::GenericClient;
use serde::Serialize;

use super::conflicts;
use super::error::UpgradeError;
use super::findings;
use super::progress::{cost, float, row_cost};
use super::space;
use super::state::{in_words, upgradable};
use super::steps::{self, Kind, Step};
use super::survey::{Role, Source, Survey};
use crate::db;
use crate::version::{CatalogState, version};

/// Seconds that an upgrade takes whatever there is to move.
const FIXED_SECONDS: f64 = 0.1;
/// How often the time of the speed sample a copied row costs, from upgrades of 1 M rows.
const COPY_PER_SAMPLE: f64 = 3.0;
/// The true time is between the estimate divided by this and multiplied with it.
const ESTIMATE_BAND: f64 = 2.5;
/// Bytes of write-ahead log for each byte that is written.
const WAL_PER_BYTE: f64 = 1.25;

/// What an upgrade would do.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Version of this form.
    pub schema_version: u32,
    /// What the catalog is.
    pub from: String,
    /// Version that it becomes.
    pub to: &'static str,
    /// Database that it is in.
    pub database: String,
    /// There is work.
    pub needed: bool,
    /// Steps, in order.
    pub steps: Vec<PlannedStep>,
    /// Sources and what moves of them.
    pub sources: Vec<PlannedSource>,
    /// Rows without batch.
    pub orphan_rows: u64,
    /// Event ids that stand twice.
    pub double_ids: u64,
    /// Rows in the parent table.
    pub parent_rows: u64,
    /// Disk space that the upgrade takes until its commit, in bytes.
    pub disk_bytes: u64,
    /// Write-ahead log that it writes, in bytes.
    pub wal_bytes: u64,
    /// Free disk space of the server, in bytes; `None` where it cannot be known.
    pub free_bytes: Option<u64>,
    /// Time that the catalog's tables are locked.
    pub seconds: Seconds,
    /// What is worth knowing, and what stands in the way.
    pub findings: Report,
}

/// An estimate of time.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Seconds {
    /// At least.
    pub least: f64,
    /// Likely.
    pub likely: f64,
    /// At most.
    pub most: f64,
}

impl Seconds {
    fn of(likely: f64) -> Self {
        Self {
            least: likely / ESTIMATE_BAND,
            likely,
            most: likely * ESTIMATE_BAND,
        }
    }
}

/// A step of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedStep {
    /// Name: number and what it does.
    pub step: String,
    /// What it works on.
    pub object: String,
    /// What it is good for.
    pub why: String,
    /// Locks that it takes.
    pub locks: String,
    /// What undoing it loses.
    pub undoing: String,
    /// Its statements; of many alike the first.
    pub sql: String,
    /// Number of statements.
    pub statements: usize,
    /// Rows that it moves, changes or counts.
    pub rows: u64,
    /// Bytes that it writes.
    pub bytes: u64,
    /// Estimated time.
    pub seconds: f64,
}

/// A source of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedSource {
    /// Its name.
    pub source: String,
    /// Its id.
    pub id: i64,
    /// Its status word.
    pub status: String,
    /// Log tables that it will have.
    pub log_tables: [String; 2],
    /// Its rows in tables that are moved or renamed.
    pub rows: u64,
    /// Those of them that wait for replay.
    pub waiting_rows: u64,
    /// Bytes of these rows.
    pub bytes: u64,
}

/// Plans the upgrade of the catalog. `host` is where the server was reached: free space is known
/// only where that is this machine.
///
/// # Errors
/// What no upgrade mends; see [`UpgradeError`].
pub async fn plan(c: &impl GenericClient, host: &str) -> Result<Plan, UpgradeError> {
    let state = version(c).await?;
    let planned = plan_from(c, host, state.clone()).await;
    // whoever reads while another session upgrades stands still, and goes on with tables of 1.3
    if planned.is_err() {
        let now = version(c).await?;
        if now != state {
            return plan_from(c, host, now).await;
        }
    }
    planned
}

async fn plan_from(
    c: &impl GenericClient,
    host: &str,
    state: CatalogState,
) -> Result<Plan, UpgradeError> {
    let mut plan = Plan {
        schema_version: 1,
        from: in_words(&state),
        to: "1.3",
        database: String::new(),
        needed: upgradable(c, &state).await?,
        steps: vec![],
        sources: vec![],
        orphan_rows: 0,
        double_ids: 0,
        parent_rows: 0,
        disk_bytes: 0,
        wal_bytes: 0,
        free_bytes: None,
        seconds: Seconds::default(),
        findings: Report::default(),
    };
    findings::look_for_upgrade(c, &mut plan.findings).await?;
    if !plan.needed {
        let row = db::query_one(c, "name the database", NAME_DATABASE, &[]).await?;
        plan.database = db::get(&row, "name")?;
        return Ok(plan);
    }
    let survey = Survey::take(c, state).await?;
    plan.database.clone_from(&survey.database);
    let sample = sample_seconds(c, &survey).await?;
    plan_steps(c, &survey, sample, &mut plan).await?;
    plan.sources = survey
        .sources
        .iter()
        .map(|s| planned_source(&survey, s))
        .collect();
    plan.orphan_rows = survey.orphan_rows();
    plan.double_ids = survey.conflicts.iter().map(|conflict| conflict.ids).sum();
    let parent = survey.relations.iter().find(|r| r.role == Role::Parent);
    plan.parent_rows = parent.map_or(0, |r| r.rows());
    plan.free_bytes = space::free_bytes(c, host).await;
    findings::find(c, &survey, &mut plan).await?;
    Ok(plan)
}

const NAME_DATABASE: &str = "select current_database()::text as name";

async fn plan_steps(
    c: &impl GenericClient,
    survey: &Survey,
    sample: f64,
    plan: &mut Plan,
) -> Result<(), UpgradeError> {
    let renumbered = conflicts::rows(c, &survey.relations, &survey.conflicts).await?;
    let mut steps = vec![steps::lock(survey)];
    steps.extend(steps::renumber(survey, &renumbered));
    steps.extend(steps::steps(survey));
    let relay_rows: u64 = survey.expected().values().sum();
    let mut likely = FIXED_SECONDS;
    for step in &steps {
        let mut seconds = cost(step) * sample * COPY_PER_SAMPLE;
        if step.kind == Kind::Complete {
            // the block range indexes read every log table once
            seconds += float(relay_rows) * 0.12 * sample * COPY_PER_SAMPLE;
        }
        likely += seconds;
        plan.disk_bytes += step.bytes;
        plan.steps.push(planned_step(step, seconds));
    }
    plan.seconds = Seconds::of(likely);
    plan.wal_bytes = scaled(plan.disk_bytes, WAL_PER_BYTE);
    Ok(())
}

fn planned_step(step: &Step, seconds: f64) -> PlannedStep {
    let sql = match step.kind {
        Kind::Counted | Kind::Compare => {
            let first = step.statements.first().map_or("", String::as_str);
            first
                .split_inclusive(";\n")
                .next()
                .unwrap_or(first)
                .trim_end()
                .to_owned()
        }
        Kind::Run | Kind::Complete => step.statements.join("\n"),
    };
    PlannedStep {
        step: step.id.to_owned(),
        object: step.object.clone(),
        why: step.why.clone(),
        locks: step.locks.clone(),
        undoing: step.undoing.clone(),
        sql,
        statements: step.statements.len(),
        rows: step.rows,
        bytes: step.bytes,
        seconds: if row_cost(step) > 0.0 || step.kind == Kind::Complete {
            seconds
        } else {
            0.0
        },
    }
}

fn planned_source(survey: &Survey, source: &Source) -> PlannedSource {
    let moving = survey.relations.iter().filter(|r| r.moves());
    let (mut rows, mut waiting_rows, mut bytes) = (0, 0, 0);
    for relation in moving {
        for part in relation
            .parts
            .iter()
            .filter(|p| p.source == Some(source.id))
        {
            rows += part.rows;
            waiting_rows += if part.waits { part.rows } else { 0 };
            bytes += part.rows.saturating_mul(relation.row_bytes);
        }
    }
    PlannedSource {
        source: source.name.clone(),
        id: source.id,
        status: source.status.clone(),
        log_tables: source.log_tables(),
        rows,
        waiting_rows,
        bytes,
    }
}

fn scaled(bytes: u64, factor: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate: the product of two numbers that are not negative"
    )]
    let value = (float(bytes) * factor) as u64;
    value
}

/// Seconds that this server takes to read, sort and hold one row of the relay; 0 without rows.
async fn sample_seconds(c: &impl GenericClient, survey: &Survey) -> Result<f64, UpgradeError> {
    let moving = survey.relations.iter().filter(|r| r.moves());
    let Some(largest) = moving.max_by_key(|r| r.rows()).filter(|r| r.rows() > 0) else {
        return Ok(0.0);
    };
    let sql = format!(
        "select count(entry) as rows from (select * from (select * from only {} limit 50000) sampled \
          order by i_id_event offset 0) entry",
        largest.qualified()
    );
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let begun = Instant::now();
        let row = db::query_one(c, "measure the server's speed", &sql, &[]).await?;
        let rows = db::get_count(&row, "rows")?.max(1);
        best = best.min(begun.elapsed().as_secs_f64() / float(rows));
    }
    Ok(best)
}
