//! What pg_chameleon 1.x damaged for good in the tables that it made, and how each is repaired.
//!
//! Types tell of some damage without a look at any row. For the rest the source is asked whether it
//! holds values that 1.x could not carry over, and the target what became of those rows. All of it
//! is bounded: a question that takes too long is asked again of the first and last rows by key, a
//! hundred rows at most are compared for a column, and no question is begun after a minute. What
//! could not be looked at is said.
//!
//! A table was made by 1.x where its primary key has the name that 1.x gives; one that was copied
//! anew since has another, and is left alone.

mod ask;
mod suspect;

use chameleon_catalog::{CatalogState, SourceId, held, table_rules};
use chameleon_diag::{ErrorCode, Finding, Severity, codes};
use chameleon_model::TableSchema;
use chameleon_model::name::target_name;
use chameleon_postgres::introspect::{FoundTable, target_table};
use chameleon_postgres::tokio_postgres::types::Type;
use chameleon_postgres::{Client, PostgresError};

use self::ask::Asker;
use self::suspect::{Certain, Suspect};
use super::finding;
use crate::context::Context;
use crate::error::HostError;

/// Tables of a source that 1.x filled: what of them is not as the source has it.
pub(super) async fn check(
    cx: &Context,
    client: &Client,
    tables: &[TableSchema],
) -> Result<Vec<Finding>, HostError> {
    let state = chameleon_catalog::version(client).await?;
    let Some(source) = filled_source(cx, client, &state).await? else {
        return Ok(Vec::new());
    };
    let mut damage = Damage::default();
    let unkeyed = Unkeyed::read(client, &state, source).await?;
    let mut suspected = Vec::new();
    for table in tables {
        let name = target_name(&table.name.name);
        let found = target_table(client, &cx.config.dest_schema, &name).await?;
        let Some(found) = found else { continue };
        if table.primary_key.is_empty() && unkeyed.is_left_out(table) {
            damage.unkeyed(table);
        } else if made_by_1_x(&found) {
            let (certain, suspects) = suspect::of_table(table, &found, &cx.config.rules);
            damage.certain(table, certain);
            if !suspects.is_empty() {
                suspected.push((table, found, suspects));
            }
        }
    }
    if !suspected.is_empty() {
        look(cx, &suspected, &mut damage).await?;
    }
    Ok(damage.findings())
}

/// The source, where it is registered and was initialised: by whom tells each table.
async fn filled_source(
    cx: &Context,
    client: &Client,
    state: &CatalogState,
) -> Result<Option<SourceId>, HostError> {
    use CatalogState::{Halfway, V12, V13, V13Original};
    if !matches!(state, V12 | V13 | V13Original | Halfway) {
        return Ok(None);
    }
    let sql = "select i_id_source from sch_chameleon.t_sources s \
                where t_source = $1 and t_dest_schema = $2 \
                  and exists (select from sch_chameleon.t_replica_batch b \
                               where b.i_id_source = s.i_id_source)";
    let params = [
        (&cx.name() as _, Type::TEXT),
        (&cx.config.dest_schema as _, Type::TEXT),
    ];
    let rows = client.query_typed(sql, &params).await;
    let failed = |error| PostgresError::statement("look for the source in the catalog", &error);
    let rows = rows.map_err(failed)?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(SourceId(row.try_get(0).map_err(failed)?)))
}

/// 1.x names a primary key `pk_`, the first twenty characters of the table, `_` and a number.
fn made_by_1_x(found: &FoundTable) -> bool {
    let begin: String = found.name.chars().take(20).collect();
    let number = found.primary_key_name.as_deref().and_then(|name| {
        name.strip_prefix("pk_")?
            .strip_prefix(&*begin)?
            .strip_prefix('_')
    });
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Tables without primary key, of which 1.x drops every change.
struct Unkeyed {
    /// Held for that reason.
    held: Vec<String>,
    /// Copied, or taken over, by this program.
    known: Vec<String>,
}

impl Unkeyed {
    async fn read(
        client: &Client,
        state: &CatalogState,
        source: SourceId,
    ) -> Result<Self, HostError> {
        let mut read = Self {
            held: Vec::new(),
            known: Vec::new(),
        };
        if *state == CatalogState::V13 {
            let held = held::list(client, source).await?.into_iter();
            let unkeyed = held.filter(|table| table.code == codes::CAT015.as_str());
            read.held = unkeyed.map(|held| held.table.name).collect();
            let known = table_rules::load(client, source).await?;
            read.known = known.into_keys().map(|table| table.name).collect();
        }
        Ok(read)
    }

    fn is_left_out(&self, table: &TableSchema) -> bool {
        let name = &table.name.name;
        self.held.contains(name) || !self.known.contains(name)
    }
}

type Suspected<'a> = (&'a TableSchema, FoundTable, Vec<Suspect>);

