//! QUERY events: a statement, its default database and the session it ran in.

use crate::value::charset::Charset;
use crate::value::charset_of_collation;

use super::reader::Reader;

/// A statement as the server logged it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Query {
    /// Default database, empty where the session had none.
    pub(super) schema: String,
    /// Text in UTF-8.
    pub(super) sql: String,
    pub(super) session: Session,
}

/// What the status variables of a QUERY event say of the session.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Session {
    pub(super) sql_mode: u64,
    /// Name of the session's time zone.
    pub(super) time_zone: Option<String>,
    /// Fraction of the statement's time.
    pub(super) micros: u32,
    pub(super) explicit_defaults_for_timestamp: Option<bool>,
    /// Collation of the statement text.
    client_collation: u16,
    /// Default collation of the default database.
    pub(super) database_collation: u16,
}

/// Reads a QUERY event.
pub(super) fn read(body: &[u8]) -> Option<Query> {
    let mut reader = Reader(body);
    let head = Head::read(&mut reader)?;
    head.finish(reader.0)
}

/// Reads a QUERY_COMPRESSED event of MariaDB; `inflate` unpacks its text.
pub(super) fn read_compressed(
    body: &[u8],
    inflate: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<Query> {
    let mut reader = Reader(body);
    let head = Head::read(&mut reader)?;
    head.finish(&inflate(reader.0)?)
}

/// Reads an EXECUTE_LOAD_QUERY event: LOAD DATA logged as a statement, with the file before it.
pub(super) fn read_load(body: &[u8]) -> Option<Query> {
    let (fixed, rest) = body.split_at_checked(13)?;
    // file id, place of the file name in the text, duplicate handling
    let rest = rest.get(13..)?;
    read(&[fixed, rest].concat())
}

struct Head<'a> {
    schema: &'a [u8],
    session: Session,
}

impl<'a> Head<'a> {
    fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let _thread = reader.u32()?;
        let _seconds = reader.u32()?;
        let schema_bytes = usize::from(reader.u8()?);
        let _error = reader.u16()?;
        let status_bytes = usize::from(reader.u16()?);
        let session = Session::read(reader.take(status_bytes)?);
        let schema = reader.take(schema_bytes)?;
        reader.u8()?;
        Some(Self { schema, session })
    }

    fn finish(self, text: &[u8]) -> Option<Query> {
        Some(Query {
            schema: String::from_utf8(self.schema.to_vec()).ok()?,
            sql: self.session.decode(text),
            session: self.session,
        })
    }
}

impl Session {
    /// Reads status variables up to one that is not known: they carry no length of their own.
    /// Source: MySQL source, `libs/mysql/binlog/event/statement_events.h`; MariaDB source,
    /// `sql/log_event.h`.
    fn read(bytes: &[u8]) -> Self {
        let mut session = Self::default();
        let mut reader = Reader(bytes);
        while let Some(code) = reader.u8() {
            if session.read_one(code, &mut reader).is_none() {
                break;
            }
        }
        session
    }

