//! Binary JSON to text.

use chameleon_mysql::value::json;

use crate::bytes::{Random, damage};
use crate::corpus::Corpus;

const MOST_MEMBERS: usize = 5;

/// A document of random values, most often damaged.
pub(crate) fn make(_: &Corpus, random: &mut Random) -> Vec<u8> {
    let depth = random.below(5);
    let (kind, mut data) = value(random, depth);
    data.insert(0, kind);
    if !random.once_in(5) {
        let other = random.some(60);
        damage(&mut data, &other, random);
    }
    data
}

/// Type and data of a value.
fn value(random: &mut Random, depth: usize) -> (u8, Vec<u8>) {
    let container = depth > 0 && !random.once_in(3);
    if container {
        let large = random.once_in(3);
        return if random.once_in(2) {
            (u8::from(large), members(random, depth, large, true))
        } else {
            (2 + u8::from(large), members(random, depth, large, false))
        };
    }
    let number = random.bits().to_le_bytes();
    match random.below(11) {
        0 => (
            0x04,
            vec![u8::try_from(random.below(4)).unwrap_or_default()],
        ),
        1 => (0x05, number[..2].to_vec()),
        2 => (0x06, number[..2].to_vec()),
        3 => (0x07, number[..4].to_vec()),
        4 => (0x08, number[..4].to_vec()),
        5 => (0x09, number.to_vec()),
        6 => (0x0a, number.to_vec()),
        7 => (0x0b, number.to_vec()),
        8 | 9 => {
            let text = random.some(100);
            (
                0x0c,
                [&[u8::try_from(text.len()).unwrap_or_default()][..], &text].concat(),
            )
        }
        _ => {
            let kind = *random.pick(&[7, 10, 11, 12, 246, 252, 16, 255]);
            let data = random.some(20);
            (
                0x0f,
                [
                    &[kind, u8::try_from(data.len()).unwrap_or_default()][..],
                    &data,
                ]
                .concat(),
            )
        }
    }
}

/// Members of an object or an array, with offsets of two or four bytes.
fn members(random: &mut Random, depth: usize, large: bool, named: bool) -> Vec<u8> {
    let count = random.below(MOST_MEMBERS + 1);
    let width = if large { 4 } else { 2 };
    let put = |out: &mut Vec<u8>, number: usize| {
        out.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()[..width]);
    };
    let names: Vec<Vec<u8>> = (0..count)
        .map(|number| format!("k{number}").into_bytes())
        .collect();
    let values: Vec<_> = (0..count).map(|_| value(random, depth - 1)).collect();
    let name_entries = if named { count * (width + 2) } else { 0 };
    let mut at = 2 * width + name_entries + count * (width + 1);
    let mut out = Vec::new();
    put(&mut out, count);
    let names_bytes: usize = if named {
        names.iter().map(Vec::len).sum()
    } else {
        0
    };
    let size = at + names_bytes + values.iter().map(|(_, data)| data.len()).sum::<usize>();
    put(&mut out, size);
    if named {
        for name in &names {
            put(&mut out, at);
            out.extend_from_slice(&u16::try_from(name.len()).unwrap_or_default().to_le_bytes());
            at += name.len();
        }
    }
    for (kind, data) in &values {
        out.push(*kind);
        let inline = matches!(kind, 0x04..=0x06) || (large && matches!(kind, 0x07 | 0x08));
        if inline {
            let mut padded = data.clone();
            padded.resize(width, 0);
            out.extend_from_slice(&padded);
        } else {
            put(&mut out, at);
        }
        at += data.len();
    }
    if named {
        out.extend(names.concat());
    }
    for (_, data) in values {
        out.extend(data);
    }
    out
}

/// What is not refused must be JSON, unless a string is no text.
pub(crate) fn take(_: &Corpus, input: &[u8]) -> bool {
    let mut out = Vec::new();
    if json::append(input, &mut out).is_none() {
        return false;
    }
    assert!(
        out.len() <= 64 + input.len() * 500,
        "a document takes too much memory"
    );
    if let Ok(text) = std::str::from_utf8(&out) {
        let read: Result<&serde_json::value::RawValue, _> = serde_json::from_str(text);
        assert!(read.is_ok(), "this is no JSON: {text}");
    }
    true
}
