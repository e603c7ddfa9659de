//! Names at the target: quoting, and what becomes of names longer than PostgreSQL's 63 bytes.

/// Longest identifier that PostgreSQL keeps, in bytes (`NAMEDATALEN - 1`).
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// Quotes an identifier for PostgreSQL. Always quoted, so that case and reserved words survive.
pub fn quote_ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes `schema.name` for PostgreSQL.
pub fn quote_qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_ident(schema), quote_ident(name))
}

/// Quotes a string literal for PostgreSQL, whatever `standard_conforming_strings` says.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// The name that an identifier gets at the target: itself up to 63 bytes; beyond that its first 54
/// bytes cut at a character boundary, `_`, and eight hex digits of a hash of the whole name.
pub fn target_name(name: &str) -> String {
    if name.len() <= MAX_IDENTIFIER_BYTES {
        return name.to_owned();
    }
    let mut cut = 54;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}_{:08x}", &name[..cut], fnv1a(name.as_bytes()))
}

/// Columns that every PostgreSQL table has of its own.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// The name that a column gets at the target: [`target_name`], with `_` behind it where PostgreSQL
/// has a system column of that name.
pub fn target_column_name(name: &str) -> String {
    if SYSTEM_COLUMNS.contains(&name) {
        return format!("{name}_");
    }
    target_name(name)
}

/// Name of a table's index at the target, where index names share one space per schema.
pub fn target_index_name(table: &str, index: &str) -> String {
    target_name(&format!("{table}_{index}"))
}

/// FNV-1a, 32 bits: fixed for ever, because names at the target depend on it.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &b| {
        (hash ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_at_a_character_and_told_apart_by_a_hash() {
        let check = |name: &str, len: usize| {
            let cut = target_name(name);
            assert_eq!(cut.len(), len, "{cut}");
            cut
        };
        check(&"a".repeat(63), 63);
        let a = check(&"a".repeat(64), 63);
        let b = check(&format!("{}b", "a".repeat(63)), 63);
        assert_ne!(a, b);
        // 54 falls inside the 14th emoji of four bytes each: 52 bytes are kept
        check(&"🦎".repeat(16), 61);
    }

    #[test]
    fn columns_never_have_the_name_of_a_system_column() {
        assert_eq!(target_column_name("xmin"), "xmin_");
        assert_eq!(target_column_name("XMIN"), "XMIN");
        assert_eq!(target_column_name("a"), "a");
    }

    #[test]
    fn quoting_survives_quotes_and_backslashes() {
        assert_eq!(quote_ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
        assert_eq!(quote_literal("a\\'b"), " E'a\\\\''b'");
    }
}
