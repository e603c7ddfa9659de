//! A text cut into statements, as the `mysql` client cuts it.
//!
//! Semicolons in quotes and comments do not end a statement; `DELIMITER` lines, which dumps put
//! around triggers and procedures, set another end.

/// The statements in order, without their ends and without blanks around them. Texts of nothing but
/// comments are left out; executable comments (`/*!`, `/*M!`) are statements.
pub(crate) fn statements(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut cutter = Cutter {
        text,
        at: 0,
        delimiter: ";",
    };
    while cutter.at < text.len() {
        if let Some(statement) = cutter.next() {
            found.push(statement);
        }
    }
    found
}

struct Cutter<'t> {
    text: &'t str,
    at: usize,
    delimiter: &'t str,
}

impl<'t> Cutter<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Cuts the next statement off; `None`: it was none.
    fn next(&mut self) -> Option<&'t str> {
        let blanks = self.rest().len() - self.rest().trim_start().len();
        self.at += blanks;
        if self.set_delimiter() {
            return None;
        }
        let start = self.at;
        let mut says_something = false;
        while !self.rest().is_empty() && !self.rest().starts_with(self.delimiter) {
            let rest = self.rest();
            let executable = rest.starts_with("/*!") || rest.starts_with("/*M!");
            if let Some(length) = comment(rest) {
                says_something |= executable;
                self.at += length;
            } else {
                let length = quoted(rest).or(rest.chars().next().map(char::len_utf8));
                says_something |= !rest.starts_with(char::is_whitespace);
                self.at += length.unwrap_or(1);
            }
        }
        let statement = self.text[start..self.at].trim();
        self.at = (self.at + self.delimiter.len()).min(self.text.len());
        says_something.then_some(statement)
    }

    /// Takes a line `DELIMITER x`.
    fn set_delimiter(&mut self) -> bool {
        let line = self.rest().lines().next().unwrap_or_default();
        let Some((word, delimiter)) = line.split_once(char::is_whitespace) else {
            return false;
        };
        if !word.eq_ignore_ascii_case("delimiter") || delimiter.trim().is_empty() {
            return false;
        }
        self.delimiter = delimiter.trim();
        self.at += line.len();
        true
    }
}

/// Length of the comment that a text begins with.
fn comment(text: &str) -> Option<usize> {
    let line = text.starts_with('#')
        || text.strip_prefix("--").is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c.is_control())
        });
    if line {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    let inside = text.strip_prefix("/*")?;
    Some(inside.find("*/").map_or(text.len(), |end| end + 4))
}

/// Length of the quoted text that a text begins with.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| "'\"`".contains(*c))?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    Some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes_and_comments() {
        let check = |text: &str, expect: &[&str]| assert_eq!(statements(text), expect, "{text}");
        check("a; b ;\nc", &["a", "b", "c"]);
        check(
            "a ';' \";\" `;` 'it''s;' '\\';' ; b",
            &["a ';' \";\" `;` 'it''s;' '\\';'", "b"],
        );
        check(
            "-- x; y\na # z;\n; /* ; */ b",
            &["-- x; y\na # z;", "/* ; */ b"],
        );
        check("-- nothing\n; /* nothing */;;", &[]);
        check(
            "/*!40101 SET x=1 */; a--1",
            &["/*!40101 SET x=1 */", "a--1"],
        );
        check(
            "DELIMITER ;;\ncreate x begin a; b; end;;\ndelimiter ;\nc;",
            &["create x begin a; b; end", "c"],
        );
        check("a 'not closed; b", &["a 'not closed; b"]);
        check("/* not closed; b", &[]);
        check("ä;ö", &["ä", "ö"]);
        check("", &[]);
    }
}
