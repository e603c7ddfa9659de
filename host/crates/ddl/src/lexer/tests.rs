//! Tokens, printed one a word: `W:` word, `N:` name, `T:` text, `B:` bytes, `D:` number.

use super::*;

fn show(text: &str, cx: &ParseContext<'_>) -> String {
    let mut lexer = Lexer::new(text, cx);
    let mut shown = Vec::new();
    loop {
        let token = lexer.next_token();
        shown.push(match token.kind {
            Kind::Word(w) => format!("W:{w}"),
            Kind::Name(n) => format!("N:{n}"),
            Kind::Text(t) => format!("T:{t}"),
            Kind::Bytes(b) => format!("B:{b:02x?}"),
            Kind::Number(n) => format!("D:{n}"),
            Kind::Variable => "V".into(),
            Kind::Symbol(s) => s.to_string(),
            Kind::Bad(what) => format!("BAD:{what}"),
            Kind::End => return shown.join(" "),
        });
    }
}

fn check(text: &str, expect: &str) {
    let cx = ParseContext::new(Dialect::MySql, 80036);
    assert_eq!(show(text, &cx), expect, "{text}");
}

#[test]
fn identifiers_may_be_quoted_begin_with_digits_and_follow_a_dot() {
    check("alter Table t", "W:alter W:Table W:t");
    check("`a``b`.`c.d`", "N:a`b . N:c.d");
    check("db.1e5", "W:db . N:1e5");
    check("db.select", "W:db . N:select");
    check("1a 2e 3e5 4e+ 5.5e-3", "W:1a W:2e D:3e5 W:4e + D:5.5e-3");
    check("täble$_1 🦎", "W:täble$_1 W:🦎");
    check("a .5", "W:a D:.5");
    check("`open", "BAD:a quoted identifier without end");
}

#[test]
fn strings_follow_both_escape_rules() {
    check(r"'it''s' 'a\'b\\c\%\n\x'", "T:it'sa'b\\c\\%\nx");
    check("\"a\"\"b\" , 'c'", "T:a\"b , T:c");
    check("'a' /* x */ 'b'", "T:ab");
    check("'open", "BAD:a string without end");
    check(r"'open\'", "BAD:a string without end");
    let mut cx = ParseContext::new(Dialect::MySql, 80036);
    cx.no_backslash_escapes = true;
    cx.ansi_quotes = true;
    assert_eq!(show(r#"'a\' "x""y" 'b'"#, &cx), "T:a\\ N:x\"y T:b");
}

#[test]
fn introducers_hex_and_bit_literals_are_one_token() {
    check("_utf8mb4'ä' _latin1 'a'", "T:ä T:a");
    check("_utf8mb4 0xc3a4 _binary'a'", "T:ä B:[61]");
    check(
        "x'4D5A' X'' 0x1f 0b101 b'1' B'100000001'",
        "B:[4d, 5a] B:[] B:[1f] B:[05] B:[01] B:[01, 01]",
    );
    check("N'ä' _notacharset _utf8", "T:ä W:_notacharset W:_utf8");
    check("0xzz x'zz'", "W:0xzz BAD:a hex or bit literal");
}

#[test]
fn numbers_keep_their_text() {
    check(
        "1 1.50 .5 1. 1e3 1.5E-7",
        "D:1 D:1.50 D:.5 D:1. D:1e3 D:1.5E-7",
    );
    check("1.5abc", "BAD:a number that runs into a word");
}

#[test]
fn comments_are_left_out() {
    check("a -- b\nc --d", "W:a W:c - - W:d");
    check("a # b\nc", "W:a W:c");
    check("a /* b */ c /* /* */ d", "W:a W:c W:d");
    check("a --", "W:a");
    check("a /* b", "W:a BAD:a comment without end");
    check("'--' /*'*/ x", "T:-- W:x");
}

#[test]
fn executable_comments_are_opened_by_version_and_dialect() {
    let text = "a /*! b */ /*!50110 c */ /*!80099 d /* e */ f */ /*M! g */ /*M!100301 h */ \
                /*!50701 i */ /*!100301 j */ k";
    check(text, "W:a W:b W:c W:i W:k");
    let maria = ParseContext::new(Dialect::MariaDb, 101_106);
    assert_eq!(show(text, &maria), "W:a W:b W:c W:g W:h W:j W:k");
    let old = ParseContext::new(Dialect::MySql, 50_744);
    assert_eq!(show("/*!080013 a */ /*!50700 b */", &old), "W:b");
    check("a /*! b", "W:a W:b BAD:an executable comment without end");
    check("/*! a /* b */ c */ d", "W:a W:c W:d");
    check("1 */ 2", "D:1 * / D:2");
}

#[test]
fn variables_are_one_token() {
    check("@a @@session.b @`c d` @'e' x", "V V V V W:x");
}
