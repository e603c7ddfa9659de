//! Text of MySQL statements: literals, and scripts cut into statements.

use std::fmt::Write;

/// A string literal of MySQL.
pub(super) fn text(value: &str) -> String {
    let mut literal = String::from("'");
    for character in value.chars() {
        match character {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str("\\\\"),
            '\0' => literal.push_str("\\0"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

/// A literal of bytes.
pub(super) fn bytes(value: &[u8]) -> String {
    let mut literal = String::from("x'");
    for byte in value {
        let _ = write!(literal, "{byte:02x}");
    }
    literal.push('\'');
    literal
}

/// The literal, or NULL.
pub(super) fn nullable(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".into())
}

/// An amount of money out of cents.
pub(super) fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The statements of a script. A statement ends with a semicolon at a line's end; a line that begins with `--` is
/// a comment.
pub(super) fn statements(script: &str) -> Vec<String> {
    let mut statements = Vec::new();
    let mut statement = String::new();
    for line in script.lines() {
        if line.trim_start().starts_with("--") || line.trim().is_empty() {
            continue;
        }
        statement.push_str(line);
        if let Some(whole) = statement.strip_suffix(';') {
            statements.push(whole.to_owned());
            statement.clear();
        } else {
            statement.push('\n');
        }
    }
    let rest = statement.trim_end();
    if !rest.is_empty() {
        statements.push(rest.to_owned());
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_keep_what_could_end_them() {
        assert_eq!(text("it's a \\"), "'it''s a \\\\'");
        assert_eq!(bytes(&[0, 255]), "x'00ff'");
        assert_eq!(money(1205), "12.05");
    }

    #[test]
    fn a_script_is_cut_at_semicolons_that_end_a_line() {
        let found = statements("-- why\nselect 'a;b',\n  1;\n\nselect 2;\nselect 3");
        assert_eq!(found, ["select 'a;b',\n  1", "select 2", "select 3"]);
    }
}
