//! What stands below `config`.

use chameleon_transform_sdk::prelude::*;
use serde::Deserialize;

/// The configuration of `cast`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Single columns.
    #[serde(default)]
    pub(crate) columns: Vec<Rule>,
    /// Every `tinyint(1)` becomes boolean.
    #[serde(default)]
    pub(crate) tinyint1_to_boolean: bool,
    /// What becomes of dates that are none, in every column that may hold one: `null`, `reject`, or a date.
    pub(crate) zero_dates: Option<String>,
    /// Trims every char, varchar and text column.
    pub(crate) trim: Option<Side>,
}

/// One column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) column: ColumnName,
    pub(crate) to: Option<To>,
    /// Labels that are true, of `to: boolean`.
    #[serde(rename = "true", default)]
    pub(crate) truths: Vec<String>,
    /// Labels that are false.
    #[serde(rename = "false", default)]
    pub(crate) lies: Vec<String>,
    pub(crate) invalid: Option<Invalid>,
    pub(crate) zero: Option<String>,
    pub(crate) trim: Option<Side>,
    pub(crate) empty: Option<Empty>,
}

/// A type of the target.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum To {
    Boolean,
    Json,
    Jsonb,
}

/// What becomes of a value that cannot be cast.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Invalid {
    #[default]
    Reject,
    Null,
    /// Text that is no JSON becomes a JSON string.
    String,
}

/// Where white space is cut off.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    Left,
    Right,
    Both,
    None,
}

/// What becomes of text of which nothing is left.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Empty {
    Keep,
    Null,
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let nothing = self.columns.is_empty()
            && !self.tinyint1_to_boolean
            && self.zero_dates.is_none()
            && self.trim.is_none();
        if nothing {
            return Err(Error::config(
                "nothing to do: say `columns`, `tinyint1_to_boolean`, `zero_dates` or `trim`",
            ));
        }
        for rule in &self.columns {
            rule.check()
                .map_err(|what| Error::config(format!("`columns`, `{}`: {what}", rule.column)))?;
        }
        Ok(())
    }
}

impl Rule {
    fn check(&self) -> Result<(), &'static str> {
        let trims = self.trim.is_some() || self.empty.is_some();
        let kinds = [self.to.is_some(), self.zero.is_some(), trims];
        match kinds.iter().filter(|kind| **kind).count() {
            0 => return Err("say `to`, `zero` or `trim`"),
            1 => {}
            _ => return Err("`to`, `zero` and `trim` exclude each other"),
        }
        let labels = !self.truths.is_empty() || !self.lies.is_empty();
        if labels && self.to != Some(To::Boolean) {
            return Err("`true` and `false` belong to `to: boolean`");
        }
        if self.invalid == Some(Invalid::String) && !matches!(self.to, Some(To::Json | To::Jsonb)) {
            return Err("`invalid: string` belongs to `to: json` and `to: jsonb`");
        }
        if self.invalid.is_some() && self.to.is_none() {
            return Err("`invalid` belongs to `to`");
        }
        Ok(())
    }
}
