//! What can go wrong between a registry and a running server.

use std::path::PathBuf;

/// Why there is no server, or no answer from it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks something that is not installed here.
    #[error("{what} is not here: {help}")]
    Missing {
        /// What is missing.
        what: String,
        /// What to do about it.
        help: String,
    },
    /// A step of an installation or of a server's set-up failed.
    #[error("`{command}` failed: {said}")]
    Command {
        /// The program and its arguments.
        command: String,
        /// The end of what it wrote.
        said: String,
    },
    /// A server ended, or did not answer in time.
    #[error("{system} did not start: {reason}; the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        system: &'static str,
        /// It ended, or the deadline passed.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A request of a judge found no answer.
    #[error("no answer: {0}")]
    Request(#[from] reqwest::Error),
    /// A judge was answered otherwise than it needs.
    #[error("{request} was answered {status}: {body}")]
    Answer {
        /// Method and path.
        request: String,
        /// The status of the answer.
        status: u16,
        /// The start of its body.
        body: String,
    },
}

/// The result of everything here.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err` of a file operation.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// The last lines of a text, for a message.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(30);
    lines.get(from..).unwrap_or_default().join("\n")
}
