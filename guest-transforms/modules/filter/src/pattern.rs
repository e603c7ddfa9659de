//! Patterns of `like`: `%` is any text, `_` any letter, a backslash takes the next letter as it is.

/// A pattern, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    fold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Letter(char),
    AnyLetter,
    AnyText,
}

impl Pattern {
    /// `fold`: upper and lower case make no difference.
    pub(crate) fn new(text: &str, fold: bool) -> Self {
        let mut parts = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            parts.push(match letter {
                '%' => Part::AnyText,
                '_' => Part::AnyLetter,
                '\\' => Part::Letter(lower(letters.next().unwrap_or('\\'), fold)),
                letter => Part::Letter(lower(letter, fold)),
            });
        }
        Pattern { parts, fold }
    }

    /// Looks once at each letter, and goes back to the last `%` where it must.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> = text
            .chars()
            .map(|letter| lower(letter, self.fold))
            .collect();
        let (mut part, mut letter) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while letter < letters.len() {
            let matched = match self.parts.get(part) {
                Some(Part::AnyText) => {
                    retry = Some((part, letter));
                    part += 1;
                    continue;
                }
                Some(Part::AnyLetter) => true,
                Some(Part::Letter(wanted)) => *wanted == letters[letter],
                None => false,
            };
            if matched {
                part += 1;
                letter += 1;
            } else if let Some((any, from)) = retry {
                retry = Some((any, from + 1));
                part = any + 1;
                letter = from + 1;
            } else {
                return false;
            }
        }
        self.parts[part..].iter().all(|part| *part == Part::AnyText)
    }
}

/// The one letter that stands for both cases; a letter whose lower case is several stays.
fn lower(letter: char, fold: bool) -> char {
    if !fold {
        return letter;
    }
    let mut lower = letter.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => letter,
    }
}
