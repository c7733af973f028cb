//! Who acts.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

use crate::StoreError;

states! {
    /// What a principal is.
    PrincipalKind {
        /// A human being. Only people approve.
        Person = "person",
        /// An agent.
        Agent = "agent",
        /// A program that is no agent.
        Service = "service",
        /// Who runs the host.
        Operator = "operator",
    }
}

/// Who acts.
#[derive(Clone, PartialEq, Eq)]
pub struct PrincipalRow {
    /// Its identifier, unique in the tenant.
    pub id: String,
    /// Whose principal.
    pub tenant: Tenant,
    /// For people to read.
    pub name: String,
    /// What it is.
    pub kind: PrincipalKind,
    /// Groups it belongs to.
    pub groups: Vec<String>,
    /// Keyed hash of its token; the token itself is nowhere.
    pub token_hash: [u8; 32],
    /// When it was made, Unix milliseconds.
    pub created_ms: u64,
    /// When its token stopped to count, if it did.
    pub revoked_ms: Option<u64>,
    /// The Ed25519 public key that its decisions are signed with, where one is
    /// registered. A row that is put without one leaves the known one: a new token
    /// must not take the need for a signature away.
    pub public_key: Option<[u8; 32]>,
    /// Who a person is at a provider of OpenID Connect, where they sign in there. A
    /// row that is put without one leaves the known one.
    pub oidc: Option<OidcName>,
    /// The hash of a person's password, with its parameters and its salt (a PHC
    /// string). A row that is put without one leaves the known one.
    pub password: Option<String>,
}

/// Who somebody is at a provider of OpenID Connect. A name is one of its issuer's: the
/// same name at another provider is somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcName {
    /// Who says so.
    pub issuer: String,
    /// The name there.
    pub subject: String,
}

impl std::fmt::Debug for PrincipalRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrincipalRow")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("groups", &self.groups)
            .field("token_hash", &"[masked]")
            .field("created_ms", &self.created_ms)
            .field("revoked_ms", &self.revoked_ms)
            .field("public_key", &self.public_key.map(hex::encode))
            .field("oidc", &self.oidc)
            .field("password", &self.password.as_ref().map(|_| "[masked]"))
            .finish()
    }
}
