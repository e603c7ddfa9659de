//! What there is to upgrade: sources, log tables, and whose rows lie where.
//!
//! Reads only. `plan` takes a survey of the living catalog, `apply` takes one anew under its locks,
//! and both derive the steps from it.

use std::collections::BTreeMap;
use std::time::Instant;

use chameleon_model::name::quote_qualified;
use chameleon_postgres::tokio_postgres::GenericClient;

use super::conflicts::{self, Conflict};
use super::error::UpgradeError;
use super::scripts::COUNT_ROWS;
use crate::SCHEMA;
use crate::db;
use crate::error::CatalogError;
use crate::version::CatalogState;

/// Columns of the tables that 1.2 and 1.3 have in common are read from here.
pub(super) const NEW_CATALOG: &str = include_str!("../../../../../testdata/catalogs/1.3.txt");
/// Lists the objects of a catalog.
pub(super) const LISTING: &str = include_str!("../../../../../testdata/catalogs/listing.sql");

/// The parent of all log tables.
pub(super) const PARENT: &str = "t_log_replica";
/// The two log tables that all sources of 1.2 share.
pub(super) const SHARED: [&str; 2] = ["t_log_replica_1", "t_log_replica_2"];
const EVENT_SEQUENCE: &str = "t_log_replica_i_id_event_seq";

/// A registered source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) status: String,
    /// What the catalog says: `None` in 1.2, and where an upgrade was broken off early.
    pub(super) named: Option<[String; 2]>,
}

impl Source {
    /// Its two log tables; the first one is being written.
    pub(super) fn log_tables(&self) -> [String; 2] {
        self.named.clone().unwrap_or_else(|| {
            [1, 2].map(|number| format!("t_log_replica_{number}_src_{}", self.id))
        })
    }
}

/// What a log table is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The parent, which should be empty.
    Parent,
    /// `t_log_replica_1` or `_2`: index 0 or 1.
    Shared(usize),
    /// A source's own.
    OfSource(i64),
    /// Nobody's: left behind by a source that was dropped.
    Stray,
}

/// The rows of one batch in one log table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) batch: i64,
    /// `None`: the batch, or its source, is gone.
    pub(super) source: Option<i64>,
    /// Not replayed yet.
    pub(super) waits: bool,
    /// When the batch was made, in microseconds.
    pub(super) created: Option<i64>,
    pub(super) rows: u64,
    pub(super) events: (i64, i64),
    /// First and last block; `None` where the server cannot tell.
    pub(super) blocks: Option<(u32, u32)>,
}

/// A log table.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) total_bytes: u64,
    /// Primary key and foreign key, where they are those of 1.2.
    pub(super) keys: Option<(String, String)>,
    /// An event id can stand in it once only.
    pub(super) has_key: bool,
    /// Why it is not what 1.2 makes.
    pub(super) misfit: Option<String>,
    /// Bytes of an average row, from a sample.
    pub(super) row_bytes: u64,
    pub(super) parts: Vec<Part>,
}

impl Relation {
    pub(super) fn qualified(&self) -> String {
        quote_qualified(SCHEMA, &self.name)
    }

    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(|part| part.rows).sum()
    }

    pub(super) fn rows_of(&self, source: i64) -> u64 {
        let of_source = |part: &&Part| part.source == Some(source);
        self.parts.iter().filter(of_source).map(|p| p.rows).sum()
    }

    pub(super) fn orphans(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.source.is_none())
    }

    pub(super) fn orphan_rows(&self) -> u64 {
        self.orphans().map(|part| part.rows).sum()
    }

    /// Its rows have to go elsewhere.
    pub(super) fn moves(&self) -> bool {
        matches!(self.role, Role::Parent | Role::Shared(_))
    }

    /// More than half of it holds rows.
    pub(super) fn is_dense(&self) -> bool {
        const SLACK: u64 = 1 << 20;
        const KEY_BYTES: u64 = 40;
        let live = self.rows().saturating_mul(self.row_bytes + KEY_BYTES);
        self.total_bytes <= live.saturating_mul(2).saturating_add(SLACK)
    }
}

/// What there is to upgrade.
#[derive(Clone, Debug)]
pub(super) struct Survey {
    pub(super) state: CatalogState,
    pub(super) server_version: i32,
    pub(super) database: String,
    pub(super) sources: Vec<Source>,
    pub(super) relations: Vec<Relation>,
    pub(super) conflicts: Vec<Conflict>,
    pub(super) source_log_table: bool,
    pub(super) narrow_batches: bool,
    pub(super) batch_bytes: u64,
    pub(super) next_event: i64,
    /// Seconds that counting the rows took.
    pub(super) count_seconds: f64,
}

impl Survey {
    /// Takes the survey of a catalog in that state.
    ///
    /// # Errors
    /// [`UpgradeError::Damaged`] where something is missing that every catalog has.
    pub(super) async fn take(
        c: &impl GenericClient,
        state: CatalogState,
    ) -> Result<Self, UpgradeError> {
        let mut survey = Self::glance(c, state).await?;
        survey.count(c).await?;
        survey.conflicts = conflicts::find(c, &survey.relations).await?;
        Ok(survey)
    }

