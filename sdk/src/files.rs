//! Directories that the manifest names. A path is relative to one of them,
//! parts divided by `/`; the host refuses `..`, absolute paths and links that
//! lead outside.

use crate::bindings::tollgate::connector::files as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::files::{Content, Entry, Expected};

/// Why a call did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// The file is not as expected; read it again.
    #[error("the file is not as expected: someone else changed it")]
    Conflict,
    /// The path is not one that can be named.
    #[error("this path cannot be named: {0}")]
    InvalidPath(String),
    /// The file is larger than the grant allows, in bytes.
    #[error("the file is larger than the {0} bytes that the manifest allows")]
    TooLarge(u64),
    /// The system's answer.
    #[error("the file system answered: {0}")]
    Failed(String),
}

/// Reads a whole file.
///
/// # Errors
/// The host refused the call, or the file is missing or too large.
pub fn read(directory: &str, path: &str) -> Result<Content, Error> {
    Ok(wire::read(directory, path)?)
}

/// Writes a whole file, all or nothing. The answer is its new version.
///
/// # Errors
/// The host refused the call, or the file is not as expected or too large.
pub fn write(
    directory: &str,
    path: &str,
    bytes: impl AsRef<[u8]>,
    expected: &Expected,
) -> Result<String, Error> {
    Ok(wire::write(directory, path, bytes.as_ref(), expected)?)
}

/// Removes a file.
///
/// # Errors
/// The host refused the call, or the file is missing or not as expected.
pub fn remove(directory: &str, path: &str, expected: &Expected) -> Result<(), Error> {
    Ok(wire::remove(directory, path, expected)?)
}

/// The files that the manifest lets this connector read, in order, at most
/// 1000.
///
/// # Errors
/// The host refused the call.
pub fn list(directory: &str) -> Result<Vec<Entry>, Error> {
    Ok(wire::list(directory)?)
}

from_wire!(
    NotFound,
    Conflict,
    InvalidPath(reason),
    TooLarge(allowed),
    Failed(answer)
);

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::NotFound => Self::not_found(message),
            Error::Conflict => Self::conflict(message).hint("read it again"),
            Error::TooLarge(_) => Self::limited(message),
            Error::InvalidPath(_) | Error::Failed(_) => Self::failed(message),
        }
    }
}
