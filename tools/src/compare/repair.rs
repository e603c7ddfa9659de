//! Statements that make differing rows of the target what the source holds.
//!
//! They are made from the canonical values of one look at the source, so they are good only while
//! nothing else changes the target: the replica has to be stopped.

use chameleon_model::name::{quote_ident, quote_literal};

use super::canon::{Canon, push_hex};
use super::plan::{ColumnPlan, TablePlan};
use super::report::Difference;
use super::row::CanonRow;

/// The statement for one row; `None` where there is none, because rows have no key.
pub(super) fn statement(
    plan: &TablePlan,
    what: Difference,
    target_key: &[Option<Vec<u8>>],
    source: Option<&CanonRow>,
) -> Option<String> {
    if plan.key.is_empty() {
        return None;
    }
    if what == Difference::Extra {
        return delete(plan, target_key);
    }
    let row = source?;
    let names: Vec<String> = plan
        .columns
        .iter()
        .map(|c| quote_ident(&c.target.name))
        .collect();
    let values: Option<Vec<String>> = plan
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| literal(column, row.field(index)))
        .collect();
    let key: Vec<&str> = plan
        .key
        .iter()
        .map(|&column| names[column].as_str())
        .collect();
    let sets: Vec<String> = names
        .iter()
        .filter(|name| !key.contains(&name.as_str()))
        .map(|name| format!("{name} = excluded.{name}"))
        .collect();
    let action = match sets.as_slice() {
        [] => "nothing".to_owned(),
        sets => format!("update set {}", sets.join(", ")),
    };
    Some(format!(
        "insert into {} ({}) values ({}) on conflict ({}) do {action};",
        plan.target_table,
        names.join(", "),
        values?.join(", "),
        key.join(", ")
    ))
}

fn delete(plan: &TablePlan, key: &[Option<Vec<u8>>]) -> Option<String> {
    let mut conditions = Vec::new();
    for (&column, value) in plan.key.iter().zip(key) {
        let column = &plan.columns[column];
        let name = quote_ident(&column.target.name);
        conditions.push(match value {
            Some(value) => format!("{name} = {}", literal(column, Some(value))?),
            None => format!("{name} is null"),
        });
    }
    let (table, conditions) = (&plan.target_table, conditions.join(" and "));
    Some(format!("delete from {table} where {conditions};"))
}

/// What no statement can mend, as comments.
pub(super) fn remarks(plan: &TablePlan, rest: bool, nothing: bool) -> Vec<String> {
    let mut remarks = Vec::new();
    let name = plan.name.replace(['\n', '\r'], " ");
    if !plan.problems.is_empty() {
        remarks.push(format!(
            "-- {name}: its columns differ; sync_tables makes it anew"
        ));
    }
    if !nothing && plan.key.is_empty() {
        remarks.push(format!(
            "-- {name}: its rows have no key; sync_tables copies it anew"
        ));
    } else if rest {
        remarks.push(format!(
            "-- {name}: more rows differ; sync_tables copies it anew"
        ));
    }
    remarks
}

/// A canonical value as an expression of the column's type; `None` where it cannot be written.
fn literal(column: &ColumnPlan, value: Option<&[u8]>) -> Option<String> {
    let Some(value) = value else {
        return Some("null".into());
    };
    let type_sql = &column.target.type_sql;
    let text = || {
        std::str::from_utf8(value)
            .ok()
            .filter(|text| !text.contains('\0'))
    };
    let cast = |text: &str| format!("{}::{type_sql}", quote_literal(text).trim_start());
    Some(match (&column.canon, column.target.type_name.as_str()) {
        (Canon::Bits, "bit" | "varbit") => {
            let width = usize::try_from(column.width).unwrap_or(0);
            cast(&format!("{:0>width$}", text()?))
        }
        (Canon::DateTime, "timestamptz") => cast(&in_utc(text()?)),
        (Canon::Time, "interval") => format!("({} * interval '1 microsecond')", text()?),
        (Canon::Time, "time") => {
            format!("(time '00:00' + {} * interval '1 microsecond')", text()?)
        }
        (Canon::Bytes, _) => bytea(value),
        (Canon::HexBytes, "bytea") => bytea(&value.to_ascii_uppercase()),
        (Canon::HexBytes, _) => cast(&text()?.to_uppercase()),
        (Canon::Set(_), _) if value.is_empty() => format!("'{{}}'::{type_sql}"),
        (Canon::Set(_), _) => {
            format!(
                "string_to_array({}, ',')::{type_sql}",
                quote_literal(text()?).trim_start()
            )
        }
        (Canon::Vector, _) => {
            let floats = value
                .chunks_exact(4)
                .filter_map(|four| four.try_into().ok());
            let floats: Vec<String> = floats
                .map(|four| format!("'{}'::real", f32::from_be_bytes(four)))
                .collect();
            format!("(array[{}]::real[])::{type_sql}", floats.join(", "))
        }
        (Canon::Geometry, kind) => {
            let ewkb = bytea(&ewkb(value)?);
            match kind {
                "bytea" => ewkb,
                _ => format!("st_geomfromewkb({ewkb})::{type_sql}"),
            }
        }
        _ => cast(text()?),
    })
}

fn bytea(bytes: &[u8]) -> String {
    let mut hex = Vec::new();
    push_hex(bytes, &mut hex);
    format!("'\\x{}'::bytea", String::from_utf8(hex).unwrap_or_default())
}

/// `2024-01-02 03:04:05 BC` with its offset before the era.
fn in_utc(text: &str) -> String {
    match text.strip_suffix(" BC") {
        Some(value) => format!("{value}+00 BC"),
        None if text.ends_with("infinity") => text.to_owned(),
        None => format!("{text}+00"),
    }
}

/// SRID and WKB as EWKB.
fn ewkb(value: &[u8]) -> Option<Vec<u8>> {
    let (srid, wkb) = value.split_first_chunk::<4>()?;
    let srid = u32::from_be_bytes(*srid);
    if srid == 0 {
        return Some(wkb.to_vec());
    }
    let (&order, rest) = wkb.split_first()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let little = order == 1;
    let kind = if little {
        u32::from_le_bytes(*kind)
    } else {
        u32::from_be_bytes(*kind)
    };
    let flagged = kind | 0x2000_0000;
    let words = if little {
        [flagged.to_le_bytes(), srid.to_le_bytes()]
    } else {
        [flagged.to_be_bytes(), srid.to_be_bytes()]
    };
    Some([&[order], words.concat().as_slice(), rest].concat())
}
