//! The host's hand in the journal: makes records, hands them to the store, and
//! opens them again for a reader who may.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use tollgate_journal::{Entry, KeyRing, Leaf, Prepared, Stage, SubjectKey, prepare};
use tollgate_store::{Change, Clock, RecordFilter, Store, StoredRecord, Submission};

use crate::error::JournalFault;

/// Subject keys kept in memory. Beyond it the oldest map is dropped whole; they
/// are read again when needed.
const SUBJECT_KEYS_MAX: usize = 10_000;

/// Records whose values are checked at once.
const VERIFY_PAGE: u32 = 256;

/// Where the mark of the store's key ring is kept: a key of nobody's.
const RING_TENANT: &str = "tollgate";
const RING_SUBJECT: &str = "key-ring";

/// Writes and reads records.
pub(crate) struct Journal {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    ring: KeyRing,
    subjects: Mutex<HashMap<(String, String), Arc<SubjectKey>>>,
}

/// Whom records are about; the same for all records of a run.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) tenant: String,
    pub(crate) case: String,
    pub(crate) run: Option<String>,
    pub(crate) principal: String,
    pub(crate) workflow: Option<String>,
    pub(crate) subject: String,
    pub(crate) key: Arc<SubjectKey>,
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
    pub(crate) leaf: Leaf,
    pub(crate) values: Vec<(String, Vec<u8>)>,
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
            ring,
            subjects: Mutex::default(),
        }
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
        tenant: &str,
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
        })
    }

    /// Whether this ring opens what the store has: a key that the first host
    /// wrapped. Two rings on one store would seal values that the other host can
    /// never open. With `claim` the first one to ask leaves its mark.
    pub(crate) async fn is_our_ring(&self, claim: bool) -> Result<bool, JournalFault> {
        let wrapped = match self.store.subject_key(RING_TENANT, RING_SUBJECT).await? {
            Some(wrapped) => wrapped,
            None if !claim => return Ok(true),
            None => {
                let mark = SubjectKey::generate()?;
                let fresh = self.ring.wrap(RING_TENANT, RING_SUBJECT, &mark)?;
                self.store
                    .ensure_subject_key(RING_TENANT, RING_SUBJECT, fresh)
                    .await?
            }
        };
        let opened = self.ring.unwrap(RING_TENANT, RING_SUBJECT, &wrapped);
        Ok(opened.is_ok())
    }

    /// What the journal calls a subject that a caller named: opaque, and the same
    /// for the same name in a tenant.
    pub(crate) fn subject_label(&self, tenant: &str, name: &str) -> String {
        let parts: [&[u8]; 3] = [
            b"tollgate subject label v1",
            tenant.as_bytes(),
            name.as_bytes(),
        ];
        let label = self.ring.token_key().mac(&parts);
        format!("subject:{}", hex::encode(&label[..16]))
    }

    async fn subject_key(
        &self,
        tenant: &str,
        subject: &str,
    ) -> Result<Arc<SubjectKey>, JournalFault> {
        let name = (tenant.to_owned(), subject.to_owned());
        if let Some(key) = self.known(&name) {
            return Ok(key);
        }
        let wrapped = match self.store.subject_key(tenant, subject).await? {
            Some(wrapped) => wrapped,
            None => {
                let fresh = self.ring.wrap(tenant, subject, &SubjectKey::generate()?)?;
                self.store
                    .ensure_subject_key(tenant, subject, fresh)
                    .await?
            }
        };
        let key = Arc::new(self.ring.unwrap(tenant, subject, &wrapped)?);
        let mut subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        if subjects.len() >= SUBJECT_KEYS_MAX {
            subjects.clear();
        }
        subjects.insert(name, Arc::clone(&key));
        Ok(key)
    }

    fn known(&self, name: &(String, String)) -> Option<Arc<SubjectKey>> {
        let subjects = self.subjects.lock().unwrap_or_else(PoisonError::into_inner);
        subjects.get(name).map(Arc::clone)
    }

    /// A record, ready to be appended.
    pub(crate) fn record(&self, about: &About, saying: Saying) -> Result<Prepared, JournalFault> {
        let entry = Entry {
            tenant: about.tenant.clone(),
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
        Ok(prepare(&entry, &about.key)?)
    }

    /// Append records with the changes that are true together with them.
    /// Durable when this returns.
    pub(crate) async fn append(
        &self,
        tenant: &str,
        records: Vec<Prepared>,
        changes: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let submission = Submission {
            tenant: tenant.to_owned(),
            records,
            changes,
        };
        self.store.append(submission).await?;
        Ok(())
    }

    /// All records of a run, opened, in order.
    pub(crate) async fn run_records(
        &self,
        tenant: &str,
        run: &str,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let filter = RecordFilter {
            run: Some(run.to_owned()),
            ..RecordFilter::default()
        };
        self.read(tenant, &filter).await
    }

    /// Records, opened.
    pub(crate) async fn read(
        &self,
        tenant: &str,
        filter: &RecordFilter,
    ) -> Result<Vec<OpenRecord>, JournalFault> {
        let mut open = Vec::new();
        for stored in self.store.records(tenant, filter).await? {
            open.push(self.open(tenant, stored).await?);
        }
        Ok(open)
    }

    /// Check that the sealed values are those that the records commit to. The
    /// answer names the first that is not.
    pub(crate) async fn verify_values(&self, tenant: &str) -> Result<Option<String>, JournalFault> {
        let mut after_seq = None;
        loop {
            let filter = RecordFilter {
                after_seq,
                limit: Some(VERIFY_PAGE),
                ..RecordFilter::default()
            };
            let page = self.store.records(tenant, &filter).await?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            after_seq = Some(last.seq);
            for stored in page {
                let seq = stored.seq;
                match self.open(tenant, stored).await {
                    Ok(open) if open.values.len() == open.leaf.values.len() => {}
                    Ok(_) => return Ok(Some(format!("record {seq}: its sealed values are gone"))),
                    Err(JournalFault::Record(why)) => {
                        return Ok(Some(format!("record {seq}: its sealed values: {why}")));
                    }
                    Err(fault) => return Err(fault),
                }
            }
        }
    }

    async fn open(&self, tenant: &str, stored: StoredRecord) -> Result<OpenRecord, JournalFault> {
        let leaf = Leaf::parse(&stored.leaf)?;
        let values = match &stored.sealed {
            Some(sealed) => {
                let key = self.subject_key(tenant, &leaf.subject).await?;
                tollgate_journal::open(&stored.leaf, sealed, &key)?
                    .into_iter()
                    .map(|value| (value.name, value.bytes))
                    .collect()
            }
            None => Vec::new(),
        };
        Ok(OpenRecord {
            seq: stored.seq,
            leaf,
            values,
        })
    }
}
