//! PostgreSQL types that plans ask for: which there are, and what may become one.
//!
//! The text becomes part of a column definition, so only what can be nothing but a type passes.

use chameleon_model::{ColumnType, TypeKind};

use crate::abi::v0_1::ValueForm;

/// Types that take the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Integer,
    Numeric,
    Float,
    Bool,
    /// Bits, of that number.
    Bit(u32),
    Date,
    /// `true`: with time zone.
    Timestamp(bool),
    /// Time of day or interval.
    Time,
    Text,
    Bytea,
    Json,
    Uuid,
    Inet,
    TextArray,
    FloatArray,
    /// A type that the host does not know; its name without schema.
    Other(String),
}

/// Reads a type; an error says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Class, String> {
    let shape = Shape::read(text).ok_or("that is not the name of a type")?;
    let number = shape.number;
    let class = match (shape.words.as_str(), shape.array) {
        ("smallint" | "int2" | "integer" | "int" | "int4" | "bigint" | "int8", false) => {
            Class::Integer
        }
        ("numeric" | "decimal", false) => Class::Numeric,
        ("real" | "float4" | "float8" | "float" | "double precision", false) => Class::Float,
        ("boolean" | "bool", false) => Class::Bool,
        ("bit", false) => Class::Bit(number.unwrap_or(1)),
        ("varbit" | "bit varying", false) => Class::Bit(number.unwrap_or(64)),
        ("date", false) => Class::Date,
        ("timestamp" | "timestamp without time zone", false) => Class::Timestamp(false),
        ("timestamptz" | "timestamp with time zone", false) => Class::Timestamp(true),
        ("time" | "time without time zone" | "interval", false) => Class::Time,
        ("text" | "varchar" | "character varying" | "char" | "character" | "bpchar", false) => {
            Class::Text
        }
        ("bytea", false) => Class::Bytea,
        ("json" | "jsonb", false) => Class::Json,
        ("uuid", false) => Class::Uuid,
        ("inet", false) => Class::Inet,
        ("text", true) => Class::TextArray,
        ("real" | "float4", true) => Class::FloatArray,
        (words, _) if words.contains(' ') => {
            return Err("that is not the name of a type".into());
        }
        (word, _) => Class::Other(word.rsplit('.').next().unwrap_or(word).to_owned()),
    };
    Ok(class)
}

/// A type's text taken apart.
struct Shape {
    /// Lowercase words, one space between; a schema in front of a single one.
    words: String,
    /// The first number in parentheses.
    number: Option<u32>,
    array: bool,
}

