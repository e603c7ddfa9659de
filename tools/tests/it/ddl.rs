//! `ddl translate` through the binary.

use std::io::Write;
use std::process::{Command, Stdio};

fn translate(args: &[&str], text: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chameleon-tools"))
        .args(["ddl", "translate"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

const SHOP: &str = "
-- a dump
/*!40101 SET NAMES utf8mb4 */;
USE `shop`;
CREATE TABLE `customer` (`id` int unsigned NOT NULL AUTO_INCREMENT, `email` varchar(100) NOT NULL,
  `kind` enum('new','old'), PRIMARY KEY (`id`), UNIQUE KEY `email` (`email`));
INSERT INTO customer VALUES (1, 'a;b', 'new');
ALTER TABLE customer ADD COLUMN born date, RENAME COLUMN email TO mail;
CREATE VIEW v AS SELECT 1;
";

#[test]
fn a_dump_becomes_postgresql_statements() {
    let (code, out, err) = translate(&["--dest-schema", "copy"], SHOP);
    assert_eq!(code, Some(0), "{err}");
    let places: Vec<Option<usize>> = [
        "-- ignored: SET: ",
        "create type \"copy\".",
        "create table \"copy\".\"customer\" (",
        "-- ignored: INSERT: it changes rows and no table",
        "rename column \"email\" to \"mail\";",
        "-- ignored: CREATE VIEW: ",
    ]
    .into_iter()
    .map(|part| out.find(part))
    .collect();
    assert!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{out}"
    );
}

#[test]
fn json_has_one_object_per_statement() {
    let (code, out, err) = translate(&["--json", "--dest-schema", "copy"], SHOP);
    assert_eq!(code, Some(0), "{err}");
    let found: serde_json::Value = serde_json::from_str(&out).unwrap();
    let status: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|s| {
            format!(
                "{} {}",
                s["kind"].as_str().unwrap(),
                s["status"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(status.join("\n"), @r"
    SET ignored
    USE ignored
    CREATE TABLE translated
    INSERT ignored
    ALTER TABLE translated
    CREATE VIEW ignored
    ");
}

#[test]
fn what_cannot_be_translated_is_exit_1_and_says_why() {
    let (code, out, _) = translate(
        &[],
        "ALTER TABLE unknown ADD COLUMN a int;\nCREATE TABEL x;",
    );
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(out, @r"
    -- unsupported: ALTER TABLE: its structure before the statement is not known
    -- unsupported: STATEMENT: parse statement at byte 0: a statement was expected, `CREATE` found (DDL002)
    ");
}

#[test]
fn a_missing_file_is_exit_2() {
    let (code, _, err) = translate(&["/does/not/exist.sql"], "");
    assert_eq!(code, Some(2));
    assert!(err.starts_with("error[CFG013]"), "{err}");
}
