use super::*;

fn date(year: u16, month: u8, day: u8) -> DateTime {
    DateTime {
        year,
        month,
        day,
        ..DateTime::default()
    }
}

fn odd(cell: Cell, buffer: &ChangeBuffer) -> String {
    match cell {
        Cell::Odd(span) => buffer.text(span).to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn days_count_on_through_every_day_of_the_calendar() {
    let mut expect = -719_528; // 0000-01-01
    for year in 0..=9999_u16 {
        let leap = year % 400 == 0 || year % 4 == 0 && year % 100 != 0;
        let february = if leap { 29 } else { 28 };
        let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(months) {
            for day in 1..=length {
                assert_eq!(
                    date(year, month, day).days(),
                    Some(expect),
                    "{year}-{month}-{day}"
                );
                expect += 1;
            }
            assert_eq!(date(year, month, length + 1).days(), None);
        }
    }
    assert_eq!(date(1970, 1, 1).days(), Some(0));
    assert_eq!(expect - 1, date(9999, 12, 31).days().unwrap());
}

#[test]
fn zero_and_partial_dates_keep_their_text() {
    let mut buffer = ChangeBuffer::default();
    let mut check = |text: &str| {
        let cell = date_from_text(text.as_bytes(), &mut buffer).unwrap();
        assert_eq!(odd(cell, &buffer), text);
        for clock in [" 00:00:00", " 23:59:59.1", " 00:00:00.000000"] {
            let text = format!("{text}{clock}");
            let cell = datetime_from_text(text.as_bytes(), &mut buffer).unwrap();
            assert_eq!(odd(cell, &buffer), text);
        }
    };
    for text in [
        "0000-00-00",
        "2020-00-15",
        "2020-01-00",
        "2021-02-31",
        "0000-01-00",
    ] {
        check(text);
    }
}

#[test]
fn a_stored_date_is_read() {
    let check = |bytes, year, month, day| assert_eq!(decode_date(bytes), date(year, month, day));
    check([0x9f, 0x1f, 0x4e], 9999, 12, 31);
    check([0, 0, 0], 0, 0, 0);
    check([0x0f, 0xc8, 0x0f], 2020, 0, 15);
    check([0x21, 0xd0, 0x07], 1000, 1, 1);
}

/// The servers' own way to store a TIME, for all scales.
fn store_time2(micros: i64, scale: u8) -> Vec<u8> {
    let per = [1_000_000, 10_000, 10_000, 100, 100, 1, 1][usize::from(scale)];
    let value = micros.unsigned_abs();
    let seconds = value / 1_000_000;
    let hms = ((seconds / 3600) << 12) | ((seconds / 60 % 60) << 6) | (seconds % 60);
    let bits = 8 * fraction_bytes(scale);
    let packed = i64::try_from((hms << bits) | (value % 1_000_000 / per)).unwrap();
    let packed = if micros < 0 { -packed } else { packed } + (0x80_0000 << bits);
    packed.to_be_bytes()[8 - 3 - bits / 8..].to_vec()
}

#[test]
fn a_time_is_read_at_every_scale_and_sign() {
    for scale in 0..=6 {
        let unit = 10_i64.pow(u32::from(6 - scale));
        let last = ((838 * 60 + 59) * 60 + 59) * 1_000_000;
        for base in [0, unit, 999_999 / unit * unit, 1_000_000, last] {
            for near in [base, base + 999_999 / unit * unit, base + 59_000_000 + unit] {
                for micros in [near, -near] {
                    if micros.abs() > last + 999_999 || scale == 0 && micros % 1_000_000 != 0 {
                        continue;
                    }
                    let span = decode_time2(&store_time2(micros, scale), scale);
                    assert_eq!(
                        span.map(|s| s.signed_micros()),
                        Some(micros),
                        "{micros} {scale}"
                    );
                }
            }
        }
    }
    // as the server wrote them: -00:00:00.10 in TIME(2), -00:00:01 and 00:00:01 in TIME
    assert_eq!(
        decode_time2(&[0x7f, 0xff, 0xff, 0xf6], 2)
            .unwrap()
            .signed_micros(),
        -100_000
    );
    assert_eq!(
        decode_time2(&[0x7f, 0xff, 0xff], 0)
            .unwrap()
            .signed_micros(),
        -1_000_000
    );
    assert_eq!(
        decode_time2(&[0x80, 0, 1], 0).unwrap().signed_micros(),
        1_000_000
    );
}

#[test]
fn a_datetime_is_read_at_every_scale() {
    let mut buffer = ChangeBuffer::default();
    let mut check = |bytes: &[u8], scale, expect: &str| {
        let value = decode_datetime2(bytes, scale).unwrap();
        let mut text = Vec::new();
        value.push_datetime(scale, &mut text);
        assert_eq!(String::from_utf8(text).unwrap(), expect);
        let cell = value.datetime_cell(scale, &mut buffer).unwrap();
        let again = datetime_from_text(expect.as_bytes(), &mut buffer).unwrap();
        assert_eq!(odd(cell, &buffer), odd(again, &buffer));
    };
    check(&[0x80, 0, 0, 0, 0], 0, "0000-00-00 00:00:00");
    check(&[0xfe, 0xf3, 0xff, 0x7e, 0xfb], 0, "9999-12-31 23:59:59");
    check(
        &[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 99],
        2,
        "9999-12-31 23:59:59.99",
    );
    check(
        &[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 90],
        1,
        "9999-12-31 23:59:59.9",
    );
    check(
        &[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 0x27, 0x0f],
        4,
        "9999-12-31 23:59:59.9999",
    );
    check(
        &[0xfe, 0xf3, 0xff, 0x7e, 0xfb, 0x0f, 0x42, 0x3f],
        6,
        "9999-12-31 23:59:59.999999",
    );
}

#[test]
fn a_timestamp_reaches_2106_and_zero_is_the_zero_date() {
    assert_eq!(
        decode_timestamp2(&[0xff; 4], 0),
        Some(4_294_967_295_000_000)
    );
    assert_eq!(decode_timestamp2(&[0, 0, 0, 1, 50], 2), Some(1_500_000));
    let mut buffer = ChangeBuffer::default();
    let cell = timestamp_cell(0, 3, &mut buffer);
    assert_eq!(odd(cell, &buffer), "0000-00-00 00:00:00.000");
    assert_eq!(timestamp_cell(1, 3, &mut buffer), Cell::Micros(1));
}

#[test]
fn the_forms_of_old_servers_are_read() {
    let time = |n: i32| decode_time_old(n.to_le_bytes()[..3].try_into().unwrap());
    assert_eq!(
        time(-8_385_959).unwrap().signed_micros(),
        -3_020_399_000_000
    );
    assert_eq!(time(101).unwrap().signed_micros(), 61_000_000);
    assert_eq!(time(99), None);
    let value = decode_datetime_old(20_201_231_235_958_u64.to_le_bytes()).unwrap();
    assert_eq!((value.year, value.month, value.second), (2020, 12, 58));
    assert_eq!(decode_datetime_old([0xff; 8]), None);
}

#[test]
fn text_gives_the_same_numbers_as_storage() {
    let check = |text: &str, expect: Option<i64>| {
        assert_eq!(
            time_from_text(text.as_bytes()),
            expect.map(Cell::Micros),
            "{text}"
        );
    };
    check("-838:59:59.999999", Some(-3_020_399_999_999));
    check("00:00:00", Some(0));
    check("-00:00:00.1", Some(-100_000));
    check("839:00:00", None);
    check("12:60:00", None);
    check("1x:00:00", None);
    check("", None);
    let mut buffer = ChangeBuffer::default();
    assert_eq!(
        date_from_text(b"1970-01-02", &mut buffer),
        Some(Cell::Days(1))
    );
    assert_eq!(date_from_text(b"1970-01-02 ", &mut buffer), None);
    let cell = datetime_from_text(b"1969-12-31 23:59:59.999999", &mut buffer);
    assert_eq!(cell, Some(Cell::Micros(-1)));
    assert_eq!(
        datetime_from_text(b"1970-01-01 24:00:00", &mut buffer),
        None
    );
}

#[test]
fn impossible_storage_is_refused() {
    assert_eq!(decode_time2(&[0x80, 0, 60], 0), None);
    assert_eq!(decode_time2(&[0x80, 0, 1, 100], 2), None);
    assert_eq!(decode_time2(&[0x80, 0], 0), None);
    assert_eq!(decode_datetime2(&[0, 0, 0, 0, 0], 0), None);
    assert_eq!(decode_datetime2(&[0xff; 5], 0), None);
}
