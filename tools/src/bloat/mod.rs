//! `bloat`: how large tables, TOAST and indexes are, how much of that is bloat, why, and what can be
//! done about it.
//!
//! Flow: list the relations (`facts`); estimate them from statistics (`statistics`, over the pure
//! arithmetic of `layout` and `btree`, with a `sample` of rows where the statistics do not reach);
//! ask pgstattuple where it is there (`exact`); look for causes (`horizon`, `vacuum`, `sources`);
//! draw conclusions (`advice`). `collect` puts one report together, `text` and `html` show it.
//!
//! Bloat is what a relation is larger than it would be if it were written anew with its fill
//! factor. Each figure names its method and how far it may be off.
//!
//! The session is read-only and waits for no lock longer than a second. Nothing is ever changed:
//! advice is printed, not executed. No value of a row is read into the report, only lengths.

mod advice;
mod btree;
mod chart;
mod collect;
mod exact;
mod facts;
mod horizon;
mod html;
mod layout;
mod measure;
mod number;
mod report;
mod sample;
mod sources;
mod speed;
mod statistics;
mod text;
mod vacuum;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use chameleon_postgres::{Client, ConnectOptions, PostgresError};

use crate::error::ToolsError;
use report::Report;

/// What the session is set to: it changes nothing and waits for nobody.
const SESSION: &str = "set default_transaction_read_only = on; set lock_timeout = '1s'; \
     set jit = off";

/// Samples that a page shows at most.
const MOST_SAMPLES: usize = 1000;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Schemas beside the catalog's.
    pub(crate) schemas: Vec<String>,
    /// Read everything with pgstattuple.
    pub(crate) exact: bool,
    /// Look again and again, with so much time between.
    pub(crate) watch: Option<Duration>,
    /// How often; for ever if not given.
    pub(crate) count: Option<u32>,
    /// A page to write.
    pub(crate) html: Option<PathBuf>,
    /// JSON instead of a table.
    pub(crate) json: bool,
}

/// Looks once or watches, and writes to `out`. False: something was found in the last look.
///
/// # Errors
/// BLT001 and BLT002 where there is nothing to look at; codes of TGT and CAT where the server
/// refuses; CFG014 where the output cannot be written.
pub(crate) async fn run(
    target: &ConnectOptions,
    options: &Options,
    out: &mut impl Write,
) -> Result<bool, ToolsError> {
    let client = session(target).await?;
    let mut samples: Vec<Report> = Vec::new();
    let mut left = if options.watch.is_some() {
        options.count
    } else {
        Some(1)
    };
    loop {
        let report = collect::collect(&client, options, samples.last()).await?;
        write(&report, samples.last(), options, out).map_err(ToolsError::Output)?;
        let clean = report.is_clean();
        keep(&mut samples, report, options);
        if let Some(path) = &options.html {
            write_page(path, &samples).map_err(ToolsError::Output)?;
        }
        left = left.map(|n| n.saturating_sub(1));
        match (left, options.watch) {
            (Some(0), _) | (_, None) => return Ok(clean),
            (_, Some(pause)) => tokio::time::sleep(pause).await,
        }
    }
}

async fn session(target: &ConnectOptions) -> Result<Client, ToolsError> {
    let client = chameleon_postgres::connect(target).await?;
    client
        .batch_execute(SESSION)
        .await
        .map_err(|error| PostgresError::statement("make the session read-only", &error))?;
    Ok(client)
}

/// All samples are kept for the page, else the last one. A long history is thinned out.
fn keep(samples: &mut Vec<Report>, report: Report, options: &Options) {
    if options.html.is_none() {
        samples.clear();
    } else if samples.len() >= MOST_SAMPLES {
        let mut every_other = false;
        samples.retain(|_| {
            every_other = !every_other;
            every_other
        });
    }
    samples.push(report);
}

fn write(
    report: &Report,
    before: Option<&Report>,
    options: &Options,
    out: &mut impl Write,
) -> io::Result<()> {
    match (options.json, options.watch.is_some()) {
        (true, false) => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            writeln!(out)?;
        }
        (true, true) => {
            serde_json::to_writer(&mut *out, report)?;
            writeln!(out)?;
        }
        // the first look of a watch is shown whole
        (false, true) if before.is_some() => text::write_sample(report, before, out)?,
        (false, _) => text::write(report, out)?,
    }
    out.flush()
}

/// Writes the page beside its place first, so that a reader never sees half of it.
fn write_page(path: &Path, samples: &[Report]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    let part = PathBuf::from(name);
    std::fs::write(&part, html::page(samples))?;
    std::fs::rename(&part, path)
}
