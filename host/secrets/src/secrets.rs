//! All secrets of a host: who may have which one, for where.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use tollgate_policy::{Place, SignatureScheme};

use crate::origin::origin_of;
use crate::source::Source;
use crate::{Scanner, Secret, SecretError, Slot, SlotError};

/// How long a value is used before its source is asked again.
const FRESH_FOR: Duration = Duration::from_secs(60);

/// The slots of a host with their sources.
///
/// A manifest says where a connector's credential goes, the host's settings where
/// the secret may go; [`get`](Self::get) gives it only where both agree.
pub struct Secrets {
    slots: BTreeMap<(String, String), Entry>,
    scanner: Arc<Scanner>,
    fresh_for: Duration,
}

struct Entry {
    slot: Slot,
    origin: String,
    /// Where a token may go that is got with it.
    resources: Vec<String>,
    source: Arc<dyn Source>,
    /// Held while the source is asked: callers at the same time ask once.
    value: Mutex<Option<Fresh>>,
}

struct Fresh {
    secret: Secret,
    read: Instant,
}

impl Secrets {
    /// These slots. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// When a tenant has two of one name, or an origin is none.
    pub fn new(slots: Vec<(Slot, Arc<dyn Source>)>) -> Result<Self, SlotError> {
        let mut secrets = Self::default();
        for (slot, source) in slots {
            let known = |text: &String| {
                origin_of(text).ok_or_else(|| SlotError::Origin {
                    tenant: slot.tenant.clone(),
                    name: slot.name.clone(),
                })
            };
            let origin = known(&slot.origin)?;
            let resources = slot.resources.iter().map(known);
            let resources = resources.collect::<Result<_, _>>()?;
            let key = (slot.tenant.clone(), slot.name.clone());
            let entry = Entry {
                slot: slot.clone(),
                origin,
                resources,
                source,
                value: Mutex::new(None),
            };
            if secrets.slots.insert(key, entry).is_some() {
                return Err(SlotError::Twice {
                    tenant: slot.tenant,
                    name: slot.name,
                });
            }
        }
        Ok(secrets)
    }

    /// A tenant's secret, for a request to this origin with the secret in this
    /// place.
    ///
    /// # Errors
    ///
    /// When the tenant has no such slot, the slot is for another origin or place,
    /// or its source does not give a usable value now.
    pub async fn get(
        &self,
        tenant: &str,
        name: &str,
        origin: &str,
        place: &Place,
    ) -> Result<Secret, SecretError> {
        let entry = self.entry(tenant, name)?;
        Self::agree(entry, origin, place)?;
        Self::may_carry(entry, None)?;
        self.value(entry).await
    }

    /// The secret of a tenant's OAuth client, to ask the server at this origin for
    /// a token that requests to the resource's origin carry.
    ///
    /// # Errors
    ///
    /// As of [`get`](Self::get), and when the slot is for tokens of other origins.
    pub async fn client(
        &self,
        tenant: &str,
        name: &str,
        origin: &str,
        resource: &str,
    ) -> Result<Secret, SecretError> {
        let entry = self.entry(tenant, name)?;
        Self::agree(entry, origin, &Place::OAuthClient)?;
        Self::may_carry(entry, Some(resource))?;
        self.value(entry).await
    }

    fn agree(entry: &Entry, origin: &str, place: &Place) -> Result<(), SecretError> {
        let name = &entry.slot.name;
        // The attack: a manifest that names a slot of the host, and a server of
        // its author's.
        let asked = origin_of(origin);
        if asked.as_ref() != Some(&entry.origin) {
            return Err(SecretError::OtherOrigin {
                name: name.clone(),
                allowed: entry.origin.clone(),
                asked: asked.unwrap_or_else(|| "what is no origin".to_owned()),
            });
        }
        // The attack: a secret put into a query or a body that the receiver shows,
        // keeps in its log, or sends on.
        if *place != entry.slot.place {
            return Err(SecretError::OtherPlace {
                name: name.clone(),
                allowed: words(&entry.slot.place),
                asked: words(place),
            });
        }
        Ok(())
    }

