//! `transforms` and the `secrets` that they may use.

use std::collections::BTreeMap;

use chameleon_diag::codes;
use serde_json::{Map as JsonMap, Number, Value};

use crate::expand;
use crate::faults::Faults;
use crate::model::{OnError, TransformConfig};
use crate::scalar;
use crate::secret::Secret;
use crate::section::{Section, shape, shown_key};
use crate::yaml::{Kind, Node};

/// Reads `secrets`.
pub(crate) fn secrets(root: &mut Section<'_>) -> BTreeMap<String, Secret> {
    let Some(section) = root.section("secrets", true) else {
        return BTreeMap::new();
    };
    let mut secrets = BTreeMap::new();
    for (name, node) in section.entries() {
        let path = section.path(&shown_key(name));
        if let Some(secret) = secret(section.faults, &path, node) {
            secrets.insert(name.clone(), secret);
        }
    }
    secrets
}

fn secret(faults: &Faults<'_>, path: &str, node: &Node) -> Option<Secret> {
    let remedy = "write a text, best \"${NAME}\" with an environment variable";
    let Kind::Scalar { text, .. } = &node.kind else {
        let what = format!("{} where a text was expected", shape(node));
        faults.value(path, node.line, what, remedy);
        return None;
    };
    match expand::variables(text, faults.env) {
        Ok((text, _)) if text.is_empty() => {
            faults.value(path, node.line, "the secret is empty".into(), remedy);
            None
        }
        Ok((text, _)) => Some(Secret::new(text)),
        Err(missing) => {
            expand::report(faults, path, node.line, &missing);
            None
        }
    }
}

/// Reads `transforms`.
pub(crate) fn read(root: &mut Section<'_>) -> Vec<TransformConfig> {
    let Some(node) = root.node("transforms") else {
        return Vec::new();
    };
    let Kind::List(items) = &node.kind else {
        let what = format!("{} where a list was expected", shape(node));
        let remedy = "write one `- {name: ..., module: ..., tables: [...]}` for each transform";
        root.faults.value("transforms", node.line, what, remedy);
        return Vec::new();
    };
    let mut transforms: Vec<TransformConfig> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = format!("transforms[{index}]");
        let Kind::Map(map) = &item.kind else {
            let what = format!("{} where a map was expected", shape(item));
            let remedy = "write {name: ..., module: ..., tables: [...]}";
            root.faults.value(&path, item.line, what, remedy);
            continue;
        };
        let section = Section::new(&path, item.line, map, root.faults, false);
        let transform = one(section);
        if transforms.iter().any(|t| t.name == transform.name) && !transform.name.is_empty() {
            let what = "another transform has this name";
            let remedy = "give each transform a name of its own";
            root.faults.error(
                codes::CFG009,
                &format!("{path}.name"),
                item.line,
                what,
                remedy,
            );
        }
        transforms.push(transform);
    }
    transforms
}

fn one(mut section: Section<'_>) -> TransformConfig {
    let name = section.required("name", "give the transform a name");
    let module = section.required_file("module", "name the .wasm file");
    let tables = section.list("tables");
    if tables.is_empty() {
        section.missing("tables", "name the tables, or write [\"*\"] for all");
    }
    let config = match section.node("config") {
        Some(node) => json(section.faults, &section.path("config"), node),
        None => Value::Object(JsonMap::new()),
    };
    let on_errors = [
        ("stop", OnError::Stop),
        ("dead_letter", OnError::DeadLetter),
    ];
    let transform = TransformConfig {
        name,
        module,
        sha256: sha256(&mut section),
        tables,
        config,
        on_error: section.choice("on_error", &on_errors).unwrap_or_default(),
    };
    section.finish(&[]);
    transform
}

fn sha256(section: &mut Section<'_>) -> Option<String> {
    let text = section
        .secret("sha256")?
        .expose()
        .trim()
        .to_ascii_lowercase();
    let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if !fits {
        let (path, line) = (section.path("sha256"), section.line_of("sha256"));
        let what = "not a SHA-256".to_owned();
        let remedy = "write the 64 hex digits that `sha256sum` prints";
        section.faults.value(&path, line, what, remedy);
    }
    fits.then_some(text)
}

/// What a module is configured with, as JSON. Only `true` and `false` are truth values and only
/// decimal numbers are numbers here, so that a list of country codes may hold `NO`.
fn json(faults: &Faults<'_>, path: &str, node: &Node) -> Value {
    match &node.kind {
        Kind::List(items) => items.iter().map(|item| json(faults, path, item)).collect(),
        Kind::Map(map) => {
            let entries = map.entries.iter();
            Value::Object(
                entries
                    .map(|(k, v)| (k.clone(), json(faults, path, v)))
                    .collect(),
            )
        }
        Kind::Scalar { text, plain } if scalar::is_null(text, *plain) => Value::Null,
        Kind::Scalar { text, plain } => match expand::variables(text, faults.env) {
            Ok((text, expanded)) => json_scalar(text, *plain && !expanded),
            Err(missing) => {
                expand::report(faults, path, node.line, &missing);
                Value::Null
            }
        },
    }
}

fn json_scalar(text: String, plain: bool) -> Value {
    if !plain {
        return Value::String(text);
    }
    match text.as_str() {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = serde_json::from_str::<Number>(&text);
    number.map_or(Value::String(text), Value::Number)
}
