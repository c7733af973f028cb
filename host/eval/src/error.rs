//! Why no scenario was run at all.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why no scenario was run. What is wrong with one scenario is part of its
/// report.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EvalError {
    /// There is no such folder.
    #[error("{} is no folder of scenarios", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is nothing to run.
    #[error("{} has no scenario; write a `scenario.toml` into a folder below it", path.display())]
    NoScenario {
        /// The folder that was looked through.
        path: PathBuf,
    },
    /// None of the scenarios is meant.
    #[error("no scenario is called `{only}`; there are: {}", names.join(", "))]
    NoneChosen {
        /// The name that was asked for.
        only: String,
        /// Those that exist.
        names: Vec<String>,
    },
}
