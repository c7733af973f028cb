//! Who may call: adding principals, and telling whose token one is.

use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use tollgate_journal::Tenant;
use tollgate_policy::decision::PublicKey;
use tollgate_store::{Change, OidcName, PrincipalRow, Submission};

use super::{Host, Inner};
use crate::api::{Identified, Principal, PrincipalKind};
use crate::error::{AuthError, HostError};
use crate::home::new_token;
use crate::names;

/// How long an established principal is believed without asking the store: a
/// token that another process revokes stops to count within this time.
const PRINCIPAL_FOR: Duration = Duration::from_secs(1);

/// Principals kept in memory. Beyond it all are asked for again.
const PRINCIPALS_MAX: usize = 10_000;

/// The longest name of a person at a provider, bytes (OpenID Connect Core 1.0, 2).
const SUBJECT_BYTES_MAX: usize = 255;

/// What is registered of a person, beside name, kind and groups.
#[derive(Clone, Copy, Debug, Default)]
pub struct Registration<'a> {
    /// The key that their decisions are signed with from now on. Without one, a key
    /// that is registered stays.
    pub key: Option<&'a PublicKey>,
    /// Their name at the tenant's sign-in provider. Without one, a name that is
    /// registered stays.
    pub oidc: Option<&'a str>,
}

impl Host {
    /// Add a principal. The answer is its token, which is kept nowhere: the
    /// store has only its hash.
    ///
    /// # Errors
    ///
    /// When the store refuses or is not there.
    pub async fn add_principal(&self, principal: &Principal) -> Result<String, HostError> {
        let nothing = Registration::default();
        self.register(principal, &nothing).await
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
        let with = Registration { key, oidc: None };
        self.register(principal, &with).await
    }

    /// The same, with everything that is registered of a person beside.
    ///
    /// # Errors
    ///
    /// When the key or the name is another one's, or who has it is no person, and when
    /// the store refuses or is not there.
    pub async fn register(
        &self,
        principal: &Principal,
        with: &Registration<'_>,
    ) -> Result<String, HostError> {
        check_names(principal)?;
        if let Some(key) = with.key {
            self.0.may_register(principal, key).await?;
        }
        let oidc = match with.oidc {
            Some(subject) => Some(self.0.may_sign_in(principal, subject).await?),
            None => None,
        };
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
            public_key: with.key.map(PublicKey::to_bytes),
            oidc,
            password: None,
        };
        self.0.journal.store.put_principal(row).await?;
        Ok(token)
    }

    /// A principal's token counts no more, nor does any other way to sign in. Its
    /// sessions at the pages end with their next request.
    ///
    /// # Errors
    ///
    /// When there is no such principal, and when the store refuses or is not there.
    pub async fn revoke_principal(&self, tenant: &Tenant, name: &str) -> Result<(), HostError> {
        let journal = &self.0.journal;
        let revoke = Change::RevokePrincipal {
            id: format!("{tenant}/{name}"),
            at_ms: journal.now_ms(),
        };
        let submission = Submission {
            tenant: tenant.clone(),
            records: Vec::new(),
            changes: vec![revoke],
        };
        journal.store.append(submission).await?;
        let mut believed = self
            .0
            .principals
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        believed.retain(|_, (_, who)| who.tenant != tenant || who.name != name);
        Ok(())
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
            identified: Identified::Token,
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

    /// One name at a provider is one person's, and no agent's: agents do not decide.
    async fn may_sign_in(&self, who: &Principal, subject: &str) -> Result<OidcName, HostError> {
        if who.kind != PrincipalKind::Person {
            return Err(HostError::NameUnfit("only a person signs in"));
        }
        if !(1..=SUBJECT_BYTES_MAX).contains(&subject.len()) || subject.contains(char::is_control) {
            return Err(HostError::NameUnfit("a name has 1 to 255 characters"));
        }
        let name = self
            .sign_ins
            .name_of(&who.tenant, subject)
            .ok_or(HostError::NameUnfit(
                "this tenant has no `[oidc]` in tollgate.toml",
            ))?;
        let others = self.journal.store.principals(&who.tenant).await?;
        let taken = |row: &PrincipalRow| row.name != who.name && row.oidc.as_ref() == Some(&name);
        if others.iter().any(taken) {
            return Err(HostError::NameUnfit("somebody else has it already"));
        }
        Ok(name)
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
