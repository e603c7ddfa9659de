//! A PostgreSQL of its own, for a while: to restore a backup without touching anything else.
//!
//! Made from `initdb` and `postgres` at hand, else in a container through the docker command. The
//! native one lives in a temporary directory that only its owner may enter, is reached by a Unix
//! socket there and by nothing else, and does not wait for the disk. It ends with this value, and
//! with this program, whatever way that ends.

mod container;
mod native;

use std::time::{Duration, Instant};

use chameleon_postgres::{Client, ConnectOptions, connect};

use crate::error::BackupError;
use crate::inspect;
use crate::verify::create_database;

/// Longest time until the server answers.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How often it is asked.
const POLL: Duration = Duration::from_millis(50);

/// A running scratch server. Dropping it ends the server and removes what it wrote.
#[derive(Debug)]
pub struct Scratch {
    options: ConnectOptions,
    version: u32,
    description: String,
    _server: Server,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held for their Drop")]
enum Server {
    Native(native::Native),
    Container(container::Container),
}

impl Scratch {
    /// Starts a server of major version `least`, or the next newer one at hand.
    ///
    /// # Errors
    /// [`BackupError::NoScratch`], which says what was tried.
    pub async fn start(least: u32) -> Result<Self, BackupError> {
        let native = match native::start(least).await {
            Ok(scratch) => return Ok(scratch),
            Err(reason) => reason,
        };
        match container::start(least).await {
            Ok(scratch) => Ok(scratch),
            Err(container) => Err(BackupError::NoScratch {
                least,
                reason: format!("{native}; {container}"),
            }),
        }
    }

    /// A new database of that name and encoding.
    ///
    /// # Errors
    /// What the server says.
    pub async fn database(
        &self,
        name: &str,
        encoding: &str,
    ) -> Result<ConnectOptions, BackupError> {
        let admin = connect(&self.options).await?;
        let create = create_database(name, encoding);
        inspect::execute(&admin, "create a database on the scratch server", &create).await?;
        Ok(ConnectOptions {
            database: name.to_owned(),
            ..self.options.clone()
        })
    }

    /// How to connect, as its superuser, to its maintenance database.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// What it is, for people.
    pub fn describe(&self) -> &str {
        &self.description
    }

    /// Major version.
    pub fn version(&self) -> u32 {
        self.version
    }
}

/// Connects as soon as the server lets in; `is_alive` says why it will not.
async fn wait_for(
    options: &ConnectOptions,
    mut is_alive: impl FnMut() -> Result<(), String>,
) -> Result<Client, String> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        is_alive()?;
        match connect(options).await {
            Ok(client) => return Ok(client),
            Err(error) if Instant::now() > deadline => {
                return Err(format!("it does not answer: {error}"));
            }
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}
