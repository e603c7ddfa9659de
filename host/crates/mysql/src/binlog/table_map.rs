//! TABLE_MAP events: how the rows that follow are laid out.
//!
//! Types and their metadata are always there; names, signedness, character sets and the primary key
//! only as far as `binlog_row_metadata` says. Sources: MySQL source,
//! `libs/mysql/binlog/event/rows_event.h`; MariaDB source, `sql/log_event_server.cc`.

use super::reader::Reader;

/// Types of columns on the wire.
pub(super) mod wire {
    pub(crate) const TINY: u8 = 1;
    pub(crate) const SHORT: u8 = 2;
    pub(crate) const LONG: u8 = 3;
    pub(crate) const FLOAT: u8 = 4;
    pub(crate) const DOUBLE: u8 = 5;
    pub(crate) const TIMESTAMP: u8 = 7;
    pub(crate) const LONGLONG: u8 = 8;
    pub(crate) const INT24: u8 = 9;
    pub(crate) const DATE: u8 = 10;
    pub(crate) const TIME: u8 = 11;
    pub(crate) const DATETIME: u8 = 12;
    pub(crate) const YEAR: u8 = 13;
    pub(crate) const NEWDATE: u8 = 14;
    pub(crate) const VARCHAR: u8 = 15;
    pub(crate) const BIT: u8 = 16;
    pub(crate) const TIMESTAMP2: u8 = 17;
    pub(crate) const DATETIME2: u8 = 18;
    pub(crate) const TIME2: u8 = 19;
    pub(crate) const BLOB_COMPRESSED: u8 = 140;
    pub(crate) const VARCHAR_COMPRESSED: u8 = 141;
    pub(crate) const VECTOR: u8 = 242;
    pub(crate) const JSON: u8 = 245;
    pub(crate) const NEWDECIMAL: u8 = 246;
    pub(crate) const ENUM: u8 = 247;
    pub(crate) const SET: u8 = 248;
    pub(crate) const BLOB: u8 = 252;
    pub(crate) const VAR_STRING: u8 = 253;
    pub(crate) const STRING: u8 = 254;
    pub(crate) const GEOMETRY: u8 = 255;
}

/// How a column stands in a row image.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct WireColumn {
    /// Type, see [`wire`]; ENUM and SET as themselves.
    pub(super) kind: u8,
    /// DECIMAL: precision and scale. BIT: odd bits and whole bytes. Times: fractional digits.
    /// STRING, VARCHAR: longest length in bytes, low and high byte. BLOB and its like: number of
    /// length bytes. ENUM, SET: bytes.
    pub(super) meta: [u8; 2],
    /// UNSIGNED, where the event says so.
    pub(super) unsigned: Option<bool>,
    /// Collation of character data, where the event says so.
    pub(super) collation: Option<u16>,
    /// Name, where the event says so.
    pub(super) name: Option<String>,
}

impl WireColumn {
    /// STRING, VARCHAR: longest length in bytes.
    pub(super) fn longest(&self) -> usize {
        usize::from(u16::from_le_bytes(self.meta))
    }

    fn is_numeric(&self) -> bool {
        matches!(
            self.kind,
            wire::TINY
                | wire::SHORT
                | wire::INT24
                | wire::LONG
                | wire::LONGLONG
                | wire::NEWDECIMAL
                | wire::FLOAT
                | wire::DOUBLE
                | wire::YEAR
        )
    }

    fn is_character(&self) -> bool {
        matches!(
            self.kind,
            wire::STRING
                | wire::VAR_STRING
                | wire::VARCHAR
                | wire::BLOB
                | wire::BLOB_COMPRESSED
                | wire::VARCHAR_COMPRESSED
        )
    }
}

/// A TABLE_MAP event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableMap {
    pub(super) columns: Vec<WireColumn>,
    /// Columns of the primary key, where the event says so.
    pub(super) primary_key: Option<Vec<usize>>,
}

/// Number of the table, which row events name it by; valid until the next map of that number.
pub(super) fn read_table_id(reader: &mut Reader<'_>) -> Option<u64> {
    reader.uint(6)
}

/// The front of a TABLE_MAP event: number, database, table, and the rest.
pub(super) fn read_names<'a>(body: &'a [u8]) -> Option<(u64, &'a str, &'a str, Reader<'a>)> {
    let mut reader = Reader(body);
    let id = read_table_id(&mut reader)?;
    let _flags = reader.u16()?;
    let mut name = || {
        let bytes = reader.counted()?;
        reader.u8()?;
        std::str::from_utf8(bytes).ok()
    };
    let schema: &'a str = name()?;
    let table: &'a str = name()?;
    Some((id, schema, table, reader))
}

