//! Catalogs that rollbacks have set aside.

use chameleon_diag::codes;
use chameleon_postgres::{Client, quote_ident, quote_literal};
use serde::Serialize;

use crate::error::BackupError;
use crate::inspect::{self, count, get};

/// How the names of their schemas begin; the time in UTC follows.
pub const REPLACED: &str = "sch_chameleon_replaced_";

/// A catalog that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replaced {
    /// Its schema.
    pub schema: String,
    /// What it is, as its comment says.
    pub comment: String,
    /// Size on the disk with indexes.
    pub bytes: u64,
}

/// All of them, oldest first.
///
/// # Errors
/// What the server says.
pub async fn replaced(c: &Client) -> Result<Vec<Replaced>, BackupError> {
    let sql = format!(
        "select n.nspname::text as schema, \
                coalesce(obj_description(n.oid, 'pg_namespace'), '') as comment, \
                coalesce((select sum(pg_total_relation_size(t.oid)) from pg_catalog.pg_class t \
                           where t.relnamespace = n.oid and t.relkind = 'r'), 0)::bigint as bytes \
           from pg_catalog.pg_namespace n where starts_with(n.nspname, '{REPLACED}') \
          order by n.nspname collate \"C\""
    );
    let rows = inspect::query(c, "list the replaced catalogs", &sql).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(Replaced {
            schema: get(row, "schema")?,
            comment: get(row, "comment")?,
            bytes: count(row, "bytes")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Drops one of them. What outside of it depends on it is not dropped with it.
///
/// # Errors
/// [`BackupError::NoReplaced`]; [`BackupError::Dependants`].
pub async fn drop_replaced(c: &Client, schema: &str) -> Result<Replaced, BackupError> {
    let all = replaced(c).await?;
    let found = all.into_iter().find(|one| one.schema == schema);
    let found = found.ok_or_else(|| BackupError::NoReplaced {
        name: schema.to_owned(),
    })?;
    let objects = dependants(c, schema).await?;
    if !objects.is_empty() {
        return Err(BackupError::Dependants {
            schema: schema.to_owned(),
            objects,
        });
    }
    let drop = format!("drop schema {} cascade", quote_ident(schema));
    inspect::execute(c, &format!("drop the replaced catalog {schema}"), &drop).await?;
    Ok(found)
}

/// Views outside of a schema that use relations of it.
pub(super) async fn dependants(c: &Client, schema: &str) -> Result<Vec<String>, BackupError> {
    let sql = format!(
        "select distinct format('%I.%I', n.nspname, v.relname) as name \
           from pg_catalog.pg_depend d \
           join pg_catalog.pg_rewrite r on r.oid = d.objid \
           join pg_catalog.pg_class v on v.oid = r.ev_class \
           join pg_catalog.pg_namespace n on n.oid = v.relnamespace \
           join pg_catalog.pg_class t on t.oid = d.refobjid \
           join pg_catalog.pg_namespace s on s.oid = t.relnamespace \
          where d.classid = 'pg_catalog.pg_rewrite'::regclass \
            and d.refclassid = 'pg_catalog.pg_class'::regclass \
            and s.nspname = {} and n.oid <> s.oid order by 1",
        quote_literal(schema)
    );
    let rows = inspect::query(c, "look for what depends on the catalog", &sql).await?;
    rows.iter().map(|row| get(row, "name")).collect()
}

/// A finding about them; none where there are none.
pub(super) fn finding(schema: &str, objects: &[String]) -> Option<chameleon_diag::Finding> {
    (!objects.is_empty()).then(|| chameleon_diag::Finding {
        severity: chameleon_diag::Severity::Warning,
        code: codes::BAK022,
        object: objects.join(", "),
        what: format!("it uses the replaced catalog, which is {schema} now"),
        remedy: "create it again, so that it uses the catalog of 1.2".into(),
    })
}
