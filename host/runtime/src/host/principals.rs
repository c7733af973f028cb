//! Who may call: adding principals, and telling whose token one is.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tollgate_policy::decision::PublicKey;
use tollgate_store::PrincipalRow;

use super::{Host, Inner};
use crate::api::{Principal, PrincipalKind};
use crate::error::{AuthError, HostError};
use crate::home::new_token;
use crate::names;

/// How long an established principal is believed without asking the store: a
/// token that another process revokes stops to count within this time.
const PRINCIPAL_FOR: Duration = Duration::from_secs(1);

/// Principals kept in memory. Beyond it all are asked for again.
const PRINCIPALS_MAX: usize = 10_000;

impl Host {
    /// Add a principal. The answer is its token, which is kept nowhere: the
    /// store has only its hash.
    ///
    /// # Errors
    ///
    /// When the store refuses or is not there.
    pub async fn add_principal(&self, principal: &Principal) -> Result<String, HostError> {
        self.add_principal_with_key(principal, None).await
    }

    /// The same, with the key that the person's decisions are signed with from now
    /// on. Without one, a key that is registered stays.
    ///
    /// # Errors
    ///
    /// When the name or a group cannot be one, the key is another
    /// one's, or who has it is no person, and when the store refuses or is not there.
    pub async fn add_principal_with_key(
        &self,
        principal: &Principal,
        key: Option<&PublicKey>,
    ) -> Result<String, HostError> {
        check_names(principal)?;
        if let Some(key) = key {
            self.0.may_register(principal, key).await?;
        }
        let token = new_token().map_err(|source| HostError::Home {
            path: PathBuf::from("the operating system's randomness"),
            source,
        })?;
        let row = PrincipalRow {
            id: format!("{}/{}", principal.tenant, principal.name),
            tenant: principal.tenant.clone(),
            name: principal.name.clone(),
            kind: match principal.kind {
                PrincipalKind::Agent => tollgate_store::PrincipalKind::Agent,
                PrincipalKind::Person => tollgate_store::PrincipalKind::Person,
                PrincipalKind::Service => tollgate_store::PrincipalKind::Service,
            },
            groups: principal.groups.clone(),
            token_hash: self.0.journal.ring().token_hash(&token),
            created_ms: self.0.journal.now_ms(),
            revoked_ms: None,
            public_key: key.map(PublicKey::to_bytes),
        };
        self.0.journal.store.put_principal(row).await?;
        Ok(token)
    }

    /// Whose token this is.
    ///
    /// # Errors
    ///
    /// When nobody has it, it was revoked, or the store cannot be read.
    pub async fn authenticate(&self, token: &str) -> Result<Principal, AuthError> {
        // The look-up is by the hash of a token of 256 random bits, keyed: its time
        // tells nothing that helps to guess one.
        let hash = self.0.journal.ring().token_hash(token);
        if let Some(known) = self.0.believed(&hash) {
            return Ok(known);
        }
        let row = self
            .0
            .journal
            .store
            .principal_by_token_hash(&hash)
            .await
            .map_err(|error| AuthError::Unavailable(error.to_string()))?
            .ok_or(AuthError::Unknown)?;
        let principal = Principal {
            tenant: row.tenant,
            name: row.name,
            kind: match row.kind {
                tollgate_store::PrincipalKind::Person => PrincipalKind::Person,
                tollgate_store::PrincipalKind::Agent => PrincipalKind::Agent,
                _ => PrincipalKind::Service,
            },
            groups: row.groups,
        };
        self.0.believe(hash, &principal);
        Ok(principal)
    }
}

/// A principal's identifier is its tenant and its name: neither has a `/`.
fn check_names(principal: &Principal) -> Result<(), HostError> {
    let groups = principal.groups.iter().map(|group| (group, "a group"));
    let mut names = std::iter::once((&principal.name, "a principal")).chain(groups);
    match names.find(|(name, _)| !names::is_principal(name)) {
        Some((name, what)) => Err(HostError::Name {
            name: tollgate_policy::visible(name),
            what,
            rule: names::PRINCIPAL_RULE,
        }),
        None => Ok(()),
    }
}

impl Inner {
    /// A statement names no person: its key does. So one key is one person's.
    async fn may_register(&self, who: &Principal, key: &PublicKey) -> Result<(), HostError> {
        if who.kind != PrincipalKind::Person {
            return Err(HostError::KeyUnfit("only a person decides, and signs"));
        }
        let others = self.journal.store.principals(&who.tenant).await?;
        let taken = |row: &PrincipalRow| {
            row.name != who.name && row.public_key.as_ref() == Some(&key.to_bytes())
        };
        if others.iter().any(taken) {
            return Err(HostError::KeyUnfit("somebody else has it already"));
        }
        Ok(())
    }

    fn believed(&self, hash: &[u8; 32]) -> Option<Principal> {
        let principals = self
            .principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        principals
            .get(hash)
            .filter(|(since, _)| since.elapsed() < PRINCIPAL_FOR)
            .map(|(_, principal)| principal.clone())
    }

    fn believe(&self, hash: [u8; 32], principal: &Principal) {
        let mut principals = self
            .principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if principals.len() >= PRINCIPALS_MAX {
            principals.clear();
        }
        principals.insert(hash, (Instant::now(), principal.clone()));
    }
}
