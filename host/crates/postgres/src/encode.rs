//! Cells as PostgreSQL takes them.
//!
//! A [`ColumnEncoder`] is planned once per column and table version: it is one operation, so that a
//! cell costs one jump and a few bytes written, and no allocation. What cannot be stored exactly is
//! refused with an [`EncodeError`]; nothing is rounded, cut or wrapped. Rules of the conversions
//! that types alone do not tell:
//!
//! * DATETIME is a clock face: it becomes `timestamp` as it stands, and `timestamptz` as if it were
//!   UTC. TIMESTAMP becomes either in UTC.
//! * Zero and partial dates follow `zero_date`, except into text, which holds them as they are.
//! * U+0000 in text follows `nul_character`, as does the escape `\u0000` in JSON that goes into
//!   `jsonb`; `json` keeps it.
//! * Bytes of types that `hexify` names become uppercase hex digits, in `bytea` and in text.
//! * The value `''` of an ENUM that is no label goes into enum types if `empty_enum_label` gave them
//!   that label, else it is refused.
//! * A DECIMAL goes into a floating-point column if all its digits can be read back from there.
//! * Sixteen bytes go into `uuid`, four or sixteen into `inet`.

mod binary;
mod calendar;
mod convert;
mod decimal;
mod geometry;
mod plan;
mod sink;
mod text;
mod text_policy;

use chameleon_model::{CellForm, ColumnType, MappingRules, NulPolicy, PgType, ZeroDatePolicy};

use self::plan::Op;
use crate::error::{EncodeError, TypePair};
use crate::types;

pub(crate) use self::binary::put_null;

/// How one source column is encoded for one target column; made once per table version.
#[derive(Clone, Debug)]
pub struct ColumnEncoder {
    op: Op,
    /// OIDs of target type and array, where cells go into arrays in the target's binary form.
    oids: Option<(u32, u32)>,
    zero_date: ZeroDatePolicy,
    nul_character: NulPolicy,
    /// The text form is a JSON number.
    is_number: bool,
    copies_binary: bool,
    /// Labels of ENUM and SET.
    labels: Box<[Box<str>]>,
    /// The value `''` that is no label goes into a type that lacks it.
    lacks_empty_label: bool,
    cast: Box<str>,
}

impl ColumnEncoder {
    /// Plans the conversion.
    ///
    /// # Errors
    /// [`EncodeError::NoConversion`] where no value of the source's type can go into the target's.
    pub fn plan(
        source: &ColumnType,
        target: &PgType,
        rules: &MappingRules,
        form: CellForm,
    ) -> Result<Self, EncodeError> {
        let op = match form {
            CellForm::PgText => Some(Op::Pass),
            CellForm::Source => plan::choose(source, target, rules),
        };
        let op = op.ok_or_else(|| {
            EncodeError::NoConversion(Box::new(TypePair {
                source: source.declared.clone(),
                target: target.sql(),
            }))
        })?;
        Ok(Self {
            op,
            oids: types::oids(target).filter(|_| op != Op::Pass),
            zero_date: rules.zero_date,
            nul_character: rules.nul_character,
            is_number: matches!(target, PgType::Int2 | PgType::Int4 | PgType::Int8),
            copies_binary: copies_binary(op, target),
            labels: source
                .labels
                .iter()
                .map(|label| label.as_str().into())
                .collect(),
            lacks_empty_label: !rules.empty_enum_label
                && matches!(target, PgType::Enum { .. })
                && !source.labels.iter().any(String::is_empty),
            cast: types::cast(target).into(),
        })
    }

    /// OID of the elements for a binary array. `None`: the elements are text (OID 25) and the
    /// statement casts them to [`Self::cast`].
    pub fn oid(&self) -> Option<u32> {
        self.oids.map(|(element, _)| element)
    }

    /// OID of the array type whose elements are of [`Self::oid`].
    pub fn array_oid(&self) -> Option<u32> {
        self.oids.map(|(_, array)| array)
    }

    /// The target's type as SQL for a cast, without length and precision (see [`types::cast`]).
    pub fn cast(&self) -> &str {
        &self.cast
    }

    /// [`Self::binary`] writes what the target column's type receives, so that a binary COPY may
    /// name the column. False: the COPY must go to a text column, from where SQL casts.
    pub fn copies_binary(&self) -> bool {
        self.copies_binary
    }
}

/// Enums and JSON receive text, as the text types do; of other types only those whose binary form
/// is known here.
fn copies_binary(op: Op, target: &PgType) -> bool {
    match (op, target) {
        (Op::EwkbGeometry | Op::Vector, _) => true,
        (_, PgType::Other(sql)) => matches!(types::bare_name(sql).as_str(), "citext" | "bpchar"),
        (Op::Pass, target) => matches!(
            target,
            PgType::Text
                | PgType::Varchar(_)
                | PgType::Char(_)
                | PgType::Enum { .. }
                | PgType::Json
        ),
        _ => true,
    }
}
