//! Looks for a text in all that a database and a directory hold: plain, as hex digits, in base64.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use tokio_postgres::Client;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Tables, of any schema, that hold the text in some form. Those named in `without` are locked and not looked at.
pub(super) async fn in_database(
    client: &Client,
    text: &str,
    without: &[&str],
) -> Result<Vec<String>> {
    let tables = client
        .query(
            "select format('%I.%I', n.nspname, c.relname), c.relname::text from pg_class c \
               join pg_namespace n on n.oid = c.relnamespace \
              where c.relkind in ('r', 'm') and n.nspname not in ('pg_catalog', 'information_schema') \
                and n.nspname !~ '^pg_' order by 1",
            &[],
        )
        .await?;
    let patterns: Vec<String> = forms(text)
        .iter()
        .map(|form| format!("%{}%", form.replace(['%', '_', '\\'], "_")))
        .collect();
    let mut found = Vec::new();
    for table in tables {
        let (quoted, name): (String, String) = (table.get(0), table.get(1));
        if without.contains(&name.as_str()) {
            continue;
        }
        let question =
            format!("select exists (select from only {quoted} t where t::text like any($1))");
        let row = client.query_one(&question, &[&patterns]).await;
        if row.with_context(|| question.clone())?.get(0) {
            found.push(quoted);
        }
    }
    Ok(found)
}

/// Files below a directory that hold the text in some form.
pub(super) fn in_files(directory: &Path, text: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(in_files(&path, text)?);
            continue;
        }
        let bytes = fs::read(&path)?;
        let held = |form: &String| {
            bytes
                .windows(form.len())
                .any(|part| part == form.as_bytes())
        };
        if forms(text).iter().any(held) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

/// The text as it is, as hex digits of both cases, and as the middle of any base64.
fn forms(text: &str) -> Vec<String> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![text.to_owned(), hex.to_uppercase(), hex];
    forms.extend((0..3).map(|before| base64_middle(text.as_bytes(), before)));
    forms
}

/// The base64 digits that are certain when so many bytes (of three) stand before the text.
fn base64_middle(bytes: &[u8], before: usize) -> String {
    let skip = (3 - before) % 3;
    bytes[skip..]
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = three
                .iter()
                .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_text_is_found() {
        let forms = forms("Geheim");
        assert_eq!(forms[..3], ["Geheim", "47656865696D", "47656865696d"]);
        // base64 of "Geheim", "xGeheim!" and "xxGeheim!!"
        for encoded in ["R2VoZWlt", "eEdlaGVpbSE=", "eHhHZWhlaW0hIQ=="] {
            assert!(
                forms[3..]
                    .iter()
                    .any(|form| form.len() >= 4 && encoded.contains(form)),
                "{encoded} {forms:?}"
            );
        }
    }
}
