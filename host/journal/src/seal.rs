//! Sealing: XChaCha20-Poly1305 under a subject's key. Its nonces are 192 random
//! bits, so hosts that share a key need not agree on a counter. The leaf's hash
//! is authenticated with the values: sealed bytes moved beside another record
//! do not open (a record's reply cannot be swapped for another's).

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::blob::BlobRef;
use crate::leaf::{SALT_BYTES, commitment_holds};
use crate::{Blob, Hash, JournalError, Leaf, leaf_hash};

pub(crate) const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// First byte of everything sealed; tells how it was sealed.
const SEAL_VERSION: u8 = 1;

/// First byte of a record's values when some of them lie in blobs.
const SEAL_VERSION_BLOBS: u8 = 2;
const HEADER_BYTES: usize = 1 + NONCE_BYTES;

/// Authenticated with what [`SubjectKey::seal`] seals, so that such bytes never
/// open as a record's values, nor the other way round.
const CONTEXT_DOMAIN: &[u8] = b"tollgate sealed context v1\0";
const VALUES_DOMAIN: &[u8] = b"tollgate sealed values v1\0";
const BLOB_VALUES_DOMAIN: &[u8] = b"tollgate sealed values v2\0";

/// The key of one subject. Destroying it makes the subject's values unreadable
/// while every proof stays whole.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SubjectKey([u8; 32]);

impl SubjectKey {
    /// A new random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, JournalError> {
        let mut key = Self([0; 32]);
        getrandom::fill(&mut key.0).map_err(JournalError::NoRandomness)?;
        Ok(key)
    }

    /// A key from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Seal bytes that stand outside of a record, such as a held run's input.
    /// They open only with the same `context`: name in it where the bytes
    /// belong, so that they cannot be moved.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, context: &[u8], bytes: &[u8]) -> Result<Vec<u8>, JournalError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(JournalError::NoRandomness)?;
        let mut out = header(&nonce, bytes.len());
        out.extend_from_slice(bytes);
        encrypt(self.as_bytes(), out, &[CONTEXT_DOMAIN, context].concat())
    }

    /// Open what [`seal`](Self::seal) sealed.
    ///
    /// # Errors
    /// When key or context is another, or the bytes were changed.
    pub fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, JournalError> {
        decrypt(self.as_bytes(), sealed, &[CONTEXT_DOMAIN, context].concat())
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectKey([masked])")
    }
}

/// One opened value of a record.
#[derive(Clone, PartialEq, Eq)]
pub struct OpenedValue {
    /// Its name.
    pub name: String,
    /// The salt of its commitment: disclose it with the value to prove it.
    pub salt: [u8; SALT_BYTES],
    /// The value.
    pub bytes: Vec<u8>,
}

/// Values are sensitive: they are not for logs.
impl fmt::Debug for OpenedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "OpenedValue({}, {} bytes [masked])",
            self.name,
            self.bytes.len()
        )
    }
}

/// Open a record's sealed values, and compare each with the leaf's commitment.
/// `blobs` are those that the record uses, in any order.
///
/// # Errors
/// When the key is another, the bytes were changed or belong to another leaf,
/// a value is not the one that the leaf commits to, or its blob is not there.
pub fn open(
    leaf: &[u8],
    sealed: &[u8],
    key: &SubjectKey,
    blobs: &[Blob],
) -> Result<Vec<OpenedValue>, JournalError> {
    let parsed = Leaf::parse(leaf)?;
    let in_blobs = sealed.first() == Some(&SEAL_VERSION_BLOBS);
    let data = authenticated(in_blobs, &leaf_hash(leaf));
    let plain = Zeroizing::new(decrypt_any(key.as_bytes(), sealed, &data)?);
    let held = read_values(&plain, in_blobs).ok_or(JournalError::SealBroken)?;
    let mut values = Vec::with_capacity(held.len());
    for (name, salt, held) in held {
        let bytes = match held {
            Held::Here(bytes) => bytes.to_vec(),
            Held::InBlob(reference) => {
                let found = blobs.iter().find(|blob| blob.id == reference.id);
                let missing = || JournalError::BlobMissing { name: name.clone() };
                reference.open(&found.ok_or_else(missing)?.sealed)?
            }
        };
        values.push(OpenedValue { name, salt, bytes });
    }
    for value in &values {
        let broken = || JournalError::CommitmentBroken(value.name.clone());
        let held = parsed.values.get(&value.name).ok_or_else(broken)?;
        if !commitment_holds(&held.commitment, &value.salt, &value.bytes) {
            return Err(broken());
        }
    }
    let missing = parsed
        .values
        .keys()
        .find(|name| values.iter().all(|v| v.name != **name));
    match missing {
        Some(name) => Err(JournalError::CommitmentBroken(name.clone())),
        None => Ok(values),
    }
}

