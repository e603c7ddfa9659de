//! Compares a catalog with a new one, object by object, and its rows with those of a backup.

use std::collections::{BTreeMap, BTreeSet};

use chameleon_diag::{Finding, Report, Severity, codes};
use chameleon_postgres::tokio_postgres::GenericClient;
use serde::Serialize;

use super::error::UpgradeError;
use super::scripts;
use super::state::in_words;
use super::survey::{LISTING, NEW_CATALOG, Source, Survey};
use crate::db;
use crate::install::FUNCTIONS;
use crate::version::{CatalogState, version};

const QUARANTINE: &str = "t_quarantined_rows";

/// How a catalog compares with a new one.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// Version of this form.
    pub schema_version: u32,
    /// What the catalog is.
    pub version: String,
    /// It has what a new one has, and its rows are those of the backup, where one was given.
    pub whole: bool,
    /// What it has not, or has otherwise, or has beside it.
    pub differences: Vec<Difference>,
    /// Objects that were compared.
    pub compared: usize,
    /// Rows in quarantine.
    pub quarantined_rows: u64,
    /// Tables whose rows were compared with a backup's; empty without one.
    pub rows: Vec<ComparedRows>,
    /// The same as findings.
    pub findings: Report,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// How it differs.
    pub kind: DifferenceKind,
    /// The object, as the listing of the catalog has it.
    pub object: String,
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DifferenceKind {
    /// A new catalog has it.
    Missing,
    /// It is there beside what a new catalog has.
    Extra,
    /// It is there and differs.
    Different,
}

/// A table whose rows were compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedRows {
    /// The table; `relay` stands for all log tables and the quarantine.
    pub table: String,
    /// Rows in the backup.
    pub backup: u64,
    /// Rows now.
    pub now: u64,
    /// As many, and where the table is the same in both versions, the same.
    pub equal: bool,
    /// Every row is what it was, event ids and all.
    pub identical: bool,
}

/// Rows and checksum of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRows {
    /// Name in the schema.
    pub name: String,
    /// Number of rows.
    pub rows: u64,
    /// Checksum over all of them.
    pub checksum: String,
}

/// Compares the catalog with a new one.
///
/// # Errors
/// [`UpgradeError::Catalog`] where there is none, or one of another version;
/// [`UpgradeError::Damaged`] where so much is missing that it cannot be compared.
pub async fn verify(c: &impl GenericClient) -> Result<Verification, UpgradeError> {
    let state = version(c).await?;
    let is_1_3 = matches!(
        state,
        CatalogState::V13 | CatalogState::V13Original | CatalogState::Halfway
    );
    if !is_1_3 {
        crate::require_current(c).await?;
    }
    let mut verification = Verification {
        schema_version: 1,
        version: in_words(&state),
        whole: false,
        differences: vec![],
        compared: 0,
        quarantined_rows: 0,
        rows: vec![],
        findings: Report::default(),
    };
    let found = lines(c, "list the catalog's objects", LISTING).await?;
    let survey = Survey::glance(c, state).await?;
    let tables: Vec<[String; 2]> = survey.sources.iter().map(Source::log_tables).collect();
    let expected = expected(&tables);
    verification.compared = expected.len() + FUNCTIONS.len();
    let is_kept_aside = |line: &String| line.starts_with(&format!("table {QUARANTINE}"));
    if found.iter().any(is_kept_aside) {
        let sql = "select count(*) as rows from sch_chameleon.t_quarantined_rows";
        let row = db::query_one(c, "count the rows in quarantine", sql, &[]).await?;
        verification.quarantined_rows = db::get_count(&row, "rows")?;
    }
    let found: Vec<String> = found.into_iter().filter(|l| !is_kept_aside(l)).collect();
    verification.differences = compare(&expected, &found);
    functions(c, &mut verification.differences).await?;
    let attached = lines(c, "look at triggers and rules", &scripts::VERIFY.sql(&[])).await?;
    verification
        .differences
        .extend(attached.into_iter().map(|object| Difference {
            kind: DifferenceKind::Extra,
            object,
        }));
    verification.conclude();
    Ok(verification)
}

