//! The real binary against real servers.

#![allow(clippy::unwrap_used, reason = "the helpers are tests as well")]

mod compare;
mod ddl;
mod support;
mod types;
