//! Questions before something is done that cannot simply be done again.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::ToolsError;

/// Asks on a terminal; off one, only `--yes` answers.
///
/// # Errors
/// [`ToolsError::NotConfirmed`] unless the answer is yes.
pub(crate) fn confirm(yes: bool, question: &str) -> Result<(), ToolsError> {
    if yes {
        return Ok(());
    }
    let refused = || ToolsError::NotConfirmed {
        question: question.to_owned(),
    };
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(refused());
    }
    write!(io::stderr(), "{question} [yes/No] ").map_err(ToolsError::Output)?;
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|_| refused())?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "yes" | "y" => Ok(()),
        _ => Err(refused()),
    }
}
