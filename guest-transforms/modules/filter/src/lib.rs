//! `filter`: replicates the rows that an expression over their columns holds for.
//!
//! An update may take a row out of the set or bring it in: both images are looked at, and the row is deleted or inserted
//! at the target. A delete of a row that was never in the set is left out. As in SQL an expression may be unknown
//! (NULL); such a row is not in the set. Row images must be full: where a column that the expression looks at was not
//! logged, the row fails and is never guessed.

mod bind;
mod decimal;
mod eval;
mod lexer;
mod parser;
mod pattern;
#[cfg(test)]
mod tests;

use chameleon_transform_sdk::prelude::*;
use serde::Deserialize;

use bind::Node;
use parser::Expression;

/// The configuration of `filter`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The expression, as after WHERE.
    #[serde(rename = "where")]
    condition: String,
}

/// The transform.
pub struct Filter {
    expression: Expression,
}

impl Transform for Filter {
    const NAME: &'static str = "filter";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Node;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        let expression = parser::parse(&config.condition)
            .map_err(|fault| Error::config(fault.render(&config.condition)))?;
        Ok(Filter { expression })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Node>, Error> {
        let mut plan = Planner::new(table);
        let node = bind::bind(&self.expression, table, &mut plan)?;
        plan.apply(node)
    }

    fn transform(&self, node: &Node, rows: &mut Rows<'_>) -> Result<(), Error> {
        rows.each(|row| {
            let holds =
                |image: Image| eval::eval(node, row, image).map(|truth| truth == Some(true));
            match row.op() {
                Op::Insert | Op::Refresh => {
                    if !holds(Image::After)? {
                        row.drop_row();
                    }
                }
                Op::Delete => {
                    if !holds(Image::Before)? {
                        row.drop_row();
                    }
                }
                Op::Update => match (holds(Image::Before)?, holds(Image::After)?) {
                    (true, true) => {}
                    (true, false) => row.leave(),
                    (false, true) => row.enter(),
                    (false, false) => row.drop_row(),
                },
            }
            Ok(())
        })
    }
}

chameleon_transform_sdk::export!(Filter);