impl Verification {
    /// Compares the rows as well: those of a backup that was taken before the upgrade, and those of
    /// now.
    pub fn compare_rows(&mut self, backup: &[TableRows], now: &[TableRows]) {
        const SAME: [&str; 3] = ["t_discarded_rows", "t_index_def", "t_replica_tables"];
        const CHANGED: [&str; 2] = ["t_replica_batch", "t_sources"];
        let find = |all: &[TableRows], name: &str| all.iter().find(|t| t.name == name).cloned();
        for table in SAME.into_iter().chain(CHANGED) {
            let (before, after) = (find(backup, table), find(now, table));
            let rows = |of: &Option<TableRows>| of.as_ref().map_or(0, |t| t.rows);
            let sums = before.as_ref().map(|t| &t.checksum) == after.as_ref().map(|t| &t.checksum);
            self.rows.push(ComparedRows {
                table: table.to_owned(),
                backup: rows(&before),
                now: rows(&after),
                equal: rows(&before) == rows(&after) && (sums || CHANGED.contains(&table)),
                identical: sums,
            });
        }
        let (before, after) = (relay(backup), relay(now));
        self.rows.push(ComparedRows {
            table: "relay".into(),
            backup: before.0,
            now: after.0,
            equal: before.0 == after.0,
            identical: before.1.is_some() && before == after,
        });
        self.conclude();
    }

    fn conclude(&mut self) {
        let harmful = |d: &&Difference| d.kind != DifferenceKind::Extra;
        self.whole = self.differences.iter().find(harmful).is_none()
            && self.rows.iter().all(|rows| rows.equal);
        let mut report = Report::default();
        for difference in &self.differences {
            let (severity, what) = match difference.kind {
                DifferenceKind::Missing => (Severity::Error, "a new catalog has it, this has not"),
                DifferenceKind::Different => (Severity::Error, "it differs from a new catalog's"),
                DifferenceKind::Extra => (Severity::Info, "a new catalog has no such object"),
            };
            report.push(Finding {
                severity,
                code: codes::UPG008,
                object: difference.object.clone(),
                what: what.into(),
                remedy: String::new(),
            });
        }
        for rows in self.rows.iter().filter(|rows| !rows.equal) {
            report.push(Finding {
                severity: Severity::Error,
                code: codes::UPG009,
                object: rows.table.clone(),
                what: format!(
                    "the backup has {} rows, there are {}",
                    rows.backup, rows.now
                ),
                remedy: "chameleon explain UPG009".into(),
            });
        }
        let renumbered = |rows: &&ComparedRows| rows.table == "relay" && !rows.identical;
        if let Some(rows) = self.rows.iter().find(renumbered).filter(|rows| rows.equal) {
            report.push(Finding {
                severity: Severity::Info,
                code: codes::UPG021,
                object: rows.table.clone(),
                what: "as many rows as in the backup, some with new event ids or in quarantine"
                    .into(),
                remedy: String::new(),
            });
        }
        if self.quarantined_rows > 0 {
            report.push(Finding {
                severity: Severity::Info,
                code: codes::UPG020,
                object: QUARANTINE.into(),
                what: format!("{} rows are in quarantine", self.quarantined_rows),
                remedy: format!("drop table sch_chameleon.{QUARANTINE}, when they are of no use"),
            });
        }
        self.findings = report;
    }
}

/// Rows of all log tables and of the quarantine, and the sum of their checksums, which are sums over
/// the rows themselves: one number, or several with colons between. Rows in quarantine have another
/// form: then there is no sum.
fn relay(all: &[TableRows]) -> (u64, Option<Vec<i128>>) {
    let in_relay = |t: &&TableRows| t.name.starts_with("t_log_replica") || t.name == QUARANTINE;
    let (mut rows, mut sum) = (0, Some(Vec::new()));
    for table in all.iter().filter(in_relay) {
        rows += table.rows;
        let numbers = table.checksum.split(':').map(|part| part.parse().ok());
        let own: Option<Vec<i128>> = numbers.collect();
        let own = own.filter(|_| table.name != QUARANTINE);
        sum = sum.zip(own).map(|(sum, own)| add(sum, &own));
    }
    (rows, sum)
}

fn add(mut sum: Vec<i128>, own: &[i128]) -> Vec<i128> {
    sum.resize(own.len().max(sum.len()), 0);
    for (total, part) in sum.iter_mut().zip(own) {
        *total = total.wrapping_add(*part);
    }
    sum
}

