//! A source's tables as the target has them: what the transforms make of tables, rows and DDL.
//!
//! Without transforms every table stands for itself. With them a table may be left out, have other
//! columns, or be split over several tables, and several tables may feed one. Everything behind the
//! stream and the snapshot readers (relay, replay, load, DDL) knows the target's tables alone; holds
//! and errors are told of the source's.

mod ddl;
mod feeds;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chameleon_catalog::SourceId;
use chameleon_catalog::row_errors::{self, Operation, RowError};
use chameleon_ddl::mapping::Mapping;
use chameleon_diag::{Diagnostic, ErrorCode, codes};
use chameleon_model::name::target_name;
use chameleon_model::{BinlogPosition, ChangeBuffer, TableName, TableSchema, TypeKind};
use chameleon_postgres::Client;
use chameleon_transform::{FailedRow, Meta, Origin, TablePlan, Transformed, Worker};

pub(crate) use self::feeds::Feeds;
use crate::capture::describe;
use crate::context::Context;
use crate::error::HostError;

/// One table of the target that rows of a source table go to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// As the target should have it, by its name there.
    pub(crate) table: Arc<TableSchema>,
    /// Where its columns come from; `None`: from the source's column of the same number.
    origins: Option<Vec<Origin>>,
}

impl Target {
    fn same(table: &Arc<TableSchema>) -> Self {
        Self {
            table: Arc::clone(table),
            origins: None,
        }
    }

    fn origin(&self, column: usize) -> Origin {
        match &self.origins {
            None => Origin::Passed(column),
            Some(origins) => origins.get(column).copied().unwrap_or(Origin::Computed),
        }
    }

    /// Its name at the target.
    pub(crate) fn name(&self) -> String {
        target_name(&self.table.name.name)
    }
}

/// Why a table cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) reason: String,
}

impl Refused {
    fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// The same as an error of a command.
    pub(crate) fn of(self, table: &TableName) -> HostError {
        HostError::Refused {
            table: table.to_string(),
            code: self.code,
            reason: self.reason,
        }
    }

    fn from_error(error: &chameleon_transform::TransformError) -> Self {
        Self::new(error.code(), describe(error))
    }
}

/// What one task knows of its source's tables, with instances of the transforms of its own.
pub(crate) struct Shaper {
    worker: Option<Worker>,
    tables: HashMap<TableName, Vec<Target>>,
    feeds: Feeds,
    wants_meta: bool,
}

impl Shaper {
    /// Knows no table yet.
    ///
    /// # Errors
    /// TRF codes: a module cannot be loaded or does not take its configuration.
    pub(crate) fn new(cx: &Context) -> Result<Self, HostError> {
        let worker = cx.chain()?.map(|chain| chain.worker());
        Ok(Self {
            worker,
            tables: HashMap::new(),
            feeds: Feeds::new(&cx.config.my_database),
            wants_meta: false,
        })
    }

    /// Rows may change on their way.
    pub(crate) fn is_active(&self) -> bool {
        self.worker.is_some()
    }

    /// A transform wants to know when and where rows were committed.
    pub(crate) fn wants_meta(&self) -> bool {
        self.wants_meta
    }

    /// Which tables feed which, as it changes.
    pub(crate) fn feeds(&self) -> Feeds {
        self.feeds.clone()
    }

    /// Plans a table version, in place of the one of the same name.
    ///
    /// # Errors
    /// Why its rows cannot be taken.
    pub(crate) fn learn(&mut self, table: &Arc<TableSchema>) -> Result<&[Target], Refused> {
        let targets = self.plan(table)?;
        self.forget(&table.name);
        for target in &targets {
            if self.is_active() {
                self.feeds.check(target)?;
            }
        }
        for target in &targets {
            self.feeds.add(target, &table.name);
        }
        let entry = self.tables.entry(table.name.clone());
        Ok(entry.insert_entry(targets).into_mut())
    }

    /// The targets of a table version; nothing is noted.
    fn plan(&mut self, table: &Arc<TableSchema>) -> Result<Vec<Target>, Refused> {
        let Some(worker) = &mut self.worker else {
            return Ok(vec![Target::same(table)]);
        };
        let plan = worker
            .plan(table)
            .map_err(|error| Refused::from_error(&error))?;
        Ok(match plan {
            TablePlan::Pass => vec![Target::same(table)],
            TablePlan::Exclude => Vec::new(),
            TablePlan::Apply(outputs) => {
                self.wants_meta |= outputs.wants_meta;
                let routes = outputs.routes.iter();
                routes
                    .map(|route| Target {
                        table: Arc::clone(&route.table),
                        origins: Some(route.columns.clone()),
                    })
                    .collect()
            }
        })
    }

    /// The table's transforms need whole row images of the source.
    pub(crate) fn needs_full_images(&mut self, table: &Arc<TableSchema>) -> bool {
        let plan = self.worker.as_mut().map(|worker| worker.plan(table));
        matches!(plan, Some(Ok(TablePlan::Apply(outputs))) if outputs.needs_full_images)
    }

    fn forget(&mut self, table: &TableName) -> Vec<Target> {
        self.feeds.remove(table);
        self.tables.remove(table).unwrap_or_default()
    }

    /// The targets of a table that was learnt.
    pub(crate) fn targets(&self, table: &TableName) -> &[Target] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    /// Names of these targets; the table's own name where it was not learnt.
    pub(crate) fn target_names(&self, table: &TableName) -> Vec<String> {
        match self.tables.get(table) {
            Some(targets) => targets.iter().map(Target::name).collect(),
            None => vec![target_name(&table.name)],
        }
    }

    /// All targets, each once: of a table that several feed, one of its shapes.
    pub(crate) fn all_targets(&self) -> Vec<Arc<TableSchema>> {
        self.feeds.tables()
    }

