use super::*;

fn text(document: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    append(document, &mut out)?;
    Some(String::from_utf8(out).unwrap())
}

fn bytes(hex: &str) -> Vec<u8> {
    let (pairs, _) = hex.as_bytes().as_chunks::<2>();
    let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
    pairs.iter().map(pair).collect()
}

/// Documents as MySQL 9.7 wrote them into its binlog, and what it printed for them.
#[test]
fn a_document_is_printed_as_the_server_prints_it() {
    for (document, expect) in [
        ("0400", r#"null"#),
        ("0401", r#"true"#),
        ("0402", r#"false"#),
        ("050000", r#"0"#),
        ("05ffff", r#"-1"#),
        ("05ff7f", r#"32767"#),
        ("050080", r#"-32768"#),
        ("07ffff0000", r#"65535"#),
        ("0700000100", r#"65536"#),
        ("0700000080", r#"-2147483648"#),
        ("09ffffffff00000000", r#"4294967295"#),
        ("0a0000000001000000", r#"4294967296"#),
        ("090000000000000080", r#"-9223372036854775808"#),
        ("0affffffffffffffff", r#"18446744073709551615"#),
        ("0b000000000000f03f", r#"1.0"#),
        ("0b000000000000e0bf", r#"-0.5"#),
        ("0b00003426f56b0c43", r#"1e15"#),
        ("0c00", r#""""#),
        (
            "0c136122625c200a09080c0d001f20c3a9f09fa68e",
            r#""a\"b\\ \n\t\b\f\r\u0000\u001f é🦎""#,
        ),
        ("0200000400", r#"[]"#),
        ("0000000400", r#"{}"#),
        (
            "02050037000501000c13000400000215000b2f00016202001a00040100000a00010010000b000100\
             020c007800000400000000000000f83f",
            r#"[1, "b", null, [true, {"x": []}], 1.5]"#,
        ),
        (
            "0003003f00190001001a0001001b000200001d0005010005020061626161010022000b000100020c\
             006302001600090a00071200ffffffff0000000000000080",
            r#"{"a": {"c": [4294967295, -2147483648]}, "b": 1, "aa": 2}"#,
        ),
        (
            "02040038000f10000f1a000f24000f2e000a08000000000044a5190b0820a107cca20000000b0800\
             0000345dffffff0c0870580a053144a519",
            "[\"2020-01-02\", \"10:11:12.500000\", \"-10:11:12.000000\", \"2020-01-02 03:04:0\
             5.678000\"]",
        ),
        (
            "0202001e000f0a000f1400f6080c038000000101f4f6080c037ffffffffe0b",
            r#"[1.500, -0.500]"#,
        ),
        (
            "0204007d000f10000f140006e4070f7a000f0200ff0f647878787878787878787878787878787878\
             78787878787878787878787878787878787878787878787878787878787878787878787878787878\
             78787878787878787878787878787878787878787878787878787878787878787878787878787878\
             7878780f0105",
            "[\"base64:type15:AP8=\", \"base64:type15:eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh\
             4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\\neHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\
             eHh4eHh4eHh4eHh4eA==\", 2020, \"base64:type15:BQ==\"]",
        ),
        ("0f0a08000000000044a519", r#""2020-01-02""#),
        ("0ff6070b028000006363", r#"99.99"#),
    ] {
        let document = bytes(document);
        assert_eq!(text(&document).as_deref(), Some(expect));
        for cut in 1..document.len() {
            assert_eq!(text(&document[..cut]), None, "{expect} cut at {cut}");
        }
    }
    assert_eq!(text(&[]).as_deref(), Some("null"));
}

#[test]
fn a_double_is_printed_as_the_server_prints_it() {
    for (number, expect) in [
        (1e14, "100000000000000.0"),
        (1e15, "1e15"),
        (1.5e15, "1.5e15"),
        (1_234_567_890_123_456.8, "1234567890123456.8"),
        (1.234_567_890_123_456e15, "1.234567890123456e15"),
        (1.234_567_890_123_456_8e16, "1.2345678901234568e16"),
        (0.1, "0.1"),
        (-123.25, "-123.25"),
        (0.000_012_345, "0.000012345"),
        (1.23e-15, "0.00000000000000123"),
        (1e-16, "1e-16"),
        (-0.0, "-0.0"),
        (100.0, "100.0"),
        (f64::MAX, "1.7976931348623157e308"),
        (5e-324, "5e-324"),
    ] {
        let mut document = vec![0x0b];
        document.extend_from_slice(&f64::to_le_bytes(number));
        assert_eq!(text(&document).as_deref(), Some(expect));
    }
    assert_eq!(text(&bytes("0b000000000000f07f")), None);
}

/// One object or array in the large form.
fn large(kind: u8, members: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let key_entries = if kind == LARGE_OBJECT {
        6 * members.len()
    } else {
        0
    };
    let mut heap_at = 8 + key_entries + 5 * members.len();
    let (mut keys, mut values, mut heap) = (vec![], vec![], vec![]);
    let mut put = |bytes: &[u8]| {
        heap.extend_from_slice(bytes);
        let at = u32::try_from(heap_at).unwrap();
        heap_at += bytes.len();
        at.to_le_bytes()
    };
    for (key, value_kind, value) in members {
        if kind == LARGE_OBJECT {
            keys.extend_from_slice(&put(key.as_bytes()));
            keys.extend_from_slice(&u16::try_from(key.len()).unwrap().to_le_bytes());
        }
        values.push(*value_kind);
        match *value_kind {
            INT32 | UINT32 => values.extend_from_slice(value),
            _ => values.extend_from_slice(&put(value)),
        }
    }
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let parts: [&[u8]; 5] = [
        &[kind],
        &number(members.len()),
        &number(heap_at),
        &keys,
        &values,
    ];
    [parts.concat(), heap].concat()
}

#[test]
fn the_large_form_holds_32_bit_numbers_in_place() {
    let inner = large(
        LARGE_ARRAY,
        &[
            ("", INT32, &[0xfe, 0xff, 0xff, 0xff]),
            ("", DOUBLE, &[0; 8]),
        ],
    );
    let outer = large(
        LARGE_OBJECT,
        &[("a", STRING, b"\x01x"), ("b", LARGE_ARRAY, &inner[1..])],
    );
    assert_eq!(
        text(&outer).as_deref(),
        Some(r#"{"a": "x", "b": [-2, 0.0]}"#)
    );
}

#[test]
fn a_document_that_points_back_into_itself_ends() {
    // an array of 1000 elements, all of which are the array itself
    let mut document = vec![LARGE_ARRAY];
    document.extend_from_slice(&1000_u32.to_le_bytes());
    document.extend_from_slice(&5008_u32.to_le_bytes());
    for _ in 0..1000 {
        document.push(LARGE_ARRAY);
        document.extend_from_slice(&0_u32.to_le_bytes());
    }
    assert_eq!(text(&document), None);
    // an array of 1000 strings, all of which are the same long one
    let long = [&[0xff, 0x07][..], &[b'x'; 1023]].concat();
    let mut document = vec![SMALL_ARRAY];
    document.extend_from_slice(&1000_u16.to_le_bytes());
    document.extend_from_slice(&(3004_u16 + 1025).to_le_bytes());
    for _ in 0..1000 {
        document.push(STRING);
        document.extend_from_slice(&3004_u16.to_le_bytes());
    }
    document.extend_from_slice(&long);
    assert_eq!(text(&document), None);
}

#[test]
fn text_that_is_no_utf8_and_values_of_no_type_are_refused() {
    assert_eq!(text(&[STRING, 1, 0xff]), None);
    assert_eq!(text(&[0x0d, 0, 0]), None);
    assert_eq!(text(&[LITERAL, 3]), None);
    assert_eq!(text(&[STRING, 0xff, 0xff, 0xff, 0xff, 0xff, 0]), None);
}
