//! The WebAssembly engine: one for the process.

use std::path::Path;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::cache::Cache;
use crate::error::TransformError;
use crate::host::{self, Guest};
use crate::ticker::Ticker;

/// Memory of a module that is small.
pub(crate) const MEMORY: usize = 64 << 20;
/// Memory of a module that brings an interpreter with it.
pub(crate) const LARGE_MEMORY: usize = 256 << 20;
/// A component from this size on has the large memory.
pub(crate) const LARGE_MODULE: usize = 2 << 20;
/// Stack of a call.
const STACK: usize = 512 << 10;
/// Instances at once: transforms times workers.
const INSTANCES: u32 = 128;
/// Core modules of one component; those of Python have some twenty.
const CORE_INSTANCES: u32 = 48;

/// Compiles modules and makes instances. Cheap to clone.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<Guest>,
    cache: Cache,
    ticker: Ticker,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine that keeps compiled code in `cache_dir`, which is made with mode 0700 where it is
    /// missing. Address space is reserved, no memory is taken.
    ///
    /// # Errors
    /// TRF008 where the directory is not this user's alone, TRF009 where there is no address space.
    pub fn new(cache_dir: &Path) -> Result<Self, TransformError> {
        let broken = |error: wasmtime::Error| TransformError::Engine {
            reason: one_line(&error),
        };
        let engine = wasmtime::Engine::new(&config()).map_err(broken)?;
        let cache = Cache::open(cache_dir, &engine)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(broken)?;
        let ticker = Ticker::start(engine.clone()).map_err(|error| TransformError::Engine {
            reason: error.to_string(),
        })?;
        Ok(Self(Arc::new(Inner {
            engine,
            linker,
            cache,
            ticker,
        })))
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.engine
    }

    pub(crate) fn linker(&self) -> &Linker<Guest> {
        &self.0.linker
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.0.cache
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.0.ticker
    }
}

fn config() -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 8)
        .total_memories(INSTANCES)
        .total_tables(INSTANCES * 4)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(2)
        .max_tables_per_component(16)
        .max_tables_per_module(16)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(64 << 10)
        .max_memory_size(LARGE_MEMORY)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .cranelift_opt_level(OptLevel::Speed)
        // the same bits on every machine, or a replay would not give the same rows
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .memory_init_cow(true)
        .wasm_memory64(false);
    config
}

/// An error of the engine as one line; causes behind colons.
pub(crate) fn one_line(error: &wasmtime::Error) -> String {
    let text = format!("{error:#}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
