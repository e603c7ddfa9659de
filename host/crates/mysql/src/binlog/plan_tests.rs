use chameleon_model::ColumnType;

use super::super::table_map;
use super::super::test_bytes::{column, table, table_map as map_bytes, ty};
use super::*;

fn map(columns: &[(u8, &[u8])], names: Option<&[&str]>) -> TableMap {
    let body = map_bytes(1, "shop", "t", columns, names);
    let (.., rest) = table_map::read_names(&body).unwrap();
    table_map::read(rest).unwrap()
}

fn one(wire: (u8, &[u8]), known: ColumnType) -> Result<Convert, String> {
    let plan = make(&map(&[wire], None), &table("t", vec![column("a", known)]))?;
    Ok(plan.columns[0].convert.unwrap())
}

fn unsigned(ty: ColumnType) -> ColumnType {
    ColumnType {
        unsigned: true,
        ..ty
    }
}

fn text(kind: TypeKind, charset: &str) -> ColumnType {
    ColumnType {
        charset: Some(charset.to_owned()),
        ..ty(kind, 10, 0)
    }
}

#[test]
fn every_type_has_its_conversion() {
    let latin1 = Charset::named("latin1").unwrap();
    let scale = 3;
    for (wire, known, expect) in [
        (
            (wire::TINY, &[][..]),
            ty(TypeKind::TinyInt, 4, 0),
            Convert::Int1,
        ),
        (
            (wire::INT24, &[]),
            unsigned(ty(TypeKind::MediumInt, 0, 0)),
            Convert::UInt3,
        ),
        (
            (wire::LONGLONG, &[]),
            unsigned(ty(TypeKind::BigInt, 0, 0)),
            Convert::UInt8,
        ),
        (
            (wire::FLOAT, &[4]),
            ty(TypeKind::Float, 0, 0),
            Convert::Float,
        ),
        (
            (wire::BIT, &[5, 1]),
            ty(TypeKind::Bit, 13, 0),
            Convert::UIntBig,
        ),
        (
            (wire::TIME2, &[3]),
            ty(TypeKind::Time, 0, 3),
            Convert::Time { scale },
        ),
        (
            (wire::DATETIME2, &[3]),
            ty(TypeKind::DateTime, 0, 3),
            Convert::DateTime { scale },
        ),
        (
            (wire::TIMESTAMP2, &[3]),
            ty(TypeKind::Timestamp, 0, 3),
            Convert::Timestamp { scale },
        ),
        (
            (wire::DATETIME, &[]),
            ty(TypeKind::DateTime, 0, 0),
            Convert::DateTimeOld,
        ),
        (
            (wire::STRING, &[wire::STRING, 10]),
            text(TypeKind::Char, "latin1"),
            Convert::Text(latin1),
        ),
        (
            (wire::STRING, &[wire::STRING, 9]),
            ty(TypeKind::Binary, 9, 0),
            Convert::Padded(9),
        ),
        (
            (wire::STRING, &[wire::STRING, 16]),
            ty(TypeKind::Uuid, 0, 0),
            Convert::Uuid,
        ),
        (
            (wire::STRING, &[wire::ENUM, 2]),
            ty(TypeKind::Enum, 0, 0),
            Convert::UInt2,
        ),
        (
            (wire::STRING, &[wire::SET, 8]),
            ty(TypeKind::Set, 0, 0),
            Convert::UIntLittle,
        ),
        ((wire::JSON, &[4]), ty(TypeKind::Json, 0, 0), Convert::Json),
        (
            (wire::BLOB, &[4]),
            ty(TypeKind::Json, 0, 0),
            Convert::Text(Charset::UTF8),
        ),
        (
            (wire::VECTOR, &[4]),
            ty(TypeKind::Vector, 3, 0),
            Convert::Bytes,
        ),
        (
            (wire::BLOB_COMPRESSED, &[2]),
            ty(TypeKind::Blob, 0, 0),
            Convert::CompressedBytes,
        ),
    ] {
        assert_eq!(one(wire, known.clone()), Ok(expect), "{known:?}");
    }
}

