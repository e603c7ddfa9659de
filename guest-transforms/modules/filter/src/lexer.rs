//! Words of an expression, each with its place.

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Byte offset.
    pub(crate) at: usize,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(at: usize, what: impl Into<String>) -> Self {
        Fault {
            at,
            what: what.into(),
        }
    }

    /// `where`, character 8, before `= 1`: ...
    pub(crate) fn render(&self, text: &str) -> String {
        let (before, rest) = text.split_at_checked(self.at).unwrap_or((text, ""));
        let place = before.chars().count() + 1;
        if rest.trim().is_empty() {
            return format!("`where`, at its end: {}", self.what);
        }
        let near: String = rest.chars().take(20).collect();
        format!(
            "`where`, character {place}, at `{}`: {}",
            near.trim_end(),
            self.what
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A keyword, in lower case.
    Key(&'static str),
    /// The name of a column.
    Name(String),
    /// Text in single quotes.
    Text(String),
    /// A number as written, without its sign.
    Number(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) at: usize,
    pub(crate) word: Word,
}

const KEYS: &[&str] = &[
    "and", "or", "not", "in", "is", "null", "like", "ilike", "between", "true", "false", "has",
];

/// Longer ones first.
const SIGNS: &[&str] = &["<>", "!=", "<=", ">=", "=", "<", ">", "(", ")", ",", "-"];

/// Splits an expression into words.
pub(crate) fn lex(text: &str) -> Result<Vec<Token>, Fault> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let (word, length) = if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        } else if letter == '\'' {
            quoted(rest, '\'', at).map(|(text, length)| (Word::Text(text), length))?
        } else if letter == '`' {
            quoted(rest, '`', at).map(|(text, length)| (Word::Name(text), length))?
        } else if letter.is_ascii_digit() {
            number(rest, at)?
        } else if letter.is_alphabetic() || letter == '_' {
            name(rest)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Word::Sign(sign), sign.len())
        } else if letter == '"' {
            return Err(Fault::new(
                at,
                "text stands in single quotes, names in backticks",
            ));
        } else {
            return Err(Fault::new(at, format!("`{letter}` means nothing here")));
        };
        tokens.push(Token { at, word });
        at += length;
    }
    Ok(tokens)
}

/// Text up to the closing quote; a doubled quote is a quote.
fn quoted(rest: &str, quote: char, at: usize) -> Result<(String, usize), Fault> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1).peekable();
    while let Some((place, letter)) = letters.next() {
        if letter != quote {
            text.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok((text, place + 1));
        }
    }
    Err(Fault::new(at, format!("the closing {quote} is missing")))
}

fn number(rest: &str, at: usize) -> Result<(Word, usize), Fault> {
    let end = rest
        .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '.' || letter == '_'))
        .unwrap_or(rest.len());
    let text = &rest[..end];
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) {
        Ok((Word::Number(text.into()), end))
    } else {
        Err(Fault::new(
            at,
            format!("`{text}` is no number; a name that begins with a digit stands in backticks"),
        ))
    }
}

fn name(rest: &str) -> (Word, usize) {
    let end = rest
        .find(|letter: char| !(letter.is_alphanumeric() || letter == '_' || letter == '$'))
        .unwrap_or(rest.len());
    let text = &rest[..end];
    let key = KEYS.iter().find(|key| text.eq_ignore_ascii_case(key));
    let word = match key {
        Some(key) => Word::Key(key),
        None => Word::Name(text.into()),
    };
    (word, end)
}
