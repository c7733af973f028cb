//! Schemathesis: sends what an OpenAPI document allows and what it forbids, and
//! holds each answer to the document.

use std::process::{Command, Stdio};

use crate::error::{Error, Result};
use crate::install;
use crate::process::Folder;

const VERSION: &str = "4.32.5";

/// A run of Schemathesis over one document.
#[derive(Debug, Clone)]
pub struct Schemathesis<'a> {
    /// Where the document is served.
    pub document: &'a str,
    /// The token that every request carries.
    pub token: &'a str,
    /// What else stands in `schemathesis.toml`.
    pub settings: &'a str,
    /// What the same requests are made of again.
    pub seed: u64,
    /// The most requests of each kind for an operation.
    pub examples: u32,
}

impl Schemathesis<'_> {
    /// The pinned version.
    #[must_use]
    pub fn version() -> &'static str {
        VERSION
    }

    /// Run it to its end; its report. Whatever it finds is the error.
    pub async fn run(&self) -> Result<String> {
        let (document, seed, examples) = (self.document.to_owned(), self.seed, self.examples);
        // In a file and not in the arguments, which everybody on the machine sees.
        let settings = format!(
            "headers = {{ Authorization = \"Bearer {}\" }}\n{}",
            self.token, self.settings
        );
        crate::blocking(move || {
            let pin = format!("schemathesis=={VERSION}");
            let installed = install::python(&format!("schemathesis-{VERSION}"), &[&pin])?;
            let folder = Folder::new()?;
            let settings = folder.write("schemathesis.toml", settings)?;
            let mut run: Command = folder.command(installed.join("venv/bin/schemathesis"));
            run.arg("--config-file").arg(settings);
            run.args(["run", &document, "--no-color", "--continue-on-failure"]);
            run.args(["--generation-database", "none"]);
            run.args(["--seed", &seed.to_string()]);
            run.args(["--max-examples", &examples.to_string()]);
            let done = run.stdin(Stdio::null()).output();
            let done = done.map_err(Error::file(installed.join("venv/bin/schemathesis")))?;
            let report = String::from_utf8_lossy(&done.stdout).into_owned();
            if done.status.success() {
                return Ok(report);
            }
            // All of it: a finding's request stands far from the end.
            Err(Error::Command {
                command: "schemathesis run".to_owned(),
                said: report + &String::from_utf8_lossy(&done.stderr),
            })
        })
        .await
    }
}
