//! The host's secrets: opened from the settings, known to the scanner before
//! anything is carried out, shown to the operator without their values.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tollgate_journal::{KeyRing, Tenant};
use tollgate_policy::{Place, SignatureScheme};
use tollgate_secrets::{SealedStore, Secret, Secrets};

use crate::error::HostError;
use crate::host::{Host, Inner};
use crate::queue::Task;
use crate::settings::SecretEntry;

/// The folder of sealed secrets in a home.
const FOLDER: &str = "secrets";

/// How often a serving host asks for values that no request needs, so that the
/// scanner knows one that was exchanged at its source.
const LEARN_EVERY: Duration = Duration::from_secs(5 * 60);

/// A secret, as an operator sees it. Its value is nowhere in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SecretInfo {
    /// The name that manifests use.
    pub name: String,
    /// The tenant whose connectors may use it.
    pub tenant: String,
    /// Where it may be sent.
    pub origin: String,
    /// What of a request it may be put into.
    pub place: String,
    /// Where its value comes from.
    pub source: String,
    /// Why it cannot be used now; nothing where it can.
    pub problem: Option<String>,
}

/// The store of sealed secrets in a home.
pub(crate) fn sealed_store(home: &Path, ring: &KeyRing) -> SealedStore {
    SealedStore::new(home.join(FOLDER), ring)
}

/// The secrets that the settings name.
pub(crate) fn open(
    entries: Vec<SecretEntry>,
    home: &Path,
    ring: &KeyRing,
) -> Result<Secrets, HostError> {
    let store = sealed_store(home, ring);
    let slots = entries.into_iter().map(|entry| {
        let source = entry.source.open(&entry.slot, &store);
        (entry.slot, source)
    });
    Ok(Secrets::new(slots.collect())?)
}

impl Host {
    /// All secrets of this host, and whether each can be read now.
    pub async fn secrets(&self) -> Vec<SecretInfo> {
        let secrets = &self.inner().backends.secrets;
        let mut infos = Vec::new();
        for (slot, source) in secrets.slots() {
            let checked = secrets.check(&slot.tenant, &slot.name).await;
            infos.push(SecretInfo {
                name: slot.name.clone(),
                tenant: slot.tenant.clone(),
                origin: slot.origin.clone(),
                place: tollgate_secrets::words(&slot.place),
                source,
                problem: checked.err().map(|error| error.to_string()),
            });
        }
        infos
    }

    /// The store of sealed secrets in this host's home.
    #[must_use]
    pub fn sealed_secrets(&self) -> SealedStore {
        let inner = self.inner();
        sealed_store(&inner.home, inner.journal.ring())
    }
}

impl Inner {
    /// Ask for all values. One that cannot be read is said, and not looked for.
    pub(crate) async fn learn_secrets(&self) {
        for (slot, error) in self.backends.secrets.learn().await {
            let why = format!("`{}` cannot be used now: {error}", slot.name);
            match Tenant::new(&slot.tenant) {
                Ok(tenant) => self.task_failed(&tenant, Task::LearnSecret, &why).await,
                Err(error) => tracing::error!(slot = slot.name, %error, why, "a secret of nobody"),
            }
        }
    }

    /// The keys that what comes in for `origin` may be signed with, as far as they can
    /// be read now.
    pub(crate) async fn keys_of(
        &self,
        tenant: &str,
        origin: &str,
        scheme: SignatureScheme,
        slots: &[String],
    ) -> Vec<Secret> {
        let place = Place::Signature(scheme);
        let mut keys = Vec::with_capacity(slots.len());
        for slot in slots {
            match self
                .backends
                .secrets
                .get(tenant, slot, origin, &place)
                .await
            {
                Ok(secret) => keys.push(secret),
                Err(error) => tracing::error!(origin, %error, "what comes in has no key"),
            }
        }
        keys
    }

    pub(crate) fn learn_secrets_regularly(self: &Arc<Self>) {
        if self.backends.secrets.slots().next().is_none() {
            return;
        }
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LEARN_EVERY).await;
                let Some(inner) = weak.upgrade() else { return };
                inner.learn_secrets().await;
            }
        });
    }
}
