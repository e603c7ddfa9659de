//! A module: from the file to compiled code that may run.
//!
//! A core module with the section of wit-bindgen is wrapped into a component first. Imports and
//! versions are looked at before anything is compiled, so that a wrong module is named quickly.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use wasmparser::{Encoding, Parser, Payload};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre};
use wit_component::ComponentEncoder;

use crate::abi;
use crate::engine::{Engine, LARGE_MEMORY, LARGE_MODULE, MEMORY, one_line};
use crate::error::TransformError;
use crate::host::Guest;
use crate::instance::Instance;
use crate::spec::Secrets;
use crate::words;

/// A larger file is no transform.
const LARGEST_FILE: u64 = 256 << 20;

/// A module that keeps to the interface, as far as can be seen without running it.
#[derive(Clone)]
pub struct Module {
    pub(crate) pre: InstancePre<Guest>,
    facts: ModuleFacts,
}

/// What there is to know of a module's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleFacts {
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256 in lowercase hex digits.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// It is a component; otherwise a core module that was wrapped.
    pub component: bool,
    /// The interface that it is made for, with version.
    pub interface: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Memory that an instance may have, in bytes.
    pub memory_limit: usize,
    /// Time to wrap and compile it; `None` where compiled code was kept.
    pub compiled_in: Option<Duration>,
}

/// What a module says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// JSON Schema of its configuration.
    pub config_schema: Option<String>,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Module").field(&self.facts).finish()
    }
}

impl Module {
    /// Reads, checks and compiles a module, or takes the compiled code that was kept. `pinned`: the
    /// SHA-256 that it must have, and the transform that says so.
    ///
    /// # Errors
    /// TRF001 to TRF007.
    pub fn load(
        engine: &Engine,
        path: &Path,
        pinned: Option<(&str, &str)>,
    ) -> Result<Self, TransformError> {
        Self::load_with(engine, path, pinned, true)
    }

    /// As [`Module::load`], but compiles in any case, to know how long that takes.
    ///
    /// # Errors
    /// TRF001 to TRF007.
    pub fn compile(engine: &Engine, path: &Path) -> Result<Self, TransformError> {
        Self::load_with(engine, path, None, false)
    }

    fn load_with(
        engine: &Engine,
        path: &Path,
        pinned: Option<(&str, &str)>,
        kept: bool,
    ) -> Result<Self, TransformError> {
        let bytes = read(path)?;
        let sha256 = hex(&Sha256::digest(&bytes));
        if let Some((pinned, transform)) = pinned
            && !pinned.trim().eq_ignore_ascii_case(&sha256)
        {
            return Err(TransformError::Sha256 {
                transform: transform.to_owned(),
                path: path.to_owned(),
                found: sha256,
                pinned: words::short(pinned),
            });
        }
        let found = kept.then(|| engine.cache().load(engine.wasmtime(), &sha256));
        let (component, compiled_in) = match found.flatten() {
            Some(component) => (component, None),
            None => {
                let begun = Instant::now();
                let component = compile(engine, path, &bytes)?;
                let elapsed = begun.elapsed();
                engine.cache().store(&component, &sha256);
                (component, Some(elapsed))
            }
        };
        let (imports, exports) = check_component(engine, path, &component)?;
        let pre = engine.linker().instantiate_pre(&component);
        let pre = pre.map_err(|error| TransformError::Interface {
            path: path.to_owned(),
            reason: one_line(&error),
        })?;
        let large = bytes.len() >= LARGE_MODULE;
        let facts = ModuleFacts {
            path: path.to_owned(),
            sha256,
            bytes: bytes.len(),
            component: Parser::is_component(&bytes),
            interface: abi::VERSION.to_owned(),
            imports,
            exports,
            memory_limit: if large { LARGE_MEMORY } else { MEMORY },
            compiled_in,
        };
        Ok(Self { pre, facts })
    }

    /// What there is to know of it.
    pub fn facts(&self) -> &ModuleFacts {
        &self.facts
    }

    /// Asks the module what it is.
    ///
    /// # Errors
    /// TRF007, TRF009, and TRF020 to TRF024 where it breaks down.
    pub fn describe(&self, engine: &Engine) -> Result<Description, TransformError> {
        let name: Arc<str> = file_name(&self.facts.path).into();
        let mut instance = Instance::new(engine, self, &name, &Arc::new(Secrets::default()))?;
        let said = instance.describe().map_err(|fault| TransformError::Call {
            transform: name.to_string(),
            attempt: "describe itself",
            table: None,
            fault,
        })?;
        Ok(Description {
            name: words::short(&said.name),
            version: words::short(&said.version),
            config_schema: said.config_schema,
        })
    }

