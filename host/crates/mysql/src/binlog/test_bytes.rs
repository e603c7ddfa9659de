//! Events made by hand, for tests.

use std::sync::Arc;

use chameleon_model::{Column, ColumnType, TableName, TableSchema, TypeKind};

use super::event::Header;

/// The body of a TABLE_MAP event: types with their metadata, names where they are told.
pub(super) fn table_map(
    id: u8,
    schema: &str,
    table: &str,
    columns: &[(u8, &[u8])],
    names: Option<&[&str]>,
) -> Vec<u8> {
    let byte = |n: usize| u8::try_from(n).unwrap();
    let mut body = vec![id, 0, 0, 0, 0, 0, 1, 0];
    for name in [schema, table] {
        body.push(byte(name.len()));
        body.extend_from_slice(name.as_bytes());
        body.push(0);
    }
    body.push(byte(columns.len()));
    body.extend(columns.iter().map(|column| column.0));
    let meta: Vec<u8> = columns
        .iter()
        .flat_map(|column| column.1.to_vec())
        .collect();
    body.push(byte(meta.len()));
    body.extend_from_slice(&meta);
    body.extend(std::iter::repeat_n(0xff, columns.len().div_ceil(8)));
    if let Some(names) = names {
        let names: Vec<u8> = names
            .iter()
            .flat_map(|name| [&[byte(name.len())], name.as_bytes()].concat())
            .collect();
        body.push(4);
        body.push(byte(names.len()));
        body.extend_from_slice(&names);
    }
    body
}

/// The body of a row event of MySQL 5.6 and later: column bitmaps, then the rows.
pub(super) fn rows(id: u8, columns: u8, images: &[&[u8]], rows: &[&[u8]]) -> Vec<u8> {
    let mut body = vec![id, 0, 0, 0, 0, 0, 1, 0, 2, 0, columns];
    body.extend(images.concat());
    body.extend(rows.concat());
    body
}

/// The body of a QUERY event without status variables.
pub(super) fn query(schema: &str, sql: &str) -> Vec<u8> {
    let mut body = vec![0; 8];
    body.push(u8::try_from(schema.len()).unwrap());
    body.extend_from_slice(&[0, 0, 0, 0]);
    body.extend_from_slice(schema.as_bytes());
    body.push(0);
    body.extend_from_slice(sql.as_bytes());
    body
}

/// The header of an event that ends at `log_pos` and whose body has that many bytes.
pub(super) fn header(kind: u8, body_bytes: usize, log_pos: u32) -> Header {
    Header {
        timestamp: 1_000,
        kind,
        server_id: 5,
        size: u32::try_from(Header::BYTES + body_bytes).unwrap(),
        log_pos,
        flags: 0,
    }
}

/// The body of a GTID event of MySQL 5.6.
pub(super) fn mysql_gtid(number: u64) -> Vec<u8> {
    let mut body = vec![0];
    body.extend_from_slice(&[7; 16]);
    body.extend_from_slice(&number.to_le_bytes());
    body
}

/// The body of a GTID event of MariaDB.
pub(super) fn mariadb_gtid(sequence: u64, flags: u8, extra: u8) -> Vec<u8> {
    let mut body = sequence.to_le_bytes().to_vec();
    body.extend_from_slice(&[0, 0, 0, 0, flags, extra, 0, 0, 0, 0, 0]);
    body
}

/// The body of a FORMAT_DESCRIPTION event; `created` is 0 but for the first file of a server's run.
pub(super) fn format_description(created: u32) -> Vec<u8> {
    let mut body = vec![4, 0];
    body.extend_from_slice(&[0; 50]);
    body.extend_from_slice(&created.to_le_bytes());
    body.push(19);
    body.extend_from_slice(&[8; 40]);
    body
}

/// A nullable column of that type.
pub(super) fn column(name: &str, ty: ColumnType) -> Column {
    Column::new(name, ty, true)
}

/// A type of that kind.
pub(super) fn ty(kind: TypeKind, length: u32, scale: u8) -> ColumnType {
    ColumnType {
        length,
        scale,
        ..ColumnType::new(kind, format!("{kind:?}").to_lowercase())
    }
}

/// A table of the database `shop` whose key is its first column.
pub(super) fn table(name: &str, columns: Vec<Column>) -> Arc<TableSchema> {
    Arc::new(TableSchema {
        primary_key: vec![0],
        ..TableSchema::new(TableName::new("shop", name), columns)
    })
}
