//! Writing to a real PostgreSQL: relay, replay, direct, loader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod apply;
mod db;
mod load;
mod parallel;
mod prepared;
mod relay;
