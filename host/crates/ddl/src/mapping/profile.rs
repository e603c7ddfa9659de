//! The two profiles: which target type a source type gets where no override says otherwise.

use chameleon_model::name::{MAX_IDENTIFIER_BYTES, target_name};
use chameleon_model::{Column, ColumnType, MappingRules, PgType, TypeKind, TypeProfile};

/// Name of a column's enum type at the target.
pub fn enum_type_name(table: &str, column: &str) -> String {
    target_name(&format!("enum_{table}_{column}"))
}

/// Labels that PostgreSQL's enum types cannot have.
pub(super) fn has_long_label(labels: &[String]) -> bool {
    labels
        .iter()
        .any(|label| label.len() > MAX_IDENTIFIER_BYTES)
}

/// The default target type. `counter`: a BIGINT UNSIGNED that counts rows.
pub(super) fn default_type(
    rules: &MappingRules,
    dest_schema: &str,
    table: &str,
    column: &Column,
    counter: bool,
) -> PgType {
    let ty = &column.ty;
    let enum_type = || {
        if has_long_label(&ty.labels) {
            return PgType::Text;
        }
        PgType::Enum {
            schema: dest_schema.to_owned(),
            name: enum_type_name(table, &column.name),
        }
    };
    if rules.profile == TypeProfile::PgChameleon
        && let Some(kept) = pg_chameleon(column)
    {
        return kept;
    }
    match ty.kind {
        TypeKind::TinyInt => PgType::Int2,
        TypeKind::SmallInt if ty.unsigned => PgType::Int4,
        TypeKind::SmallInt => PgType::Int2,
        TypeKind::MediumInt => PgType::Int4,
        TypeKind::Int if ty.unsigned => PgType::Int8,
        TypeKind::Int => PgType::Int4,
        TypeKind::BigInt if ty.unsigned && !counter => PgType::Numeric(Some((20, 0))),
        TypeKind::BigInt => PgType::Int8,
        TypeKind::Decimal => {
            let precision = u16::try_from(ty.length).unwrap_or(65);
            PgType::Numeric(Some((precision, u16::from(ty.scale))))
        }
        TypeKind::Float => PgType::Float4,
        TypeKind::Double => PgType::Float8,
        TypeKind::Bit => PgType::Bit(ty.length.max(1)),
        TypeKind::Year => PgType::Int2,
        TypeKind::Date => PgType::Date,
        TypeKind::Time => PgType::Interval(ty.scale),
        TypeKind::DateTime => PgType::Timestamp(ty.scale),
        TypeKind::Timestamp => PgType::Timestamptz(ty.scale),
        TypeKind::Char | TypeKind::VarChar if ty.length > 0 => PgType::Varchar(Some(ty.length)),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text => PgType::Text,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob => PgType::Bytea,
        TypeKind::Geometry => geometry(ty, rules.extensions.geometry.as_deref()),
        TypeKind::Enum => enum_type(),
        TypeKind::Set => PgType::TextArray,
        TypeKind::Json if is_json_text(column) => PgType::Json,
        TypeKind::Json => PgType::Jsonb,
        TypeKind::Uuid => PgType::Uuid,
        TypeKind::Inet4 | TypeKind::Inet6 => PgType::Inet,
        TypeKind::Vector => match &rules.extensions.vector {
            // without a modifier: MySQL's holds vectors of up to so many numbers
            Some(vector) => PgType::Other(vector.clone()),
            None => PgType::Float4Array,
        },
        TypeKind::Unknown => PgType::Text,
    }
}

/// PostGIS's type where the target has it, with the spatial reference that the column is bound to;
/// else EWKB.
fn geometry(ty: &ColumnType, postgis: Option<&str>) -> PgType {
    match (postgis, ty.srid) {
        (None, _) => PgType::Bytea,
        (Some(name), None) => PgType::Other(name.to_owned()),
        (Some(name), Some(srid)) => PgType::Other(format!("{name}(Geometry,{srid})")),
    }
}

/// MariaDB's JSON, whose text is kept as it was written.
pub(crate) fn is_json_text(column: &Column) -> bool {
    column.ty.kind == TypeKind::Json && column.ty.charset.is_some()
}

/// Types of pg_chameleon 1.x, widened where they could not hold every value; `None`: the lossless
/// type, because 1.x had none or one that loses values.
fn pg_chameleon(column: &Column) -> Option<PgType> {
    let ty = &column.ty;
    Some(match ty.kind {
        TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Year => PgType::Int4,
        TypeKind::MediumInt => PgType::Int8,
        TypeKind::Decimal => PgType::Numeric(None),
        TypeKind::Float => PgType::Float8,
        TypeKind::Bit => match ty.length {
            0..=31 => PgType::Int4,
            32..=63 => PgType::Int8,
            _ => PgType::Numeric(Some((20, 0))),
        },
        TypeKind::DateTime | TypeKind::Timestamp => PgType::Timestamp(6),
        TypeKind::Char if ty.length > 0 => PgType::Char(ty.length),
        TypeKind::Set | TypeKind::Json => PgType::Text,
        _ => return None,
    })
}
