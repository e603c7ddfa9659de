//! Database servers for the tasks: named by the environment, in containers, or native from fetched trees.
//!
//! `choose` settles the backend once per run and says why; `start` brings all servers up in parallel and returns
//! when each accepts connections. A server ends with this program unless it is told to outlive it.

pub(crate) mod archive;
#[cfg(feature = "e2e")]
mod containers;
pub(crate) mod docker;
pub(crate) mod engine;
mod extended;
pub(crate) mod extras;
pub(crate) mod fetch;
mod native;
pub(crate) mod options;
pub(crate) mod platform;
pub(crate) mod spawn;
mod tree;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use tokio::task::JoinSet;

use crate::address::Address;
use docker::Container;
use engine::{Engine, Kind};
pub(crate) use native::Extra;
use native::NativeServer;

/// The password of `root` and `postgres` on the servers that are made here.
pub(crate) const PASSWORD: &str = "pw";

/// How long a new server may take until it accepts connections; public images make their data first.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// Where servers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// External if all are named by the environment, else docker if it answers and has the images, else native.
    Auto,
    /// Containers.
    Docker,
    /// Processes from unpacked Debian packages.
    Native,
    /// Running servers, named by variables such as MARIADB118_URL and POSTGRES17_URL.
    External,
}

/// A server that accepts connections.
#[derive(Debug)]
pub(crate) struct Server {
    /// The engine.
    pub(crate) engine: Engine,
    /// What the server itself calls its version.
    pub(crate) version: String,
    /// Where it listens.
    pub(crate) address: Address,
    run: Run,
}

#[derive(Debug)]
enum Run {
    External,
    Native(Box<NativeServer>),
    Docker(Container),
    #[cfg(feature = "e2e")]
    Test(Box<containers::TestContainer>),
}

impl Server {
    /// Wraps a server that runs already.
    pub(crate) async fn external(engine: Engine, url: &str) -> Result<Self> {
        let address = Address::parse(url)?;
        let mut server = Server {
            engine,
            version: String::new(),
            address,
            run: Run::External,
        };
        server.wait_until_ready().await?;
        Ok(server)
    }

    /// True if the server can be killed and restarted.
    pub(crate) fn is_ours(&self) -> bool {
        !matches!(self.run, Run::External)
    }

    /// The server's process, where it is one of ours on this machine.
    pub(crate) fn process_id(&self) -> Option<u32> {
        match &self.run {
            Run::Native(server) => server.process_id(),
            _ => None,
        }
    }

    /// Directory of the programs of the server's version, such as `pg_dump`, where it was started from one.
    pub(crate) fn programs(&self) -> Option<std::path::PathBuf> {
        match &self.run {
            Run::Native(server) => server.programs(),
            _ => None,
        }
    }

    /// One line about what this server is in the system, for whoever wants to end it later.
    pub(crate) fn how_to_end(&self) -> String {
        match &self.run {
            Run::External => "it was running before".into(),
            Run::Native(server) => match server.process_id() {
                Some(id) => format!("kill {id}"),
                None => "it has ended".into(),
            },
            Run::Docker(container) => format!("docker rm -f -v {}", container.name()),
            #[cfg(feature = "e2e")]
            Run::Test(test) => format!("docker rm -f -v {}", test.container.name()),
        }
    }

    /// Ends the server at once, as a crash does.
    pub(crate) fn kill(&mut self) -> Result<()> {
        match &mut self.run {
            Run::External => bail!("{} is not ours to kill", self.engine),
            Run::Native(server) => server.kill(),
            Run::Docker(container) => container.kill(),
            #[cfg(feature = "e2e")]
            Run::Test(test) => test.container.kill(),
        }
    }

