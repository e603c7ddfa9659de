//! The one trait that an author implements.

use serde::de::DeserializeOwned;

use crate::{Error, Plan, Rows, Table};

/// A row transform.
///
/// One value of it serves all tables of one place in the configuration. It is made anew after a fault of its own, so
/// it keeps nothing from batch to batch.
pub trait Transform: Sized + 'static {
    /// The name that the host shows.
    const NAME: &'static str;

    /// The version that the host shows: mostly `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;

    /// What stands below `config` in the configuration. With `#[serde(deny_unknown_fields)]` a misspelt key is told.
    type Config: DeserializeOwned;

    /// What the transform keeps for a table: columns that the planner returned, and what follows from them.
    type Table: 'static;

    /// The JSON Schema of `Config`, shown by the host.
    fn config_schema() -> Option<&'static str> {
        None
    }

    /// Takes the configuration.
    ///
    /// # Errors
    /// [`Error::config`] if it cannot be used.
    fn new(config: Self::Config) -> Result<Self, Error>;

    /// Plans for one version of a table: at start, and again after each DDL.
    ///
    /// # Errors
    /// [`Error::schema`] if the configuration does not fit the table. The host then holds the table.
    fn plan(&self, table: &Table) -> Result<Plan<Self::Table>, Error>;

    /// Transforms a batch of rows of a table that [`Transform::plan`] applies to.
    ///
    /// # Errors
    /// [`Error::data`] if a row cannot be transformed; it is better to reject that row alone.
    fn transform(&self, table: &Self::Table, rows: &mut Rows<'_>) -> Result<(), Error>;
}
