//! Column types. Manuals: "Data Types"; MariaDB knowledge base, "Data Types" and "Oracle mode".

use super::{Parsed, Parser};
use crate::lexer::Kind;
use crate::statement::{DataType, TypeWord};

/// Types of one word and their synonyms.
const WORDS: &[(&str, TypeWord)] = &[
    ("TINYINT", TypeWord::TinyInt),
    ("INT1", TypeWord::TinyInt),
    ("SMALLINT", TypeWord::SmallInt),
    ("INT2", TypeWord::SmallInt),
    ("MEDIUMINT", TypeWord::MediumInt),
    ("MIDDLEINT", TypeWord::MediumInt),
    ("INT3", TypeWord::MediumInt),
    ("INT", TypeWord::Int),
    ("INTEGER", TypeWord::Int),
    ("INT4", TypeWord::Int),
    ("BIGINT", TypeWord::BigInt),
    ("INT8", TypeWord::BigInt),
    ("DECIMAL", TypeWord::Decimal),
    ("DEC", TypeWord::Decimal),
    ("FIXED", TypeWord::Decimal),
    ("NUMERIC", TypeWord::Decimal),
    ("NUMBER", TypeWord::Decimal),
    ("FLOAT", TypeWord::Float),
    ("FLOAT4", TypeWord::Float),
    ("DOUBLE", TypeWord::Double),
    ("FLOAT8", TypeWord::Double),
    ("REAL", TypeWord::Real),
    ("BIT", TypeWord::Bit),
    ("BOOL", TypeWord::Bool),
    ("BOOLEAN", TypeWord::Bool),
    ("SERIAL", TypeWord::Serial),
    ("YEAR", TypeWord::Year),
    ("DATE", TypeWord::Date),
    ("TIME", TypeWord::Time),
    ("DATETIME", TypeWord::DateTime),
    ("TIMESTAMP", TypeWord::Timestamp),
    ("CHAR", TypeWord::Char),
    ("CHARACTER", TypeWord::Char),
    ("VARCHAR", TypeWord::VarChar),
    ("VARCHARACTER", TypeWord::VarChar),
    ("VARCHAR2", TypeWord::VarChar),
    ("TINYTEXT", TypeWord::TinyText),
    ("TEXT", TypeWord::Text),
    ("MEDIUMTEXT", TypeWord::MediumText),
    ("LONGTEXT", TypeWord::LongText),
    ("CLOB", TypeWord::LongText),
    ("BINARY", TypeWord::Binary),
    ("VARBINARY", TypeWord::VarBinary),
    ("RAW", TypeWord::VarBinary),
    ("TINYBLOB", TypeWord::TinyBlob),
    ("BLOB", TypeWord::Blob),
    ("MEDIUMBLOB", TypeWord::MediumBlob),
    ("LONGBLOB", TypeWord::LongBlob),
    ("ENUM", TypeWord::Enum),
    ("SET", TypeWord::Set),
    ("JSON", TypeWord::Json),
    ("GEOMETRY", TypeWord::Geometry),
    ("POINT", TypeWord::Point),
    ("LINESTRING", TypeWord::LineString),
    ("POLYGON", TypeWord::Polygon),
    ("MULTIPOINT", TypeWord::MultiPoint),
    ("MULTILINESTRING", TypeWord::MultiLineString),
    ("MULTIPOLYGON", TypeWord::MultiPolygon),
    ("GEOMETRYCOLLECTION", TypeWord::GeometryCollection),
    ("GEOMCOLLECTION", TypeWord::GeometryCollection),
    ("UUID", TypeWord::Uuid),
    ("INET4", TypeWord::Inet4),
    ("INET6", TypeWord::Inet6),
    ("VECTOR", TypeWord::Vector),
];

