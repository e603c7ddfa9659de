//! Errors and reports as text and JSON.

use serde_json::{Value, json};

use crate::{Diagnostic, Report, Severity};

/// `error[CAT003]: what: on what`, causes indented, then `hint:` with the next command to type.
/// Ends with a line feed.
pub fn render_error(error: &dyn Diagnostic) -> String {
    let mut text = format!("error[{}]: {error}\n", error.code());
    for cause in causes(error) {
        text.push_str(&format!("  caused by: {cause}\n"));
    }
    if let Some(hint) = error.hint() {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

/// The same as one JSON object: `{"code","message","causes":[...],"hint"}`.
pub fn render_error_json(error: &dyn Diagnostic) -> Value {
    json!({
        "code": error.code().as_str(),
        "message": error.to_string(),
        "causes": causes(error),
        "hint": error.hint(),
    })
}

/// One finding a paragraph: `severity[CODE] object: what` and an indented remedy.
pub fn render_report(report: &Report) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let (code, object, what) = (finding.code, &finding.object, &finding.what);
        text.push_str(&format!("{severity}[{code}] {object}: {what}\n"));
        if !finding.remedy.is_empty() {
            text.push_str(&format!("  remedy: {}\n", finding.remedy));
        }
    }
    text
}

/// The chain below an error, without a cause that only repeats the message above it.
fn causes(error: &dyn Diagnostic) -> Vec<String> {
    let mut above = error.to_string();
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !above.ends_with(&text) {
            causes.push(text.clone());
        }
        above = text;
        next = cause.source();
    }
    causes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCode, codes};

    #[derive(Debug)]
    struct Refused(std::io::Error);

    impl std::fmt::Display for Refused {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("connect to the source: db1:3306")
        }
    }

    impl std::error::Error for Refused {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    impl Diagnostic for Refused {
        fn code(&self) -> ErrorCode {
            codes::SRC001
        }

        fn hint(&self) -> Option<String> {
            Some("chameleon check".into())
        }
    }

    #[test]
    fn an_error_names_code_object_cause_and_next_command() {
        let error = Refused(std::io::Error::other("connection refused"));
        assert_eq!(
            render_error(&error),
            "error[SRC001]: connect to the source: db1:3306\n  \
             caused by: connection refused\nhint: chameleon check\n"
        );
    }
}
