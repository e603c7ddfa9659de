//! PostgreSQL types: OIDs and SQL names.
//!
//! Source of the OIDs: pg_type.dat of the server; those of built-in types never change.

use chameleon_model::PgType;

/// OID of text.
pub const TEXT: u32 = 25;
/// OID of `text[]`.
pub const TEXT_ARRAY: u32 = 1009;

/// The type as SQL for a cast: without length and precision, because an explicit cast to
/// `varchar(3)`, `character(3)` or `bit(3)` cuts in silence where an assignment refuses. (`bit`
/// unquoted would mean `bit(1)`.)
pub fn cast(ty: &PgType) -> String {
    match ty {
        PgType::Numeric(_) => "numeric".into(),
        PgType::Time(_) => "time".into(),
        PgType::Timestamp(_) => "timestamp".into(),
        PgType::Timestamptz(_) => "timestamptz".into(),
        PgType::Interval(_) => "interval".into(),
        PgType::Varchar(_) => "varchar".into(),
        PgType::Char(_) => "bpchar".into(),
        PgType::Bit(_) => "\"bit\"".into(),
        PgType::Varbit(_) => "varbit".into(),
        other => other.sql(),
    }
}

/// OIDs of the type and of its array; `None` where they differ from server to server (enums, other
/// types) or where an array of it cannot be one-dimensional (arrays).
pub fn oids(ty: &PgType) -> Option<(u32, u32)> {
    Some(match ty {
        PgType::Int2 => (21, 1005),
        PgType::Int4 => (23, 1007),
        PgType::Int8 => (20, 1016),
        PgType::Numeric(_) => (1700, 1231),
        PgType::Float4 => (700, 1021),
        PgType::Float8 => (701, 1022),
        PgType::Bool => (16, 1000),
        PgType::Date => (1082, 1182),
        PgType::Time(_) => (1083, 1183),
        PgType::Timestamp(_) => (1114, 1115),
        PgType::Timestamptz(_) => (1184, 1185),
        PgType::Interval(_) => (1186, 1187),
        PgType::Varchar(_) => (1043, 1015),
        PgType::Char(_) => (1042, 1014),
        PgType::Text => (TEXT, TEXT_ARRAY),
        PgType::Bytea => (17, 1001),
        PgType::Bit(_) => (1560, 1561),
        PgType::Varbit(_) => (1562, 1563),
        PgType::Json => (114, 199),
        PgType::Jsonb => (3802, 3807),
        PgType::Uuid => (2950, 2951),
        PgType::Inet => (869, 1041),
        PgType::TextArray | PgType::Float4Array | PgType::Enum { .. } | PgType::Other(_) => {
            return None;
        }
    })
}

/// The bare, lowercase name in the SQL of an `Other` type: `geometry` of
/// `public.geometry(Point,4326)`.
pub(crate) fn bare_name(sql: &str) -> String {
    let name = sql.split('(').next().unwrap_or_default();
    let name = name.rsplit('.').next().unwrap_or_default();
    name.trim().trim_matches('"').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_never_cuts() {
        let check = |ty: PgType, expect: &str| assert_eq!(cast(&ty), expect);
        check(PgType::Varchar(Some(3)), "varchar");
        check(PgType::Char(3), "bpchar");
        check(PgType::Bit(3), "\"bit\"");
        check(PgType::Int4, "integer");
        check(PgType::TextArray, "text[]");
    }

    #[test]
    fn the_name_of_an_extension_type_is_found_behind_schema_and_modifier() {
        assert_eq!(bare_name("public.geometry(Point,4326)"), "geometry");
        assert_eq!(bare_name("\"ext\".\"Vector\"(3)"), "vector");
    }
}
