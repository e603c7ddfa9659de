//! Foreign keys of a catalog whose rows break them.
//!
//! Rows that were loaded or deleted while triggers were off may name a batch that is gone, behind a
//! foreign key that says otherwise. A dump of such a catalog holds all its rows, and `pg_restore`
//! would end at the key. Here every key is made without looking at the rows that are there, and
//! looked at afterwards: one that they break stays as it is, not validated, and is told.

use chameleon_catalog::SCHEMA;
use chameleon_diag::{Finding, Severity, codes};
use chameleon_postgres::{Client, quote_ident, quote_literal};
use serde::Serialize;

use crate::error::BackupError;
use crate::inspect::{self, count, get};

/// A foreign key that rows of its table break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokenKey {
    /// Table within the schema.
    pub table: String,
    /// Name of the constraint.
    pub constraint: String,
    /// Rows that name what is not there.
    pub rows: u64,
}

impl BrokenKey {
    /// The same as a finding.
    pub fn finding(&self) -> Finding {
        let Self {
            table,
            constraint,
            rows,
        } = self;
        Finding {
            severity: Severity::Warning,
            code: codes::BAK023,
            object: format!("{SCHEMA}.{table}"),
            what: format!(
                "{rows} rows break the foreign key {constraint}, as they do at the server"
            ),
            remedy:
                "nothing has to be done: a restore brings the rows back with the key marked as \
                     not valid, which checks new ones alone, and an upgrade sets them aside"
                    .into(),
        }
    }
}

/// The SQL of an archive's last section, in which foreign keys are made without looking at the rows,
/// and the statements that look at them. A key that is not validated in the archive stays so.
pub(crate) fn validated_later(sql: &str) -> (String, Vec<String>) {
    let mut made = String::with_capacity(sql.len());
    let mut looks = Vec::new();
    let mut table = None;
    for line in sql.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("ALTER TABLE ONLY ") {
            table = Some(name.trim_end());
        }
        match (foreign_key(line), table) {
            (Some((begin, constraint)), Some(table)) => {
                made.push_str(begin);
                made.push_str(" NOT VALID;\n");
                let validate = format!("alter table only {table} validate constraint {constraint}");
                looks.push(format!(
                    "do {} ",
                    quote_literal(&format!(
                        "begin {validate}; exception when foreign_key_violation then null; end"
                    ))
                ));
            }
            _ => made.push_str(line),
        }
    }
    (made, looks)
}

/// The line without its semicolon and the constraint's name, where it makes a validated foreign key.
fn foreign_key(line: &str) -> Option<(&str, &str)> {
    let statement = line.trim_end().strip_suffix(';')?;
    let rest = statement.strip_prefix("    ADD CONSTRAINT ")?;
    let (constraint, rest) = rest.split_once(" FOREIGN KEY (")?;
    (!rest.ends_with(" NOT VALID")).then_some((statement, constraint))
}

/// Foreign keys of the schema that are not validated, as far as rows break them.
pub(crate) async fn broken(c: &Client) -> Result<Vec<BrokenKey>, BackupError> {
    let sql = format!(
        "select t.relname::text as name, k.conname::text as key, k.confrelid::regclass::text as other, \
                array(select a.attname::text from unnest(k.conkey) with ordinality u (n, o) \
                        join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.n \
                       order by u.o) as columns, \
                array(select a.attname::text from unnest(k.confkey) with ordinality u (n, o) \
                        join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.n \
                       order by u.o) as others \
           from pg_catalog.pg_constraint k join pg_catalog.pg_class t on t.oid = k.conrelid \
          where k.connamespace = '{SCHEMA}'::regnamespace and k.contype = 'f' \
            and not k.convalidated order by 1, 2"
    );
    let mut broken = Vec::new();
    for row in inspect::query(c, "look for foreign keys that are broken", &sql).await? {
        let (table, constraint): (String, String) = (get(&row, "name")?, get(&row, "key")?);
        let other: String = get(&row, "other")?;
        let columns: Vec<String> = get(&row, "columns")?;
        let others: Vec<String> = get(&row, "others")?;
        let pairs = columns.iter().zip(&others);
        let same =
            pairs.map(|(own, other)| format!("o.{} = l.{}", quote_ident(other), quote_ident(own)));
        let given = columns
            .iter()
            .map(|own| format!("l.{} is not null", quote_ident(own)));
        let sql = format!(
            "select count(*) as rows from only {SCHEMA}.{} l where {} \
                and not exists (select from only {other} o where {})",
            quote_ident(&table),
            given.collect::<Vec<_>>().join(" and "),
            same.collect::<Vec<_>>().join(" and ")
        );
        let row = inspect::one(c, "count rows that break a foreign key", &sql).await?;
        let rows = count(&row, "rows")?;
        if rows > 0 {
            broken.push(BrokenKey {
                table,
                constraint,
                rows,
            });
        }
    }
    Ok(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_keys_are_made_first_and_looked_at_afterwards() {
        let check = |sql: &str, made: &str, looks: &[&str]| {
            assert_eq!(
                validated_later(sql),
                (
                    made.to_owned(),
                    looks.iter().map(|&l| l.to_owned()).collect()
                )
            );
        };
        let primary = "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT pk PRIMARY KEY (a);\n";
        check(primary, primary, &[]);
        let begin = "ALTER TABLE ONLY s.t\n    ADD CONSTRAINT fk FOREIGN KEY (a) REFERENCES s.o(a) \
                     ON DELETE CASCADE";
        let not_valid = format!("{begin} NOT VALID;\n");
        check(&not_valid, &not_valid, &[]);
        check(
            &format!("{primary}{begin};\n\nSELECT 1;\n"),
            &format!("{primary}{not_valid}\nSELECT 1;\n"),
            &["do 'begin alter table only s.t validate constraint fk; \
               exception when foreign_key_violation then null; end' "],
        );
    }
}
