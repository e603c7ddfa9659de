//! The estimate from the server's statistics, for a table with its TOAST and its indexes.

use std::collections::HashMap;

use chameleon_postgres::{Client, PostgresError};

use super::btree::{self, Contents, Group};
use super::facts::{IndexColumn, IndexFacts, Kind, Relation, TableColumn};
use super::layout::{
    Column, EntryShape, LINE_POINTER, RowShape, Sampled, Values, entry_shape, heap_pages,
    row_shape, toast_pages,
};
use super::measure::{Figures, Measure, Method};
use super::number::fraction;
use super::sample;

/// Part of the rows that may have changed since ANALYZE before statistics count as stale.
const STALE_PART: f64 = 0.1;
/// Changes that never make statistics stale.
const STALE_LEAST: f64 = 50.0;
/// Error band for TOAST where no row could be sampled: chunks are taken for three quarters full.
const TOAST_UNSAMPLED_PERCENT: u8 = 40;
const TOAST_UNSAMPLED_CHUNK: f64 = 1524.0;
/// Error band where some keys are far more frequent than others: ANALYZE then counts too few
/// different ones.
const UNEVEN_PERCENT: u8 = 15;
/// Part of the rows that have keys which are not common, from which that matters.
const UNEVEN_PART: f64 = 0.05;
/// Indexes whose different keys are worth a sample.
const COUNT_KEYS_FROM_BYTES: u64 = 500_000;
/// Bytes that a name takes in an index, which keeps it without its padding.
const NAME_WIDTH: f64 = 17.0;

/// A table and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    pub(crate) table: &'a Relation,
    /// TOAST and indexes.
    pub(crate) others: &'a [Relation],
    pub(crate) columns: &'a [TableColumn],
    pub(crate) indexes: &'a HashMap<u32, IndexFacts>,
    pub(crate) block: f64,
}

/// What was found of a family.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// By oid.
    pub(crate) measures: HashMap<u32, Measure>,
    /// Why the statistics are not to be relied on.
    pub(crate) stale: Vec<String>,
}

/// What the estimates of a family share.
struct Base {
    live: f64,
    dead: f64,
    shape: Option<RowShape>,
    sampled: Option<Sampled>,
    /// The rows' length is bounded.
    sound: bool,
    /// Where the length comes from.
    basis: String,
}

/// Estimates all relations of a family. Samples the table where its statistics do not reach.
pub(crate) async fn estimate(client: &Client, family: &Family<'_>) -> Result<Found, PostgresError> {
    let counted = live_tuples(family.table, family.block);
    let mut live = counted.unwrap_or(0.0);
    let mut stale = stale(family, counted);
    let toast = family.others.iter().find(|r| r.kind == Kind::Toast);
    let has_toast = toast.is_some_and(|t| t.bytes > 0);
    let mut sampled = None;
    if family.table.bytes > 0 && (has_toast || !stale.is_empty()) {
        let sample = sample::take(client, family.table, family.columns, live, family.block).await?;
        match (counted, sample.as_ref().and_then(|s| s.rows)) {
            (None, Some(rows)) => live = rows,
            (None, None) => stale.push("how many rows there are is not known".into()),
            (Some(_), _) => {}
        }
        sampled = sample.map(|s| s.sampled);
    }
    let base = base(family, live, sampled, stale.is_empty());
    let mut measures = HashMap::new();
    if let Some(measure) = table(family, &base) {
        measures.insert(family.table.oid, measure);
    }
    let chunks = toast.map_or(0.0, |toast| {
        let counted = toast.counters.map_or(0.0, |c| fraction(c.live));
        base.sampled.as_ref().map_or(counted, |s| s.chunks * live)
    });
    for relation in family.others {
        let measure = match relation.kind {
            Kind::Table => None,
            Kind::Toast => Some(toast_table(relation, &base, chunks, family.block)),
            Kind::ToastIndex => Some(toast_index(relation, &base, chunks, family.block)),
            Kind::Index => {
                let counted = count_keys(client, family, relation, &base).await?;
                index(family, relation, &base, stale.is_empty(), counted)
            }
        };
        if let Some(measure) = measure {
            measures.insert(relation.oid, measure);
        }
    }
    Ok(Found { measures, stale })
}

