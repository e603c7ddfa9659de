//! `explain CODE`: the page of an error code.

use chameleon_diag::ErrorCode;
use serde_json::json;

use crate::error::HostError;
use crate::output::{Exit, Output};

pub(super) fn run(code: &str, output: Output) -> Result<Exit, HostError> {
    let Some(entry) = ErrorCode::find(code) else {
        return Err(HostError::UnknownCode {
            code: code.to_owned(),
        });
    };
    if output.json {
        let value = json!({ "schema_version": 1, "code": entry.code, "title": entry.title,
                            "page": entry.page });
        output.print_json(&value)?;
    } else {
        output.print(entry.page)?;
    }
    Ok(Exit::Done)
}
