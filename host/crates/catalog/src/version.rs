//! Which catalog is there: told by the shape of its tables, not by its label alone.

use tokio_postgres::GenericClient;

use crate::db;
use crate::error::CatalogError;

/// What the schema `sch_chameleon` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogState {
    /// It does not exist.
    Absent,
    /// Version 1.3, complete with the tables of our own.
    V13,
    /// Version 1.3 as pg_chameleon 1.3 made it: [`crate::complete`] adds what is missing.
    V13Original,
    /// Version 1.2.
    V12,
    /// The tables of 1.3 (or some of them) under a label of 1.2: an upgrade was broken off.
    Halfway,
    /// A version before 1.2, by its label; pg_chameleon 1.2 upgrades it.
    Older(String),
    /// pg_chameleon 1.4 to 2.x, by its label.
    Newer(String),
    /// Something else.
    Foreign,
}

/// Looks which catalog is there. Reads only PostgreSQL's own catalog and, where it is a view with
/// one text column, the label.
pub async fn version(c: &impl GenericClient) -> Result<CatalogState, CatalogError> {
    let row = db::query_one(c, "look at the catalog", include_str!("sql/shape.sql"), &[]).await?;
    let has_schema: bool = db::get(&row, "has_schema")?;
    if !has_schema {
        return Ok(CatalogState::Absent);
    }
    let has_label: bool = db::get(&row, "has_label")?;
    let label = if has_label {
        let sql = "select max(t_version::text) as label from sch_chameleon.v_version";
        let row = db::query_one(c, "read the catalog's label", sql, &[]).await?;
        db::get::<Option<String>>(&row, "label")?
    } else {
        None
    };
    let shape = Shape {
        core: db::get(&row, "core")?,
        later: db::get(&row, "later")?,
        source_log_table: db::get(&row, "source_log_table")?,
        batch_log_table: db::get(&row, "batch_log_table")?,
        old_log_tables: db::get(&row, "old_log_tables")?,
        wide_position: db::get(&row, "wide_position")?,
        own: db::get(&row, "own")?,
    };
    Ok(shape.state(label.as_deref()))
}

/// What tells the versions apart.
struct Shape {
    /// The tables and columns that 1.2 and 1.3 share.
    core: bool,
    /// A table or column that only later versions have.
    later: bool,
    /// `t_sources.v_log_table`, new in 1.3.
    source_log_table: bool,
    /// `t_replica_batch.v_log_table`, gone in 1.3.
    batch_log_table: bool,
    /// `t_log_replica_1` or `_2`.
    old_log_tables: bool,
    /// `t_replica_batch.i_binlog_position` is bigint.
    wide_position: bool,
    /// All tables of our own.
    own: bool,
}

impl Shape {
    fn state(&self, label: Option<&str>) -> CatalogState {
        let number = label.and_then(parse_label);
        if !self.core || self.later {
            return match (label, number) {
                (Some(label), Some(n)) if n > (1, 3) => CatalogState::Newer(label.to_owned()),
                (Some(label), Some(n)) if n < (1, 2) => CatalogState::Older(label.to_owned()),
                _ => CatalogState::Foreign,
            };
        }
        if let (Some(label), Some(n)) = (label, number) {
            if n > (1, 3) {
                return CatalogState::Newer(label.to_owned());
            }
            if n < (1, 2) {
                return CatalogState::Older(label.to_owned());
            }
        }
        match (self.source_log_table, self.batch_log_table) {
            (false, true) => CatalogState::V12,
            (true, false) if number != Some((1, 3)) => CatalogState::Halfway,
            (true, false) if self.own && self.wide_position && !self.old_log_tables => {
                CatalogState::V13
            }
            (true, false) => CatalogState::V13Original,
            (true, true) => CatalogState::Halfway,
            (false, false) => CatalogState::Foreign,
        }
    }
}

/// Major and minor of a label such as `1.3` or `2.0.21`.
fn parse_label(label: &str) -> Option<(u32, u32)> {
    let mut parts = label.trim().split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    Some((major, minor))
}

/// Goes on only where the catalog is complete and of version 1.3.
///
/// # Errors
/// [`CatalogError::Absent`], [`CatalogError::NeedsUpgrade`], [`CatalogError::Newer`] or
/// [`CatalogError::Foreign`], each with the command that helps.
pub async fn require_current(c: &impl GenericClient) -> Result<(), CatalogError> {
    let needs = |found: &str| CatalogError::NeedsUpgrade {
        found: found.to_owned(),
    };
    match version(c).await? {
        CatalogState::V13 => Ok(()),
        CatalogState::Absent => Err(CatalogError::Absent),
        CatalogState::V12 => Err(needs("version 1.2")),
        CatalogState::Halfway => Err(needs("half-way between 1.2 and 1.3")),
        CatalogState::V13Original => Err(needs("version 1.3 as pg_chameleon 1.3 made it")),
        CatalogState::Older(label) => Err(needs(&format!("version {label}"))),
        CatalogState::Newer(version) => Err(CatalogError::Newer { version }),
        CatalogState::Foreign => Err(CatalogError::Foreign),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_decides_and_the_label_only_where_shapes_are_alike() {
        let of = |core, later, s, b, label: Option<&str>| {
            Shape {
                core,
                later,
                source_log_table: s,
                batch_log_table: b,
                old_log_tables: false,
                wide_position: true,
                own: true,
            }
            .state(label)
        };
        let newer = |l: &str| CatalogState::Newer(l.to_owned());
        assert_eq!(of(true, false, true, false, Some("1.3")), CatalogState::V13);
        assert_eq!(
            of(true, false, true, false, Some("1.2")),
            CatalogState::Halfway
        );
        assert_eq!(
            of(true, false, true, true, Some("1.2")),
            CatalogState::Halfway
        );
        assert_eq!(
            of(true, false, true, true, Some("1.3")),
            CatalogState::Halfway
        );
        assert_eq!(of(true, false, false, true, Some("1.2")), CatalogState::V12);
        assert_eq!(of(true, false, false, true, Some("1.3")), CatalogState::V12);
        assert_eq!(of(true, true, true, false, Some("1.8")), newer("1.8"));
        assert_eq!(
            of(false, false, true, false, Some("2.0.21")),
            newer("2.0.21")
        );
        assert_eq!(of(false, false, false, false, None), CatalogState::Foreign);
        let older = CatalogState::Older("0.9".into());
        assert_eq!(of(false, false, false, false, Some("0.9")), older);
    }
}
