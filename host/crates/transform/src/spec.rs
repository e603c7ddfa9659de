//! What a configuration says of its transforms.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// One transform of a chain.
#[derive(Clone)]
pub struct Spec {
    /// Name in messages, unique in the chain.
    pub name: String,
    /// Component or core module.
    pub module: PathBuf,
    /// SHA-256 that the file must have, 64 hex digits.
    pub sha256: Option<String>,
    /// Source tables it is for, as `table` or `database.table`, compared without case; `*` is all.
    pub tables: Vec<String>,
    /// What the module is configured with.
    pub config: serde_json::Value,
    /// What a failing row leads to.
    pub on_error: OnError,
}

impl std::fmt::Debug for Spec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spec")
            .field("name", &self.name)
            .field("module", &self.module)
            .field("tables", &self.tables)
            .field("on_error", &self.on_error)
            .finish_non_exhaustive()
    }
}

/// What a failing row leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum OnError {
    /// Its table stops there.
    #[default]
    Stop,
    /// It is left out, and reported without its values.
    DeadLetter,
}

/// Keys for the keyed hashes of transforms, by name. They stay in the host and are never shown.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, Vec<u8>>);

impl Secrets {
    /// Keeps keys.
    pub fn new(keys: BTreeMap<String, Vec<u8>>) -> Self {
        Self(keys)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, key)| (name.as_str(), key.as_slice()))
    }
}

impl FromIterator<(String, Vec<u8>)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
