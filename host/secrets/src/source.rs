//! Where values come from.

mod command;
mod environment;
mod file;

use std::fmt;

use async_trait::async_trait;
use zeroize::Zeroizing;

pub use command::CommandSource;
pub use environment::EnvironmentSource;
pub use file::FileSource;

use crate::SourceError;

/// The shortest value that is taken, bytes: a shorter one would be found in every
/// answer, and guessed.
pub const SECRET_BYTES_MIN: usize = 8;

/// The longest value that is taken, bytes.
pub const SECRET_BYTES_MAX: usize = 16 * 1024;

/// Where one secret's value comes from. It is asked again after a short time, so
/// that a value can be exchanged at its source.
#[async_trait]
pub trait Source: Send + Sync {
    /// The value as it is now.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError>;

    /// What it is, for the operator: `environment variable DESK_TOKEN`.
    fn describe(&self) -> String;
}

impl fmt::Debug for dyn Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

/// A value without the line's end that editors and programs put after it, if it
/// can be a secret.
pub(crate) fn checked(mut value: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    if value.len() > SECRET_BYTES_MAX {
        return Err(SourceError::TooLong);
    }
    while value.last().is_some_and(|last| b"\r\n".contains(last)) {
        value.pop();
    }
    match value.len() {
        0 => Err(SourceError::Empty),
        length if length < SECRET_BYTES_MIN => Err(SourceError::TooShort),
        _ => Ok(value),
    }
}

/// Room for a value of any size that is taken: a buffer that grows leaves copies
/// behind that nobody wipes.
pub(crate) fn room() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(SECRET_BYTES_MAX + 2))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn values_that_cannot_be_secrets_are_refused() {
        let check = |value: &[u8]| checked(Zeroizing::new(value.to_vec()));
        assert!(matches!(check(b""), Err(SourceError::Empty)));
        assert!(matches!(check(b"\r\n"), Err(SourceError::Empty)));
        assert!(matches!(check(b"1234567\n"), Err(SourceError::TooShort)));
        assert_eq!(**check(b"12345678\r\n").unwrap(), *b"12345678");
        let long = vec![b'x'; SECRET_BYTES_MAX + 1];
        assert!(matches!(check(&long), Err(SourceError::TooLong)));
    }
}
