//! A plan as people read it: in `inspect` and in the cases of `test`.

use chameleon_model::TableSchema;
use chameleon_transform::{Origin, Output, TablePlan};
use serde::{Deserialize, Serialize};

use super::transform_fields::Fields;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum PlanText {
    /// `pass` or `exclude`.
    Word(String),
    /// Tables and columns.
    Apply(ApplyText),
}

/// Output tables and what is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplyText {
    /// Output tables; each column is one line.
    pub(super) routes: Fields<Vec<String>>,
    /// Columns whose new values are handed over.
    pub(super) reads: Vec<String>,
    /// Columns whose old values are handed over.
    pub(super) reads_before: Vec<String>,
}

impl PlanText {
    /// The plan for a table.
    pub(super) fn of(plan: &TablePlan, table: &TableSchema) -> Self {
        match plan {
            TablePlan::Pass => Self::Word("pass".into()),
            TablePlan::Exclude => Self::Word("exclude".into()),
            TablePlan::Apply(outputs) => {
                let routes = outputs.routes.iter();
                let routes =
                    routes.map(|route| (route.table.name.to_string(), lines(route, table)));
                Self::Apply(ApplyText {
                    routes: Fields(routes.collect()),
                    reads: outputs.reads.clone(),
                    reads_before: outputs.reads_old.clone(),
                })
            }
        }
    }
}

/// `email varchar(255) as text null key <- replaced email`, a line for each column.
fn lines(output: &Output, source: &TableSchema) -> Vec<String> {
    let table = &output.table;
    let columns = table.columns.iter().zip(&output.columns).enumerate();
    let line = |(n, (column, origin)): (usize, (&chameleon_model::Column, &Origin))| {
        let mut line = format!("{} {}", column.name, column.ty.declared);
        if let Some(target) = &column.target {
            line += &format!(" as {target}");
        }
        line += if column.nullable {
            " null"
        } else {
            " not null"
        };
        if table.primary_key.contains(&n) {
            line += " key";
        }
        let from = origin.source().and_then(|n| source.columns.get(n));
        let from = from.map_or("", |column| column.name.as_str());
        line + &match origin {
            Origin::Passed(_) => format!(" <- {from}"),
            Origin::Replaced(_) => format!(" <- replaced {from}"),
            Origin::Computed => " <- computed".to_owned(),
        }
    };
    columns.map(line).collect()
}
