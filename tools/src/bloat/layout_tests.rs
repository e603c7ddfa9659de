//! Lengths of rows against what PostgreSQL's own `pg_column_size` of a row says.

use super::*;

fn fixed(length: u16, align: usize, nulls: f64) -> Column {
    Column {
        length: Some(length),
        align,
        toastable: false,
        stored: true,
        values: Some(Values {
            nulls,
            width: f64::from(length),
            same_length: true,
        }),
    }
}

fn text(width: f64, same_length: bool) -> Column {
    Column {
        length: None,
        align: 4,
        toastable: true,
        stored: true,
        values: Some(Values {
            nulls: 0.0,
            width,
            same_length,
        }),
    }
}

#[track_caller]
fn check(columns: &[Column], length: f64, padded: f64) {
    let shape = row_shape(columns).unwrap();
    let close = |a: f64, b: f64| (a - b).abs() < 0.01;
    assert!(close(shape.length, length), "length {}", shape.length);
    assert!(close(shape.padded, padded), "padded {}", shape.padded);
}

#[test]
fn columns_are_aligned_where_they_stand() {
    // boolean, bigint, boolean, bigint: 24 + 8 + 8 + 8 + 8
    let columns = [
        fixed(1, 1, 0.0),
        fixed(8, 8, 0.0),
        fixed(1, 1, 0.0),
        fixed(8, 8, 0.0),
    ];
    check(&columns, 56.0, 56.0);
    // the same, better ordered: 24 + 8 + 8 + 1 + 1
    let columns = [
        fixed(8, 8, 0.0),
        fixed(8, 8, 0.0),
        fixed(1, 1, 0.0),
        fixed(1, 1, 0.0),
    ];
    check(&columns, 42.0, 48.0);
}

#[test]
fn short_values_of_variable_length_are_not_aligned_and_long_ones_are() {
    check(&[fixed(1, 1, 0.0), text(33.0, true)], 58.0, 64.0);
    check(&[fixed(1, 1, 0.0), text(504.0, true)], 24.0 + 508.0, 536.0);
    // of unknown spread: half of 7 bytes of padding
    check(&[text(10.0, false)], 34.0, 37.5);
}

#[test]
fn a_null_takes_no_room_and_brings_a_bitmap() {
    check(&[fixed(8, 8, 1.0)], 24.0, 24.0);
    let many: Vec<Column> = (0..40).map(|_| fixed(8, 8, 0.5)).collect();
    // practically every row has a bitmap of 5 bytes: 28, aligned 32
    check(&many, 32.0 + 160.0, 192.0);
    let mut dropped = fixed(8, 8, 0.0);
    dropped.stored = false;
    dropped.values = None;
    check(&[dropped, fixed(4, 4, 0.0)], 28.0, 32.0);
}

#[test]
fn no_statistics_give_no_length() {
    let mut unknown = fixed(8, 8, 0.0);
    unknown.values = None;
    assert_eq!(row_shape(&[unknown]), None);
}

#[test]
fn pages_keep_what_the_fill_factor_reserves() {
    let shape = RowShape {
        length: 28.0,
        padded: 32.0,
        varies: false,
    };
    // 226 rows of one integer a page, as every PostgreSQL shows
    assert_eq!(heap_pages(226.0, shape, 100, 8192.0), 1.0);
    assert_eq!(heap_pages(227.0, shape, 100, 8192.0), 2.0);
    assert_eq!(heap_pages(113.0, shape, 50, 8192.0), 1.0);
    assert_eq!(heap_pages(114.0, shape, 50, 8192.0), 2.0);
    assert_eq!(heap_pages(0.0, shape, 100, 8192.0), 0.0);
}

#[test]
fn a_long_value_goes_to_toast_in_chunks_and_leaves_a_pointer() {
    let columns = [fixed(8, 8, 0.0), text(0.0, false)];
    let rows = vec![vec![Some(8), Some(5000)]; 100];
    let sampled = lay_out(&columns, &rows, 8192.0).unwrap();
    assert_eq!(sampled.shape.length, 24.0 + 8.0 + 18.0);
    assert_eq!(sampled.chunks, 3.0);
    assert_eq!(sampled.chunk_bytes, 2.0 * 2032.0 + 1044.0);
    // about four chunks a page
    assert!((0.7..0.8).contains(&sampled.toast_pages), "{sampled:?}");
}

#[test]
fn of_two_long_values_the_longer_goes_first() {
    let columns = [text(0.0, false), text(0.0, false)];
    let sampled = lay_out(&columns, &[vec![Some(1500), Some(1200)]], 8192.0).unwrap();
    assert_eq!(sampled.chunks, 1.0);
    // the pointer of 18 bytes, then 2 to align the value that stays
    assert_eq!(sampled.shape.length, 24.0 + 18.0 + 2.0 + 1200.0);
}

#[test]
fn chunks_of_which_only_the_mean_is_known_are_packed_about_as_they_are() {
    let full = toast_pages(4000.0, 2032.0, 8192.0);
    assert!((1000.0..1010.0).contains(&full), "{full}");
    // 1996 and 84 bytes: three pairs a page
    let pairs = toast_pages(6000.0, (2032.0 + 120.0) / 2.0, 8192.0);
    assert!((990.0..1010.0).contains(&pairs), "{pairs}");
    let small = toast_pages(1000.0, 136.0, 8192.0);
    assert!((17.0..19.0).contains(&small), "{small}");
    assert_eq!(toast_pages(0.0, 0.0, 8192.0), 0.0);
}
