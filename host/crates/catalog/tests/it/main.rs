//! Tests against a real target, whose URL is in `CHAMELEON_TEST_POSTGRES_URL`.

mod batches;
mod control;
mod copy;
mod history;
mod install;
mod process_batch;
mod relay_log;
mod sessions;
mod sources;
mod support;