impl Parser<'_> {
    /// A type with its attributes.
    pub(super) fn data_type(&mut self) -> Parsed<DataType> {
        // MariaDB: `mariadb_schema.date`, `oracle_schema.date`
        if self.is_mariadb() && self.peek_at(1).is_symbol('.') {
            self.next();
            self.next();
        }
        let mut ty = self.type_word()?;
        if matches!(ty.word, TypeWord::Enum | TypeWord::Set) {
            self.labels(&mut ty)?;
        } else if self.accept_symbol('(') {
            ty.length = Some(self.number()?);
            if self.accept_symbol(',') {
                ty.scale = Some(self.number()?);
            }
            // Oracle mode: VARCHAR2(10 CHAR)
            let _ = self.accept("CHAR") || self.accept("BYTE");
            self.expect_symbol(')')?;
        }
        self.type_attributes(&mut ty)?;
        Ok(ty)
    }

    fn type_word(&mut self) -> Parsed<DataType> {
        let mut national = false;
        let word = if self.accept("LONG") {
            self.long_type()
        } else if self.accept("NATIONAL") || self.at("NCHAR") || self.at("NVARCHAR") {
            national = true;
            self.national_type()?
        } else {
            let Some(name) = self.type_name() else {
                return self.unexpected("a column type");
            };
            let found = WORDS.iter().find(|(w, _)| name.eq_ignore_ascii_case(w));
            let Some(&(_, word)) = found else {
                return self.unexpected("a column type");
            };
            self.next();
            let varying = word == TypeWord::Char && self.accept("VARYING");
            if word == TypeWord::Double {
                self.accept("PRECISION");
            }
            match word {
                _ if varying => TypeWord::VarChar,
                TypeWord::Date if self.cx.oracle => TypeWord::DateTime,
                other => other,
            }
        };
        Ok(DataType {
            word,
            length: None,
            scale: None,
            unsigned: false,
            zerofill: false,
            national,
            charset: None,
            collation: None,
            binary: false,
            labels: Vec::new(),
            compressed: false,
            json_checked: false,
            srid: None,
        })
    }

    fn type_name(&mut self) -> Option<String> {
        match &self.peek().kind {
            Kind::Word(word) => Some((*word).to_owned()),
            Kind::Name(name) => Some(name.as_ref().to_owned()),
            _ => None,
        }
    }

    /// Behind LONG: `LONG VARBINARY`, else a MEDIUMTEXT.
    fn long_type(&mut self) -> TypeWord {
        if self.accept("VARBINARY") {
            return TypeWord::MediumBlob;
        }
        let char = ["CHAR", "CHARACTER"].iter().any(|w| self.at(w));
        if char && self.peek_at(1).is_word("VARYING") {
            self.next();
            self.next();
        } else {
            let _ = self.accept("VARCHAR") || self.accept("VARCHARACTER");
        }
        TypeWord::MediumText
    }

    /// Behind NATIONAL, or at NCHAR or NVARCHAR.
    fn national_type(&mut self) -> Parsed<TypeWord> {
        if self.accept("NVARCHAR") || self.accept("VARCHAR") || self.accept("VARCHARACTER") {
            return Ok(TypeWord::VarChar);
        }
        if self.accept("NCHAR") || self.accept("CHAR") || self.accept("CHARACTER") {
            let varying =
                self.accept("VARYING") || self.accept("VARCHAR") || self.accept("VARCHARACTER");
            return Ok(if varying {
                TypeWord::VarChar
            } else {
                TypeWord::Char
            });
        }
        self.unexpected("CHAR or VARCHAR")
    }

    fn labels(&mut self, ty: &mut DataType) -> Parsed<()> {
        self.expect_symbol('(')?;
        loop {
            let label = match &self.peek().kind {
                Kind::Text(text) => text.as_ref().to_owned(),
                Kind::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => return self.unexpected("a label in quotes"),
            };
            self.next();
            ty.labels.push(label);
            if !self.accept_symbol(',') {
                return self.expect_symbol(')');
            }
        }
    }

    fn type_attributes(&mut self, ty: &mut DataType) -> Parsed<()> {
        loop {
            if self.accept("UNSIGNED") {
                ty.unsigned = true;
            } else if self.accept("ZEROFILL") {
                ty.zerofill = true;
                ty.unsigned = true;
            } else if self.accept("SIGNED") {
            } else if self.at("CHARACTER") || self.at("CHARSET") || self.at_words(&["CHAR", "SET"])
            {
                match self.charset_option()? {
                    Some(charset) => ty.charset = charset,
                    None => return self.unexpected("SET"),
                }
            } else if self.accept("ASCII") {
                ty.charset = Some("latin1".into());
            } else if self.accept("UNICODE") {
                ty.charset = Some("ucs2".into());
            } else if self.accept("BYTE") {
                ty.charset = Some("binary".into());
            } else if self.accept("BINARY") {
                ty.binary = true;
            } else if self.at("COMPRESSED") {
                self.compressed(ty)?;
            } else if self.accept("SRID") || self.accept("REF_SYSTEM_ID") {
                self.equals();
                ty.srid = u32::try_from(self.number()?).ok();
            } else {
                return Ok(());
            }
        }
    }

    /// MariaDB's `COMPRESSED[=method]`.
    pub(super) fn compressed(&mut self, ty: &mut DataType) -> Parsed<()> {
        self.expect("COMPRESSED")?;
        if self.accept_symbol('=') {
            self.name()?;
        }
        ty.compressed = true;
        Ok(())
    }
}
