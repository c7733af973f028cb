//! Typed values that the operator fixed under `[config]` in the manifest. A
//! change of the manifest never changes a run that is already open.

use serde::de::DeserializeOwned;

use crate::bindings::tollgate::connector::config as wire;
use crate::{Refusal, ToolError};

/// Why there is no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused the call.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The manifest has no such key.
    #[error("the manifest has no value `{0}` under [config]")]
    Missing(String),
    /// The value is of another type.
    #[error("the value `{key}` under [config] in the manifest does not fit: {message}")]
    Unfit {
        /// The key.
        key: String,
        /// What does not fit.
        message: String,
    },
}

/// The value of a key, or nothing where the manifest has none.
///
/// # Errors
/// The host refused the call, or the value is of another type.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Error> {
    let Some(text) = wire::get(key).map_err(Refusal::from)? else {
        return Ok(None);
    };
    parse(key, &text).map(Some)
}

/// The value of a key that the connector cannot do without.
///
/// # Errors
/// As for [`get`], and when the manifest has no such key.
pub fn require<T: DeserializeOwned>(key: &str) -> Result<T, Error> {
    get(key)?.ok_or_else(|| Error::Missing(key.to_owned()))
}

fn parse<T: DeserializeOwned>(key: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Unfit {
        key: key.to_owned(),
        message: error.to_string(),
    })
}

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::Missing(_) | Error::Unfit { .. } => {
                Self::failed(error.to_string()).hint("the operator can correct the manifest")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn a_value_of_another_type_names_its_key() {
        let error = ToolError::from(parse::<u32>("workbook", "\"x\"").unwrap_err());
        assert!(
            error
                .message()
                .starts_with("the value `workbook` under [config]"),
            "{error}"
        );
        assert!(matches!(error, ToolError::Failed(failure) if failure.hint.is_some()));
    }
}
