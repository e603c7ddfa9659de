//! Which columns of a table are cast, and how.

use chameleon_transform_sdk::{Odd, calendar, prelude::*};

use crate::config::{Config, Empty, Invalid, Rule, Side, To};

/// How one column is cast.
pub struct Cast {
    pub(crate) output: Output,
    pub(crate) name: String,
    pub(crate) action: Action,
    pub(crate) invalid: Invalid,
}

pub(crate) enum Action {
    /// Zero is false.
    Truth,
    /// Labels are true or false.
    Labels(Labels),
    Json {
        binary: bool,
    },
    /// All is said by the plan.
    Dates,
    Trim {
        side: Side,
        empty_null: bool,
    },
}

pub(crate) struct Labels {
    truths: Vec<String>,
    lies: Vec<String>,
    /// Of an enum.
    labels: Vec<String>,
}

impl Labels {
    pub(crate) fn truth(&self, text: &str) -> Option<bool> {
        let is = |list: &[String]| list.iter().any(|label| label.eq_ignore_ascii_case(text));
        match (is(&self.truths), is(&self.lies)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            // With one list alone, all else is the other.
            _ if self.lies.is_empty() => Some(false),
            _ if self.truths.is_empty() => Some(true),
            _ => None,
        }
    }

    pub(crate) fn truth_of_label(&self, index: u64) -> Option<bool> {
        let place = usize::try_from(index).ok()?.checked_sub(1)?;
        self.truth(self.labels.get(place)?)
    }
}

/// Plans all casts of a table: columns with a rule of their own, then those that are cast for their type.
pub(crate) fn casts(
    config: &Config,
    table: &Table,
    plan: &mut Planner,
) -> Result<Vec<Cast>, Error> {
    let mut casts = Vec::new();
    let mut own = Vec::new();
    for rule in &config.columns {
        if let Some(column) = table.select(&rule.column)? {
            own.push(column.index);
            casts.push(by_rule(plan, table, column, rule)?);
        }
    }
    for column in table
        .columns
        .iter()
        .filter(|column| !own.contains(&column.index))
    {
        casts.extend(by_type(config, plan, table, column)?);
    }
    Ok(casts)
}

fn by_type(
    config: &Config,
    plan: &mut Planner,
    table: &Table,
    column: &Column,
) -> Result<Option<Cast>, Error> {
    if config.tinyint1_to_boolean && is_tinyint1(column) {
        return truth(plan, column, Action::Truth, Invalid::Reject).map(Some);
    }
    if let Some(zero) = config.zero_dates.as_deref().filter(|_| may_be_zero(column)) {
        // A date cannot be NULL in a key; there it is rejected.
        let zero = if zero == "null" && column.key > 0 {
            "reject"
        } else {
            zero
        };
        return dates(plan, table, column, zero).map(Some);
    }
    let side = config
        .trim
        .filter(|side| *side != Side::None && column.is_text());
    side.map(|side| trim(plan, column, side, false)).transpose()
}

fn by_rule(plan: &mut Planner, table: &Table, column: &Column, rule: &Rule) -> Result<Cast, Error> {
    let invalid = rule.invalid.unwrap_or_default();
    if invalid == Invalid::Null && column.key > 0 {
        return Err(misfit(column, "it is part of the key, which is never NULL"));
    }
    if let Some(zero) = &rule.zero {
        if !may_be_zero(column) {
            return Err(misfit(column, "`zero` is for date, datetime and timestamp"));
        }
        return dates(plan, table, column, zero);
    }
    match rule.to {
        Some(To::Boolean) => boolean(plan, column, rule, invalid),
        Some(to) => {
            if !column.is_text() && column.ty.kind != TypeKind::Json {
                return Err(misfit(column, "`json` is for text"));
            }
            let output = plan.replace(&column.name)?;
            let binary = to == To::Jsonb;
            plan.set_type(output, Form::Texts, if binary { "jsonb" } else { "json" });
            plan.set_nullable(output, column.nullable || invalid == Invalid::Null);
            if invalid == Invalid::String {
                // A quoted text is longer than the text.
                plan.set_unbound(output);
            }
            Ok(Cast {
                output,
                name: column.name.clone(),
                action: Action::Json { binary },
                invalid,
            })
        }
        None => {
            let side = rule.trim.unwrap_or(Side::None);
            if !column.is_text() {
                return Err(misfit(column, "`trim` and `empty` are for text"));
            }
            let empty_null = rule.empty == Some(Empty::Null);
            if empty_null && column.key > 0 {
                return Err(misfit(column, "it is part of the key, which is never NULL"));
            }
            trim(plan, column, side, empty_null)
        }
    }
}

