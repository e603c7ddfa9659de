//! Tables that gh-ost and pt-online-schema-change make beside the one they alter.
//!
//! Their rows are of no concern; their structure is followed, because such a table becomes the
//! original one by a RENAME.

/// The table that a table of that name is a helper of: `_x_gho`, `_x_ghc`, `_x_del` (with gh-ost's
/// time stamp too) and `_x_new`, `_x_old` (with as many leading underscores as pt-osc needed) belong
/// to `x`. It is a helper only where the original is there too; whether it is, the caller knows.
pub fn original_of(table: &str) -> Option<&str> {
    let inner = table.strip_prefix('_')?;
    let (rest, suffix) = inner.rsplit_once('_')?;
    let original = match suffix {
        "gho" | "ghc" => rest,
        "del" => match rest.rsplit_once('_') {
            // gh-ost --timestamp-old-table: _x_20240131235959_del
            Some((name, stamp)) if stamp.len() == 14 && is_number(stamp) => name,
            _ => rest,
        },
        "new" | "old" => rest.trim_start_matches('_'),
        _ => return None,
    };
    (!original.is_empty()).then_some(original)
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

#[test]
fn a_helper_tells_its_original() {
    for (table, expect) in [
        ("_orders_gho", Some("orders")),
        ("_orders_ghc", Some("orders")),
        ("_orders_del", Some("orders")),
        ("_orders_20240131235959_del", Some("orders")),
        ("_order_2024_del", Some("order_2024")),
        ("_orders_new", Some("orders")),
        ("___orders_old", Some("orders")),
        ("orders_new", None),
        ("_orders", None),
        ("_orders_tmp", None),
        ("__new", None),
        ("_gho", None),
    ] {
        assert_eq!(original_of(table), expect, "{table}");
    }
}
