//! Free disk space of the server. PostgreSQL does not tell it, so it is known only where the data
//! directory is on this machine and may be seen.

use chameleon_postgres::tokio_postgres::GenericClient;

/// Free bytes on the disk of the server's data directory.
pub(super) async fn free_bytes(c: &impl GenericClient, host: &str) -> Option<u64> {
    let address: Option<std::net::IpAddr> = host.parse().ok();
    let is_here =
        host.starts_with('/') || host == "localhost" || address.is_some_and(|a| a.is_loopback());
    if !is_here {
        return None;
    }
    let sql = "select setting from pg_catalog.pg_settings where name = 'data_directory'";
    let row = c.query_typed(sql, &[]).await.ok()?;
    let directory: String = row.first()?.try_get(0).ok()?;
    let disk = rustix::fs::statvfs(&directory).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}
