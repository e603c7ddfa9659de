//! A type as written to the type that information_schema shows.

use chameleon_model::{ColumnType, TypeKind};

use super::charset::{TextDefault, max_bytes};
use crate::context::{Dialect, ParseContext};
use crate::statement::{DataType, TypeWord};

/// Sizes of the TEXT and BLOB families: name of the text type, of the binary type, most bytes.
const SIZES: [(&str, &str, u32); 4] = [
    ("tinytext", "tinyblob", 255),
    ("text", "blob", 65_535),
    ("mediumtext", "mediumblob", 16_777_215),
    ("longtext", "longblob", u32::MAX),
];

/// Resolves a type; `table` is the table's default character set.
pub(super) fn column_type(ty: &DataType, table: &TextDefault, cx: &ParseContext<'_>) -> ColumnType {
    match ty.word {
        TypeWord::TinyInt => integer(ty, TypeKind::TinyInt, "tinyint", [4, 3], cx),
        TypeWord::SmallInt => integer(ty, TypeKind::SmallInt, "smallint", [6, 5], cx),
        TypeWord::MediumInt => integer(ty, TypeKind::MediumInt, "mediumint", [9, 8], cx),
        TypeWord::Int => integer(ty, TypeKind::Int, "int", [11, 10], cx),
        TypeWord::BigInt | TypeWord::Serial => {
            integer(ty, TypeKind::BigInt, "bigint", [20, 20], cx)
        }
        TypeWord::Bool => {
            let mut ty = ty.clone();
            ty.length = Some(1);
            integer(&ty, TypeKind::TinyInt, "tinyint", [4, 3], cx)
        }
        TypeWord::Decimal => decimal(ty),
        TypeWord::Float | TypeWord::Double | TypeWord::Real => floating(ty, cx),
        TypeWord::Bit => {
            let bits = ty.length.filter(|&n| n > 0).unwrap_or(1);
            let mut column = ColumnType::new(TypeKind::Bit, format!("bit({bits})"));
            column.length = saturate(bits);
            column
        }
        TypeWord::Year => {
            let shown = if shows_widths(cx) { "year(4)" } else { "year" };
            ColumnType::new(TypeKind::Year, shown)
        }
        TypeWord::Date => ColumnType::new(TypeKind::Date, "date"),
        TypeWord::Time => temporal(ty, TypeKind::Time, "time"),
        TypeWord::DateTime => temporal(ty, TypeKind::DateTime, "datetime"),
        TypeWord::Timestamp => temporal(ty, TypeKind::Timestamp, "timestamp"),
        TypeWord::Char | TypeWord::VarChar => character(ty, table, cx),
        TypeWord::TinyText | TypeWord::Text | TypeWord::MediumText | TypeWord::LongText => {
            text(ty, table, cx)
        }
        TypeWord::Binary => bytes(ty, TypeKind::Binary, "binary"),
        TypeWord::VarBinary => bytes(ty, TypeKind::VarBinary, "varbinary"),
        TypeWord::TinyBlob => sized(0, None, ty),
        TypeWord::Blob => {
            let needed = said_length(ty, cx).unwrap_or(65_535);
            sized(size_for(needed), None, ty)
        }
        TypeWord::MediumBlob => sized(2, None, ty),
        TypeWord::LongBlob => sized(3, None, ty),
        TypeWord::Enum => labelled(ty, TypeKind::Enum, "enum", table, cx),
        TypeWord::Set => labelled(ty, TypeKind::Set, "set", table, cx),
        TypeWord::Json => json(ty, cx),
        TypeWord::Uuid => ColumnType::new(TypeKind::Uuid, "uuid"),
        TypeWord::Inet4 => ColumnType::new(TypeKind::Inet4, "inet4"),
        TypeWord::Inet6 => ColumnType::new(TypeKind::Inet6, "inet6"),
        TypeWord::Vector => {
            let dimensions = ty.length.unwrap_or(2048);
            let mut column = ColumnType::new(TypeKind::Vector, format!("vector({dimensions})"));
            column.length = saturate(dimensions);
            column
        }
        word => geometry(word, ty, cx),
    }
}

