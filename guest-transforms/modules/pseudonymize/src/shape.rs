//! What the pseudonyms of one column look like, and how they are made.

use std::fmt::Write as _;

use chameleon_transform_sdk::{ColumnIn, host, prelude::*};

use crate::{
    config::{Look, Rule},
    digits, values,
};

/// Below 64 bits two of some billion values might meet.
const LEAST_HEX: usize = 16;
const LEAST_BYTES: usize = 8;

/// Where addresses go that do not exist.
const NOWHERE: &str = "example.com";

/// How the pseudonyms of a column are made.
#[derive(Debug)]
pub(crate) enum Shape {
    Hex {
        length: usize,
        fold: bool,
    },
    Email {
        domain: String,
        keep: bool,
        limit: usize,
        fold: bool,
    },
    Uuid,
    Bytes {
        length: usize,
    },
    /// Digits within text.
    Digits,
    /// Integers, and decimals without a fraction.
    Number,
}

/// One pseudonym.
#[derive(Debug)]
pub(crate) enum Pseudonym {
    Text(String),
    Int(i64),
    Uint(u64),
    Blob(Vec<u8>),
}

impl Pseudonym {
    pub(crate) fn value(&self) -> Value<'_> {
        match self {
            Pseudonym::Text(text) => Value::Text(text),
            Pseudonym::Int(number) => Value::Int(*number),
            Pseudonym::Uint(number) => Value::Uint(*number),
            Pseudonym::Blob(bytes) => Value::Blob(bytes),
        }
    }
}

impl Shape {
    pub(crate) fn of(column: &Column, rule: &Rule) -> Result<Self, Error> {
        let refuse = |what: &str| {
            let message = format!("`{}` is {}: {what}", column.name, column.ty.declared);
            Err(Error::schema(message).at_column(column.index))
        };
        let whole_decimal = column.ty.kind == TypeKind::Decimal
            && column.ty.scale == 0
            && column.ty.length <= digits::MOST_DIGITS_OF_A_NUMBER;
        let binary = column.form() == Form::Blobs
            && matches!(
                column.ty.kind,
                TypeKind::Binary | TypeKind::Varbinary | TypeKind::Blob
            );
        let look = match rule.look {
            Some(look) => look,
            None if column.is_text() => Look::Hex,
            None if column.is_integer() || whole_decimal => Look::Digits,
            None if column.ty.kind == TypeKind::Uuid => Look::Uuid,
            None if binary => Look::Bytes,
            None => {
                return refuse("pseudonyms are for text, integers, UUIDs and bytes; use `mask`");
            }
        };
        let fold = rule.fold_case.unwrap_or(look == Look::Email);
        let limit = column.limit().unwrap_or(usize::MAX);
        match look {
            Look::Digits if column.is_text() => Ok(Shape::Digits),
            Look::Digits if column.is_integer() || whole_decimal => Ok(Shape::Number),
            Look::Digits => refuse(
                "`digits` is for text, integers, and decimals of up to 36 digits without a fraction",
            ),
            Look::Hex | Look::Email if !column.is_text() => {
                refuse("`hex` and `email` are for text")
            }
            Look::Hex if limit < LEAST_HEX => {
                refuse("too narrow, pseudonyms would meet; 16 characters are the least for `hex`")
            }
            Look::Hex => Ok(Shape::Hex {
                length: limit.min(32),
                fold,
            }),
            Look::Email => {
                let domain = rule.domain.clone().unwrap_or_else(|| NOWHERE.into());
                if domain.chars().count() + LEAST_HEX + 2 > limit {
                    return refuse("too narrow for `p`, 16 letters, `@` and the domain");
                }
                let keep = rule.keep_domain.unwrap_or(false);
                Ok(Shape::Email {
                    domain,
                    keep,
                    limit,
                    fold,
                })
            }
            Look::Uuid if column.ty.kind == TypeKind::Uuid => Ok(Shape::Uuid),
            Look::Uuid if column.is_text() && limit >= 36 => Ok(Shape::Uuid),
            Look::Uuid => refuse("`uuid` is for UUIDs, and text of 36 characters and more"),
            Look::Bytes if binary && limit >= LEAST_BYTES => Ok(Shape::Bytes {
                length: limit.min(32),
            }),
            Look::Bytes => refuse("`bytes` is for binary columns of 8 bytes and more"),
        }
    }

    /// The pseudonyms of all values of a column that have one, in row order.
    pub(crate) fn make(&self, secret: &str, input: ColumnIn<'_>) -> Result<Vec<Pseudonym>, Error> {
        match self {
            Shape::Digits => digits::in_texts(secret, input),
            Shape::Number => digits::in_numbers(secret, input),
            _ => self.make_hashed(secret, input),
        }
    }

    fn make_hashed(&self, secret: &str, input: ColumnIn<'_>) -> Result<Vec<Pseudonym>, Error> {
        let fold = match self {
            Shape::Hex { fold, .. } | Shape::Email { fold, .. } => *fold,
            Shape::Uuid => true,
            _ => false,
        };
        let mut pool = host::Pool::default();
        for value in values(input) {
            match value {
                Value::Text(text) if fold => pool.push(&[text.to_lowercase().as_bytes()]),
                Value::Text(text) => pool.push(&[text.as_bytes()]),
                Value::Blob(bytes) | Value::Odd(bytes) => pool.push(&[bytes]),
                _ => return Err(Error::fatal("a value of another type than its column's")),
            }
        }
        let hashes = host::hmac_sha256(secret, &pool)?;
        let made = hashes.iter().zip(values(input));
        Ok(made.map(|(hash, value)| self.render(hash, value)).collect())
    }

    fn render(&self, hash: &[u8; 32], value: Value<'_>) -> Pseudonym {
        match self {
            Shape::Bytes { length } => Pseudonym::Blob(hash[..*length].to_vec()),
            Shape::Uuid => Pseudonym::Text(uuid(hash)),
            Shape::Email {
                domain,
                keep,
                limit,
                ..
            } => {
                let own = match value {
                    Value::Text(text) if *keep => text.rsplit_once('@').map(|(_, own)| own),
                    _ => None,
                };
                let room = limit - LEAST_HEX - 2;
                let own = own.filter(|own| !own.is_empty() && own.chars().count() <= room);
                let local = hex(&hash[..LEAST_HEX / 2]);
                Pseudonym::Text(format!("p{local}@{}", own.unwrap_or(domain)))
            }
            Shape::Hex { length, .. } => {
                let mut text = hex(&hash[..16]);
                text.truncate(*length);
                Pseudonym::Text(text)
            }
            Shape::Digits | Shape::Number => Pseudonym::Text(String::new()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A UUID of version 8, whose bits are its maker's own affair (RFC 9562).
fn uuid(hash: &[u8; 32]) -> String {
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ]
    .join("-")
}