#[test]
fn a_type_that_differs_is_told() {
    for (wire, known, expect) in [
        (
            (wire::LONG, &[][..]),
            ty(TypeKind::BigInt, 0, 0),
            "the binlog has type 3",
        ),
        (
            (wire::NEWDECIMAL, &[10, 3]),
            ty(TypeKind::Decimal, 10, 2),
            "type 246 (10, 3)",
        ),
        (
            (wire::NEWDECIMAL, &[10, 3]),
            ty(TypeKind::Decimal, 11, 3),
            "type 246 (10, 3)",
        ),
        ((wire::TIME2, &[3]), ty(TypeKind::Time, 0, 0), "type 19 (3"),
        // the form of MariaDB 5.3 has a fraction and does not tell how long it is
        ((wire::TIME, &[]), ty(TypeKind::Time, 0, 3), "type 11"),
        (
            (wire::VARCHAR, &[10, 0]),
            text(TypeKind::Text, "utf8mb4"),
            "type 15",
        ),
        (
            (wire::BLOB, &[2]),
            text(TypeKind::Text, "ebcdic"),
            "character set is ebcdic",
        ),
        ((wire::BIT, &[0, 1]), ty(TypeKind::Bit, 7, 0), "type 16"),
        (
            (wire::STRING, &[wire::STRING, 15]),
            ty(TypeKind::Uuid, 0, 0),
            "type 254",
        ),
        (
            (wire::LONG, &[]),
            ty(TypeKind::Unknown, 0, 0),
            "no way to read it",
        ),
    ] {
        let error = one(wire, known.clone()).unwrap_err();
        assert!(error.contains(expect), "{known:?}: {error}");
        assert!(error.starts_with("column a is known as "), "{error}");
    }
}

#[test]
fn number_and_names_of_columns_must_fit() {
    let known = table(
        "t",
        vec![
            column("id", ty(TypeKind::Int, 0, 0)),
            column("Ä", ty(TypeKind::Int, 0, 0)),
        ],
    );
    let int = (wire::LONG, &[][..]);
    let told = |columns: &[(u8, &[u8])], names| make(&map(columns, names), &known).map(|_| ());
    assert_eq!(told(&[int, int], None), Ok(()));
    assert_eq!(told(&[int, int], Some(&["ID", "ä"])), Ok(()));
    let other = Err("column 2 is b in the binlog, not Ä".to_owned());
    assert_eq!(told(&[int, int], Some(&["id", "b"])), other);
    let counts = |n| Err(format!("{n} columns in the binlog, 2 are known"));
    assert_eq!(told(&[int], None), counts(1));
    assert_eq!(told(&[int, int, int], None), counts(3));
    // columns of functional indexes of older servers are passed over
    assert_eq!(
        told(&[int, int, int], Some(&["id", "Ä", "!hidden!k!0!0"])),
        Ok(())
    );
}

#[test]
fn the_end_of_a_rows_life_is_found() {
    let int = (wire::LONG, &[][..]);
    let stamp = (wire::TIMESTAMP2, &[6][..]);
    let plain = table("t", vec![column("id", ty(TypeKind::Int, 0, 0))]);
    let end = |columns: &[(u8, &[u8])], names, table| {
        make(&map(columns, names), table).map(|plan| (plan.row_end, plan.columns.len()))
    };
    assert_eq!(end(&[int, stamp, stamp], None, &plain), Ok((Some(2), 3)));
    let names: &[&str] = &["id", "row_start", "row_end"];
    assert_eq!(
        end(&[int, stamp, stamp], Some(names), &plain),
        Ok((Some(2), 3))
    );
    assert!(end(&[int, stamp, stamp], Some(&["id", "a", "b"]), &plain).is_err());
    assert!(end(&[int, int, stamp], None, &plain).is_err());
    let mut declared = column("e", ty(TypeKind::Timestamp, 0, 6));
    declared.ty.declared = "timestamp(6) generated always as row end".to_owned();
    let declared = table("t", vec![declared, column("id", ty(TypeKind::Int, 0, 0))]);
    assert_eq!(end(&[stamp, int], None, &declared), Ok((Some(0), 2)));
}

#[test]
fn signs_and_character_sets_of_the_map_are_heard() {
    let mut wire = map(&[(wire::LONG, &[]), (wire::VARCHAR, &[10, 0])], None);
    wire.columns[0].unsigned = Some(true);
    wire.columns[1].collation = Some(8);
    let known = |int| {
        table(
            "t",
            vec![
                column("a", int),
                column("b", text(TypeKind::VarChar, "utf8mb4")),
            ],
        )
    };
    let plan = make(&wire, &known(unsigned(ty(TypeKind::Int, 0, 0)))).unwrap();
    let latin1 = Charset::named("latin1").unwrap();
    assert_eq!(plan.columns[1].convert, Some(Convert::Text(latin1)));
    let error = make(&wire, &known(ty(TypeKind::Int, 0, 0))).unwrap_err();
    assert!(error.ends_with("it is unsigned in the binlog"), "{error}");
    wire.columns[1].collation = Some(63);
    assert!(make(&wire, &known(unsigned(ty(TypeKind::Int, 0, 0)))).is_err());
}
