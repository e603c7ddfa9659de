//! Between the generated bindings and the trait: what [`crate::export`] puts behind the module's exports.

use std::collections::BTreeMap;

use crate::{
    Error, Rows, Table, Transform,
    bindings::chameleon::transform::types as wit,
    host,
    input::Batch,
    layout::Layout,
    planner::{Applied, Kind},
};

/// A configured transform with the tables it planned for.
pub struct Runner<T: Transform> {
    transform: T,
    tables: BTreeMap<u32, Bound<T>>,
}

struct Bound<T: Transform> {
    layout: Layout,
    state: T::Table,
}

impl<T: Transform> Runner<T> {
    /// What the host shows of the transform.
    pub fn describe() -> wit::Description {
        wit::Description {
            name: T::NAME.into(),
            version: T::VERSION.into(),
            config_schema: T::config_schema().map(Into::into),
        }
    }

    /// Takes the configuration as JSON; an empty text is an empty object.
    ///
    /// # Errors
    /// A configuration error that names the place in the document.
    pub fn configure(config: &str) -> Result<Self, Error> {
        let text = match config.trim() {
            "" | "null" => "{}",
            text => text,
        };
        let config = serde_json::from_str(text).map_err(|error| {
            // The line of a document that nobody wrote as such tells nothing.
            let message = error.to_string();
            let end = message.find(" at line ").unwrap_or(message.len());
            Error::config(format!(
                "the configuration of `{}`: {}",
                T::NAME,
                &message[..end]
            ))
        })?;
        Ok(Runner {
            transform: T::new(config)?,
            tables: BTreeMap::new(),
        })
    }

    /// Plans for a table.
    ///
    /// # Errors
    /// Those of the transform.
    pub fn plan_table(&mut self, table: wit::Table) -> Result<wit::Plan, Error> {
        let table = Table::from(table);
        self.tables.remove(&table.id);
        let plan = self.transform.plan(&table)?;
        Ok(match plan.kind {
            Kind::Pass => wit::Plan::Pass,
            Kind::Exclude => wit::Plan::Exclude,
            Kind::Apply(applied) => {
                let Applied {
                    plan,
                    layout,
                    state,
                } = *applied;
                self.tables.insert(table.id, Bound { layout, state });
                wit::Plan::Apply(plan)
            }
        })
    }

    /// Forgets a version of a table.
    pub fn forget_table(&mut self, id: u32) {
        self.tables.remove(&id);
    }

    /// Transforms a batch.
    ///
    /// # Errors
    /// Those of the transform; a fatal one if the table was never planned.
    pub fn transform(&mut self, batch: wit::Batch) -> Result<wit::ResultBatch, Error> {
        let Some(bound) = self.tables.get(&batch.table) else {
            let message = format!("table {} was not planned", batch.table);
            return Err(Error::fatal(message));
        };
        let batch = Batch::load(batch, &bound.layout)?;
        let mut rows = Rows::new(&bound.layout, &batch);
        self.transform.transform(&bound.state, &mut rows)?;
        rows.finished()
    }
}

/// Tells the host of a panic before the instance ends.
pub fn install_panic_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            host::log(host::Level::Error, &panic.to_string());
        }));
    });
}

/// The error of a call that comes before `configure`.
pub fn not_configured() -> Error {
    Error::fatal("the transform was not configured")
}

/// Makes a type that implements [`crate::Transform`] the transform of this module: written once, at the crate's root.
#[macro_export]
#[rustfmt::skip]
macro_rules! export {
    ($transform:ty) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use ::std::{cell::RefCell, result::Result, string::String, thread_local};
            use $crate::{
                bindings::{
                    chameleon::transform::types as wit, exports::chameleon::transform::guest::Guest,
                },
                guest::{Runner, install_panic_hook, not_configured},
            };

            thread_local! {
                static RUNNER: RefCell<Option<Runner<$transform>>> = const { RefCell::new(None) };
            }

            struct Exported;

            impl Guest for Exported {
                fn describe() -> wit::Description {
                    install_panic_hook();
                    Runner::<$transform>::describe()
                }

                fn configure(config: String) -> Result<(), wit::Error> {
                    install_panic_hook();
                    let runner = Runner::configure(&config)?;
                    RUNNER.with(|own| *own.borrow_mut() = Some(runner));
                    Ok(())
                }

                fn plan_table(table: wit::Table) -> Result<wit::Plan, wit::Error> {
                    RUNNER.with(|own| match own.borrow_mut().as_mut() {
                        Some(runner) => Ok(runner.plan_table(table)?),
                        None => Err(not_configured().into()),
                    })
                }

                fn forget_table(id: u32) {
                    RUNNER.with(|own| {
                        if let Some(runner) = own.borrow_mut().as_mut() {
                            runner.forget_table(id);
                        }
                    });
                }

                fn transform(batch: wit::Batch) -> Result<wit::ResultBatch, wit::Error> {
                    RUNNER.with(|own| match own.borrow_mut().as_mut() {
                        Some(runner) => Ok(runner.transform(batch)?),
                        None => Err(not_configured().into()),
                    })
                }
            }

            $crate::bindings::export_guest!(Exported with_types_in $crate::bindings);
        };
    };
}
