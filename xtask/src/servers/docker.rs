//! Servers in containers, through the docker command line: public images, others named by environment
//! variables, or local ones made from trees.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    PASSWORD,
    engine::{Engine, Kind},
    native::free_port,
    options,
    spawn::{self, Lifetime},
    tree::Tree,
};
use crate::{cache, run};

/// The label of our containers; its value is the process id of the program that made them.
pub(crate) const LABEL: &str = "chameleon.xtask";

/// How long a daemon may take to answer after its start.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a pull may take.
const PULL_SECONDS: &str = "300";

fn docker(args: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(args);
    command
}

/// Does a daemon answer?
pub(crate) fn answers() -> bool {
    docker(&["version", "--format", "{{.Server.Version}}"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Starts the daemon if it is installed, does not run, and we may; it ends with this program.
pub(crate) fn ensure_daemon() -> Result<()> {
    if answers() {
        return Ok(());
    }
    if spawn::find_program("docker").is_none() {
        bail!("there is no docker command");
    }
    let Some(daemon) = spawn::find_program("dockerd").filter(|_| spawn::is_root()) else {
        bail!("no docker daemon answers, and none can be started from here");
    };
    let directory = cache::directory()?;
    let mut command = Command::new(daemon);
    command.arg("--pidfile").arg(directory.join("dockerd.pid"));
    let log = directory.join("dockerd.log");
    let lifetime = Lifetime {
        death_signal: Some("TERM"),
        unprivileged: false,
    };
    let mut child = spawn::spawn(&command, lifetime, &log)?;
    let deadline = Instant::now() + DAEMON_TIMEOUT;
    while !answers() {
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            bail!(
                "the docker daemon did not start; its log: {}",
                log.display()
            );
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    eprintln!("started a docker daemon; it ends with this command");
    Ok(())
}

/// Finds an image for an engine: named by the environment, local, or public.
pub(crate) fn find_image(engine: &Engine) -> Result<String> {
    if let Ok(image) = std::env::var(engine.image_variable()) {
        return present(&image)
            .then_some(image.clone())
            .map_or_else(|| pull(&image), Ok);
    }
    for image in [engine.local_image(), engine.public_image()] {
        if present(&image) {
            return Ok(image);
        }
    }
    pull(&engine.public_image())
}

fn present(image: &str) -> bool {
    run::checked(&mut docker(&["image", "inspect", image])).is_ok()
}

fn pull(image: &str) -> Result<String> {
    eprintln!("pulling {image}");
    run::checked(Command::new("timeout").args([PULL_SECONDS, "docker", "pull", "--quiet", image]))
        .with_context(|| format!("cannot pull {image}"))?;
    Ok(image.into())
}

/// Makes the local image of a tree.
pub(crate) fn make_image(tree: &Tree) -> Result<String> {
    let image = tree.engine.local_image();
    let mut tar = Command::new("tar")
        .arg("-C")
        .arg(&tree.root)
        .args(["--numeric-owner", "--owner=0", "--group=0", "-c", "."])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run tar")?;
    let mut import = docker(&["import"]);
    for change in [
        "ENTRYPOINT [\"docker-entrypoint.sh\"]",
        "ENV PATH=/usr/sbin:/usr/bin:/sbin:/bin",
        "ENV LANG=C.UTF-8",
    ] {
        import.args(["-c", change]);
    }
    import.args([
        "-c",
        &format!("EXPOSE {}", tree.engine.kind.container_port()),
    ]);
    import
        .arg("-")
        .arg(&image)
        .stdin(tar.stdout.take().context("no output of tar")?);
    let imported = import
        .stdout(Stdio::null())
        .status()
        .context("cannot run docker")?
        .success();
    if !tar.wait()?.success() || !imported {
        bail!("cannot make the image {image}");
    }
    if tree.engine.kind == Kind::Postgres {
        set_stop_signal(&image)?;
    }
    Ok(image)
}

/// `docker import` takes no STOPSIGNAL; PostgreSQL's fast shutdown is SIGINT.
fn set_stop_signal(image: &str) -> Result<()> {
    let directory = tempfile::tempdir()?;
    fs::write(
        directory.path().join("Dockerfile"),
        format!("FROM {image}\nSTOPSIGNAL SIGINT\n"),
    )?;
    run::checked(
        docker(&["build", "-q", "-t", image])
            .arg(directory.path())
            .env("DOCKER_BUILDKIT", "0"),
    )
}

/// How a container is to be started: what both ways of starting one share.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    /// The image, with its tag.
    pub(crate) image: String,
    /// Environment variables.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
    /// Options of the server.
    pub(crate) arguments: Vec<&'static str>,
    /// The container's name.
    pub(crate) name: String,
    /// The port on this machine; fixed, so that it stays when the container is restarted.
    pub(crate) port: u16,
    /// The port in the container.
    pub(crate) container_port: u16,
}

impl Recipe {
    /// For a new container of an engine.
    pub(crate) fn new(engine: &Engine, image: String) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let environment = match engine.kind {
            Kind::MySql => ("MYSQL_ROOT_PASSWORD", PASSWORD),
            Kind::MariaDb => ("MARIADB_ROOT_PASSWORD", PASSWORD),
            Kind::Postgres => ("POSTGRES_PASSWORD", PASSWORD),
        };
        Ok(Recipe {
            image,
            environment: vec![environment],
            arguments: options::server(engine.kind),
            name: format!("chameleon-{engine}-{}-{number}", std::process::id()),
            port: free_port()?,
            container_port: engine.kind.container_port(),
        })
    }
}

/// A running container. Dropping it removes it, unless it was made to outlive this program.
#[derive(Debug)]
pub(crate) struct Container {
    name: String,
    outlives: bool,
}

impl Container {
    /// Starts a container.
    pub(crate) fn start(recipe: &Recipe, outlives: bool) -> Result<Self> {
        let mut command = docker(&["run", "--detach", "--name", &recipe.name]);
        let maker = if outlives {
            "kept".to_owned()
        } else {
            std::process::id().to_string()
        };
        command.args(["--label", &format!("{LABEL}={maker}")]);
        command.args([
            "--publish",
            &format!("127.0.0.1:{}:{}", recipe.port, recipe.container_port),
        ]);
        for (name, value) in &recipe.environment {
            command.args(["--env", &format!("{name}={value}")]);
        }
        run::checked(command.arg(&recipe.image).args(&recipe.arguments))?;
        Ok(Container {
            name: recipe.name.clone(),
            outlives,
        })
    }

    /// A container that something else started and removes.
    #[cfg(feature = "e2e")]
    pub(crate) fn adopt(recipe: &Recipe) -> Self {
        Container {
            name: recipe.name.clone(),
            outlives: true,
        }
    }

    /// The container's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Fails if the container ended by itself.
    pub(crate) fn check_alive(&self) -> Result<()> {
        let state = docker(&["inspect", "--format", "{{.State.Running}}", &self.name])
            .stdin(Stdio::null())
            .output()
            .context("cannot run docker")?;
        if state.stdout.starts_with(b"true") {
            return Ok(());
        }
        let log = docker(&["logs", "--tail", "8", &self.name])
            .output()
            .context("cannot run docker")?;
        bail!(
            "the container {} ended:\n{}",
            self.name,
            String::from_utf8_lossy(&log.stderr).trim()
        )
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn kill(&self) -> Result<()> {
        run::checked(&mut docker(&["kill", &self.name]))
    }

    /// Starts the killed server again, with its data and its port.
    pub(crate) fn restart(&self) -> Result<()> {
        run::checked(&mut docker(&["start", &self.name]))
    }

    /// Removes the container.
    pub(crate) fn remove(&self) -> Result<()> {
        run::checked(&mut docker(&["rm", "--force", "--volumes", &self.name]))
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if !self.outlives {
            // Nothing is left to report to; the next run removes what stays.
            let _ = self.remove();
        }
    }
}

/// Removes containers whose maker is gone.
pub(crate) fn remove_orphans() -> Result<()> {
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let list = run::output(&mut docker(&[
        "ps",
        "--all",
        "--filter",
        &format!("label={LABEL}"),
        "--format",
        &format,
    ]))?;
    for line in list.lines() {
        let Some((id, maker)) = line.split_once(' ') else {
            continue;
        };
        // A label that names no process is of a container that was kept on purpose.
        let gone = maker
            .parse::<u32>()
            .is_ok_and(|_| !Path::new("/proc").join(maker).exists());
        if gone {
            run::checked(&mut docker(&["rm", "--force", "--volumes", id]))?;
        }
    }
    Ok(())
}
