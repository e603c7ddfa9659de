//! What files may not contain or be: too long, ignored tests, traces of the machine they were written on.

use super::{File, Findings};

/// A file of Rust longer than this should be two.
const JUSTIFIED_LINES: usize = 500;

/// A file of Rust longer than this is refused.
const MAX_LINES: usize = 800;

/// Directories of somebody's machine, and registries by their hosts. Written in parts, so that this file is clean.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("/ro", "ot/"), "a directory of one machine"),
    (concat!("/wo", "rk/"), "a directory of one machine"),
    (concat!("static.", "crates.io"), "the host of a registry"),
    (concat!("index.", "crates.io"), "the host of a registry"),
    (
        concat!("registry-1.", "docker.io"),
        "the host of a registry",
    ),
    (concat!("deb.", "debian.org"), "the host of a registry"),
];

/// An attribute that hides a test.
const IGNORED: &str = concat!("#[ig", "nore");

/// Files that name such things because a program wrote them.
const GENERATED: &[&str] = &["Cargo.lock", "sdk/src/bindings.rs"];

pub(super) fn check(files: &[File], findings: &mut Findings) {
    for file in files {
        let path = file.path.to_string_lossy();
        if GENERATED.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if file.is_rust() {
            check_length(file, findings);
        }
        for (number, line) in file.text.lines().enumerate() {
            let place = || format!("{path}:{}", number + 1);
            for (word, why) in FORBIDDEN {
                if line.contains(word) {
                    findings.fault(place(), format!("`{word}` is {why}"));
                }
            }
            if file.is_rust() && line.contains(IGNORED) {
                findings.fault(place(), "a test is fixed or removed, not ignored");
            }
        }
    }
}

fn check_length(file: &File, findings: &mut Findings) {
    let lines = file.text.lines().count();
    if lines > MAX_LINES {
        findings.fault(
            file.path.display(),
            format!("has {lines} lines; at most {MAX_LINES} are allowed"),
        );
    } else if lines > JUSTIFIED_LINES {
        findings.warning(
            file.path.display(),
            format!("has {lines} lines; should it be two files?"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_ignored_tests_and_traces_of_a_machine_are_told() {
        let file = |path: &str, text: String| File {
            path: path.into(),
            text,
        };
        let files = [
            file("a.rs", "\n".repeat(801)),
            file("b.rs", "\n".repeat(501)),
            file("c.rs", format!("{IGNORED}]\n")),
            file("d.md", format!("see {}me\n", FORBIDDEN[0].0)),
            file("Cargo.lock", format!("{}x\n", FORBIDDEN[0].0)),
        ];
        let mut findings = Findings::default();
        check(&files, &mut findings);
        assert_eq!(findings.faults.len(), 3, "{findings:?}");
        assert_eq!(findings.warnings.len(), 1, "{findings:?}");
    }
}
