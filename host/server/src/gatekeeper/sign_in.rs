//! What the pages need to sign people in without a token.

use async_trait::async_trait;
use tollgate_runtime::{OidcAnswer, OidcBegun, OidcFlow, Principal, Proof};
use zeroize::Zeroizing;

use super::Refusal;

/// Signing in at a provider or by a password, as the pages see it.
#[async_trait]
pub trait SignIn: Send + Sync + 'static {
    /// The name of the provider's host, where people can sign in at one.
    fn provider(&self) -> Option<String>;
    /// Where to send a browser, and what to keep for it until it comes back.
    async fn begin_oidc(&self) -> Result<OidcBegun, Refusal>;
    /// Who the provider says it is. The flow is used up.
    async fn finish_oidc(&self, flow: OidcFlow, answer: OidcAnswer) -> Result<Proof, Refusal>;
    /// Who knows this password.
    async fn sign_in_by_password(
        &self,
        tenant: &str,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Proof, Refusal>;
    /// Who has this proof now.
    async fn proved(&self, proof: &Proof) -> Result<Principal, Refusal>;
}
