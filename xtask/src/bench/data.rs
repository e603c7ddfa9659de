//! The rows: one million as sysbench makes them and half a million of mixed types, the same ones every time.
//!
//! They are written to two files that MySQL's LOAD DATA and PostgreSQL's COPY both read, and loaded without a trace in
//! the binlog.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use mysql_async::{Conn, prelude::Queryable};

use crate::{address::Address, random::Random};

/// The database at the source, and the schema at every target.
pub(super) const NAME: &str = "bench";

/// A share of the whole size, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale(u64);

impl Scale {
    /// The whole size.
    pub(super) const ONE: Scale = Scale(1_000);
    /// The size of the light form.
    pub(super) const LIGHT: Scale = Scale(200);

    /// That share of a count, at least one.
    pub(super) fn of(self, count: u64) -> u64 {
        (count * self.0 / 1_000).max(1)
    }

    /// As a factor.
    pub(super) fn factor(self) -> f64 {
        self.0 as f64 / 1_000.0
    }
}

impl FromStr for Scale {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let factor: f64 = text.parse().context("a scale is a number such as 0.05")?;
        let thousandths = format!("{:.0}", factor * 1_000.0);
        match thousandths.parse() {
            Ok(scale) if scale > 0 => Ok(Scale(scale)),
            _ => bail!("a scale is at least 0.001"),
        }
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.factor())
    }
}

/// The tables with their rows as files.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub(super) sysbench: Table,
    pub(super) mixed: Table,
}

/// One table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) rows: u64,
    /// Its rows in the text form of COPY.
    pub(super) file: PathBuf,
}

const SYSBENCH: &str = "create table sbtest1 (
    id int not null auto_increment primary key,
    k int not null default 0,
    c char(120) not null default '',
    pad char(60) not null default '',
    key k_1 (k))";

const MIXED: &str = "create table mixed (
    id bigint not null auto_increment primary key,
    account int unsigned not null,
    amount decimal(12,2) not null,
    rate double,
    active tinyint(1) not null,
    status enum('new','paid','sent','returned') not null,
    name varchar(80) not null,
    note text,
    made datetime not null,
    changed timestamp not null default current_timestamp,
    day date,
    payload blob,
    key mixed_account (account),
    key mixed_made (made))";

/// What LOAD DATA is told of the columns: bytes stand in the file as PostgreSQL writes them.
const SYSBENCH_COLUMNS: &str = "(id, k, c, pad)";
const MIXED_COLUMNS: &str = "(id, account, amount, rate, active, status, name, note, made, changed, day, @payload) \
     set payload = unhex(substring(@payload, 3))";

impl Data {
    /// Writes the files.
    pub(super) fn write(directory: &Path, scale: Scale) -> Result<Self> {
        let table = |name: &'static str, rows: u64| Table {
            name,
            rows: scale.of(rows),
            file: directory.join(format!("{name}.tsv")),
        };
        let data = Data {
            sysbench: table("sbtest1", 1_000_000),
            mixed: table("mixed", 500_000),
        };
        data.sysbench.write(sysbench_row)?;
        data.mixed.write(mixed_row)?;
        Ok(data)
    }

    /// Rows of both tables.
    pub(super) fn rows(&self) -> u64 {
        self.sysbench.rows + self.mixed.rows
    }

    /// Both tables.
    pub(super) fn tables(&self) -> [&Table; 2] {
        [&self.sysbench, &self.mixed]
    }

    /// Makes the source's database.
    pub(super) async fn load(&self, source: &Address) -> Result<()> {
        let mut connection = unlogged(source).await?;
        make_database(&mut connection, NAME).await?;
        connection.query_drop(SYSBENCH).await?;
        connection.query_drop(MIXED).await?;
        for (table, columns) in [
            (&self.sysbench, SYSBENCH_COLUMNS),
            (&self.mixed, MIXED_COLUMNS),
        ] {
            let (name, file) = (table.name, table.file.display());
            let load = format!(
                "load data infile '{file}' into table {name} character set utf8mb4 {columns}"
            );
            connection.query_drop(load).await?;
            connection
                .query_drop(format!("analyze table {name}"))
                .await?;
        }
        Ok(connection.disconnect().await?)
    }
}

impl Table {
    fn write(&self, row: fn(&mut Vec<u8>, u64, &mut Random) -> std::io::Result<()>) -> Result<()> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(&self.file)?);
        let mut random = Random::new(self.rows);
        let mut line = Vec::new();
        for id in 1..=self.rows {
            line.clear();
            row(&mut line, id, &mut random)?;
            file.write_all(&line)?;
        }
        Ok(file.flush()?)
    }
}