    /// The mapping of types and names, which has learnt all targets.
    pub(crate) fn mapping(&self, cx: &Context) -> Mapping {
        let mut mapping = cx.mapping();
        let targets = self.all_targets();
        mapping.learn(targets.iter().map(|t| &**t).collect::<Vec<&TableSchema>>());
        mapping
    }

    /// The same, with foreign keys that refer to the targets of the tables that they refer to at the
    /// source. A key whose referenced rows are not in one target with these columns is left out.
    pub(crate) fn referring_targets(&self) -> Vec<TableSchema> {
        let mut tables: Vec<TableSchema> = self
            .all_targets()
            .iter()
            .map(|table| TableSchema::clone(table))
            .collect();
        for table in &mut tables {
            table.foreign_keys.retain_mut(|key| {
                let Some(targets) = self.tables.get(&key.referenced) else {
                    return true;
                };
                let [target] = targets.as_slice() else {
                    return false;
                };
                key.referenced = target.table.name.clone();
                let mut columns = key.referenced_columns.iter();
                columns.all(|column| target.table.column_index(column).is_some())
            });
        }
        tables
    }

    /// Targets that get no rows while these tables are held.
    pub(crate) fn starved(&self, held: &BTreeSet<TableName>) -> BTreeSet<String> {
        let names = held.iter().flat_map(|table| self.target_names(table));
        names
            .filter(|name| self.feeds.feeders(name).iter().all(|f| held.contains(f)))
            .collect()
    }

    /// These tables and all that share a target with one of them.
    pub(crate) fn with_siblings(&self, tables: &BTreeSet<TableName>) -> BTreeSet<TableName> {
        let mut all = tables.clone();
        loop {
            let names = all.iter().flat_map(|table| self.target_names(table));
            let more: Vec<TableName> = names
                .flat_map(|name| self.feeds.feeders(&name))
                .filter(|feeder| !all.contains(feeder))
                .collect();
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }

    /// What the transforms make of rows.
    ///
    /// # Errors
    /// TRF codes that concern no single table.
    pub(crate) fn rows(
        &mut self,
        rows: ChangeBuffer,
        snapshot: bool,
        meta: &Meta,
    ) -> Result<Transformed, HostError> {
        let Some(worker) = &mut self.worker else {
            return Ok(Transformed {
                rows,
                origin: Vec::new(),
                failed: Vec::new(),
                stopped: Vec::new(),
            });
        };
        let meta = self.wants_meta.then_some(meta);
        Ok(tokio::task::block_in_place(|| {
            worker.run(rows, snapshot, meta)
        })?)
    }
}

/// By which rules a table's rows are written: compared with those that its stored rows were written
/// by.
///
/// # Errors
/// What stands in the way of planning the table.
pub(crate) fn fingerprint(
    cx: &Context,
    table: &Arc<TableSchema>,
) -> Result<Fingerprint, HostError> {
    let rules = &cx.rules();
    let mut text = format!("profile {:?}", rules.profile).to_lowercase();
    for source in chameleon_ddl::mapping::used_overrides(rules, table) {
        text.push_str(&format!("; {} as {}", source.source, source.target));
    }
    let has = |kind| table.columns.iter().any(|c| c.ty.kind == kind);
    if !rules.empty_enum_label && has(TypeKind::Enum) {
        text.push_str("; no empty enum label");
    }
    if rules.extensions.geometry.is_some() && has(TypeKind::Geometry) {
        text.push_str("; geometry of PostGIS");
    }
    if rules.extensions.vector.is_some() && has(TypeKind::Vector) {
        text.push_str("; vector of pgvector");
    }
    let hexified = table.columns.iter().filter_map(|c| rules.hexified(&c.ty));
    let hexified: BTreeSet<&str> = hexified.collect();
    for base in hexified {
        text.push_str(&format!("; hex digits of {base}"));
    }
    let transforms = match cx.chain()? {
        Some(chain) => chain.fingerprint_for(table)?,
        None => String::new(),
    };
    if !transforms.is_empty() {
        text.push_str(&format!("; transforms {transforms}"));
    }
    Ok(Fingerprint {
        text,
        transformed: !transforms.is_empty(),
    })
}

/// See [`fingerprint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) text: String,
    /// Some transform changes the table.
    pub(crate) transformed: bool,
}

impl Fingerprint {
    /// Whether rows stored under `stored` go together with rows written under these rules. Rows of a
    /// time when nothing was noted were not transformed.
    pub(crate) fn fits(&self, stored: Option<&str>) -> Result<(), Refused> {
        let fits = match stored {
            Some(stored) => stored == self.text,
            None => !self.transformed,
        };
        if fits {
            return Ok(());
        }
        Err(Refused::new(
            codes::TRF015,
            "its transforms or type mapping are not those that its stored rows were written by",
        ))
    }
}

/// Why a transform failed with a row, in words.
pub(crate) fn failure(row: &FailedRow) -> String {
    format!("transform {}: {}", row.transform, row.reason)
}

/// Notes rows that a transform rejected or failed on, without their values.
pub(crate) async fn record_failed(
    client: &Client,
    source: SourceId,
    failed: &[FailedRow],
    position: &BinlogPosition,
) -> Result<(), HostError> {
    if failed.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = failed.iter().map(failure).collect();
    let errors: Vec<RowError<'_>> = failed
        .iter()
        .zip(&reasons)
        .map(|(row, reason)| RowError {
            table: &row.table,
            operation: Operation::Change(row.op),
            position: Some(position.clone()),
            code: row.code,
            reason,
        })
        .collect();
    Ok(row_errors::record(client, source, &errors).await?)
}
