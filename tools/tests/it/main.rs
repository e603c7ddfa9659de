//! The real binary against real servers.

mod compare;
mod ddl;
mod support;
mod types;
