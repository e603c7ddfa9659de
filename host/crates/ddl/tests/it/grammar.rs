//! The manuals' grammars, statement by statement, and a fuzzer that starts from them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chameleon_ddl::{
    DdlError, Dialect, Mapping, ParseContext, SchemaChange, parse, render, resolve,
};
use chameleon_model::{MappingRules, TableName, TableSchema};

const GRAMMAR: &str = include_str!("../../../../../testdata/ddl/grammar.tsv");
const CAPTURED: &str = include_str!("../../../../../testdata/ddl/schemas-mysql9.txt");

type Tables = BTreeMap<TableName, Arc<TableSchema>>;

fn context(dialect: Dialect) -> ParseContext<'static> {
    let version = if dialect == Dialect::MySql {
        90_704
    } else {
        110_806
    };
    let mut cx = ParseContext::new(dialect, version).in_schema("shop");
    cx.default_charset = Some("utf8mb4");
    cx
}

fn start(cx: &ParseContext<'_>) -> Tables {
    let mut tables = Tables::new();
    let made = GRAMMAR
        .lines()
        .filter_map(|line| line.strip_prefix("# create"));
    for sql in made {
        for statement in parse(&format!("create{sql}"), cx).unwrap() {
            for change in resolve(&statement, cx, &tables).unwrap() {
                let after = Arc::clone(change.after().unwrap());
                tables.insert(after.name.clone(), after);
            }
        }
    }
    tables
}

/// `translated`, `ignored`, `copied` or `held`, and what was said.
fn outcome(sql: &str, cx: &ParseContext<'_>, tables: &Tables) -> (&'static str, String) {
    let statements = match parse(sql, cx) {
        Ok(statements) => statements,
        Err(error) => return ("error", error.to_string()),
    };
    let mapping = Mapping::new("dest", MappingRules::default());
    let mut said = Vec::new();
    for statement in &statements {
        let changes = match resolve(statement, cx, tables) {
            Ok(changes) => changes,
            Err(error) => return ("held", error.to_string()),
        };
        for change in &changes {
            if let SchemaChange::Rename { before, after } = change {
                assert_ne!(before.name, after.name);
            }
            match render::change(change, &mapping) {
                Ok(statements) => said.extend(statements),
                Err(error @ DdlError::SourceOnly { .. }) => return ("copied", error.to_string()),
                Err(error) => return ("held", error.to_string()),
            }
        }
    }
    if said.is_empty() {
        return ("ignored", String::new());
    }
    ("translated", said.join(";\n"))
}

#[test]
fn every_alternative_of_the_manuals_grammars_is_read() {
    let mut wrong = String::new();
    let mut count = 0;
    for line in GRAMMAR.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(3, '\t');
        let (server, expect) = (fields.next().unwrap(), fields.next().unwrap());
        let sql = fields.next().unwrap();
        for (name, dialect) in [("mysql", Dialect::MySql), ("mariadb", Dialect::MariaDb)] {
            if server != "both" && server != name {
                continue;
            }
            let cx = context(dialect);
            let (got, said) = outcome(sql, &cx, &start(&cx));
            count += 1;
            if got != expect {
                wrong.push_str(&format!("{sql}\n  {name}: {got}, not {expect}: {said}\n"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 400, "{count}");
}

/// What may be held for good: rows that the binlog does not hold, and tables that are not known.
#[test]
fn nothing_that_changes_columns_or_keys_is_held() {
    const ROWS: &[&str] = &["PARTITION", "TABLESPACE", "unknown_table"];
    for line in GRAMMAR.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.splitn(3, '\t').skip(1);
        let (outcome, sql) = (fields.next().unwrap(), fields.next().unwrap());
        let defines = ["ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"];
        let defines = defines.iter().any(|word| sql.starts_with(word));
        let from_query = ["SELECT", "AS TABLE", "VALUES ROW"];
        let from_query = from_query.iter().any(|words| sql.contains(words));
        if outcome == "held" && defines && !from_query {
            assert!(ROWS.iter().any(|word| sql.contains(word)), "{sql}");
        }
    }
}

/// A generator of numbers that is the same everywhere (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }
}

fn mutate(numbers: &mut Numbers, corpus: &[Vec<u8>]) -> Vec<u8> {
    const PIECES: &[&str] = &[
        "(",
        ")",
        "((((((((",
        ",",
        ";",
        "'",
        "\"",
        "`",
        "/*",
        "*/",
        "/*!",
        "/*!50000 ",
        "/*M! ",
        "--",
        "#",
        "\\",
        ".",
        "@",
        "0x",
        "x'",
        "b'",
        "_utf8mb4",
        "NULL",
        "🦎",
        "\0",
        "1e",
        "\n",
        " FIRST",
        " AFTER a",
        " DEFAULT (",
        " IF EXISTS ",
        " RENAME ",
        "DROP ",
        "99999999999999",
        " a ",
        " t ",
        " KEY ",
        "ENUM(",
        ") AS SELECT",
        " CHARACTER SET ",
        " COLLATE x_y",
        " DESC",
    ];
    let mut text = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(text.len() + 1);
        match numbers.below(6) {
            0 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                text.splice(at..at, piece.bytes());
            }
            1 => {
                let end = (at + numbers.below(20)).min(text.len());
                text.drain(at..end);
            }
            2 => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.below(other.len() + 1);
                let end = (from + numbers.below(60)).min(other.len());
                text.splice(at..at, other[from..end].iter().copied());
            }
            3 => {
                let byte = u8::try_from(numbers.below(256)).unwrap();
                text.insert(at, byte);
            }
            4 => text.truncate(at),
            _ => {
                let end = (at + numbers.below(30)).min(text.len());
                let again = text[at..end].repeat(1 + numbers.below(30));
                text.splice(at..at, again);
            }
        }
    }
    text
}

