//! Base64 (RFC 4648, section 4), with padding.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends bytes as base64.
pub(super) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    for chunk in bytes.chunks(3) {
        let at = |i: usize| chunk.get(i).copied().unwrap_or_default();
        let (a, b, c) = (at(0), at(1), at(2));
        let digits = [
            a >> 2,
            (a & 3) << 4 | b >> 4,
            (b & 15) << 2 | c >> 6,
            c & 63,
        ];
        for (i, digit) in digits.into_iter().enumerate() {
            out.push(if i <= chunk.len() {
                ALPHABET[usize::from(digit)]
            } else {
                b'='
            });
        }
    }
}

#[test]
fn bytes_are_written_in_base64() {
    for (bytes, expect) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
        let mut out = Vec::new();
        append(bytes.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    }
    let mut out = Vec::new();
    append(&[0xff, 0xfe, 0xfb], &mut out);
    assert_eq!(out, b"//77");
}
