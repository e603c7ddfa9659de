//! `route`: renames schemas, tables and columns, merges sharded tables into one, and sends rows to tables by a column's
//! value.
//!
//! The first rule whose pattern fits a table is used; a table that none fits passes as it is. Merged rows get a column
//! that says which shard they come from; it becomes the first part of the key, so that equal keys of two shards do not
//! meet.

mod config;
mod pattern;

use chameleon_transform_sdk::prelude::*;

use config::{Config, Rule, ShardType};

/// The transform.
pub struct Route {
    config: Config,
}

/// What is done with one table.
#[derive(Debug)]
pub struct Routed {
    shard: Option<(Output, Shard)>,
    split: Option<Split>,
}

#[derive(Debug, PartialEq, Eq)]
enum Shard {
    Text(String),
    Number(i64),
}

/// Which rows go where.
#[derive(Debug)]
struct Split {
    input: Input,
    /// Values as text, with their routes.
    routes: Vec<(String, u16)>,
    /// Where all others go; none: they are left out.
    other: Option<u16>,
    is_enum: bool,
}

impl Transform for Route {
    const NAME: &'static str = "route";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    type Config = Config;
    type Table = Routed;

    fn config_schema() -> Option<&'static str> {
        Some(include_str!("../config.schema.json"))
    }

    fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Route { config })
    }

    fn plan(&self, table: &Table) -> Result<Plan<Routed>, Error> {
        for rule in &self.config.rules {
            if let Some(star) = rule.from.match_table(&table.schema, &table.name) {
                return plan_rule(rule, table, star);
            }
        }
        Ok(Plan::pass())
    }

    fn transform(&self, routed: &Routed, rows: &mut Rows<'_>) -> Result<(), Error> {
        if let Some((output, shard)) = &routed.shard {
            let value = match shard {
                Shard::Text(text) => Value::Text(text),
                Shard::Number(number) => Value::Int(*number),
            };
            rows.compute(*output, |input, output| {
                for row in 0..input.len() {
                    output.push(if input.has(row) { value } else { Value::Absent });
                }
                Ok(())
            })?;
        }
        match &routed.split {
            Some(split) => rows.each(|row| split.send(row)),
            None => Ok(()),
        }
    }
}

fn plan_rule(rule: &Rule, table: &Table, star: Option<&str>) -> Result<Plan<Routed>, Error> {
    let mut plan = Planner::new(table);
    for name in &rule.drop {
        plan.drop_column(name)?;
    }
    // All renamed columns first get out of the way, so that two may exchange their names.
    for name in rule.columns.keys() {
        let aside = format!("\u{1}{name}");
        plan.rename(name, &aside)?;
    }
    for (name, new_name) in &rule.columns {
        plan.rename(name, new_name)?;
    }
    let shard = plan_shard(rule, table, star, &mut plan)?;
    let schema = rule.schema.as_deref().unwrap_or(&table.schema);
    let name = rule.table.as_deref().unwrap_or(&table.name);
    let split = match &rule.split {
        None => {
            plan.route(schema, name);
            None
        }
        Some(split) => {
            let column = table.column(&split.column)?;
            let mut tables: Vec<&String> = Vec::new();
            for to in split.other.iter().chain(split.tables.values()) {
                if !tables.contains(&to) {
                    plan.route(schema, to);
                    tables.push(to);
                }
            }
            let route = |to: &String| {
                let place = tables.iter().position(|known| *known == to);
                place
                    .and_then(|place| u16::try_from(place).ok())
                    .unwrap_or_default()
            };
            let other = split.other.as_ref().map(route);
            let routes = split
                .tables
                .iter()
                .map(|(value, to)| (value.clone(), route(to)));
            let routes: Vec<(String, u16)> = routes.collect();
            check_values(column, &routes)?;
            Some(Split {
                input: plan.read_both(&column.name)?,
                routes,
                other,
                is_enum: column.ty.kind == TypeKind::Enum,
            })
        }
    };
    plan.apply(Routed { shard, split })
}

