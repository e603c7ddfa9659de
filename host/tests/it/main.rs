//! The program itself: arguments in, output and exit code out, against real servers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bench;
mod catalog;
mod check;
mod configurations;
mod damage;
mod detach;
mod transform;
mod upgrade;
mod usage;
mod wanted;
