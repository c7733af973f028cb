//! People who sign in at the pages: by the provider of their tenant, or a password.
//!
//! What a sign-in leaves is a [`Proof`], not a principal: each request asks again who
//! that is now ([`Host::proved`]). The attack: somebody who was revoked, or whose name at
//! the provider was given to another one, goes on deciding for as long as a session lasts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tollgate_identity::oidc::{Answer, Begun, Flow, OidcError, RelyingParty};
use tollgate_identity::password::{Checked, PasswordError, Passwords};
use tollgate_journal::Tenant;
use tollgate_policy::visible;
use tollgate_store::{Change, OidcName, PrincipalRow, Submission};
use zeroize::Zeroizing;

use crate::api::{Identified, Principal, PrincipalKind};
use crate::error::HostError;
use crate::host::{Host, Inner};
use crate::settings::OidcSettings;

/// How people of this host can sign in, beside by a token.
pub(crate) struct SignIns {
    oidc: Option<Oidc>,
    passwords: Passwords,
}

struct Oidc {
    tenant: Tenant,
    party: RelyingParty,
    groups: BTreeMap<String, String>,
}

impl SignIns {
    pub(crate) fn new(
        oidc: Option<OidcSettings>,
        secrets: &Arc<tollgate_secrets::Secrets>,
        egress: &Arc<tollgate_egress::Egress>,
    ) -> Self {
        let oidc = oidc.map(|settings| Oidc {
            tenant: settings.tenant,
            party: RelyingParty::new(settings.provider, Arc::clone(secrets), Arc::clone(egress)),
            groups: settings.groups,
        });
        Self {
            oidc,
            passwords: Passwords::default(),
        }
    }

    /// The name of a person of this tenant at its provider, as it is registered.
    pub(crate) fn name_of(&self, tenant: &str, subject: &str) -> Option<OidcName> {
        let provider = self.oidc.as_ref()?.party.provider();
        (provider.tenant == tenant).then(|| OidcName {
            issuer: provider.issuer_text.clone(),
            subject: provider.person.registered(subject),
        })
    }

    fn oidc(&self) -> Result<&Oidc, SignInError> {
        self.oidc.as_ref().ok_or(SignInError::NoProvider)
    }
}

/// That somebody has proved to be a person of a tenant, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    tenant: Tenant,
    name: String,
    by: ProvedBy,
}

/// What was proved.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProvedBy {
    /// A provider of OpenID Connect said so.
    Oidc {
        /// Who said so.
        issuer: String,
        /// The name there.
        subject: String,
        /// The groups there, at that time.
        groups: BTreeSet<String>,
    },
    /// The person knew the password.
    Password {
        /// A digest of the password's hash: with another password the proof is over.
        of: [u8; 32],
    },
}

impl Proof {
    /// That `name` of `tenant` has proved who they are.
    #[must_use]
    pub fn new(tenant: &Tenant, name: &str, by: ProvedBy) -> Self {
        Self {
            tenant: tenant.clone(),
            name: name.to_owned(),
            by,
        }
    }

    /// The person's name in the tenant, as it was then.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({}/{})", self.tenant, self.name)
    }
}

/// Why somebody is not signed in.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignInError {
    /// This host has no provider.
    #[error("this host has no sign-in provider")]
    NoProvider,
    /// The provider did not say who it is.
    #[error(transparent)]
    Oidc(#[from] OidcError),
    /// The provider said who it is, and the operator knows nobody of that name.
    #[error("nobody is registered here as `{}`", visible(.0))]
    Unregistered(String),
    /// There is no such person, they have no password, or it is another one. Which of
    /// these is not told.
    #[error("this name and this password do not belong together")]
    WrongPassword,
    /// The password cannot be looked at now.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// What was proved once counts no more.
    #[error("this sign-in counts no more")]
    Over,
    /// The store cannot be read.
    #[error("who you are cannot be checked now: {0}")]
    Unavailable(String),
}

impl Host {
    /// The provider that people sign in at, where there is one: its host's name.
    #[must_use]
    pub fn sign_in_provider(&self) -> Option<String> {
        let oidc = self.inner().sign_ins.oidc.as_ref()?;
        let issuer = &oidc.party.provider().issuer;
        issuer.host_str().map(str::to_owned)
    }

    /// Begin to sign a person in at the provider.
    ///
    /// # Errors
    ///
    /// When there is no provider, or it is away or none that can be used.
    pub async fn begin_oidc(&self) -> Result<Begun, SignInError> {
        Ok(self.inner().sign_ins.oidc()?.party.begin().await?)
    }

    /// Finish it: the person that the provider names, if the operator has registered
    /// that name.
    ///
    /// # Errors
    ///
    /// When the provider's answer proves nothing, or proves nobody who is known here.
    pub async fn finish_oidc(&self, flow: Flow, answer: Answer) -> Result<Proof, SignInError> {
        let oidc = self.inner().sign_ins.oidc()?;
        let person = oidc.party.finish(flow, answer).await?;
        let tenant = &oidc.tenant;
        let name = OidcName {
            issuer: person.issuer.clone(),
            subject: person.subject.clone(),
        };
        let is_it = |row: &PrincipalRow| row.oidc.as_ref() == Some(&name);
        let row = self.person(tenant, is_it).await?;
        let row = row.ok_or(SignInError::Unregistered(person.subject))?;
        let by = ProvedBy::Oidc {
            issuer: name.issuer,
            subject: name.subject,
            groups: person.groups,
        };
        Ok(Proof::new(tenant, &row.name, by))
    }

