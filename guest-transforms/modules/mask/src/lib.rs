//! `mask`: makes columns unreadable before they reach the relay or the target.
//!
//! What is masked: every value of the columns, in every image that goes on, also values that the type cannot hold. NULL
//! stays NULL. What is refused: a column of the key, since masked keys would meet; a column that is not there; a way
//! of masking that the type has no value for. A table that does not fit the configuration is held, not copied open.

mod config;
mod constant;
mod text;

use chameleon_transform_sdk::prelude::*;

use config::{Config, How, Rule};
use constant::Constant;
use text::{Email, Partial};

/// The transform.
pub struct Mask {
    config: Config,
}

/// How the columns of one table are masked.
pub struct Masked(Vec<(Output, Action)>);

enum Action {
    Constant(Constant),
    Null,
    Partial(Partial),
    Email(Email),
}

impl Transform for Mask {
    const NAME: &'static str = "mask";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Masked;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Mask { config })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Masked>, Error> {
        let mut plan = Planner::new(table);
        let mut masked = Vec::new();
        for ColumnRule(rule) in &self.config.columns {
            if let Some(column) = table.select(&rule.column)? {
                masked.push(plan_column(
                    &mut plan,
                    table,
                    column,
                    rule,
                    self.config.how,
                )?);
            }
        }
        if masked.is_empty() {
            return Ok(Plan::pass());
        }
        plan.warn_of_generated();
        plan.apply(Masked(masked))
    }

    fn transform(&self, Masked(columns): &Masked, rows: &mut Rows<'_>) -> Result<(), Error> {
        for (output, action) in columns {
            match action {
                Action::Constant(Constant::Text(text)) => {
                    rows.map_text(*output, |_, out| out.push_str(text))?;
                }
                Action::Constant(constant) => rows.fill_with(*output, constant.value())?,
                Action::Null => rows.fill_with(*output, Value::Null)?,
                Action::Partial(partial) => {
                    rows.map_text(*output, |text, out| partial.write(text, out))?;
                }
                Action::Email(email) => {
                    rows.map_text(*output, |text, out| email.write(text, out))?;
                }
            }
        }
        Ok(())
    }
}

fn plan_column(
    plan: &mut Planner,
    table: &Table,
    column: &Column,
    rule: &Rule,
    default: How,
) -> Result<(Output, Action), Error> {
    let name = &column.name;
    let refuse = |what: String| Err(Error::schema(what).at_column(column.index));
    if column.key > 0 {
        return refuse(format!(
            "`{name}` is part of the key of {table}: masked rows could not be told apart; use `pseudonymize`"
        ));
    }
    let output = plan.replace(name)?;
    let how = rule.how.unwrap_or(default);
    if how == How::Null {
        plan.set_nullable(output, true);
        plan.set_odd(output, Odd::Null);
        return Ok((output, Action::Null));
    }
    let constant = Constant::of(column, rule.with.as_ref())?;
    plan.set_odd(output, constant.odd());
    if matches!(how, How::Partial | How::Email) && !column.is_text() {
        let how = how.word();
        return refuse(format!(
            "`{name}` of {table} is {}, and `{how}` is for text",
            column.ty.declared
        ));
    }
    let action = match how {
        How::Partial => Action::Partial(Partial {
            first: rule.keep_first.unwrap_or(0),
            last: rule.keep_last.unwrap_or(4),
        }),
        How::Email => Action::Email(Email::new(
            rule.keep_domain.unwrap_or(true),
            column.limit(),
            constant.text(),
        )),
        How::Redact | How::Null => Action::Constant(constant),
    };
    Ok((output, action))
}

chameleon_transform_sdk::export!(Mask);