    /// The same without looking at any row of a log table.
    pub(super) async fn glance(
        c: &impl GenericClient,
        state: CatalogState,
    ) -> Result<Self, UpgradeError> {
        require_whole(c, &state).await?;
        let attempt = "survey the catalog";
        let row = db::query_one(c, attempt, include_str!("sql/catalog.sql"), &[]).await?;
        let mut survey = Self {
            state,
            server_version: db::get(&row, "server_version")?,
            database: db::get(&row, "database")?,
            source_log_table: db::get(&row, "source_log_table")?,
            narrow_batches: db::get(&row, "narrow_batches")?,
            batch_bytes: db::get_count(&row, "batch_bytes")?,
            next_event: db::get(&row, "next_event")?,
            sources: vec![],
            relations: vec![],
            conflicts: vec![],
            count_seconds: 0.0,
        };
        survey.sources = sources(c, survey.source_log_table).await?;
        survey.read_relations(c).await?;
        Ok(survey)
    }

    async fn read_relations(&mut self, c: &impl GenericClient) -> Result<(), UpgradeError> {
        let sql = include_str!("sql/relations.sql");
        for row in db::query(c, "look at the log tables", sql, &[]).await? {
            let name: String = db::get(&row, "name")?;
            if !db::get::<Option<bool>>(&row, "complete")?.unwrap_or(false) {
                let missing = format!("a column of {name}");
                return Err(UpgradeError::Damaged { missing });
            }
            let key: Option<String> = db::get(&row, "key")?;
            let reference: Option<String> = db::get(&row, "reference")?;
            self.relations.push(Relation {
                role: self.role(&name),
                total_bytes: db::get_count(&row, "total_bytes")?,
                has_key: key.is_some(),
                keys: key.zip(reference),
                misfit: db::get(&row, "misfit")?,
                row_bytes: 0,
                parts: vec![],
                name,
            });
        }
        Ok(())
    }

    fn role(&self, name: &str) -> Role {
        if name == PARENT {
            return Role::Parent;
        }
        // a source's own first: nothing keeps it from having such a name
        let owner = self.sources.iter().find(|source| {
            let tables = source.log_tables();
            tables.iter().any(|table| table == name)
        });
        match (owner, SHARED.iter().position(|shared| *shared == name)) {
            (Some(source), _) => Role::OfSource(source.id),
            (None, Some(index)) => Role::Shared(index),
            (None, None) => Role::Stray,
        }
    }

    /// Counts the rows of all log tables, again if they were counted before.
    pub(super) async fn count(&mut self, c: &impl GenericClient) -> Result<(), UpgradeError> {
        let begun = Instant::now();
        for relation in &mut self.relations {
            if relation.role == Role::Stray {
                continue;
            }
            let name = relation.qualified();
            relation.parts = count(c, &name, self.server_version).await?;
            if relation.moves() && !relation.parts.is_empty() {
                relation.row_bytes = row_bytes(c, &name).await?;
            }
        }
        self.count_seconds = begun.elapsed().as_secs_f64();
        Ok(())
    }

    pub(super) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|r| r.name == name)
    }

    /// Rows whose batch is gone.
    pub(super) fn orphan_rows(&self) -> u64 {
        let moving = self.relations.iter().filter(|r| r.moves());
        moving.map(Relation::orphan_rows).sum()
    }

    /// The highest event id in use.
    pub(super) fn last_event(&self) -> i64 {
        let parts = self.relations.iter().flat_map(|r| &r.parts);
        parts.map(|part| part.events.1).max().unwrap_or(0)
    }

    /// Rows by source and batch that have to be there after the upgrade: (source, batch) -> rows.
    pub(super) fn expected(&self) -> BTreeMap<(i64, i64), u64> {
        let mut expected = BTreeMap::new();
        for part in self.relations.iter().flat_map(|r| &r.parts) {
            if let Some(source) = part.source {
                *expected.entry((source, part.batch)).or_default() += part.rows;
            }
        }
        expected
    }
}

/// Counts the rows of a log table by batch.
pub(super) async fn count(
    c: &impl GenericClient,
    relation: &str,
    server_version: i32,
) -> Result<Vec<Part>, UpgradeError> {
    // min and max of a row's place are known from 14 on
    let (first, last) = if server_version >= 140_000 {
        ("min(ctid)::text", "max(ctid)::text")
    } else {
        ("null::text", "null::text")
    };
    let sql = COUNT_ROWS.sql(&[
        ("relation", relation),
        ("first_place", first),
        ("last_place", last),
    ]);
    let attempt = format!("count the rows of {relation}");
    let rows = db::query(c, &attempt, &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let first: Option<String> = db::get(row, "first_place")?;
            let last: Option<String> = db::get(row, "last_place")?;
            let blocks = first
                .as_deref()
                .and_then(block)
                .zip(last.as_deref().and_then(block));
            Ok(Part {
                batch: db::get(row, "batch")?,
                source: db::get(row, "source")?,
                waits: db::get(row, "waits")?,
                created: db::get(row, "created")?,
                rows: db::get_count(row, "rows")?,
                events: (db::get(row, "first_event")?, db::get(row, "last_event")?),
                blocks,
            })
        })
        .collect::<Result<_, CatalogError>>()
        .map_err(UpgradeError::from)
}

