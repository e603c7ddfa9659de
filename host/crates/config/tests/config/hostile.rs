//! Whatever stands in a file, reading it ends, soon and with an answer.

use chameleon_config::parse;
use proptest::prelude::*;

use crate::{LEAST, env, faults_of};

#[test]
fn deep_and_huge_files_and_alias_bombs_are_faults() {
    let deep_flow = "[".repeat(100_000);
    let deep_block = (0..200)
        .map(|n| format!("{}a:\n", " ".repeat(n)))
        .collect::<String>();
    let huge = "a: b\n".repeat(300_000);
    let many = format!("tables_limit: [{}]", "a,".repeat(100_000));
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..12 {
        let aliases = format!("*a{},", n - 1).repeat(10);
        bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
    }
    let own = "a: &a [*a]\n".to_owned();
    let dashes = "- ".repeat(100_000);
    let questions = "? ".repeat(100_000);
    let keys = (0..30_000)
        .map(|n| format!("k{n}: v\n"))
        .collect::<String>();
    for text in [
        deep_flow, deep_block, huge, many, bomb, own, dashes, questions, keys,
    ] {
        let faults = faults_of(&text);
        assert!(faults.starts_with("error[CFG011]"), "{faults}");
        assert!(faults.len() < 1000, "{faults}");
    }
}

/// Pieces that YAML and the keys give a meaning to.
fn piece() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "mysql_conn",
        "pg_conn",
        "tls",
        "transforms",
        "config",
        "secrets",
        "type_override",
        "tables_limit",
        "batch_retention",
        "copy_max_memory",
        ":",
        ": ",
        "\n",
        "\n  ",
        "\n- ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "<<: *a",
        "? ",
        "| ",
        ">-\n ",
        "'",
        "\"",
        "#",
        " #",
        "!!int ",
        "!x ",
        "%YAML 1.1\n",
        "---\n",
        "...\n",
        "~",
        "null",
        "${HOME}",
        "${X}",
        "$${",
        "\\x",
        "\t",
        "\r",
        "\u{feff}",
        "\u{85}",
        "0x",
        "1:2:3",
        "-",
        "9999999999999999999",
        "1e999",
        ".5",
        "'1 day'",
        "P1D",
        "300M",
    ];
    prop_oneof![
        4 => proptest::sample::select(WORDS).prop_map(str::to_owned),
        1 => ".{0,8}",
        1 => proptest::char::any().prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in "(?s).{0,400}") {
        let _ = parse("t", &text, &env);
    }

    #[test]
    fn arbitrary_yaml_never_panics(pieces in proptest::collection::vec(piece(), 0..60)) {
        let _ = parse("t", &pieces.concat(), &env);
    }

    #[test]
    fn an_arbitrary_value_of_any_key_never_panics(
        key in proptest::sample::select(&[
            "my_server_id", "batch_retention", "copy_max_memory", "sleep_loop", "tables_limit",
            "hexify", "type_override", "zero_date", "transforms", "secrets", "http", "log_dir",
            "mysql_conn", "pause_on_reindex",
        ][..]),
        pieces in proptest::collection::vec(piece(), 0..12),
    ) {
        let _ = parse("t", &format!("{LEAST}{key}: {}\n", pieces.concat()), &env);
    }

    #[test]
    fn a_mutated_file_never_panics(cut in 0usize..2000, len in 0usize..40, with in piece()) {
        let text = include_str!("../files/pg_chameleon-1.3.yaml");
        let from = cut.min(text.len());
        let to = (from + len).min(text.len());
        let _ = parse("t", &format!("{}{with}{}", &text[..from], &text[to..]), &env);
    }
}
