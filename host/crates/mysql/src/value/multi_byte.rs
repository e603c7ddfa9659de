//! East Asian character sets: `encoding_rs`, and where the servers differ from it, the servers.
//!
//! The differences were measured with `CONVERT(.. USING utf32)` on MariaDB 10.11, 11.8 and MySQL
//! 9.7, which agree. Characters that `encoding_rs` knows and the servers do not are decoded: a
//! server stores them but shows `?`.

use encoding_rs::{BIG5, DecoderResult, EUC_JP, EUC_KR, Encoding, GB18030, GBK, SHIFT_JIS};

/// One of the multi-byte character sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MultiByte {
    Big5,
    Cp932,
    Sjis,
    Ujis,
    EucJpMs,
    EucKr,
    Gb2312,
    Gbk,
    Gb18030,
}

/// First code, its character, and how many codes follow on in step.
type Run = (u32, u32, u32);

impl MultiByte {
    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Big5 => BIG5,
            Self::Cp932 | Self::Sjis => SHIFT_JIS,
            Self::Ujis | Self::EucJpMs => EUC_JP,
            Self::EucKr => EUC_KR,
            Self::Gb2312 | Self::Gbk => GBK,
            Self::Gb18030 => GB18030,
        }
    }

    /// Sorted; empty where the servers agree with `encoding_rs`.
    fn exceptions(self) -> &'static [Run] {
        match self {
            Self::Big5 => BIG5_RUNS,
            Self::Sjis => SJIS_RUNS,
            Self::Ujis => UJIS_RUNS,
            Self::EucJpMs => EUCJPMS_RUNS,
            Self::Gb2312 => GB2312_RUNS,
            Self::Gb18030 => GB18030_RUNS,
            Self::Cp932 | Self::EucKr | Self::Gbk => &[],
        }
    }

    /// Bytes of the character that begins with `bytes`, at least 1; may exceed `bytes`.
    fn width(self, bytes: &[u8]) -> usize {
        let lead = bytes.first().copied().unwrap_or_default();
        match self {
            _ if lead < 0x80 => 1,
            Self::Cp932 | Self::Sjis if matches!(lead, 0x80 | 0xa0..=0xdf) => 1,
            Self::Ujis | Self::EucJpMs if lead == 0x8f => 3,
            Self::Gb18030 if matches!(bytes.get(1), Some(0x30..=0x39)) => 4,
            _ => 2,
        }
    }

    /// Appends `bytes` as UTF-8; `false` where they are invalid, `out` then ends anywhere.
    pub(super) fn append(self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        let exceptions = self.exceptions();
        if exceptions.is_empty() {
            return self.append_plain(bytes, out);
        }
        let (mut plain, mut at) = (0, 0);
        while at < bytes.len() {
            let end = at + self.width(&bytes[at..]);
            let Some(character) = bytes.get(at..end) else {
                return false;
            };
            if let Some(found) = exception(exceptions, character) {
                if !self.append_plain(&bytes[plain..at], out) {
                    return false;
                }
                super::charset::push_char(out, found);
                plain = end;
            }
            at = end;
        }
        self.append_plain(&bytes[plain..], out)
    }

    fn append_plain(self, bytes: &[u8], out: &mut Vec<u8>) -> bool {
        if bytes.is_empty() {
            return true;
        }
        let mut decoder = self.encoding().new_decoder_without_bom_handling();
        let Some(room) = decoder.max_utf8_buffer_length_without_replacement(bytes.len()) else {
            return false;
        };
        let start = out.len();
        out.resize(start + room, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(bytes, &mut out[start..], true);
        out.truncate(start + written);
        result == DecoderResult::InputEmpty && read == bytes.len()
    }
}

fn exception(runs: &[Run], character: &[u8]) -> Option<char> {
    if character.len() < 2 {
        return None;
    }
    let code = character.iter().fold(0, |n, &b| n << 8 | u32::from(b));
    let run = runs.partition_point(|r| r.0 <= code).checked_sub(1)?;
    let (first, to, count) = runs[run];
    (code - first < count).then(|| char::from_u32(to + code - first))?
}