fn boolean(
    plan: &mut Planner,
    column: &Column,
    rule: &Rule,
    invalid: Invalid,
) -> Result<Cast, Error> {
    let labelled = column.is_text() || column.ty.kind == TypeKind::Enum;
    let numeric =
        column.is_integer() || matches!(column.ty.kind, TypeKind::Boolean | TypeKind::Bit);
    if !labelled && !numeric {
        return Err(misfit(
            column,
            "`boolean` is for integers, bits, enums and text",
        ));
    }
    let lists = !rule.truths.is_empty() || !rule.lies.is_empty();
    if labelled && !lists {
        return Err(misfit(
            column,
            "say which texts are `true` and which are `false`",
        ));
    }
    if numeric && lists {
        return Err(misfit(
            column,
            "numbers need no `true` and `false`: zero is false",
        ));
    }
    let action = if labelled {
        Action::Labels(Labels {
            truths: rule.truths.clone(),
            lies: rule.lies.clone(),
            labels: column.ty.labels.clone(),
        })
    } else {
        Action::Truth
    };
    truth(plan, column, action, invalid)
}

fn truth(
    plan: &mut Planner,
    column: &Column,
    action: Action,
    invalid: Invalid,
) -> Result<Cast, Error> {
    let output = plan.replace(&column.name)?;
    let form = match action {
        Action::Truth => column.form(),
        _ => Form::Ints,
    };
    plan.set_type(output, form, "boolean");
    plan.set_nullable(output, column.nullable || invalid == Invalid::Null);
    Ok(Cast {
        output,
        name: column.name.clone(),
        action,
        invalid,
    })
}

fn dates(plan: &mut Planner, table: &Table, column: &Column, zero: &str) -> Result<Cast, Error> {
    let output = plan.replace(&column.name)?;
    let odd = match zero {
        "null" if column.key > 0 => {
            let what = format!("it is part of the key of {table}, which is never NULL");
            return Err(misfit(column, &what));
        }
        "null" => Odd::Null,
        "reject" => Odd::Reject,
        text => {
            let number = if column.ty.kind == TypeKind::Date {
                calendar::parse_date(text).map(i64::from)
            } else {
                calendar::parse_datetime(text)
            };
            let wrong = || misfit(column, "a zero date becomes `null`, `reject` or a date");
            Odd::Number(number.ok_or_else(wrong)?)
        }
    };
    plan.set_odd(output, odd);
    Ok(Cast {
        output,
        name: column.name.clone(),
        action: Action::Dates,
        invalid: Invalid::Reject,
    })
}

fn trim(plan: &mut Planner, column: &Column, side: Side, empty_null: bool) -> Result<Cast, Error> {
    let output = plan.replace(&column.name)?;
    // Broken text is the host's affair as before.
    plan.set_odd(output, Odd::Keep);
    plan.set_nullable(output, column.nullable || empty_null);
    Ok(Cast {
        output,
        name: column.name.clone(),
        action: Action::Trim { side, empty_null },
        invalid: Invalid::Reject,
    })
}

/// MySQL's way to declare a truth value; `tinyint(1) unsigned` is none.
fn is_tinyint1(column: &Column) -> bool {
    let declared = column.ty.declared.to_ascii_lowercase();
    column.ty.kind == TypeKind::Tinyint && !column.ty.unsigned && declared.starts_with("tinyint(1)")
}

fn may_be_zero(column: &Column) -> bool {
    matches!(
        column.ty.kind,
        TypeKind::Date | TypeKind::Datetime | TypeKind::Timestamp
    )
}

fn misfit(column: &Column, what: &str) -> Error {
    let message = format!("`{}` is {}: {what}", column.name, column.ty.declared);
    Error::schema(message).at_column(column.index)
}
