//! The host's checks on plans and results. The messages are for the author of the transform.

use super::column::slice;
use crate::{
    ColumnType, Form, Op, TypeKind, bindings::chameleon::transform::types as wit, table::form_of,
    value::state,
};

type Checked = Result<(), String>;

/// Is the plan one that the host accepts?
pub(super) fn plan(plan: &wit::TablePlan, table: &wit::Table) -> Checked {
    let count = table.columns.len();
    for index in plan.read_after.iter().chain(&plan.read_before) {
        ensure((*index as usize) < count, || {
            format!("it reads column {index} of {count}")
        })?;
    }
    ensure(!plan.columns.is_empty(), || "it has no column".into())?;
    ensure(!plan.routes.is_empty(), || "it has no route".into())?;
    for (place, column) in plan.columns.iter().enumerate() {
        let name = &column.name;
        ensure(!name.is_empty(), || format!("column {place} has no name"))?;
        let twice = plan.columns[..place]
            .iter()
            .any(|other| other.name == *name);
        ensure(!twice, || format!("`{name}` is there twice"))?;
        if let wit::ColumnSource::Input(index) | wit::ColumnSource::Replaced(index) = column.source
        {
            ensure((index as usize) < count, || {
                format!("`{name}` comes from column {index} of {count}")
            })?;
        }
    }
    for name in plan.key.iter().flatten() {
        let column = plan.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| format!("`{name}` is in the key, but no column"))?;
        ensure(!column.nullable, || {
            format!("`{name}` is in the key and may be NULL")
        })?;
    }
    let made = plan
        .columns
        .iter()
        .any(|column| !matches!(column.source, wit::ColumnSource::Input(_)));
    let new = wit::OpSet::INSERT
        .union(wit::OpSet::UPDATE)
        .union(wit::OpSet::REFRESH);
    let hidden = made && plan.other_ops == wit::OtherOps::Pass && !plan.ops.contains(new);
    ensure(!hidden, || {
        "it makes columns, and lets new rows pass unseen".into()
    })
}

/// The names of the key's columns at the target; empty: the whole row is the key.
pub(super) fn key_names(plan: &wit::TablePlan, table: &wit::Table) -> Vec<String> {
    if let Some(key) = &plan.key {
        return key.clone();
    }
    let mut key: Vec<_> = (0_u32..)
        .zip(&table.columns)
        .filter(|(_, c)| c.key > 0)
        .collect();
    key.sort_by_key(|(_, column)| column.key);
    key.iter()
        .filter_map(|(index, _)| {
            let from = |source: &wit::ColumnSource| {
                matches!(source, wit::ColumnSource::Input(i) | wit::ColumnSource::Replaced(i) if i == index)
            };
            plan.columns.iter().find(|column| from(&column.source)).map(|column| column.name.clone())
        })
        .collect()
}

/// Is the result one that the host accepts for these rows?
pub(super) fn result(
    result: &wit::ResultBatch,
    plan: &wit::TablePlan,
    table: &wit::Table,
    ops: &[Op],
) -> Checked {
    let rows = ops.len();
    verdicts(result, ops)?;
    for (name, routes) in [
        ("routes", &result.routes),
        ("before-routes", &result.before_routes),
    ] {
        ensure(routes.is_empty() || routes.len() == rows, || {
            format!("{} {name} for {rows} rows", routes.len())
        })?;
        let wild = routes
            .iter()
            .find(|route| usize::from(**route) >= plan.routes.len());
        ensure(wild.is_none(), || {
            format!(
                "{name}: the plan has no route {}",
                wild.copied().unwrap_or_default()
            )
        })?;
    }
    let goes_on = |row: usize, after: bool| match result.verdicts.get(row) {
        None | Some(0) => true,
        Some(3) => !after,
        Some(4) => after,
        Some(_) => false,
    };
    vectors(&result.after, plan, table, rows, |row| goes_on(row, true))?;
    vectors(&result.before, plan, table, rows, |row| goes_on(row, false))?;
    let key = key_names(plan, table);
    let has_before = ops.iter().any(|op| matches!(op, Op::Update | Op::Delete));
    for (index, column) in (0..).zip(&plan.columns) {
        let name = &column.name;
        if matches!(column.source, wit::ColumnSource::Input(_)) {
            continue;
        }
        let given = |vectors: &[wit::Vector]| vectors.iter().any(|vector| vector.column == index);
        ensure(given(&result.after), || format!("there is no `{name}`"))?;
        if has_before && (key.is_empty() || key.contains(name)) {
            ensure(given(&result.before), || {
                format!("there is no `{name}` of the old image")
            })?;
        }
    }
    Ok(())
}

fn verdicts(result: &wit::ResultBatch, ops: &[Op]) -> Checked {
    let (verdicts, rows) = (&result.verdicts, ops.len());
    ensure(verdicts.is_empty() || verdicts.len() == rows, || {
        format!("{} verdicts for {rows} rows", verdicts.len())
    })?;
    for (row, verdict) in verdicts.iter().enumerate() {
        ensure(*verdict <= 4, || {
            format!("row {row}: there is no verdict {verdict}")
        })?;
        ensure(*verdict < 3 || ops[row] == Op::Update, || {
            format!("row {row}: leave or enter on {:?}", ops[row])
        })?;
        let reasons = result
            .rejects
            .iter()
            .filter(|reject| reject.row as usize == row)
            .count();
        ensure(reasons == usize::from(*verdict == 2), || {
            format!("row {row}: verdict {verdict} with {reasons} reasons")
        })?;
    }
    ensure(!verdicts.is_empty() || result.rejects.is_empty(), || {
        "reasons without verdicts".into()
    })
}

