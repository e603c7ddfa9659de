//! The transforms of a configuration, loaded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use chameleon_model::{TableName, TableSchema};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::engine::Engine;
use crate::error::TransformError;
use crate::instance::Instance;
use crate::module::{Module, hex};
use crate::outcome::TransformCount;
use crate::spec::{OnError, Secrets, Spec};
use crate::worker::Worker;

/// Transforms in their order. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Chain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    secrets: Arc<Secrets>,
    links: Vec<Arc<Link>>,
    tables: Mutex<Vec<Known>>,
    planner: Mutex<Option<Worker>>,
}

/// An output table that some worker planned.
#[derive(Debug)]
struct Known {
    source: TableName,
    table: Weak<TableSchema>,
}

/// One transform.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: Arc<str>,
    pub(crate) module: Module,
    /// JSON text.
    pub(crate) config: String,
    pub(crate) on_error: OnError,
    tables: Vec<String>,
    /// Of module, configuration and keys.
    pub(crate) fingerprint: String,
    pub(crate) counts: Counts,
}

/// See [`TransformCount`].
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rows: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) breakdowns: AtomicU64,
    pub(crate) nanoseconds: AtomicU64,
}

impl Chain {
    /// Loads the modules, compiles what is not kept, and has each look at its configuration.
    ///
    /// # Errors
    /// TRF001 to TRF007 about a module, TRF009 about the engine, TRF010 about a configuration,
    /// TRF020 to TRF025 where a module breaks down over it.
    pub fn load(
        engine: &Engine,
        specs: &[Spec],
        secrets: &Secrets,
    ) -> Result<Self, TransformError> {
        let secrets = Arc::new(secrets.clone());
        let mut links = Vec::with_capacity(specs.len());
        for spec in specs {
            let link = Link::load(engine, spec, &secrets)?;
            link.start(engine, &secrets)?;
            links.push(Arc::new(link));
        }
        Ok(Self(Arc::new(Inner {
            engine: engine.clone(),
            secrets,
            links,
            tables: Mutex::new(Vec::new()),
            planner: Mutex::new(None),
        })))
    }

    /// There is no transform in it.
    pub fn is_empty(&self) -> bool {
        self.0.links.is_empty()
    }

    /// Names of the transforms, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.links.iter().map(|link| &*link.name)
    }

    /// The modules of the transforms, in order.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.0.links.iter().map(|link| &link.module)
    }

    /// What works on rows; one for each thread that does. Instances are made when they are needed.
    pub fn worker(&self) -> Worker {
        Worker::new(self.clone())
    }

    /// Hash of what shapes the rows of a table: modules, configurations and keys, in order, of the
    /// transforms whose plan for it is not `pass`. Empty where there is none.
    ///
    /// # Errors
    /// As [`Worker::plan`].
    pub fn fingerprint_for(&self, table: &Arc<TableSchema>) -> Result<String, TransformError> {
        let mut planner = self
            .0
            .planner
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let planner = planner.get_or_insert_with(|| self.unattached());
        planner.fingerprint(table)
    }

    /// A worker for the chain's own use: it must not hold the chain, which holds it.
    fn unattached(&self) -> Worker {
        Worker::new(Self(Arc::new(Inner {
            engine: self.0.engine.clone(),
            secrets: Arc::clone(&self.0.secrets),
            links: self.0.links.clone(),
            tables: Mutex::new(Vec::new()),
            planner: Mutex::new(None),
        })))
    }

    /// What the transforms have done so far, over all workers.
    pub fn counters(&self) -> Vec<TransformCount> {
        let links = self.0.links.iter();
        let count = |link: &Arc<Link>| {
            let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
            TransformCount {
                name: link.name.to_string(),
                rows: read(&link.counts.rows),
                dropped: read(&link.counts.dropped),
                failed: read(&link.counts.failed),
                breakdowns: read(&link.counts.breakdowns),
                nanoseconds: read(&link.counts.nanoseconds),
            }
        };
        links.map(count).collect()
    }

    pub(crate) fn links(&self) -> &[Arc<Link>] {
        &self.0.links
    }

    pub(crate) fn instance(&self, link: &Link) -> Result<Instance, TransformError> {
        link.start(&self.0.engine, &self.0.secrets)
    }

    /// The one `Arc` for an output table of a source table; the input's own where they are equal.
    pub(crate) fn intern(
        &self,
        source: &TableName,
        input: &Arc<TableSchema>,
        table: TableSchema,
    ) -> Arc<TableSchema> {
        if **input == table {
            return Arc::clone(input);
        }
        let mut known = self.0.tables.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|k| k.table.strong_count() > 0);
        let of_source = known.iter().filter(|k| k.source == *source);
        let found = of_source
            .filter_map(|k| k.table.upgrade())
            .find(|t| **t == table);
        found.unwrap_or_else(|| {
            let table = Arc::new(table);
            known.push(Known {
                source: source.clone(),
                table: Arc::downgrade(&table),
            });
            table
        })
    }
}

impl Link {
    fn load(engine: &Engine, spec: &Spec, secrets: &Secrets) -> Result<Self, TransformError> {
        let pinned = spec
            .sha256
            .as_deref()
            .map(|sha256| (sha256, spec.name.as_str()));
        let module = Module::load(engine, &spec.module, pinned)?;
        let config = match &spec.config {
            serde_json::Value::Null => "{}".to_owned(),
            config => config.to_string(),
        };
        Ok(Self {
            fingerprint: fingerprint(&module, &config, secrets),
            name: spec.name.as_str().into(),
            module,
            config,
            on_error: spec.on_error,
            tables: spec
                .tables
                .iter()
                .map(|t| t.trim().to_lowercase())
                .collect(),
            counts: Counts::default(),
        })
    }

    /// A configured instance.
    fn start(&self, engine: &Engine, secrets: &Arc<Secrets>) -> Result<Instance, TransformError> {
        let mut instance = Instance::new(engine, &self.module, &self.name, secrets)?;
        match instance.configure(self.config.clone()) {
            Ok(()) => Ok(instance),
            Err(crate::error::Fault::Refused { reason, .. }) => Err(TransformError::Config {
                transform: self.name.to_string(),
                reason,
            }),
            Err(fault) => Err(TransformError::Call {
                transform: self.name.to_string(),
                attempt: "take its configuration",
                table: None,
                fault,
            }),
        }
    }

    /// It is for a table of the source that is called so, or was before an earlier transform.
    pub(crate) fn is_for(&self, source: &TableName, now: &TableName) -> bool {
        self.tables.iter().any(|wanted| {
            wanted == "*"
                || [source, now].into_iter().any(|name| {
                    let table = name.name.to_lowercase();
                    *wanted == table
                        || wanted
                            .strip_suffix(table.as_str())
                            .and_then(|database| database.strip_suffix('.'))
                            .is_some_and(|database| database == name.schema.to_lowercase())
                })
        })
    }
}

/// Four bytes of a keyed hash stand for each key: enough to see that it changed.
fn fingerprint(module: &Module, config: &str, secrets: &Secrets) -> String {
    let mut hash = Sha256::new();
    hash.update(module.facts().sha256.as_bytes());
    hash.update(config.as_bytes());
    if module.hashes() {
        for (name, key) in secrets.iter() {
            hash.update(name.as_bytes());
            if let Ok(mut keyed) = Hmac::<Sha256>::new_from_slice(key) {
                keyed.update(b"fingerprint");
                hash.update(&keyed.finalize().into_bytes()[..4]);
            }
        }
    }
    hex(&hash.finalize()[..16])
}