async fn lines(
    c: &impl GenericClient,
    attempt: &str,
    sql: &str,
) -> Result<Vec<String>, UpgradeError> {
    let rows = db::query(c, attempt, sql.trim_end().trim_end_matches(';'), &[]).await?;
    let lines = rows.iter().map(|row| db::get(row, "line"));
    lines.collect::<Result<_, _>>().map_err(UpgradeError::from)
}

/// The listing of a new catalog with the log tables of these sources.
fn expected(sources: &[[String; 2]]) -> Vec<String> {
    // the listing that is stored is of a catalog with one source, whose id is 1
    const STORED: [&str; 2] = ["t_log_replica_1_src_1", "t_log_replica_2_src_1"];
    let of_source = |line: &&str| STORED.iter().any(|table| line.contains(table));
    let mut all: Vec<String> = NEW_CATALOG
        .lines()
        .filter(|line| !of_source(line))
        .map(str::to_owned)
        .collect();
    for tables in sources {
        let mut tables = tables.clone();
        tables.sort();
        for line in NEW_CATALOG.lines().filter(of_source) {
            let pairs = STORED.iter().zip(&tables);
            all.push(pairs.fold(line.to_owned(), |line, (from, to)| line.replace(from, to)));
        }
    }
    all
}

fn compare(expected: &[String], found: &[String]) -> Vec<Difference> {
    let wanted: BTreeSet<&String> = expected.iter().collect();
    let there: BTreeSet<&String> = found.iter().collect();
    let mut differences: Vec<Difference> = Vec::new();
    let subject = |line: &str| line.split(' ').take(4).collect::<Vec<_>>().join(" ");
    let extra: BTreeSet<&String> = there.difference(&wanted).copied().collect();
    let changed: BTreeSet<String> = extra.iter().map(|line| subject(line)).collect();
    for line in wanted.difference(&there) {
        let is_part = line.starts_with("table ") && line.split(' ').count() > 3;
        let kind = match is_part && changed.contains(&subject(line)) {
            true => DifferenceKind::Different,
            false => DifferenceKind::Missing,
        };
        differences.push(Difference {
            kind,
            object: (*line).clone(),
        });
    }
    let different: BTreeSet<String> = differences
        .iter()
        .filter(|d| d.kind == DifferenceKind::Different)
        .map(|d| subject(&d.object))
        .collect();
    for line in extra
        .into_iter()
        .filter(|line| !different.contains(&subject(line)))
    {
        differences.push(Difference {
            kind: DifferenceKind::Extra,
            object: line.clone(),
        });
    }
    differences.extend(orders(expected, found));
    differences
}

/// Tables that have the same columns in another order.
fn orders(expected: &[String], found: &[String]) -> Vec<Difference> {
    let columns = |lines: &[String]| {
        let mut of_table: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let mut words = line.split(' ');
            if let (Some("table"), Some(table), Some("column"), Some(column)) =
                (words.next(), words.next(), words.next(), words.next())
            {
                of_table
                    .entry(table.to_owned())
                    .or_default()
                    .push(column.to_owned());
            }
        }
        of_table
    };
    let (expected, found) = (columns(expected), columns(found));
    let differ = expected.iter().filter(|(table, wanted)| {
        found.get(*table).is_some_and(|there| {
            let same: BTreeSet<_> = wanted.iter().collect();
            there != *wanted && there.iter().collect::<BTreeSet<_>>() == same
        })
    });
    differ
        .map(|(table, _)| Difference {
            // whoever names its columns, as all readers do, does not mind
            kind: DifferenceKind::Extra,
            object: format!("table {table}, whose columns are in another order"),
        })
        .collect()
}

