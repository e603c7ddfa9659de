//! What stands below `config`.

use chameleon_transform_sdk::prelude::*;
use serde::Deserialize;
use serde_json::Value as Json;

/// The configuration of `mask`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The columns to mask.
    pub(crate) columns: Vec<ColumnRule<Rule>>,
    /// How columns are masked that do not say it themselves.
    #[serde(default)]
    pub(crate) how: How,
}

/// One column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) column: ColumnName,
    pub(crate) how: Option<How>,
    pub(crate) with: Option<Json>,
    pub(crate) keep_first: Option<usize>,
    pub(crate) keep_last: Option<usize>,
    pub(crate) keep_domain: Option<bool>,
}

/// A way of masking.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum How {
    /// A constant.
    #[default]
    Redact,
    /// Text with its ends left.
    Partial,
    /// An e-mail address with its first letter and its domain left.
    Email,
    /// NULL.
    Null,
}

impl How {
    pub(crate) fn word(self) -> &'static str {
        match self {
            How::Redact => "redact",
            How::Partial => "partial",
            How::Email => "email",
            How::Null => "null",
        }
    }
}

impl From<ColumnName> for Rule {
    fn from(column: ColumnName) -> Self {
        Rule {
            column,
            how: None,
            with: None,
            keep_first: None,
            keep_last: None,
            keep_domain: None,
        }
    }
}

impl Config {
    /// Does every rule say only what its way of masking has a use for?
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.columns.is_empty() {
            return Err(Error::config(
                "`columns` is empty: name at least one column",
            ));
        }
        for ColumnRule(rule) in &self.columns {
            let how = rule.how.unwrap_or(self.how);
            let uses = [
                ("with", rule.with.is_some(), how != How::Null),
                ("keep_first", rule.keep_first.is_some(), how == How::Partial),
                ("keep_last", rule.keep_last.is_some(), how == How::Partial),
                ("keep_domain", rule.keep_domain.is_some(), how == How::Email),
            ];
            for (key, given, of_use) in uses {
                if given && !of_use {
                    let (column, how) = (&rule.column, how.word());
                    let message = format!("`{key}` of `{column}` has no use with `how: {how}`");
                    return Err(Error::config(message));
                }
            }
        }
        Ok(())
    }
}
