//! How rows are written in the relay's form, per table version: into a log table, or under the name
//! of a prepared transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chameleon_ddl::mapping::Mapping;
use chameleon_model::{CellForm, ChangeBuffer, ChangeRef, Op, TableSchema};
use chameleon_postgres::introspect::{FoundColumn, FoundTable, target_table};
use chameleon_postgres::{BinaryCopy, Client};

use crate::apply::{ApplyPolicy, TableFailure, applied_name};
use crate::error::TargetError;
use crate::json;
use crate::table::ApplyTable;

/// Rows and bytes that were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Events.
    pub events: u64,
    /// Bytes of JSON.
    pub bytes: u64,
}

/// What a COPY of rows did.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) written: Written,
    pub(crate) failures: Vec<TableFailure>,
}

/// A COPY whose last two columns are a change's images; the caller writes those before.
pub(crate) struct RowsCopy<'a> {
    pub(crate) client: &'a Client,
    pub(crate) statement: &'a str,
    pub(crate) columns: usize,
}

/// Plans of the tables that were met.
#[derive(Debug)]
pub(crate) struct RowPlans {
    schema: String,
    mapping: Mapping,
    /// Versions by name at the target, the newest last: one, or as many as source tables that feed
    /// it.
    tables: HashMap<String, Vec<PlannedTable>>,
    /// Tables for which DDL waits in the relay, and that are not planned: what is found at the
    /// target is not what their rows will meet.
    altered: HashSet<String>,
    json: String,
}

#[derive(Debug)]
struct PlannedTable {
    version: Arc<TableSchema>,
    found: FoundTable,
    table: ApplyTable,
}

impl RowPlans {
    /// For tables of that schema at the target.
    pub(crate) fn new(schema: impl Into<String>, mapping: Mapping) -> Self {
        Self {
            schema: schema.into(),
            mapping,
            tables: HashMap::new(),
            altered: HashSet::new(),
            json: String::new(),
        }
    }

    /// DDL for the table was written to the relay, or waits there.
    pub(crate) fn note_ddl(&mut self, table: &str) {
        if !self.tables.contains_key(table) {
            self.altered.insert(table.to_owned());
        }
    }

    /// Writes rows in their order. `lead` writes the columns before the images, for a table and an
    /// operation. Tables for which the policy has no strictness are left out. A table whose rows
    /// cannot be encoded comes back as a failure: its rows from there on are left out, the others
    /// are written.
    pub(crate) async fn copy(
        &mut self,
        into: &RowsCopy<'_>,
        buffer: &ChangeBuffer,
        policy: &dyn ApplyPolicy,
        mut lead: impl FnMut(&mut Vec<u8>, &str, &[u8]),
    ) -> Result<Copied, TargetError> {
        let mut copied = Copied::default();
        let mut left_out: HashSet<u32> = HashSet::new();
        let mut names = Vec::with_capacity(buffer.tables().len());
        for (number, version) in (0u32..).zip(buffer.tables()) {
            let name = applied_name(CellForm::Source, version);
            if policy.strictness(&name).is_none() {
                left_out.insert(number);
            } else if let Err(error) = self.plan(into.client, version, &name).await {
                if !error.is_of_one_table() {
                    return Err(error);
                }
                left_out.insert(number);
                copied.failures.push(TableFailure {
                    table: name.clone(),
                    error,
                    changes: 0,
                });
            }
            names.push(name);
        }
        let mut copy = BinaryCopy::start(into.client, into.statement, into.columns).await?;
        for change in buffer.changes() {
            if left_out.contains(&change.table) {
                continue;
            }
            let name = &names[change.table as usize];
            match self.write_change(&mut copy, buffer, change, name, &mut lead) {
                Ok(bytes) => {
                    copied.written.events += 1;
                    copied.written.bytes += bytes;
                }
                Err(error) if error.is_of_one_table() => {
                    left_out.insert(change.table);
                    copied.failures.push(TableFailure {
                        table: name.clone(),
                        error,
                        changes: 1,
                    });
                }
                Err(error) => return Err(error),
            }
            if copy.is_full() {
                copy.drain().await?;
            }
        }
        copy.finish().await?;
        Ok(copied)
    }