/// Functions whose body is not the one that a new catalog has.
async fn functions(
    c: &impl GenericClient,
    differences: &mut Vec<Difference>,
) -> Result<(), UpgradeError> {
    let sql = "select p.proname::text as name, p.prosrc as body \
                 from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace \
                where n.nspname = 'sch_chameleon'";
    let rows = db::query(c, "read the catalog's functions", sql, &[]).await?;
    let mut bodies: Vec<(String, String)> = Vec::new();
    for row in &rows {
        bodies.push((db::get(row, "name")?, db::get(row, "body")?));
    }
    for (name, body) in FUNCTIONS.iter().filter_map(|text| name_and_body(text)) {
        let same_name = bodies.iter().filter(|(found, _)| found == name);
        let mut same_name = same_name.peekable();
        if same_name.peek().is_some() && same_name.all(|(_, found)| found != body) {
            differences.push(Difference {
                kind: DifferenceKind::Different,
                object: format!("body of function {name}"),
            });
        }
    }
    Ok(())
}

/// Name and body of the function that a file makes.
fn name_and_body(text: &str) -> Option<(&str, &str)> {
    let (_, rest) = text.split_once("create or replace function sch_chameleon.")?;
    let (name, rest) = rest.split_once('(')?;
    let mut parts = rest.split("$body$");
    let (_, body) = (parts.next()?, parts.next()?);
    Some((name, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_file_gives_a_name_and_a_body() {
        for text in FUNCTIONS {
            let (name, body) = name_and_body(text).unwrap();
            assert!(name.starts_with("fn_"), "{name}");
            assert!(body.trim().len() > 20, "{name}");
        }
    }

    #[test]
    fn a_changed_column_is_one_difference_and_an_object_of_ones_own_does_no_harm() {
        let line = |text: &str| text.to_owned();
        let expected = [
            line("table t"),
            line("table t column a bigint"),
            line("view v: x"),
        ];
        let found = [
            line("table t"),
            line("table t column a integer"),
            line("table own"),
        ];
        let differences = compare(&expected, &found);
        let of = |kind, object: &str| Difference {
            kind,
            object: object.into(),
        };
        assert_eq!(
            differences,
            [
                of(DifferenceKind::Different, "table t column a bigint"),
                of(DifferenceKind::Missing, "view v: x"),
                of(DifferenceKind::Extra, "table own"),
            ]
        );
    }

    #[test]
    fn a_new_catalog_is_expected_with_the_tables_of_every_source() {
        let none = expected(&[]);
        assert!(none.iter().all(|line| !line.contains("_src_1")));
        let two = expected(&[
            [
                "t_log_replica_2_src_4".into(),
                "t_log_replica_1_src_4".into(),
            ],
            [
                "t_log_replica_1_src_9".into(),
                "t_log_replica_2_src_9".into(),
            ],
        ]);
        let of_four = two.iter().filter(|line| line.contains("_src_4")).count();
        assert_eq!(two.len() - none.len(), 2 * of_four);
        assert!(two.contains(&"table t_log_replica_1_src_4 inherits t_log_replica".to_owned()));
    }

    #[test]
    fn relay_rows_are_counted_wherever_they_lie() {
        let rows = |name: &str, rows, checksum: &str| TableRows {
            name: name.into(),
            rows,
            checksum: checksum.into(),
        };
        let backup = [
            rows("t_sources", 2, "a"),
            rows("t_log_replica_1", 5, "3:-4"),
            rows("t_log_replica_2", 7, "10:20"),
            rows("t_index_def", 1, "i"),
        ];
        let mut now = vec![
            rows("t_sources", 2, "b"),
            rows("t_log_replica_1_src_1", 12, "13:16"),
            rows("t_log_replica_2_src_1", 0, "0:0"),
            rows("t_index_def", 1, "i"),
        ];
        let mut verification = Verification {
            schema_version: 1,
            version: "1.3".into(),
            whole: true,
            differences: vec![],
            compared: 0,
            quarantined_rows: 3,
            rows: vec![],
            findings: Report::default(),
        };
        verification.compare_rows(&backup, &now);
        assert!(verification.whole, "{:?}", verification.rows);
        assert!(
            verification
                .rows
                .iter()
                .all(|r| r.identical || r.table == "t_sources")
        );
        now[1].rows = 9;
        now.push(rows("t_quarantined_rows", 3, "9:9"));
        now[3].checksum = "j".into();
        verification.rows.clear();
        verification.compare_rows(&backup, &now);
        let unequal: Vec<_> = verification.rows.iter().filter(|r| !r.equal).collect();
        assert_eq!(unequal.len(), 1);
        assert_eq!(unequal[0].table, "t_index_def");
        assert!(!verification.whole);
    }
}