/// Reads what is behind the names.
pub(super) fn read(mut reader: Reader<'_>) -> Option<TableMap> {
    let count = reader.count()?;
    let kinds = reader.take(count)?;
    let mut meta = Reader(reader.counted()?);
    let mut columns = Vec::with_capacity(count);
    for &kind in kinds {
        columns.push(read_meta(kind, &mut meta)?);
    }
    let _nullable = reader.take(count.div_ceil(8))?;
    let mut map = TableMap {
        columns,
        primary_key: None,
    };
    while let Some(field) = reader.u8() {
        // what is damaged or new here costs names and the like, not the rows
        let Some(value) = reader.counted() else {
            break;
        };
        let _ = map.read_optional(field, Reader(value));
    }
    Some(map)
}

fn read_meta(kind: u8, reader: &mut Reader<'_>) -> Option<WireColumn> {
    let mut column = WireColumn {
        kind,
        ..WireColumn::default()
    };
    column.meta = match kind {
        wire::FLOAT
        | wire::DOUBLE
        | wire::TIMESTAMP2
        | wire::DATETIME2
        | wire::TIME2
        | wire::BLOB
        | wire::BLOB_COMPRESSED
        | wire::JSON
        | wire::GEOMETRY
        | wire::VECTOR => [reader.u8()?, 0],
        wire::NEWDECIMAL | wire::BIT | wire::VARCHAR | wire::VAR_STRING => {
            [reader.u8()?, reader.u8()?]
        }
        wire::VARCHAR_COMPRESSED => [reader.u8()?, reader.u8()?],
        wire::ENUM | wire::SET | wire::STRING => {
            let [real, bytes] = [reader.u8()?, reader.u8()?];
            if matches!(real, wire::ENUM | wire::SET) {
                column.kind = real;
                [bytes, 0]
            } else {
                // two bits of the length are kept, inverted, in the type
                let high = ((real & 0x30) ^ 0x30) >> 4;
                column.kind = real | 0x30;
                [bytes, high]
            }
        }
        wire::TINY
        | wire::SHORT
        | wire::LONG
        | wire::TIMESTAMP
        | wire::LONGLONG
        | wire::INT24
        | wire::DATE
        | wire::TIME
        | wire::DATETIME
        | wire::YEAR
        | wire::NEWDATE => [0, 0],
        _ => return None,
    };
    Some(column)
}

impl TableMap {
    /// A sequence of MariaDB: a table with one row and always the same columns.
    pub(super) fn is_sequence(&self) -> bool {
        const COLUMNS: [(u8, &str); 8] = [
            (wire::LONGLONG, "next_not_cached_value"),
            (wire::LONGLONG, "minimum_value"),
            (wire::LONGLONG, "maximum_value"),
            (wire::LONGLONG, "start_value"),
            (wire::LONGLONG, "increment"),
            (wire::LONGLONG, "cache_size"),
            (wire::TINY, "cycle_option"),
            (wire::LONGLONG, "cycle_count"),
        ];
        let is = |(column, (kind, name)): (&WireColumn, (u8, &str))| {
            column.kind == kind && column.name.as_deref().is_none_or(|n| n == name)
        };
        self.columns.len() == COLUMNS.len() && self.columns.iter().zip(COLUMNS).all(is)
    }

    fn read_optional(&mut self, field: u8, mut reader: Reader<'_>) -> Option<()> {
        match field {
            1 => {
                let numeric = self.columns.iter_mut().filter(|c| c.is_numeric());
                for (at, column) in numeric.enumerate() {
                    let byte = reader.0.get(at / 8)?;
                    column.unsigned = Some(byte & (0x80 >> (at % 8)) != 0);
                }
            }
            2 => {
                // a default, then the exceptions by their number among the character columns
                let default = collation(&mut reader)?;
                let mut character: Vec<&mut WireColumn> = self
                    .columns
                    .iter_mut()
                    .filter(|c| c.is_character())
                    .collect();
                for column in &mut character {
                    column.collation = Some(default);
                }
                while !reader.is_empty() {
                    let at = reader.count()?;
                    character.get_mut(at)?.collation = Some(collation(&mut reader)?);
                }
            }
            3 => {
                for column in self.columns.iter_mut().filter(|c| c.is_character()) {
                    column.collation = Some(collation(&mut reader)?);
                }
            }
            4 => {
                for column in &mut self.columns {
                    let name = std::str::from_utf8(reader.counted()?).ok()?;
                    column.name = Some(name.to_owned());
                }
            }
            // the whole of each column, or with the lengths of prefixes
            8 | 9 => {
                let mut key = Vec::new();
                while !reader.is_empty() {
                    key.push(reader.count()?);
                    if field == 9 {
                        reader.count()?;
                    }
                }
                self.primary_key = Some(key);
            }
            _ => {}
        }
        Some(())
    }
}

