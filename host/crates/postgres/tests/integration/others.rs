//! Labels, identifiers, addresses, geometries and vectors: edge values and random ones.

use chameleon_model::{PgType, TypeKind};
use proptest::prelude::*;

use crate::server::with_database;
use crate::stored::*;

#[tokio::test]
async fn labels_are_stored_by_name() {
    with_database(|client, _| async move {
        client
            .batch_execute("create type \"e\"\"x\" as enum ('', 'a', 'it''s \"q\" \\', 'é')")
            .await
            .unwrap();
        let labels = ["a", "it's \"q\" \\", "é"];
        let source = labelled(TypeKind::Enum, &labels);
        let values = [
            shows(uint(0), ""),
            shows(uint(1), "a"),
            shows(uint(2), labels[1]),
            shows(uint(3), "é"),
        ];
        let own = PgType::Enum {
            schema: "public".into(),
            name: "e\"x".into(),
        };
        for target in [
            own,
            PgType::Text,
            PgType::Varchar(Some(10)),
            PgType::Char(10),
        ] {
            check(&client, &source, &target, &defaults(), &values).await;
        }
        check(
            &client,
            &source,
            &PgType::Int2,
            &defaults(),
            &unsigned([0, 1, 3]),
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn sets_are_arrays_or_lists_of_labels() {
    with_database(|client, _| async move {
        let names: Vec<String> = (0..64).map(|i| format!("l{i}")).collect();
        let mut labels: Vec<&str> = names.iter().map(String::as_str).collect();
        labels[0] = "it's \"q\"";
        labels[1] = "back\\slash";
        labels[2] = "NULL";
        let source = labelled(TypeKind::Set, &labels);
        let mut values = sample(any::<u64>(), 100);
        values.extend([0, 1, 2, 4, 7, 1 << 63, u64::MAX]);
        let joined = |separator: &str| -> Vec<Expected> {
            let show = |bitmap: u64| {
                let has = |&i: &usize| bitmap >> i & 1 == 1;
                let chosen: Vec<&str> = (0..64).filter(has).map(|i| labels[i]).collect();
                chosen.join(separator)
            };
            values.iter().map(|&v| (uint(v), Some(show(v)))).collect()
        };
        let shown = "array_to_string(c, '|')";
        let arrays = joined("|");
        check_shown(
            &client,
            &source,
            &PgType::TextArray,
            &defaults(),
            &arrays,
            shown,
        )
        .await;
        check(&client, &source, &PgType::Text, &defaults(), &joined(",")).await;
        let empty = [shows(uint(0), "{}")];
        check(&client, &source, &PgType::TextArray, &defaults(), &empty).await;
    })
    .await;
}

#[tokio::test]
async fn uuids_and_addresses_have_types_of_their_own() {
    with_database(|client, _| async move {
        let uuids: Vec<Vec<u8>> = sample(proptest::collection::vec(any::<u8>(), 16), 50);
        let show = |bytes: &[u8]| {
            let digits = hex(bytes);
            let parts = [
                &digits[..8],
                &digits[8..12],
                &digits[12..16],
                &digits[16..20],
                &digits[20..],
            ];
            parts.join("-")
        };
        let texts: Vec<Expected> = uuids
            .iter()
            .map(|u| (text(&show(u).to_uppercase()), Some(show(u))))
            .collect();
        let bytes: Vec<Expected> = uuids
            .iter()
            .map(|u| (Value::Bytes(u.clone()), Some(show(u))))
            .collect();
        check_all(&client, TypeKind::Uuid, &[PgType::Uuid], &texts).await;
        check_all(&client, TypeKind::Char, &[PgType::Uuid], &texts).await;
        check_all(&client, TypeKind::Binary, &[PgType::Uuid], &bytes).await;
        let v4 = [
            shows(text("0.0.0.0"), "0.0.0.0/32"),
            shows(text("255.1.2.3"), "255.1.2.3/32"),
        ];
        check_all(&client, TypeKind::Inet4, &[PgType::Inet], &v4).await;
        let v6 = [
            shows(text("::"), "::/128"),
            shows(text("2001:db8::ff00:42:8329"), "2001:db8::ff00:42:8329/128"),
            shows(text("::ffff:192.0.2.1"), "::ffff:192.0.2.1/128"),
        ];
        check_all(&client, TypeKind::Inet6, &[PgType::Inet], &v6).await;
        check_all(
            &client,
            TypeKind::VarChar,
            &[PgType::Inet],
            &[shows(text("10.0.0.0/8"), "10.0.0.0/8")],
        )
        .await;
        let raw = [
            shows(Value::Bytes(vec![10, 0, 0, 1]), "10.0.0.1/32"),
            shows(Value::Bytes(vec![0; 16]), "::/128"),
        ];
        check_all(&client, TypeKind::VarBinary, &[PgType::Inet], &raw).await;
        check_all(
            &client,
            TypeKind::Inet6,
            &[PgType::Text],
            &[shows(text("::"), "::")],
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn geometries_are_ewkb_and_vectors_are_arrays() {
    with_database(|client, _| async move {
        let mut point = vec![0xe6, 0x10, 0, 0, 1, 1, 0, 0, 0];
        point.extend(1.5f64.to_le_bytes());
        point.extend((-2.5f64).to_le_bytes());
        let ewkb = format!(
            "0101000020e6100000{}{}",
            hex(&1.5f64.to_le_bytes()),
            hex(&(-2.5f64).to_le_bytes())
        );
        let empty = vec![0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0];
        let values = [
            shows(Value::Bytes(point.clone()), &format!("\\x{ewkb}")),
            shows(Value::Bytes(empty), "\\x010700000000000000"),
        ];
        check_all(&client, TypeKind::Geometry, &[PgType::Bytea], &values).await;
        check_all(
            &client,
            TypeKind::Geometry,
            &[PgType::Text],
            &[shows(Value::Bytes(point), &ewkb)],
        )
        .await;

        let floats = [1.5f32, -0.25, 3.402_823_5e38];
        let bytes: Vec<u8> = floats.iter().flat_map(|f| f.to_le_bytes()).collect();
        let values = [
            shows(Value::Bytes(bytes.clone()), "{1.5,-0.25,3.4028235e+38}"),
            shows(Value::Bytes(vec![]), "{}"),
        ];
        check_all(&client, TypeKind::Vector, &[PgType::Float4Array], &values).await;
        let list = [shows(Value::Bytes(bytes), "[1.5,-0.25,3.4028235e38]")];
        check_all(&client, TypeKind::Vector, &[PgType::Text], &list).await;
    })
    .await;
}
