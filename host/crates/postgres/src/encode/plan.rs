//! Which conversion a pair of types takes.

use chameleon_model::{ColumnType, MappingRules, PgType, TypeKind};

use super::decimal::NumericLimit;
use super::text_policy::CharLimit;
use crate::types::bare_name;

/// One conversion. The name says what the cell becomes; where several kinds of cells become the
/// same, what the cell is comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Text in PostgreSQL's input syntax already.
    Pass,
    Int2,
    Int4,
    Int8,
    /// An integer up to `max` in magnitude.
    IntNumeric {
        max: u64,
    },
    IntFloat4,
    IntFloat8,
    Bool,
    DecimalInt2,
    DecimalInt4,
    DecimalInt8,
    DecimalNumeric(Option<NumericLimit>),
    DecimalFloat4,
    DecimalFloat8,
    Float4,
    Float8,
    FloatNumeric(Option<NumericLimit>),
    /// A bit string of `put` bits from one of `have`.
    Bits {
        put: u32,
    },
    Date,
    /// Microseconds that must be a multiple of `unit`; likewise below.
    Timestamp {
        unit: i64,
    },
    Timestamptz {
        unit: i64,
    },
    Time {
        unit: i64,
    },
    Interval {
        unit: i64,
    },
    Text {
        shape: Shape,
        limit: CharLimit,
    },
    /// The bytes of text.
    TextBytea,
    Bytea,
    /// Bytes as uppercase hex digits in ASCII.
    HexBytea,
    Json,
    Jsonb,
    SetArray,
    EwkbBytea,
    /// PostGIS's own types.
    EwkbGeometry,
    Uuid,
    Inet,
    FloatArray,
    /// pgvector's type.
    Vector,
}

/// How a source value reads as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Text that stays as it is.
    Text,
    Int,
    /// Four digits.
    Year,
    Decimal,
    Float,
    /// So many binary digits.
    Bits(u32),
    Date,
    /// Fractional digits; likewise below.
    DateTime(u8),
    Time(u8),
    /// Text in UTF-8.
    Bytes,
    /// Uppercase hex digits.
    HexBytes,
    /// The label.
    Enum,
    /// Labels with commas between.
    Set,
    /// EWKB in hex.
    Geometry,
    /// `[1,2]`
    Vector,
}

/// The conversion for a pair of types; `None` where there is none.
pub(super) fn choose(source: &ColumnType, target: &PgType, rules: &MappingRules) -> Option<Op> {
    let kind = source.kind;
    match target {
        PgType::Int2 => number(kind, Op::Int2, Op::DecimalInt2, None),
        PgType::Int4 => number(kind, Op::Int4, Op::DecimalInt4, None),
        PgType::Int8 => number(kind, Op::Int8, Op::DecimalInt8, None),
        PgType::Float4 => number(kind, Op::IntFloat4, Op::DecimalFloat4, Some(Op::Float4)),
        PgType::Float8 => number(kind, Op::IntFloat8, Op::DecimalFloat8, Some(Op::Float8)),
        PgType::Numeric(modifier) => numeric(source, *modifier),
        PgType::Bool => (is_integer(kind) || kind == TypeKind::Bit).then_some(Op::Bool),
        PgType::Bit(put) => (kind == TypeKind::Bit).then_some(Op::Bits { put: *put }),
        PgType::Varbit(limit) => (kind == TypeKind::Bit).then(|| Op::Bits {
            put: source.length.min(limit.unwrap_or(u32::MAX)),
        }),
        PgType::Date => is_date(kind).then_some(Op::Date),
        PgType::Timestamp(digits) => is_date(kind).then(|| Op::Timestamp {
            unit: unit(source, *digits),
        }),
        PgType::Timestamptz(digits) => is_date(kind).then(|| Op::Timestamptz {
            unit: unit(source, *digits),
        }),
        PgType::Time(digits) => (kind == TypeKind::Time).then(|| Op::Time {
            unit: unit(source, *digits),
        }),
        PgType::Interval(digits) => (kind == TypeKind::Time).then(|| Op::Interval {
            unit: unit(source, *digits),
        }),
        PgType::Text => Some(text(source, CharLimit::None, rules)),
        PgType::Varchar(limit) => {
            let limit = limit.map_or(CharLimit::None, CharLimit::AtMost);
            Some(text(source, limit, rules))
        }
        PgType::Char(limit) => Some(text(source, CharLimit::Padded(*limit), rules)),
        PgType::Enum { .. } => {
            (kind == TypeKind::Enum || is_text(kind)).then(|| text(source, CharLimit::None, rules))
        }
        PgType::Bytea => bytea(source, rules),
        PgType::Json => (kind == TypeKind::Json || is_text(kind)).then_some(Op::Json),
        PgType::Jsonb => (kind == TypeKind::Json || is_text(kind)).then_some(Op::Jsonb),
        PgType::Uuid => {
            (kind == TypeKind::Uuid || is_text(kind) || is_binary(kind)).then_some(Op::Uuid)
        }
        PgType::Inet => {
            let address = matches!(kind, TypeKind::Inet4 | TypeKind::Inet6);
            (address || is_text(kind) || is_binary(kind)).then_some(Op::Inet)
        }
        PgType::TextArray => (kind == TypeKind::Set).then_some(Op::SetArray),
        PgType::Float4Array => (kind == TypeKind::Vector).then_some(Op::FloatArray),
        PgType::Other(sql) => other(source, sql, rules),
    }
}

