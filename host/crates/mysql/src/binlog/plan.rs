//! How the rows of one table map are decoded, decided once.
//!
//! The map is checked against the schema at that position: number of columns, types, and, where the
//! map tells them, names and signs. A difference is an error that holds the table: rows are never
//! decoded by a schema that they do not fit.

use std::sync::Arc;

use chameleon_model::{Column, ColumnType, IndexPart, TableSchema, TypeKind};

use crate::value::charset::Charset;
use crate::value::{charset_of_collation, decimal, temporal};

use super::table_map::{TableMap, WireColumn, wire};

/// How many bytes a value takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Always as many.
    Fixed(usize),
    /// As many as the number before them says, which takes so many bytes.
    Counted(usize),
}

/// What a value's bytes become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Convert {
    Int1,
    Int2,
    Int3,
    Int4,
    Int8,
    UInt1,
    UInt2,
    UInt3,
    UInt4,
    UInt8,
    /// Little-endian, up to eight bytes: SET.
    UIntLittle,
    /// Big-endian, up to eight bytes: BIT.
    UIntBig,
    Float,
    Double,
    Decimal {
        precision: u8,
        scale: u8,
    },
    Year,
    Date,
    Time {
        scale: u8,
    },
    DateTime {
        scale: u8,
    },
    Timestamp {
        scale: u8,
    },
    TimeOld,
    DateTimeOld,
    TimestampOld,
    Text(Charset),
    Bytes,
    /// BINARY(n), whose trailing zeros are left out.
    Padded(usize),
    Json,
    Uuid,
    Inet4,
    Inet6,
    CompressedText(Charset),
    CompressedBytes,
}

/// A column of the row image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlanColumn {
    pub(super) layout: Layout,
    /// `None`: it is not in the schema and passed over.
    pub(super) convert: Option<Convert>,
    /// The source computes it.
    pub(super) generated: bool,
    /// It is of MySQL's JSON type, which partial updates may touch.
    pub(super) json: bool,
}

/// A decode plan.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) table: Arc<TableSchema>,
    /// Columns of the row image, in order.
    pub(super) columns: Vec<PlanColumn>,
    /// MariaDB, WITH SYSTEM VERSIONING: the column of the row image that tells history from what
    /// is current.
    pub(super) row_end: Option<usize>,
}

impl Plan {
    /// Name of a column of the row image, for an error.
    pub(super) fn column_name(&self, image_column: Option<usize>) -> String {
        let Some(image_column) = image_column else {
            return "any".to_owned();
        };
        let known = self.columns.iter().take(image_column + 1);
        let number = known.filter(|column| column.convert.is_some()).count();
        let column = number
            .checked_sub(1)
            .and_then(|at| self.table.columns.get(at));
        column.map_or_else(|| format!("{}", image_column + 1), |c| c.name.clone())
    }
}

/// The layout alone, to count the rows of a table that is not decoded.
pub(super) fn layouts(map: &TableMap) -> Option<Vec<PlanColumn>> {
    map.columns
        .iter()
        .map(|column| {
            Some(PlanColumn {
                layout: layout(column)?,
                convert: None,
                generated: false,
                json: column.kind == wire::JSON,
            })
        })
        .collect()
}