fn saturate(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Integer types are shown with their display width. MySQL stopped that in 8.0.19.
fn shows_widths(cx: &ParseContext<'_>) -> bool {
    cx.dialect == Dialect::MariaDb || cx.server_version < 80_019
}

/// `widths`: default display widths, signed and unsigned.
fn integer(
    ty: &DataType,
    kind: TypeKind,
    name: &str,
    widths: [u64; 2],
    cx: &ParseContext<'_>,
) -> ColumnType {
    let width = ty.length.unwrap_or(widths[usize::from(ty.unsigned)]);
    let boolean = kind == TypeKind::TinyInt && width == 1 && !ty.unsigned;
    let shown = shows_widths(cx) || ty.zerofill || boolean;
    let mut declared = name.to_owned();
    if shown {
        declared.push_str(&format!("({width})"));
    }
    push_sign(&mut declared, ty);
    let mut column = ColumnType::new(kind, declared);
    column.unsigned = ty.unsigned;
    if shown && kind == TypeKind::TinyInt {
        column.length = saturate(width);
    }
    column
}

fn push_sign(declared: &mut String, ty: &DataType) {
    if ty.unsigned {
        declared.push_str(" unsigned");
    }
    if ty.zerofill {
        declared.push_str(" zerofill");
    }
}

fn decimal(ty: &DataType) -> ColumnType {
    let precision = ty.length.filter(|&n| n > 0).unwrap_or(10);
    let scale = ty.scale.unwrap_or(0);
    let mut declared = format!("decimal({precision},{scale})");
    push_sign(&mut declared, ty);
    let mut column = ColumnType::new(TypeKind::Decimal, declared);
    column.unsigned = ty.unsigned;
    column.length = saturate(precision);
    column.scale = u8::try_from(scale).unwrap_or(u8::MAX);
    column
}

/// `FLOAT(p)` is DOUBLE beyond 24 bits; `(m,d)` is kept.
fn floating(ty: &DataType, cx: &ParseContext<'_>) -> ColumnType {
    let double = match ty.word {
        TypeWord::Float => ty.scale.is_none() && ty.length.is_some_and(|bits| bits > 24),
        TypeWord::Real => !cx.real_as_float,
        _ => true,
    };
    let (kind, name) = if double {
        (TypeKind::Double, "double")
    } else {
        (TypeKind::Float, "float")
    };
    let mut declared = name.to_owned();
    if let (Some(length), Some(scale)) = (ty.length, ty.scale) {
        declared.push_str(&format!("({length},{scale})"));
    }
    push_sign(&mut declared, ty);
    let mut column = ColumnType::new(kind, declared);
    column.unsigned = ty.unsigned;
    column
}

fn temporal(ty: &DataType, kind: TypeKind, name: &str) -> ColumnType {
    let digits = ty.length.unwrap_or(0);
    let declared = if digits == 0 {
        name.to_owned()
    } else {
        format!("{name}({digits})")
    };
    let mut column = ColumnType::new(kind, declared);
    column.scale = u8::try_from(digits).unwrap_or(6).min(6);
    column
}

/// Character set and collation of a text type.
fn text_default(ty: &DataType, table: &TextDefault, cx: &ParseContext<'_>) -> TextDefault {
    let national = ty.national.then_some("utf8");
    let charset = ty.charset.as_deref().or(national);
    let default = table.with(charset, ty.collation.as_deref(), cx);
    if ty.binary && ty.collation.is_none() && default.charset != "binary" {
        return default.binary_collation();
    }
    default
}

/// Puts a character set on a text type. MySQL shows none for `binary`.
fn set_charset(column: &mut ColumnType, default: TextDefault, cx: &ParseContext<'_>) {
    if default.charset == "binary" && cx.dialect == Dialect::MySql {
        return;
    }
    column.charset = Some(default.charset);
    column.collation = Some(default.collation);
}

/// The declared text is without the comment that MariaDB shows of it.
fn set_compressed(column: &mut ColumnType, ty: &DataType) {
    column.compressed |= ty.compressed;
}

fn character(ty: &DataType, table: &TextDefault, cx: &ParseContext<'_>) -> ColumnType {
    let default = text_default(ty, table, cx);
    let varying = ty.word == TypeWord::VarChar;
    if default.charset == "binary" {
        let (kind, name) = if varying {
            (TypeKind::VarBinary, "varbinary")
        } else {
            (TypeKind::Binary, "binary")
        };
        return bytes(ty, kind, name);
    }
    let (kind, name) = if varying {
        (TypeKind::VarChar, "varchar")
    } else {
        (TypeKind::Char, "char")
    };
    let length = ty.length.unwrap_or(1);
    // without strict mode a longer VARCHAR becomes a TEXT type
    let most = u64::from(65_535 / max_bytes(&default.charset));
    if varying && length > most {
        let mut long = ty.clone();
        long.word = TypeWord::Text;
        return text(&long, table, cx);
    }
    let mut column = ColumnType::new(kind, format!("{name}({length})"));
    column.length = saturate(length);
    set_charset(&mut column, default, cx);
    set_compressed(&mut column, ty);
    column
}

fn bytes(ty: &DataType, kind: TypeKind, name: &str) -> ColumnType {
    let length = ty.length.unwrap_or(1);
    let mut column = ColumnType::new(kind, format!("{name}({length})"));
    column.length = saturate(length);
    set_compressed(&mut column, ty);
    column
}

fn text(ty: &DataType, table: &TextDefault, cx: &ParseContext<'_>) -> ColumnType {
    let default = text_default(ty, table, cx);
    let size = match ty.word {
        TypeWord::TinyText => 0,
        TypeWord::MediumText => 2,
        TypeWord::LongText => 3,
        _ => match said_length(ty, cx) {
            None => 1,
            Some(chars) => size_for(chars.saturating_mul(u64::from(max_bytes(&default.charset)))),
        },
    };
    if default.charset == "binary" {
        return sized(size, None, ty);
    }
    sized(size, Some((default, cx)), ty)
}

/// Length of TEXT or BLOB. MariaDB takes 0 for nothing said.
fn said_length(ty: &DataType, cx: &ParseContext<'_>) -> Option<u64> {
    ty.length.filter(|&n| n > 0 || cx.dialect == Dialect::MySql)
}

/// The smallest size that holds so many bytes.
fn size_for(bytes: u64) -> usize {
    SIZES
        .iter()
        .position(|(_, _, most)| bytes <= u64::from(*most))
        .unwrap_or(3)
}

fn sized(
    size: usize,
    charset: Option<(TextDefault, &ParseContext<'_>)>,
    ty: &DataType,
) -> ColumnType {
    let (text, blob, length) = SIZES[size];
    let mut column = match charset {
        Some((default, cx)) => {
            let kind = if ty.json_checked {
                TypeKind::Json
            } else {
                TypeKind::Text
            };
            let mut column = ColumnType::new(kind, text);
            set_charset(&mut column, default, cx);
            column
        }
        None => ColumnType::new(TypeKind::Blob, blob),
    };
    column.length = length;
    set_compressed(&mut column, ty);
    column
}

/// Labels lose trailing blanks.
fn labelled(
    ty: &DataType,
    kind: TypeKind,
    name: &str,
    table: &TextDefault,
    cx: &ParseContext<'_>,
) -> ColumnType {
    let labels: Vec<String> = ty
        .labels
        .iter()
        .map(|label| label.trim_end_matches(' ').to_owned())
        .collect();
    let mut column = ColumnType::new(kind, declared_labels(name, &labels));
    column.labels = labels;
    set_charset(&mut column, text_default(ty, table, cx), cx);
    column
}

/// `enum('a','b''c')`, escaped as both servers show it (`append_unescaped`).
fn declared_labels(name: &str, labels: &[String]) -> String {
    let mut declared = format!("{name}(");
    for (n, label) in labels.iter().enumerate() {
        declared.push_str(if n > 0 { ",'" } else { "'" });
        for c in label.chars() {
            match c {
                '\'' => declared.push_str("''"),
                '\\' => declared.push_str("\\\\"),
                '\0' => declared.push_str("\\0"),
                '\n' => declared.push_str("\\n"),
                '\r' => declared.push_str("\\r"),
                other => declared.push(other),
            }
        }
        declared.push('\'');
    }
    declared.push(')');
    declared
}

/// MariaDB's JSON is a LONGTEXT that a CHECK guards.
fn json(ty: &DataType, cx: &ParseContext<'_>) -> ColumnType {
    if cx.dialect == Dialect::MySql {
        return ColumnType::new(TypeKind::Json, "json");
    }
    let mut column = ColumnType::new(TypeKind::Json, "longtext");
    column.length = u32::MAX;
    let default = TextDefault {
        charset: "utf8mb4".into(),
        collation: "utf8mb4_bin".into(),
    };
    let said = default.with(ty.charset.as_deref(), ty.collation.as_deref(), cx);
    set_charset(&mut column, said, cx);
    column
}

fn geometry(word: TypeWord, ty: &DataType, cx: &ParseContext<'_>) -> ColumnType {
    let name = match word {
        TypeWord::Point => "point",
        TypeWord::LineString => "linestring",
        TypeWord::Polygon => "polygon",
        TypeWord::MultiPoint => "multipoint",
        TypeWord::MultiLineString => "multilinestring",
        TypeWord::MultiPolygon => "multipolygon",
        TypeWord::GeometryCollection
            if cx.dialect == Dialect::MySql && cx.server_version >= 80_011 =>
        {
            "geomcollection"
        }
        TypeWord::GeometryCollection => "geometrycollection",
        _ => "geometry",
    };
    let mut column = ColumnType::new(TypeKind::Geometry, name);
    column.srid = ty.srid;
    column
}

/// The type after CONVERT TO CHARACTER SET. TEXT types grow where as many characters would no
/// longer fit.
pub(super) fn converted(
    column: &ColumnType,
    to: &TextDefault,
    cx: &ParseContext<'_>,
) -> Option<ColumnType> {
    let from = column.charset.as_deref()?;
    if from == "binary" {
        return None;
    }
    let mut ty = DataType {
        word: TypeWord::Char,
        length: Some(u64::from(column.length)),
        scale: None,
        unsigned: false,
        zerofill: false,
        national: false,
        charset: None,
        collation: None,
        binary: false,
        labels: column.labels.clone(),
        compressed: column.compressed,
        json_checked: false,
        srid: None,
    };
    ty.word = match column.kind {
        TypeKind::Char => TypeWord::Char,
        TypeKind::VarChar => TypeWord::VarChar,
        TypeKind::Enum => TypeWord::Enum,
        TypeKind::Set => TypeWord::Set,
        TypeKind::Text => return Some(converted_text(column, to, ty, cx)),
        TypeKind::Json => {
            let mut json = column.clone();
            json.charset = Some(to.charset.clone());
            json.collation = Some(to.collation.clone());
            return Some(json);
        }
        _ => return None,
    };
    Some(column_type(&ty, to, cx))
}

fn converted_text(
    column: &ColumnType,
    to: &TextDefault,
    mut ty: DataType,
    cx: &ParseContext<'_>,
) -> ColumnType {
    let before = max_bytes(column.charset.as_deref().unwrap_or_default());
    let after = max_bytes(&to.charset);
    let bytes = u64::from(column.length);
    let same = SIZES.iter().position(|(_, _, most)| *most == column.length);
    let size = if after > before {
        size_for(bytes.saturating_mul(u64::from(after)))
    } else {
        same.unwrap_or(3)
    };
    ty.length = None;
    ty.word = [
        TypeWord::TinyText,
        TypeWord::Text,
        TypeWord::MediumText,
        TypeWord::LongText,
    ][size];
    column_type(&ty, to, cx)
}
