//! `cast`: gives columns other types at the target: `tinyint(1)` and yes/no labels become booleans, text becomes JSON,
//! dates that are none become NULL or a date, text is trimmed.
//!
//! A value that cannot be cast is never made up: it is rejected, or becomes what the configuration says.

mod config;
mod json;
mod plan;

use chameleon_transform_sdk::prelude::*;

use config::{Config, Invalid, Side};
use plan::{Action, Cast as Casting};

/// The transform.
pub struct Cast {
    config: Config,
}

impl Transform for Cast {
    const NAME: &'static str = "cast";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Vec<Casting>;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Cast { config })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Vec<Casting>>, Error> {
        let mut plan = Planner::new(table);
        let casts = plan::casts(&self.config, table, &mut plan)?;
        if casts.is_empty() {
            return Ok(Plan::pass());
        }
        plan.apply(casts)
    }

    fn transform(&self, casts: &Vec<Casting>, rows: &mut Rows<'_>) -> Result<(), Error> {
        // Columns as a whole first: those that may reject a row are done row by row after them.
        for cast in casts {
            if let Action::Trim { side, empty_null } = &cast.action {
                trim(rows, cast.output, *side, *empty_null)?;
            }
        }
        rows.each_image(|row| {
            for cast in casts {
                match &cast.action {
                    // Done, or done by the plan's word on odd values.
                    Action::Trim { .. } | Action::Dates => {}
                    Action::Truth => set_truth(row, cast.output),
                    Action::Labels(labels) => {
                        let value = row.get(cast.output);
                        let truth = match value {
                            Value::Text(text) => labels.truth(text),
                            Value::Uint(index) => labels.truth_of_label(index),
                            Value::Null | Value::Absent => {
                                row.set(cast.output, value);
                                continue;
                            }
                            _ => None,
                        };
                        match truth {
                            Some(truth) => row.set(cast.output, truth),
                            None => invalid(row, cast, "is neither true nor false"),
                        }
                    }
                    Action::Json { binary } => match row.get(cast.output) {
                        Value::Text(text) if json::is_valid(text, *binary) => {
                            row.set(cast.output, text);
                        }
                        value @ (Value::Null | Value::Absent) => row.set(cast.output, value),
                        _ => invalid(row, cast, "is no JSON"),
                    },
                }
            }
            Ok(())
        })
    }
}

/// As the source sees it: all but zero is true.
fn set_truth(row: &mut Row<'_, '_>, output: Output) {
    let value = match row.get(output) {
        Value::Int(number) => Value::Int(i64::from(number != 0)),
        Value::Uint(number) => Value::Int(i64::from(number != 0)),
        other => other,
    };
    row.set(output, value);
}

fn invalid(row: &mut Row<'_, '_>, cast: &Casting, what: &str) {
    match (cast.invalid, row.get(cast.output)) {
        (Invalid::Null, _) => row.set(cast.output, Value::Null),
        (Invalid::String, Value::Text(text)) => row.set(cast.output, &json::quote(text)),
        _ => {
            row.set(cast.output, Value::Null);
            row.reject(format!("`{}` {what}", cast.name));
        }
    }
}

fn trim(rows: &mut Rows<'_>, output: Output, side: Side, empty_null: bool) -> Result<(), Error> {
    let trimmed = |text| -> &str {
        match side {
            Side::Left => str::trim_start(text),
            Side::Right => str::trim_end(text),
            Side::Both => str::trim(text),
            Side::None => text,
        }
    };
    if !empty_null {
        return rows.map_text(output, |text, out| out.push_str(trimmed(text)));
    }
    rows.compute(output, |input, output| {
        for row in 0..input.len() {
            match input.get(row) {
                Value::Text(text) => match trimmed(text) {
                    "" => output.push(Value::Null),
                    text => output.push(text),
                },
                other => output.push(other),
            }
        }
        Ok(())
    })
}

chameleon_transform_sdk::export!(Cast);
