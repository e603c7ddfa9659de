use chameleon_model::{Column, TypeKind};

use super::super::plan;
use super::super::table_map::{self, wire};
use super::super::test_bytes::{column, rows, table, table_map as map_bytes, ty};
use super::*;

type Wire<'a> = (u8, &'a [u8]);

/// Decodes one event; one line per row, or the fault.
fn decode(
    event_kind: u8,
    wire: &[Wire<'_>],
    columns: Vec<Column>,
    body: &[u8],
) -> Result<Vec<String>, (Option<usize>, &'static str)> {
    let map = map_bytes(1, "shop", "t", wire, None);
    let (.., rest) = table_map::read_names(&map).unwrap();
    let plan = plan::make(&table_map::read(rest).unwrap(), &table("t", columns)).unwrap();
    let mut buffer = ChangeBuffer::default();
    buffer.put(b"before");
    let bytes = buffer.bytes();
    let mut decoder = RowDecoder::default();
    let mut scratch = Vec::new();
    let kind = RowsKind::of(event_kind).unwrap();
    let rows = Rows::read(kind, body, &mut decoder.cells.inflater, &mut scratch).unwrap();
    let layouts: Vec<_> = plan.columns.clone();
    match decoder.decode(&rows, &plan, &mut buffer) {
        Err(fault) => {
            assert_eq!(buffer.bytes(), bytes, "the buffer is as it was");
            Err((fault.column, fault.reason))
        }
        Ok(count) => {
            assert_eq!(count, buffer.len());
            let counted = rows.count(&layouts).unwrap();
            assert!(counted >= u64::try_from(count).unwrap());
            Ok(buffer
                .changes()
                .iter()
                .map(|change| shown(&buffer, change))
                .collect())
        }
    }
}

fn shown(buffer: &ChangeBuffer, change: &ChangeRef) -> String {
    let cell = |cell: &Cell| match cell {
        Cell::Text(span) => format!("{:?}", buffer.text(*span)),
        Cell::Bytes(span) => format!("{:x?}", buffer.slice(*span)),
        Cell::Odd(span) => format!("odd {:?}", String::from_utf8_lossy(buffer.slice(*span))),
        other => format!("{other:?}"),
    };
    let image = |cells: Option<&[Cell]>| {
        let cells: Vec<String> = cells.unwrap_or_default().iter().map(cell).collect();
        cells.join(" ")
    };
    let images = [image(buffer.before(change)), image(buffer.after(change))];
    format!("{:?} {}", change.op, images.join(" > "))
}

fn column_of(kind: TypeKind) -> Column {
    column("a", ty(kind, 0, 0))
}

fn one(wire: Wire<'_>, column: Column, value: &[u8]) -> String {
    let row = [&[0][..], value].concat();
    let body = rows(1, 1, &[&[0xff]], &[&row]);
    let told = decode(kind::WRITE_ROWS, &[wire], vec![column], &body).unwrap();
    told[0].strip_prefix("Insert  > ").unwrap().to_owned()
}

#[test]
fn numbers_keep_sign_and_size() {
    let unsigned = |kind| {
        let mut column = column_of(kind);
        column.ty.unsigned = true;
        column
    };
    let signed = column_of;
    let check = |wire: u8, column: Column, value: &[u8], expect: &str| {
        assert_eq!(one((wire, &[]), column, value), expect);
    };
    check(wire::TINY, signed(TypeKind::TinyInt), &[0x80], "Int(-128)");
    check(
        wire::TINY,
        unsigned(TypeKind::TinyInt),
        &[0xff],
        "UInt(255)",
    );
    check(
        wire::SHORT,
        signed(TypeKind::SmallInt),
        &[0xff, 0xff],
        "Int(-1)",
    );
    check(
        wire::INT24,
        signed(TypeKind::MediumInt),
        &[0xff, 0xff, 0xff],
        "Int(-1)",
    );
    check(
        wire::INT24,
        signed(TypeKind::MediumInt),
        &[0, 0, 0x80],
        "Int(-8388608)",
    );
    check(
        wire::INT24,
        unsigned(TypeKind::MediumInt),
        &[0xff, 0xff, 0xff],
        "UInt(16777215)",
    );
    check(
        wire::LONG,
        signed(TypeKind::Int),
        &[0xfe, 0xff, 0xff, 0xff],
        "Int(-2)",
    );
    check(
        wire::LONGLONG,
        unsigned(TypeKind::BigInt),
        &[0xff; 8],
        "UInt(18446744073709551615)",
    );
    check(wire::YEAR, signed(TypeKind::Year), &[0], "Int(0)");
    check(wire::YEAR, signed(TypeKind::Year), &[255], "Int(2155)");
    assert_eq!(
        one(
            (wire::FLOAT, &[4]),
            signed(TypeKind::Float),
            &[0, 0, 0xc0, 0x3f]
        ),
        "Float(1.5)"
    );
    let bits = column("a", ty(TypeKind::Bit, 13, 0));
    assert_eq!(one((wire::BIT, &[5, 1]), bits, &[0x12, 0x34]), "UInt(4660)");
    let set = (wire::STRING, &[wire::SET, 2][..]);
    assert_eq!(
        one(set, signed(TypeKind::Set), &[0x01, 0x80]),
        "UInt(32769)"
    );
}

#[test]
fn long_and_short_values_have_long_and_short_lengths() {
    let bytes = || column("a", ty(TypeKind::VarBinary, 10, 0));
    assert_eq!(
        one((wire::VARCHAR, &[10, 0]), bytes(), &[2, 7, 8]),
        "[7, 8]"
    );
    assert_eq!(
        one((wire::VARCHAR, &[0, 1]), bytes(), &[2, 0, 7, 8]),
        "[7, 8]"
    );
    let blob = || column("a", ty(TypeKind::Blob, 0, 0));
    assert_eq!(one((wire::BLOB, &[3]), blob(), &[1, 0, 0, 9]), "[9]");
    assert_eq!(one((wire::BLOB, &[1]), blob(), &[0]), "[]");
    let binary = column("a", ty(TypeKind::Binary, 4, 0));
    assert_eq!(
        one((wire::STRING, &[wire::STRING, 4]), binary, &[1, 9]),
        "[9, 0, 0, 0]"
    );
}

#[test]
fn images_tell_what_they_leave_out() {
    let wire: [Wire<'_>; 3] = [(wire::LONG, &[]), (wire::TINY, &[]), (wire::BLOB, &[2])];
    let columns = || {
        let kinds = [TypeKind::Int, TypeKind::TinyInt, TypeKind::Text];
        kinds.map(column_of).to_vec()
    };
    // before: the key; after: the second column, NULL
    let body = rows(
        1,
        3,
        &[&[0b001], &[0b010]],
        &[&[0, 7, 0, 0, 0], &[1], &[0, 8, 0, 0, 0], &[0, 5]],
    );
    assert_eq!(
        decode(kind::UPDATE_ROWS, &wire, columns(), &body).unwrap(),
        [
            "Update Int(7) Absent Absent > Absent Null Absent",
            "Update Int(8) Absent Absent > Absent Int(5) Absent",
        ]
    );
    let body = rows(1, 3, &[&[0b001]], &[&[0, 7, 0, 0, 0]]);
    let told = decode(kind::DELETE_ROWS, &wire, columns(), &body).unwrap();
    assert_eq!(told, ["Delete Int(7) Absent Absent > "]);
    // a new row whose long column is left out has NULL there
    let body = rows(1, 3, &[&[0b011]], &[&[0, 7, 0, 0, 0, 1]]);
    let told = decode(kind::WRITE_ROWS, &wire, columns(), &body).unwrap();
    assert_eq!(told, ["Insert  > Int(7) Int(1) Null"]);
    // what another column has there is not known where its default is an expression
    let mut columns = columns();
    columns[1].default = Some(chameleon_model::ColumnDefault::Other);
    let body = rows(1, 3, &[&[0b101]], &[&[0, 7, 0, 0, 0, 0, 0]]);
    let fault = decode(kind::WRITE_ROWS, &wire, columns, &body).unwrap_err();
    assert_eq!(fault.0, Some(1));
}

#[test]
fn a_row_that_is_cut_off_or_too_long_takes_all_rows_of_its_event_back() {
    let wire: [Wire<'_>; 2] = [(wire::LONG, &[]), (wire::BLOB, &[1])];
    let columns = || [TypeKind::Int, TypeKind::Blob].map(column_of).to_vec();
    let whole = [0, 7, 0, 0, 0, 2, 1, 2];
    let body = rows(1, 2, &[&[0b11]], &[&whole, &whole]);
    assert_eq!(
        decode(kind::WRITE_ROWS, &wire, columns(), &body)
            .unwrap()
            .len(),
        2
    );
    for cut in 1..whole.len() {
        let cut = &body[..body.len() - cut];
        assert!(decode(kind::WRITE_ROWS, &wire, columns(), cut).is_err());
    }
    let none = rows(1, 2, &[&[0b11]], &[]);
    assert!(decode(kind::WRITE_ROWS, &wire, columns(), &none).is_err());
    // rows of no columns have no bytes: their number is not known, and nothing turns for ever
    let empty = rows(1, 2, &[&[0]], &[&[0]]);
    assert!(decode(kind::DELETE_ROWS, &wire, columns(), &empty).is_err());
}

#[test]
fn values_that_are_damaged_name_their_column() {
    let wire: [Wire<'_>; 2] = [(wire::LONG, &[]), (wire::TIME2, &[0])];
    let columns = [TypeKind::Int, TypeKind::Time].map(column_of).to_vec();
    let body = rows(1, 2, &[&[0b11]], &[&[0, 7, 0, 0, 0, 0x80, 0x0f, 0xff]]);
    let fault = decode(kind::WRITE_ROWS, &wire, columns, &body).unwrap_err();
    assert_eq!(fault, (Some(1), "its bytes are no date or time"));
}

#[test]
fn history_of_a_versioned_table_is_passed_over() {
    let wire: [Wire<'_>; 3] = [
        (wire::TINY, &[]),
        (wire::TIMESTAMP2, &[6]),
        (wire::TIMESTAMP2, &[6]),
    ];
    let columns = || vec![column_of(TypeKind::TinyInt)];
    let start = [0x65, 0, 0, 0, 0, 0, 0];
    let forever = [0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f];
    let row = |id: u8, end: &[u8]| [&[0, id][..], &start, end].concat();
    let current = row(1, &forever);
    let history = row(2, &start);
    let body = rows(1, 3, &[&[0b111]], &[&current, &history]);
    let told = decode(kind::WRITE_ROWS, &wire, columns(), &body);
    assert_eq!(told.unwrap(), ["Insert  > Int(1)"]);
    let body = rows(1, 3, &[&[0b111], &[0b111]], &[&current, &row(1, &start)]);
    let told = decode(kind::UPDATE_ROWS, &wire, columns(), &body);
    assert_eq!(told.unwrap(), ["Delete Int(1) > "]);
}

#[test]
fn what_an_update_leaves_as_it_was_is_stored_once() {
    let wire: [Wire<'_>; 3] = [(wire::LONG, &[]), (wire::BLOB, &[1]), (wire::BLOB, &[1])];
    let kinds = [TypeKind::Int, TypeKind::Text, TypeKind::Blob];
    let image = |id: u8, first: &[u8], second: &[u8]| {
        let length = |value: &[u8]| [u8::try_from(value.len()).unwrap()];
        let (a, b) = (length(first), length(second));
        [&[0, id, 0, 0, 0][..], &a, first, &b, second].concat()
    };
    let (long, other) = (&b"as it was before"[..], &b"another of these"[..]);
    let images = [
        image(1, long, other),
        image(1, long, b"new"),
        // not those of the row before
        image(2, other, long),
        image(2, long, long),
    ];
    let rows: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
    let body = self::rows(1, 3, &[&[0b111], &[0b111]], &rows);
    let told = decode(
        kind::UPDATE_ROWS,
        &wire,
        kinds.map(column_of).to_vec(),
        &body,
    );
    let bytes = |text: &[u8]| format!("{text:x?}");
    let (old, new) = (r#""as it was before""#, r#""another of these""#);
    assert_eq!(
        told.unwrap(),
        [
            format!(
                "Update Int(1) {old} {} > Int(1) {old} {}",
                bytes(other),
                bytes(b"new")
            ),
            format!(
                "Update Int(2) {new} {} > Int(2) {old} {}",
                bytes(long),
                bytes(long)
            ),
        ]
    );
    let map = map_bytes(1, "shop", "t", &wire, None);
    let (.., rest) = table_map::read_names(&map).unwrap();
    let table = table("t", kinds.map(column_of).to_vec());
    let plan = plan::make(&table_map::read(rest).unwrap(), &table).unwrap();
    let (mut decoder, mut scratch) = (RowDecoder::default(), Vec::new());
    let kind = RowsKind::of(kind::UPDATE_ROWS).unwrap();
    let rows = Rows::read(kind, &body, &mut decoder.cells.inflater, &mut scratch).unwrap();
    let mut buffer = ChangeBuffer::default();
    decoder.decode(&rows, &plan, &mut buffer).unwrap();
    let stored = buffer.arena_mut().len();
    assert_eq!(
        stored,
        5 * long.len() + 3,
        "of seven long values, two again"
    );
}
