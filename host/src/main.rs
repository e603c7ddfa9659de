//! `chameleon`: arguments -> runtime -> exit code.

use std::process::ExitCode;
use std::time::Duration;

use chameleon_host::{Cli, Exit, HostError, output::Output};

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return chameleon_host::refuse(&error).into(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(source) => {
            let attempt = "start the runtime";
            Output::default().error(&HostError::System { attempt, source });
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(chameleon_host::run(cli));
    // a question that was never answered must not keep the process
    runtime.shutdown_timeout(Duration::from_millis(500));
    exit.into()
}
