//! The one table of error codes. Codes are append-only: a number is never given a new meaning.
//!
//! One file per area keeps the table readable; `all()` puts them together.

use serde::{Serialize, Serializer};

use crate::RetryDirective;

/// A code such as `CAT003`: three letters for the area, three digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub(crate) &'static str);

impl ErrorCode {
    /// The code as text.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The code's entry. Every code has one; a test holds that.
    pub fn entry(self) -> Option<&'static CodeEntry> {
        all().find(|e| e.code == self)
    }

    /// Finds a code by its text, in any case.
    pub fn find(text: &str) -> Option<&'static CodeEntry> {
        all().find(|e| e.code.0.eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

/// What is known of a code.
#[derive(Clone, Copy, Debug)]
pub struct CodeEntry {
    /// The code.
    pub code: ErrorCode,
    /// One line: what it means.
    pub title: &'static str,
    /// What the supervisor does about it.
    pub retry: RetryDirective,
    /// Its page in Markdown: what happened, why, what to do.
    pub page: &'static str,
}

/// Declares the codes of one area: a constant per code and a table `ENTRIES`. The page of a code is
/// `pages/CODE.md`; a missing page does not compile.
macro_rules! codes {
    ($($code:ident $retry:ident $title:literal;)*) => {
        $(#[doc = $title] pub const $code: $crate::ErrorCode = $crate::ErrorCode(stringify!($code));)*
        /// The codes of this area.
        pub(super) const ENTRIES: &[$crate::CodeEntry] = &[$($crate::CodeEntry {
            code: $code,
            title: $title,
            retry: $crate::RetryDirective::$retry,
            page: include_str!(concat!("../../pages/", stringify!($code), ".md")),
        },)*];
    };
}

mod backup;
mod bloat;
mod catalog;
mod compare;
mod config;
mod ddl;
mod relay;
mod replay;
mod source;
mod target;
mod tls;
mod transform;
mod upgrade;

pub use backup::*;
pub use bloat::*;
pub use catalog::*;
pub use compare::*;
pub use config::*;
pub use ddl::*;
pub use relay::*;
pub use replay::*;
pub use source::*;
pub use target::*;
pub use tls::*;
pub use transform::*;
pub use upgrade::*;

/// All codes, by area.
pub fn all() -> impl Iterator<Item = &'static CodeEntry> {
    [
        config::ENTRIES,
        source::ENTRIES,
        ddl::ENTRIES,
        relay::ENTRIES,
        replay::ENTRIES,
        catalog::ENTRIES,
        target::ENTRIES,
        tls::ENTRIES,
        compare::ENTRIES,
        backup::ENTRIES,
        bloat::ENTRIES,
        transform::ENTRIES,
        upgrade::ENTRIES,
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_three_letters_and_three_digits_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in all() {
            let code = entry.code.as_str();
            let (letters, digits) = code.split_at(3);
            assert!(letters.bytes().all(|b| b.is_ascii_uppercase()), "{code}");
            assert!(
                digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()),
                "{code}"
            );
            assert!(seen.insert(code), "{code} stands twice");
        }
    }

    #[test]
    fn every_page_begins_with_its_code_and_says_what_to_do() {
        for entry in all() {
            let code = entry.code.as_str();
            assert!(entry.page.starts_with(&format!("# {code}: ")), "{code}");
            assert!(entry.page.contains("## What to do"), "{code}");
        }
    }
}
