//! What stands below `config`.

use chameleon_transform_sdk::prelude::*;
use serde::Deserialize;

/// The configuration of `pseudonymize`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The name of the key, below `secrets` of the host's configuration.
    pub(crate) secret: String,
    /// The columns.
    pub(crate) columns: Vec<ColumnRule<Rule>>,
}

/// One column.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) column: ColumnName,
    /// What pseudonyms look like; by the column's type where it is not said.
    #[serde(rename = "as")]
    pub(crate) look: Option<Look>,
    /// The domain of `email`.
    pub(crate) domain: Option<String>,
    /// Keeps the address's own domain.
    pub(crate) keep_domain: Option<bool>,
    /// Upper and lower case make no difference.
    pub(crate) fold_case: Option<bool>,
}

/// What pseudonyms look like.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Look {
    /// 32 hexadecimal digits.
    Hex,
    /// An e-mail address.
    Email,
    /// Other digits at the places of digits.
    Digits,
    /// A UUID.
    Uuid,
    /// 32 bytes.
    Bytes,
}

impl From<ColumnName> for Rule {
    fn from(column: ColumnName) -> Self {
        Rule {
            column,
            look: None,
            domain: None,
            keep_domain: None,
            fold_case: None,
        }
    }
}

impl Config {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.columns.is_empty() {
            return Err(Error::config(
                "`columns` is empty: name at least one column",
            ));
        }
        for ColumnRule(rule) in &self.columns {
            let email = rule.look == Some(Look::Email);
            let domain = rule.domain.is_some();
            if !email && (domain || rule.keep_domain.is_some()) {
                let message = format!(
                    "`domain` and `keep_domain` of `{}` have no use without `as: email`",
                    rule.column
                );
                return Err(Error::config(message));
            }
            if domain && rule.keep_domain == Some(true) {
                let message = format!("`{}` has a `domain` and keeps its own", rule.column);
                return Err(Error::config(message));
            }
        }
        Ok(())
    }
}
