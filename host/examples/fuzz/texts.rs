//! Text of the source: character sets, dates and numbers as text; GTID sets and positions; configurations.

use chameleon_model::{BinlogPosition, ChangeBuffer, GtidSet};
use chameleon_mysql::value::charset::Charset;
use chameleon_mysql::value::{decimal, net, temporal};

use crate::bytes::{Choices, Random, damage};
use crate::corpus::Corpus;

const CHARSETS: &[&str] = &[
    "utf8mb4", "ascii", "latin1", "latin2", "cp1250", "swe7", "big5", "cp932", "sjis", "ujis",
    "eucjpms", "euckr", "gb2312", "gbk", "gb18030", "ucs2", "utf16", "utf16le", "utf32", "hebrew",
    "tis620",
];

const TEXTS: &[&str] = &[
    "2024-02-29",
    "0000-00-00",
    "2020-00-15 01:02:03.000004",
    "9999-12-31 23:59:59.999999",
    "-838:59:59.999999",
    "00:00:00",
    "plain text",
    "Größe 日本語 🎉",
];

pub(crate) fn make(_: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(TEXTS).as_bytes().to_vec();
    if random.once_in(2) {
        bytes = random.some(200);
    }
    let other = random.some(40);
    damage(&mut bytes, &other, random);
    bytes.insert(0, random.byte());
    bytes.insert(0, random.byte());
    bytes
}

pub(crate) fn take(_: &Corpus, input: &[u8]) -> bool {
    let mut choices = Choices(input);
    let name = choices.pick(CHARSETS);
    let scale = choices.byte();
    let bytes = choices.rest();
    let mut out = Vec::new();
    let is_text = Charset::named(name).is_some_and(|charset| charset.append(bytes, &mut out));
    if is_text {
        assert!(
            std::str::from_utf8(&out).is_ok(),
            "{name} gave what is not UTF-8"
        );
        assert!(out.len() <= bytes.len() * 4, "{name} gave too much");
    }
    let mut buffer = ChangeBuffer::default();
    temporal::date_from_text(bytes, &mut buffer);
    temporal::datetime_from_text(bytes, &mut buffer);
    temporal::time_from_text(bytes);
    let (precision, digits) = (scale % 66, bytes.first().copied().unwrap_or_default() % 31);
    if let Some(needed) = decimal::stored_bytes(precision, digits) {
        out.clear();
        if bytes
            .get(..needed)
            .and_then(|bytes| decimal::append(bytes, precision, digits, &mut out))
            .is_some()
        {
            assert!(
                std::str::from_utf8(&out).is_ok(),
                "a decimal that is no text"
            );
        }
    }
    let digits = scale % 7;
    let stored = |whole: usize| {
        bytes
            .get(..whole + temporal::fraction_bytes(digits))
            .unwrap_or_default()
    };
    temporal::decode_time2(stored(3), digits);
    temporal::decode_datetime2(stored(5), digits);
    temporal::decode_timestamp2(stored(4), digits);
    if let Some(&eight) = bytes.first_chunk() {
        temporal::decode_datetime_old(eight);
        if let Some(micros) = temporal::DateTime::unpack(i64::from_le_bytes(eight)) {
            micros.days();
        }
    }
    if let Some(&three) = bytes.first_chunk() {
        temporal::decode_date(three);
        temporal::decode_time_old(three);
    }
    if let Some(&sixteen) = bytes.first_chunk() {
        out.clear();
        net::append_inet6(sixteen, &mut out);
        let text = std::str::from_utf8(&out).unwrap_or_default();
        let read: Result<std::net::Ipv6Addr, _> = text.parse();
        assert_eq!(
            read.map(|address| address.octets()).ok(),
            Some(sixteen),
            "an address reads differently"
        );
    }
    is_text
}

const POSITIONS: &[&str] = &[
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7-9",
    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:tag:1-3,3e11fa47-71ca-11e1-9e33-c80aa9429563:1",
    "0-1-55,1-2-18446744073709551615",
    "binlog.000012:4567",
];

pub(crate) fn make_position(_: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut bytes = random.pick(POSITIONS).as_bytes().to_vec();
    damage(&mut bytes, random.pick(POSITIONS).as_bytes(), random);
    bytes
}

/// What is read must be read the same from what it is written as.
pub(crate) fn take_position(_: &Corpus, input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    BinlogPosition::parse(&text);
    let Ok(set) = GtidSet::parse(&text) else {
        return false;
    };
    let again = GtidSet::parse(&set.to_string());
    assert!(
        again.is_ok_and(|again| again.contains(&set) && set.contains(&again)),
        "written and read differently: {set}"
    );
    true
}

pub(crate) fn make_configuration(corpus: &Corpus, random: &mut Random) -> Vec<u8> {
    let mut bytes = random.text(&corpus.configurations).to_vec();
    damage(&mut bytes, random.text(&corpus.configurations), random);
    bytes
}

pub(crate) fn take_configuration(_: &Corpus, input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    chameleon_config::parse("fuzz", &text, &|_| Some("word".into())).is_ok()
}