impl Shape {
    fn read(text: &str) -> Option<Self> {
        let lower = text.trim().to_ascii_lowercase();
        if lower.is_empty() || lower.len() > 100 {
            return None;
        }
        let (lower, array) = match lower.strip_suffix("[]") {
            Some(element) => (element.trim_end().to_owned(), true),
            None => (lower, false),
        };
        let (head, inner, tail) = match lower.split_once('(') {
            None => (lower.as_str(), None, ""),
            Some((head, rest)) => {
                let (inner, tail) = rest.split_once(')')?;
                (head, Some(inner), tail)
            }
        };
        let number = match inner {
            None => None,
            Some(inner) => {
                let plain = |part: &str| {
                    let part = part.trim();
                    !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric())
                };
                if !inner.split(',').all(plain) {
                    return None;
                }
                inner.split(',').next().and_then(|n| n.trim().parse().ok())
            }
        };
        let words: Vec<&str> = head
            .split_whitespace()
            .chain(tail.split_whitespace())
            .collect();
        let identifier = |word: &str| {
            let parts: Vec<&str> = word.split('.').collect();
            parts.len() <= 2 && parts.iter().all(|part| is_identifier(part))
        };
        if words.is_empty() || !words.iter().all(|word| identifier(word)) {
            return None;
        }
        Some(Self {
            words: words.join(" "),
            number,
            array,
        })
    }
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether values of a source type may go into a type of that class.
pub(crate) fn accepts(ty: &ColumnType, class: &Class) -> bool {
    let kind = ty.kind;
    let number = is_integer(kind)
        || is_text(kind)
        || matches!(
            kind,
            TypeKind::Bit | TypeKind::Enum | TypeKind::Set | TypeKind::Decimal
        );
    let float = matches!(kind, TypeKind::Float | TypeKind::Double);
    let binary = matches!(
        kind,
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob
    );
    let dated = matches!(
        kind,
        TypeKind::Date | TypeKind::DateTime | TypeKind::Timestamp
    );
    match class {
        Class::Integer => number,
        Class::Numeric | Class::Float => number || float,
        Class::Bool => is_integer(kind) || kind == TypeKind::Bit,
        Class::Bit(_) => kind == TypeKind::Bit,
        Class::Date | Class::Timestamp(_) => dated,
        Class::Time => kind == TypeKind::Time,
        Class::Text => true,
        Class::Bytea => {
            binary
                || is_text(kind)
                || matches!(
                    kind,
                    TypeKind::Geometry | TypeKind::Json | TypeKind::Unknown
                )
        }
        Class::Json => kind == TypeKind::Json || is_text(kind),
        Class::Uuid => kind == TypeKind::Uuid || is_text(kind) || binary,
        Class::Inet => matches!(kind, TypeKind::Inet4 | TypeKind::Inet6) || is_text(kind) || binary,
        Class::TextArray => kind == TypeKind::Set,
        Class::FloatArray => kind == TypeKind::Vector,
        Class::Other(name) => match kind {
            TypeKind::Geometry => matches!(name.as_str(), "geometry" | "geography"),
            TypeKind::Vector => name == "vector",
            _ => true,
        },
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

fn is_text(kind: TypeKind) -> bool {
    matches!(kind, TypeKind::Char | TypeKind::VarChar | TypeKind::Text)
}

/// The source type that a computed column has from here on.
pub(crate) fn computed(form: ValueForm, class: Option<&Class>) -> ColumnType {
    let fractional = |kind, declared: &str| ColumnType {
        scale: 6,
        ..ColumnType::new(kind, declared)
    };
    match (form, class) {
        (ValueForm::Ints, _) => ColumnType::new(TypeKind::BigInt, "bigint"),
        (ValueForm::UInts, Some(Class::Bit(bits))) => ColumnType {
            length: (*bits).clamp(1, 64),
            ..ColumnType::new(TypeKind::Bit, format!("bit({bits})"))
        },
        (ValueForm::UInts, _) => ColumnType {
            unsigned: true,
            ..ColumnType::new(TypeKind::BigInt, "bigint unsigned")
        },
        (ValueForm::Floats, _) => ColumnType::new(TypeKind::Double, "double"),
        (ValueForm::Days, _) => ColumnType::new(TypeKind::Date, "date"),
        (ValueForm::Micros, Some(Class::Time)) => fractional(TypeKind::Time, "time(6)"),
        (ValueForm::Micros, Some(Class::Timestamp(true))) => {
            fractional(TypeKind::Timestamp, "timestamp(6)")
        }
        (ValueForm::Micros, _) => fractional(TypeKind::DateTime, "datetime(6)"),
        (ValueForm::Texts, _) => ColumnType {
            length: u32::MAX,
            charset: Some("utf8mb4".into()),
            collation: Some("utf8mb4_bin".into()),
            ..ColumnType::new(TypeKind::Text, "longtext")
        },
        (ValueForm::Blobs, _) => ColumnType {
            length: u32::MAX,
            ..ColumnType::new(TypeKind::Blob, "longblob")
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_types_pass_as_types() {
        let bad = [
            "",
            "text; drop table x",
            "text default 1",
            "text) , b text(",
            "numeric(10,2",
            "\"x\"",
            "a.b.c",
            "int -- x",
            "integer not null",
            "varchar(select)x y",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text}");
        }
        let check = |text: &str, class: Class| assert_eq!(parse(text), Ok(class), "{text}");
        check("Double  Precision", Class::Float);
        check("numeric(10, 2)", Class::Numeric);
        check("timestamp(3) with time zone", Class::Timestamp(true));
        check("bit(3)", Class::Bit(3));
        check("text[]", Class::TextArray);
        check("public.citext", Class::Other("citext".into()));
        check("geometry(Point,4326)", Class::Other("geometry".into()));
    }

    #[test]
    fn forms_go_into_the_types_that_can_hold_them() {
        let check = |form, text: &str, expect: bool| {
            let class = parse(text).unwrap();
            let ty = computed(form, Some(&class));
            assert_eq!(accepts(&ty, &class), expect, "{form:?} {text}");
        };
        check(ValueForm::Ints, "boolean", true);
        check(ValueForm::Ints, "timestamp", false);
        check(ValueForm::UInts, "bit(4)", true);
        check(ValueForm::Floats, "integer", false);
        check(ValueForm::Days, "date", true);
        check(ValueForm::Days, "interval", false);
        check(ValueForm::Micros, "interval", true);
        check(ValueForm::Micros, "timestamptz", true);
        check(ValueForm::Texts, "jsonb", true);
        check(ValueForm::Texts, "numeric(10,2)", true);
        check(ValueForm::Texts, "boolean", false);
        check(ValueForm::Texts, "citext", true);
        check(ValueForm::Blobs, "bytea", true);
        check(ValueForm::Blobs, "jsonb", false);
        check(ValueForm::Blobs, "uuid", true);
    }
}
