//! How long advice may take.

use super::number::{fraction, human_bytes, whole};

/// Speed that is assumed where nothing was measured.
const ASSUMED_BYTES_PER_SECOND: f64 = 100_000_000.0;

/// How fast the server reads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Speed {
    /// Bytes a second, where enough was read to tell.
    pub(crate) measured: Option<f64>,
}

impl Speed {
    /// Seconds for so many bytes.
    pub(crate) fn seconds(self, bytes: u64) -> Option<f64> {
        Some(fraction(bytes) / self.measured.unwrap_or(ASSUMED_BYTES_PER_SECOND))
    }

    /// What the time rests on.
    pub(crate) fn note(self) -> String {
        match self.measured {
            Some(speed) => format!(
                "at the {} a second that this server was read with",
                human_bytes(whole(speed))
            ),
            None => format!(
                "at an assumed {} a second",
                human_bytes(whole(ASSUMED_BYTES_PER_SECOND))
            ),
        }
    }
}
