//! The interface as Rust types, one module for each released minor version.
//!
//! Types are checked against a module's own when it is loaded. A batch is lent to a call behind an
//! `Arc` and copied once, into the module's memory; its vectors are used again for the next.

pub(crate) mod v0_1;

/// What modules import.
pub(crate) const HOST: &str = "chameleon:transform/host@0.1.0";
/// Types of the interface, which a module may name among its imports.
pub(crate) const TYPES: &str = "chameleon:transform/types@0.1.0";
/// What modules export.
pub(crate) const GUEST: &str = "chameleon:transform/guest@0.1.0";
/// Everything of the interface begins so.
pub(crate) const PACKAGE: &str = "chameleon:transform/";
/// The version, for messages.
pub(crate) const VERSION: &str = "chameleon:transform@0.1.0";
