//! The real binary against real servers.

#![allow(clippy::unwrap_used, reason = "the helpers are tests as well")]

mod backup;
mod bloat;
mod bloat_causes;
mod compare;
mod ddl;
mod scratch;
mod support;
mod types;
