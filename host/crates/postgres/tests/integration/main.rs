//! Against a real server: what encoders write is what PostgreSQL stores.

#![allow(clippy::unwrap_used, reason = "the helpers are tests as well")]

mod array;
mod connect;
mod copy;
mod dates;
mod introspect;
mod numbers;
mod others;
mod quote;
mod refused;
mod server;
mod stored;
mod texts;
mod tls;
