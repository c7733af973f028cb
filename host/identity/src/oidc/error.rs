//! Why nobody was signed in.

use thiserror::Error;
use tollgate_egress::EgressError;
use tollgate_secrets::SecretError;

/// Why nobody was signed in. No message has a word of the provider's in it, a code, a
/// token or a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The provider was not reached, or not allowed to be.
    #[error("the sign-in provider gave no answer: {0}")]
    Unreachable(#[from] EgressError),
    /// What the provider says of itself cannot be used. The operator's to settle.
    #[error("the sign-in provider cannot be used: {0}")]
    Unfit(&'static str),
    /// The client's secret cannot be used now. The operator's to settle.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The provider did not sign the person in.
    #[error("the sign-in provider refused: {0}")]
    Refused(&'static str),
    /// The answer is not one to what was asked, or from another provider.
    #[error("this answer is not one that was asked for: {0}")]
    Foreign(&'static str),
    /// The ID token proves nothing.
    #[error("the sign-in provider's ID token is not taken: {0}")]
    Token(&'static str),
}

impl OidcError {
    /// Whether the same may work later, without anybody doing something.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }
}
