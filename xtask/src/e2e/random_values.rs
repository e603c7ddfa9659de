//! Random values as literals of MySQL and MariaDB, by the column's type as the information schema shows it. Edges
//! of a type come as often as anything between them.

use crate::random::Random;

/// Words with blanks, quotes, other scripts and four-byte characters.
const WORDS: &[&str] = &[
    "",
    "a",
    "A",
    "x  ",
    "  y",
    "it''s",
    "say \"hi\"",
    "back\\\\slash",
    "tab\\t",
    "line\\n",
    "\\\\N",
    "{}",
    "%_",
    "ü",
    "Straße",
    "Привет",
    "日本",
    "🎉",
    "NULL",
    "0",
    "-- no",
    "/* no */",
];

/// A column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    /// `data_type` of the information schema.
    pub(super) word: String,
    /// `column_type`.
    pub(super) declared: String,
}

impl Type {
    /// Numbers in the parentheses of the declaration.
    fn numbers(&self) -> Vec<u64> {
        let inside = self.declared.split(['(', ')']).nth(1).unwrap_or_default();
        inside.split(',').filter_map(|n| n.parse().ok()).collect()
    }

    fn is_unsigned(&self) -> bool {
        self.declared.contains("unsigned")
    }

    /// Labels of ENUM and SET; those of random tables have no quotes in them.
    pub(super) fn labels(&self) -> Vec<String> {
        let inside = self.declared.split(['(', ')']).nth(1).unwrap_or_default();
        let label = |label: &str| label.trim_matches('\'').to_owned();
        inside.split(',').map(label).collect()
    }

    /// A value of the type, as a literal.
    pub(super) fn literal(&self, random: &mut Random) -> String {
        let numbers = self.numbers();
        let first = numbers.first().copied().unwrap_or_default();
        match self.word.as_str() {
            "tinyint" => self.integer(random, 8),
            "smallint" => self.integer(random, 16),
            "mediumint" => self.integer(random, 24),
            "int" => self.integer(random, 32),
            "bigint" => self.integer(random, 64),
            "decimal" => decimal(random, first, numbers.get(1).copied().unwrap_or(0)),
            "float" => random
                .pick(&["0", "0.1", "-1.5", "3.4e38", "1e-40", "16777217", "-2.5e-3"])
                .into(),
            "double" => random
                .pick(&[
                    "0",
                    "0.1",
                    "-1.5",
                    "1.7e308",
                    "5e-324",
                    "9007199254740993",
                    "1e0/3",
                ])
                .into(),
            "bit" => random.below(1 << first.min(62)).to_string(),
            "year" => random.pick(&["1901", "2155", "2024", "0"]).into(),
            "date" => quoted(&date(random)),
            "datetime" => {
                let (date, time) = (date(random), clock(random));
                let fraction = fraction(random, first);
                quoted(&format!("{date} {time}{fraction}"))
            }
            // hours that every time zone has
            "timestamp" => {
                let (year, time) = (random.between(1971, 2037), clock(random));
                let fraction = fraction(random, first);
                quoted(&format!(
                    "{year}-06-{:02} {time}{fraction}",
                    random.between(1, 30)
                ))
            }
            "time" => {
                let hours = random.between(0, 838);
                let sign = random.pick(&["", "-"]);
                let fraction = fraction(random, first);
                quoted(&format!(
                    "{sign}{hours:02}:59:5{}{fraction}",
                    random.below(9)
                ))
            }
            "char" | "varchar" => self.text(random, first),
            "tinytext" => self.text(random, 60),
            "text" | "mediumtext" | "longtext" if random.once_in(20) => {
                format!(
                    "repeat('ü{}', {})",
                    random.below(10),
                    random.between(1, 9_000)
                )
            }
            "text" | "mediumtext" | "longtext" => self.text(random, 200),
            "binary" | "varbinary" => bytes(random, first),
            "tinyblob" => bytes(random, 200),
            "blob" | "mediumblob" | "longblob" => bytes(random, 400),
            "enum" => {
                let labels = self.labels();
                let at = random.below(labels.len() as u64);
                (at + 1).to_string()
            }
            "set" => {
                let count = u32::try_from(self.labels().len()).unwrap_or(1);
                random.below(1 << count.min(60)).to_string()
            }
            "json" => random
                .pick(&[
                    "'{}'",
                    "'[]'",
                    "'[1, 2.5, \"x\", null, true]'",
                    "'{\"a\": {\"b\": [1]}, \"ü\": \"🎉\"}'",
                    "'\"text\"'",
                    "'18446744073709551615'",
                    "'null'",
                ])
                .into(),
            _ => "null".into(),
        }
    }

