//! The host's hand in the journal: makes records, hands them to the store, and
//! opens them again for a reader who may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tollgate_journal::{
    BlobKeys, Entry, Hash, JournalError, KeyRing, Leaf, OpenedValue, Prepared, Stage, SubjectKey,
    Tenant, prepare,
};
use tollgate_metrics::Metrics;
use tollgate_store::{Change, Clock, RecordFilter, Store, StoredRecord, Submission};

use crate::destruction::Destroyed;
use crate::error::JournalFault;

/// Subject keys kept in memory. Beyond it the oldest map is dropped whole; they
/// are read again when needed.
const SUBJECT_KEYS_MAX: usize = 10_000;

/// How long a subject's key is believed without asking the store: a key that
/// another process destroyed begins no new run after this time.
pub(crate) const KEY_BELIEVED_FOR: Duration = Duration::from_secs(1);

/// Where the mark of the store's key ring is kept: a key of nobody's.
const RING_TENANT: &str = "tollgate";
const RING_SUBJECT: &str = "key-ring";

/// Writes and reads records.
pub(crate) struct Journal {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    /// How long appends take is counted here.
    pub(crate) metrics: Metrics,
    ring: KeyRing,
    subjects: Mutex<HashMap<(Tenant, String), Known>>,
    blobs: Mutex<HashMap<Tenant, Arc<BlobKeys>>>,
    /// Whose turn it is to take from budgets, by tenant.
    turns: Mutex<HashMap<Tenant, Arc<tokio::sync::Mutex<()>>>>,
}

/// A subject's key, as the store had it.
struct Known {
    key: Arc<SubjectKey>,
    wrapped: Vec<u8>,
    asked: Instant,
}

/// Whom records are about; the same for all records of a run.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) tenant: Tenant,
    pub(crate) case: String,
    pub(crate) run: Option<String>,
    pub(crate) principal: String,
    pub(crate) workflow: Option<String>,
    pub(crate) subject: String,
    pub(crate) key: Arc<SubjectKey>,
    pub(crate) blobs: Arc<BlobKeys>,
}

/// What one record says beside whom it is about.
pub(crate) struct Saying {
    pub(crate) stage: Stage,
    pub(crate) position: Option<u32>,
    pub(crate) facts: Map<String, Value>,
    pub(crate) values: Vec<(&'static str, Vec<u8>)>,
}

impl Saying {
    pub(crate) fn new(stage: Stage) -> Self {
        Self {
            stage,
            position: None,
            facts: Map::new(),
            values: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    pub(crate) fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.fact(name, value),
            None => self,
        }
    }

    pub(crate) fn value(mut self, name: &'static str, bytes: Vec<u8>) -> Self {
        self.values.push((name, bytes));
        self
    }

    pub(crate) fn json(self, name: &'static str, value: &Value) -> Self {
        self.value(name, value.to_string().into_bytes())
    }
}

/// A record with its values opened.
pub(crate) struct OpenRecord {
    pub(crate) seq: u64,
    /// Leaf hash.
    pub(crate) hash: Hash,
    pub(crate) leaf: Leaf,
    pub(crate) values: Vec<(String, Vec<u8>)>,
    /// It had sealed values, and they or their key are kept no longer.
    pub(crate) gone: bool,
}

impl OpenRecord {
    /// A sealed value as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.bytes(name)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// A sealed value as JSON.
    pub(crate) fn json(&self, name: &str) -> Option<Value> {
        self.bytes(name)
            .and_then(|bytes| serde_json::from_slice(bytes).ok())
    }

    /// A public fact as text.
    pub(crate) fn fact(&self, name: &str) -> Option<&str> {
        self.leaf.facts.get(name).and_then(Value::as_str)
    }

    /// Whether a public fact is `true`.
    pub(crate) fn says(&self, name: &str) -> bool {
        self.leaf.facts.get(name) == Some(&Value::Bool(true))
    }

    fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.values
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, bytes)| bytes.as_slice())
    }
}