#[test]
fn nothing_that_is_read_panics_or_hangs() {
    let grammar = GRAMMAR.lines().filter_map(|line| line.split('\t').nth(2));
    let captured = CAPTURED.lines().filter_map(|line| line.strip_suffix(';'));
    let corpus: Vec<Vec<u8>> = grammar
        .chain(captured)
        .map(|s| s.as_bytes().to_vec())
        .collect();
    let seed = std::env::var("CHAMELEON_FUZZ_SEED").ok();
    let seed = seed
        .and_then(|text| text.parse().ok())
        .unwrap_or(0x5eed_0dd1);
    let mut numbers = Numbers(seed);
    let started = Instant::now();
    let seconds = std::env::var("CHAMELEON_FUZZ_SECONDS").ok();
    let limit = Duration::from_secs(seconds.and_then(|s| s.parse().ok()).unwrap_or(5));
    let mut runs = 0;
    while started.elapsed() < limit {
        let mut data = vec![u8::try_from(numbers.below(256)).unwrap()];
        data.extend(mutate(&mut numbers, &corpus));
        let before = Instant::now();
        let outcome = std::panic::catch_unwind(|| chameleon_ddl::fuzz_parse(&data));
        let text = String::from_utf8_lossy(&data[1..]);
        assert!(
            outcome.is_ok(),
            "run {runs} of seed {seed}: {:?} {text}",
            data[0]
        );
        assert!(before.elapsed() < Duration::from_secs(2), "slow: {text}");
        runs += 1;
    }
    println!("{runs} runs of seed {seed}");
    assert!(runs > 1_000, "{runs} runs only");
}

#[test]
fn deep_nesting_and_long_texts_take_linear_time_and_no_stack() {
    let deep = 200_000;
    let texts = [
        format!(
            "create table n (a int default {}1{})",
            "(".repeat(deep),
            ")".repeat(deep)
        ),
        format!("create table n (a int check {}1", "(".repeat(deep)),
        format!("alter table t {}", "add x int, ".repeat(deep / 100)),
        format!("{} create table n (a int)", "/*!50000 ".repeat(deep)),
        format!("{} create table n (a int)", "/*!99999 ".repeat(deep)),
        format!("insert into t values ('{}')", "x".repeat(10_000_000)),
        format!("create table n (a int) {}", "comment 'x' ".repeat(deep)),
        format!("drop table {}", "a,".repeat(2_000)),
        "'".repeat(deep),
        "`a`.".repeat(deep),
        "table ".repeat(2_000),
    ];
    for text in texts {
        let before = Instant::now();
        let mut data = vec![1];
        data.extend(text.as_bytes());
        chameleon_ddl::fuzz_parse(&data);
        let took = before.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}: {}", &text[..40]);
    }
}
