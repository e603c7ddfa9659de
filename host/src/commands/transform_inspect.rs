//! `transform inspect`: what a module is, and its plan for a table.

use std::fmt::Write;
use std::path::Path;

use chameleon_transform::{Chain, Description, Engine, Module, ModuleFacts, OnError};
use chameleon_transform::{Secrets, Spec};
use serde::Serialize;
use serde_json::Value;

use super::transform::{engine, settings, stem};
use super::transform_plan::PlanText;
use super::transform_table;
use crate::cli::{GlobalOptions, InspectArguments};
use crate::context::{Context, config_paths};
use crate::error::HostError;
use crate::output::{Exit, Output};

/// What is shown.
#[derive(Debug, Serialize)]
struct Shown {
    schema_version: u32,
    module: String,
    name: String,
    version: String,
    interface: String,
    kind: &'static str,
    bytes: usize,
    sha256: String,
    memory_limit_bytes: usize,
    imports: Vec<String>,
    exports: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<PlanText>,
}

pub(super) async fn run(
    options: &GlobalOptions,
    arguments: &InspectArguments,
    output: Output,
) -> Result<Exit, HostError> {
    let engine = engine(options)?;
    let module = Module::load(&engine, &arguments.module, None)?;
    let said = module.describe(&engine)?;
    let mut shown = shown(module.facts(), said);
    if let Some(given) = &arguments.table {
        let table = transform_table::load(options, given, output).await?;
        let configured = Configured::find(options, &arguments.module, arguments.with.as_deref())?;
        let chain = configured.chain(&engine, &arguments.module)?;
        let plan = chain.worker().plan(&table)?;
        shown.table = Some(table.name.to_string());
        shown.plan = Some(PlanText::of(&plan, &table));
    }
    if output.json {
        output.print_json(&shown)?;
    } else {
        output.print(&text(&shown))?;
    }
    Ok(Exit::Done)
}

/// What a module is configured with.
pub(super) struct Configured {
    settings: Value,
    secrets: Secrets,
}

impl Configured {
    /// `--with`; else, where a configuration is named, what it says of this module.
    pub(super) fn find(
        options: &GlobalOptions,
        module: &Path,
        with: Option<&str>,
    ) -> Result<Self, HostError> {
        let mut found = Self {
            settings: settings(with)?,
            secrets: Secrets::default(),
        };
        if options.configs.is_empty() && !options.all {
            return Ok(found);
        }
        let same = |a: &Path, b: &Path| {
            let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
            whole(a) == whole(b)
        };
        for path in config_paths(options)? {
            let cx = Context::load(&path, Output::default())?;
            let secrets = cx.config.secrets.iter();
            let secrets =
                secrets.map(|(name, secret)| (name.clone(), secret.expose().as_bytes().to_vec()));
            found.secrets = secrets.collect();
            let transforms = &cx.config.transforms;
            if let Some(own) = transforms.iter().find(|t| same(&t.module, module)) {
                if with.is_none() {
                    found.settings = own.config.clone();
                }
                break;
            }
        }
        Ok(found)
    }

    /// A chain of this module alone.
    pub(super) fn chain(&self, engine: &Engine, module: &Path) -> Result<Chain, HostError> {
        let spec = Spec {
            name: stem(module),
            module: module.to_owned(),
            sha256: None,
            tables: vec!["*".into()],
            config: self.settings.clone(),
            on_error: OnError::Stop,
        };
        Ok(Chain::load(engine, &[spec], &self.secrets)?)
    }
}

fn shown(facts: &ModuleFacts, said: Description) -> Shown {
    // a schema that is no JSON is shown as the text that it is
    let schema = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    Shown {
        schema_version: 1,
        module: facts.path.display().to_string(),
        name: said.name,
        version: said.version,
        interface: facts.interface.clone(),
        kind: if facts.component {
            "component"
        } else {
            "core module"
        },
        bytes: facts.bytes,
        sha256: facts.sha256.clone(),
        memory_limit_bytes: facts.memory_limit,
        imports: facts.imports.clone(),
        exports: facts.exports.clone(),
        config_schema: said.config_schema.map(schema),
        table: None,
        plan: None,
    }
}

fn text(shown: &Shown) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{name:12} {value}");
    };
    line("name", &shown.name);
    line("version", &shown.version);
    line("interface", &shown.interface);
    line("kind", &format!("{}, {} bytes", shown.kind, shown.bytes));
    line("sha256", &shown.sha256);
    line(
        "memory",
        &format!("at most {} MiB", shown.memory_limit_bytes >> 20),
    );
    for (n, import) in shown.imports.iter().enumerate() {
        line(if n == 0 { "imports" } else { "" }, import);
    }
    if shown.imports.is_empty() {
        line("imports", "nothing");
    }
    for (n, export) in shown.exports.iter().enumerate() {
        line(if n == 0 { "exports" } else { "" }, export);
    }
    if let Some(schema) = &shown.config_schema {
        let pretty = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = writeln!(text, "\nconfiguration\n{pretty}");
    }
    if let (Some(table), Some(plan)) = (&shown.table, &shown.plan) {
        let _ = writeln!(text, "\nplan for {table}");
        match plan {
            PlanText::Word(word) => {
                let _ = writeln!(text, "  {word}");
            }
            PlanText::Apply(apply) => {
                for (route, columns) in &apply.routes.0 {
                    let _ = writeln!(text, "  {route}");
                    for column in columns {
                        let _ = writeln!(text, "    {column}");
                    }
                }
                let _ = writeln!(text, "  reads        {}", apply.reads.join(", "));
                let _ = writeln!(text, "  reads before {}", apply.reads_before.join(", "));
            }
        }
    }
    text
}