impl Journal {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, ring: KeyRing) -> Self {
        Self {
            store,
            clock,
            metrics: Metrics::default(),
            ring,
            subjects: Mutex::default(),
            blobs: Mutex::default(),
            turns: Mutex::default(),
        }
    }

    /// Who has it is alone in the tenant between looking at budgets and taking from
    /// them. Tenants are few, so all stay in memory.
    pub(crate) fn turn(&self, tenant: &Tenant) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(tenant.to_owned()).or_default())
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    /// Everything about a run but what is said, with the key its values are
    /// sealed under. The key is durable before anything is sealed with it.
    pub(crate) async fn about(
        &self,
        tenant: &Tenant,
        case: &str,
        run: Option<&str>,
        principal: &str,
        workflow: Option<&str>,
        subject: &str,
    ) -> Result<About, JournalFault> {
        Ok(About {
            tenant: tenant.to_owned(),
            case: case.to_owned(),
            run: run.map(str::to_owned),
            principal: principal.to_owned(),
            workflow: workflow.map(str::to_owned),
            subject: subject.to_owned(),
            key: self.subject_key(tenant, subject).await?,
            blobs: self.blob_keys(tenant),
        })
    }

    /// Whether this ring opens what the store has: a key that the first host
    /// wrapped. Two rings on one store would seal values that the other host can
    /// never open. With `claim` the first one to ask leaves its mark.
    pub(crate) async fn is_our_ring(&self, claim: bool) -> Result<bool, JournalFault> {
        let Ok(tenant) = Tenant::new(RING_TENANT) else {
            return Ok(false);
        };
        let wrapped = match self.store.subject_key(&tenant, RING_SUBJECT).await? {
            Some(wrapped) => wrapped,
            None if !claim => return Ok(true),
            None => {
                let mark = SubjectKey::generate()?;
                let fresh = self.ring.wrap(RING_TENANT, RING_SUBJECT, &mark)?;
                self.store
                    .ensure_subject_key(&tenant, RING_SUBJECT, fresh)
                    .await?
            }
        };
        let opened = self.ring.unwrap(RING_TENANT, RING_SUBJECT, &wrapped);
        Ok(opened.is_ok())
    }

    /// What the journal calls a subject that a caller named: opaque, and the same
    /// for the same name in a tenant.
    pub(crate) fn subject_label(&self, tenant: &Tenant, name: &str) -> String {
        self.ring.subject_label(tenant, name)
    }

    /// The key to seal a subject's values with, made where there is none.
    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Arc<SubjectKey>, JournalFault> {
        if let Some(key) = self.existing_key(tenant, subject).await? {
            return Ok(key);
        }
        let fresh = self.ring.wrap(tenant, subject, &SubjectKey::generate()?)?;
        let wrapped = self
            .store
            .ensure_subject_key(tenant, subject, fresh)
            .await?;
        self.learn(tenant, subject, wrapped)
    }

    /// The key that a subject's values are sealed under, where it was not
    /// destroyed. Reading makes no key: an erased subject would seem to have one.
    async fn existing_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Arc<SubjectKey>>, JournalFault> {
        let name = (tenant.to_owned(), subject.to_owned());
        if let Some(known) = self.keys().get(&name)
            && known.asked.elapsed() < KEY_BELIEVED_FOR
        {
            return Ok(Some(Arc::clone(&known.key)));
        }
        let Some(wrapped) = self.store.subject_key(tenant, subject).await? else {
            self.keys().remove(&name);
            return Ok(None);
        };
        if let Some(known) = self.keys().get_mut(&name)
            && known.wrapped == wrapped
        {
            known.asked = Instant::now();
            return Ok(Some(Arc::clone(&known.key)));
        }
        self.learn(tenant, subject, wrapped).map(Some)
    }

    fn learn(
        &self,
        tenant: &Tenant,
        subject: &str,
        wrapped: Vec<u8>,
    ) -> Result<Arc<SubjectKey>, JournalFault> {
        let key = Arc::new(self.ring.unwrap(tenant, subject, &wrapped)?);
        let known = Known {
            key: Arc::clone(&key),
            wrapped,
            asked: Instant::now(),
        };
        let mut keys = self.keys();
        if keys.len() >= SUBJECT_KEYS_MAX {
            keys.clear();
        }
        keys.insert((tenant.to_owned(), subject.to_owned()), known);
        Ok(key)
    }

    /// What makes a tenant's blobs. Tenants are few, so all stay in memory.
    fn blob_keys(&self, tenant: &Tenant) -> Arc<BlobKeys> {
        let mut blobs = self.blobs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keys) = blobs.get(tenant) {
            return Arc::clone(keys);
        }
        let keys = blobs.entry(tenant.to_owned());
        Arc::clone(keys.or_insert_with(|| Arc::new(self.ring.blob_keys(tenant))))
    }

    fn keys(&self) -> std::sync::MutexGuard<'_, HashMap<(Tenant, String), Known>> {
        self.subjects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keep no subject's key in memory that nobody uses now.
    pub(crate) fn forget_keys(&self) {
        self.keys().clear();
    }

    /// A record, ready to be appended.
    pub(crate) fn record(&self, about: &About, saying: Saying) -> Result<Prepared, JournalFault> {
        let entry = Entry {
            tenant: about.tenant.to_string(),
            case: about.case.clone(),
            run: about.run.clone(),
            principal: about.principal.clone(),
            workflow: about.workflow.clone(),
            stage: saying.stage,
            position: saying.position,
            at_ms: self.now_ms(),
            facts: saying.facts,
            values: saying.values,
            subject: about.subject.clone(),
        };
        Ok(prepare(&entry, &about.key, &about.blobs)?)
    }

    /// Append records with the changes that are true together with them.
    /// Durable when this returns.
    pub(crate) async fn append(
        &self,
        tenant: &Tenant,
        records: Vec<Prepared>,
        changes: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let submission = Submission {
            tenant: tenant.to_owned(),
            records,
            changes,
        };
        let begun = Instant::now();
        self.store.append(submission).await?;
        self.metrics.of(tenant).appended(begun.elapsed());
        Ok(())
    }

    /// All records of a run, opened, in order.
    pub(crate) async fn run_records(
        &self,
        tenant: &Tenant,
        run: &str,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let filter = RecordFilter {
            run: Some(run.to_owned()),
            ..RecordFilter::default()
        };
        self.read(tenant, &filter).await
    }

    /// What a task of the host's own left behind, opened, in order.
    pub(crate) async fn task_records(
        &self,
        tenant: &Tenant,
        task: &str,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let mut records = Vec::new();
        for stage in [
            Stage::Exception,
            Stage::HandoffResolved,
            Stage::QueueDeliveryFailed,
        ] {
            let filter = RecordFilter {
                stage: Some(stage),
                ..RecordFilter::default()
            };
            let mut found = self.read(tenant, &filter).await?;
            found.retain(|record| record.leaf.run.is_none() && record.leaf.case == task);
            records.append(&mut found);
        }
        Ok(records)
    }

    /// Records, opened.
    pub(crate) async fn read(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let mut open = Vec::new();
        for stored in self.store.records(tenant, filter).await? {
            open.push(self.open(tenant, stored).await?);
        }
        Ok(open)
    }

    /// A record with its values, as far as they are kept.
    pub(crate) async fn open(
        &self,
        tenant: &Tenant,
        stored: StoredRecord,
    ) -> Result<OpenRecord, JournalFault> {
        let leaf = Leaf::parse(&stored.leaf)?;
        let values = self.values(tenant, &leaf, &stored).await?;
        Ok(OpenRecord {
            seq: stored.seq,
            hash: stored.hash,
            gone: values.is_none(),
            leaf,
            values: values
                .into_iter()
                .flatten()
                .map(|value| (value.name, value.bytes))
                .collect(),
        })
    }

    /// The sealed values of a record with their salts, or `None` where they or
    /// their key were destroyed. Whether that was right is for `verify` to say.
    pub(crate) async fn values(
        &self,
        tenant: &Tenant,
        leaf: &Leaf,
        stored: &StoredRecord,
    ) -> Result<Option<Vec<OpenedValue>>, JournalFault> {
        match self.unseal(tenant, leaf, stored).await? {
            Unsealed::Values(values) => Ok(Some(values)),
            Unsealed::Gone => Ok(None),
            // Sealed by a run that began before its subject's key was destroyed,
            // and ended after: the subject has no key since, or another.
            Unsealed::Broken(error) => {
                let destroyed = Destroyed::of_subject(self, tenant, &leaf.subject).await?;
                match destroyed.covers(self, tenant, stored.seq, leaf).await? {
                    Some(_) => Ok(None),
                    None => Err(error.into()),
                }
            }
        }
    }

    /// Open what is sealed beside a record, whatever the journal says of it.
    pub(crate) async fn unseal(
        &self,
        tenant: &Tenant,
        leaf: &Leaf,
        stored: &StoredRecord,
    ) -> Result<Unsealed, JournalFault> {
        let Some(sealed) = &stored.sealed else {
            return Ok(match leaf.values.is_empty() {
                true => Unsealed::Values(Vec::new()),
                false => Unsealed::Gone,
            });
        };
        let Some(key) = self.existing_key(tenant, &leaf.subject).await? else {
            return Ok(Unsealed::Gone);
        };
        Ok(
            match tollgate_journal::open(&stored.leaf, sealed, &key, &stored.blobs) {
                Ok(values) => Unsealed::Values(values),
                Err(error) => Unsealed::Broken(error),
            },
        )
    }
}

/// What became of a record's sealed values.
pub(crate) enum Unsealed {
    /// They are those that the record commits to.
    Values(Vec<OpenedValue>),
    /// They, or their key, are not there.
    Gone,
    /// They are there and do not open.
    Broken(JournalError),
}
