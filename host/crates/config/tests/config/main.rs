//! Configurations through the public API.

mod faults;
mod home;
mod hostile;
mod predecessor;
mod secrets;
mod values;

use chameleon_config::{Config, ConfigError, parse};
use chameleon_diag::{Report, render_report};

/// The least that a configuration holds.
const LEAST: &str = "\
source_name: shop
my_database: shop
pg_database: warehouse
dest_schema: shop
mysql_conn: {host: my, user: u, passwd: p}
pg_conn: {host: pg, user: u, password: p}
";

/// An environment that the tests agree on.
fn env(name: &str) -> Option<String> {
    let value = match name {
        "HOME" => "/home/ada",
        "PORT" => "3311",
        "PASSWORD" => "from the environment",
        "EMPTY" => "",
        "ODD" => "a: [b\n# c",
        _ => return None,
    };
    Some(value.to_owned())
}

/// Reads the least configuration with more lines behind it.
fn read(more: &str) -> Result<(Config, Report), ConfigError> {
    parse("test", &format!("{LEAST}{more}"), &env)
}

/// The same, where it has to succeed.
fn accept(more: &str) -> (Config, String) {
    match read(more) {
        Ok((config, report)) => (config, render_report(&report)),
        Err(error) => panic!("{more}: {}", listing(&error)),
    }
}

/// All faults of a text, which has to have some.
fn faults_of(text: &str) -> String {
    match parse("test", text, &env) {
        Ok(_) => panic!("no fault found in {text}"),
        Err(error) => listing(&error),
    }
}

fn listing(error: &ConfigError) -> String {
    error.report().map(render_report).unwrap_or_default()
}