/// A session that leaves no trace in the binlog.
pub(super) async fn unlogged(source: &Address) -> Result<Conn> {
    let mut connection = source.database("").mysql().await?;
    connection.query_drop("set sql_log_bin = 0").await?;
    Ok(connection)
}

/// Makes an empty database and uses it.
pub(super) async fn make_database(connection: &mut Conn, name: &str) -> Result<()> {
    for statement in [
        format!("drop database if exists {name}"),
        format!("create database {name} character set utf8mb4"),
        format!("use {name}"),
    ] {
        connection.query_drop(statement).await?;
    }
    Ok(())
}

/// Groups of eleven digits, as sysbench fills its columns.
pub(super) fn digits(out: &mut Vec<u8>, groups: usize, random: &mut Random) {
    for group in 0..groups {
        if group > 0 {
            out.push(b'-');
        }
        let mut left = random.bits() % 100_000_000_000;
        let start = out.len();
        for _ in 0..11 {
            out.push(b'0' + u8::try_from(left % 10).unwrap_or_default());
            left /= 10;
        }
        out[start..].reverse();
    }
}

fn sysbench_row(out: &mut Vec<u8>, id: u64, random: &mut Random) -> std::io::Result<()> {
    write!(out, "{id}\t{}\t", random.below(1_000_000))?;
    digits(out, 10, random);
    out.push(b'\t');
    digits(out, 5, random);
    out.push(b'\n');
    Ok(())
}

const STATUS: &[&str] = &["new", "paid", "sent", "returned"];
const NAMES: &[&str] = &["Ana", "Bjørn", "Chloé", "Dmitri", "Élodie", "Ştefan", "Zoë"];
const WORDS: &[&str] = &[
    "late",
    "gift",
    "call back",
    "fragile",
    "second try",
    "naïve",
];

fn mixed_row(out: &mut Vec<u8>, id: u64, random: &mut Random) -> std::io::Result<()> {
    let (account, cents) = (random.below(2_000_000_000), random.below(10_000_000));
    write!(out, "{id}\t{account}\t{}.{:02}\t", cents / 100, cents % 100)?;
    if random.once_in(10) {
        out.extend_from_slice(b"\\N\t");
    } else {
        write!(out, "{}.5\t", random.below(1_000_000))?;
    }
    let (active, status) = (random.below(2), random.pick(STATUS));
    let (name, number) = (random.pick(NAMES), random.below(100_000));
    write!(out, "{active}\t{status}\t{name} {number}\t")?;
    if random.once_in(5) {
        out.extend_from_slice(b"\\N\t");
    } else {
        for _ in 0..random.between(1, 8) {
            write!(out, "{} ", random.pick(WORDS))?;
        }
        out.push(b'\t');
    }
    let (day, second) = (random.between(1, 28), random.below(60));
    let (month, hour) = (random.between(1, 12), random.below(24));
    write!(out, "2025-{month:02}-{day:02} {hour:02}:30:{second:02}\t")?;
    write!(out, "2024-{month:02}-{day:02} 12:{second:02}:00\t")?;
    if random.once_in(20) {
        out.extend_from_slice(b"\\N\t");
    } else {
        write!(out, "2026-{month:02}-{day:02}\t")?;
    }
    out.extend_from_slice(b"\\\\x");
    for _ in 0..random.between(2, 6) {
        write!(out, "{:016x}", random.bits())?;
    }
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_share() {
        let scale: Scale = "0.2".parse().expect("scale");
        assert_eq!((scale, scale.of(1_000_000)), (Scale::LIGHT, 200_000));
        assert_eq!("2".parse::<Scale>().expect("scale").of(10), 20);
        assert!("0".parse::<Scale>().is_err() && "x".parse::<Scale>().is_err());
    }

    #[test]
    fn rows_have_as_many_fields_as_their_table() {
        let mut random = Random::new(1);
        for id in 1..50 {
            for (row, fields) in [
                (sysbench_row as fn(&mut Vec<u8>, u64, &mut Random) -> _, 4),
                (mixed_row, 12),
            ] {
                let mut line = Vec::new();
                row(&mut line, id, &mut random).expect("row");
                let text = String::from_utf8(line).expect("text");
                assert_eq!(text.matches('\t').count() + 1, fields, "{text}");
                assert!(text.ends_with('\n'));
            }
        }
    }
}
