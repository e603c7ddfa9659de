//! Labels of ENUM and SET out of `information_schema.columns.column_type`.
//!
//! Both servers write the list with quotes doubled and with backslash, NUL, line feed and carriage
//! return escaped by a backslash, whatever `sql_mode` says (server file `sql/unireg` and
//! `append_unescaped`).

/// Reads the labels of `enum('a','b''c')` or `set(...)`; `None` where the text has another form.
pub(super) fn parse_labels(column_type: &str) -> Option<Vec<String>> {
    let list = column_type.split_once('(')?.1;
    let mut labels = Vec::new();
    let mut chars = list.chars().peekable();
    loop {
        if chars.next()? != '\'' {
            return None;
        }
        let mut label = String::new();
        loop {
            match chars.next()? {
                '\'' if chars.peek() == Some(&'\'') => {
                    chars.next();
                    label.push('\'');
                }
                '\'' => break,
                '\\' => label.push(match chars.next()? {
                    '0' => '\0',
                    'n' => '\n',
                    'r' => '\r',
                    other => other,
                }),
                other => label.push(other),
            }
        }
        labels.push(label);
        match chars.next()? {
            ',' => {}
            ')' => return Some(labels),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_with_quotes_commas_and_escapes_are_read() {
        let check = |text: &str, expect: Option<&[&str]>| {
            let expect = expect.map(|e| e.iter().map(|&l| l.to_owned()).collect::<Vec<_>>());
            assert_eq!(parse_labels(text), expect, "{text}");
        };
        check("enum('a')", Some(&["a"]));
        check(
            "enum('','a b','c,d','q''q','b\\\\s','n\\nl','cr\\r','nul\\0x','dq\"','(p)')",
            Some(&[
                "", "a b", "c,d", "q'q", "b\\s", "n\nl", "cr\r", "nul\0x", "dq\"", "(p)",
            ]),
        );
        check("set('ä','🦎') charset utf8mb4", Some(&["ä", "🦎"]));
        check("enum('a'", None);
        check("enum(a)", None);
        check("int", None);
    }
}
