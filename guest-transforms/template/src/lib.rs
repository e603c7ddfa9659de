//! `@NAME@`: writes text columns in lower case, without white space around it.

use chameleon_transform_sdk::prelude::*;

/// What stands below `config` in the configuration.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    columns: Vec<ColumnName>,
}

/// The transform.
pub struct Transformer {
    config: Config,
}

impl Transform for Transformer {
    const NAME: &'static str = "@NAME@";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    /// What is kept for a table: here its columns that are made anew.
    type Table = Vec<Output>;

    fn config_schema() -> Option<&'static str> {
        Some(
            r#"{
  "type": "object",
  "required": ["columns"],
  "additionalProperties": false,
  "properties": {"columns": {"type": "array", "items": {"type": "string"}}}
}"#,
        )
    }

    fn new(config: Config) -> Result<Self, Error> {
        Ok(Transformer { config })
    }

    /// Called for each version of each table: at start, and after each DDL.
    fn plan(&self, table: &Table) -> Result<Plan<Vec<Output>>, Error> {
        let mut plan = Planner::new(table);
        let mut outputs = Vec::new();
        for name in &self.config.columns {
            // None: the name is for another table, such as `other.email`.
            let Some(column) = table.select(name)? else {
                continue;
            };
            if !column.is_text() {
                let message = format!("`{}` of {table} is no text", column.name);
                return Err(Error::schema(message).at_column(column.index));
            }
            let output = plan.replace(&column.name)?;
            // Text that is none in its character set stays as it is. Without this its row is rejected.
            plan.set_odd(output, Odd::Keep);
            outputs.push(output);
        }
        if outputs.is_empty() {
            return Ok(Plan::pass());
        }
        plan.apply(outputs)
    }

    /// Called for each batch of rows of a table.
    fn transform(&self, outputs: &Vec<Output>, rows: &mut Rows<'_>) -> Result<(), Error> {
        rows.each_image(|row| {
            for output in outputs {
                // NULL and absent columns stay what they are.
                if let Some(text) = row.text(*output) {
                    row.set(*output, &text.trim().to_lowercase());
                }
            }
            Ok(())
        })
    }
}

chameleon_transform_sdk::export!(Transformer);

#[cfg(test)]
mod tests {
    use chameleon_transform_sdk::testing::{Change, Datum, TestTable, Tester};

    use super::*;

    fn customer() -> TestTable {
        TestTable::new("shop", "customer")
            .key("id", "int")
            .column("email", "varchar(100)")
    }

    #[test]
    fn text_is_written_in_lower_case() {
        let mut tester = Tester::<Transformer>::new(r#"{"columns": ["email"]}"#).unwrap();
        tester.plan(&customer()).unwrap();
        let rows = tester
            .run(&[
                Change::insert([("id", 1.into()), ("email", " Ann@Example.org".into())]),
                Change::insert([("id", 2.into()), ("email", Datum::Null)]),
            ])
            .unwrap();
        assert_eq!(rows[0].after("email"), &"ann@example.org".into());
        assert_eq!(rows[1].after("email"), &Datum::Null);
    }

    #[test]
    fn an_unknown_column_is_named() {
        let mut tester = Tester::<Transformer>::new(r#"{"columns": ["emial"]}"#).unwrap();
        let error = tester.plan(&customer()).unwrap_err();
        assert!(error.message.contains("did you mean `email`?"));
    }
}
