//! The manuals' grammars, a fuzzer, and rendered statements on a real PostgreSQL, whose URL is in
//! `CHAMELEON_TEST_POSTGRES_URL`.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod grammar;
mod postgres;
mod support;
mod values;
