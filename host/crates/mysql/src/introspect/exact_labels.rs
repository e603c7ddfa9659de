//! ENUM and SET labels that information_schema cannot show.
//!
//! Its text columns are three-byte UTF-8, so a label with a character beyond U+FFFF comes with `?`
//! in its place. A row that uses such a label tells its true text. A label that no row uses stays
//! as it came.

use chameleon_model::{Column, TableSchema, TypeKind};

use crate::rows::quote_ident;
use crate::{SourceConn, SourceError};

/// Looks doubtful labels up, one query a label; most databases have none.
pub(super) async fn look_up(
    conn: &mut SourceConn,
    tables: &mut [TableSchema],
) -> Result<(), SourceError> {
    for table in tables {
        for at in 0..table.columns.len() {
            for number in doubtful(&table.columns[at]) {
                let found = used_label(conn, table, at, number).await?;
                if let Some(label) = found.filter(|l| looks_like(l, &table.columns[at], number)) {
                    table.columns[at].ty.labels[number] = label;
                }
            }
        }
    }
    Ok(())
}

/// The character set has characters beyond U+FFFF.
pub(crate) fn is_wide(charset: &str) -> bool {
    matches!(
        charset,
        "utf8mb4" | "utf16" | "utf16le" | "utf32" | "gb18030"
    )
}

/// Numbers, from 0, of labels that may stand for another text.
fn doubtful(column: &Column) -> Vec<usize> {
    let ty = &column.ty;
    let wide = ty.charset.as_deref().is_some_and(is_wide);
    if !wide || !matches!(ty.kind, TypeKind::Enum | TypeKind::Set) {
        return Vec::new();
    }
    let labels = ty.labels.iter().enumerate();
    labels
        .filter(|(_, l)| l.contains('?'))
        .map(|(n, _)| n)
        .collect()
}

/// The text of label `number` out of a row that uses it.
async fn used_label(
    conn: &mut SourceConn,
    table: &TableSchema,
    at: usize,
    number: usize,
) -> Result<Option<String>, SourceError> {
    let column = &table.columns[at];
    let name = quote_ident(&column.name);
    let used = match column.ty.kind {
        TypeKind::Enum => format!("{name} = {}", number + 1),
        _ => format!("{name} & (1 << {number})"),
    };
    let sql = format!(
        "select {name} as label, cast({name} as unsigned) as bits from {}.{} where {used} limit 1",
        quote_ident(&table.name.schema),
        quote_ident(&table.name.name)
    );
    let rows = conn.rows("look up a label", &sql).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let text = row.owned("label");
    if column.ty.kind == TypeKind::Enum {
        return Ok(Some(text));
    }
    // the set's text lists the labels of its set bits in order; labels hold no comma
    let bits: u64 = row.number("bits").unwrap_or(0);
    let before = (0..number).filter(|n| bits >> n & 1 == 1).count();
    Ok(text.split(',').nth(before).map(str::to_owned))
}

/// The found text is the shown one but for characters that it could not show.
fn looks_like(found: &str, column: &Column, number: usize) -> bool {
    let shown = column.ty.labels[number].chars();
    let fits = |(f, s): (char, char)| f == s || (s == '?' && u32::from(f) > 0xffff);
    found.chars().count() == shown.clone().count() && found.chars().zip(shown).all(fits)
}
