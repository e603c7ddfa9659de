//! Columns of a batch from and to the values of a test.

use super::Datum;
use crate::{
    ColumnType, Form, TypeKind,
    bindings::chameleon::transform::types as wit,
    calendar,
    table::form_of,
    value::{offset, state},
};

/// The vector of one column, as the host would hand it over.
///
/// # Panics
/// If a value does not fit the column: a fault of the test.
pub(super) fn encode(index: u32, ty: &ColumnType, data: &[&Datum]) -> wit::Vector {
    let mut states = Vec::new();
    let mut odd = Vec::new();
    for (row, datum) in data.iter().enumerate() {
        states.push(match datum {
            Datum::Null => state::NULL,
            Datum::Absent => state::ABSENT,
            Datum::Odd(raw) => {
                odd.push(wit::OddValue {
                    row: offset(row),
                    raw: raw.clone(),
                });
                state::ODD
            }
            _ => state::VALUE,
        });
    }
    if states.iter().all(|state| *state == state::VALUE) {
        states.clear();
    }
    wit::Vector {
        column: index,
        states,
        values: encode_values(ty, data),
        odd,
    }
}

fn encode_values(ty: &ColumnType, data: &[&Datum]) -> wit::Values {
    match form_of(ty) {
        Form::Ints => wit::Values::Ints(slots(ty, data, |datum| integer(ty, datum))),
        Form::Uints => wit::Values::Uints(slots(ty, data, |datum| integer(ty, datum))),
        Form::Floats => wit::Values::Floats(slots(ty, data, |datum| match datum {
            Datum::Float(number) => Some(*number),
            Datum::Int(number) => number.to_string().parse().ok(),
            _ => None,
        })),
        Form::Days => wit::Values::Days(slots(ty, data, |datum| {
            text(datum).and_then(calendar::parse_date)
        })),
        Form::Micros => wit::Values::Micros(slots(ty, data, |datum| {
            let parse = if ty.kind == TypeKind::Time {
                calendar::parse_time
            } else {
                calendar::parse_datetime
            };
            text(datum).and_then(parse)
        })),
        Form::Texts => wit::Values::Texts(pool(ty, data, |datum| text(datum).map(str::as_bytes))),
        Form::Blobs => wit::Values::Blobs(pool(ty, data, |datum| match datum {
            Datum::Blob(bytes) => Some(bytes.as_slice()),
            _ => None,
        })),
    }
}

fn slots<T: Default>(
    ty: &ColumnType,
    data: &[&Datum],
    encode: impl Fn(&Datum) -> Option<T>,
) -> Vec<T> {
    let slot = |datum: &&Datum| match datum {
        Datum::Null | Datum::Absent | Datum::Odd(_) => T::default(),
        datum => encode(datum).unwrap_or_else(|| misfit(ty, datum)),
    };
    data.iter().map(slot).collect()
}

fn pool<'d>(
    ty: &ColumnType,
    data: &[&'d Datum],
    encode: impl Fn(&'d Datum) -> Option<&'d [u8]>,
) -> wit::Pool {
    let mut pool = wit::Pool::default();
    for datum in data {
        match datum {
            Datum::Null | Datum::Absent | Datum::Odd(_) => {}
            datum => {
                let bytes = encode(datum).unwrap_or_else(|| misfit(ty, datum));
                pool.data.extend_from_slice(bytes);
            }
        }
        pool.ends.push(offset(pool.data.len()));
    }
    pool
}

fn misfit<T>(ty: &ColumnType, datum: &Datum) -> T {
    panic!(
        "the test puts {datum:?} into a column of type {}",
        ty.declared
    )
}

fn integer<T: TryFrom<i128>>(ty: &ColumnType, datum: &Datum) -> Option<T> {
    let number = match datum {
        Datum::Int(number) => *number,
        Datum::Text(text) if ty.kind == TypeKind::Enum && text.is_empty() => 0,
        Datum::Text(text) if ty.kind == TypeKind::Enum => {
            i128::try_from(ty.labels.iter().position(|label| label == text)? + 1).ok()?
        }
        Datum::Text(text) if ty.kind == TypeKind::Set => {
            let mut bits = 0;
            for label in text.split(',').filter(|label| !label.is_empty()) {
                bits |= 1 << ty.labels.iter().position(|known| known == label)?;
            }
            bits
        }
        _ => return None,
    };
    T::try_from(number).ok()
}

fn text(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::Text(text) => Some(text),
        _ => None,
    }
}

/// The value in a slot of a vector that passed the checks. `ty` is the source's type where the column has it still.
pub(super) fn decode(vector: &wit::Vector, row: usize, ty: Option<&ColumnType>) -> Datum {
    match vector.states.get(row).copied().unwrap_or(state::VALUE) {
        state::NULL => return Datum::Null,
        state::ABSENT => return Datum::Absent,
        state::ODD => {
            let mut odd = vector.odd.iter();
            let found = odd.find(|odd| odd.row as usize == row);
            return Datum::Odd(found.map(|odd| odd.raw.clone()).unwrap_or_default());
        }
        _ => {}
    }
    match &vector.values {
        wit::Values::Ints(values) => Datum::Int(values[row].into()),
        wit::Values::Uints(values) => decode_uint(values[row], ty),
        wit::Values::Floats(values) => Datum::Float(values[row]),
        wit::Values::Days(values) => calendar::render_date(values[row]).into(),
        wit::Values::Micros(values) => {
            if ty.is_some_and(|ty| ty.kind == TypeKind::Time) {
                calendar::render_time(values[row]).into()
            } else {
                calendar::render_datetime(values[row]).into()
            }
        }
        wit::Values::Texts(pool) => {
            Datum::Text(String::from_utf8_lossy(slice(pool, row)).into_owned())
        }
        wit::Values::Blobs(pool) => Datum::Blob(slice(pool, row).to_vec()),
    }
}

fn decode_uint(number: u64, ty: Option<&ColumnType>) -> Datum {
    match ty {
        Some(ty) if ty.kind == TypeKind::Enum => {
            let index = usize::try_from(number).unwrap_or_default().checked_sub(1);
            let label = index.and_then(|index| ty.labels.get(index));
            label.map_or("", String::as_str).into()
        }
        Some(ty) if ty.kind == TypeKind::Set => {
            let labels = ty.labels.iter().enumerate();
            let chosen = labels.filter(|(bit, _)| number >> bit & 1 == 1);
            let labels: Vec<&str> = chosen.map(|(_, label)| label.as_str()).collect();
            labels.join(",").into()
        }
        _ => Datum::Int(number.into()),
    }
}

pub(super) fn slice(pool: &wit::Pool, row: usize) -> &[u8] {
    let from = row.checked_sub(1).map_or(0, |before| pool.ends[before]);
    &pool.data[from as usize..pool.ends[row] as usize]
}