    /// The attack: a manifest that names a client and its true token server, and a
    /// destination of its author's: what was bought there is sent here.
    fn may_carry(entry: &Entry, resource: Option<&str>) -> Result<(), SecretError> {
        if entry.slot.place != Place::OAuthClient {
            return Ok(());
        }
        let asked = resource.and_then(origin_of);
        if let Some(asked) = &asked
            && entry.resources.contains(asked)
        {
            return Ok(());
        }
        let allowed = match entry.resources.as_slice() {
            [] => "no origin".to_owned(),
            some => some.join(", "),
        };
        Err(SecretError::OtherResource {
            name: entry.slot.name.clone(),
            allowed,
            asked: asked.unwrap_or_else(|| "what is no origin".to_owned()),
        })
    }

    /// Whether a secret's source gives a usable value now.
    ///
    /// # Errors
    ///
    /// When it does not, or there is no such slot.
    pub async fn check(&self, tenant: &str, name: &str) -> Result<(), SecretError> {
        self.value(self.entry(tenant, name)?).await.map(drop)
    }

    /// Ask all sources whose values are not fresh, so that the scanner knows also
    /// values that no request has needed yet. What cannot be read is answered.
    pub async fn learn(&self) -> Vec<(&Slot, SecretError)> {
        let all = self.slots.values().map(|entry| async move {
            let error = self.value(entry).await.err()?;
            Some((&entry.slot, error))
        });
        let failed = futures_util::future::join_all(all).await;
        failed.into_iter().flatten().collect()
    }

    /// What finds all values that are live.
    #[must_use]
    pub fn scanner(&self) -> &Arc<Scanner> {
        &self.scanner
    }

    /// All slots, and what their sources are.
    pub fn slots(&self) -> impl Iterator<Item = (&Slot, String)> {
        let entries = self.slots.values();
        entries.map(|entry| (&entry.slot, entry.source.describe()))
    }

    fn entry(&self, tenant: &str, name: &str) -> Result<&Entry, SecretError> {
        let key = (tenant.to_owned(), name.to_owned());
        self.slots.get(&key).ok_or(SecretError::Unknown {
            tenant: key.0,
            name: key.1,
        })
    }

    async fn value(&self, entry: &Entry) -> Result<Secret, SecretError> {
        let mut held = entry.value.lock().await;
        if let Some(fresh) = held.as_ref()
            && fresh.read.elapsed() < self.fresh_for
        {
            return Ok(fresh.secret.clone());
        }
        // Nothing is kept beyond its time, also when this is given up half way: a
        // secret that was taken back at its source must stop to work here.
        *held = None;
        let slot = &entry.slot;
        let read = Instant::now();
        let value = entry.source.read().await;
        let mut value = value.map_err(|source| SecretError::Unreadable {
            name: slot.name.clone(),
            source,
        })?;
        let secret = Secret::new(&slot.name, std::mem::take(&mut *value));
        // What cannot be found again is not given out.
        let learnt = self.scanner.learn(&slot.tenant, &secret);
        learnt.map_err(|_| SecretError::TooMany {
            name: slot.name.clone(),
        })?;
        *held = Some(Fresh {
            secret: secret.clone(),
            read,
        });
        Ok(secret)
    }
}

impl Default for Secrets {
    /// No slots.
    fn default() -> Self {
        Self {
            slots: BTreeMap::new(),
            scanner: Arc::default(),
            fresh_for: FRESH_FOR,
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.slots.values().map(|entry| &entry.slot);
        f.debug_list().entries(slots).finish()
    }
}

/// A place in words.
#[must_use]
pub fn words(place: &Place) -> String {
    match place {
        Place::Header(name) => format!("the header `{name}`"),
        Place::Query(name) => format!("the query parameter `{name}`"),
        Place::Body(pointer) => format!("the body's member `{pointer}`"),
        Place::Signature(SignatureScheme::StandardWebhooks) => {
            "a signature (Standard Webhooks)".to_owned()
        }
        Place::Signature(SignatureScheme::HttpMessage) => {
            "a signature (HTTP Message Signatures)".to_owned()
        }
        Place::Signature(SignatureScheme::GitHub) => "the check of a signature (GitHub)".to_owned(),
        Place::Signature(SignatureScheme::Slack) => "the check of a signature (Slack)".to_owned(),
        Place::OAuthClient => "a request for an OAuth token".to_owned(),
        Place::Login => "a login".to_owned(),
    }
}

#[cfg(test)]
mod tests;
