//! Names of tables with a `*` for any text: `orders`, `orders_*`, `shop_*.orders`.

use serde::{Deserialize, Deserializer, de::Error};

/// A pattern for tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    text: String,
}

impl Pattern {
    /// As it stands in the configuration.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn has_star(&self) -> bool {
        self.text.contains('*')
    }

    /// Does the table fit? And what does the star stand for?
    pub(crate) fn match_table<'t>(
        &self,
        schema: &'t str,
        table: &'t str,
    ) -> Option<Option<&'t str>> {
        match self.text.split_once('.') {
            None => match_name(&self.text, table),
            Some((of_schema, of_table)) => {
                let schema = match_name(of_schema, schema)?;
                let table = match_name(of_table, table)?;
                Some(schema.or(table))
            }
        }
    }
}

fn match_name<'t>(pattern: &str, name: &'t str) -> Option<Option<&'t str>> {
    let Some((head, tail)) = pattern.split_once('*') else {
        return (pattern == name).then_some(None);
    };
    let rest = name.strip_prefix(head)?;
    rest.strip_suffix(tail).map(Some)
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let stars = text.matches('*').count();
        let dots = text.matches('.').count();
        let empty = text.split('.').any(str::is_empty);
        if stars > 1 || dots > 1 || empty {
            return Err(D::Error::custom(format!(
                "`{text}` is no `table` or `schema.table` with one `*` at most"
            )));
        }
        Ok(Pattern { text })
    }
}
