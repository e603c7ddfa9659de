//! The event decoder as a plain function over bytes, for fuzzers.
//!
//! Table maps make the schema that their rows are decoded by, so that all of the decoder is reached
//! from bytes alone. Whatever the bytes are, it returns.

use std::sync::Arc;

use chameleon_model::{
    BinlogPosition, ChangeBuffer, Column, ColumnType, SourcePosition, TableName, TableSchema,
    TypeKind,
};

use crate::{Flavor, ServerInfo, TableSelection};

use super::Step;
use super::assemble::{Assembler, Event};
use super::event::{Header, kind};
use super::reader::Reader;
use super::schemas::Schemas;
use super::statement::Defaults;
use super::table_map::{self, WireColumn, wire};

/// Most bytes of rows that are kept; what would be handed out is dropped.
const KEPT_BYTES: usize = 1 << 20;

/// What came of some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Events that were taken.
    pub events: usize,
    /// Rows that were decoded.
    pub rows: usize,
    /// Steps that came of them.
    pub steps: usize,
    /// Events that were refused.
    pub errors: usize,
    /// Most bytes that the buffer took.
    pub buffer_bytes: usize,
}

/// Decodes a sequence of events: header, body and the four bytes of a checksum, which is not
/// verified. The lowest bit of the first event's server id chooses MySQL or MariaDB, that of its second
/// byte what becomes of prepared transactions.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut decoded = Decoded::default();
    let mut assembler = assembler(bytes);
    let mut buffer = ChangeBuffer::default();
    let mut rest = Reader(bytes);
    while let Some((header, body)) = next_event(&mut rest) {
        if header.kind == kind::TABLE_MAP {
            adopt(&mut assembler, body);
        }
        if let Some(open) = &mut assembler.open {
            open.resume(&buffer);
        }
        let event = Event {
            header,
            body,
            packed: false,
        };
        decoded.events += 1;
        if assembler.take(&event, &mut buffer).is_err() {
            decoded.errors += 1;
        }
        while let Some(step) = assembler.pop() {
            decoded.steps += 1;
            if matches!(step, Step::Xa { .. }) {
                // the caller empties the buffer where one begins
                decoded.rows += buffer.len();
                buffer.clear();
            }
        }
        decoded.buffer_bytes = decoded.buffer_bytes.max(buffer.bytes());
        if buffer.bytes() > KEPT_BYTES {
            decoded.rows += buffer.len();
            buffer.clear();
            assembler.hand_out();
        }
    }
    decoded.rows += buffer.len();
    decoded
}

fn assembler(bytes: &[u8]) -> Assembler {
    let mut info = ServerInfo::unknown();
    info.version = 101_106;
    info.flavor = Flavor::MariaDb;
    if bytes.get(5).is_some_and(|byte| byte & 1 == 0) {
        info.version = 90_700;
        info.flavor = Flavor::MySql;
    }
    let schemas = Schemas::new(String::new(), TableSelection::all(), false, vec![]);
    let position = SourcePosition {
        binlog: BinlogPosition::new("fuzz.000001", 4),
        gtids: None,
    };
    let mut assembler = Assembler::new(info, Defaults::default(), schemas, position, None);
    assembler.keeps_prepared = bytes.get(6).is_some_and(|byte| byte & 1 == 0);
    assembler
}

/// The next event. A size that lies ends with the bytes.
fn next_event<'a>(rest: &mut Reader<'a>) -> Option<(Header, &'a [u8])> {
    let header = Header::read(rest)?;
    let size = usize::try_from(header.size).ok()?;
    let bytes = size.saturating_sub(Header::BYTES).min(rest.0.len());
    let body = rest.take(bytes)?;
    Some((
        header,
        body.get(..bytes.saturating_sub(4)).unwrap_or_default(),
    ))
}

/// Makes the table of a map known, in a version that fits it.
fn adopt(assembler: &mut Assembler, body: &[u8]) {
    let Some((_, schema, table, rest)) = table_map::read_names(body) else {
        return;
    };
    let Some(map) = table_map::read(rest) else {
        return;
    };
    let columns = map.columns.iter().enumerate();
    let columns = columns.map(|(number, column)| {
        Column::new(
            column.name.clone().unwrap_or_else(|| format!("c{number}")),
            type_of(column),
            true,
        )
    });
    let table = TableSchema::new(TableName::new(schema, table), columns.collect());
    let known = assembler.schemas.find(&table.name);
    if known.is_none_or(|known| **known != table) || assembler.schemas.is_held(&table.name) {
        assembler.schemas.release(Arc::new(table));
    }
}

/// A type that such a column may have.
fn type_of(column: &WireColumn) -> ColumnType {
    let [first, second] = column.meta;
    let binary = column.collation == Some(63);
    let text = |text, bytes| if binary { bytes } else { text };
    let kind = match column.kind {
        wire::TINY => TypeKind::TinyInt,
        wire::SHORT => TypeKind::SmallInt,
        wire::INT24 => TypeKind::MediumInt,
        wire::LONG => TypeKind::Int,
        wire::LONGLONG => TypeKind::BigInt,
        wire::FLOAT => TypeKind::Float,
        wire::DOUBLE => TypeKind::Double,
        wire::NEWDECIMAL => TypeKind::Decimal,
        wire::BIT => TypeKind::Bit,
        wire::YEAR => TypeKind::Year,
        wire::DATE | wire::NEWDATE => TypeKind::Date,
        wire::TIME | wire::TIME2 => TypeKind::Time,
        wire::DATETIME | wire::DATETIME2 => TypeKind::DateTime,
        wire::TIMESTAMP | wire::TIMESTAMP2 => TypeKind::Timestamp,
        wire::ENUM => TypeKind::Enum,
        wire::SET => TypeKind::Set,
        wire::JSON => TypeKind::Json,
        wire::GEOMETRY => TypeKind::Geometry,
        wire::VECTOR => TypeKind::Vector,
        wire::STRING if binary && column.longest() == 16 => TypeKind::Inet6,
        wire::STRING => text(TypeKind::Char, TypeKind::Binary),
        wire::VARCHAR | wire::VAR_STRING | wire::VARCHAR_COMPRESSED => {
            text(TypeKind::VarChar, TypeKind::VarBinary)
        }
        _ => text(TypeKind::Text, TypeKind::Blob),
    };
    let mut ty = ColumnType::new(kind, "");
    ty.unsigned = column.unsigned.unwrap_or_default();
    match column.kind {
        wire::NEWDECIMAL => (ty.length, ty.scale) = (u32::from(first), second),
        wire::BIT => ty.length = u32::from(first) + 8 * u32::from(second),
        wire::TIME2 | wire::DATETIME2 | wire::TIMESTAMP2 => ty.scale = first,
        _ => {}
    }
    ty
}

#[cfg(test)]
#[path = "fuzz_tests.rs"]
mod tests;
