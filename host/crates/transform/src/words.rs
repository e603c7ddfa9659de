//! Words of a module, made fit for a log, an error and the error table.

use crate::abi::v0_1::{Batch, Pool, Values, Vector};

/// Bytes that are kept.
const LONGEST: usize = 300;
/// Bytes that are searched for values.
const SEARCHED: usize = 4096;
/// Values shorter than this are not looked for: they stand in any sentence.
const SHORTEST: usize = 3;
/// Numbers with fewer digits than this are not looked for.
const FEWEST_DIGITS: usize = 5;
const CUT: &str = "[value]";

/// Shortens, and takes out control characters.
pub(crate) fn short(text: &str) -> String {
    cut(text, LONGEST).trim().to_owned()
}

/// [`short`], and without the values of the batch that the module was given.
pub(crate) fn clean(text: &str, batch: Option<&Batch>) -> String {
    let Some(batch) = batch else {
        return short(text);
    };
    let mut text = cut(text, SEARCHED);
    for vector in batch.after.iter().chain(&batch.before) {
        for value in slices(vector) {
            cut_out(&mut text, value);
        }
        match &vector.values {
            Values::Ints(n) | Values::Micros(n) => {
                text =
                    without_numbers(&text, |wanted| n.iter().any(|n| n.unsigned_abs() == wanted));
            }
            Values::UInts(n) => text = without_numbers(&text, |wanted| n.contains(&wanted)),
            _ => {}
        }
    }
    short(&text)
}

fn cut(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest + 4));
    for c in text.chars() {
        if out.len() + c.len_utf8() > longest {
            out.push('…');
            break;
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

fn slices(vector: &Vector) -> impl Iterator<Item = &[u8]> {
    let pool = match &vector.values {
        Values::Texts(pool) | Values::Blobs(pool) => Some(pool),
        _ => None,
    };
    let odd = vector.odd.iter().map(|odd| odd.raw.as_slice());
    pool.into_iter().flat_map(pool_slices).chain(odd)
}

fn pool_slices(pool: &Pool) -> impl Iterator<Item = &[u8]> {
    let starts = std::iter::once(0).chain(pool.ends.iter().copied());
    starts.zip(&pool.ends).map(|(start, &end)| {
        pool.data
            .get(start as usize..end as usize)
            .unwrap_or_default()
    })
}

fn cut_out(text: &mut String, value: &[u8]) {
    if value.len() < SHORTEST || value.len() > text.len() {
        return;
    }
    if let Ok(value) = std::str::from_utf8(value)
        && text.contains(value)
    {
        *text = text.replace(value, CUT);
    }
}

/// Cuts out runs of digits that are values.
fn without_numbers(text: &str, is_value: impl Fn(u64) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        let (digits, after) = digits.split_at(end);
        let found = digits.len() >= FEWEST_DIGITS && digits.parse().is_ok_and(&is_value);
        out.push_str(before);
        out.push_str(if found { CUT } else { digits });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let vector = |values| Vector {
            column: 0,
            states: vec![],
            values,
            odd: vec![],
        };
        let pool = Pool {
            ends: vec![15, 17, 20],
            data: b"ada@example.orgno\xff\xff\xff".to_vec(),
        };
        Batch {
            table: 0,
            rows: 3,
            snapshot: false,
            ops: vec![],
            after: vec![
                vector(Values::Texts(pool)),
                vector(Values::Ints(vec![-491_711_122, 7])),
            ],
            before: vec![],
            meta: None,
        }
    }

    #[test]
    fn values_of_rows_are_cut_out_of_a_modules_words() {
        let check = |text: &str, expect: &str| assert_eq!(clean(text, Some(&batch())), expect);
        check("bad: \"ada@example.org\"", "bad: \"[value]\"");
        check("no value\nhere, 7", "no value here, 7");
        check("call -491711122!", "call -[value]!");
        check("line 123456", "line 123456");
    }

    #[test]
    fn long_words_are_cut() {
        assert_eq!(short(&"ä".repeat(1000)).chars().count(), LONGEST / 2 + 1);
    }
}
