//! Asking a person before something that cannot be taken back.

use std::io::{self, BufRead as _, IsTerminal as _};

use crate::output;

/// Whether the person types yes. `instead` says what a program does, which has no
/// terminal to be asked in.
pub(crate) fn confirmed(question: &str, instead: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        anyhow::bail!("this is no terminal to ask in; {instead}");
    }
    output::note(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