    /// Who has this proof, as the operator has them registered now.
    ///
    /// # Errors
    ///
    /// When they were revoked, are no person any more, or are registered in another
    /// way than what they proved, and when the store cannot be read.
    pub async fn proved(&self, proof: &Proof) -> Result<Principal, SignInError> {
        let same = |row: &PrincipalRow| row.name == proof.name;
        let row = self.person(&proof.tenant, same).await?;
        let row = row.ok_or(SignInError::Over)?;
        let (issuer, subject, groups) = match &proof.by {
            ProvedBy::Password { of } => {
                let same = row
                    .password
                    .as_deref()
                    .is_some_and(|now| digest(now) == *of);
                return match same {
                    true => Ok(of_row(row, Identified::Password, |_| true)),
                    false => Err(SignInError::Over),
                };
            }
            ProvedBy::Oidc {
                issuer,
                subject,
                groups,
            } => (issuer, subject, groups),
        };
        let oidc = self.inner().sign_ins.oidc()?;
        let said = OidcName {
            issuer: issuer.clone(),
            subject: subject.clone(),
        };
        if row.oidc != Some(said) || oidc.tenant != proof.tenant {
            return Err(SignInError::Over);
        }
        // The provider takes away and never gives (`settings/oidc.rs`).
        let counts = |group: &String| {
            let theirs = oidc.groups.get(group);
            theirs.is_none_or(|theirs| groups.contains(theirs))
        };
        Ok(of_row(row, Identified::Oidc(issuer.clone()), counts))
    }

    /// Sign a person in who knows their password.
    ///
    /// # Errors
    ///
    /// When name and password do not belong together, or cannot be looked at now.
    pub async fn sign_in_by_password(
        &self,
        tenant: &Tenant,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Proof, SignInError> {
        let row = self.person(tenant, |row| row.name == name).await?;
        let known = row.and_then(|row| row.password);
        let passwords = &self.inner().sign_ins.passwords;
        // The attack: whether there is such a person is told by how long this takes. So
        // a password is hashed whoever it is.
        let checked = passwords.check(password, known.clone()).await?;
        let (Checked::Right { anew }, Some(mut known)) = (checked, known) else {
            return Err(SignInError::WrongPassword);
        };
        if let Some(anew) = anew {
            let id = format!("{tenant}/{name}");
            let set = self
                .inner()
                .put_password(tenant, id, anew.clone(), Some(known.clone()))
                .await;
            match set {
                Ok(()) => known = anew,
                // The old hash still counts.
                Err(error) => tracing::warn!(%error, "a password was not hashed anew"),
            }
        }
        let of = digest(&known);
        Ok(Proof::new(tenant, name, ProvedBy::Password { of }))
    }

    /// Give a person a password. Sessions by the one before end.
    ///
    /// # Errors
    ///
    /// When it is too short or too long, when the tenant has no such person whose token
    /// counts, and when the store refuses or is not there.
    pub async fn set_password(
        &self,
        tenant: &Tenant,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<(), HostError> {
        let hash = self.inner().sign_ins.passwords.hash(password).await?;
        let id = format!("{tenant}/{name}");
        Ok(self.inner().put_password(tenant, id, hash, None).await?)
    }

    /// A person of a tenant who is not revoked.
    async fn person(
        &self,
        tenant: &Tenant,
        is_it: impl Fn(&PrincipalRow) -> bool,
    ) -> Result<Option<PrincipalRow>, SignInError> {
        let all = self.inner().journal.store.principals(tenant).await;
        let all = all.map_err(|error| SignInError::Unavailable(error.to_string()))?;
        let counts = |row: &PrincipalRow| {
            row.kind == tollgate_store::PrincipalKind::Person && row.revoked_ms.is_none()
        };
        Ok(all.into_iter().find(|row| counts(row) && is_it(row)))
    }
}

impl Inner {
    async fn put_password(
        &self,
        tenant: &Tenant,
        id: String,
        password: String,
        instead_of: Option<String>,
    ) -> Result<(), tollgate_store::StoreError> {
        let set = Change::SetPassword {
            id,
            password,
            instead_of,
        };
        let submission = Submission {
            tenant: tenant.clone(),
            records: Vec::new(),
            changes: vec![set],
        };
        self.journal.store.append(submission).await.map(drop)
    }
}

fn of_row(
    row: PrincipalRow,
    identified: Identified,
    counts: impl Fn(&String) -> bool,
) -> Principal {
    Principal {
        identified,
        tenant: row.tenant,
        name: row.name,
        kind: PrincipalKind::Person,
        groups: row.groups.into_iter().filter(counts).collect(),
    }
}

fn digest(hash: &str) -> [u8; 32] {
    Sha256::digest(hash.as_bytes()).into()
}
