//! A value in the host's environment.

use std::os::unix::ffi::OsStringExt as _;

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{Source, checked};
use crate::SourceError;

/// An environment variable of the host's process.
pub struct EnvironmentSource {
    name: String,
}

impl EnvironmentSource {
    /// The variable of this name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

#[async_trait]
impl Source for EnvironmentSource {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let value = std::env::var_os(&self.name);
        let value = value.ok_or_else(|| SourceError::Missing(self.describe()))?;
        checked(Zeroizing::new(value.into_vec()))
    }

    fn describe(&self) -> String {
        format!("environment variable {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn a_variable_is_read_and_a_missing_one_is_named() {
        let path = EnvironmentSource::new("PATH").read().await.unwrap();
        assert_eq!(
            path.as_slice(),
            std::env::var("PATH").unwrap().trim_end().as_bytes()
        );
        let missing = EnvironmentSource::new("TOLLGATE_NOT_THERE").read().await;
        assert_eq!(
            missing.unwrap_err().to_string(),
            "environment variable TOLLGATE_NOT_THERE is not there"
        );
    }
}