/// Where a value's bytes are.
pub(crate) enum Held<'a> {
    /// In the sealed values themselves.
    Here(&'a [u8]),
    /// In a blob.
    InBlob(BlobRef),
}

impl Held<'_> {
    const IN_BLOB: u8 = 1;
    const HERE: u8 = 0;

    fn size(&self, in_blobs: bool) -> usize {
        let kind = usize::from(in_blobs);
        kind + match self {
            Held::Here(bytes) => 4 + bytes.len(),
            Held::InBlob(_) => 64,
        }
    }
}

/// One value as it is sealed: name, salt, bytes.
pub(crate) type SealedValue<'a> = (&'a str, &'a [u8; SALT_BYTES], Held<'a>);

/// Plain form: for each value the length of its name (1 byte), the name, the
/// salt, the length of the bytes (4 bytes, big endian), the bytes. Where some are
/// in blobs, a byte after each salt says whether bytes follow (0), or a blob's
/// identifier and key (1).
pub(crate) fn seal_values(
    key: &SubjectKey,
    nonce: [u8; NONCE_BYTES],
    hash: &Hash,
    values: &[SealedValue<'_>],
) -> Result<Vec<u8>, JournalError> {
    let blob = |(_, _, held): &SealedValue<'_>| matches!(held, Held::InBlob(_));
    let in_blobs = values.iter().any(blob);
    let sizes = values
        .iter()
        .map(|(name, _, held)| 1 + name.len() + SALT_BYTES + held.size(in_blobs));
    let mut out = header(&nonce, sizes.sum());
    for (name, salt, held) in values {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(*salt);
        match held {
            Held::Here(bytes) => {
                out.extend(in_blobs.then_some(Held::HERE));
                out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
                out.extend_from_slice(bytes);
            }
            Held::InBlob(reference) => {
                out.push(Held::IN_BLOB);
                out.extend_from_slice(&reference.id);
                out.extend_from_slice(&reference.key);
            }
        }
    }
    if in_blobs {
        out[0] = SEAL_VERSION_BLOBS;
    }
    encrypt(key.as_bytes(), out, &authenticated(in_blobs, hash))
}

fn read_values(
    mut plain: &[u8],
    in_blobs: bool,
) -> Option<Vec<(String, [u8; SALT_BYTES], Held<'_>)>> {
    let mut values = Vec::new();
    while let Some((&length, rest)) = plain.split_first() {
        let (name, rest) = rest.split_at_checked(usize::from(length))?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
        let (kind, rest) = match in_blobs {
            true => rest.split_first().map(|(kind, rest)| (*kind, rest))?,
            false => (Held::HERE, rest),
        };
        let (held, rest) = match kind {
            Held::HERE => {
                let (size, rest) = rest.split_first_chunk::<4>()?;
                let (bytes, rest) = rest.split_at_checked(u32::from_be_bytes(*size) as usize)?;
                (Held::Here(bytes), rest)
            }
            Held::IN_BLOB => {
                let (id, rest) = rest.split_first_chunk::<32>()?;
                let (key, rest) = rest.split_first_chunk::<32>()?;
                let reference = BlobRef { id: *id, key: *key };
                (Held::InBlob(reference), rest)
            }
            _ => return None,
        };
        let name = std::str::from_utf8(name).ok()?.to_owned();
        values.push((name, *salt, held));
        plain = rest;
    }
    Some(values)
}

fn authenticated(in_blobs: bool, hash: &Hash) -> [u8; VALUES_DOMAIN.len() + 32] {
    let mut data = [0; VALUES_DOMAIN.len() + 32];
    let domain = if in_blobs {
        BLOB_VALUES_DOMAIN
    } else {
        VALUES_DOMAIN
    };
    data[..VALUES_DOMAIN.len()].copy_from_slice(domain);
    data[VALUES_DOMAIN.len()..].copy_from_slice(hash);
    data
}

pub(crate) fn header(nonce: &[u8; NONCE_BYTES], content: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + content + TAG_BYTES);
    out.push(SEAL_VERSION);
    out.extend_from_slice(nonce);
    out
}

/// `out` is a header and the plain bytes; they are encrypted where they stand.
pub(crate) fn encrypt(
    key: &[u8; 32],
    mut out: Vec<u8>,
    data: &[u8],
) -> Result<Vec<u8>, JournalError> {
    let (head, content) = out.split_at_mut(HEADER_BYTES);
    let nonce = nonce_of(head);
    let tag = XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&nonce, data, content.into())
        .map_err(|_| JournalError::SealBroken)?;
    out.extend_from_slice(&tag);
    Ok(out)
}

