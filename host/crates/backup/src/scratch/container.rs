//! A scratch server in a container, through the docker command.

use std::io::Read;
use std::process::{Command, Stdio};

use chameleon_postgres::{ConnectOptions, TlsMode};

use super::{Scratch, Server, wait_for};
use crate::{machine, programs};

/// Names another image than `postgres:VERSION`; it takes the same environment variables.
const IMAGE_VARIABLE: &str = "CHAMELEON_SCRATCH_IMAGE";

/// Label of a scratch container: `HOST PID` of the program that it is for.
const LABEL: &str = "chameleon.scratch";

/// A running container. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Container {
    id: String,
}

impl Drop for Container {
    fn drop(&mut self) {
        let mut command = Command::new("docker");
        command.args(["rm", "--force", "--volumes", &self.id]);
        // it was started with --rm: where this fails, the daemon's end removes it
        let _ = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

pub(super) async fn start(least: u32) -> Result<Scratch, String> {
    remove_left_behind().await;
    let image = std::env::var(IMAGE_VARIABLE).unwrap_or_else(|_| format!("postgres:{least}"));
    let password = random_password().map_err(|error| format!("make a password: {error}"))?;
    let mut command = tokio::process::Command::new("docker");
    command
        .args(["run", "--detach", "--rm", "--label"])
        .arg(format!(
            "{LABEL}={} {}",
            machine::host_name(),
            std::process::id()
        ))
        // the value comes from this command's own environment
        .args(["--env", "POSTGRES_PASSWORD"])
        .args(["--publish", "127.0.0.1::5432", &image])
        .env("POSTGRES_PASSWORD", &password);
    let id = docker(command, &format!("run a container of {image}")).await?;
    let container = Container { id };
    let mut command = tokio::process::Command::new("docker");
    command.args(["port", &container.id, "5432/tcp"]);
    let port = docker(command, "ask for the container's port").await?;
    let port = port.lines().find_map(|line| line.rsplit(':').next());
    let port = port.and_then(|port| port.parse().ok());
    let mut options = ConnectOptions::new("127.0.0.1", "postgres", "postgres");
    options.port = port.ok_or("the container has no port")?;
    options.password = password;
    options.tls.mode = TlsMode::Disable;
    options.application_name = "chameleon scratch".into();
    wait_for(&options, || Ok(())).await?;
    Ok(Scratch {
        options,
        version: least,
        description: format!("PostgreSQL in a container of {image}"),
        _server: Server::Container(container),
    })
}

/// Removes containers of programs on this machine that were killed and could not.
async fn remove_left_behind() {
    let mut command = tokio::process::Command::new("docker");
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    command
        .args(["ps", "--filter"])
        .arg(format!("label={LABEL}"))
        .args(["--format", &format]);
    let list = docker(command, "list the scratch containers").await;
    // what cannot be listed cannot be run either, and that is told
    for line in list.unwrap_or_default().lines() {
        let mut words = line.split(' ');
        let (Some(id), Some(host), Some(pid)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if machine::is_gone(host, pid) {
            drop(Container { id: id.to_owned() });
        }
    }
}

async fn docker(command: tokio::process::Command, attempt: &str) -> Result<String, String> {
    match programs::run(command, attempt).await {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn random_password() -> std::io::Result<String> {
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
