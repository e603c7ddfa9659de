//! What others have put on the target's tables, and how it outlives a new copy.
//!
//! A copy replaces tables. Rights and the schema's comment are given to the new ones; views and
//! foreign keys of others would be dropped with the old ones, which has to be allowed.

use chameleon_postgres::{Client, PostgresError};

use crate::error::HostError;
use crate::snapshot::execute;

/// Goes on only where nothing of others would be dropped with the tables of the schema (`tables`
/// alone, where there are some), or where that was allowed.
///
/// # Errors
/// CFG072, which names the objects.
pub(crate) async fn require_free(
    control: &Client,
    schema: &str,
    tables: Option<&[String]>,
    may_drop: bool,
) -> Result<(), HostError> {
    if may_drop {
        return Ok(());
    }
    let found = dependants(control, schema, tables).await?;
    if found.is_empty() {
        return Ok(());
    }
    Err(HostError::Copy {
        object: schema.to_owned(),
        reason: format!(
            "these depend on its tables and would be dropped, which needs --yes: {}",
            found.join(", ")
        ),
    })
}

/// Views that hang on the tables, and foreign keys of other schemas.
async fn dependants(
    control: &Client,
    schema: &str,
    tables: Option<&[String]>,
) -> Result<Vec<String>, HostError> {
    let sql = "select distinct v.oid::regclass::text \
                 from pg_depend d \
                 join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass \
                 join pg_class v on v.oid = r.ev_class \
                 join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass \
                 join pg_namespace n on n.oid = t.relnamespace \
                where n.nspname = $1 and v.oid <> t.oid \
                  and ($2::text[] is null or t.relname = any($2)) \
                union \
               select c.conrelid::regclass::text || ' (foreign key ' || c.conname || ')' \
                 from pg_constraint c \
                 join pg_class t on t.oid = c.confrelid \
                 join pg_namespace n on n.oid = t.relnamespace \
                 join pg_class o on o.oid = c.conrelid \
                where c.contype = 'f' and n.nspname = $1 and o.relnamespace <> n.oid \
                  and ($2::text[] is null or t.relname = any($2)) \
                order by 1";
    let rows = control
        .query(sql, &[&schema, &tables])
        .await
        .map_err(|e| PostgresError::statement(format!("look for dependants of {schema}"), &e))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// Statements that give the rights on the schema and its tables, and its comment, again; of single
/// tables, where some are named.
pub(crate) async fn read(
    control: &Client,
    schema: &str,
    tables: Option<&[String]>,
) -> Result<Vec<String>, HostError> {
    let sql = "select format('grant %s on schema %I to %s%s', a.privilege_type, n.nspname, \
                      case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, \
                      case when a.is_grantable then ' with grant option' else '' end) \
                 from pg_namespace n cross join aclexplode(n.nspacl) a \
                 left join pg_roles r on r.oid = a.grantee \
                where n.nspname = $1 and a.grantee <> n.nspowner and $2::text[] is null \
                union all \
               select format('grant %s on %s%I.%I to %s%s', a.privilege_type, \
                      case when c.relkind = 'S' then 'sequence ' else '' end, n.nspname, c.relname, \
                      case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, \
                      case when a.is_grantable then ' with grant option' else '' end) \
                 from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                 cross join aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee \
                where n.nspname = $1 and c.relkind in ('r', 'p', 'S') and a.grantee <> c.relowner \
                  and ($2::text[] is null or c.relname = any($2)) \
                union all \
               select format('grant %s (%I) on %I.%I to %s%s', a.privilege_type, t.attname, \
                      n.nspname, c.relname, \
                      case when a.grantee = 0 then 'public' else quote_ident(r.rolname) end, \
                      case when a.is_grantable then ' with grant option' else '' end) \
                 from pg_attribute t join pg_class c on c.oid = t.attrelid \
                 join pg_namespace n on n.oid = c.relnamespace \
                 cross join aclexplode(t.attacl) a left join pg_roles r on r.oid = a.grantee \
                where n.nspname = $1 and c.relkind in ('r', 'p') \
                  and ($2::text[] is null or c.relname = any($2)) \
                union all \
               select format('comment on schema %I is %L', n.nspname, d.description) \
                 from pg_namespace n join pg_description d on d.objoid = n.oid \
                  and d.classoid = 'pg_namespace'::regclass \
                where n.nspname = $1 and $2::text[] is null";
    let rows = control
        .query(sql, &[&schema, &tables])
        .await
        .map_err(|e| PostgresError::statement(format!("read the grants of {schema}"), &e))?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

/// Runs these statements inside the caller's transaction. A table that is gone takes its rights
/// with it.
pub(crate) async fn give(
    control: &Client,
    source: &str,
    statements: Vec<String>,
) -> Result<(), HostError> {
    for statement in statements {
        let script = format!("savepoint rights; {statement}");
        if control.batch_execute(&script).await.is_err() {
            tracing::warn!(source, statement, "right not carried over");
            execute(control, "rollback to savepoint rights").await?;
        }
    }
    Ok(())
}
