//! Dates, moments and times: edge values and random ones.

use chameleon_model::{Cell, PgType, TypeKind, ZeroDatePolicy};

use crate::server::with_database;
use crate::stored::*;

fn days(value: i32) -> Value {
    Value::Plain(Cell::Days(value))
}

fn odd(value: &str) -> Value {
    Value::Odd(value.as_bytes().to_vec())
}

fn date_text(unix_days: i32) -> String {
    let epoch = time::Date::from_calendar_date(1970, time::Month::January, 1).unwrap();
    let date = epoch + time::Duration::days(i64::from(unix_days));
    format!(
        "{:04}-{:02}-{:02}",
        date.year(),
        u8::from(date.month()),
        date.day()
    )
}

fn moment_text(unix_micros: i64) -> String {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_micros) * 1000);
    let at = at.unwrap();
    let date = date_text(i32::try_from(unix_micros.div_euclid(86_400_000_000)).unwrap());
    let (hour, minute, second) = at.to_hms();
    let fraction = match at.microsecond() {
        0 => String::new(),
        micros => format!(".{micros:06}").trim_end_matches('0').to_owned(),
    };
    format!("{date} {hour:02}:{minute:02}:{second:02}{fraction}")
}

/// 0001-01-01 and 9999-12-31.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;
const DAY: i64 = 86_400_000_000;

#[tokio::test]
async fn dates_are_stored_from_year_0_to_9999() {
    with_database(|client, _| async move {
        let date = source(TypeKind::Date, "date");
        let mut values = sample(FIRST_DAY..=LAST_DAY, 300);
        values.extend([FIRST_DAY, LAST_DAY, 0, 10_957, 11_016, -1]);
        let mut expected: Vec<Expected> = values
            .iter()
            .map(|&v| (days(v), Some(date_text(v))))
            .collect();
        expected.push(shows(days(-719_528), "0001-01-01 BC"));
        check(&client, &date, &PgType::Date, &defaults(), &expected).await;
        check(&client, &date, &PgType::Text, &defaults(), &expected).await;
        let midnight: Vec<Expected> = values
            .iter()
            .map(|&v| (days(v), Some(format!("{} 00:00:00", date_text(v)))))
            .collect();
        check(
            &client,
            &date,
            &PgType::Timestamp(0),
            &defaults(),
            &midnight,
        )
        .await;
        let datetime = sized(TypeKind::DateTime, "datetime(6)", 0, 6);
        let at_midnight: Vec<Expected> = values
            .iter()
            .map(|&v| (micros(i64::from(v) * DAY), Some(date_text(v))))
            .collect();
        check(&client, &datetime, &PgType::Date, &defaults(), &at_midnight).await;
    })
    .await;
}

#[tokio::test]
async fn moments_are_exact_to_the_microsecond() {
    with_database(|client, _| async move {
        client.batch_execute("set timezone to 'UTC'").await.unwrap();
        let first = i64::from(FIRST_DAY) * DAY;
        let last = i64::from(LAST_DAY) * DAY + DAY - 1;
        let mut values = sample(first..=last, 300);
        // 1000-01-01, 2038, MariaDB's 2106, both sides of the epochs
        values.extend([first, last, 0, -1, 1, -30_610_224_000_000_000]);
        values.extend([
            2_147_483_647_000_000,
            4_294_967_295_000_000,
            946_684_799_999_999,
        ]);
        let zoneless: Vec<Expected> = values
            .iter()
            .map(|&v| (micros(v), Some(moment_text(v))))
            .collect();
        let zoned: Vec<Expected> = values
            .iter()
            .map(|&v| (micros(v), Some(moment_text(v) + "+00")))
            .collect();
        for kind in [TypeKind::DateTime, TypeKind::Timestamp] {
            let source = sized(kind, "moment(6)", 0, 6);
            check(
                &client,
                &source,
                &PgType::Timestamp(6),
                &defaults(),
                &zoneless,
            )
            .await;
            check(
                &client,
                &source,
                &PgType::Timestamptz(6),
                &defaults(),
                &zoned,
            )
            .await;
        }
        // a session in another zone changes nothing
        client
            .batch_execute("set timezone to 'America/New_York'")
            .await
            .unwrap();
        let source = sized(TypeKind::Timestamp, "timestamp(6)", 0, 6);
        let shown = "(c at time zone 'UTC')::text";
        let target = PgType::Timestamptz(6);
        check_shown(&client, &source, &target, &defaults(), &zoneless, shown).await;
        for scale in 0..=6u8 {
            let source = sized(TypeKind::DateTime, "datetime(f)", 0, scale);
            let unit = 10i64.pow(u32::from(6 - scale));
            let whole = values.iter().map(|v| v.div_euclid(unit) * unit);
            let expected: Vec<Expected> =
                whole.map(|v| (micros(v), Some(moment_text(v)))).collect();
            check(
                &client,
                &source,
                &PgType::Timestamp(scale),
                &defaults(),
                &expected,
            )
            .await;
        }
        let source = sized(TypeKind::DateTime, "datetime(3)", 0, 3);
        let padded = [shows(micros(120_000), "1970-01-01 00:00:00.120")];
        check(&client, &source, &PgType::Text, &defaults(), &padded).await;
    })
    .await;
}

