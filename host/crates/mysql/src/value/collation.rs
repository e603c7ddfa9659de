//! Collation ids of the wire to character sets.
//!
//! From `information_schema` of MariaDB 10.11, 11.8 and MySQL 9.7, which agree.

/// Name of the character set that a collation belongs to; `None` for id 0 and ids of no family.
pub fn charset_of_collation(id: u16) -> Option<&'static str> {
    match id {
        0 => None,
        // MariaDB: the NOPAD variant of the collation 1024 below
        1025..2048 => charset_of_collation(id - 1024),
        // MariaDB: the collations of Unicode 14.0
        2048..2304 => Some("utf8mb3"),
        2304..2560 => Some("utf8mb4"),
        2560..2816 => Some("ucs2"),
        2816..3072 => Some("utf16"),
        3072..3328 => Some("utf32"),
        3328.. | 1024 => None,
        _ => {
            let run = FIRST_IDS
                .partition_point(|run| run.0 <= id)
                .checked_sub(1)?;
            FIRST_IDS.get(run).map(|run| run.1)
        }
    }
}

/// First id of each run of collations of one character set. Ids in the gaps are not used.
const FIRST_IDS: &[(u16, &str)] = &[
    (1, "big5"),
    (2, "latin2"),
    (3, "dec8"),
    (4, "cp850"),
    (5, "latin1"),
    (6, "hp8"),
    (7, "koi8r"),
    (8, "latin1"),
    (9, "latin2"),
    (10, "swe7"),
    (11, "ascii"),
    (12, "ujis"),
    (13, "sjis"),
    (14, "cp1251"),
    (15, "latin1"),
    (16, "hebrew"),
    (18, "tis620"),
    (19, "euckr"),
    (20, "latin7"),
    (21, "latin2"),
    (22, "koi8u"),
    (23, "cp1251"),
    (24, "gb2312"),
    (25, "greek"),
    (26, "cp1250"),
    (27, "latin2"),
    (28, "gbk"),
    (29, "cp1257"),
    (30, "latin5"),
    (31, "latin1"),
    (32, "armscii8"),
    (33, "utf8mb3"),
    (34, "cp1250"),
    (35, "ucs2"),
    (36, "cp866"),
    (37, "keybcs2"),
    (38, "macce"),
    (39, "macroman"),
    (40, "cp852"),
    (41, "latin7"),
    (43, "macce"),
    (44, "cp1250"),
    (45, "utf8mb4"),
    (47, "latin1"),
    (50, "cp1251"),
    (53, "macroman"),
    (54, "utf16"),
    (56, "utf16le"),
    (57, "cp1256"),
    (58, "cp1257"),
    (60, "utf32"),
    (62, "utf16le"),
    (63, "binary"),
    (64, "armscii8"),
    (65, "ascii"),
    (66, "cp1250"),
    (67, "cp1256"),
    (68, "cp866"),
    (69, "dec8"),
    (70, "greek"),
    (71, "hebrew"),
    (72, "hp8"),
    (73, "keybcs2"),
    (74, "koi8r"),
    (75, "koi8u"),
    (76, "utf8mb3"),
    (77, "latin2"),
    (78, "latin5"),
    (79, "latin7"),
    (80, "cp850"),
    (81, "cp852"),
    (82, "swe7"),
    (83, "utf8mb3"),
    (84, "big5"),
    (85, "euckr"),
    (86, "gb2312"),
    (87, "gbk"),
    (88, "sjis"),
    (89, "tis620"),
    (90, "ucs2"),
    (91, "ujis"),
    (92, "geostd8"),
    (94, "latin1"),
    (95, "cp932"),
    (97, "eucjpms"),
    (99, "cp1250"),
    (101, "utf16"),
    (128, "ucs2"),
    (160, "utf32"),
    (192, "utf8mb3"),
    (224, "utf8mb4"),
    (248, "gb18030"),
    (255, "utf8mb4"),
    (576, "utf8mb3"),
    (608, "utf8mb4"),
    (640, "ucs2"),
    (672, "utf16"),
    (736, "utf32"),
];

#[test]
fn a_collation_id_gives_its_character_set() {
    for (id, expect) in [
        (8, Some("latin1")),
        (33, Some("utf8mb3")),
        (63, Some("binary")),
        (255, Some("utf8mb4")),
        (1071, Some("latin1")),
        (1057, Some("utf8mb3")),
        (2304, Some("utf8mb4")),
        (0, None),
        (u16::MAX, None),
    ] {
        assert_eq!(charset_of_collation(id), expect, "{id}");
    }
}