/// Makes a plan; the error says which column differs and how.
pub(super) fn make(map: &TableMap, table: &Arc<TableSchema>) -> Result<Plan, String> {
    let row_end = system_versioned(map, table);
    let row_hashes = has_row_hashes(map, table);
    let hidden = |index: usize| {
        let column = &map.columns[index];
        // MySQL's columns of functional indexes, before 8.0.21; MariaDB's of system versioning
        let name = column.name.as_deref().unwrap_or_default();
        name.starts_with("!hidden!")
            || (row_end.is_some() || row_hashes) && index >= table.columns.len()
    };
    let mut columns = Vec::with_capacity(map.columns.len());
    let mut schema = table.columns.iter();
    for (index, wire) in map.columns.iter().enumerate() {
        let number = index + 1;
        let unknown = || format!("column {number} has type {}, which is not known", wire.kind);
        let layout = layout(wire).ok_or_else(unknown)?;
        let mut column = PlanColumn {
            layout,
            convert: None,
            generated: false,
            json: wire.kind == wire::JSON,
        };
        if !hidden(index) {
            let known = schema.next().ok_or_else(|| counts(map, table))?;
            if let Some(name) = &wire.name
                && name.to_lowercase() != known.name.to_lowercase()
            {
                let known = &known.name;
                return Err(format!(
                    "column {number} is {name} in the binlog, not {known}"
                ));
            }
            column.generated = known.generated;
            let convert = convert(wire, &known.ty);
            column.convert = Some(convert.map_err(|why| {
                let (name, declared) = (&known.name, &known.ty.declared);
                format!("column {name} is known as {declared}: {why}")
            })?);
        }
        columns.push(column);
    }
    if schema.next().is_some() {
        return Err(counts(map, table));
    }
    Ok(Plan {
        table: Arc::clone(table),
        columns,
        row_end,
    })
}

/// A MariaDB table with unique indexes over more than a btree takes (TEXT and BLOB without a prefix,
/// long VARCHAR): for each of them the row image ends with a hidden BIGINT, the hash that is indexed.
fn has_row_hashes(map: &TableMap, table: &TableSchema) -> bool {
    let long = |part: &IndexPart| {
        let column = part.column.and_then(|n| table.columns.get(n));
        part.prefix.is_none()
            && column.is_some_and(|c| {
                matches!(
                    c.ty.kind,
                    TypeKind::Text | TypeKind::Blob | TypeKind::VarChar | TypeKind::VarBinary
                )
            })
    };
    let indexes = table.indexes.iter();
    let hashed = indexes.filter(|index| index.unique && index.parts.iter().any(long));
    let known = table.columns.len();
    map.columns.len() > known
        && map.columns.len() - known <= hashed.count()
        && map.columns[known..].iter().all(|column| {
            let name = column.name.as_deref();
            column.kind == wire::LONGLONG && name.is_none_or(|n| n.starts_with("DB_ROW_HASH_"))
        })
}

fn counts(map: &TableMap, table: &TableSchema) -> String {
    let (found, known) = (map.columns.len(), table.columns.len());
    format!("{found} columns in the binlog, {known} are known")
}

/// The column with the end of a row's life, of a MariaDB table with system versioning. Start and
/// end are declared, or hidden and then the last two columns of the row image.
fn system_versioned(map: &TableMap, table: &TableSchema) -> Option<usize> {
    let declared = |column: &Column| column.ty.declared.ends_with("generated always as row end");
    if let Some(end) = table.columns.iter().position(declared) {
        return Some(end);
    }
    let known = table.columns.len();
    if map.columns.len() != known + 2 {
        return None;
    }
    let is = |column: &WireColumn, name: &str| {
        column.kind == wire::TIMESTAMP2
            && column.meta[0] == 6
            && column.name.as_deref().is_none_or(|n| n == name)
    };
    let hidden = is(&map.columns[known], "row_start") && is(&map.columns[known + 1], "row_end");
    hidden.then_some(known + 1)
}