fn vectors(
    vectors: &[wit::Vector],
    plan: &wit::TablePlan,
    table: &wit::Table,
    rows: usize,
    goes_on: impl Fn(usize) -> bool,
) -> Checked {
    for (place, vector) in vectors.iter().enumerate() {
        let index = vector.column as usize;
        let column = plan
            .columns
            .get(index)
            .ok_or_else(|| format!("there is no output column {index}"))?;
        let name = &column.name;
        let twice = vectors[..place]
            .iter()
            .any(|other| other.column == vector.column);
        ensure(!twice, || format!("`{name}` is there twice"))?;
        let ty = match column.source {
            wit::ColumnSource::Input(_) => return Err(format!("`{name}` passes, and has values")),
            wit::ColumnSource::Replaced(input) => Some(&table.columns[input as usize].ty),
            wit::ColumnSource::Computed(_) => None,
        };
        let form = match column.source {
            wit::ColumnSource::Computed(form) => form,
            _ => ty.map_or(Form::Blobs, form_of),
        };
        shape(vector, form, rows).map_err(|what| format!("`{name}`: {what}"))?;
        for row in (0..rows).filter(|row| goes_on(*row)) {
            let state = vector.states.get(row).copied().unwrap_or(state::VALUE);
            let null = state == state::NULL && !column.nullable;
            ensure(!null, || format!("`{name}`, row {row}: NULL"))?;
            if let (state::VALUE, Some(ty)) = (state, ty) {
                ensure(fits(vector, row, ty), || {
                    format!("`{name}`, row {row}: does not fit {}", ty.declared)
                })?;
            }
        }
    }
    Ok(())
}

fn shape(vector: &wit::Vector, form: Form, rows: usize) -> Checked {
    let (given, length) = match &vector.values {
        wit::Values::Ints(values) => (Form::Ints, values.len()),
        wit::Values::Uints(values) => (Form::Uints, values.len()),
        wit::Values::Floats(values) => (Form::Floats, values.len()),
        wit::Values::Days(values) => (Form::Days, values.len()),
        wit::Values::Micros(values) => (Form::Micros, values.len()),
        wit::Values::Texts(pool) => (Form::Texts, pool_length(pool)?),
        wit::Values::Blobs(pool) => (Form::Blobs, pool_length(pool)?),
    };
    ensure(given == form, || format!("{given:?} instead of {form:?}"))?;
    ensure(length == rows, || {
        format!("{length} values for {rows} rows")
    })?;
    let states = &vector.states;
    ensure(states.is_empty() || states.len() == rows, || {
        format!("{} states for {rows} rows", states.len())
    })?;
    ensure(states.iter().all(|state| *state <= state::ODD), || {
        "an unknown state".into()
    })?;
    if let wit::Values::Texts(pool) = &vector.values {
        let text = std::str::from_utf8(&pool.data).map_err(|_| "text that is no UTF-8")?;
        let whole = pool
            .ends
            .iter()
            .all(|end| text.is_char_boundary(*end as usize));
        ensure(whole, || "text that ends within a character".into())?;
    }
    let odd = states.iter().filter(|state| **state == state::ODD).count();
    let placed = vector
        .odd
        .iter()
        .all(|odd| states.get(odd.row as usize) == Some(&state::ODD));
    ensure(odd == vector.odd.len() && placed, || {
        "odd values without their states".into()
    })
}

fn pool_length(pool: &wit::Pool) -> Result<usize, String> {
    let last = pool.ends.last().map_or(0, |end| *end as usize);
    ensure(last == pool.data.len() && pool.ends.is_sorted(), || {
        "ends that are no ends".into()
    })?;
    Ok(pool.ends.len())
}

/// Does a value fit the source's type?
fn fits(vector: &wit::Vector, row: usize, ty: &ColumnType) -> bool {
    let length = ty.length as usize;
    match &vector.values {
        wit::Values::Ints(values) => {
            let bits = integer_bits(ty.kind);
            bits == 64 || (-(1_i64 << (bits - 1))..1_i64 << (bits - 1)).contains(&values[row])
        }
        wit::Values::Uints(values) => match ty.kind {
            TypeKind::Enum => values[row] <= ty.labels.len() as u64,
            TypeKind::Set => ty.labels.len() == 64 || values[row] >> ty.labels.len() == 0,
            TypeKind::Bit => ty.length >= 64 || values[row] >> ty.length == 0,
            kind => integer_bits(kind) == 64 || values[row] >> integer_bits(kind) == 0,
        },
        wit::Values::Texts(pool) => {
            let limited = matches!(ty.kind, TypeKind::Char | TypeKind::Varchar) && length > 0;
            let text = std::str::from_utf8(slice(pool, row)).unwrap_or_default();
            match ty.kind {
                TypeKind::Decimal => text.parse::<f64>().is_ok(),
                TypeKind::Json => serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
                _ => !limited || text.chars().count() <= length,
            }
        }
        wit::Values::Blobs(pool) => {
            let limited = matches!(ty.kind, TypeKind::Binary | TypeKind::Varbinary) && length > 0;
            !limited || slice(pool, row).len() <= length
        }
        _ => true,
    }
}

fn integer_bits(kind: TypeKind) -> u32 {
    match kind {
        TypeKind::Tinyint => 8,
        TypeKind::Smallint => 16,
        TypeKind::Mediumint => 24,
        TypeKind::Int => 32,
        _ => 64,
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}
