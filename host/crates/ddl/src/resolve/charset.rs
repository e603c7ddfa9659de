//! Character sets and collations: names, default collations, bytes per character.
//!
//! Sources: information_schema.collations and character_sets of MySQL 9.7, MariaDB 10.11 and 11.8.

use crate::context::{Dialect, ParseContext};

/// A character set with the collation that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TextDefault {
    pub(super) charset: String,
    pub(super) collation: String,
}

/// Character sets, their default collation's ending, and most bytes per character.
const CHARSETS: &[(&str, &str, u32)] = &[
    ("armscii8", "general_ci", 1),
    ("ascii", "general_ci", 1),
    ("big5", "chinese_ci", 2),
    ("cp1250", "general_ci", 1),
    ("cp1251", "general_ci", 1),
    ("cp1256", "general_ci", 1),
    ("cp1257", "general_ci", 1),
    ("cp850", "general_ci", 1),
    ("cp852", "general_ci", 1),
    ("cp866", "general_ci", 1),
    ("cp932", "japanese_ci", 2),
    ("dec8", "swedish_ci", 1),
    ("eucjpms", "japanese_ci", 3),
    ("euckr", "korean_ci", 2),
    ("gb18030", "chinese_ci", 4),
    ("gb2312", "chinese_ci", 2),
    ("gbk", "chinese_ci", 2),
    ("geostd8", "general_ci", 1),
    ("greek", "general_ci", 1),
    ("hebrew", "general_ci", 1),
    ("hp8", "english_ci", 1),
    ("keybcs2", "general_ci", 1),
    ("koi8r", "general_ci", 1),
    ("koi8u", "general_ci", 1),
    ("latin1", "swedish_ci", 1),
    ("latin2", "general_ci", 1),
    ("latin5", "turkish_ci", 1),
    ("latin7", "general_ci", 1),
    ("macce", "general_ci", 1),
    ("macroman", "general_ci", 1),
    ("sjis", "japanese_ci", 2),
    ("swe7", "swedish_ci", 1),
    ("tis620", "thai_ci", 1),
    ("ucs2", "general_ci", 2),
    ("ujis", "japanese_ci", 3),
    ("utf16", "general_ci", 4),
    ("utf16le", "general_ci", 4),
    ("utf32", "general_ci", 4),
    ("utf8", "general_ci", 3),
    ("utf8mb3", "general_ci", 3),
    ("utf8mb4", "general_ci", 4),
];

/// Most bytes that a character takes; 1 for sets that are not known.
pub(super) fn max_bytes(charset: &str) -> u32 {
    CHARSETS
        .iter()
        .find(|(name, _, _)| *name == charset)
        .map_or(1, |(_, _, bytes)| *bytes)
}

/// The name that the server shows: `utf8` became `utf8mb3`.
pub(super) fn shown_charset(charset: &str, cx: &ParseContext<'_>) -> String {
    if charset == "utf8" && since(cx, 80_028, 100_600) {
        return "utf8mb3".into();
    }
    charset.into()
}

/// The collation as the server shows it. MariaDB's `uca1400_ai_ci` takes its set from the context.
fn shown_collation(collation: &str, charset: &str, cx: &ParseContext<'_>) -> String {
    if let Some(rest) = collation.strip_prefix("utf8_")
        && since(cx, 80_030, 100_600)
    {
        return format!("utf8mb3_{rest}");
    }
    if collation.starts_with("uca1400") {
        return format!("{charset}_{collation}");
    }
    collation.into()
}

fn since(cx: &ParseContext<'_>, mysql: u32, mariadb: u32) -> bool {
    match cx.dialect {
        Dialect::MySql => cx.server_version >= mysql,
        Dialect::MariaDb => cx.server_version >= mariadb,
    }
}

/// Default collation of a character set.
pub(super) fn default_collation(charset: &str, cx: &ParseContext<'_>) -> String {
    let unicode = ["utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"].contains(&charset);
    match cx.dialect {
        _ if charset == "binary" => return "binary".into(),
        Dialect::MySql if charset == "utf8mb4" && cx.server_version >= 80_000 => {
            return "utf8mb4_0900_ai_ci".into();
        }
        Dialect::MariaDb if unicode && cx.server_version >= 110_500 => {
            return format!("{charset}_uca1400_ai_ci");
        }
        _ => {}
    }
    let ending = CHARSETS
        .iter()
        .find(|(name, _, _)| *name == charset)
        .map_or("general_ci", |(_, ending, _)| *ending);
    shown_collation(&format!("{charset}_{ending}"), charset, cx)
}

/// Character set that a collation belongs to.
fn charset_of(collation: &str, cx: &ParseContext<'_>) -> Option<String> {
    if collation == "binary" {
        return Some("binary".into());
    }
    let (charset, _) = collation.split_once('_')?;
    (charset != "uca1400").then(|| shown_charset(charset, cx))
}

impl TextDefault {
    /// The default of the database in which the statement runs.
    pub(super) fn of_database(cx: &ParseContext<'_>) -> Self {
        let server = match cx.dialect {
            Dialect::MySql if cx.server_version >= 80_000 => "utf8mb4",
            Dialect::MariaDb if cx.server_version >= 110_600 => "utf8mb4",
            _ => "latin1",
        };
        let base = Self {
            charset: server.into(),
            collation: default_collation(server, cx),
        };
        base.with(cx.default_charset, cx.default_collation, cx)
    }

    /// What CHARACTER SET and COLLATE make of it.
    pub(super) fn with(
        &self,
        charset: Option<&str>,
        collation: Option<&str>,
        cx: &ParseContext<'_>,
    ) -> Self {
        let charset = charset.map(|c| shown_charset(c, cx));
        let of_collation = collation.and_then(|c| charset_of(c, cx));
        let charset = of_collation.or(charset);
        match (charset, collation) {
            (None, None) => self.clone(),
            (Some(charset), None) => Self {
                collation: default_collation(&charset, cx),
                charset,
            },
            (charset, Some(collation)) => {
                let charset = charset.unwrap_or_else(|| self.charset.clone());
                Self {
                    collation: shown_collation(collation, &charset, cx),
                    charset,
                }
            }
        }
    }

    /// The `_bin` collation of its character set.
    pub(super) fn binary_collation(&self) -> Self {
        Self {
            charset: self.charset.clone(),
            collation: format!("{}_bin", self.charset),
        }
    }
}
