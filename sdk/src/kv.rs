//! A small store that the host keeps, apart for every tenant. The manifest
//! names each store and its quota.

use crate::bindings::tollgate::connector::kv as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::kv::{Entry, Expected};

/// Why a call did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key is not as expected; read it again.
    #[error("the key is not as expected: someone else changed it")]
    Conflict,
    /// A key is 1 to 256 bytes of text, a value at most 64 KiB.
    #[error("the host cannot store this: {0}")]
    Invalid(String),
    /// The store's quota, in bytes, is reached.
    #[error("the store is full, its quota is {0} bytes")]
    Full(u64),
}

/// The value of a key, or nothing.
///
/// # Errors
/// The host refused the call, or the key is none.
pub fn get(store: &str, key: &str) -> Result<Option<Entry>, Error> {
    Ok(wire::get(store, key)?)
}

/// Writes a value. The answer is its new version.
///
/// # Errors
/// The host refused the call, the key is not as expected, or the value does
/// not fit.
pub fn set(
    store: &str,
    key: &str,
    value: impl AsRef<[u8]>,
    expected: &Expected,
) -> Result<String, Error> {
    Ok(wire::set(store, key, value.as_ref(), expected)?)
}

/// Removes a key. Removing one that is not there is not an error.
///
/// # Errors
/// The host refused the call, or the key is not as expected.
pub fn delete(store: &str, key: &str, expected: &Expected) -> Result<(), Error> {
    Ok(wire::delete(store, key, expected)?)
}

/// The keys that begin with `prefix`, in order, at most 1000.
///
/// # Errors
/// The host refused the call.
pub fn keys(store: &str, prefix: &str) -> Result<Vec<String>, Error> {
    Ok(wire::keys(store, prefix)?)
}

from_wire!(Conflict, Invalid(reason), Full(quota));

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Conflict => Self::conflict(message).hint("read it again"),
            Error::Invalid(_) => Self::failed(message),
            Error::Full(_) => Self::limited(message).hint("remove what is no longer needed"),
        }
    }
}