fn collation(reader: &mut Reader<'_>) -> Option<u16> {
    u16::try_from(reader.length()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let (pairs, _) = hex.as_bytes().as_chunks::<2>();
        let pair = |p: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap();
        pairs.iter().map(pair).collect()
    }

    /// As MySQL 9.7 and MariaDB 10.11 wrote it for `zz.sg(id int primary key, y year, a int
    /// unsigned, b bit(3), c tinyint, d decimal(5,2) unsigned, e enum, f float unsigned, g
    /// timestamp, h set, i varchar(5) character set latin1, j char(3), k varbinary(3), m blob, n
    /// bigint unsigned, o geometry)`.
    const MYSQL: &str = "7b00000000000100027a7a000273670010030d031001f6fe0411fe0ffe0ffc08ff1203\
        000502f7010400f8010500fe0c03000204feff01016e030608fcff003f3f070100042102696401790161016201\
        6301640165016601670168016901 6a016b016d016e016f0b04fcff00080503010178060502016101620801000c\
        02ffff";
    const MARIADB: &str = "1b00000000000100027a7a000273670010030d031001f6fe0411fe0ffe0ffc08ff1203\
        000502f7010400f8010500fe0303000204feff01016e02053f00080108070100042102696401790161016201\
        63016401650166016701680169016a016b016d016e016f0a0108050301017806050201610162080100";

    #[test]
    fn a_full_map_tells_names_signs_and_character_sets() {
        for (hex, collations) in [(MYSQL, [8, 255, 63, 63]), (MARIADB, [8, 8, 63, 63])] {
            let body = bytes(&hex.replace(' ', ""));
            let (id, schema, table, rest) = read_names(&body).unwrap();
            assert_eq!((schema, table), ("zz", "sg"));
            assert!(id == 0x7b || id == 0x1b);
            let map = read(rest).unwrap();
            let names: Vec<&str> = map
                .columns
                .iter()
                .map(|c| c.name.as_deref().unwrap())
                .collect();
            assert_eq!(names.concat(), "idyabcdefghijkmno");
            let signs: Vec<bool> = map.columns.iter().filter_map(|c| c.unsigned).collect();
            assert_eq!(signs, [false, true, true, false, true, true, true]);
            assert_eq!(map.columns[6].kind, wire::ENUM);
            assert_eq!(map.columns[9].kind, wire::SET);
            assert_eq!(map.columns[5].meta, [5, 2]);
            assert_eq!(map.columns[10].longest(), 5);
            let found: Vec<u16> = map.columns.iter().filter_map(|c| c.collation).collect();
            if hex == MYSQL {
                assert_eq!(found, collations);
            } else {
                assert_eq!(found, [8, 8, 63, 63]);
            }
            assert_eq!(map.primary_key.as_deref(), Some(&[0][..]));
        }
    }

    #[test]
    fn a_long_char_keeps_two_bits_of_its_length_in_the_type() {
        let column = read_meta(wire::STRING, &mut Reader(&[0xee, 0x20])).unwrap();
        assert_eq!((column.kind, column.longest()), (wire::STRING, 0x120));
    }

    #[test]
    fn a_map_that_is_cut_off_is_refused_or_tells_less() {
        let body = bytes(&MARIADB.replace(' ', ""));
        // the bitmap of what may be NULL ends what must be there
        let needed = body
            .windows(4)
            .position(|w| w == [0xfe, 0xff, 0x01, 0x01])
            .unwrap()
            + 2;
        for cut in 0..body.len() {
            let map = read_names(&body[..cut]).and_then(|(.., rest)| read(rest));
            assert_eq!(map.is_some(), cut >= needed, "{cut} of {needed}");
        }
        // a number of columns that lies costs nothing
        assert_eq!(
            read(Reader(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])),
            None
        );
    }
}
