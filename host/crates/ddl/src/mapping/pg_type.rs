//! PostgreSQL types from SQL.

use chameleon_model::PgType;

/// A type from SQL, as an override or `format_type` names it. What is not known is
/// [`PgType::Other`]: values go there as text.
pub fn parse(text: &str) -> PgType {
    let lower = text.trim().to_ascii_lowercase();
    let words = lower.split_whitespace().collect::<Vec<_>>().join(" ");
    let (head, numbers, tail) = split(&words);
    let name = match (head.as_str(), tail.as_str()) {
        ("time" | "timestamp", "without time zone") => head.clone(),
        (head, "") => head.to_owned(),
        (head, tail) => format!("{head} {tail}"),
    };
    let digits = || match numbers.as_slice() {
        [] => Some(6),
        [n] => u8::try_from(*n).ok().filter(|n| *n <= 6),
        _ => None,
    };
    let one = || match numbers.as_slice() {
        [n] => Some(*n),
        _ => None,
    };
    let known = match name.as_str() {
        "numeric" | "decimal" => match numbers.as_slice() {
            [] => Some(PgType::Numeric(None)),
            [p] => u16::try_from(*p)
                .ok()
                .map(|p| PgType::Numeric(Some((p, 0)))),
            [p, s] => u16::try_from(*p)
                .ok()
                .zip(u16::try_from(*s).ok())
                .map(|both| PgType::Numeric(Some(both))),
            _ => None,
        },
        "float" => match one() {
            Some(1..=24) => Some(PgType::Float4),
            _ => Some(PgType::Float8),
        },
        "time" => digits().map(PgType::Time),
        "timestamp" => digits().map(PgType::Timestamp),
        "timestamptz" | "timestamp with time zone" => digits().map(PgType::Timestamptz),
        "interval" => digits().map(PgType::Interval),
        "varchar" | "character varying" => Some(PgType::Varchar(one())),
        "char" | "character" => Some(PgType::Char(one().unwrap_or(1))),
        "bpchar" => one().map(PgType::Char),
        "bit" => Some(PgType::Bit(one().unwrap_or(1))),
        "varbit" | "bit varying" => Some(PgType::Varbit(one())),
        name if numbers.is_empty() => plain(name),
        _ => None,
    };
    known.unwrap_or_else(|| PgType::Other(text.trim().to_owned()))
}

/// Types without a length.
fn plain(name: &str) -> Option<PgType> {
    Some(match name {
        "smallint" | "int2" => PgType::Int2,
        "integer" | "int" | "int4" => PgType::Int4,
        "bigint" | "int8" => PgType::Int8,
        "real" | "float4" => PgType::Float4,
        "double precision" | "float8" => PgType::Float8,
        "boolean" | "bool" => PgType::Bool,
        "date" => PgType::Date,
        "text" => PgType::Text,
        "bytea" => PgType::Bytea,
        "json" => PgType::Json,
        "jsonb" => PgType::Jsonb,
        "uuid" => PgType::Uuid,
        "inet" => PgType::Inet,
        "text[]" => PgType::TextArray,
        "real[]" | "float4[]" => PgType::Float4Array,
        _ => return None,
    })
}

/// `timestamp(3) with time zone` to its name, numbers and what stands behind them.
fn split(words: &str) -> (String, Vec<u32>, String) {
    let whole = || (words.to_owned(), Vec::new(), String::new());
    let Some((head, rest)) = words.split_once('(') else {
        if let Some(head) = words.strip_suffix(" without time zone") {
            return (head.to_owned(), Vec::new(), "without time zone".into());
        }
        return whole();
    };
    let Some((inner, tail)) = rest.split_once(')') else {
        return whole();
    };
    let numbers: Result<Vec<u32>, _> = inner.split(',').map(|n| n.trim().parse()).collect();
    match numbers {
        Ok(numbers) => (head.trim().into(), numbers, tail.trim().into()),
        Err(_) => whole(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_back_as_they_are_written() {
        let all = [
            PgType::Int2,
            PgType::Numeric(None),
            PgType::Numeric(Some((65, 30))),
            PgType::Float8,
            PgType::Time(6),
            PgType::Timestamp(0),
            PgType::Timestamp(6),
            PgType::Timestamptz(3),
            PgType::Timestamptz(6),
            PgType::Interval(2),
            PgType::Varchar(None),
            PgType::Varchar(Some(7)),
            PgType::Char(3),
            PgType::Bit(64),
            PgType::Varbit(Some(9)),
            PgType::TextArray,
            PgType::Float4Array,
            PgType::Other("citext".into()),
            PgType::Other("geometry(Point,4326)".into()),
        ];
        for ty in all {
            assert_eq!(parse(&ty.sql()), ty);
        }
    }

    #[test]
    fn synonyms_and_spaces_are_understood() {
        let check = |text: &str, expect: PgType| assert_eq!(parse(text), expect, "{text}");
        check(" BOOLEAN ", PgType::Bool);
        check("Character  Varying ( 20 )", PgType::Varchar(Some(20)));
        check("timestamp without time zone", PgType::Timestamp(6));
        check("timestamp(3) without time zone", PgType::Timestamp(3));
        check("timestamptz", PgType::Timestamptz(6));
        check("decimal(10, 2)", PgType::Numeric(Some((10, 2))));
        check("numeric(9)", PgType::Numeric(Some((9, 0))));
        check("float(10)", PgType::Float4);
        check("int4range", PgType::Other("int4range".into()));
        check("varchar(", PgType::Other("varchar(".into()));
    }
}
