//! From what a caller knows to what a store keeps. Everything expensive (JSON,
//! hashing, sealing) happens here, outside of any transaction and in parallel:
//! a leaf names neither its sequence number nor the record before it, because
//! its place in the tree says both.

use serde_json::{Map, Value};

use crate::blob::{BLOB_BYTES_MIN, BlobKeys};
use crate::leaf::{SALT_BYTES, commit};
use crate::seal::Held;
use crate::tree::Hash;
use crate::{JournalError, Stage, SubjectKey, json, leaf_hash, seal};

/// Largest leaf. Leaves are read whole by verifiers and listings, so they stay
/// small; what is large lies beside them, sealed. An entry bundle of
/// <https://c2sp.org/tlog-tiles> gives an entry's length in 16 bits.
pub const LEAF_BYTES_MAX: usize = 64 * 1024 - 1;

/// Largest sealed value: twice the largest default reply (8 MiB), so that a
/// reply always fits, and far below what one database row can hold.
pub const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most sealed values of one record: the door uses at most six (arguments,
/// reply, input, output, prior value, undo); the rest is room.
pub const VALUES_MAX: usize = 16;

/// Longest name of a sealed value.
pub const VALUE_NAME_BYTES_MAX: usize = 64;

/// What a caller wants recorded.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose journal.
    pub tenant: String,
    /// The hand-off.
    pub case: String,
    /// The tool call, where there is one.
    pub run: Option<String>,
    /// Who acts.
    pub principal: String,
    /// The boundary the work happens inside.
    pub workflow: Option<String>,
    /// What this tells of.
    pub stage: Stage,
    /// Which import call of the run, counted from 0.
    pub position: Option<u32>,
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Public facts: they stay readable for ever, so nothing sensitive.
    pub facts: Map<String, Value>,
    /// Sensitive values by name. The leaf gets a salted commitment and the size
    /// of each; the bytes are sealed under the subject's key.
    pub values: Vec<(&'static str, Vec<u8>)>,
    /// Whose key seals the values. It stands in the leaf: use an opaque
    /// identifier, never a name or an address.
    pub subject: String,
}

/// A record ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Whose journal.
    pub tenant: String,
    /// The tool call, where there is one.
    pub run: Option<String>,
    /// The hand-off.
    pub case: String,
    /// What this tells of.
    pub stage: Stage,
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Canonical JSON.
    pub leaf: Vec<u8>,
    /// RFC 6962 leaf hash of `leaf`.
    pub hash: Hash,
    /// The sealed values, where there are any.
    pub sealed: Option<Vec<u8>>,
    /// Whose key seals the values.
    pub subject: String,
    /// Large values, kept once per tenant, that the sealed ones refer to.
    pub blobs: Vec<Blob>,
    /// What finds a run by its end. A caller sets it on `run.closed`; it is not
    /// part of the leaf, which says the same in its facts.
    pub closing: Option<Closing>,
}

/// A large value, sealed under a key derived from its content, so that equal
/// values of one tenant are one blob. The key lies in the records that refer to
/// it, under their subjects' keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Keyed hash of the content: it tells nothing to who has no key of the tenant.
    pub id: [u8; 32],
    /// The sealed content.
    pub sealed: Vec<u8>,
}

/// What a run came to, beside its last record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// `connector.tool`.
    pub tool: String,
    /// `done`, `failed`, `denied`.
    pub outcome: String,
    /// Its workflow.
    pub workflow: Option<String>,
}

impl Prepared {
    /// Rough size in a store.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let blobs = self.blobs.iter().map(|blob| blob.sealed.len());
        self.leaf.len() + self.sealed.as_ref().map_or(0, Vec::len) + blobs.sum::<usize>()
    }
}

/// Make the record of an entry: its leaf, its hash, its sealed values, and the
/// blobs of those that are large.
///
/// # Errors
/// When the entry is over a limit, holds what canonical JSON cannot say exactly,
/// or the system gives no randomness.
pub fn prepare(
    entry: &Entry,
    key: &SubjectKey,
    blob_keys: &BlobKeys,
) -> Result<Prepared, JournalError> {
    let order = value_order(&entry.values)?;
    let random = Random::draw(order.as_slice().len())?;
    let mut salted = [([0; SALT_BYTES], [0; 32]); VALUES_MAX];
    for (rank, &index) in order.as_slice().iter().enumerate() {
        let salt = random.salt(rank);
        salted[rank] = (salt, commit(&salt, &entry.values[usize::from(index)].1));
    }
    let leaf = write_leaf(entry, &order, &salted)?;
    let hash = leaf_hash(&leaf);
    let mut blobs: Vec<Blob> = Vec::new();
    let mut values = Vec::with_capacity(entry.values.len());
    for (rank, &index) in order.as_slice().iter().enumerate() {
        let (name, bytes) = &entry.values[usize::from(index)];
        let held = if bytes.len() < BLOB_BYTES_MIN {
            Held::Here(bytes)
        } else {
            let (reference, blob) = blob_keys.seal(bytes)?;
            if blobs.iter().all(|other| other.id != blob.id) {
                blobs.push(blob);
            }
            Held::InBlob(reference)
        };
        values.push((*name, &salted[rank].0, held));
    }
    let sealed = (!values.is_empty())
        .then(|| seal::seal_values(key, random.nonce(), &hash, &values))
        .transpose()?;
    Ok(Prepared {
        tenant: entry.tenant.clone(),
        run: entry.run.clone(),
        case: entry.case.clone(),
        stage: entry.stage,
        at_ms: entry.at_ms,
        leaf,
        hash,
        sealed,
        subject: entry.subject.clone(),
        blobs,
        closing: None,
    })
}