pub(crate) fn decrypt(key: &[u8; 32], sealed: &[u8], data: &[u8]) -> Result<Vec<u8>, JournalError> {
    match sealed.first() {
        Some(&SEAL_VERSION) => decrypt_any(key, sealed, data),
        _ => Err(JournalError::SealBroken),
    }
}

/// Whatever the first byte says: the caller has authenticated it with `data`.
fn decrypt_any(key: &[u8; 32], sealed: &[u8], data: &[u8]) -> Result<Vec<u8>, JournalError> {
    let broken = JournalError::SealBroken;
    let known = [SEAL_VERSION, SEAL_VERSION_BLOBS];
    if sealed.len() < HEADER_BYTES + TAG_BYTES || !known.contains(&sealed[0]) {
        return Err(broken);
    }
    let (head, rest) = sealed.split_at(HEADER_BYTES);
    let (content, tag) = rest.split_at(rest.len() - TAG_BYTES);
    let mut plain = content.to_vec();
    let mut exact = Tag::default();
    exact.copy_from_slice(tag);
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(&nonce_of(head), data, plain.as_mut_slice().into(), &exact)
        .map_err(|_| broken)?;
    Ok(plain)
}

fn nonce_of(head: &[u8]) -> XNonce {
    let mut nonce = XNonce::default();
    nonce.copy_from_slice(&head[1..HEADER_BYTES]);
    nonce
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::{BlobKeys, Entry, KeyRing, Stage};

    fn prepare(entry: &Entry, key: &SubjectKey) -> Result<crate::Prepared, JournalError> {
        crate::prepare(entry, key, &blob_keys())
    }

    fn blob_keys() -> BlobKeys {
        KeyRing::generate().unwrap().blob_keys("t")
    }

    fn entry(value: &[u8]) -> Entry {
        Entry {
            tenant: "t".into(),
            case: "c".into(),
            run: None,
            principal: "p".into(),
            workflow: None,
            stage: Stage::Handoff,
            position: None,
            at_ms: 1,
            facts: serde_json::Map::new(),
            values: vec![("input", value.to_vec())],
            subject: "s".into(),
        }
    }

    #[test]
    fn no_changed_byte_opens() {
        let key = SubjectKey::generate().unwrap();
        let made = prepare(&entry(b"secret"), &key).unwrap();
        let sealed = made.sealed.unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(matches!(
                open(&made.leaf, &changed, &key, &[]),
                Err(JournalError::SealBroken)
            ));
            assert!(open(&made.leaf, &sealed[..at], &key, &[]).is_err());
        }
    }

    #[test]
    fn values_of_another_record_or_key_do_not_open() {
        let key = SubjectKey::generate().unwrap();
        let one = prepare(&entry(b"one"), &key).unwrap();
        let two = prepare(&entry(b"two"), &key).unwrap();
        assert!(open(&one.leaf, two.sealed.as_deref().unwrap(), &key, &[]).is_err());
        let other = SubjectKey::generate().unwrap();
        assert!(open(&one.leaf, one.sealed.as_deref().unwrap(), &other, &[]).is_err());
    }

    #[test]
    fn a_value_that_its_leaf_does_not_commit_to_is_named() {
        let key = SubjectKey::generate().unwrap();
        let made = prepare(&entry(b"one"), &key).unwrap();
        let values = [("input", &[0; SALT_BYTES], Held::Here(b"two"))];
        let forged = seal_values(&key, [0; NONCE_BYTES], &made.hash, &values).unwrap();
        let refused = open(&made.leaf, &forged, &key, &[]);
        assert!(matches!(refused, Err(JournalError::CommitmentBroken(name)) if name == "input"));
        let nothing = seal_values(&key, [0; NONCE_BYTES], &made.hash, &[]).unwrap();
        let refused = open(&made.leaf, &nothing, &key, &[]);
        assert!(matches!(refused, Err(JournalError::CommitmentBroken(name)) if name == "input"));
    }

    #[test]
    fn what_is_sealed_outside_a_record_opens_in_its_context_only() {
        let key = SubjectKey::generate().unwrap();
        let sealed = key.seal(b"run-1", b"input").unwrap();
        assert_eq!(key.unseal(b"run-1", &sealed).unwrap(), b"input");
        assert!(key.unseal(b"run-2", &sealed).is_err());
        assert!(key.unseal(b"run-1", &sealed[..20]).is_err());
    }

    #[test]
    fn neither_a_key_nor_a_value_shows_in_debug_output() {
        let key = SubjectKey::from_bytes([0xab; 32]);
        let value = OpenedValue {
            name: "input".into(),
            salt: [0xab; 16],
            bytes: vec![0xab; 9],
        };
        for shown in [format!("{key:?}"), format!("{value:?}")] {
            assert!(!shown.contains("171") && !shown.contains("ab, ab") && !shown.contains("abab"));
            assert!(shown.contains("masked"));
        }
    }
}
