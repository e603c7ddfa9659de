//! The host: the program `chameleon`.
//!
//! `cli` reads the command line, `commands` runs one command for each configuration named, `context`
//! is what a command works with, `error` puts the errors of all crates under one roof. What a
//! command does stands in a module of its own where it is more than a call: `preflight` (check),
//! `detach`, `wanted` (stop, enable, disable), `status`.

mod capture;
pub mod cli;
pub mod commands;
pub mod context;
mod copy;
pub mod detach;
pub mod error;
pub mod http;
pub mod output;
mod own_sessions;
mod policy;
pub mod preflight;
mod prepared;
mod replay;
pub mod resync;
mod rights;
mod shape;
mod sink;
pub mod snapshot;
pub mod status;
pub mod stop;
pub mod supervisor;
mod takeover;
pub mod telemetry;
pub mod upgrade;
mod upkeep;
pub mod wanted;

pub use cli::Cli;
pub use commands::run;
pub use context::Context;
pub use error::HostError;
pub use output::Exit;

use chameleon_diag::codes;

/// Shows what became of arguments that are no command: help and version on stdout, everything else
/// on stderr with its code.
pub fn refuse(error: &clap::Error) -> Exit {
    if !error.use_stderr() {
        // a reader of the help that goes away is no failure
        let _ = error.print();
        return Exit::Done;
    }
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let message = format!("error[{}]: {text}", codes::CFG050);
    let _ = std::io::Write::write_all(&mut std::io::stderr().lock(), message.as_bytes());
    Exit::Failed
}