/// Indexes of the values in the order of their names, on the stack.
struct Order {
    indexes: [u8; VALUES_MAX],
    count: usize,
}

impl Order {
    fn as_slice(&self) -> &[u8] {
        &self.indexes[..self.count]
    }
}

fn value_order(values: &[(&'static str, Vec<u8>)]) -> Result<Order, JournalError> {
    if values.len() > VALUES_MAX {
        return Err(JournalError::TooManyValues {
            count: values.len(),
            limit: VALUES_MAX,
        });
    }
    let mut order = Order {
        indexes: [0; VALUES_MAX],
        count: values.len(),
    };
    for (index, (name, bytes)) in (0_u8..).zip(values) {
        check_value(name, bytes)?;
        order.indexes[usize::from(index)] = index;
    }
    let name = |index: u8| values[usize::from(index)].0;
    order.indexes[..order.count].sort_unstable_by_key(|&index| name(index));
    match order
        .as_slice()
        .windows(2)
        .find(|pair| name(pair[0]) == name(pair[1]))
    {
        Some(pair) => Err(JournalError::BadValueName(name(pair[0]).to_owned())),
        None => Ok(order),
    }
}

fn check_value(name: &str, bytes: &[u8]) -> Result<(), JournalError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.';
    if name.is_empty() || name.len() > VALUE_NAME_BYTES_MAX || !name.bytes().all(plain) {
        return Err(JournalError::BadValueName(name.chars().take(80).collect()));
    }
    if bytes.len() > VALUE_BYTES_MAX {
        let (field, size) = (name.to_owned(), bytes.len());
        return Err(JournalError::ValueTooLarge {
            field,
            size,
            limit: VALUE_BYTES_MAX,
        });
    }
    Ok(())
}

/// All randomness of one record in one system call: a nonce and the salts.
struct Random([u8; seal::NONCE_BYTES + SALT_BYTES * VALUES_MAX]);

impl Random {
    fn draw(values: usize) -> Result<Self, JournalError> {
        let mut bytes = [0; seal::NONCE_BYTES + SALT_BYTES * VALUES_MAX];
        if values > 0 {
            let needed = seal::NONCE_BYTES + SALT_BYTES * values;
            getrandom::fill(&mut bytes[..needed]).map_err(JournalError::NoRandomness)?;
        }
        Ok(Self(bytes))
    }

    fn nonce(&self) -> [u8; seal::NONCE_BYTES] {
        let mut nonce = [0; seal::NONCE_BYTES];
        nonce.copy_from_slice(&self.0[..seal::NONCE_BYTES]);
        nonce
    }

    fn salt(&self, rank: usize) -> [u8; SALT_BYTES] {
        let from = seal::NONCE_BYTES + rank * SALT_BYTES;
        let mut salt = [0; SALT_BYTES];
        salt.copy_from_slice(&self.0[from..from + SALT_BYTES]);
        salt
    }
}

/// The leaf, its keys in the order RFC 8785 asks for.
fn write_leaf(
    entry: &Entry,
    order: &Order,
    salted: &[([u8; SALT_BYTES], [u8; 32])],
) -> Result<Vec<u8>, JournalError> {
    let mut out = json::Writer::with_capacity(512 + entry.values.len() * 128);
    out.raw("{\"at\":");
    out.integer_at(entry.at_ms, "/at")?;
    out.raw(",\"case\":");
    out.text(&entry.case);
    out.raw(",\"facts\":");
    out.object(&entry.facts, "/facts")?;
    if let Some(position) = entry.position {
        out.raw(",\"position\":");
        out.integer_at(u64::from(position), "/position")?;
    }
    out.raw(",\"principal\":");
    out.text(&entry.principal);
    out.optional_text(",\"run\":", entry.run.as_deref());
    out.raw(",\"stage\":");
    out.text(entry.stage.as_str());
    out.raw(",\"subject\":");
    out.text(&entry.subject);
    out.raw(",\"tenant\":");
    out.text(&entry.tenant);
    out.raw(",\"v\":1,\"values\":{");
    for (rank, &index) in order.as_slice().iter().enumerate() {
        let (name, bytes) = &entry.values[usize::from(index)];
        out.raw(if rank == 0 { "\"" } else { ",\"" });
        out.raw(name);
        out.raw("\":{\"commitment\":\"");
        out.hex(&salted[rank].1);
        out.raw("\",\"size\":");
        out.integer_at(bytes.len() as u64, "/values")?;
        out.raw("}");
    }
    out.raw("}");
    out.optional_text(",\"workflow\":", entry.workflow.as_deref());
    out.raw("}");
    let leaf = out.into_bytes();
    if leaf.len() > LEAF_BYTES_MAX {
        return Err(JournalError::LeafTooLarge {
            size: leaf.len(),
            limit: LEAF_BYTES_MAX,
        });
    }
    Ok(leaf)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;
    use crate::{KeyRing, Leaf, open};

    fn prepare(entry: &Entry, key: &SubjectKey) -> Result<Prepared, JournalError> {
        super::prepare(entry, key, &KeyRing::generate().unwrap().blob_keys("acme"))
    }

    pub(crate) fn entry() -> Entry {
        let facts = json!({"call": "sql.query", "fuel": 4210, "rows": [1, -2, null, true]});
        Entry {
            tenant: "acme".into(),
            case: "case-1".into(),
            run: Some("run-1".into()),
            principal: "agent:support".into(),
            workflow: Some("refunds".into()),
            stage: Stage::CallOutcome,
            position: Some(3),
            at_ms: 1_790_000_000_000,
            facts: facts.as_object().unwrap().clone(),
            values: vec![
                ("reply", b"{\"rows\":[]}".to_vec()),
                ("args", b"[1]".to_vec()),
            ],
            subject: "s-1".into(),
        }
    }

    #[test]
    fn a_leaf_is_canonical_json_and_reads_back() {
        let prepared = prepare(&entry(), &SubjectKey::generate().unwrap()).unwrap();
        let value: Value = serde_json::from_slice(&prepared.leaf).unwrap();
        let canonical = tollgate_policy::canonical(&value).unwrap();
        assert_eq!(String::from_utf8(prepared.leaf.clone()).unwrap(), canonical);
        let leaf = Leaf::parse(&prepared.leaf).unwrap();
        assert_eq!((leaf.stage, leaf.position), (Stage::CallOutcome, Some(3)));
        assert_eq!(leaf.values["reply"].size, 11);
        assert_eq!(prepared.hash, leaf_hash(&prepared.leaf));
    }

    #[test]
    fn equal_values_have_different_commitments_in_two_records() {
        let key = SubjectKey::generate().unwrap();
        let first = prepare(&entry(), &key).unwrap();
        let second = prepare(&entry(), &key).unwrap();
        assert_ne!(first.leaf, second.leaf);
        assert_ne!(first.sealed, second.sealed);
    }

    #[test]
    fn a_record_without_values_has_nothing_sealed() {
        let plain = Entry {
            values: Vec::new(),
            run: None,
            workflow: None,
            ..entry()
        };
        let prepared = prepare(&plain, &SubjectKey::generate().unwrap()).unwrap();
        assert_eq!(prepared.sealed, None);
        let leaf = Leaf::parse(&prepared.leaf).unwrap();
        assert_eq!((leaf.run, leaf.workflow), (None, None));
    }

    #[test]
    fn sealed_values_come_back_under_their_names() {
        let key = SubjectKey::generate().unwrap();
        let prepared = prepare(&entry(), &key).unwrap();
        let values = open(
            &prepared.leaf,
            prepared.sealed.as_deref().unwrap(),
            &key,
            &[],
        )
        .unwrap();
        let names: Vec<_> = values.iter().map(|v| v.name.as_str()).collect();
        assert_eq!(names, ["args", "reply"]);
        assert_eq!(values[0].bytes, b"[1]");
    }

    #[test]
    fn an_entry_over_a_limit_is_refused() {
        let key = SubjectKey::generate().unwrap();
        let mut large = entry();
        large
            .facts
            .insert("text".into(), "x".repeat(LEAF_BYTES_MAX).into());
        assert!(matches!(
            prepare(&large, &key),
            Err(JournalError::LeafTooLarge { .. })
        ));
        let mut value = entry();
        value.values.push(("prior", vec![0; VALUE_BYTES_MAX + 1]));
        assert!(matches!(
            prepare(&value, &key),
            Err(JournalError::ValueTooLarge { .. })
        ));
        let mut many = entry();
        many.values = vec![("a", Vec::new()); VALUES_MAX + 1];
        assert!(matches!(
            prepare(&many, &key),
            Err(JournalError::TooManyValues { .. })
        ));
        let mut twice = entry();
        twice.values = vec![("a", Vec::new()), ("b", Vec::new()), ("a", Vec::new())];
        assert!(matches!(
            prepare(&twice, &key),
            Err(JournalError::BadValueName(_))
        ));
        let mut late = entry();
        late.at_ms = u64::MAX;
        assert!(matches!(
            prepare(&late, &key),
            Err(JournalError::InexactNumber(_))
        ));
    }
}
