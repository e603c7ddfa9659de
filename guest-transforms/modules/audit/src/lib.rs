//! `audit`: adds columns that say when the source committed a row, by what operation, and at which position.
//!
//! They say it of the row's last change; the table must have a primary key. A deleted row is gone, and its columns with
//! it. Rows of the first copy have the operation `copy` and neither time nor position: when they were written is not
//! known.

use chameleon_transform_sdk::{Ops, Others, prelude::*};
use serde::Deserialize;

/// The configuration of `audit`: the names of the columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    columns: Option<Names>,
}

/// Which columns are added; those without a name are not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    commit_time: Option<String>,
    operation: Option<String>,
    position: Option<String>,
}

/// The transform.
pub struct Audit {
    names: Names,
}

/// The added columns of a table.
pub struct Added {
    commit_time: Option<Output>,
    operation: Option<Output>,
    position: Option<Output>,
}

impl Transform for Audit {
    const NAME: &'static str = "audit";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Added;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        let names = config.columns.unwrap_or_else(|| Names {
            commit_time: Some("_commit_time".into()),
            operation: Some("_operation".into()),
            position: Some("_position".into()),
        });
        let given = [&names.commit_time, &names.operation, &names.position];
        let mut given: Vec<&String> = given.into_iter().flatten().collect();
        if given.is_empty() || given.iter().any(|name| name.is_empty()) {
            return Err(Error::config(
                "`columns` names at least one of `commit_time`, `operation` and `position`",
            ));
        }
        given.sort();
        if given.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Error::config("`columns` gives two columns the same name"));
        }
        Ok(Audit { names })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Added>, Error> {
        if table.key().is_empty() {
            return Err(Error::schema(format!(
                "{table} has no primary key: its rows are found by all their columns, and what an earlier change \
                 wrote into the added ones is not known"
            )));
        }
        let mut plan = Planner::new(table);
        let mut add = |name: &Option<String>, form: Form, pg_type: &str| {
            name.as_ref()
                .map(|name| plan.add(name, form, pg_type))
                .transpose()
        };
        let added = Added {
            commit_time: add(
                &self.names.commit_time,
                Form::Micros,
                "timestamp with time zone",
            )?,
            operation: add(&self.names.operation, Form::Texts, "text")?,
            position: add(&self.names.position, Form::Texts, "text")?,
        };
        if self.names.commit_time.is_some() || self.names.position.is_some() {
            plan.with_meta();
        }
        // A delete needs no more than the key.
        plan.only(
            Ops::of(&[Op::Insert, Op::Update, Op::Refresh]),
            Others::Pass,
        );
        plan.apply(added)
    }

    fn transform(&self, added: &Added, rows: &mut Rows<'_>) -> Result<(), Error> {
        rows.each(|row| {
            if let Some(output) = added.commit_time {
                row.set(
                    output,
                    row.commit_micros()
                        .map(Value::Micros)
                        .unwrap_or(Value::Null),
                );
            }
            if let Some(output) = added.operation {
                row.set(output, word(row.op()));
            }
            if let Some(output) = added.position {
                row.set(output, row.position());
            }
            Ok(())
        })
    }
}

fn word(op: Op) -> &'static str {
    match op {
        Op::Insert => "insert",
        Op::Update => "update",
        Op::Delete => "delete",
        Op::Refresh => "copy",
    }
}

chameleon_transform_sdk::export!(Audit);