    fn integer(&self, random: &mut Random, bits: u32) -> String {
        let most = (1_i128 << if self.is_unsigned() { bits } else { bits - 1 }) - 1;
        let least = if self.is_unsigned() { 0 } else { -most - 1 };
        let number = match random.below(6) {
            0 => most,
            1 => least,
            2 => 0,
            3 => most / 2,
            _ => i128::from(random.below(100)),
        };
        number.to_string()
    }

    /// Text of at most so many characters.
    fn text(&self, random: &mut Random, most: u64) -> String {
        let mut text = String::new();
        for _ in 0..random.below(3) {
            let word = random.pick(WORDS);
            // what an escape takes is counted twice, which is on the safe side
            if (text.chars().count() + word.chars().count()) as u64 > most {
                break;
            }
            text.push_str(word);
        }
        quoted(&text)
    }
}

/// The text must be escaped already.
fn quoted(text: &str) -> String {
    format!("'{text}'")
}

fn decimal(random: &mut Random, precision: u64, scale: u64) -> String {
    let whole = usize::try_from(precision.saturating_sub(scale)).unwrap_or_default();
    let scale = usize::try_from(scale).unwrap_or_default();
    let sign = random.pick(&["", "-"]);
    let (whole, fraction) = match random.below(4) {
        0 => ("9".repeat(whole), "9".repeat(scale)),
        1 => (String::new(), "0".repeat(scale.saturating_sub(1)) + "1"),
        _ => ("1".repeat(whole.min(2)), "5".repeat(scale.min(1))),
    };
    let whole = if whole.is_empty() { "0" } else { &whole };
    if scale == 0 {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{fraction}")
}

fn date(random: &mut Random) -> String {
    let year = match random.below(4) {
        0 => 1000,
        1 => 9999,
        _ => random.between(1960, 2050),
    };
    format!(
        "{year}-{:02}-{:02}",
        random.between(1, 12),
        random.between(1, 28)
    )
}

fn clock(random: &mut Random) -> String {
    format!(
        "{:02}:{:02}:{:02}",
        random.below(24),
        random.below(60),
        random.below(60)
    )
}

fn fraction(random: &mut Random, digits: u64) -> String {
    let digits = usize::try_from(digits).unwrap_or_default();
    if digits == 0 {
        return String::new();
    }
    let number = format!("{:06}", random.below(1_000_000));
    format!(".{}", &number[..digits.min(6)])
}

fn bytes(random: &mut Random, most: u64) -> String {
    let count = random.below(most.min(24) + 1);
    let mut text = String::from("x'");
    for byte in random.bytes(count) {
        text.push_str(&format!("{byte:02x}"));
    }
    text.push('\'');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str, declared: &str) -> Type {
        Type {
            word: word.into(),
            declared: declared.into(),
        }
    }

    #[test]
    fn literals_fit_their_types() {
        let mut random = Random::new(7);
        for _ in 0..500 {
            let tiny = of("tinyint", "tinyint(4)").literal(&mut random);
            assert!((-128..=127).contains(&tiny.parse::<i32>().expect("a number")));
            let price = of("decimal", "decimal(5,2)").literal(&mut random);
            let digits = price.trim_start_matches('-').replace('.', "");
            assert!(digits.len() <= 5, "{price}");
            let label = of("enum", "enum('a','b')").literal(&mut random);
            assert!(["1", "2"].contains(&label.as_str()));
        }
    }

    #[test]
    fn a_seed_gives_the_same_values_again() {
        let text = of("varchar", "varchar(40)");
        let all = |seed| -> Vec<String> {
            let mut random = Random::new(seed);
            (0..20).map(|_| text.literal(&mut random)).collect()
        };
        assert_eq!(all(3), all(3));
        assert_ne!(all(3), all(4));
    }
}
