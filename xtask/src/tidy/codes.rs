//! Every error code has its page, and every page a code.

use std::{collections::BTreeSet, path::Path};

use super::{File, Findings};

const CODES: &str = "host/crates/diag/src/codes";
const PAGES: &str = "host/crates/diag/pages";

pub(super) fn check(files: &[File], findings: &mut Findings) {
    let mut codes = BTreeSet::new();
    for file in files
        .iter()
        .filter(|file| file.path.starts_with(CODES) && file.is_rust())
    {
        for code in file.text.lines().filter_map(declared) {
            if !codes.insert(code.to_owned()) {
                findings.fault(file.path.display(), format!("{code} stands twice"));
            }
        }
    }
    let mut pages = BTreeSet::new();
    for file in files.iter().filter(|file| file.path.starts_with(PAGES)) {
        let code = file
            .path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        check_page(file, &code, findings);
        pages.insert(code);
    }
    for code in codes.difference(&pages) {
        findings.fault(
            Path::new(PAGES).join(format!("{code}.md")).display(),
            "is missing",
        );
    }
    for page in pages.difference(&codes) {
        findings.fault(format!("{PAGES}/{page}.md"), "belongs to no code");
    }
}

fn check_page(file: &File, code: &str, findings: &mut Findings) {
    if !file.text.starts_with(&format!("# {code}: ")) {
        findings.fault(
            file.path.display(),
            format!("does not begin with `# {code}: `"),
        );
    }
    if !file.text.lines().any(|line| line == "## What to do") {
        findings.fault(file.path.display(), "has no section `## What to do`");
    }
}

/// The code that a line of the table declares: `SRC001 WithBackoff "…";`.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let (code, rest) = line.split_at_checked(6)?;
    let (letters, digits) = code.split_at(3);
    let is_code = letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_code && rest.starts_with(' ')).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_code_without_page_and_a_page_without_code_are_told() {
        let files = [
            file(
                "host/crates/diag/src/codes/tls.rs",
                "codes! {\n    TLS001 Never \"a\";\n    TLS002 Never \"b\";\n}",
            ),
            file(
                "host/crates/diag/pages/TLS001.md",
                "# TLS001: a\n\n## What to do\n",
            ),
            file("host/crates/diag/pages/TLS009.md", "# TLS009: x\n"),
        ];
        let mut findings = Findings::default();
        check(&files, &mut findings);
        assert_eq!(
            findings.faults,
            [
                "host/crates/diag/pages/TLS009.md: has no section `## What to do`",
                "host/crates/diag/pages/TLS002.md: is missing",
                "host/crates/diag/pages/TLS009.md: belongs to no code",
            ]
        );
    }
}
