//! `mysql_conn` and `pg_conn`.
//!
//! 1.x wanted `passwd` for MySQL, because it handed the map to PyMySQL as it was, and `password` for
//! PostgreSQL. Here both words are good in both maps, and both may name a file instead.

use std::io::Read;
use std::path::Path;

use chameleon_diag::codes;

use crate::model::{MysqlConn, PgConn, Tls, TlsMode};
use crate::secret::Secret;
use crate::section::Section;
use crate::yaml::Kind;

/// Keys of the two maps, for those that stand a level too high.
pub(crate) const KEYS: &[&str] = &[
    "host",
    "port",
    "user",
    "passwd",
    "password",
    "passwd_file",
    "password_file",
    "tls",
];

/// What PyMySQL took besides and what has no use here.
const PYMYSQL: &[&str] = &[
    "charset",
    "connect_timeout",
    "read_timeout",
    "write_timeout",
    "use_unicode",
    "compress",
    "db",
    "database",
    "init_command",
    "local_infile",
    "autocommit",
    "unix_socket",
    "sql_mode",
];

/// What people put there because psycopg2 knows it; 1.x did not pass it on.
const PSYCOPG2: &[&str] = &["charset", "database", "dbname", "client_encoding"];

/// Longest password file, in bytes.
const MAX_PASSWORD_FILE: u64 = 64 * 1024;

/// Reads `mysql_conn`.
pub(crate) fn mysql(root: &mut Section<'_>) -> MysqlConn {
    let charset = root.text("my_charset").unwrap_or_else(|| "utf8".into());
    let remedy = "say how to reach the source: host, port, user, passwd";
    let Some(mut section) = root.required_section("mysql_conn", remedy) else {
        return MysqlConn {
            host: String::new(),
            port: 3306,
            user: String::new(),
            password: Secret::default(),
            charset,
            tls: Tls::default(),
        };
    };
    let conn = MysqlConn {
        host: section.required("host", "name the source's host"),
        port: section.number("port", 1, u16::MAX).unwrap_or(3306),
        user: section.required("user", "name the user to connect as"),
        password: password(&mut section),
        charset,
        tls: mysql_tls(&mut section),
    };
    section.without_use(PYMYSQL);
    section.finish(&[]);
    conn
}

/// Reads `pg_conn`.
pub(crate) fn pg(root: &mut Section<'_>, database: &str) -> PgConn {
    let remedy = "say how to reach the target: host, port, user, password";
    let Some(mut section) = root.required_section("pg_conn", remedy) else {
        return PgConn {
            host: String::new(),
            port: 5432,
            user: String::new(),
            password: Secret::default(),
            database: database.to_owned(),
            tls: Tls::default(),
        };
    };
    let conn = PgConn {
        host: section.required("host", "name the target's host, or its socket directory"),
        port: section.number("port", 1, u16::MAX).unwrap_or(5432),
        user: section.required("user", "name the user to connect as"),
        password: password(&mut section),
        database: database.to_owned(),
        tls: tls(&mut section).unwrap_or_default(),
    };
    section.without_use(PSYCOPG2);
    section.finish(&[]);
    conn
}

/// The password by whichever of the four keys gives it; empty where none does.
fn password(section: &mut Section<'_>) -> Secret {
    let mut given: Vec<(&str, Secret)> = Vec::new();
    for key in ["passwd", "password"] {
        given.extend(section.secret(key).map(|secret| (key, secret)));
    }
    for key in ["passwd_file", "password_file"] {
        given.extend(password_file(section, key).map(|secret| (key, secret)));
    }
    if let Some((key, _)) = given.iter().find(|(_, secret)| *secret != given[0].1) {
        let (path, line) = (section.path(key), section.line_of(key));
        let what = format!("gives another password than `{}`", given[0].0);
        let remedy = "keep one of the two lines";
        section
            .faults
            .error(codes::CFG009, &path, line, what, remedy);
    }
    given
        .into_iter()
        .next()
        .map(|(_, secret)| secret)
        .unwrap_or_default()
}

/// First line of the file that a key names.
fn password_file(section: &mut Section<'_>, key: &'static str) -> Option<Secret> {
    let file = section.file(key)?;
    match first_line(&file) {
        Ok(line) => Some(Secret::new(line)),
        Err(why) => {
            section.faults.error(
                codes::CFG006,
                &section.path(key),
                section.line_of(key),
                format!("{}: {why}", file.display()),
                "put the password on the first line of a file that this user can read",
            );
            None
        }
    }
}

fn first_line(path: &Path) -> Result<String, String> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let mut text = String::new();
    let mut limited = file.take(MAX_PASSWORD_FILE);
    limited
        .read_to_string(&mut text)
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => "not UTF-8 text".to_owned(),
            _ => e.to_string(),
        })?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err("the file's first line is empty".to_owned()),
    }
}

/// `tls`, or PyMySQL's `ssl` in its place.
fn mysql_tls(section: &mut Section<'_>) -> Tls {
    let ssl = ssl(section);
    match (tls(section), ssl) {
        (Some(_), Some(_)) => {
            let (path, line) = (section.path("ssl"), section.line_of("ssl"));
            let what = "stands beside `tls`, which says the same";
            section
                .faults
                .error(codes::CFG009, &path, line, what, "remove `ssl`");
            Tls::default()
        }
        (tls, ssl) => tls.or(ssl).unwrap_or_default(),
    }
}

/// What PyMySQL made of `ssl`: with an authority the certificate and the name are checked, without
/// one nothing is.
fn ssl(section: &mut Section<'_>) -> Option<Tls> {
    let mut ssl = section.section("ssl", true)?;
    let (ca, cert, key) = (ssl.file("ca"), ssl.file("cert"), ssl.file("key"));
    let named = ssl.truth("check_hostname", true);
    let mode = match (&ca, named) {
        (None, _) => TlsMode::Require,
        (Some(_), false) => TlsMode::VerifyCa,
        (Some(_), true) => TlsMode::VerifyFull,
    };
    ssl.without_use(&["capath", "cipher"]);
    ssl.finish(&[]);
    Some(Tls {
        mode,
        ca,
        cert,
        key,
    })
}

/// `tls`: a map, or its mode alone.
fn tls(section: &mut Section<'_>) -> Option<Tls> {
    let modes = [
        ("disable", TlsMode::Disable),
        ("prefer", TlsMode::Prefer),
        ("require", TlsMode::Require),
        ("verify-ca", TlsMode::VerifyCa),
        ("verify-full", TlsMode::VerifyFull),
    ];
    if matches!(section.node("tls")?.kind, Kind::Scalar { .. }) {
        let mode = section.choice("tls", &modes).unwrap_or_default();
        return Some(Tls {
            mode,
            ..Tls::default()
        });
    }
    let mut map = section.section("tls", false)?;
    let tls = Tls {
        mode: map.choice("mode", &modes).unwrap_or_default(),
        ca: map.file("ca"),
        cert: map.file("cert"),
        key: map.file("key"),
    };
    if tls.cert.is_some() != tls.key.is_some() {
        let there = if tls.cert.is_some() { "cert" } else { "key" };
        let (path, line) = (map.path(there), map.line_of(there));
        let what = "a client certificate needs both `cert` and `key`";
        map.faults
            .error(codes::CFG009, &path, line, what, "give both or neither");
    }
    map.finish(&[]);
    Some(tls)
}
