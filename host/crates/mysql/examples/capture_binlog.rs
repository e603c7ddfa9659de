//! Captures the events of `testdata/binlog/corpus.sql` as a server sends them:
//!
//! `cargo run -p chameleon-mysql --example capture_binlog -- mysql://USER:PW@HOST:PORT/ OUT.events`
//!
//! The server runs the statements in a database `corpus`, which is made and dropped. A line that
//! begins with `-- mysql` or `-- mariadb` is for that server alone. The events go into the file one
//! after another; room for a checksum follows each.

use futures_util::StreamExt;
use mysql_async::prelude::Queryable;
use mysql_async::{BinlogStreamRequest, Conn, Opts, Row};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "capture_binlog URL OUT.events";
    let url = arguments.next().ok_or(usage)?;
    let out = arguments.next().ok_or(usage)?;
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../testdata/binlog/corpus.sql"
    );
    let script = std::fs::read_to_string(script)?;

    let mut conn = Conn::new(Opts::from_url(&url)?).await?;
    let version: String = conn
        .query_first("select version()")
        .await?
        .unwrap_or_default();
    let other = if version.contains("MariaDB") {
        "-- mysql "
    } else {
        "-- mariadb "
    };
    conn.query_drop("flush binary logs").await?;
    let files: Vec<Row> = conn.query("show binary logs").await?;
    let file: String = files.last().and_then(|row| row.get(0)).ok_or("no binlog")?;
    for line in script.lines().filter(|line| !line.starts_with(other)) {
        let statement = line
            .strip_prefix("-- mysql ")
            .or(line.strip_prefix("-- mariadb "));
        let statement = statement.unwrap_or(line).trim();
        if statement.is_empty() || statement.starts_with("--") {
            continue;
        }
        let done = conn.query_drop(statement).await;
        done.map_err(|error| format!("{error}: {statement}"))?;
    }

    let mut reader = Conn::new(Opts::from_url(&url)?).await?;
    reader
        .query_drop("set @mariadb_slave_capability = 4, @source_binlog_checksum = 'CRC32'")
        .await?;
    let request = BinlogStreamRequest::new(3_999_999_999)
        .with_filename(file.as_bytes())
        .with_pos(4)
        .with_non_blocking();
    let mut stream = reader.get_binlog_stream(request).await?;
    let mut bytes = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event?;
        let (header, data) = (event.header(), event.data());
        // of a compressed transaction the parts are kept; what the sender made up is left out
        if header.event_type_raw() == 40 || header.flags_raw() & 0x20 != 0 {
            continue;
        }
        let size = u32::try_from(19 + data.len() + 4)?;
        bytes.extend_from_slice(&header.timestamp().to_le_bytes());
        bytes.push(header.event_type_raw());
        bytes.extend_from_slice(&header.server_id().to_le_bytes());
        bytes.extend_from_slice(&size.to_le_bytes());
        bytes.extend_from_slice(&header.log_pos().to_le_bytes());
        bytes.extend_from_slice(&header.flags_raw().to_le_bytes());
        bytes.extend_from_slice(data);
        bytes.extend_from_slice(&[0; 4]);
    }
    std::fs::write(out, bytes)?;
    Ok(())
}