fn layout(column: &WireColumn) -> Option<Layout> {
    let [first, second] = column.meta;
    let fraction = || temporal::fraction_bytes(first);
    Some(match column.kind {
        wire::TINY | wire::YEAR => Layout::Fixed(1),
        wire::SHORT => Layout::Fixed(2),
        wire::INT24 | wire::DATE | wire::NEWDATE | wire::TIME => Layout::Fixed(3),
        wire::LONG | wire::TIMESTAMP => Layout::Fixed(4),
        wire::LONGLONG | wire::DATETIME => Layout::Fixed(8),
        wire::FLOAT if first == 4 => Layout::Fixed(4),
        wire::DOUBLE if first == 8 => Layout::Fixed(8),
        wire::NEWDECIMAL => Layout::Fixed(decimal::stored_bytes(first, second)?),
        wire::BIT if first < 8 && second <= 8 => {
            Layout::Fixed(usize::from(second) + usize::from(first > 0))
        }
        wire::TIMESTAMP2 if first <= 6 => Layout::Fixed(4 + fraction()),
        wire::DATETIME2 if first <= 6 => Layout::Fixed(5 + fraction()),
        wire::TIME2 if first <= 6 => Layout::Fixed(3 + fraction()),
        wire::ENUM if matches!(first, 1 | 2) => Layout::Fixed(usize::from(first)),
        wire::SET if (1..=8).contains(&first) => Layout::Fixed(usize::from(first)),
        wire::STRING | wire::VARCHAR | wire::VAR_STRING | wire::VARCHAR_COMPRESSED => {
            Layout::Counted(if column.longest() > 255 { 2 } else { 1 })
        }
        wire::BLOB | wire::BLOB_COMPRESSED | wire::JSON | wire::GEOMETRY | wire::VECTOR
            if (1..=4).contains(&first) =>
        {
            Layout::Counted(usize::from(first))
        }
        _ => return None,
    })
}

/// How values of a column become cells; the error says what the binlog has instead.
fn convert(column: &WireColumn, ty: &ColumnType) -> Result<Convert, String> {
    let convert = match ty.kind {
        TypeKind::TinyInt
        | TypeKind::SmallInt
        | TypeKind::MediumInt
        | TypeKind::Int
        | TypeKind::BigInt => return convert_int(column, ty),
        TypeKind::Decimal => convert_decimal(column, ty),
        TypeKind::Float => (column.kind == wire::FLOAT).then_some(Convert::Float),
        TypeKind::Double => (column.kind == wire::DOUBLE).then_some(Convert::Double),
        TypeKind::Bit => {
            let bits = u32::from(column.meta[0]) + 8 * u32::from(column.meta[1]);
            (column.kind == wire::BIT && bits == ty.length).then_some(Convert::UIntBig)
        }
        TypeKind::Year => (column.kind == wire::YEAR).then_some(Convert::Year),
        TypeKind::Date | TypeKind::Time | TypeKind::DateTime | TypeKind::Timestamp => {
            convert_temporal(column, ty)
        }
        TypeKind::Char | TypeKind::VarChar | TypeKind::Text => return convert_text(column, ty),
        TypeKind::Binary | TypeKind::VarBinary | TypeKind::Blob => convert_bytes(column, ty),
        TypeKind::Enum => match (column.kind, column.meta[0]) {
            (wire::ENUM, 1) => Some(Convert::UInt1),
            (wire::ENUM, 2) => Some(Convert::UInt2),
            _ => None,
        },
        TypeKind::Set => (column.kind == wire::SET).then_some(Convert::UIntLittle),
        TypeKind::Json => match column.kind {
            wire::JSON => Some(Convert::Json),
            // MariaDB keeps JSON as text
            wire::BLOB => Some(Convert::Text(Charset::UTF8)),
            wire::BLOB_COMPRESSED => Some(Convert::CompressedText(Charset::UTF8)),
            _ => None,
        },
        TypeKind::Geometry => (column.kind == wire::GEOMETRY).then_some(Convert::Bytes),
        TypeKind::Vector => {
            matches!(column.kind, wire::VECTOR | wire::VARCHAR).then_some(Convert::Bytes)
        }
        TypeKind::Uuid => is_string(column, 16).then_some(Convert::Uuid),
        TypeKind::Inet6 => is_string(column, 16).then_some(Convert::Inet6),
        TypeKind::Inet4 => is_string(column, 4).then_some(Convert::Inet4),
        TypeKind::Unknown => return Err("no way to read it is known".to_owned()),
    };
    convert.ok_or_else(|| differs(column))
}

fn differs(column: &WireColumn) -> String {
    let [first, second] = column.meta;
    format!("the binlog has type {} ({first}, {second})", column.kind)
}

fn is_string(column: &WireColumn, bytes: usize) -> bool {
    column.kind == wire::STRING && column.longest() == bytes
}