/// The block of a row's place such as `(17,3)`.
fn block(place: &str) -> Option<u32> {
    place.strip_prefix('(')?.split(',').next()?.parse().ok()
}

async fn row_bytes(c: &impl GenericClient, relation: &str) -> Result<u64, UpgradeError> {
    let sql = format!(
        "select coalesce(avg(64 + pg_column_size(v_table_name) + pg_column_size(v_schema_name) \
                + coalesce(pg_column_size(t_binlog_name), 0) \
                + coalesce(pg_column_size(jsb_event_data), 0) \
                + coalesce(pg_column_size(jsb_event_update), 0) \
                + coalesce(pg_column_size(t_query), 0)), 0)::bigint as bytes \
           from (select * from only {relation} limit 1000) sample"
    );
    let row = db::query_one(c, "sample the log tables", &sql, &[]).await?;
    Ok(db::get_count(&row, "bytes")?)
}

async fn sources(c: &impl GenericClient, named: bool) -> Result<Vec<Source>, UpgradeError> {
    let names = if named {
        "v_log_table::text[]"
    } else {
        "null::text[]"
    };
    let sql = format!(
        "select i_id_source as id, t_source as name, enm_status::text as status, {names} as named \
           from sch_chameleon.t_sources order by i_id_source"
    );
    let rows = db::query(c, "list the sources", &sql, &[]).await?;
    rows.iter()
        .map(|row| {
            let named: Option<Vec<Option<String>>> = db::get(row, "named")?;
            let named: Option<Vec<String>> = named.and_then(|n| n.into_iter().collect());
            Ok(Source {
                id: db::get(row, "id")?,
                name: db::get(row, "name")?,
                status: db::get(row, "status")?,
                named: named.and_then(|names| names.try_into().ok()),
            })
        })
        .collect::<Result<_, CatalogError>>()
        .map_err(UpgradeError::from)
}

/// Goes on only where all is there that catalogs of 1.2 and 1.3 have in common, and in 1.2 the two
/// shared log tables.
pub(super) async fn require_whole(
    c: &impl GenericClient,
    state: &CatalogState,
) -> Result<(), UpgradeError> {
    let found = db::query(c, "list the catalog's objects", LISTING, &[]).await?;
    let found: Vec<String> = found
        .iter()
        .map(|row| db::get(row, "line"))
        .collect::<Result<_, _>>()?;
    let mut missing: Vec<String> = common_columns()
        .filter(|(table, column)| {
            let start = format!("table {table} column {column} ");
            !found.iter().any(|line| line.starts_with(&start))
        })
        .map(|(table, column)| {
            let whole = format!("table {table}");
            match found.contains(&whole) {
                true => format!("column {column} of {table}"),
                false => whole,
            }
        })
        .collect();
    let sequence = format!("sequence {EVENT_SEQUENCE} of ");
    if !found.iter().any(|line| line.starts_with(&sequence)) {
        missing.push(format!("sequence {EVENT_SEQUENCE}"));
    }
    let old = if *state == CatalogState::V12 {
        &SHARED[..]
    } else {
        &[]
    };
    for table in old {
        let start = format!("table {table} column ");
        if !found.iter().any(|line| line.starts_with(&start)) {
            missing.push(format!("table {table}"));
        }
    }
    missing.dedup();
    if missing.is_empty() {
        return Ok(());
    }
    Err(UpgradeError::Damaged {
        missing: missing.join(", "),
    })
}

/// Tables and columns that catalogs of 1.2 and 1.3 have in common.
fn common_columns() -> impl Iterator<Item = (&'static str, &'static str)> {
    const TABLES: [&str; 6] = [
        "t_sources",
        "t_replica_batch",
        PARENT,
        "t_replica_tables",
        "t_discarded_rows",
        "t_index_def",
    ];
    NEW_CATALOG.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (Some("table"), Some(table), Some("column"), Some(column)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return None;
        };
        (TABLES.contains(&table) && column != "v_log_table").then_some((table, column))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_columns_are_those_of_1_2_without_the_log_table() {
        let columns: Vec<_> = common_columns().collect();
        assert!(columns.contains(&("t_sources", "ts_last_event")));
        assert!(columns.contains(&("t_log_replica", "t_query")));
        assert!(!columns.iter().any(|(_, column)| *column == "v_log_table"));
        assert_eq!(columns.len(), 5 + 13 + 11 + 5 + 4 + 7);
    }

    #[test]
    fn a_place_begins_with_its_block() {
        assert_eq!(block("(17,3)"), Some(17));
        assert_eq!(block("(4294967295,65535)"), Some(u32::MAX));
        assert_eq!(block("17"), None);
    }
}
