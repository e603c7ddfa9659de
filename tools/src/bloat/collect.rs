//! One look at a database: asks, estimates, measures, and puts the report together.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use chameleon_catalog::{CatalogState, SCHEMA};
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError};

use super::advice;
use super::exact::Reader;
use super::facts::{self, Kind, Relation, ServerFacts, get, query};
use super::measure::{Estimates, Method};
use super::number::{fraction, whole};
use super::report::{Group, MethodState, RelationReport, Report, SCHEMA_VERSION};
use super::sources::SourceState;
use super::speed::Speed;
use super::statistics::{self, Family, Found};
use super::{Options, horizon, sources, vacuum};
use crate::error::ToolsError;

/// Bytes to read before the speed of reading is believed.
const ENOUGH_BYTES: u64 = 16_000_000;
/// Pages of bloat from which a table's end is looked at.
const TAIL_FROM_PAGES: u64 = 8;

/// Looks once. `session` is set so that nothing is waited for or changed.
/// `before` is the look before this one.
pub(crate) async fn collect(
    client: &Client,
    options: &Options,
    before: Option<&Report>,
) -> Result<Report, ToolsError> {
    let begun = Instant::now();
    let server = ServerFacts::read(client).await?;
    let catalog = chameleon_catalog::version(client).await?;
    let schemas = schemas(client, &catalog, &options.schemas).await?;
    let relations = facts::relations(client, &schemas).await?;
    let found = estimates(client, &relations, &server).await?;
    let (mut measured, speed) = measure(client, &relations, &server, options.exact).await?;
    let mut sources = sources::read(client, &catalog).await?;
    size_logs(&mut sources, &relations);
    let mut activity = vacuum::activity(client, &heaps(&relations)).await?;
    let mut reports = Vec::new();
    for relation in &relations {
        let family = found.get(&relation.table_oid);
        let mut estimates = measured.remove(&relation.oid).unwrap_or_default();
        estimates.statistics = family.and_then(|f| f.measures.get(&relation.oid)).cloned();
        let mut one = relation_report(relation, estimates, &sources, family);
        one.vacuum = vacuum::state(relation, activity.remove(&relation.oid).unwrap_or_default());
        if let (Some(now), Some(then)) = (&mut one.vacuum, vacuum_before(before, relation.oid)) {
            now.cancelled = vacuum::was_cancelled(then, now);
        }
        one.empty_tail_bytes = tail(client, relation, &one, &server).await?;
        reports.push(one);
    }
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        taken_at: server.taken_at.clone(),
        database: server.database.clone(),
        server_version: server.version.clone(),
        catalog: label(&catalog),
        schemas,
        methods: methods(&server, options.exact),
        total_bytes: reports.iter().map(|r| r.bytes).sum(),
        total_bloat_bytes: reports.iter().filter_map(|r| r.bloat_bytes).sum(),
        relations: reports,
        sources,
        horizon: horizon::holders(client).await?,
        findings: Vec::new(),
        advice: Vec::new(),
        seconds: 0.0,
    };
    advice::add(&mut report, &server, speed, options.exact);
    report.seconds = begun.elapsed().as_secs_f64();
    Ok(report)
}

fn vacuum_before(before: Option<&Report>, oid: u32) -> Option<&vacuum::VacuumState> {
    let relation = before?.relations.iter().find(|r| r.oid == oid)?;
    relation.vacuum.as_ref()
}

fn label(state: &CatalogState) -> Option<String> {
    Some(match state {
        CatalogState::Absent => return None,
        CatalogState::V13 => "1.3".into(),
        CatalogState::V13Original => "1.3 of pg_chameleon".into(),
        CatalogState::V12 => "1.2".into(),
        CatalogState::Halfway => "between 1.2 and 1.3".into(),
        CatalogState::Older(version) | CatalogState::Newer(version) => version.clone(),
        CatalogState::Foreign => "no catalog of chameleon".into(),
    })
}

/// The catalog's schema, where it is there, and those that were named.
async fn schemas(
    client: &Client,
    catalog: &CatalogState,
    named: &[String],
) -> Result<Vec<String>, ToolsError> {
    let sql = "select n from unnest($1::text[]) n \
               where not exists (select from pg_catalog.pg_namespace where nspname = n)";
    let params = [(&named as _, Type::TEXT_ARRAY)];
    let missing = query(client, "look for the schemas", sql, &params).await?;
    if let Some(row) = missing.first() {
        return Err(ToolsError::UnknownSchema {
            schema: get(row, "n")?,
        });
    }
    let mut schemas = Vec::new();
    if !matches!(catalog, CatalogState::Absent) {
        schemas.push(SCHEMA.to_owned());
    }
    for name in named {
        if !schemas.contains(name) {
            schemas.push(name.clone());
        }
    }
    if schemas.is_empty() {
        return Err(ToolsError::NothingToMeasure);
    }
    Ok(schemas)
}

fn heaps(relations: &[Relation]) -> Vec<u32> {
    let heaps = relations.iter().filter(|r| r.kind.is_heap());
    heaps.map(|r| r.oid).collect()
}

