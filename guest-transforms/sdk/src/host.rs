//! What the host does for a transform: log, count, and hash with keys that only the host knows. In native tests a
//! stand-in does it; see `testing::host`.

use crate::{Error, bindings::chameleon::transform::types as wit};

pub use crate::bindings::chameleon::transform::host::Level;

/// Values back to back, for [`hmac_sha256`].
#[derive(Debug, Default)]
pub struct Pool {
    inner: wit::Pool,
}

impl Pool {
    /// Room for so many values and bytes.
    pub fn with_capacity(values: usize, bytes: usize) -> Self {
        Pool {
            inner: wit::Pool {
                ends: Vec::with_capacity(values),
                data: Vec::with_capacity(bytes),
            },
        }
    }

    /// Appends a value that consists of these parts.
    pub fn push(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.inner.data.extend_from_slice(part);
        }
        let end = crate::value::offset(self.inner.data.len());
        self.inner.ends.push(end);
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.inner.ends.len()
    }

    /// Are there no values?
    pub fn is_empty(&self) -> bool {
        self.inner.ends.is_empty()
    }

    /// Forgets the values and keeps the room.
    pub fn clear(&mut self) {
        self.inner.ends.clear();
        self.inner.data.clear();
    }
}

/// Writes a line into the host's log. Never a value of a row: logs are read by more people than rows are.
pub fn log(level: Level, message: &str) {
    imports::log(level, message);
}

/// Adds to a counter that the host shows among its metrics.
pub fn count(name: &str, delta: u64) {
    imports::count(name, delta);
}

/// HMAC-SHA256 of each value with the key that the host's configuration calls `secret`. The key never comes here.
///
/// # Errors
/// A configuration error if the host knows no such key.
pub fn hmac_sha256(secret: &str, values: &Pool) -> Result<Vec<[u8; 32]>, Error> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let hashes = imports::hmac_sha256(secret, &values.inner).map_err(Error::config)?;
    let chunks = hashes.chunks_exact(32);
    if chunks.len() != values.len() || !chunks.remainder().is_empty() {
        return Err(Error::fatal("the host returned hashes of a wrong length"));
    }
    let hashes = chunks.filter_map(|chunk| <[u8; 32]>::try_from(chunk).ok());
    Ok(hashes.collect())
}

#[cfg(target_arch = "wasm32")]
use crate::bindings::chameleon::transform::host as imports;

#[cfg(not(target_arch = "wasm32"))]
use crate::testing::host as imports;