/// Rows that are alive, as counted; `None` where the server has counted nothing, which a crash and
/// a standby bring about.
fn live_tuples(table: &Relation, block: f64) -> Option<f64> {
    let counters = table.counters?;
    let known = counters.analyze_age.is_some() || counters.vacuum_age.is_some();
    if counters.live > 0 || known || table.bytes == 0 {
        return Some(fraction(counters.live));
    }
    // as the planner does: as many rows a page as were there when it was last looked
    let noted = table.noted_tuples.filter(|_| table.noted_pages > 0)?;
    let pages = fraction(table.bytes) / block;
    Some(noted * pages / fraction(table.noted_pages))
}

fn stale(family: &Family<'_>, counted: Option<f64>) -> Vec<String> {
    let live = counted.unwrap_or(1.0);
    let mut reasons = Vec::new();
    if counted.is_none() {
        reasons.push("the server has counted no rows, as after a crash or on a standby".to_owned());
    }
    let stored: Vec<_> = family.columns.iter().filter(|c| c.layout.stored).collect();
    let missing = stored.iter().filter(|c| c.layout.values.is_none()).count();
    if missing > 0 && live > 0.0 {
        reasons.push(if missing == stored.len() {
            "never analysed, or the right to read the statistics is missing".to_owned()
        } else {
            format!("{missing} of {} columns have no statistics", stored.len())
        });
    }
    if let Some(counters) = family.table.counters {
        let modified = fraction(counters.modified);
        if missing == 0 && modified > STALE_LEAST.max(live * STALE_PART) {
            reasons.push(format!(
                "{} rows changed since the last ANALYZE, {live:.0} are there",
                counters.modified
            ));
        }
    }
    reasons
}

fn base(family: &Family<'_>, live: f64, sampled: Option<Sampled>, fresh: bool) -> Base {
    let columns: Vec<Column> = family.columns.iter().map(|c| c.layout.clone()).collect();
    let noted = row_shape(&columns);
    let counted = family.table.counters;
    let (shape, basis) = match (&sampled, noted) {
        (Some(sampled), _) => (
            Some(sampled.shape),
            format!("a sample of {} rows", sampled.rows),
        ),
        (None, Some(shape)) => (Some(shape), "pg_stats".to_owned()),
        (None, None) => (None, "nothing".to_owned()),
    };
    Base {
        live,
        dead: counted.map_or(0.0, |c| fraction(c.dead)),
        sound: fresh || sampled.is_some(),
        shape,
        sampled,
        basis,
    }
}

fn table(family: &Family<'_>, base: &Base) -> Option<Measure> {
    let table = family.table;
    let shape = match base.shape {
        Some(shape) => shape,
        // nothing is known of rows that are not there
        None if base.live < 1.0 => RowShape {
            length: 24.0,
            padded: 24.0,
            varies: false,
        },
        None => return None,
    };
    let pages = heap_pages(base.live, shape, table.fillfactor(), family.block);
    Some(heap(
        table,
        base,
        shape,
        base.dead,
        pages * family.block,
        base.live,
        family.block,
    ))
}

fn heap(
    relation: &Relation,
    base: &Base,
    shape: RowShape,
    dead: f64,
    ideal_bytes: f64,
    live: f64,
    block: f64,
) -> Measure {
    let size = fraction(relation.bytes);
    let pages = size / block;
    let overhead = pages * 24.0 + (live + dead) * (shape.padded - shape.length + LINE_POINTER);
    let figures = Figures {
        live_tuples: live,
        live_bytes: live * shape.length,
        dead_tuples: dead,
        dead_bytes: dead * shape.length,
        free_bytes: (size - (live + dead) * shape.length - overhead).max(0.0),
        ideal_bytes,
    };
    let mut measure = Measure::new(
        relation.bytes,
        figures,
        Method::Statistics,
        base.basis.clone(),
    );
    if !base.sound {
        measure.error_band_percent = None;
    }
    measure
}