/// Estimates from statistics, by table.
async fn estimates(
    client: &Client,
    relations: &[Relation],
    server: &ServerFacts,
) -> Result<HashMap<u32, Found>, PostgresError> {
    let oids = |wanted: fn(&Relation) -> bool| -> Vec<u32> {
        let relations = relations.iter().filter(|r| wanted(r));
        relations.map(|r| r.oid).collect()
    };
    let tables = oids(|r| r.kind == Kind::Table);
    let btrees =
        oids(|r| r.kind == Kind::Index && r.method.as_deref().is_some_and(|m| m == "btree"));
    let columns = facts::columns(client, &tables).await?;
    let indexes = facts::indexes(client, &btrees).await?;
    let mut found = HashMap::new();
    // a table comes right before what belongs to it
    for family in relations.chunk_by(|a, b| a.table_oid == b.table_oid) {
        let Some((table, others)) = family.split_first() else {
            continue;
        };
        let none = Vec::new();
        let family = Family {
            table,
            others,
            columns: columns.get(&table.oid).unwrap_or(&none),
            indexes: &indexes,
            block: server.block,
        };
        found.insert(table.oid, statistics::estimate(client, &family).await?);
    }
    Ok(found)
}

/// What the extension says, by relation, and how fast it was read.
async fn measure(
    client: &Client,
    relations: &[Relation],
    server: &ServerFacts,
    exact: bool,
) -> Result<(HashMap<u32, Estimates>, Speed), PostgresError> {
    let mut found = HashMap::new();
    let Some(extension) = &server.extension else {
        return Ok((found, Speed::default()));
    };
    let mut reader = Reader {
        client,
        extension,
        block: server.block,
        read: (0, Duration::ZERO),
    };
    if exact {
        for relation in relations {
            let one: &mut Estimates = found.entry(relation.oid).or_default();
            one.exact = reader.exact(relation).await?;
        }
    }
    let (bytes, time) = reader.read;
    let measured = (bytes >= ENOUGH_BYTES).then(|| fraction(bytes) / time.as_secs_f64());
    for relation in relations {
        let one: &mut Estimates = found.entry(relation.oid).or_default();
        one.approximate = reader.approximate(relation).await?;
    }
    Ok((found, Speed { measured }))
}

fn methods(server: &ServerFacts, exact: bool) -> Vec<MethodState> {
    [Method::Statistics, Method::Approximate, Method::Exact]
        .into_iter()
        .map(|method| {
            let missing = match method {
                Method::Statistics => None,
                Method::Approximate | Method::Exact => server.no_extension.clone(),
            };
            let unasked = method == Method::Exact && !exact && missing.is_none();
            MethodState {
                method,
                used: missing.is_none() && !unasked,
                reason: missing.or(unasked.then(|| "--exact was not given".to_owned())),
                error_band_percent: method.error_band_percent(),
                conditions: method.conditions(),
            }
        })
        .collect()
}

fn size_logs(sources: &mut [SourceState], relations: &[Relation]) {
    for source in sources {
        let own = relations
            .iter()
            .filter(|r| r.table_schema == SCHEMA && source.log_tables.contains(&r.table_name));
        source.log_bytes = own.map(|r| r.bytes).sum();
    }
}

fn relation_report(
    relation: &Relation,
    estimates: Estimates,
    sources: &[SourceState],
    family: Option<&Found>,
) -> RelationReport {
    let of_catalog = relation.table_schema == SCHEMA;
    let group = match of_catalog {
        true if relation.table_name.starts_with("t_log_replica") => Group::Log,
        true => Group::Catalog,
        false => Group::Schema,
    };
    let filling = sources
        .iter()
        .filter(|s| group == Group::Log && s.log_tables.contains(&relation.table_name));
    let best = estimates.best().map(|(method, m)| (method, m.clone()));
    RelationReport {
        group,
        schema: relation.schema.clone(),
        name: relation.name.clone(),
        kind: relation.kind,
        table: format!("{}.{}", relation.table_schema, relation.table_name),
        access_method: relation.method.clone().filter(|_| !relation.kind.is_heap()),
        sources: filling.map(|s| s.source.clone()).collect(),
        bytes: relation.bytes,
        locked: relation.locked,
        fillfactor: relation.fillfactor(),
        live_tuples: relation.counters.map(|c| c.live),
        dead_tuples: relation.counters.map(|c| c.dead),
        method: best.as_ref().map(|b| b.0),
        free_bytes: best.as_ref().map(|b| b.1.free_bytes),
        bloat_bytes: best.as_ref().map(|b| b.1.bloat_bytes),
        bloat_percent: best.as_ref().map(|b| b.1.bloat_percent),
        estimates,
        stale: match relation.kind {
            Kind::Table => family.map_or_else(Vec::new, |f| f.stale.clone()),
            _ => Vec::new(),
        },
        hot_percent: vacuum::hot_percent(relation),
        empty_tail_bytes: None,
        vacuum: None,
        oid: relation.oid,
        table_oid: relation.table_oid,
        quoted: relation.quoted(),
        quoted_table: relation.quoted_table(),
        may_truncate: relation.may_truncate,
    }
}

async fn tail(
    client: &Client,
    relation: &Relation,
    report: &RelationReport,
    server: &ServerFacts,
) -> Result<Option<u64>, PostgresError> {
    let block = whole(server.block);
    let bloat = report.bloat_bytes.unwrap_or(0);
    if relation.kind != Kind::Table || bloat < TAIL_FROM_PAGES * block {
        return Ok(None);
    }
    vacuum::empty_tail(client, relation, block).await
}