    /// Starts a killed server again and waits until it accepts connections.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        match &mut self.run {
            Run::External => bail!("{} is not ours to restart", self.engine),
            Run::Native(server) => server.restart()?,
            Run::Docker(container) => container.restart()?,
            #[cfg(feature = "e2e")]
            Run::Test(test) => test.container.restart()?,
        }
        self.wait_until_ready().await
    }

    /// Starts a native server again, with other options.
    pub(crate) async fn restart_with(&mut self, options: Vec<String>) -> Result<()> {
        let Run::Native(server) = &mut self.run else {
            bail!("{} is no native server", self.engine);
        };
        server.restart_with(options)?;
        self.wait_until_ready().await
    }

    /// Ends the server cleanly; an external one is left alone.
    pub(crate) fn stop(mut self) -> Result<()> {
        match &mut self.run {
            Run::Native(server) => server.stop(),
            _ => Ok(()),
        }
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        loop {
            match self.address.server_version(self.engine.kind).await {
                Ok(version) => {
                    self.version = version;
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline || !self.is_ours() => {
                    return Err(error).with_context(|| format!("{} does not answer", self.engine));
                }
                Err(_) => {}
            }
            match &mut self.run {
                Run::External => {}
                Run::Native(server) => server.check_alive()?,
                Run::Docker(container) => container.check_alive()?,
                #[cfg(feature = "e2e")]
                Run::Test(test) => test.container.check_alive()?,
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }
}

/// Settles where the servers of this run come from, and says so.
pub(crate) fn choose(wanted: Backend, engines: &[Engine]) -> Result<Backend> {
    let (backend, reason) = match wanted {
        Backend::Auto => choose_automatically(engines),
        Backend::Docker => {
            docker::ensure_daemon()?;
            (Backend::Docker, "asked for")
        }
        other => (other, "asked for"),
    };
    let name = backend
        .to_possible_value()
        .context("backend")?
        .get_name()
        .to_owned();
    eprintln!("servers: {name} ({reason})");
    Ok(backend)
}

fn choose_automatically(engines: &[Engine]) -> (Backend, &'static str) {
    if engines
        .iter()
        .all(|engine| std::env::var(engine.url_variable()).is_ok())
    {
        return (Backend::External, "all are named by the environment");
    }
    if !docker::answers() {
        return (Backend::Native, "no docker daemon answers");
    }
    match engines
        .iter()
        .try_for_each(|engine| docker::find_image(engine).map(drop))
    {
        Ok(()) => (Backend::Docker, "docker answers and has the images"),
        Err(_) => (
            Backend::Native,
            "docker answers, but an image cannot be had",
        ),
    }
}

/// What becomes of the servers when this program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtExit {
    /// They end too.
    End,
    /// They live on.
    Keep,
}

/// Starts a server of each engine, in parallel; returned in the order asked for. The backend is one that `choose`
/// returned.
pub(crate) async fn start(
    engines: &[Engine],
    backend: Backend,
    at_exit: AtExit,
) -> Result<Vec<Server>> {
    if backend == Backend::Native {
        let engines = engines.to_vec();
        tokio::task::spawn_blocking(move || fetch::trees(&engines)).await??;
    }
    if backend == Backend::Docker {
        docker::remove_orphans()?;
    }
    let mut starting = JoinSet::new();
    for (number, engine) in engines.iter().cloned().enumerate() {
        starting.spawn(async move { (number, start_one(engine, backend, at_exit).await) });
    }
    let mut servers = Vec::new();
    while let Some(started) = starting.join_next().await {
        let (number, server) = started?;
        servers.push((number, server?));
    }
    servers.sort_by_key(|(number, _)| *number);
    let servers: Vec<_> = servers.into_iter().map(|(_, server)| server).collect();
    for server in &servers {
        eprintln!(
            "  {}: {} at {}",
            server.engine,
            server.version,
            server.address.host_and_port()
        );
    }
    Ok(servers)
}

/// Starts a native server that ends with this program, with options of its own.
pub(crate) async fn start_with(engine: &Engine, extra: Extra) -> Result<Server> {
    let wanted = engine.clone();
    let started = tokio::task::spawn_blocking(move || {
        let tree = fetch::trees(&[wanted])?.pop().context("no tree")?;
        NativeServer::start(tree, false, extra)
    });
    let server = started.await??;
    ready(engine.clone(), server.port(), Run::Native(Box::new(server))).await
}

/// Starts a PostgreSQL that has PostGIS and pgvector; it ends with this program.
pub(crate) async fn start_extended() -> Result<Server> {
    let started = tokio::task::spawn_blocking(|| {
        let tree = extended::tree()?;
        let engine = tree.engine.clone();
        Ok::<_, anyhow::Error>((engine, NativeServer::start(tree, false, Extra::default())?))
    });
    let (engine, server) = started.await??;
    ready(engine, server.port(), Run::Native(Box::new(server))).await
}

async fn start_one(engine: Engine, backend: Backend, at_exit: AtExit) -> Result<Server> {
    let outlives = at_exit == AtExit::Keep;
    let (port, run) = match backend {
        Backend::External => {
            let variable = engine.url_variable();
            let url = std::env::var(&variable)
                .with_context(|| format!("{variable} must hold the URL of a {engine} server"))?;
            return Server::external(engine, &url).await;
        }
        Backend::Docker => start_container(&engine, outlives).await?,
        Backend::Native | Backend::Auto => {
            let wanted = engine.clone();
            let server = tokio::task::spawn_blocking(move || {
                let tree = fetch::trees(&[wanted])?.pop().context("no tree")?;
                NativeServer::start(tree, outlives, Extra::default())
            });
            let server = server.await??;
            (server.port(), Run::Native(Box::new(server)))
        }
    };
    ready(engine, port, run).await
}

/// Waits until a started server accepts connections.
async fn ready(engine: Engine, port: u16, run: Run) -> Result<Server> {
    let (user, database) = match engine.kind {
        Kind::Postgres => ("postgres", "postgres"),
        Kind::MySql | Kind::MariaDb => ("root", ""),
    };
    let address = Address::local(engine.kind, port, user, PASSWORD, database);
    let mut server = Server {
        engine,
        version: String::new(),
        address,
        run,
    };
    server.wait_until_ready().await?;
    Ok(server)
}

#[cfg(feature = "e2e")]
async fn start_container(engine: &Engine, outlives: bool) -> Result<(u16, Run)> {
    let recipe = recipe(engine).await?;
    if outlives {
        return Ok((
            recipe.port,
            Run::Docker(Container::start(&recipe, outlives)?),
        ));
    }
    Ok((
        recipe.port,
        Run::Test(Box::new(containers::TestContainer::start(&recipe).await?)),
    ))
}

#[cfg(not(feature = "e2e"))]
async fn start_container(engine: &Engine, outlives: bool) -> Result<(u16, Run)> {
    let recipe = recipe(engine).await?;
    Ok((
        recipe.port,
        Run::Docker(Container::start(&recipe, outlives)?),
    ))
}

/// Finds the image of an engine; where none can be pulled, it is made from packages.
async fn recipe(engine: &Engine) -> Result<docker::Recipe> {
    let engine = engine.clone();
    tokio::task::spawn_blocking(move || {
        let image = match docker::find_image(&engine) {
            Ok(image) => image,
            Err(error) if engine.packages().is_some() => {
                eprintln!("{error:#}: making a local image");
                let tree = fetch::trees(std::slice::from_ref(&engine))?
                    .pop()
                    .context("no tree")?;
                docker::make_image(&tree)?
            }
            Err(error) => return Err(error),
        };
        docker::Recipe::new(&engine, image)
    })
    .await?
}
