//! The options that every server of a kind is started with, natively and in a container.

use super::engine::Kind;

/// MySQL and MariaDB alike: a binlog with whole row images and column names; small, and not durable against a
/// power failure (a killed process loses nothing).
const BINLOG: &[&str] = &[
    "--server-id=1",
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--binlog-row-image=FULL",
    "--binlog-row-metadata=FULL",
    "--sync-binlog=0",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=96M",
    "--max-connections=300",
    "--max-allowed-packet=64M",
    "--secure-file-priv=",
];

const MYSQL: &[&str] = &[
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--mysqlx=OFF",
];

const MARIADB: &[&str] = &["--gtid-strict-mode=ON"];

const POSTGRES: &[&str] = &[
    "-c",
    "fsync=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "jit=off",
    "-c",
    "max_connections=200",
    "-c",
    "shared_buffers=128MB",
    "-c",
    "max_wal_size=1GB",
    // what holds dead tuples back is tested with both
    "-c",
    "max_prepared_transactions=10",
    "-c",
    "wal_level=logical",
];

/// The options of servers of a kind.
pub(crate) fn server(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::MySql => [BINLOG, MYSQL].concat(),
        Kind::MariaDb => [BINLOG, MARIADB].concat(),
        Kind::Postgres => POSTGRES.to_vec(),
    }
}
