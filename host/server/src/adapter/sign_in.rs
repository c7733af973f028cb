//! Signing in, at the host itself.

use async_trait::async_trait;
use tollgate_runtime::{
    Host, OidcAnswer, OidcBegun, OidcError, OidcFlow, PasswordError, Principal, Proof, SignInError,
    Tenant,
};
use zeroize::Zeroizing;

use crate::gatekeeper::{Refusal, SignIn};

#[async_trait]
impl SignIn for Host {
    fn provider(&self) -> Option<String> {
        self.sign_in_provider()
    }

    async fn begin_oidc(&self) -> Result<OidcBegun, Refusal> {
        Ok(Host::begin_oidc(self).await?)
    }

    async fn finish_oidc(&self, flow: OidcFlow, answer: OidcAnswer) -> Result<Proof, Refusal> {
        Ok(Host::finish_oidc(self, flow, answer).await?)
    }

    async fn sign_in_by_password(
        &self,
        tenant: &str,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Proof, Refusal> {
        // No tenant can have the name, which is no secret: nobody is in it.
        let tenant = Tenant::new(tenant).map_err(|_| SignInError::WrongPassword)?;
        Ok(Host::sign_in_by_password(self, &tenant, name, password).await?)
    }

    async fn proved(&self, proof: &Proof) -> Result<Principal, Refusal> {
        Ok(Host::proved(self, proof).await?)
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match &error {
            SignInError::NoProvider => Self::new("not_found", error.to_string()),
            SignInError::Unavailable(_) => Self::new("unavailable", error.to_string()),
            SignInError::Unregistered(_) => Self::new("not_signed_in", error.to_string())
                .with_hint("Tell the operator this name, who registers it for you."),
            SignInError::Oidc(error) => provider(error),
            SignInError::Password(PasswordError::Busy) => Self::new("limited", error.to_string())
                .with_hint("Wait a moment and try again, or use your token."),
            SignInError::Password(_) => Self::new("unavailable", error.to_string()),
            _ => Self::new("not_signed_in", error.to_string()),
        }
    }
}

/// Whoever is there is nobody yet. What is the operator's business is told to the
/// operator: an address, a secret's name.
fn provider(error: &OidcError) -> Refusal {
    tracing::warn!(%error, "somebody was not signed in");
    match error {
        OidcError::Unreachable(_) => {
            let said = "the sign-in provider gives no answer";
            Refusal::new("unavailable", said).with_hint("Try again later, or use your token.")
        }
        OidcError::Unfit(_) | OidcError::Secret(_) => {
            let said = "the sign-in provider cannot be used";
            Refusal::new("unavailable", said)
                .with_hint("The operator finds the reason in the host's log.")
        }
        _ => Refusal::new("not_signed_in", error.to_string()).with_hint("Sign in again."),
    }
}
