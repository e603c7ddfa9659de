//! From a survey to the steps: which are needed, in which order, with their statements.

use std::collections::BTreeMap;

use chameleon_model::name::quote_ident;
use chameleon_model::name::quote_qualified;

use super::conflicts::Renumbered;
use super::extents;
use super::scripts::{self, Script, numbers, places};
use super::survey::{PARENT, Relation, Role, SHARED, Source, Survey};
use crate::SCHEMA;
use crate::version::CatalogState;

/// Longest wait for the locks at one attempt, in milliseconds. Everybody who wants to read waits
/// behind a waiting upgrade, so it is short, and tried several times.
pub(super) const LOCK_WAIT_MS: u32 = 1000;

/// Pairs of place and new id in one statement.
const RENUMBERED_AT_ONCE: usize = 50_000;

/// What a step does besides running its statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing.
    Run,
    /// Its statements must touch as many rows as it says.
    Counted,
    /// The rows are compared with what the survey found.
    Compare,
    /// Own tables and functions are made.
    Complete,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) id: &'static str,
    /// What it works on.
    pub(super) object: String,
    pub(super) kind: Kind,
    pub(super) why: String,
    pub(super) locks: String,
    pub(super) undoing: String,
    pub(super) statements: Vec<String>,
    /// Rows that it moves or changes.
    pub(super) rows: u64,
    /// Bytes that it writes in tables and indexes.
    pub(super) bytes: u64,
}

impl Step {
    fn of(script: Script, object: &str, values: &[(&str, &str)]) -> Self {
        Self {
            id: script.id,
            object: object.to_owned(),
            kind: Kind::Run,
            why: script.header("why", values),
            locks: script.header("locks", values),
            undoing: script.header("undoing", values),
            statements: vec![script.sql(values)],
            rows: 0,
            bytes: 0,
        }
    }

    /// Its statements touch these rows, and it fails where they do not.
    fn counted(mut self, rows: u64, bytes: u64) -> Self {
        self.kind = Kind::Counted;
        self.rows = rows;
        self.bytes = bytes;
        self
    }
}