const BIG5_RUNS: &[Run] = &[
    (0xa145, 0x2022, 1),
    (0xa14e, 0xff64, 1),
    (0xa1c2, 0x203e, 1),
    (0xa1e3, 0x223c, 1),
    (0xa1f2, 0x2641, 1),
    (0xa1f3, 0x2609, 1),
    (0xa241, 0xff0f, 1),
    (0xa242, 0xff3c, 1),
    (0xa244, 0x00a5, 1),
    (0xa246, 0x00a2, 2),
    (0xc6a1, 0x30fe, 1),
    (0xc6a2, 0x309d, 2),
    (0xc6a4, 0x3005, 1),
    (0xc6a5, 0x3041, 83),
    (0xc6f8, 0x30a1, 7),
    (0xc740, 0x30a8, 63),
    (0xc7a1, 0x30e7, 16),
    (0xc7b1, 0x0414, 2),
    (0xc7b3, 0x0401, 1),
    (0xc7b4, 0x0416, 7),
    (0xc7bb, 0x0423, 19),
    (0xc7ce, 0x0451, 1),
    (0xc7cf, 0x0436, 26),
    (0xc7e9, 0x2460, 10),
    (0xc7f3, 0x2474, 10),
];

const SJIS_RUNS: &[Run] = &[
    (0x815f, 0x005c, 1),
    (0x8160, 0x301c, 1),
    (0x8161, 0x2016, 1),
    (0x817c, 0x2212, 1),
    (0x8191, 0x00a2, 2),
    (0x81ca, 0x00ac, 1),
];

const UJIS_RUNS: &[Run] = &[
    (0xa1c0, 0x005c, 1),
    (0xa1c1, 0x301c, 1),
    (0xa1c2, 0x2016, 1),
    (0xa1dd, 0x2212, 1),
    (0xa1f1, 0x00a2, 2),
    (0xa2cc, 0x00ac, 1),
    (0xf5a1, 0xe000, 94),
    (0xf6a1, 0xe05e, 94),
    (0xf7a1, 0xe0bc, 94),
    (0xf8a1, 0xe11a, 94),
    (0xf9a1, 0xe178, 94),
    (0xfaa1, 0xe1d6, 94),
    (0xfba1, 0xe234, 94),
    (0xfca1, 0xe292, 94),
    (0xfda1, 0xe2f0, 94),
    (0xfea1, 0xe34e, 94),
    (0x8fa2b7, 0x007e, 1),
    (0x8ff5a1, 0xe3ac, 94),
    (0x8ff6a1, 0xe40a, 94),
    (0x8ff7a1, 0xe468, 94),
    (0x8ff8a1, 0xe4c6, 94),
    (0x8ff9a1, 0xe524, 94),
    (0x8ffaa1, 0xe582, 94),
    (0x8ffba1, 0xe5e0, 94),
    (0x8ffca1, 0xe63e, 94),
    (0x8ffda1, 0xe69c, 94),
    (0x8ffea1, 0xe6fa, 94),
];

