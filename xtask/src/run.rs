//! Short external commands: run, and on failure tell what was run and what it said.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// Runs a command and returns what it wrote to stdout; its stderr is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{}`", line(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` ended with {}:\n{}{}",
            line(command),
            output.status,
            text.trim(),
            said.trim()
        );
    }
    Ok(text)
}

/// Runs a command quietly.
pub(crate) fn checked(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs a command whose output belongs to the user; true if it succeeded.
pub(crate) fn visible(command: &mut Command) -> Result<bool> {
    eprintln!("\n$ {}", line(command));
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", line(command)))?;
    Ok(status.success())
}

/// Runs a command with `input` on its stdin and all it says in a log file.
pub(crate) fn with_input(command: &mut Command, input: &[u8], log: &std::path::Path) -> Result<()> {
    use std::io::Write;
    let file = std::fs::File::create(log)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot run `{}`", line(command)))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!(
            "`{}` ended with {status}; its output: {}",
            line(command),
            log.display()
        );
    }
    Ok(())
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