/// The tables that are locked, comma separated.
pub(super) fn lock(survey: &Survey) -> Step {
    let known = ["v_version", "t_sources", "t_replica_batch", PARENT];
    let shared = survey
        .relations
        .iter()
        .filter(|r| r.moves() && r.role != Role::Parent);
    let names: Vec<String> = known
        .into_iter()
        .chain(shared.map(|relation| relation.name.as_str()))
        .map(|name| quote_qualified(SCHEMA, name))
        .collect();
    let values = [
        ("relations", names.join(", ")),
        ("wait_ms", LOCK_WAIT_MS.to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    Step::of(scripts::LOCK_CATALOG, "the catalog's tables", &values)
}

/// New ids for rows whose id stands twice. The rows change places: the survey has to be taken anew
/// afterwards.
pub(super) fn renumber(survey: &Survey, rows: &[Renumbered]) -> Vec<Step> {
    let mut of_relation: BTreeMap<usize, Vec<(&str, i64)>> = BTreeMap::new();
    let first = survey.last_event().max(survey.next_event - 1) + 1;
    for (id, row) in (first..).zip(rows) {
        let pairs = of_relation.entry(row.relation).or_default();
        pairs.push((row.place.as_str(), id));
    }
    let mut steps = Vec::new();
    for (index, pairs) in of_relation {
        let Some(relation) = survey.relations.get(index) else {
            continue;
        };
        let name = relation.qualified();
        let mut step = Step::of(scripts::RENUMBER_EVENTS, &name, &[("relation", &name)]);
        step.statements = pairs
            .chunks(RENUMBERED_AT_ONCE)
            .map(|pairs| {
                scripts::RENUMBER_EVENTS.sql(&[
                    ("relation", &name),
                    ("places", &places(pairs.iter().map(|pair| pair.0))),
                    ("new_ids", &numbers(pairs.iter().map(|pair| pair.1))),
                ])
            })
            .collect();
        let rows = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
        steps.push(step.counted(rows, rows.saturating_mul(relation.row_bytes)));
    }
    steps
}

/// All steps but the locks and the new ids.
pub(super) fn steps(survey: &Survey) -> Vec<Step> {
    let mut steps = Vec::new();
    let unnamed = survey.sources.iter().any(|source| source.named.is_none());
    if !survey.source_log_table || unnamed {
        let script = scripts::ADD_LOG_TABLES;
        steps.push(Step::of(script, "sch_chameleon.t_sources", &[]));
    }
    quarantine(survey, &mut steps);
    let mut made = Vec::new();
    // the parent last: its rows go into a table that may come about by renaming
    let moving = survey.relations.iter().filter(|r| r.moves());
    let (parent, shared): (Vec<_>, Vec<_>) = moving.partition(|r| r.role == Role::Parent);
    for relation in shared.into_iter().chain(parent) {
        match renames(survey, relation) {
            Some(target) => steps.push(rename(relation, &target, &mut made)),
            None => copy(survey, relation, &mut made, &mut steps),
        }
    }
    keys(survey, &made, &mut steps);
    // copies first, then keys, then whatever is dropped: the comparison stands between
    steps.push(compare(survey));
    drops(survey, &mut steps);
    let next = (survey.last_event() + 1).max(1);
    if survey.next_event < next {
        let next = next.to_string();
        let script = scripts::RAISE_EVENT_SEQUENCE;
        steps.push(Step::of(
            script,
            "the sequence of event ids",
            &[("next_id", &next)],
        ));
    }
    if survey.narrow_batches {
        let mut step = Step::of(
            scripts::CHANGE_BATCHES,
            "sch_chameleon.t_replica_batch",
            &[],
        );
        step.bytes = survey.batch_bytes;
        steps.push(step);
    }
    if survey.state != CatalogState::V13Original {
        let script = scripts::CHANGE_LABEL;
        steps.push(Step::of(script, "sch_chameleon.v_version", &[]));
    }
    steps.push(complete());
    steps
}

/// Rows without batch go to a table of their own, and out of a table that is kept.
fn quarantine(survey: &Survey, steps: &mut Vec<Step>) {
    const TABLE: &str = "sch_chameleon.t_quarantined_rows";
    if survey.orphan_rows() == 0 {
        return;
    }
    steps.push(Step::of(scripts::CREATE_QUARANTINE, TABLE, &[]));
    for relation in survey.relations.iter().filter(|r| r.moves()) {
        let rows = relation.orphan_rows();
        if rows == 0 {
            continue;
        }
        let name = relation.qualified();
        let values = [
            ("relation", name.as_str()),
            ("relation_text", &format!("'{}'", relation.name)),
            (
                "batches",
                &numbers(relation.orphans().map(|part| part.batch)),
            ),
        ];
        let step = Step::of(scripts::QUARANTINE_ROWS, &name, &values);
        steps.push(step.counted(rows, rows.saturating_mul(relation.row_bytes)));
        if renames(survey, relation).is_some() {
            let step = Step::of(scripts::REMOVE_ORPHANS, &name, &values);
            steps.push(step.counted(rows, 0));
        }
    }
}

/// The name that a shared log table gets where it is renamed: there is one source, the table is what
/// 1.2 makes, holds rows, and more than half of it are rows.
pub(super) fn renames(survey: &Survey, relation: &Relation) -> Option<String> {
    let (Role::Shared(index), [source]) = (relation.role, survey.sources.as_slice()) else {
        return None;
    };
    let target = source.log_tables().into_iter().nth(index)?;
    let fits = relation.misfit.is_none()
        && relation.keys.is_some()
        && relation.rows() > relation.orphan_rows()
        && relation.is_dense()
        && survey.relation(&target).is_none();
    fits.then_some(target)
}

fn rename(relation: &Relation, target: &str, made: &mut Vec<String>) -> Step {
    let (old_key, old_reference) = relation.keys.clone().unwrap_or_default();
    let name = relation.qualified();
    let quoted = [
        target.to_owned(),
        old_key,
        format!("pk_{target}"),
        old_reference,
        format!("fk_{target}"),
    ]
    .map(|name| quote_ident(&name).to_string());
    let values = [
        ("relation", name.as_str()),
        ("target", &quoted[0]),
        ("old_key", &quoted[1]),
        ("new_key", &quoted[2]),
        ("old_reference", &quoted[3]),
        ("new_reference", &quoted[4]),
    ];
    let mut step = Step::of(scripts::RENAME_LOG_TABLE, &name, &values);
    step.rows = relation.rows() - relation.orphan_rows();
    made.push(target.to_owned());
    step
}

fn copy(survey: &Survey, relation: &Relation, made: &mut Vec<String>, steps: &mut Vec<Step>) {
    let sources = survey.sources.iter();
    let sources: Vec<&Source> = sources.filter(|s| relation.rows_of(s.id) > 0).collect();
    if sources.is_empty() {
        return;
    }
    for source in &sources {
        let target = target_of(source);
        if !made.contains(&target) && survey.relation(&target).is_none() {
            let qualified = quote_qualified(SCHEMA, &target);
            let values = [("target", qualified.as_str())];
            steps.push(Step::of(scripts::CREATE_LOG_TABLE, &qualified, &values));
            made.push(target);
        }
    }
    let name = relation.qualified();
    let ids: Vec<i64> = sources.iter().map(|source| source.id).collect();
    let mut step = Step::of(scripts::COPY_ROWS, &name, &[("relation", &name)]);
    step.statements = extents::parts(&relation.parts, &ids)
        .iter()
        .filter_map(|part| {
            let source = sources.iter().find(|source| source.id == part.source)?;
            let target = quote_qualified(SCHEMA, &target_of(source));
            let ranges = part.ranges.iter().map(|range| {
                scripts::COPY_ROWS.sql(&[
                    ("relation", &name),
                    ("target", &target),
                    ("first_place", &format!("({},0)", range.first)),
                    ("next_place", &format!("({},0)", range.next)),
                    ("batches", &numbers(range.batches.iter().copied())),
                ])
            });
            Some(ranges.collect::<Vec<_>>().join("\n"))
        })
        .collect();
    let rows = sources
        .iter()
        .map(|source| relation.rows_of(source.id))
        .sum();
    steps.push(step.counted(rows, rows * relation.row_bytes));
}

/// Where a source's rows are copied to: the table that is being written.
fn target_of(source: &Source) -> String {
    let [first, _] = source.log_tables();
    first
}

/// Keys for the tables that were made bare.
fn keys(survey: &Survey, made: &[String], steps: &mut Vec<Step>) {
    const KEY_BYTES: u64 = 24;
    let bare = steps
        .iter()
        .filter(|s| s.id == scripts::CREATE_LOG_TABLE.id);
    let bare: Vec<String> = bare.map(|step| step.object.clone()).collect();
    for target in made {
        let qualified = quote_qualified(SCHEMA, target).to_string();
        if !bare.contains(&qualified) {
            continue;
        }
        let key = quote_ident(&format!("pk_{target}")).to_string();
        let reference = quote_ident(&format!("fk_{target}")).to_string();
        let values = [
            ("target", qualified.as_str()),
            ("new_key", &key),
            ("new_reference", &reference),
        ];
        let mut step = Step::of(scripts::ADD_KEYS, &qualified, &values);
        let source = survey.sources.iter().find(|s| target_of(s) == *target);
        let moving = survey.relations.iter().filter(|r| r.moves());
        step.rows = source.map_or(0, |s| moving.map(|r| r.rows_of(s.id)).sum());
        step.bytes = step.rows.saturating_mul(KEY_BYTES);
        steps.push(step);
    }
}

fn compare(survey: &Survey) -> Step {
    let object = "all log tables";
    let mut step = Step::of(scripts::COMPARE_ROWS, object, &[("relation", object)]);
    step.kind = Kind::Compare;
    step.rows = survey.expected().values().sum();
    step.statements = survey
        .sources
        .iter()
        .flat_map(Source::log_tables)
        .map(|table| compare_sql(&quote_qualified(SCHEMA, &table)))
        .collect();
    step
}

/// Counts the rows of a log table by batch: columns batch, rows.
pub(super) fn compare_sql(relation: &str) -> String {
    scripts::COMPARE_ROWS.sql(&[("relation", relation)])
}

fn drops(survey: &Survey, steps: &mut Vec<Step>) {
    for relation in survey.relations.iter().filter(|r| r.moves()) {
        let name = relation.qualified();
        if relation.role == Role::Parent {
            if !relation.parts.is_empty() {
                steps.push(Step::of(scripts::EMPTY_PARENT, &name, &[]));
            }
        } else if renames(survey, relation).is_none() {
            let values = [("relation", name.as_str())];
            steps.push(Step::of(scripts::DROP_LOG_TABLE, &name, &values));
        }
    }
}

fn complete() -> Step {
    Step {
        id: "130_complete_catalog",
        object: "own tables and functions".into(),
        kind: Kind::Complete,
        why: "an upgraded catalog has all that a new one has: the tables beside those of 1.3, its \
              functions, and a block range index on each log table"
            .into(),
        locks: "share on the new log tables; on the rest what is held already".into(),
        undoing: "loses nothing: 1.2 does not know them".into(),
        statements: vec![
            "-- sql/catalog/1.3: complete.sql, own_tables.sql, and each fn_*.sql\n\
             select sch_chameleon.fn_refresh_parts();"
                .into(),
        ],
        rows: 0,
        bytes: 0,
    }
}

/// A shared log table that is copied although there is one source, and why.
pub(super) fn copied_with_one_source(survey: &Survey) -> Vec<(String, String)> {
    if survey.sources.len() != 1 {
        return vec![];
    }
    let shared = survey
        .relations
        .iter()
        .filter(|r| SHARED.contains(&r.name.as_str()));
    shared
        .filter(|r| r.moves() && r.rows() > r.orphan_rows() && renames(survey, r).is_none())
        .map(|relation| {
            let why = match &relation.misfit {
                Some(misfit) => misfit.clone(),
                None if !relation.is_dense() => "most of it is dead space".into(),
                None => "the source has such a log table already".into(),
            };
            (relation.name.clone(), why)
        })
        .collect()
}