    /// It may ask for keyed hashes.
    pub(crate) fn hashes(&self) -> bool {
        let hmac = format!("{}#hmac-sha256", abi::HOST);
        self.facts.imports.contains(&hmac)
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, TransformError> {
    let unreadable = |source| TransformError::Read {
        path: path.to_owned(),
        source,
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() {
        return Err(unreadable(std::io::Error::other("it is not a file")));
    }
    if found.len() > LARGEST_FILE {
        return Err(unreadable(std::io::Error::other(
            "it is larger than 256 MiB",
        )));
    }
    std::fs::read(path).map_err(unreadable)
}

fn compile(engine: &Engine, path: &Path, bytes: &[u8]) -> Result<Component, TransformError> {
    let unusable = |reason: String| TransformError::NotWasm {
        path: path.to_owned(),
        reason,
    };
    if !bytes.starts_with(b"\0asm") {
        return Err(unusable("it does not begin with the bytes \\0asm".into()));
    }
    if Parser::is_component(bytes) {
        return Component::from_binary(engine.wasmtime(), bytes)
            .map_err(|error| unusable(one_line(&error)));
    }
    check_core(path, bytes)?;
    let wrapped = ComponentEncoder::default()
        .validate(true)
        .module(bytes)
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| TransformError::Interface {
            path: path.to_owned(),
            reason: plain(&format!("{error:#}")),
        })?;
    Component::from_binary(engine.wasmtime(), &wrapped).map_err(|error| unusable(one_line(&error)))
}

/// Imports, version and description of a core module.
fn check_core(path: &Path, bytes: &[u8]) -> Result<(), TransformError> {
    let unusable = |error: wasmparser::BinaryReaderError| TransformError::NotWasm {
        path: path.to_owned(),
        reason: plain(&error.to_string()),
    };
    let mut described = false;
    let mut foreign = Vec::new();
    let mut named = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(unusable)? {
            Payload::Version { encoding, .. } if encoding != Encoding::Module => return Ok(()),
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(unusable)?;
                    if import.module.starts_with(abi::PACKAGE) {
                        named.push(import.module.to_owned());
                    } else {
                        foreign.push(format!("{}.{}", import.module, import.name));
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let name = export.map_err(unusable)?.name;
                    let name = name.strip_prefix("cabi_post_").unwrap_or(name);
                    if name.starts_with(abi::PACKAGE) {
                        named.push(name.split('#').next().unwrap_or(name).to_owned());
                    }
                }
            }
            Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                described = true;
            }
            _ => {}
        }
    }
    check_foreign(path, foreign)?;
    for name in &named {
        check_version(path, name)?;
    }
    if !described {
        return Err(TransformError::NoDescription {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Imports and exports of a component, with the functions of each instance.
fn check_component(
    engine: &Engine,
    path: &Path,
    component: &Component,
) -> Result<(Vec<String>, Vec<String>), TransformError> {
    let engine = engine.wasmtime();
    let ty = component.component_type();
    let mut imports = Vec::new();
    let mut foreign = Vec::new();
    for (name, import) in ty.imports(engine) {
        if !name.starts_with(abi::PACKAGE) {
            foreign.push(name.to_owned());
            continue;
        }
        check_version(path, name)?;
        imports.extend(functions(engine, name, &import.ty));
    }
    check_foreign(path, foreign)?;
    let mut exports = Vec::new();
    for (name, export) in ty.exports(engine) {
        if name.starts_with(abi::PACKAGE) {
            check_version(path, name)?;
        }
        exports.extend(functions(engine, name, &export.ty));
    }
    if ty.get_export(engine, abi::GUEST).is_none() {
        return Err(TransformError::Interface {
            path: path.to_owned(),
            reason: format!("it does not export {}", abi::GUEST),
        });
    }
    Ok((imports, exports))
}

fn functions(engine: &wasmtime::Engine, name: &str, item: &ComponentItem) -> Vec<String> {
    let ComponentItem::ComponentInstance(instance) = item else {
        return vec![name.to_owned()];
    };
    let functions = instance
        .exports(engine)
        .filter(|(_, e)| matches!(e.ty, ComponentItem::ComponentFunc(_)));
    functions.map(|(f, _)| format!("{name}#{f}")).collect()
}

fn check_foreign(path: &Path, imports: Vec<String>) -> Result<(), TransformError> {
    if imports.is_empty() {
        return Ok(());
    }
    Err(TransformError::Imports {
        path: path.to_owned(),
        imports,
    })
}

/// `name`: an interface of the package, with version.
fn check_version(path: &Path, name: &str) -> Result<(), TransformError> {
    if [abi::HOST, abi::TYPES, abi::GUEST].contains(&name) {
        return Ok(());
    }
    let bare = |name: &str| name.split('@').next().unwrap_or_default().to_owned();
    let known = [abi::HOST, abi::TYPES, abi::GUEST];
    let Some(expected) = known.into_iter().find(|known| bare(known) == bare(name)) else {
        return Err(TransformError::Imports {
            path: path.to_owned(),
            imports: vec![name.to_owned()],
        });
    };
    Err(TransformError::Version {
        path: path.to_owned(),
        found: words::short(name),
        expected: expected.to_owned(),
    })
}

fn plain(text: &str) -> String {
    words::short(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Lowercase hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // writing to a String cannot fail
        let _ = write!(text, "{byte:02x}");
    }
    text
}
