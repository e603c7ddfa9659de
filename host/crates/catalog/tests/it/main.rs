//! Tests against a real target, whose URL is in `CHAMELEON_TEST_POSTGRES_URL`.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, helpers included"
)]

mod batches;
mod control;
mod copy;
mod history;
mod install;
mod prepared;
mod process_batch;
mod relay;
mod relay_log;
mod rows_of_1_x;
mod sessions;
mod sources;
mod support;
mod upgrade;
mod upgrade_catalogs;
mod upgrade_faults;
mod upgrade_kills;
mod upgrade_proxy;
mod upgrade_rows;