fn toast_table(relation: &Relation, base: &Base, chunks: f64, block: f64) -> Measure {
    let dead = relation.counters.map_or(0.0, |c| fraction(c.dead));
    let (length, pages) = match &base.sampled {
        Some(sampled) if sampled.chunks > 0.0 => (
            sampled.chunk_bytes / sampled.chunks,
            (sampled.toast_pages * base.live).ceil(),
        ),
        _ => {
            let length = TOAST_UNSAMPLED_CHUNK;
            (length, toast_pages(chunks, length, block))
        }
    };
    let shape = RowShape {
        length,
        padded: length + 2.0,
        varies: true,
    };
    let mut measure = heap(relation, base, shape, dead, pages * block, chunks, block);
    if base.sampled.is_none() && chunks > 0.0 {
        measure.basis = "counted chunks of assumed length".into();
        measure.error_band_percent = Some(TOAST_UNSAMPLED_PERCENT);
    }
    measure
}

fn toast_index(relation: &Relation, base: &Base, chunks: f64, block: f64) -> Measure {
    let contents = Contents {
        // chunk_id and chunk_seq
        entry: EntryShape {
            padded: 8.0,
            with_null: 0.0,
            varies: false,
        },
        groups: btree::groups(chunks, 0.0, -1.0, &[]),
        deduplicates: false,
        correlation: None,
    };
    btree_measure(relation, &contents, chunks, base.basis.clone(), block)
}

fn btree_measure(
    relation: &Relation,
    contents: &Contents,
    rows: f64,
    basis: String,
    block: f64,
) -> Measure {
    let size = btree::size(contents, relation.fillfactor(), block);
    let leaf_room = (fraction(relation.bytes) - block).max(0.0);
    let figures = Figures {
        live_tuples: rows,
        live_bytes: size.leaf_bytes,
        free_bytes: (leaf_room - size.leaf_bytes).max(0.0),
        ideal_bytes: size.pages * block,
        ..Figures::default()
    };
    let mut measure = Measure::new(relation.bytes, figures, Method::Statistics, basis);
    measure.steady_bytes = Some(super::number::whole(size.steady_pages * block));
    measure
}

/// Different keys of an index, from a sample, where the statistics do not tell: of several columns
/// together, or of a column without statistics.
async fn count_keys(
    client: &Client,
    family: &Family<'_>,
    relation: &Relation,
    base: &Base,
) -> Result<Option<f64>, PostgresError> {
    let Some(facts) = family.indexes.get(&relation.oid) else {
        return Ok(None);
    };
    let shares = facts.equal_image && relation.deduplicate && !facts.unique;
    let keys: Vec<_> = facts.columns.iter().filter(|c| c.key).collect();
    let told = match keys.as_slice() {
        [one] => key_statistics(family, one).is_some(),
        _ => facts.distinct_keys.is_some(),
    };
    if !shares || facts.partial || told || relation.bytes < COUNT_KEYS_FROM_BYTES {
        return Ok(None);
    }
    let table = family.table;
    sample::different_keys(client, table, relation, keys.len(), base.live, family.block).await
}

fn index(
    family: &Family<'_>,
    relation: &Relation,
    base: &Base,
    fresh: bool,
    counted: Option<f64>,
) -> Option<Measure> {
    let facts = family.indexes.get(&relation.oid)?;
    let rows = match (facts.partial, relation.noted_tuples) {
        (true, noted) => noted?,
        _ => base.live,
    };
    let keys = facts.columns.iter().filter(|c| c.key).count();
    let mut columns = Vec::new();
    for column in &facts.columns {
        let mut layout = column.layout.clone();
        layout.values = Some(entry_values(family, column, base)?);
        columns.push(layout);
    }
    let groups = groups(family, facts, &columns, rows, counted);
    if let ([column], 1) = (columns.as_mut_slice(), keys) {
        // its nulls are a group of their own
        if let Some(values) = &mut column.values {
            values.nulls = 0.0;
        }
    }
    let contents = Contents {
        entry: entry_shape(&columns)?,
        groups: groups.groups,
        deduplicates: facts.equal_image && relation.deduplicate,
        correlation: first_correlation(family, facts),
    };
    let basis = match groups.basis {
        Some(basis) => format!("{}, {basis}", base.basis),
        None => base.basis.clone(),
    };
    let mut measure = btree_measure(relation, &contents, rows, basis, family.block);
    if contents.deduplicates {
        measure.error_band_percent = groups.band;
    }
    if !(fresh || base.sound) {
        measure.error_band_percent = None;
    }
    Some(measure)
}

