//! `set_configuration_files`: directories and the example.

use chameleon_config::{ExampleFile, Home};
use serde_json::json;

use crate::cli::GlobalOptions;
use crate::error::HostError;
use crate::output::{Exit, Output};

pub(super) fn run(options: &GlobalOptions, output: Output) -> Result<Exit, HostError> {
    let home = Home::resolve(options.home.as_deref())?;
    let example = home.create_with_example()?;
    let path = home.example_path();
    let (result, says) = match example {
        ExampleFile::Written => ("written", "written"),
        ExampleFile::Updated => ("updated", "brought up to date"),
        ExampleFile::UpToDate => ("up_to_date", "up to date"),
        ExampleFile::KeptChanged => ("kept", "kept as it is, because somebody has changed it"),
    };
    if output.json {
        let value = json!({ "schema_version": 1, "home": home.path(), "example": path,
                            "result": result });
        output.print_json(&value)?;
    } else {
        output.print(&format!("{}: {says}\n", path.display()))?;
    }
    Ok(Exit::Done)
}
