//! `pseudonymize`: replaces values by keyed pseudonyms, the same value always by the same one, so that rows still join.
//!
//! The key stays in the host: this module only hands values over to be hashed. NULL stays NULL and empty text stays
//! empty. What is refused: a column that is not there, a type that no pseudonym fits, and a column too narrow for
//! pseudonyms that would not meet.

mod config;
mod digits;
mod shape;

use chameleon_transform_sdk::{ColumnIn, Odd, host, prelude::*};

use config::Config;
use shape::Shape;

/// The transform.
pub struct Pseudonymize {
    config: Config,
}

/// What becomes of the columns of one table.
pub struct Chosen(Vec<(Output, Shape)>);

impl Transform for Pseudonymize {
    const NAME: &'static str = "pseudonymize";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Chosen;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        // A key that the host does not know is told now, not at the first row.
        let mut probe = host::Pool::default();
        probe.push(&[b"probe"]);
        host::hmac_sha256(&config.secret, &probe)?;
        Ok(Pseudonymize { config })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Chosen>, Error> {
        let mut plan = Planner::new(table);
        let mut chosen = Vec::new();
        for ColumnRule(rule) in &self.config.columns {
            let Some(column) = table.select(&rule.column)? else {
                continue;
            };
            let shape = Shape::of(column, rule)?;
            let output = plan.replace(&column.name)?;
            // Never taken: `make` hashes such values too.
            plan.set_odd(output, Odd::Reject);
            chosen.push((output, shape));
        }
        if chosen.is_empty() {
            return Ok(Plan::pass());
        }
        plan.warn_of_generated();
        plan.apply(Chosen(chosen))
    }

    fn transform(&self, Chosen(columns): &Chosen, rows: &mut Rows<'_>) -> Result<(), Error> {
        for (output, shape) in columns {
            rows.compute(*output, |input, output| {
                let made = shape.make(&self.config.secret, input)?;
                let mut made = made.iter();
                for row in 0..input.len() {
                    match input.get(row) {
                        value @ (Value::Null | Value::Absent | Value::Text("")) => {
                            output.push(value);
                        }
                        _ => match made.next() {
                            Some(pseudonym) => output.push(pseudonym.value()),
                            None => return Err(Error::fatal("a pseudonym is missing")),
                        },
                    }
                }
                Ok(())
            })?;
        }
        Ok(())
    }
}

/// The values of a column that pseudonyms are made for, in row order.
fn values<'b>(input: ColumnIn<'b>) -> impl Iterator<Item = Value<'b>> {
    (0..input.len())
        .map(move |row| input.get(row))
        .filter(|value| !matches!(value, Value::Null | Value::Absent | Value::Text("")))
}

chameleon_transform_sdk::export!(Pseudonymize);