    fn read_one(&mut self, code: u8, reader: &mut Reader<'_>) -> Option<()> {
        match code {
            // flags
            0 => drop(reader.u32()?),
            1 => self.sql_mode = reader.u64()?,
            // catalog, with a zero behind it in the old form
            2 => {
                short_text(reader)?;
                reader.u8()?;
            }
            // auto increment
            3 => drop(reader.u32()?),
            4 => {
                self.client_collation = reader.u16()?;
                reader.u32()?;
            }
            5 => {
                let zone = std::str::from_utf8(short_text(reader)?).ok()?;
                self.time_zone = Some(zone.to_owned()).filter(|z| !z.is_empty());
            }
            6 => drop(short_text(reader)?),
            // language of month names
            7 => drop(reader.u16()?),
            8 => self.database_collation = reader.u16()?,
            // tables of a multi-table update; MariaDB's own transaction number
            9 | 17 | 129 => drop(reader.u64()?),
            10 => drop(reader.u32()?),
            // user and host of a definer
            11 => {
                short_text(reader)?;
                short_text(reader)?;
            }
            // names of databases, each with a zero behind it; 254 is "too many"
            12 => {
                let count = reader.u8()?;
                if count < 254 {
                    for _ in 0..count {
                        let end = reader.0.iter().position(|&b| b == 0)?;
                        reader.take(end + 1)?;
                    }
                }
            }
            13 | 128 => self.micros = u32::try_from(reader.uint(3)?).ok()?,
            16 => self.explicit_defaults_for_timestamp = Some(reader.u8()? != 0),
            // default collation of utf8mb4
            18 => drop(reader.u16()?),
            // primary keys required, tables encrypted
            19 | 20 => drop(reader.u8()?),
            // MariaDB: ALTER in two phases, with the number of the first
            130 => {
                if reader.u8()? & 0b1100 != 0 {
                    reader.u64()?;
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// The statement text in UTF-8. Bytes that the client's character set does not know are
    /// replaced: they can stand in literals and comments only, since names are kept in UTF-8.
    fn decode(&self, text: &[u8]) -> String {
        let charset = charset_of_collation(self.client_collation).and_then(Charset::named);
        let mut out = Vec::with_capacity(text.len());
        if let Some(charset) = charset
            && charset.append(text, &mut out)
            && let Ok(text) = String::from_utf8(out)
        {
            return text;
        }
        String::from_utf8_lossy(text).into_owned()
    }
}

/// Bytes behind a length of one byte.
fn short_text<'a>(reader: &mut Reader<'a>) -> Option<&'a [u8]> {
    let bytes = usize::from(reader.u8()?);
    reader.take(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(status: &[u8], schema: &str, sql: &[u8]) -> Vec<u8> {
        let mut body = vec![0; 8];
        body.push(u8::try_from(schema.len()).unwrap());
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(&u16::try_from(status.len()).unwrap().to_le_bytes());
        body.extend_from_slice(status);
        body.extend_from_slice(schema.as_bytes());
        body.push(0);
        body.extend_from_slice(sql);
        body
    }

    #[test]
    fn a_statement_of_mysql_tells_its_session() {
        let status = b"\0\0\0\0\0\x01\x20\0\xa0\x45\0\0\0\0\x06\x03std\x04\x08\0\xff\0\xff\0\
                       \x05\x06+02:00\x0c\x01db\0\x0d\x01\x02\0\x10\x01\x11\x07\0\0\0\0\0\0\0\x12\
                       \xff\0\x13\0";
        let query = read(&body(status, "db", b"select '\xe4'")).unwrap();
        assert_eq!(query.sql, "select 'ä'");
        assert_eq!(query.schema, "db");
        assert_eq!(query.session.sql_mode, 0x45a0_0020);
        assert_eq!(query.session.time_zone.as_deref(), Some("+02:00"));
        assert_eq!(query.session.micros, 0x201);
        assert_eq!(query.session.explicit_defaults_for_timestamp, Some(true));
    }

    #[test]
    fn a_statement_of_mariadb_tells_its_session() {
        let status = b"\0\0\0\0\0\x01\0\0\x20\x54\0\0\0\0\x06\x03std\x04\x2d\0\x2d\0\x08\0\x80\x40\
                       \x42\x0f\x82\x04\x27\0\0\0\0\0\0\0\x81\x55\0\0\0\0\0\0\0\xee\x01";
        let query = read(&body(status, "", b"x")).unwrap();
        assert_eq!(query.session.sql_mode, 0x5420_0000);
        assert_eq!(query.session.micros, 1_000_000);
    }

    #[test]
    fn what_is_cut_off_is_refused_or_ends_the_variables() {
        let whole = body(b"\x04\x08\0\xff\0\xff\0", "db", b"x");
        for cut in 0..whole.len() - 1 {
            assert_eq!(read(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(read(&body(b"\x05\xff", "db", b"x")).unwrap().sql, "x");
    }

    #[test]
    fn a_load_statement_is_a_statement_with_a_file() {
        let plain = body(b"", "db", b"load data");
        let load = [&plain[..13], &[0; 13], &plain[13..]].concat();
        assert_eq!(read_load(&load).unwrap().sql, "load data");
    }
}
