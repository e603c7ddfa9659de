//! Against the servers of the tests; `pg_dump` and `pg_restore` of their version must be at hand.

#![allow(clippy::unwrap_used, reason = "the helpers are tests as well")]

mod backups;
mod kills;
mod left_behind;
mod refusals;
mod roles;
mod rollbacks;
mod scratch;
mod support;