fn plan_shard(
    rule: &Rule,
    table: &Table,
    star: Option<&str>,
    plan: &mut Planner,
) -> Result<Option<(Output, Shard)>, Error> {
    let Some(shard) = &rule.shard else {
        return Ok(None);
    };
    let text = shard.value.as_deref().or(star).unwrap_or_default();
    let (form, pg_type, value) = match shard.ty {
        ShardType::Text => (Form::Texts, "text", Shard::Text(text.to_owned())),
        ShardType::Integer => (Form::Ints, "integer", Shard::Number(number(text, table)?)),
        ShardType::Bigint => (Form::Ints, "bigint", Shard::Number(number(text, table)?)),
    };
    let output = plan.add(&shard.column, form, pg_type)?;
    plan.set_nullable(output, false);
    let key = table.key();
    if !key.is_empty() {
        let new_name = |column: &Column| {
            let mut renamed = rule.columns.iter();
            let found = renamed.find(|(old, _)| old.eq_ignore_ascii_case(&column.name));
            found.map_or_else(|| column.name.clone(), |(_, new)| new.clone())
        };
        let names = std::iter::once(shard.column.clone());
        plan.key(names.chain(key.into_iter().map(new_name)));
    }
    Ok(Some((output, value)))
}

fn number(text: &str, table: &Table) -> Result<i64, Error> {
    text.parse().map_err(|_| {
        Error::schema(format!(
            "{table}: its shard `{text}` is no number; say `type: text`, or another `value`"
        ))
    })
}

/// Can the column hold these values?
fn check_values(column: &Column, routes: &[(String, u16)]) -> Result<(), Error> {
    let refuse = |what: String| {
        let message = format!(
            "`split` by `{}`, which is {}: {what}",
            column.name, column.ty.declared
        );
        Err(Error::schema(message).at_column(column.index))
    };
    let labels = &column.ty.labels;
    match column.ty.kind {
        TypeKind::Enum => match routes.iter().find(|(value, _)| !labels.contains(value)) {
            Some((value, _)) => refuse(format!("there is no label `{value}`")),
            None => Ok(()),
        },
        TypeKind::Boolean | TypeKind::Year => Ok(()),
        _ if column.is_text() || column.ty.kind == TypeKind::Uuid => Ok(()),
        _ if column.is_integer() => {
            match routes
                .iter()
                .find(|(value, _)| value.parse::<i128>().is_err())
            {
                Some((value, _)) => refuse(format!("`{value}` is no integer")),
                None => Ok(()),
            }
        }
        _ => refuse("only text, integers and enums can be split by".into()),
    }
}

impl Split {
    fn send(&self, row: &mut Row<'_, '_>) -> Result<(), Error> {
        let new = |row: &Row<'_, '_>| self.route(row, row.get(self.input));
        let old = |row: &Row<'_, '_>| self.route(row, row.before(self.input));
        match row.op() {
            Op::Insert | Op::Refresh => match new(row)? {
                Some(route) => row.route(route),
                None => row.drop_row(),
            },
            Op::Delete => match old(row)? {
                Some(route) => row.route(route),
                None => row.drop_row(),
            },
            Op::Update => match (old(row)?, new(row)?) {
                (Some(old), Some(new)) => {
                    row.route(new);
                    if old != new {
                        row.route_before(old);
                    }
                }
                (Some(old), None) => {
                    row.route(old);
                    row.leave();
                }
                (None, Some(new)) => {
                    row.route(new);
                    row.enter();
                }
                (None, None) => row.drop_row(),
            },
        }
        Ok(())
    }

    fn route(&self, row: &Row<'_, '_>, value: Value<'_>) -> Result<Option<u16>, Error> {
        let find = |text: &str| {
            let found = self.routes.iter().find(|(value, _)| value == text);
            found.map(|(_, route)| *route).or(self.other)
        };
        Ok(match value {
            Value::Absent => {
                return Err(Error::data(
                    "the column of `split` was not logged: the source needs binlog_row_image=FULL",
                ));
            }
            Value::Text(text) => find(text),
            Value::Int(number) => find(&number.to_string()),
            Value::Uint(index) if self.is_enum => {
                row.label_of(self.input, index).map_or(self.other, find)
            }
            Value::Uint(number) => find(&number.to_string()),
            _ => self.other,
        })
    }
}

chameleon_transform_sdk::export!(Route);
