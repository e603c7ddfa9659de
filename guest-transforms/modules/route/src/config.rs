//! What stands below `config`.

use std::collections::BTreeMap;

use chameleon_transform_sdk::Error;
use serde::Deserialize;

use crate::pattern::Pattern;

/// The configuration of `route`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The first one that fits a table is used.
    pub(crate) rules: Vec<Rule>,
}

/// What is done with the tables of a pattern.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) from: Pattern,
    /// The schema at the target, as the source would call it.
    pub(crate) schema: Option<String>,
    pub(crate) table: Option<String>,
    /// Old names and new ones.
    #[serde(default)]
    pub(crate) columns: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) drop: Vec<String>,
    pub(crate) shard: Option<Shard>,
    pub(crate) split: Option<Split>,
}

/// The column that says where a row comes from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shard {
    pub(crate) column: String,
    #[serde(rename = "type", default)]
    pub(crate) ty: ShardType,
    /// Instead of what `*` stands for.
    pub(crate) value: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ShardType {
    #[default]
    Text,
    Integer,
    Bigint,
}

/// Tables by the values of a column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Split {
    pub(crate) column: String,
    pub(crate) tables: BTreeMap<String, String>,
    /// For all other values; without it their rows are left out.
    pub(crate) other: Option<String>,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.rules.is_empty() {
            return Err(Error::config("`rules` is empty: write at least one"));
        }
        for rule in &self.rules {
            rule.check().map_err(|what| {
                Error::config(format!("`rules`, from `{}`: {what}", rule.from.as_str()))
            })?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        let renames = self.schema.is_some() || self.table.is_some();
        let changes = !self.columns.is_empty() || !self.drop.is_empty();
        if !renames && !changes && self.shard.is_none() && self.split.is_none() {
            return Err(
                "nothing to do: say `schema`, `table`, `columns`, `drop`, `shard` or `split`",
            );
        }
        if self.split.is_some() && self.table.is_some() {
            return Err("`split` names the tables itself: leave `table` out");
        }
        if let Some(split) = &self.split {
            if split.tables.is_empty() {
                return Err("`split` needs values and their `tables`");
            }
        }
        if let Some(shard) = &self.shard {
            if shard.column.is_empty() {
                return Err("`shard` needs the name of its `column`");
            }
            if shard.value.is_none() && !self.from.has_star() {
                return Err("`shard` needs a `*` in `from`, or a `value`");
            }
        }
        let names = [&self.schema, &self.table];
        if names.iter().any(|name| name.as_deref() == Some("")) {
            return Err("an empty name");
        }
        Ok(())
    }
}