fn table_column<'a>(family: &Family<'a>, column: &IndexColumn) -> Option<(usize, &'a TableColumn)> {
    let columns = family.columns.iter().enumerate();
    let mut columns = columns.filter(|(_, c)| c.number == column.table_column);
    columns.next()
}

/// The values of an index's column: of the sample, the table's statistics, or the expression's.
fn entry_values(family: &Family<'_>, column: &IndexColumn, base: &Base) -> Option<Values> {
    if column.table_column == 0 {
        return column.layout.values.clone();
    }
    let (number, found) = table_column(family, column)?;
    let sampled = base.sampled.as_ref().and_then(|s| s.values.get(number));
    let mut values = sampled.or(found.layout.values.as_ref()).cloned();
    if let (Some(values), None, Some(_)) = (&mut values, column.layout.length, found.layout.length)
    {
        values.width = NAME_WIDTH;
        values.same_length = false;
    }
    // of an empty table nothing is known and nothing is needed
    values.or((base.live < 1.0).then_some(Values {
        nulls: 0.0,
        width: 8.0,
        same_length: true,
    }))
}

struct Keys {
    groups: Vec<Group>,
    /// Error band, where equal keys share their entries.
    band: Option<u8>,
    /// Where that number comes from, if not from `pg_stats`.
    basis: Option<&'static str>,
}

fn groups(
    family: &Family<'_>,
    facts: &IndexFacts,
    columns: &[Column],
    rows: f64,
    counted: Option<f64>,
) -> Keys {
    let nulls = |n: usize| columns[n].values.as_ref().map_or(0.0, |v| v.nulls);
    let keys: Vec<usize> = (0..columns.len())
        .filter(|&n| facts.columns[n].key)
        .collect();
    let of = |distinct: f64, common: &[f64], band, basis| {
        let nulls = match keys.as_slice() {
            [one] => nulls(*one),
            _ => 0.0,
        };
        Keys {
            groups: btree::groups(rows, nulls, distinct, common),
            band,
            basis,
        }
    };
    let good = Some(Method::Statistics.error_band_percent());
    if facts.unique {
        return of(-1.0, &[], good, None);
    }
    if let Some(distinct) = counted {
        return of(
            distinct.min(rows),
            &[],
            good,
            Some("different keys of a sample"),
        );
    }
    if let (Some(distinct), true) = (facts.distinct_keys, keys.len() > 1) {
        return of(distinct.min(rows), &[], good, None);
    }
    let statistics: Option<Vec<_>> = keys
        .iter()
        .map(|&n| key_statistics(family, &facts.columns[n]))
        .collect();
    let Some(statistics) = statistics else {
        return of(-1.0, &[], None, Some("all keys taken for different"));
    };
    if let [one] = statistics.as_slice() {
        let others = 1.0 - one.common.iter().sum::<f64>();
        let uneven = !one.common.is_empty() && others > UNEVEN_PART;
        let band = if uneven { Some(UNEVEN_PERCENT) } else { good };
        return of(one.distinct, &one.common, band, None);
    }
    let all: f64 = statistics
        .iter()
        .zip(&keys)
        .map(|(s, &n)| {
            let null = if nulls(n) > 0.0 { 1.0 } else { 0.0 };
            btree::distinct_keys(rows, s.distinct).max(1.0) + null
        })
        .product();
    let basis = Some("columns taken for independent");
    of(all.min(rows).max(1.0), &[], None, basis)
}

fn key_statistics<'a>(
    family: &Family<'a>,
    column: &'a IndexColumn,
) -> Option<&'a super::facts::KeyStatistics> {
    match table_column(family, column) {
        Some((_, found)) => found.keys.as_ref(),
        None => column.keys.as_ref(),
    }
}

fn first_correlation(family: &Family<'_>, facts: &IndexFacts) -> Option<f64> {
    key_statistics(family, facts.columns.first()?)?.correlation
}
