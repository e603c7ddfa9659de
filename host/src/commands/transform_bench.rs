//! `transform bench`: what a module costs.
//!
//! Rows of one table go through a worker, batch by batch; what is shown is the median of the
//! batches, encoding and decoding included. The buffers are made before the clock starts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_model::{CellForm, ChangeBuffer, ChangeRef, Op, TableSchema, TypeKind};
use chameleon_transform::{Module, Worker};
use serde::Serialize;
use serde_json::{Value, json};

use super::transform::engine;
use super::transform_fields::Fields;
use super::transform_inspect::Configured;
use super::transform_plan::PlanText;
use super::transform_table::{self, DATABASE, Tables};
use super::transform_value::push_row;
use crate::cli::{BenchArguments, GlobalOptions};
use crate::error::HostError;
use crate::output::{Exit, Output, human_bytes, table as text_table};

use super::transform::AuthorError;

/// Rows of a batch.
const SIZES: [usize; 4] = [1, 100, 1000, 4096];
/// Ten columns, as tables of customers have them.
const CUSTOMER: &str = "create table customer (
    id bigint primary key, email varchar(255) not null, first_name varchar(50),
    last_name varchar(50), phone varchar(20), city varchar(50), balance decimal(10,2),
    active tinyint(1), born date, created_at datetime)";

/// What is shown.
#[derive(Debug, Serialize)]
struct Measured {
    schema_version: u32,
    module: String,
    table: String,
    plan: PlanText,
    compile_ms: f64,
    memory_bytes: usize,
    batches: Vec<BatchCost>,
}

/// What rows cost in batches of one size.
#[derive(Debug, Serialize)]
struct BatchCost {
    rows: usize,
    /// Median.
    ns_per_row: f64,
    /// The slowest in twenty.
    p95_ns_per_row: f64,
    runs: usize,
}

pub(super) async fn run(
    options: &GlobalOptions,
    arguments: &BenchArguments,
    output: Output,
) -> Result<Exit, HostError> {
    let engine = engine(options)?;
    let module = Module::compile(&engine, &arguments.module)?;
    let table = match &arguments.table {
        Some(given) => transform_table::load(options, given, output).await?,
        None => Tables::new(DATABASE).follow(CUSTOMER).map_err(broken)?,
    };
    let configured = Configured::find(options, &arguments.module, arguments.with.as_deref())?;
    let chain = configured.chain(&engine, &arguments.module)?;
    let mut worker = chain.worker();
    let plan = worker.plan(&table)?;
    let budget = Duration::from_millis(arguments.milliseconds);
    let mut batches = Vec::new();
    for rows in SIZES {
        batches.push(measure(&mut worker, &table, rows, budget)?);
    }
    let compiled = module.facts().compiled_in.unwrap_or_default();
    let measured = Measured {
        schema_version: 1,
        module: arguments.module.display().to_string(),
        table: table.name.to_string(),
        plan: PlanText::of(&plan, &table),
        compile_ms: compiled.as_secs_f64() * 1000.0,
        memory_bytes: worker.memory(),
        batches,
    };
    if output.json {
        output.print_json(&measured)?;
    } else {
        output.print(&text(&measured))?;
    }
    Ok(Exit::Done)
}

fn broken(reason: String) -> HostError {
    AuthorError::Table {
        table: "customer".into(),
        reason,
    }
    .into()
}

fn measure(
    worker: &mut Worker,
    table: &Arc<TableSchema>,
    rows: usize,
    budget: Duration,
) -> Result<BatchCost, HostError> {
    let template = inserts(table, rows).map_err(broken)?;
    let mut times = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < budget || times.len() < 5 {
        let buffer = template.clone();
        let start = Instant::now();
        let done = worker.run(buffer, false, None)?;
        let elapsed = start.elapsed();
        if let Some(stopped) = done.stopped.into_iter().next() {
            return Err(stopped.error.into());
        }
        times.push(elapsed);
    }
    times.sort_unstable();
    let count = f64::from(u32::try_from(rows).unwrap_or(u32::MAX));
    let at = |part: usize| {
        let time = times.get(times.len() * part / 100).copied();
        time.unwrap_or_default().as_secs_f64() * 1e9 / count
    };
    Ok(BatchCost {
        rows,
        ns_per_row: at(50),
        p95_ns_per_row: at(95),
        runs: times.len(),
    })
}

/// Rows with a value in every column.
fn inserts(table: &Arc<TableSchema>, rows: usize) -> Result<ChangeBuffer, String> {
    let mut buffer = ChangeBuffer::new(CellForm::Source);
    let number = buffer.table_number(table);
    for n in 0..rows {
        let row = table.columns.iter().map(|column| {
            let value = sample(column.ty.kind, &column.name, &column.ty.labels, n);
            (column.name.clone(), value)
        });
        let after = push_row(&mut buffer, table, &Fields(row.collect()))?;
        buffer.push_change(ChangeRef {
            table: number,
            op: Op::Insert,
            before: None,
            after: Some(after),
        });
    }
    Ok(buffer)
}

fn sample(kind: TypeKind, name: &str, labels: &[String], n: usize) -> Value {
    match kind {
        TypeKind::TinyInt | TypeKind::Bit => json!(n % 2),
        TypeKind::Year => json!(1970 + n % 50),
        TypeKind::SmallInt | TypeKind::MediumInt | TypeKind::Int | TypeKind::BigInt => json!(n),
        TypeKind::Decimal => json!(format!("{}.25", n % 1000)),
        TypeKind::Float | TypeKind::Double => json!(0.5),
        TypeKind::Date => json!("1984-02-29"),
        TypeKind::Time => json!("12:34:56"),
        TypeKind::DateTime | TypeKind::Timestamp => json!("2026-01-31 12:34:56"),
        TypeKind::Enum | TypeKind::Set => json!(labels.first().cloned().unwrap_or_default()),
        TypeKind::Json => json!("{\"a\": 1}"),
        TypeKind::Uuid => json!("123e4567-e89b-12d3-a456-426614174000"),
        TypeKind::Inet4 => json!("192.0.2.1"),
        TypeKind::Inet6 => json!("2001:db8::1"),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text if name.contains("mail") => {
            json!(format!("customer.{n}@example.org"))
        }
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text => json!(format!("text {n}")),
        TypeKind::Binary
        | TypeKind::VarBinary
        | TypeKind::Blob
        | TypeKind::Geometry
        | TypeKind::Vector
        | TypeKind::Unknown => json!({ "hex": "0102030405060708" }),
    }
}

fn text(measured: &Measured) -> String {
    let rows: Vec<Vec<String>> = measured
        .batches
        .iter()
        .map(|cost| {
            vec![
                cost.rows.to_string(),
                format!("{:.1}", cost.ns_per_row),
                format!("{:.1}", cost.p95_ns_per_row),
                cost.runs.to_string(),
            ]
        })
        .collect();
    let headers = ["Rows a batch", "ns per row", "95% below", "Runs"];
    let memory = u64::try_from(measured.memory_bytes).unwrap_or(u64::MAX);
    format!(
        "{}compiled in {:.0} ms, {} of memory\n",
        text_table(&headers, &rows),
        measured.compile_ms,
        human_bytes(memory),
    )
}
