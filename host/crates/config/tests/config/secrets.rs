//! Passwords come in by several ways and never out.

use std::os::unix::fs::symlink;

use chameleon_config::{ConfigError, parse};
use chameleon_diag::{render_error, render_error_json, render_report};

use crate::{LEAST, env};

fn with_mysql(keys: &str) -> String {
    LEAST.replace("passwd: p", keys)
}

#[test]
fn both_words_for_a_password_are_good_in_both_maps() {
    let check = |keys: &str, expect: &str| {
        let mysql = parse("t", &with_mysql(keys), &env).unwrap().0.mysql;
        assert_eq!(mysql.password.expose(), expect, "{keys}");
        let text = LEAST.replace("password: p", keys);
        let pg = parse("t", &text, &env).unwrap().0.pg;
        assert_eq!(pg.password.expose(), expect, "{keys}");
    };
    check("passwd: a", "a");
    check("password: 'a b'", "a b");
    check("password: \"${PASSWORD}\"", "from the environment");
    check("password: 0123", "0123");
    check("password: 1.50", "1.50");
    check("password: yes", "yes");
    check("passwd: a, password: a", "a");
    check("port: 1", "");
}

#[test]
fn the_first_line_of_a_password_file_is_the_password() {
    let directory = tempfile::tempdir().unwrap();
    let check = |name: &str, content: &[u8], expect: Option<&str>| {
        let file = directory.path().join(name);
        std::fs::write(&file, content).unwrap();
        for key in ["passwd_file", "password_file"] {
            let text = with_mysql(&format!("{key}: '{}'", file.display()));
            let found = parse("t", &text, &env).map(|(c, _)| c.mysql.password);
            assert_eq!(found.ok().as_ref().map(|p| p.expose()), expect, "{name}");
        }
    };
    check("plain", b"s3cret", Some("s3cret"));
    check("newline", b"s3cret \n", Some("s3cret "));
    check("windows", b"s3cret\r\nnote\r\n", Some("s3cret"));
    check("empty", b"", None);
    check("blank", b"\nx\n", None);
    check("binary", b"\xff\n", None);

    let file = directory.path().join("config.yaml");
    symlink(
        directory.path().join("plain"),
        directory.path().join("link"),
    )
    .unwrap();
    std::fs::write(&file, with_mysql("passwd_file: link")).unwrap();
    let (config, _) = chameleon_config::load(&file).unwrap();
    assert_eq!(config.mysql.password.expose(), "s3cret");
}

/// Everything that can be printed of a result.
fn printed(text: &str) -> String {
    match parse("t", text, &env) {
        Ok((config, report)) => format!("{config:?} {config:#?} {}", render_report(&report)),
        Err(error) => {
            let report = match &error {
                ConfigError::Invalid { report, .. } => render_report(report),
                _ => String::new(),
            };
            let json = error.report().map(|r| format!("{r:?}")).unwrap_or_default();
            let rendered = render_error(&error);
            format!(
                "{error:?} {rendered} {} {report} {json}",
                render_error_json(&error)
            )
        }
    }
}

#[test]
fn no_password_is_ever_printed() {
    for text in [
        with_mysql("passwd: hunter2"),
        with_mysql("passwd: [hunter2]"),
        with_mysql("passwd: {a: hunter2}"),
        with_mysql("passwd:hunter2"),
        with_mysql("port: hunter2"),
        with_mysql("tls: hunter2"),
        with_mysql("tls: {mode: hunter2}"),
        with_mysql("ssl: hunter2"),
        with_mysql("passwd: hunter2, password: hunter3"),
        with_mysql("pass=hunter2"),
        format!("{LEAST}secrets: {{a: hunter2}}\n"),
        format!("{LEAST}secrets: {{a: [hunter2]}}\n"),
        format!("{LEAST}secrets: hunter2\n"),
        format!("{LEAST}transforms: [{{name: a, module: m, tables: [t], config: {{k: hunter2}}}}]"),
        format!("{LEAST}mysql_conn: hunter2\n"),
        format!("{LEAST}mysql_conn: [\n  passwd: hunter2\n"),
        format!("{LEAST}mysql_conn:\n  passwd: \"hunter2\n"),
        format!("{LEAST}mysql_conn:\n  passwd: hunter2\n bad: x\n"),
        format!("{LEAST}mysql_conn:\n  passwd: %hunter2\n  x: @hunter2\n"),
        format!("{LEAST}passwd:hunter2\n"),
    ] {
        let printed = printed(&text);
        assert!(!printed.contains("hunter"), "{text}\n{printed}");
    }
}

#[test]
fn what_came_from_the_environment_is_not_repeated() {
    for more in [
        "log_dest: ${PASSWORD}",
        "sleep_loop: '${PASSWORD}'",
        "my_server_id: ${PASSWORD}",
    ] {
        let printed = printed(&format!("{LEAST}{more}\n"));
        assert!(printed.contains("CFG004"), "{printed}");
        assert!(!printed.contains("from the environment"), "{printed}");
    }
}
