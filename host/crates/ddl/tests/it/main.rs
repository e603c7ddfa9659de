//! The manuals' grammars, a fuzzer, and rendered statements on a real PostgreSQL.

mod grammar;
mod postgres;
mod support;
