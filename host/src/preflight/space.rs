//! Free disk space at the target, where it can be known: PostgreSQL does not tell, so only where its
//! data directory is on this machine and may be seen.

use std::path::PathBuf;

use chameleon_diag::{Finding, Severity, codes};
use chameleon_postgres::Client;
use chameleon_postgres::tokio_postgres::types::Type;

use super::finding;
use crate::context::Context;
use crate::output::human_bytes;

/// A finding where the copy will not fit. `source_bytes` is the size of the tables at the source.
/// What cannot be known is no finding.
pub(super) async fn check(
    cx: &Context,
    client: &Client,
    source_bytes: Option<u64>,
) -> Option<Finding> {
    if cx.config.keep_existing_schema || !is_this_machine(&cx.config.pg.host) {
        return None;
    }
    let (directory, schema_bytes) = ask(cx, client).await?;
    let needed = source_bytes.unwrap_or(0).max(schema_bytes);
    let disk = rustix::fs::statvfs(&directory).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free >= needed {
        return None;
    }
    let (free, needed) = (human_bytes(free), human_bytes(needed));
    Some(finding(
        Severity::Warning,
        codes::TGT032,
        directory.display().to_string(),
        format!("{free} are free, and the copy takes about {needed} beside the old schema"),
        "free space, or copy fewer tables with tables_limit",
    ))
}

/// Data directory and bytes of the destination schema; `None` where the right to see them is
/// missing.
async fn ask(cx: &Context, client: &Client) -> Option<(PathBuf, u64)> {
    let sql = "select s.setting, coalesce((select sum(pg_total_relation_size(c.oid)) \
                      from pg_class c join pg_namespace n on n.oid = c.relnamespace \
                     where n.nspname = $1 and c.relkind in ('r', 'm')), 0)::bigint \
                 from pg_settings s where s.name = 'data_directory'";
    let schema = cx.config.dest_schema.as_str();
    let params = [(&schema as _, Type::TEXT)];
    let rows = client.query_typed(sql, &params).await.ok()?;
    let row = rows.first()?;
    let directory: String = row.try_get(0).ok()?;
    let bytes: i64 = row.try_get(1).ok()?;
    Some((directory.into(), u64::try_from(bytes).ok()?))
}

fn is_this_machine(host: &str) -> bool {
    let address: Option<std::net::IpAddr> = host.parse().ok();
    host.starts_with('/') || host == "localhost" || address.is_some_and(|a| a.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_socket_or_loopback_is_this_machine() {
        let check = |host: &str, expect| assert_eq!(is_this_machine(host), expect, "{host}");
        check("/run/postgresql", true);
        check("localhost", true);
        check("127.0.0.1", true);
        check("::1", true);
        check("10.0.0.7", false);
        check("db.example", false);
    }
}
