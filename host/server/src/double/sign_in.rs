//! A provider and passwords of the double: codes and passwords name their person.

use std::collections::BTreeSet;

use async_trait::async_trait;
use tollgate_runtime::{
    OidcAnswer, OidcBegun, OidcFlow, Principal, PrincipalKind, Proof, ProvedBy, Tenant,
};
use zeroize::Zeroizing;

use super::{Double, principal};
use crate::gatekeeper::{Refusal, SignIn};

/// The state of every sign-in.
pub(crate) const STATE: &str = "the-state-of-this-sign-in";

/// The code that stands for Mira.
pub(crate) const CODE: &str = "code-of-mira";

/// Mira's password.
pub(crate) const PASSWORD: &str = "correct horse battery";

fn proof(name: &str) -> Proof {
    let by = ProvedBy::Oidc {
        issuer: "https://login.example".to_owned(),
        subject: format!("sub:{name}"),
        groups: BTreeSet::new(),
    };
    Proof::new(&Tenant::default(), name, by)
}

#[async_trait]
impl SignIn for Double {
    fn provider(&self) -> Option<String> {
        Some("login.example".to_owned())
    }

    async fn begin_oidc(&self) -> Result<OidcBegun, Refusal> {
        if self.is_revoked("provider") {
            return Err(Refusal::new(
                "unavailable",
                "the sign-in provider gives no answer",
            ));
        }
        let address = format!("https://login.example/authorize?state={STATE}");
        let address = address
            .parse()
            .map_err(|_| Refusal::new("failed", "no address"))?;
        let flow = OidcFlow::of(STATE);
        Ok(OidcBegun { address, flow })
    }

    async fn finish_oidc(&self, flow: OidcFlow, answer: OidcAnswer) -> Result<Proof, Refusal> {
        assert!(flow.knows(STATE), "only what was begun is finished");
        match answer.code.as_deref() {
            Some(CODE) => Ok(proof("mira")),
            Some("code-of-a-bot") => Ok(proof("bot")),
            _ => Err(Refusal::new(
                "not_signed_in",
                "the sign-in provider refused",
            )),
        }
    }

    async fn sign_in_by_password(
        &self,
        tenant: &str,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Proof, Refusal> {
        match (tenant, name, password.as_str()) {
            ("default", "mira", PASSWORD) => Ok(proof("mira")),
            _ => Err(Refusal::new(
                "not_signed_in",
                "these do not belong together",
            )),
        }
    }

    async fn proved(&self, proof: &Proof) -> Result<Principal, Refusal> {
        if self.is_revoked(proof.name()) {
            return Err(Refusal::new("not_signed_in", "this sign-in counts no more"));
        }
        let kind = match proof.name() {
            "bot" => PrincipalKind::Agent,
            _ => PrincipalKind::Person,
        };
        Ok(principal(proof.name(), kind))
    }
}
