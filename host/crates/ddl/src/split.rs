//! A file of statements, cut into single ones as the servers' command line clients cut it.

/// Cuts a script at its delimiters, which are `;` until a line `DELIMITER x` says otherwise. Quotes
/// and comments are heeded. Statements come with white space and delimiters around them cut off;
/// empty ones are left out.
pub fn split(script: &str) -> Vec<&str> {
    let mut delimiter = ";";
    let mut statements = Vec::new();
    let mut rest = script.trim_start();
    while !rest.is_empty() {
        if let Some((next, behind)) = delimiter_line(rest) {
            delimiter = next;
            rest = behind.trim_start();
            continue;
        }
        let end = end_of_statement(rest, delimiter);
        let statement = rest[..end].trim();
        if !statement.is_empty() {
            statements.push(statement);
        }
        rest = rest
            .get(end + delimiter.len()..)
            .unwrap_or_default()
            .trim_start();
    }
    statements
}

/// At a line `DELIMITER x`: the delimiter and what follows the line.
fn delimiter_line(text: &str) -> Option<(&str, &str)> {
    let word = text.get(..9)?;
    let blank = text.as_bytes().get(9).is_some_and(|b| b" \t".contains(b));
    if !word.eq_ignore_ascii_case("delimiter") || !blank {
        return None;
    }
    let (line, behind) = text.split_once('\n').unwrap_or((text, ""));
    let delimiter = line[9..].split_whitespace().next()?;
    Some((delimiter, behind))
}

/// Where the delimiter stands, outside of quotes and comments, or the text's length.
fn end_of_statement(text: &str, delimiter: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest.starts_with(delimiter.as_bytes()) {
            return at;
        }
        at += match rest[0] {
            quote @ (b'\'' | b'"' | b'`') => quoted_len(rest, quote),
            b'#' => line_len(rest),
            b'-' if rest.starts_with(b"--") && rest.get(2).is_none_or(|&b| b <= b' ') => {
                line_len(rest)
            }
            // executable comments hold statements too, but no delimiter ends one inside
            b'/' if rest.starts_with(b"/*") => {
                let end = rest[2..].windows(2).position(|pair| pair == b"*/");
                end.map_or(rest.len(), |n| n + 4)
            }
            _ => 1,
        };
    }
    bytes.len()
}

fn line_len(rest: &[u8]) -> usize {
    rest.iter()
        .position(|&b| b == b'\n')
        .map_or(rest.len(), |n| n + 1)
}

fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&b) = rest.get(at) {
        match b {
            b'\\' if quote != b'`' => at += 1,
            b if b == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn scripts_are_cut_at_delimiters_outside_of_quotes_and_comments() {
        let check = |script: &str, expect: &[&str]| assert_eq!(split(script), expect, "{script}");
        check(" a ;; b", &["a", "b"]);
        check(
            "a ';' \";\" `;` -- ;\n b # ;\n /* ; */; c",
            &["a ';' \";\" `;` -- ;\n b # ;\n /* ; */", "c"],
        );
        check("a 'it''s;' 'x\\';'; b", &["a 'it''s;' 'x\\';'", "b"]);
        check(
            "x;\nDELIMITER ;;\ncreate procedure p() begin a; b; end;;\ndelimiter ;\ny;",
            &["x", "create procedure p() begin a; b; end", "y"],
        );
        check("DELIMITER $$\nend$$\n", &["end"]);
        check("a 'open; b", &["a 'open; b"]);
        check("ä;ö", &["ä", "ö"]);
        check("delimiter", &["delimiter"]);
    }
}
