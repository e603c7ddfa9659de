//! Digits become other digits, one to one: two different numbers never become the same one, so keys stay keys.
//!
//! A Feistel network over decimal digits, ten rounds, with the host's keyed hash as its round function, in the manner
//! of NIST SP 800-38G (FF1). Each round hashes all rows of the batch in one call. A result that is not allowed (another
//! number of digits, another range of the integer types) is put through again until it is: the network is a permutation,
//! so this walks along its cycle and ends at another allowed number, at the latest at the one it began with.

use chameleon_transform_sdk::{ColumnIn, host, prelude::*};

use crate::{shape::Pseudonym, values};

const ROUNDS: u8 = 10;

/// Halves of such numbers fit into 64 bits.
const MOST_DIGITS: usize = 36;

/// The same, of a declared decimal.
pub(crate) const MOST_DIGITS_OF_A_NUMBER: u32 = 36;

/// The upper ends of the integer types. A number stays between the same two, so that it fits every type that it fitted,
/// and is the same in columns of different types.
const ENDS: &[u64] = &[
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x7f_ffff,
    0xff_ffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Other digits at the places of digits; all else stays.
pub(crate) fn in_texts(secret: &str, input: ColumnIn<'_>) -> Result<Vec<Pseudonym>, Error> {
    let texts: Vec<String> = values(input)
        .map(|value| match value {
            Value::Text(text) => text.to_owned(),
            Value::Odd(raw) => String::from_utf8_lossy(raw).into_owned(),
            _ => String::new(),
        })
        .collect();
    let mut blocks = Vec::new();
    for text in &texts {
        let digits: Vec<u8> = text.bytes().filter_map(digit).collect();
        blocks.extend(digits.chunks(MOST_DIGITS).map(<[u8]>::to_vec));
    }
    permute(secret, &mut blocks, |_, _| true)?;
    let mut new = blocks.iter().flatten();
    let replace = |letter: char| {
        if letter.is_ascii_digit() {
            new.next().map_or(letter, |digit| char::from(b'0' + digit))
        } else {
            letter
        }
    };
    let joined: Vec<char> = texts
        .iter()
        .flat_map(|text| text.chars())
        .map(replace)
        .collect();
    let mut letters = joined.into_iter();
    let made = texts
        .iter()
        .map(|text| letters.by_ref().take(text.chars().count()).collect());
    Ok(made.map(Pseudonym::Text).collect())
}

/// Other numbers of as many digits and the same sign.
pub(crate) fn in_numbers(secret: &str, input: ColumnIn<'_>) -> Result<Vec<Pseudonym>, Error> {
    let numbers: Vec<Number> = values(input).map(Number::of).collect::<Result<_, _>>()?;
    let mut blocks: Vec<Vec<u8>> = numbers.iter().map(|number| number.digits.clone()).collect();
    permute(secret, &mut blocks, |place, digits| {
        numbers[place].allows(digits)
    })?;
    let made = numbers.iter().zip(&blocks);
    made.map(|(number, digits)| number.made(digits)).collect()
}

/// An integer on its way.
struct Number {
    digits: Vec<u8>,
    negative: bool,
    kind: Kind,
}

enum Kind {
    Int,
    Uint,
    Decimal,
}

impl Number {
    fn of(value: Value<'_>) -> Result<Self, Error> {
        match value {
            // -1 counts as 0, so that -128 is as good as 127.
            Value::Int(number) => Ok(Number {
                digits: digits_of(if number < 0 {
                    number.unsigned_abs() - 1
                } else {
                    number.unsigned_abs()
                }),
                negative: number < 0,
                kind: Kind::Int,
            }),
            Value::Uint(number) => Ok(Number {
                digits: digits_of(number),
                negative: false,
                kind: Kind::Uint,
            }),
            Value::Text(text) => Ok(Number {
                digits: text.bytes().filter_map(digit).take(MOST_DIGITS).collect(),
                negative: text.starts_with('-'),
                kind: Kind::Decimal,
            }),
            _ => Err(Error::data("a value that is no number")),
        }
    }

    fn allows(&self, digits: &[u8]) -> bool {
        if digits.len() > 1 && digits[0] == 0 {
            return false;
        }
        match self.kind {
            Kind::Decimal => true,
            Kind::Int | Kind::Uint => {
                let range = |digits: &[u8]| {
                    let number = number_of(digits);
                    ENDS.iter().position(|end| number <= u128::from(*end))
                };
                range(digits) == range(&self.digits)
            }
        }
    }

    fn made(&self, digits: &[u8]) -> Result<Pseudonym, Error> {
        let number = number_of(digits);
        let beyond = || Error::fatal("a pseudonym beyond its type");
        Ok(match self.kind {
            Kind::Uint => Pseudonym::Uint(u64::try_from(number).map_err(|_| beyond())?),
            Kind::Int => {
                let number = i64::try_from(number).map_err(|_| beyond())?;
                Pseudonym::Int(if self.negative { -1 - number } else { number })
            }
            Kind::Decimal => {
                let sign = if self.negative { "-" } else { "" };
                let digits = digits.iter().map(|digit| char::from(b'0' + digit));
                Pseudonym::Text(sign.chars().chain(digits).collect())
            }
        })
    }
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

fn digits_of(number: u64) -> Vec<u8> {
    number.to_string().bytes().filter_map(digit).collect()
}

fn number_of(digits: &[u8]) -> u128 {
    digits
        .iter()
        .fold(0, |number, digit| number * 10 + u128::from(*digit))
}

/// Permutes each block of digits among the blocks of its length that `allowed` lets through.
fn permute(
    secret: &str,
    blocks: &mut [Vec<u8>],
    allowed: impl Fn(usize, &[u8]) -> bool,
) -> Result<(), Error> {
    let (single, mut open): (Vec<usize>, Vec<usize>) = (0..blocks.len())
        .filter(|place| !blocks[*place].is_empty())
        .partition(|place| blocks[*place].len() == 1);
    if !single.is_empty() {
        let table = permutation_of_ten(secret)?;
        for place in single {
            let digit = usize::from(blocks[place][0]);
            blocks[place][0] = table[digit];
        }
    }
    while !open.is_empty() {
        encipher(secret, blocks, &open)?;
        open.retain(|place| !allowed(*place, &blocks[*place]));
    }
    Ok(())
}

/// One pass of the network over the chosen blocks.
fn encipher(secret: &str, blocks: &mut [Vec<u8>], chosen: &[usize]) -> Result<(), Error> {
    let mut halves: Vec<Halves> = chosen
        .iter()
        .map(|place| Halves::of(&blocks[*place]))
        .collect();
    let mut pool = host::Pool::with_capacity(chosen.len(), chosen.len() * 32);
    for round in 0..ROUNDS {
        pool.clear();
        for half in &halves {
            let length = u8::try_from(half.length).unwrap_or(u8::MAX);
            pool.push(&[b"digits-1", &[length, round], &half.right.to_be_bytes()]);
        }
        let hashes = host::hmac_sha256(secret, &pool)?;
        for (half, hash) in halves.iter_mut().zip(&hashes) {
            half.step(round, hash);
        }
    }
    for (place, half) in chosen.iter().zip(&halves) {
        half.write(&mut blocks[*place]);
    }
    Ok(())
}

struct Halves {
    length: usize,
    left: u64,
    right: u64,
}

impl Halves {
    fn of(digits: &[u8]) -> Self {
        let (left, right) = digits.split_at(digits.len() / 2);
        let number = |digits: &[u8]| u64::try_from(number_of(digits)).unwrap_or_default();
        Halves {
            length: digits.len(),
            left: number(left),
            right: number(right),
        }
    }

    fn step(&mut self, round: u8, hash: &[u8; 32]) {
        let short = self.length / 2;
        let digits = if round % 2 == 0 {
            short
        } else {
            self.length - short
        };
        let modulus = 10_u128.pow(u32::try_from(digits).unwrap_or_default());
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&hash[..16]);
        let noise = u128::from_be_bytes(bytes) % modulus;
        let sum = (u128::from(self.left) + noise) % modulus;
        self.left = self.right;
        self.right = u64::try_from(sum).unwrap_or_default();
    }

    fn write(&self, block: &mut [u8]) {
        let (left, right) = block.split_at_mut(self.length / 2);
        for (half, number) in [(left, self.left), (right, self.right)] {
            let mut rest = number;
            for place in half.iter_mut().rev() {
                *place = u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        }
    }
}

/// Ten digits are too few for a network: they are shuffled.
fn permutation_of_ten(secret: &str) -> Result<[u8; 10], Error> {
    let mut pool = host::Pool::default();
    pool.push(&[b"digits-1", b"shuffle"]);
    let hashes = host::hmac_sha256(secret, &pool)?;
    let mut table = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    for (last, bytes) in (1..10_usize).rev().zip(hashes[0].chunks_exact(3)) {
        let noise = bytes
            .iter()
            .fold(0_usize, |noise, byte| noise << 8 | usize::from(*byte));
        table.swap(last, noise % (last + 1));
    }
    Ok(table)
}