/// Asks both sides about values.
async fn look(
    cx: &Context,
    suspected: &[Suspected<'_>],
    damage: &mut Damage,
) -> Result<(), HostError> {
    let mut asker = Asker::connect(cx).await?;
    let mut result = Ok(());
    for (table, found, suspects) in suspected {
        let asked = match asker.ask(table, found, suspects).await {
            Ok(asked) => asked,
            Err(error) => {
                result = Err(error);
                break;
            }
        };
        for (suspect, rows) in suspects.iter().zip(&asked.answers) {
            if let Some(rows) = rows {
                damage.shown(table, suspect, &rows.to_string());
            }
        }
        if let Some(reason) = asked.ended {
            let others = suspects.get(asked.answers.len()..).unwrap_or_default();
            damage.unasked(table, others, &reason);
        }
    }
    asker.close().await;
    result
}

/// Columns of a table that have the same fault.
struct Fault {
    table: String,
    code: ErrorCode,
    severity: Severity,
    /// Each with its evidence.
    columns: Vec<String>,
    what: &'static str,
}

#[derive(Default)]
struct Damage {
    faults: Vec<Fault>,
    /// Findings that are complete.
    others: Vec<Finding>,
    /// Tables that hold hex digits.
    hexed: Vec<String>,
}

impl Damage {
    fn unkeyed(&mut self, table: &TableSchema) {
        self.others.push(finding(
            Severity::Warning,
            codes::CAT015,
            &table.name.name,
            "it has no primary key: 1.x copied it once and left out every change since",
            sync_tables([table.name.name.as_str()]),
        ));
    }

    fn certain(&mut self, table: &TableSchema, certain: Vec<Certain>) {
        for one in certain {
            self.add(table, one.code, one.severity, one.column, one.what);
        }
    }

    fn shown(&mut self, table: &TableSchema, suspect: &Suspect, rows: &str) {
        let column = format!("{} ({rows})", suspect.column);
        self.add(table, suspect.code, Severity::Warning, column, suspect.what);
    }

    fn add(
        &mut self,
        table: &TableSchema,
        code: ErrorCode,
        severity: Severity,
        column: String,
        what: &'static str,
    ) {
        let name = &table.name.name;
        if code == codes::TGT042 && !self.hexed.contains(name) {
            self.hexed.push(name.clone());
        }
        let same = |f: &&mut Fault| f.table == *name && f.code == code && f.what == what;
        if let Some(fault) = self.faults.iter_mut().find(same) {
            fault.columns.push(column);
            return;
        }
        self.faults.push(Fault {
            table: name.clone(),
            code,
            severity,
            columns: vec![column],
            what,
        });
    }

    fn unasked(&mut self, table: &TableSchema, suspects: &[Suspect], reason: &str) {
        let mut columns: Vec<&str> = suspects.iter().map(|s| s.column.as_str()).collect();
        columns.dedup();
        let name = &table.name.name;
        self.others.push(finding(
            Severity::Info,
            codes::TGT049,
            name,
            format!("{}: {reason}", columns.join(", ")),
            format!("chameleon-tools compare --tables {}", word(name)),
        ));
    }

    fn findings(self) -> Vec<Finding> {
        let hexed = sync_tables(self.hexed.iter().map(String::as_str));
        let of_fault = |fault: &Fault| {
            let remedy = match fault.code {
                codes::TGT042 => format!("empty hexify, then, before the replica starts: {hexed}"),
                _ => sync_tables([fault.table.as_str()]),
            };
            let what = format!("{}: {}", fault.columns.join(", "), fault.what);
            finding(fault.severity, fault.code, &fault.table, what, remedy)
        };
        self.faults
            .iter()
            .map(of_fault)
            .chain(self.others)
            .collect()
    }
}

/// The command that copies tables anew.
fn sync_tables<'a>(tables: impl IntoIterator<Item = &'a str>) -> String {
    let tables: Vec<&str> = tables.into_iter().collect();
    format!("chameleon sync_tables --tables {}", word(&tables.join(",")))
}

/// A word of a command line, as a shell takes it.
fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_,.-".contains(c);
    match text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_key_tells_who_made_a_table() {
        let check = |table: &str, key: Option<&str>, expect| {
            let found = FoundTable {
                schema: "s".into(),
                name: table.into(),
                columns: Vec::new(),
                primary_key: Vec::new(),
                primary_key_name: key.map(str::to_owned),
                unique_indexes: Vec::new(),
            };
            assert_eq!(made_by_1_x(&found), expect, "{table} {key:?}");
        };
        check("orders", Some("pk_orders_0"), true);
        check(
            "a_name_of_more_than_twenty",
            Some("pk_a_name_of_more_than__17"),
            true,
        );
        check("orders", Some("orders_PRIMARY"), false);
        check("orders", Some("pk_orders_"), false);
        check("orders", Some("pk_orders"), false);
        check("orders", Some("pk_orders_new"), false);
        check("orders", None, false);
    }

    #[test]
    fn commands_quote_what_a_shell_would_take_apart() {
        let check = |tables: &[&str], expect: &str| {
            let command = sync_tables(tables.iter().copied());
            assert_eq!(command, format!("chameleon sync_tables --tables {expect}"));
        };
        check(&["a", "b_2"], "a,b_2");
        check(&["größe"], "größe");
        check(&["it's", "x y"], "'it'\\''s,x y'");
    }
}
