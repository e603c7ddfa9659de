//! Text, bytes and documents: edge values and random ones.

use chameleon_model::{MappingRules, NulPolicy, PgType, TypeKind};
use proptest::prelude::*;

use crate::server::with_database;
use crate::stored::*;

#[tokio::test]
async fn text_is_stored_as_it_is() {
    with_database(|client, _| async move {
        let any_text = "[^\\x00]{0,40}";
        let mut values: Vec<String> = sample(any_text, 300);
        values.extend(
            [
                "",
                "NULL",
                "\\N",
                "it's \"q\" \\ {a,b}",
                "🦎",
                "a  ",
                "\n\r\t\u{1}",
            ]
            .map(Into::into),
        );
        let expected: Vec<Expected> = values.iter().map(|v| (text(v), Some(v.clone()))).collect();
        for kind in [TypeKind::VarChar, TypeKind::Text, TypeKind::Char] {
            let source = sized(kind, "text", 40, 0);
            for target in [
                PgType::Text,
                PgType::Varchar(None),
                PgType::Varchar(Some(40)),
                PgType::Varchar(Some(50)),
            ] {
                check(&client, &source, &target, &defaults(), &expected).await;
            }
            let bytes: Vec<Expected> = values
                .iter()
                .map(|v| (text(v), Some(format!("\\x{}", hex(v.as_bytes())))))
                .collect();
            check(&client, &source, &PgType::Bytea, &defaults(), &bytes).await;
        }
        let fixed = sized(TypeKind::Char, "char(5)", 5, 0);
        let padded = [
            shows(text("ab"), "ab"),
            shows(text("🦎🦎🦎🦎🦎"), "🦎🦎🦎🦎🦎"),
        ];
        check(&client, &fixed, &PgType::Char(5), &defaults(), &padded).await;
    })
    .await;
}

#[tokio::test]
async fn nul_characters_follow_the_policy() {
    with_database(|client, _| async move {
        let source = sized(TypeKind::VarChar, "varchar(4)", 4, 0);
        let value = || text("\0a\0b");
        for target in [
            PgType::Text,
            PgType::Varchar(Some(4)),
            PgType::Other("text".into()),
        ] {
            let strip = nuls(NulPolicy::Strip);
            check(&client, &source, &target, &strip, &[shows(value(), "ab")]).await;
            let replace = nuls(NulPolicy::Replace);
            let shown = [shows(value(), "\u{fffd}a\u{fffd}b")];
            check(&client, &source, &target, &replace, &shown).await;
        }
        let strip = nuls(NulPolicy::Strip);
        check(
            &client,
            &source,
            &PgType::Varchar(Some(2)),
            &strip,
            &[shows(value(), "ab")],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn bytes_are_stored_as_they_are_or_in_hex() {
    with_database(|client, _| async move {
        let mut values = sample(proptest::collection::vec(any::<u8>(), 0..200), 200);
        values.extend([vec![], vec![0], vec![1, 0, 0, 0], (0..=255).collect()]);
        let expected: Vec<Expected> = values
            .iter()
            .map(|v| (Value::Bytes(v.clone()), Some(format!("\\x{}", hex(v)))))
            .collect();
        let hexified = MappingRules {
            hexify: vec!["BLOB".into(), "binary".into()],
            ..defaults()
        };
        for (kind, declared) in [
            (TypeKind::Binary, "binary(200)"),
            (TypeKind::VarBinary, "varbinary(200)"),
            (TypeKind::Blob, "blob"),
            (TypeKind::Blob, "mediumblob"),
        ] {
            let source = sized(kind, declared, 200, 0);
            check(&client, &source, &PgType::Bytea, &defaults(), &expected).await;
            if matches!(declared, "varbinary(200)" | "mediumblob") {
                check(&client, &source, &PgType::Bytea, &hexified, &expected).await;
                continue;
            }
            let digits: Vec<Expected> = values
                .iter()
                .map(|v| (Value::Bytes(v.clone()), Some(hex(v).to_uppercase())))
                .collect();
            let shown = "convert_from(c, 'SQL_ASCII')";
            check_shown(&client, &source, &PgType::Bytea, &hexified, &digits, shown).await;
            check(&client, &source, &PgType::Text, &hexified, &digits).await;
        }
        let words = [shows(Value::Bytes("é ok".into()), "é ok")];
        check(
            &client,
            &source(TypeKind::Blob, "blob"),
            &PgType::Text,
            &defaults(),
            &words,
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn json_keeps_numbers_and_text_as_they_are() {
    with_database(|client, _| async move {
        let documents = [
            r#"{"a":1.0,"b":18446744073709551615,"c":[null,true,"\"\\"]}"#,
            r#""é🦎""#,
            "[]",
            r#"{"d":"2020-01-01 00:00:00.000000","n":-0.00001e5}"#,
        ];
        let kept: Vec<Expected> = documents.iter().map(|d| shows(text(d), d)).collect();
        for kind in [TypeKind::Json, TypeKind::Text] {
            let json = source(kind, "json");
            check(&client, &json, &PgType::Json, &defaults(), &kept).await;
            check(&client, &json, &PgType::Text, &defaults(), &kept).await;
            let shown = "(c = c::text::jsonb)::text || (c ->> 'a') || (c ->> 'b')";
            let numbers = [shows(text(documents[0]), "true1.018446744073709551615")];
            check_shown(&client, &json, &PgType::Jsonb, &defaults(), &numbers, shown).await;
        }
        let json = source(TypeKind::Json, "json");
        let nul = || text(r#"["\u0000a\\u0000"]"#);
        let stripped = [shows(nul(), r#"["a\\u0000"]"#)];
        check(
            &client,
            &json,
            &PgType::Jsonb,
            &nuls(NulPolicy::Strip),
            &stripped,
        )
        .await;
        let replaced = [shows(nul(), "[\"\u{fffd}a\\\\u0000\"]")];
        check(
            &client,
            &json,
            &PgType::Jsonb,
            &nuls(NulPolicy::Replace),
            &replaced,
        )
        .await;
        let kept = [shows(nul(), r#"["\u0000a\\u0000"]"#)];
        check(&client, &json, &PgType::Json, &defaults(), &kept).await;
    })
    .await;
}
