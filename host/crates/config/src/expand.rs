//! `${NAME}` in values and `~` in paths.

use std::path::PathBuf;

use chameleon_diag::codes;

use crate::faults::Faults;
use crate::yaml::{Kind, Node};

/// Puts environment variables in. `$${NAME}` stands for the text `${NAME}`; braces around anything
/// that is not a name stay as they are. Returns the text and whether a variable was put in, or the
/// names that are not set.
pub(crate) fn variables(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, bool), Vec<String>> {
    let mut out = String::with_capacity(text.len());
    let mut missing = Vec::new();
    let mut expanded = false;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, braced) = (&rest[..at], &rest[at..]);
        let Some(name) = name_in_braces(braced) else {
            out.push_str(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        let length = name.len() + 3;
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str(&braced[..length]);
        } else {
            out.push_str(before);
            expanded = true;
            match env(name) {
                Some(value) => out.push_str(&value),
                None => missing.push(name.to_owned()),
            }
        }
        rest = &braced[length..];
    }
    out.push_str(rest);
    if missing.is_empty() {
        Ok((out, expanded))
    } else {
        Err(missing)
    }
}

/// `NAME` of a text that begins with `${NAME}`.
fn name_in_braces(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix("${")?.split_once('}')?;
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (first && rest).then_some(name)
}

/// Reports variables that are not set.
pub(crate) fn report(faults: &Faults<'_>, key: &str, line: usize, missing: &[String]) {
    for name in missing {
        faults.error(
            codes::CFG006,
            key,
            line,
            format!("the environment variable {name} is not set"),
            format!("set {name}; where the text itself is meant, write $${{{name}}}"),
        );
    }
}

/// The scalar is made of variables that are set and empty.
pub(crate) fn is_only_empty(node: &Node, faults: &Faults<'_>) -> bool {
    let Kind::Scalar { text, .. } = &node.kind else {
        return false;
    };
    variables(text, faults.env).is_ok_and(|(text, _)| text.is_empty())
}

/// Resolves `~` and `~/...`.
pub(crate) fn home(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf, String> {
    let Some(rest) = text.strip_prefix('~') else {
        return Ok(PathBuf::from(text));
    };
    let rest = match rest.strip_prefix('/') {
        Some(rest) => rest,
        None if rest.is_empty() => "",
        None => return Err("the home directory of another user is not looked up".into()),
    };
    let home = env("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or("`~` cannot be resolved, because HOME is not set")?;
    Ok(PathBuf::from(home).join(rest.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/ada".into()),
            "A" => Some("1 ${B}".into()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_put_in_once_and_can_be_escaped() {
        let check = |text: &str, expect: Result<(&str, bool), &[&str]>| {
            let found = variables(text, &env);
            let expect = expect
                .map(|(t, e)| (t.to_owned(), e))
                .map_err(|names| names.iter().map(|n| (*n).to_owned()).collect());
            assert_eq!(found, expect, "{text}");
        };
        check("no $ {A} here $", Ok(("no $ {A} here $", false)));
        check("<${A}>", Ok(("<1 ${B}>", true)));
        check("$${A}${EMPTY}", Ok(("${A}", true)));
        check("${1}${}${a-b}${", Ok(("${1}${}${a-b}${", false)));
        check("${B}${A}${C}", Err(&["B", "C"]));
        check("${${A}}", Ok(("${1 ${B}}", true)));
        check("ä${A}ö", Ok(("ä1 ${B}ö", true)));
    }

    #[test]
    fn the_tilde_is_the_home_directory() {
        let check = |text: &str, expect: Option<&str>| {
            let found = home(text, &env).ok();
            assert_eq!(found, expect.map(PathBuf::from), "{text}");
        };
        check("~", Some("/home/ada"));
        check("~/x", Some("/home/ada/x"));
        check("/a/~b", Some("/a/~b"));
        check("~bob/x", None);
        assert!(home("~", &|_| None).is_err());
    }
}
