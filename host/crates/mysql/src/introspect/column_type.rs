//! Column types out of `information_schema.columns`.

use chameleon_model::{ColumnType, TypeKind};

use super::labels::parse_labels;
use crate::rows::TextRow;

/// Reads the type of a column. The row has the columns that `mod.rs` selects.
pub(super) fn column_type(row: &TextRow) -> ColumnType {
    let declared = row.owned("column_type");
    let data_type = row.text("data_type").unwrap_or_default().to_lowercase();
    let kind = kind(&data_type);
    let (declared, compressed) = without_compressed(kind, declared);
    let mut ty = ColumnType::new(kind, declared);
    ty.compressed = compressed;
    let number = |name: &str| saturated(row.number::<u64>(name));
    ty.length = match kind {
        TypeKind::Decimal | TypeKind::Bit => number("numeric_precision"),
        TypeKind::Char | TypeKind::VarChar | TypeKind::Binary | TypeKind::VarBinary => {
            number("character_maximum_length")
        }
        TypeKind::Text | TypeKind::Blob => number("character_octet_length"),
        TypeKind::TinyInt | TypeKind::Vector => in_parentheses(&ty.declared),
        _ => 0,
    };
    ty.scale = match kind {
        TypeKind::Decimal => row.number("numeric_scale").unwrap_or(0),
        TypeKind::Time | TypeKind::DateTime | TypeKind::Timestamp => {
            row.number("datetime_precision").unwrap_or(0)
        }
        _ => 0,
    };
    if is_number(kind) {
        ty.unsigned = ty.declared.contains(" unsigned") || ty.declared.contains(" zerofill");
    }
    if is_text(kind) {
        ty.charset = row.text("character_set_name").map(str::to_owned);
        ty.collation = row.text("collation_name").map(str::to_owned);
    }
    if matches!(kind, TypeKind::Enum | TypeKind::Set) {
        ty.labels = parse_labels(&ty.declared).unwrap_or_default();
    }
    if kind == TypeKind::Geometry {
        ty.srid = row.number("srid");
    }
    ty
}

/// Family of a `data_type`. MySQL names, then those of MariaDB.
fn kind(data_type: &str) -> TypeKind {
    match data_type {
        "tinyint" => TypeKind::TinyInt,
        "smallint" => TypeKind::SmallInt,
        "mediumint" => TypeKind::MediumInt,
        "int" | "integer" => TypeKind::Int,
        "bigint" => TypeKind::BigInt,
        "decimal" | "numeric" => TypeKind::Decimal,
        "float" => TypeKind::Float,
        "double" => TypeKind::Double,
        "bit" => TypeKind::Bit,
        "year" => TypeKind::Year,
        "date" => TypeKind::Date,
        "time" => TypeKind::Time,
        "datetime" => TypeKind::DateTime,
        "timestamp" => TypeKind::Timestamp,
        "char" => TypeKind::Char,
        "varchar" => TypeKind::VarChar,
        "tinytext" | "text" | "mediumtext" | "longtext" => TypeKind::Text,
        "binary" => TypeKind::Binary,
        "varbinary" => TypeKind::VarBinary,
        "tinyblob" | "blob" | "mediumblob" | "longblob" => TypeKind::Blob,
        "enum" => TypeKind::Enum,
        "set" => TypeKind::Set,
        "json" => TypeKind::Json,
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => TypeKind::Geometry,
        "uuid" => TypeKind::Uuid,
        "inet4" => TypeKind::Inet4,
        "inet6" => TypeKind::Inet6,
        "vector" => TypeKind::Vector,
        _ => TypeKind::Unknown,
    }
}

fn is_number(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Decimal
            | TypeKind::Float
            | TypeKind::Double
    )
}

fn is_text(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text | TypeKind::Enum | TypeKind::Set
    )
}

/// MariaDB writes `varchar(100) /*M!100301 COMPRESSED*/`: the comment is taken off.
fn without_compressed(kind: TypeKind, declared: String) -> (String, bool) {
    if matches!(kind, TypeKind::Enum | TypeKind::Set) {
        return (declared, false);
    }
    match declared.split_once(" /*") {
        Some((base, comment)) if comment.contains("COMPRESSED") => (base.to_owned(), true),
        _ => (declared, false),
    }
}

/// The first number in parentheses, `vector(3)`; 0 where there is none.
fn in_parentheses(declared: &str) -> u32 {
    let inner = declared.split_once('(').map_or("", |(_, rest)| rest);
    let end = inner.find(|c: char| !c.is_ascii_digit());
    inner[..end.unwrap_or(inner.len())].parse().unwrap_or(0)
}

fn saturated(number: Option<u64>) -> u32 {
    number.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_comment_of_a_compressed_column_is_taken_off() {
        let check = |kind, text: &str, expect: (&str, bool)| {
            let (declared, compressed) = without_compressed(kind, text.to_owned());
            assert_eq!((declared.as_str(), compressed), expect);
        };
        check(
            TypeKind::VarChar,
            "varchar(100) /*M!100301 COMPRESSED*/",
            ("varchar(100)", true),
        );
        check(TypeKind::Blob, "blob", ("blob", false));
        check(
            TypeKind::Enum,
            "enum(' /*M!100301 COMPRESSED*/')",
            ("enum(' /*M!100301 COMPRESSED*/')", false),
        );
    }

    #[test]
    fn numbers_in_parentheses_are_read() {
        assert_eq!(in_parentheses("tinyint(1) unsigned"), 1);
        assert_eq!(in_parentheses("vector(16383)"), 16_383);
        assert_eq!(in_parentheses("tinyint"), 0);
    }
}
