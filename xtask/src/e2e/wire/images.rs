//! Row images in all forms that the servers have: how much of a row, how much about the table, compressed or not.

use anyhow::{Context, Result};

use super::{execute, is_mysql, sound};
use crate::{
    address::Address,
    e2e::stage::Stage,
    replica::Host,
    servers::engine::{Engine, Kind},
};

/// Larger than a packet of 16 MB, smaller than the servers' limit.
const LARGE_BYTES: u32 = 20_000_000;

/// The tables of this part.
pub(super) async fn create(source: &Address, engine: &Engine) -> Result<()> {
    let packed = if is_mysql(engine.kind) {
        "packed text"
    } else {
        "packed text compressed"
    };
    let formed = format!(
        "create table formed (id int unsigned not null primary key, tiny tinyint unsigned, \
           medium mediumint, big bigint unsigned, n decimal(20, 6), label enum('a', 'b', 'ü'), \
           labels set('x', 'y', 'z'), bits bit(11), at datetime(6), stamp timestamp(3) null, \
           span time(2), narrow varchar(40) character set latin1, wide varchar(200), body text, \
           bytes blob, doc json, {packed}, unique key (wide))"
    );
    execute(
        source,
        &[
            &formed,
            "create table keyless (a int, b varchar(40), c text)",
            "create table plain (id int primary key, n int, v varchar(50))",
            "create table bulky (id int primary key, body longtext, bytes longblob)",
            "insert into plain values (1, 1, 'one'), (2, 2, 'two'), (3, 3, 'three')",
        ],
    )
    .await
}

/// One way to write the binlog.
#[derive(Clone, Copy, Debug)]
struct Form {
    image: &'static str,
    metadata: &'static str,
    compressed: bool,
}

/// Writes and changes rows in each form.
pub(super) async fn run(stage: &mut Stage, host: &mut Host, engine: &Engine) -> Result<()> {
    let mut images = vec!["full", "minimal", "noblob"];
    if engine.to_string() == "mariadb11.8" {
        images.push("full_nodup");
    }
    let mut number = 0;
    for metadata in ["minimal", "full"] {
        for compressed in [true, false] {
            for image in &images {
                let form = Form {
                    image,
                    metadata,
                    compressed,
                };
                number += 1;
                write(&stage.source, engine.kind, form, number)
                    .await
                    .with_context(|| format!("{form:?}"))?;
            }
            sound(stage, host)
                .await
                .with_context(|| format!("metadata {metadata}, compressed {compressed}"))?;
        }
    }
    large(stage, host, engine.kind).await.context("large rows")
}

/// The setting that compresses, for MySQL of this session, for MariaDB of all.
fn compression(kind: Kind, on: bool) -> String {
    let word = if on { "on" } else { "off" };
    if is_mysql(kind) {
        format!("set binlog_transaction_compression = {word}")
    } else {
        format!("set global log_bin_compress = {word}")
    }
}

async fn write(source: &Address, kind: Kind, form: Form, number: u32) -> Result<()> {
    let base = number * 100;
    let settings = [
        format!("set global binlog_row_metadata = {}", form.metadata),
        compression(kind, form.compressed),
        format!("set binlog_row_image = {}", form.image),
    ];
    let mut statements: Vec<String> = settings.to_vec();
    if is_mysql(kind) {
        statements.push(format!("set gtid_next = 'automatic:form_{number}'"));
        // a document's difference needs the document before, which the other images leave out
        if form.image == "full" {
            statements.push("set binlog_row_value_options = partial_json".into());
        }
    }
    let long = "lang ".repeat(300);
    let document = format!("{{\"a\": 1, \"list\": [1, 2.50, \"x\"], \"long\": \"{long}\"}}");
    statements.extend([
        format!(
            "insert into formed values ({base}, 255, -8388608, 18446744073709551615, -12345.678900, 'ü', \
               'x,z', b'10000000001', '2024-02-29 23:59:59.999999', '2024-06-30 12:00:00.123', \
               '-838:59:59', 'é€', 'wide {base}', '{long}', x'00ff27', '{document}', '{long}')"
        ),
        format!("insert into formed (id) values ({}), ({})", base + 1, base + 2),
        format!(
            "update formed set tiny = 200, medium = 8388607, label = 'a', wide = 'changed {base}' where id = {base}"
        ),
        format!("update formed set doc = json_set(doc, '$.a', 2, '$.list[1]', 7) where id = {base}"),
        format!("update formed set bytes = x'0000', packed = concat(packed, 'x') where id = {base}"),
        format!("update formed set id = {} where id = {}", base + 50, base + 1),
        format!("delete from formed where id = {}", base + 2),
        format!("insert into keyless values ({base}, 'b', '{long}'), ({base}, 'b', '{long}'), ({base}, null, null)"),
        format!("update keyless set b = 'c' where a = {base} and b = 'b' limit 1"),
        format!("delete from keyless where a = {base} and b is null"),
        "begin".into(),
        format!("insert into plain values ({base}, 0, null)"),
        "savepoint s".into(),
        format!("update plain set n = {base} where id = 1"),
        "rollback to savepoint s".into(),
        format!("update plain set v = 'form {number}' where id = {base}"),
        "commit".into(),
    ]);
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    execute(source, &statements).await
}

/// Rows that are larger than one packet, alone and compressed.
async fn large(stage: &mut Stage, host: &mut Host, kind: Kind) -> Result<()> {
    for (id, compressed) in [(1, false), (2, true)] {
        let insert = format!(
            "insert into bulky values ({id}, repeat('0123456789abcdef', {}), null)",
            LARGE_BYTES / 16
        );
        let update = format!("update bulky set bytes = body where id = {id}");
        let setting = compression(kind, compressed);
        execute(&stage.source, &[&setting, &insert, &update]).await?;
    }
    execute(&stage.source, &[&compression(kind, false)]).await?;
    sound(stage, host).await
}