#[tokio::test]
async fn zero_dates_follow_the_policy() {
    with_database(|client, _| async move {
        client.batch_execute("set timezone to 'UTC'").await.unwrap();
        let zero = [
            odd("0000-00-00"),
            odd("2020-00-15"),
            odd("0000-00-00 00:00:00"),
        ];
        let all = |shown: Option<&str>| -> Vec<Expected> {
            zero.iter()
                .map(|v| (v.clone(), shown.map(ToOwned::to_owned)))
                .collect()
        };
        let moment = |kind| sized(kind, "moment", 0, 0);
        for (policy, date, time) in [
            (ZeroDatePolicy::Null, None, None),
            (
                ZeroDatePolicy::Epoch,
                Some("1970-01-01"),
                Some("1970-01-01 00:00:00"),
            ),
            (
                ZeroDatePolicy::MinusInfinity,
                Some("-infinity"),
                Some("-infinity"),
            ),
        ] {
            let rules = zero_dates(policy);
            let source = moment(TypeKind::Date);
            check(&client, &source, &PgType::Date, &rules, &all(date)).await;
            let source = moment(TypeKind::DateTime);
            check(&client, &source, &PgType::Timestamp(0), &rules, &all(time)).await;
            let source = moment(TypeKind::Timestamp);
            let shown = "(c at time zone 'UTC')::text";
            let target = PgType::Timestamptz(0);
            check_shown(&client, &source, &target, &rules, &all(time), shown).await;
        }
        let kept: Vec<Expected> = vec![shows(zero[1].clone(), "2020-00-15")];
        let source = moment(TypeKind::Date);
        let rules = zero_dates(ZeroDatePolicy::Fail);
        check(&client, &source, &PgType::Varchar(Some(10)), &rules, &kept).await;
    })
    .await;
}

#[tokio::test]
async fn times_keep_their_sign_and_go_beyond_a_day() {
    with_database(|client, _| async move {
        let longest = (838 * 3600 + 59 * 60 + 59) * 1_000_000i64;
        let show = |micros: i64| {
            let (sign, value) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
            let seconds = value / 1_000_000;
            let fraction = match value % 1_000_000 {
                0 => String::new(),
                rest => format!(".{rest:06}").trim_end_matches('0').to_owned(),
            };
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            format!(
                "{sign}{hours:02}:{minutes:02}:{:02}{fraction}",
                seconds % 60
            )
        };
        let time = sized(TypeKind::Time, "time(6)", 0, 6);
        let mut values = sample(-longest - 999_999..=longest + 999_999, 300);
        values.extend([longest, -longest, longest + 999_999, 0, -1, 1]);
        let expected: Vec<Expected> = values.iter().map(|&v| (micros(v), Some(show(v)))).collect();
        check(&client, &time, &PgType::Interval(6), &defaults(), &expected).await;
        client
            .batch_execute("set intervalstyle to 'sql_standard'")
            .await
            .unwrap();
        let shown = "extract(epoch from c)::numeric(20,6)::text";
        let seconds: Vec<Expected> = values
            .iter()
            .map(|&v| {
                let (sign, value) = (if v < 0 { "-" } else { "" }, v.unsigned_abs());
                let text = format!("{sign}{}.{:06}", value / 1_000_000, value % 1_000_000);
                (micros(v), Some(text))
            })
            .collect();
        check_shown(
            &client,
            &time,
            &PgType::Interval(6),
            &defaults(),
            &seconds,
            shown,
        )
        .await;
        let of_day: Vec<Expected> = values
            .iter()
            .map(|v| v.rem_euclid(DAY))
            .chain([DAY])
            .map(|v| (micros(v), Some(show(v))))
            .collect();
        check(&client, &time, &PgType::Time(6), &defaults(), &of_day).await;
        let time = sized(TypeKind::Time, "time", 0, 0);
        let values = [shows(micros(-longest), "-838:59:59")];
        check(&client, &time, &PgType::Text, &defaults(), &values).await;
    })
    .await;
}