fn convert_int(column: &WireColumn, ty: &ColumnType) -> Result<Convert, String> {
    if column
        .unsigned
        .is_some_and(|unsigned| unsigned != ty.unsigned)
    {
        let sign = if ty.unsigned { "signed" } else { "unsigned" };
        return Err(format!("it is {sign} in the binlog"));
    }
    let (kind, signed, unsigned) = match ty.kind {
        TypeKind::TinyInt => (wire::TINY, Convert::Int1, Convert::UInt1),
        TypeKind::SmallInt => (wire::SHORT, Convert::Int2, Convert::UInt2),
        TypeKind::MediumInt => (wire::INT24, Convert::Int3, Convert::UInt3),
        TypeKind::Int => (wire::LONG, Convert::Int4, Convert::UInt4),
        _ => (wire::LONGLONG, Convert::Int8, Convert::UInt8),
    };
    if column.kind != kind {
        return Err(differs(column));
    }
    Ok(if ty.unsigned { unsigned } else { signed })
}

fn convert_decimal(column: &WireColumn, ty: &ColumnType) -> Option<Convert> {
    let [precision, scale] = column.meta;
    let fits =
        column.kind == wire::NEWDECIMAL && u32::from(precision) == ty.length && scale == ty.scale;
    fits.then_some(Convert::Decimal { precision, scale })
}

fn convert_temporal(column: &WireColumn, ty: &ColumnType) -> Option<Convert> {
    let scale = column.meta[0];
    // the old forms have no fraction; MariaDB's own form of 5.3, which has one, tells nothing of it
    let (convert, fraction) = match (ty.kind, column.kind) {
        (TypeKind::Date, wire::DATE | wire::NEWDATE) => (Convert::Date, 0),
        (TypeKind::Time, wire::TIME2) => (Convert::Time { scale }, scale),
        (TypeKind::DateTime, wire::DATETIME2) => (Convert::DateTime { scale }, scale),
        (TypeKind::Timestamp, wire::TIMESTAMP2) => (Convert::Timestamp { scale }, scale),
        (TypeKind::Time, wire::TIME) => (Convert::TimeOld, 0),
        (TypeKind::DateTime, wire::DATETIME) => (Convert::DateTimeOld, 0),
        (TypeKind::Timestamp, wire::TIMESTAMP) => (Convert::TimestampOld, 0),
        _ => return None,
    };
    (fraction == ty.scale).then_some(convert)
}

/// The binlog's own word on the character set counts, where it says one.
fn convert_text(column: &WireColumn, ty: &ColumnType) -> Result<Convert, String> {
    let fits = match ty.kind {
        TypeKind::Char => matches!(column.kind, wire::STRING),
        TypeKind::VarChar => {
            matches!(
                column.kind,
                wire::VARCHAR | wire::VAR_STRING | wire::VARCHAR_COMPRESSED
            )
        }
        _ => matches!(column.kind, wire::BLOB | wire::BLOB_COMPRESSED),
    };
    if !fits {
        return Err(differs(column));
    }
    let name = column.collation.and_then(charset_of_collation);
    let name = name.or(ty.charset.as_deref()).unwrap_or("utf8mb4");
    let Some(charset) = Charset::named(name) else {
        return Err(format!("its character set is {name} in the binlog"));
    };
    Ok(match column.kind {
        wire::BLOB_COMPRESSED | wire::VARCHAR_COMPRESSED => Convert::CompressedText(charset),
        _ => Convert::Text(charset),
    })
}

fn convert_bytes(column: &WireColumn, ty: &ColumnType) -> Option<Convert> {
    // 63 is the collation `binary`
    if column.collation.is_some_and(|id| id != 63) {
        return None;
    }
    match (ty.kind, column.kind) {
        (TypeKind::Binary, wire::STRING) => Some(Convert::Padded(column.longest())),
        (TypeKind::VarBinary, wire::VARCHAR | wire::VAR_STRING) | (TypeKind::Blob, wire::BLOB) => {
            Some(Convert::Bytes)
        }
        (TypeKind::VarBinary, wire::VARCHAR_COMPRESSED)
        | (TypeKind::Blob, wire::BLOB_COMPRESSED) => Some(Convert::CompressedBytes),
        _ => None,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