const EUCJPMS_RUNS: &[Run] = &[
    (0xf5a1, 0xe000, 94),
    (0xf6a1, 0xe05e, 94),
    (0xf7a1, 0xe0bc, 94),
    (0xf8a1, 0xe11a, 94),
    (0xf9a1, 0xe178, 94),
    (0xfaa1, 0xe1d6, 94),
    (0xfba1, 0xe234, 94),
    (0xfca1, 0xe292, 94),
    (0xfda1, 0xe2f0, 94),
    (0xfea1, 0xe34e, 94),
    (0x8fa2c3, 0xffe4, 1),
    (0x8ff3f3, 0x2170, 10),
    (0x8ff3fd, 0x2160, 2),
    (0x8ff4a1, 0x2162, 8),
    (0x8ff4a9, 0xff07, 1),
    (0x8ff4aa, 0xff02, 1),
    (0x8ff4ab, 0x3231, 1),
    (0x8ff4ac, 0x2116, 1),
    (0x8ff4ad, 0x2121, 1),
    (0x8ff4ae, 0x70bb, 1),
    (0x8ff4af, 0x4efc, 1),
    (0x8ff4b0, 0x50f4, 1),
    (0x8ff4b1, 0x51ec, 1),
    (0x8ff4b2, 0x5307, 1),
    (0x8ff4b3, 0x5324, 1),
    (0x8ff4b4, 0xfa0e, 1),
    (0x8ff4b5, 0x548a, 1),
    (0x8ff4b6, 0x5759, 1),
    (0x8ff4b7, 0xfa0f, 2),
    (0x8ff4b9, 0x589e, 1),
    (0x8ff4ba, 0x5bec, 1),
    (0x8ff4bb, 0x5cf5, 1),
    (0x8ff4bc, 0x5d53, 1),
    (0x8ff4bd, 0xfa11, 1),
    (0x8ff4be, 0x5fb7, 1),
    (0x8ff4bf, 0x6085, 1),
    (0x8ff4c0, 0x6120, 1),
    (0x8ff4c1, 0x654e, 1),
    (0x8ff4c2, 0x663b, 1),
    (0x8ff4c3, 0x6665, 1),
    (0x8ff4c4, 0xfa12, 1),
    (0x8ff4c5, 0xf929, 1),
    (0x8ff4c6, 0x6801, 1),
    (0x8ff4c7, 0xfa13, 2),
    (0x8ff4c9, 0x6a6b, 1),
    (0x8ff4ca, 0x6ae2, 1),
    (0x8ff4cb, 0x6df8, 1),
    (0x8ff4cc, 0x6df2, 1),
    (0x8ff4cd, 0x7028, 1),
    (0x8ff4ce, 0xfa15, 2),
    (0x8ff4d0, 0x7501, 1),
    (0x8ff4d1, 0x7682, 1),
    (0x8ff4d2, 0x769e, 1),
    (0x8ff4d3, 0xfa17, 1),
    (0x8ff4d4, 0x7930, 1),
    (0x8ff4d5, 0xfa18, 4),
    (0x8ff4d9, 0x7ae7, 1),
    (0x8ff4da, 0xfa1c, 2),
    (0x8ff4dc, 0x7da0, 1),
    (0x8ff4dd, 0x7dd6, 1),
    (0x8ff4de, 0xfa1e, 1),
    (0x8ff4df, 0x8362, 1),
    (0x8ff4e0, 0xfa1f, 1),
    (0x8ff4e1, 0x85b0, 1),
    (0x8ff4e2, 0xfa20, 2),
    (0x8ff4e4, 0x8807, 1),
    (0x8ff4e5, 0xfa22, 1),
    (0x8ff4e6, 0x8b7f, 1),
    (0x8ff4e7, 0x8cf4, 1),
    (0x8ff4e8, 0x8d76, 1),
    (0x8ff4e9, 0xfa23, 3),
    (0x8ff4ec, 0x90de, 1),
    (0x8ff4ed, 0xfa26, 1),
    (0x8ff4ee, 0x9115, 1),
    (0x8ff4ef, 0xfa27, 2),
    (0x8ff4f1, 0x9592, 1),
    (0x8ff4f2, 0xf9dc, 1),
    (0x8ff4f3, 0xfa29, 1),
    (0x8ff4f4, 0x973b, 1),
    (0x8ff4f5, 0x974d, 1),
    (0x8ff4f6, 0x9751, 1),
    (0x8ff4f7, 0xfa2a, 3),
    (0x8ff4fa, 0x999e, 1),
    (0x8ff4fb, 0x9ad9, 1),
    (0x8ff4fc, 0x9b72, 1),
    (0x8ff4fd, 0xfa2d, 1),
    (0x8ff4fe, 0x9ed1, 1),
    (0x8ff5a1, 0xe3ac, 94),
    (0x8ff6a1, 0xe40a, 94),
    (0x8ff7a1, 0xe468, 94),
    (0x8ff8a1, 0xe4c6, 94),
    (0x8ff9a1, 0xe524, 94),
    (0x8ffaa1, 0xe582, 94),
    (0x8ffba1, 0xe5e0, 94),
    (0x8ffca1, 0xe63e, 94),
    (0x8ffda1, 0xe69c, 94),
    (0x8ffea1, 0xe6fa, 94),
];

const GB2312_RUNS: &[Run] = &[(0xa1a4, 0x30fb, 1), (0xa1aa, 0x2015, 1)];

const GB18030_RUNS: &[Run] = &[
    (0xa3a0, 0xe5e5, 1),
    (0xa6d9, 0xe78d, 7),
    (0xa6ec, 0xe794, 2),
    (0xa6f3, 0xe796, 1),
    (0xfe59, 0xe81e, 1),
    (0xfe61, 0xe826, 1),
    (0xfe66, 0xe82b, 2),
    (0xfe6d, 0xe832, 1),
    (0xfe7e, 0xe843, 1),
    (0xfe90, 0xe854, 1),
    (0xfea0, 0xe864, 1),
];
