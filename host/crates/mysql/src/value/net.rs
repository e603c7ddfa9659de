//! MariaDB's UUID, INET4 and INET6: bytes of the binlog to the text that MariaDB prints.
//!
//! On the wire they look like `BINARY(n)`, in the order in which they are written as text.

use std::net::Ipv4Addr;

/// Appends a UUID: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub fn append_uuid(bytes: [u8; 16], out: &mut Vec<u8>) {
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        push_hex(byte >> 4, out);
        push_hex(byte & 15, out);
    }
}

/// Appends an INET4.
pub fn append_inet4(bytes: [u8; 4], out: &mut Vec<u8>) {
    out.extend_from_slice(Ipv4Addr::from(bytes).to_string().as_bytes());
}

/// Appends an INET6. The first of the longest runs of zeros is written `::`, a single one too; the
/// last four bytes are written as an IPv4 address behind six zeros or five and `ffff`.
/// Source: MariaDB source, `plugin/type_inet/sql_type_inet.cc`.
pub fn append_inet6(bytes: [u8; 16], out: &mut Vec<u8>) {
    let mut groups = [0_u16; 8];
    for (group, pair) in groups.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *group = u16::from_be_bytes(*pair);
    }
    let (start, len) = longest_zeros(&groups);
    let ipv4 = start == 0 && (len == 6 || len == 5 && groups[5] == 0xffff);
    let end = if ipv4 { 6 } else { 8 };
    let mut at = 0;
    while at < end {
        if at == start && len > 0 {
            out.extend_from_slice(if at == 0 { b"::" } else { b":" });
            at += len;
            continue;
        }
        push_group(groups[at], out);
        at += 1;
        if at < 8 {
            out.push(b':');
        }
    }
    if ipv4 {
        append_inet4([bytes[12], bytes[13], bytes[14], bytes[15]], out);
    }
}

/// Start and length of the first longest run of zero groups.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut best = (0, 0);
    for start in 0..8 {
        let len = groups[start..].iter().take_while(|&&g| g == 0).count();
        if len > best.1 {
            best = (start, len);
        }
    }
    best
}

fn push_group(group: u16, out: &mut Vec<u8>) {
    let nibbles = group.to_be_bytes().map(|b| [b >> 4, b & 15]);
    let nibbles = nibbles.as_flattened();
    let first = nibbles.iter().position(|&n| n != 0).unwrap_or(3);
    nibbles[first..].iter().for_each(|&n| push_hex(n, out));
}

fn push_hex(nibble: u8, out: &mut Vec<u8>) {
    out.push(if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    });
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn text(append: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        append(&mut out);
        String::from_utf8(out).unwrap()
    }

    /// As MariaDB 10.11 and 11.8 answered `select cast('..' as inet6)`.
    #[test]
    fn an_inet6_is_printed_as_the_server_prints_it() {
        for (address, expect) in [
            ("::", "::"),
            ("::1", "::1"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("::1.2.3.4", "::1.2.3.4"),
            ("1::", "1::"),
            ("1:0:0:2::", "1:0:0:2::"),
            ("1:0:2:0:3:0:4:0", "1::2:0:3:0:4:0"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("::1:2", "::0.1.0.2"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
            ("0:0:0:1::", "0:0:0:1::"),
            ("1:2:3:0:5:6:7:8", "1:2:3::5:6:7:8"),
            ("::fffe:1.2.3.4", "::fffe:102:304"),
            ("::ffff:0:0", "::ffff:0.0.0.0"),
            ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
            ("::1:0:0", "::1:0:0"),
            ("0:0:1::", "0:0:1::"),
            ("::ffff", "::ffff"),
            ("::1:0", "::0.1.0.0"),
        ] {
            let bytes = address.parse::<Ipv6Addr>().unwrap().octets();
            assert_eq!(text(|out| append_inet6(bytes, out)), expect, "{address}");
        }
    }

    #[test]
    fn uuid_and_inet4_are_printed_in_order() {
        let uuid = std::array::from_fn(|i| u8::try_from(i * 17).unwrap());
        assert_eq!(
            text(|out| append_uuid(uuid, out)),
            "00112233-4455-6677-8899-aabbccddeeff"
        );
        assert_eq!(text(|out| append_inet4([1, 2, 0, 255], out)), "1.2.0.255");
    }
}