/// BIT, ENUM and SET cells are integers too: bits, label index, label bitmap.
fn number(kind: TypeKind, integer: Op, decimal: Op, float: Option<Op>) -> Option<Op> {
    match kind {
        TypeKind::Bit | TypeKind::Enum | TypeKind::Set => Some(integer),
        TypeKind::Float | TypeKind::Double => float,
        TypeKind::Decimal => Some(decimal),
        _ if is_integer(kind) => Some(integer),
        _ if is_text(kind) => Some(decimal),
        _ => None,
    }
}

fn numeric(source: &ColumnType, modifier: Option<(u16, u16)>) -> Option<Op> {
    let limit = match modifier {
        None => None,
        Some((precision, scale)) => Some(NumericLimit {
            // more scale than precision would need a check of its own
            whole: precision.checked_sub(scale)?,
            fraction: scale,
        }),
    };
    let max = limit.map_or(u64::MAX, |limit| {
        let power = 10u64.checked_pow(u32::from(limit.whole));
        power.map_or(u64::MAX, |power| power - 1)
    });
    let implied = limit.is_some_and(|limit| {
        let fraction = u16::from(source.scale);
        source.kind == TypeKind::Decimal
            && fraction <= limit.fraction
            && source.length.saturating_sub(u32::from(fraction)) <= u32::from(limit.whole)
    });
    let decimal = Op::DecimalNumeric(limit.filter(|_| !implied));
    let float = Op::FloatNumeric(limit);
    number(source.kind, Op::IntNumeric { max }, decimal, Some(float))
}

/// What microseconds must be a multiple of, so that nothing is rounded away.
fn unit(source: &ColumnType, digits: u8) -> i64 {
    match source.kind {
        TypeKind::Date => 1,
        _ if source.scale <= digits => 1,
        _ => 10i64.pow(u32::from(6u8.saturating_sub(digits))),
    }
}

fn text(source: &ColumnType, limit: CharLimit, rules: &MappingRules) -> Op {
    let longest = match source.kind {
        TypeKind::Char | TypeKind::VarChar => Some(source.length),
        TypeKind::Enum => source
            .labels
            .iter()
            .map(|label| u32::try_from(label.chars().count()).unwrap_or(u32::MAX))
            .max(),
        TypeKind::Uuid => Some(36),
        TypeKind::Inet4 => Some(15),
        TypeKind::Inet6 => Some(39),
        _ => None,
    };
    let limit = match limit {
        CharLimit::AtMost(n) | CharLimit::Padded(n) if longest.is_some_and(|l| l <= n) => {
            CharLimit::None
        }
        limit => limit,
    };
    Op::Text {
        shape: shape(source, rules),
        limit,
    }
}

fn shape(source: &ColumnType, rules: &MappingRules) -> Shape {
    match source.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt => Shape::Int,
        TypeKind::Year => Shape::Year,
        TypeKind::Decimal => Shape::Decimal,
        TypeKind::Float | TypeKind::Double => Shape::Float,
        TypeKind::Bit => Shape::Bits(source.length.max(1)),
        TypeKind::Date => Shape::Date,
        TypeKind::DateTime | TypeKind::Timestamp => Shape::DateTime(source.scale),
        TypeKind::Time => Shape::Time(source.scale),
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
            if rules.hexified(source).is_some() =>
        {
            Shape::HexBytes
        }
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob | TypeKind::Unknown => Shape::Bytes,
        TypeKind::Enum => Shape::Enum,
        TypeKind::Set => Shape::Set,
        TypeKind::Geometry => Shape::Geometry,
        TypeKind::Vector => Shape::Vector,
        TypeKind::Char
        | TypeKind::VarChar
        | TypeKind::Text
        | TypeKind::Json
        | TypeKind::Uuid
        | TypeKind::Inet4
        | TypeKind::Inet6 => Shape::Text,
    }
}

fn bytea(source: &ColumnType, rules: &MappingRules) -> Option<Op> {
    match source.kind {
        kind if is_binary(kind) && rules.hexified(source).is_some() => Some(Op::HexBytea),
        kind if is_binary(kind) => Some(Op::Bytea),
        TypeKind::Geometry => Some(Op::EwkbBytea),
        TypeKind::Json | TypeKind::Unknown => Some(Op::TextBytea),
        kind if is_text(kind) => Some(Op::TextBytea),
        _ => None,
    }
}

fn other(source: &ColumnType, sql: &str, rules: &MappingRules) -> Option<Op> {
    match (source.kind, bare_name(sql).as_str()) {
        (TypeKind::Geometry, "geometry" | "geography") => Some(Op::EwkbGeometry),
        (TypeKind::Vector, "vector") => Some(Op::Vector),
        (TypeKind::Geometry, _) => None,
        _ => Some(text(source, CharLimit::None, rules)),
    }
}

fn is_integer(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::TinyInt
            | TypeKind::SmallInt
            | TypeKind::MediumInt
            | TypeKind::Int
            | TypeKind::BigInt
            | TypeKind::Year
    )
}

fn is_date(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp
    )
}

fn is_text(kind: TypeKind) -> bool {
    matches!(kind, TypeKind::Char | TypeKind::VarChar | TypeKind::Text)
}

fn is_binary(kind: TypeKind) -> bool {
    matches!(
        kind,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
    )
}
