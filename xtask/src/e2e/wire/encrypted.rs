//! Servers that encrypt their binlog: MariaDB by its plugin for keys in a file, MySQL by its component for them.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

use anyhow::{Context, Result, ensure};
use mysql_async::{Row, prelude::Queryable};

use super::is_mysql;
use crate::{
    address::Address,
    servers::{
        self, Extra, Server,
        engine::{Engine, Kind},
        extras, fetch,
    },
};

/// A server of that engine whose binlog is encrypted.
pub(super) async fn start(engine: &Engine, home: &Path) -> Result<Server> {
    let extra = if is_mysql(engine.kind) {
        mysql(engine, home)?
    } else {
        mariadb(engine, home)?
    };
    servers::start_with(engine, extra).await
}

fn mariadb(engine: &Engine, home: &Path) -> Result<Extra> {
    let keys = home.join("keys.txt");
    fs::write(&keys, format!("1;{}\n", "00112233445566778899aabbccddeeff"))?;
    let plugins = extras::mariadb_plugins(engine)?;
    Ok(Extra {
        options: vec![
            format!("--plugin-dir={}", plugins.display()),
            "--plugin-load-add=file_key_management".into(),
            format!("--file-key-management-filename={}", keys.display()),
            "--encrypt-binlog=ON".into(),
        ],
        manifest: None,
    })
}

/// The manifest stands beside the program, the component's configuration beside the component: both in a
/// directory of its own.
fn mysql(engine: &Engine, home: &Path) -> Result<Extra> {
    let tree = fetch::trees(std::slice::from_ref(engine))?
        .pop()
        .context("no tree")?;
    let program = home.join("program");
    let plugins = program.join("plugin");
    fs::create_dir_all(&plugins)?;
    for entry in fs::read_dir(tree.root.join("usr/lib/mysql/plugin"))? {
        let entry = entry?;
        symlink(entry.path(), plugins.join(entry.file_name()))?;
    }
    let place = program.join("keyring").display().to_string();
    let component = serde_json::json!({ "path": place, "read_only": false });
    fs::write(
        plugins.join("component_keyring_file.cnf"),
        component.to_string(),
    )?;
    let manifest = program.join("mysqld.my");
    let components = serde_json::json!({ "components": "file://component_keyring_file" });
    fs::write(&manifest, components.to_string())?;
    fs::set_permissions(&manifest, fs::Permissions::from_mode(0o444))?;
    Ok(Extra {
        options: vec![
            format!("--plugin-dir={}", plugins.display()),
            "--binlog-encryption=ON".into(),
        ],
        manifest: Some(program),
    })
}

/// Fails unless the server says that its binlog is encrypted.
pub(super) async fn check(source: &Address, kind: Kind) -> Result<()> {
    let mut connection = source.mysql().await?;
    let encrypted = if is_mysql(kind) {
        let files: Vec<Row> = connection.query("show binary logs").await?;
        files
            .iter()
            .all(|row| row.get::<String, _>("Encrypted").as_deref() == Some("Yes"))
    } else {
        let (file, _) = source.binlog_end().await?;
        let question = format!("show binlog events in '{file}' limit 3");
        let events: Vec<Row> = connection.query(question).await?;
        events
            .iter()
            .any(|row| row.get::<String, _>("Event_type").as_deref() == Some("Start_encryption"))
    };
    connection.disconnect().await?;
    ensure!(encrypted, "the binlog is not encrypted");
    Ok(())
}
