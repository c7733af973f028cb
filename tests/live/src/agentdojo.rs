//! AgentDojo: tasks and attacks for agents, each with the calls that carry it out.
//! Debenedetti et al. 2024, arXiv 2406.13352.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::install;

const VERSION: &str = "0.1.35";

/// An installed package, beside it an interpreter that knows it.
#[derive(Debug)]
pub struct AgentDojo {
    python: PathBuf,
}

impl AgentDojo {
    /// The pinned version.
    #[must_use]
    pub fn version() -> &'static str {
        VERSION
    }

    /// Install it, if it is not there yet.
    ///
    /// # Errors
    /// When Python or the package cannot be had.
    pub async fn install() -> Result<Self> {
        crate::blocking(|| {
            let pin = format!("agentdojo=={VERSION}");
            let installed = install::python(&format!("agentdojo-{VERSION}"), &[&pin])?;
            let python = installed.join("venv/bin/python");
            Ok(Self { python })
        })
        .await
    }

    /// Run a Python program that uses the package; what it writes to standard output.
    ///
    /// # Errors
    /// When the program does not end well.
    pub async fn run<const N: usize>(&self, arguments: [&Path; N]) -> Result<String> {
        let mut python = Command::new(&self.python);
        // Nothing beside the sources: no compiled files, no settings of the caller.
        python.args(["-E", "-B"]).args(arguments);
        python.stdin(Stdio::null());
        crate::blocking(move || {
            let command = format!("{python:?}");
            let done = python.output().map_err(Error::file(python.get_program()))?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            if done.status.success() {
                return Ok(text(&done.stdout));
            }
            let said = text(&done.stdout) + &text(&done.stderr);
            Err(Error::Command { command, said })
        })
        .await
    }
}
