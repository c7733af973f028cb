//! One sign-in, between its begin and its end.

use std::fmt;

use openidconnect::{CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier};
use subtle::ConstantTimeEq as _;
use url::Url;

/// Random bytes of a state and of a nonce.
pub(super) const RANDOM_BYTES: u32 = 32;

/// A sign-in that was begun: what only this host and the browser that began it know.
/// There is one of it, and finishing uses it up.
pub struct Flow {
    pub(super) state: CsrfToken,
    pub(super) nonce: Nonce,
    pub(super) verifier: PkceCodeVerifier,
}

impl Flow {
    /// A sign-in with this state, for whoever stands in for a provider. No real one
    /// takes its answer: nonce and PKCE are new.
    #[must_use]
    pub fn of(state: &str) -> Self {
        Self {
            state: CsrfToken::new(state.to_owned()),
            nonce: Nonce::new_random_len(RANDOM_BYTES),
            verifier: PkceCodeChallenge::new_random_sha256().1,
        }
    }

    /// Whether an answer carries this sign-in's state.
    #[must_use]
    pub fn knows(&self, state: &str) -> bool {
        // How long it takes tells nothing of how much of it is right.
        let own = self.state.secret().as_bytes();
        own.ct_eq(state.as_bytes()).into()
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flow(masked)")
    }
}

/// Where the browser has to go, and what to keep until it comes back.
#[derive(Debug)]
pub struct Begun {
    /// The provider's page.
    pub address: Url,
    /// To finish with.
    pub flow: Flow,
}

/// What a browser brought back from the provider (RFC 6749, 4.1.2; RFC 9207, 2).
#[derive(Clone, Default)]
pub struct Answer {
    /// The authorization code.
    pub code: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(masked)")
    }
}
