//! Tests against a real server, whose URL is in `CHAMELEON_TEST_MYSQL_URL`.

#![allow(clippy::unwrap_used, reason = "helpers of tests unwrap as tests do")]

mod binlog;
mod binlog_odd;
mod binlog_position;
mod binlog_types;
mod connect;
mod fake_server;
mod grammar;
mod introspect;
mod login;
mod preflight;
mod snapshot;
mod support;