    /// Returns the bytes of the images.
    fn write_change(
        &mut self,
        copy: &mut BinaryCopy,
        buffer: &ChangeBuffer,
        change: &ChangeRef,
        name: &str,
        lead: &mut impl FnMut(&mut Vec<u8>, &str, &[u8]),
    ) -> Result<u64, TargetError> {
        let version = buffer.table(change);
        let planned = self.tables.get(name).and_then(|versions| {
            let mut newest_first = versions.iter().rev();
            newest_first.find(|p| Arc::ptr_eq(&p.version, version))
        });
        let planned = planned.ok_or_else(|| TargetError::Shape {
            table: name.to_owned(),
            reason: "its plan was lost".into(),
        })?;
        let (first, second) = match change.op {
            Op::Insert => (buffer.after(change), None),
            Op::Update => (buffer.after(change), buffer.before(change)),
            Op::Delete => (buffer.before(change), None),
        };
        self.json.clear();
        let first = first.unwrap_or_default();
        json::write_object(&planned.table, buffer, first, &mut self.json)?;
        let split = self.json.len();
        if let Some(second) = second {
            json::write_object(&planned.table, buffer, second, &mut self.json)?;
        }
        let (data, update) = self.json.split_at(split);
        let word: &[u8] = match change.op {
            Op::Insert => b"insert",
            Op::Update => b"update",
            Op::Delete => b"delete",
        };
        copy.row_with(|out| {
            lead(out, name, word);
            jsonb(out, data);
            if update.is_empty() {
                null(out);
            } else {
                jsonb(out, update);
            }
            Ok::<(), TargetError>(())
        })?;
        Ok(self.json.len() as u64)
    }

    /// Plans how rows of that version are written, unless it is planned.
    async fn plan(
        &mut self,
        client: &Client,
        version: &Arc<TableSchema>,
        name: &str,
    ) -> Result<(), TargetError> {
        let versions = self.tables.get(name).map_or(&[][..], Vec::as_slice);
        if versions.iter().any(|p| Arc::ptr_eq(&p.version, version)) {
            return Ok(());
        }
        let before = versions.last();
        let old = before.map(|p| Arc::clone(&p.version));
        let found = match before {
            Some(planned) => Some(planned.found.clone()),
            None if self.altered.contains(name) => None,
            None => target_table(client, &self.schema, name).await?,
        };
        self.mapping.learn([&**version]);
        let found = expected_table(version, old.as_deref(), found, &self.mapping);
        let table = ApplyTable::plan(version, &found, &self.mapping.rules, CellForm::Source)?;
        let planned = PlannedTable {
            version: Arc::clone(version),
            found,
            table,
        };
        let versions = self.tables.entry(name.to_owned()).or_default();
        // versions that nobody else knows any more have been replaced by DDL
        versions.retain(|p| Arc::strong_count(&p.version) > 1);
        versions.push(planned);
        Ok(())
    }
}

/// The target's table as it will be when the rows of this version are replayed: a column of
/// unchanged name and type as it is found, any other as our own DDL makes it.
fn expected_table(
    version: &TableSchema,
    old: Option<&TableSchema>,
    found: Option<FoundTable>,
    mapping: &Mapping,
) -> FoundTable {
    let mapped = mapping.target_table(version);
    let columns = mapped
        .columns
        .iter()
        .map(|column| {
            let unchanged = old.is_none_or(|old| {
                let before = version.columns.get(column.source_index);
                old.columns
                    .iter()
                    .any(|c| before.is_some_and(|b| b.name == c.name && b.ty == c.ty))
            });
            let there = found
                .as_ref()
                .and_then(|f| f.column(&column.name))
                .filter(|_| unchanged);
            there.cloned().unwrap_or_else(|| FoundColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                nullable: column.nullable,
                identity: column.identity,
                generated: false,
            })
        })
        .collect();
    FoundTable {
        schema: mapped.schema,
        name: mapped.name,
        columns,
        primary_key: Vec::new(),
        primary_key_name: None,
        unique_indexes: Vec::new(),
    }
}

/// One field of a binary COPY.
pub(crate) fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

fn jsonb(out: &mut Vec<u8>, text: &str) {
    let length = i32::try_from(text.len() + 1).unwrap_or(i32::MAX);
    out.extend_from_slice(&length.to_be_bytes());
    out.push(1);
    out.extend_from_slice(text.as_bytes());
}

/// A field that is NULL.
pub(crate) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(&(-1i32).to_be_bytes());
}
