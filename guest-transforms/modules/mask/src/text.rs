//! Text that stays partly readable.

use chameleon_transform_sdk::TextOut;

/// In place of a letter.
const STAR: char = '*';

/// Keeps letters at both ends.
pub(crate) struct Partial {
    pub(crate) first: usize,
    pub(crate) last: usize,
}

impl Partial {
    /// As many letters as there were. What is kept is at most half of them, so that a short text does not stay as it is.
    pub(crate) fn write(&self, text: &str, out: &mut TextOut<'_>) {
        if text.is_ascii() {
            let (first, last) = self.kept(text.len());
            out.push_str(&text[..first]);
            stars(text.len() - first - last, out);
            out.push_str(&text[text.len() - last..]);
            return;
        }
        let length = text.chars().count();
        let (first, last) = self.kept(length);
        for (place, letter) in text.chars().enumerate() {
            let open = place < first || place >= length - last;
            out.push(if open { letter } else { STAR });
        }
    }

    fn kept(&self, length: usize) -> (usize, usize) {
        if self.first.saturating_add(self.last) > length / 2 {
            return (0, 0);
        }
        (self.first, self.last)
    }
}

/// Keeps the first letter of the local part, and the domain.
pub(crate) struct Email {
    keep_domain: bool,
    limit: Option<usize>,
    /// For what is no address.
    plain: String,
}

/// Stands for the rest of the local part, whatever its length.
const STARS_AT: &str = "***@";
const STARS: usize = STARS_AT.len() - 1;

impl Email {
    pub(crate) fn new(keep_domain: bool, limit: Option<usize>, plain: &str) -> Self {
        Email {
            keep_domain,
            limit,
            plain: plain.to_owned(),
        }
    }

    pub(crate) fn write(&self, text: &str, out: &mut TextOut<'_>) {
        let Some((local, domain)) = parts(text) else {
            out.push_str(&self.plain);
            return;
        };
        let domain = if self.keep_domain {
            domain
        } else {
            "example.com"
        };
        // A local part of one or two letters would be told by its first one.
        let first = match local.as_bytes() {
            [first, second, third, ..] if (first | second | third).is_ascii() => &local[..1],
            _ if local.chars().nth(2).is_none() => "",
            _ => &local[..local.chars().next().map_or(0, char::len_utf8)],
        };
        let room = match self.limit {
            // As many bytes are at most as many letters.
            Some(limit) if first.len() + STARS + 1 + domain.len() > limit => {
                let taken = usize::from(!first.is_empty()) + 1 + domain.chars().count();
                limit.saturating_sub(taken).min(STARS)
            }
            _ => STARS,
        };
        if room == 0 {
            out.push_str(&self.plain);
            return;
        }
        match first.as_bytes() {
            // a letter and a constant are stored at once, where a copy of any length is a call
            [letter] if room == STARS => {
                out.push(char::from(*letter));
                out.push_str(STARS_AT);
            }
            _ => {
                out.push_str(first);
                out.push_str(&STARS_AT[STARS - room..]);
            }
        }
        out.push_str(domain);
    }
}

/// The local part and the domain; none if the text is no address.
fn parts(text: &str) -> Option<(&str, &str)> {
    let (mut point, mut plain) = (false, true);
    let mut letters = text.bytes().enumerate().rev();
    let at = loop {
        let (at, byte) = letters.next()?;
        if byte == b'@' {
            break at;
        }
        point |= byte == b'.';
        plain &= byte > b' ' && byte.is_ascii();
    };
    let (local, domain) = (&text[..at], &text[at + 1..]);
    let fits = plain || !domain.contains(char::is_whitespace);
    (at > 0 && point && fits).then_some((local, domain))
}

fn stars(count: usize, out: &mut TextOut<'_>) {
    const ROW: &str = "********************************";
    let mut left = count;
    while left > 0 {
        let now = left.min(ROW.len());
        out.push_str(&ROW[..now]);
        left -= now;
    }
}
