//! One command, several configurations.

use std::path::Path;

use chameleon_diag::render_error_json;
use serde_json::{Value, json};

use crate::cli::GlobalOptions;
use crate::context::{Context, config_paths};
use crate::error::HostError;
use crate::output::{Exit, Output};
use crate::stop::Stop;

/// What a command came to for one source.
pub(super) struct Outcome {
    pub(super) exit: Exit,
    /// For people, with a line feed; may be empty.
    pub(super) text: String,
    /// For programs; an object, to which configuration and source are added.
    pub(super) value: Value,
}

impl Outcome {
    /// Done, with one line to say and one word for programs.
    pub(super) fn done(line: impl std::fmt::Display, result: &'static str) -> Self {
        Self {
            exit: Exit::Done,
            text: format!("{line}\n"),
            value: json!({ "result": result }),
        }
    }
}

/// Runs a command for each configuration that the options name.
#[derive(Clone, Copy)]
pub(super) struct Each<'a> {
    options: &'a GlobalOptions,
    output: Output,
    /// Say the configurations' warnings.
    warnings: bool,
    /// The command ends at a signal by itself. With JSON it prints one object for each source, when
    /// it is done with it; others print one for all at the end.
    obeys: Option<&'a Stop>,
}

impl<'a> Each<'a> {
    pub(super) fn new(options: &'a GlobalOptions, output: Output) -> Self {
        Self {
            options,
            output,
            warnings: true,
            obeys: None,
        }
    }

    /// For a command that shows the configurations' warnings itself.
    pub(super) fn without_warnings(mut self) -> Self {
        self.warnings = false;
        self
    }

    /// For a command that works long and ends at the first signal by itself.
    pub(super) fn obeying(mut self, stop: &'a Stop) -> Self {
        self.obeys = Some(stop);
        self
    }

    /// Runs the command for each. A failure of one does not keep the others from running.
    ///
    /// # Errors
    /// Where no configuration is named, and where stdout fails.
    pub(super) async fn run(
        self,
        work: impl AsyncFn(&Context) -> Result<Outcome, HostError>,
    ) -> Result<Exit, HostError> {
        let mut worst = Exit::Done;
        let mut values = Vec::new();
        for path in config_paths(self.options)? {
            let (exit, value) = self.one(&path, &work).await?;
            worst = worst.max(exit);
            match self.obeys {
                Some(stop) if stop.requested() => return Ok(worst),
                Some(_) => {}
                None => values.push(value),
            }
        }
        if self.output.json && self.obeys.is_none() {
            self.output
                .print_json(&json!({ "schema_version": 1, "sources": values }))?;
        }
        Ok(worst)
    }

    async fn one(
        self,
        path: &Path,
        work: &impl AsyncFn(&Context) -> Result<Outcome, HostError>,
    ) -> Result<(Exit, Value), HostError> {
        let result = match Context::load(path, self.output) {
            Ok(cx) => {
                if self.warnings {
                    super::warn(&cx);
                }
                let outcome = work(&cx).await;
                outcome.map(|outcome| (cx, outcome))
            }
            Err(error) => Err(error),
        };
        let (cx, outcome) = match result {
            Ok(done) => done,
            Err(error) if error.is_broken_pipe() => return Err(error),
            Err(error) => {
                let mut exit = super::failed(self.output, &error);
                if self.obeys.is_some_and(Stop::requested) {
                    exit = Exit::Interrupted;
                }
                let config = path.display().to_string();
                return Ok((
                    exit,
                    json!({ "config": config, "error": render_error_json(&error) }),
                ));
            }
        };
        let mut value = outcome.value;
        value["config"] = cx.config.name.clone().into();
        value["source"] = cx.name().into();
        if !self.output.json {
            self.output.print(&outcome.text)?;
        } else if self.obeys.is_some() {
            value["schema_version"] = 1.into();
            self.output.print_json(&value)?;
        }
        Ok((outcome.exit, value))
    }
}
