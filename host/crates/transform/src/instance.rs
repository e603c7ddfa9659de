//! One instance of a module, and how its calls end.

use std::sync::Arc;

use wasmtime::component::{ComponentNamedList, Instance as Raw, Lift, Lower, TypedFunc};
use wasmtime::{Store, Trap};

use crate::abi;
use crate::abi::v0_1::{Batch, Description, Error, ErrorKind, Plan, ResultBatch, Table};
use crate::engine::{Engine, one_line};
use crate::error::{Fault, TransformError};
use crate::host::Guest;
use crate::module::Module;
use crate::spec::Secrets;
use crate::ticker::TICK;
use crate::words;

/// Ticks that a batch may take: one second.
const BATCH_TICKS: u64 = 100;
/// Ticks of everything else: ten seconds.
const SETUP_TICKS: u64 = 1000;

/// An instance.
pub(crate) struct Instance {
    engine: Engine,
    /// A call did not return: the engine lets nobody in again.
    dead: bool,
    store: Store<Guest>,
    describe: TypedFunc<(), (Description,)>,
    configure: TypedFunc<(String,), (Result<(), Error>,)>,
    plan: TypedFunc<(Table,), (Result<Plan, Error>,)>,
    forget: TypedFunc<(u32,), ()>,
    transform: TypedFunc<(Arc<Batch>,), (Result<ResultBatch, Error>,)>,
}

impl Instance {
    /// Makes an instance.
    pub(crate) fn new(
        engine: &Engine,
        module: &Module,
        transform: &Arc<str>,
        secrets: &Arc<Secrets>,
    ) -> Result<Self, TransformError> {
        let facts = module.facts();
        let guest = Guest::new(transform, secrets, facts.memory_limit);
        let mut store = Store::new(engine.wasmtime(), guest);
        store.limiter(|guest| &mut guest.memory);
        store.set_epoch_deadline(SETUP_TICKS);
        let running = engine.ticker().enter();
        let raw = module.pre.instantiate(&mut store);
        drop(running);
        let raw = raw.map_err(|error| {
            let trapped = error.downcast_ref::<Trap>().is_some() || store.data().memory.denied;
            if trapped {
                TransformError::Call {
                    transform: transform.to_string(),
                    attempt: "start",
                    table: None,
                    fault: fault(&error, &mut store, SETUP_TICKS),
                }
            } else {
                TransformError::Engine {
                    reason: one_line(&error),
                }
            }
        })?;
        let lacks = |reason: String| TransformError::Interface {
            path: facts.path.clone(),
            reason,
        };
        let guest = raw.get_export_index(&mut store, None, abi::GUEST);
        let guest = guest.ok_or_else(|| lacks(format!("no {}", abi::GUEST)))?;
        Ok(Self {
            describe: function(&raw, &mut store, &guest, "describe").map_err(lacks)?,
            configure: function(&raw, &mut store, &guest, "configure").map_err(lacks)?,
            plan: function(&raw, &mut store, &guest, "plan-table").map_err(lacks)?,
            forget: function(&raw, &mut store, &guest, "forget-table").map_err(lacks)?,
            transform: function(&raw, &mut store, &guest, "transform").map_err(lacks)?,
            engine: engine.clone(),
            dead: false,
            store,
        })
    }

    pub(crate) fn describe(&mut self) -> Result<Description, Fault> {
        let function = self.describe;
        self.call(&function, (), SETUP_TICKS).map(|(said,)| said)
    }

    /// Hands over the configuration.
    pub(crate) fn configure(&mut self, config: String) -> Result<(), Fault> {
        let function = self.configure;
        let (answer,) = self.call(&function, (config,), SETUP_TICKS)?;
        answer.map_err(|error| self.refusal(&error))
    }

    pub(crate) fn plan(&mut self, table: Table) -> Result<Plan, Fault> {
        let function = self.plan;
        let (answer,) = self.call(&function, (table,), SETUP_TICKS)?;
        answer.map_err(|error| self.refusal(&error))
    }

    pub(crate) fn forget(&mut self, id: u32) -> Result<(), Fault> {
        let function = self.forget;
        self.call(&function, (id,), SETUP_TICKS)
    }

    /// Hands over a batch. The row is the one that the module blames, if it names one.
    pub(crate) fn transform(
        &mut self,
        batch: &Arc<Batch>,
    ) -> Result<ResultBatch, (Fault, Option<u32>)> {
        let function = self.transform;
        self.store.data_mut().batch = Some(Arc::clone(batch));
        let answer = self.call(&function, (Arc::clone(batch),), BATCH_TICKS);
        let answer = match answer {
            Ok((Ok(result),)) => Ok(result),
            Ok((Err(error),)) => Err((self.refusal(&error), error.row)),
            Err(fault) => Err((fault, None)),
        };
        self.store.data_mut().batch = None;
        answer
    }

    /// Memory that it has now, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().memory.bytes
    }

    fn call<P, R>(&mut self, function: &TypedFunc<P, R>, params: P, ticks: u64) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let running = self.engine.ticker().enter();
        self.store.set_epoch_deadline(ticks);
        let answer = function.call(&mut self.store, params);
        drop(running);
        answer.map_err(|error| {
            self.dead = true;
            fault(&error, &mut self.store, ticks)
        })
    }

    /// A call did not return; the instance is not to be used again.
    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    fn refusal(&self, error: &Error) -> Fault {
        let guest = self.store.data();
        let column = error.column.map(|c| format!(" (column {c})"));
        Fault::Refused {
            reason: guest.clean(&error.message) + &column.unwrap_or_default(),
            retry: error.kind == ErrorKind::Retry,
        }
    }
}

fn function<P, R>(
    raw: &Raw,
    store: &mut Store<Guest>,
    guest: &wasmtime::component::ComponentExportIndex,
    name: &str,
) -> Result<TypedFunc<P, R>, String>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    let found = raw.get_export_index(&mut *store, Some(guest), name);
    let found = found.ok_or_else(|| format!("it does not export `{name}`"))?;
    raw.get_typed_func(store, found)
        .map_err(|error| format!("`{name}` has another type: {}", one_line(&error)))
}

/// What an error of the engine means.
fn fault(error: &wasmtime::Error, store: &mut Store<Guest>, ticks: u64) -> Fault {
    let guest = store.data_mut();
    let last = guest.last_error.take();
    let denied = std::mem::take(&mut guest.memory.denied);
    let Some(trap) = error.downcast_ref::<Trap>() else {
        // lifting or lowering failed: the module gave pointers, text or cases that mean nothing
        return Fault::Answer {
            reason: words::short(&root_cause(error)),
        };
    };
    match trap {
        Trap::Interrupt => Fault::TimeOut {
            milliseconds: u64::try_from(TICK.as_millis()).unwrap_or(u64::MAX) * ticks,
        },
        Trap::StackOverflow => Fault::Stack,
        _ if denied => Fault::Memory {
            limit_bytes: u64::try_from(guest.memory.limit).unwrap_or(u64::MAX),
        },
        trap => {
            let trap = trap.to_string();
            let reason = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
            Fault::Trap {
                reason: match last {
                    Some(last) => format!("{reason}; it said: {last}"),
                    None => reason.to_owned(),
                },
            }
        }
    }
}

/// The last cause; those before it hold addresses and frames.
fn root_cause(error: &wasmtime::Error) -> String {
    error.root_cause().to_string()
}
