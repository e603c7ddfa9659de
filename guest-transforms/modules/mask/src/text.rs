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
const STARS: usize = 3;

impl Email {
    pub(crate) fn new(keep_domain: bool, limit: Option<usize>, plain: &str) -> Self {
        Email {
            keep_domain,
            limit,
            plain: plain.to_owned(),
        }
    }

    pub(crate) fn write(&self, text: &str, out: &mut TextOut<'_>) {
        let parts = text.rsplit_once('@');
        let Some((local, domain)) = parts.filter(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.contains(char::is_whitespace)
        }) else {
            out.push_str(&self.plain);
            return;
        };
        let domain = if self.keep_domain {
            domain
        } else {
            "example.com"
        };
        // A local part of one or two letters would be told by its first one.
        let first = local
            .chars()
            .next()
            .filter(|_| local.chars().nth(2).is_some());
        let taken = usize::from(first.is_some()) + 1 + domain.chars().count();
        let room = self
            .limit
            .map_or(STARS, |limit| limit.saturating_sub(taken));
        if room == 0 {
            out.push_str(&self.plain);
            return;
        }
        if let Some(first) = first {
            out.push(first);
        }
        stars(room.min(STARS), out);
        out.push('@');
        out.push_str(domain);
    }
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
