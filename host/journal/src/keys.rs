//! The key ring: one master secret, kept outside the database, from which every
//! other key is derived (HKDF-SHA256, RFC 5869) under a label of its own, so
//! that no key serves two purposes. A copied database alone opens nothing.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::JournalError;
use crate::blob::BlobKeys;
use crate::note::NoteError;
use crate::note_key::{KeyKind, SigningKey};
use crate::seal::{NONCE_BYTES, SubjectKey, decrypt, encrypt, header};

const FIRST_LINE: &str = "tollgate key ring v1";
const MASTER_BYTES: usize = 32;

/// Largest key ring text: far more than version 1 needs, far less than a file
/// read by mistake.
pub const KEY_RING_BYTES_MAX: usize = 4096;

/// How a subject begins that a caller named, unlike a day or a case.
pub const SUBJECT_PREFIX: &str = "subject:";

/// A key derived from the ring. Wiped when dropped, masked when shown.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DerivedKey([u8; 32]);

impl DerivedKey {
    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA256 of parts under this key. Each part is preceded by its length,
    /// so that moving a byte from one part to the next changes the result.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0)
            .expect("HMAC takes keys of any length: RFC 2104");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` is [`mac`](Self::mac) of the parts, in constant time.
    #[must_use]
    pub fn mac_holds(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        bool::from(subtle::ConstantTimeEq::ct_eq(
            self.mac(parts).as_slice(),
            tag,
        ))
    }
}

impl fmt::Debug for DerivedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DerivedKey([masked])")
    }
}

/// The master secret and what is derived from it.
#[derive(Clone, ZeroizeOnDrop)]
pub struct KeyRing {
    master: [u8; MASTER_BYTES],
}

impl KeyRing {
    /// A new ring.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, JournalError> {
        let mut ring = Self {
            master: [0; MASTER_BYTES],
        };
        getrandom::fill(&mut ring.master).map_err(JournalError::NoRandomness)?;
        Ok(ring)
    }

    /// Read a ring from its text form.
    ///
    /// # Errors
    /// When the bytes are no ring, or one of a newer version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JournalError> {
        if bytes.len() > KEY_RING_BYTES_MAX {
            return Err(JournalError::BadKeyRing("it is too large"));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| JournalError::BadKeyRing("it is not text"))?;
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            let what = "its first line is not `tollgate key ring v1`";
            return Err(JournalError::BadKeyRing(what));
        }
        let master = lines.next().and_then(|line| line.strip_prefix("master "));
        let mut ring = Self {
            master: [0; MASTER_BYTES],
        };
        let read = master.is_some_and(|m| hex::decode_to_slice(m, &mut ring.master).is_ok());
        if !read || lines.next().is_some() {
            let what = "its second and last line is not `master ` and 64 hex digits";
            return Err(JournalError::BadKeyRing(what));
        }
        Ok(ring)
    }

    /// The text form: a line with name and version, a line with the secret.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let secret = Zeroizing::new(hex::encode(self.master));
        Zeroizing::new(format!("{FIRST_LINE}\nmaster {}\n", *secret).into_bytes())
    }

    /// The key that authenticates files of the compile cache.
    #[must_use]
    pub fn cache_key(&self) -> DerivedKey {
        self.derive(b"cache", &[])
    }

    /// The key under which tokens are hashed.
    #[must_use]
    pub fn token_key(&self) -> DerivedKey {
        self.derive(b"token", &[])
    }

    /// The key that authenticates what a page sends back (sessions, forms).
    #[must_use]
    pub fn page_key(&self) -> DerivedKey {
        self.derive(b"page", &[])
    }

    /// The key that seals a tenant's secrets kept in the home.
    #[must_use]
    pub fn secrets_key(&self, tenant: &str) -> SubjectKey {
        SubjectKey::from_bytes(self.derive(b"secrets", tenant.as_bytes()).0)
    }

    /// What an announcement of a tenant's approval says of its digest, and a callback
    /// names: 160 bits in hex. Keyed: whoever was not told cannot make it, though
    /// everything that a digest covers may be known to who asked.
    #[must_use]
    pub fn announced_digest(&self, tenant: &str, approval: &str, digest: &str) -> String {
        let key = self.derive(b"announcement", tenant.as_bytes());
        let length = (approval.len() as u64).to_be_bytes();
        let mac = key.mac(&[&length, approval.as_bytes(), digest.as_bytes()]);
        hex::encode(&mac[..20])
    }

    /// The hash under which a token is stored. Keyed: whoever copies the
    /// database cannot try tokens against it.
    #[must_use]
    pub fn token_hash(&self, token: &str) -> [u8; 32] {
        self.token_key().mac(&[token.as_bytes()])
    }

    /// Wrap a subject's key under its tenant's. It unwraps for the same tenant
    /// and subject only.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn wrap(
        &self,
        tenant: &str,
        subject: &str,
        key: &SubjectKey,
    ) -> Result<Vec<u8>, JournalError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(JournalError::NoRandomness)?;
        let mut out = header(&nonce, MASTER_BYTES);
        out.extend_from_slice(key.as_bytes());
        encrypt(
            self.tenant_key(tenant).as_bytes(),
            out,
            &wrap_data(tenant, subject),
        )
    }

    /// Unwrap a subject's key.
    ///
    /// # Errors
    /// When ring, tenant or subject is another, or the bytes were changed.
    pub fn unwrap(
        &self,
        tenant: &str,
        subject: &str,
        wrapped: &[u8],
    ) -> Result<SubjectKey, JournalError> {
        let broken = || JournalError::KeyBroken {
            subject: subject.to_owned(),
        };
        let tenant_key = self.tenant_key(tenant);
        let plain = decrypt(tenant_key.as_bytes(), wrapped, &wrap_data(tenant, subject));
        let plain = Zeroizing::new(plain.map_err(|_| broken())?);
        let bytes: &[u8; 32] = plain.as_slice().try_into().map_err(|_| broken())?;
        Ok(SubjectKey::from_bytes(*bytes))
    }

    /// What makes a tenant's blobs.
    #[must_use]
    pub fn blob_keys(&self, tenant: &str) -> BlobKeys {
        let tenant = tenant.as_bytes();
        BlobKeys::new(
            self.derive(b"blob id", tenant),
            self.derive(b"blob key", tenant),
        )
    }

    /// The name of a tenant's log: the same for the same ring and tenant, and no
    /// other's. What a key's name cannot have, or would make two tenants one, is
    /// written as `%` and two hex digits.
    #[must_use]
    pub fn log_origin(&self, tenant: &str) -> String {
        let ring = self.derive(b"log name", &[]);
        let mut origin = format!("tollgate/{}/", hex::encode(&ring.0[..8]));
        for byte in tenant.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
                origin.push(char::from(byte));
            } else {
                origin.push_str(&format!("%{byte:02x}"));
            }
        }
        origin
    }

    /// The key that signs a tenant's checkpoints.
    ///
    /// # Errors
    /// When the tenant's name is too long to name a key.
    pub fn log_key(&self, tenant: &str) -> Result<SigningKey, NoteError> {
        let seed = self.derive(b"log", tenant.as_bytes());
        SigningKey::from_seed(&self.log_origin(tenant), KeyKind::Ed25519, &seed.0)
    }

    /// The subject that stands in leaves for one that a caller named. Leaves stay
    /// for ever and go to reviewers, so a name or an address must not stand there;
    /// the key keeps names from being tried against it.
    #[must_use]
    pub fn subject_label(&self, tenant: &str, given: &str) -> String {
        let key = self.derive(b"subject", tenant.as_bytes());
        let hash = key.mac(&[given.as_bytes()]);
        format!("{SUBJECT_PREFIX}{}", hex::encode(&hash[..16]))
    }

    fn tenant_key(&self, tenant: &str) -> DerivedKey {
        self.derive(b"tenant", tenant.as_bytes())
    }

    fn derive(&self, purpose: &[u8], whose: &[u8]) -> DerivedKey {
        let mut key = DerivedKey([0; 32]);
        let length = (purpose.len() as u64).to_be_bytes();
        Hkdf::<Sha256>::new(Some(b"tollgate key ring v1"), &self.master)
            .expand_multi_info(&[&length, purpose, whose], &mut key.0)
            .expect("32 bytes are within HKDF's 255 blocks: RFC 5869");
        key
    }
}

fn wrap_data(tenant: &str, subject: &str) -> Vec<u8> {
    let length = (tenant.len() as u64).to_be_bytes();
    let domain = b"tollgate subject key v1\0".as_slice();
    [
        domain,
        length.as_slice(),
        tenant.as_bytes(),
        subject.as_bytes(),
    ]
    .concat()
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyRing([masked])")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_ring_reads_back_from_its_text() {
        let ring = KeyRing::generate().unwrap();
        let again = KeyRing::from_bytes(&ring.to_bytes()).unwrap();
        assert_eq!(ring.token_hash("t"), again.token_hash("t"));
        assert_ne!(
            ring.token_hash("t"),
            KeyRing::generate().unwrap().token_hash("t")
        );
    }

    #[test]
    fn no_two_purposes_share_a_key() {
        let ring = KeyRing::generate().unwrap();
        let keys = [
            ring.cache_key(),
            ring.token_key(),
            ring.page_key(),
            ring.tenant_key("a"),
        ];
        let mut distinct: std::collections::BTreeSet<_> = keys.iter().map(|k| k.0).collect();
        for tenant in ["a", "b"] {
            distinct.insert(*ring.secrets_key(tenant).as_bytes());
        }
        assert_eq!(distinct.len(), keys.len() + 2);
    }

    #[test]
    fn a_file_that_is_no_ring_is_refused() {
        let text = String::from_utf8(KeyRing::generate().unwrap().to_bytes().to_vec()).unwrap();
        let changed = [
            String::new(),
            text.replace("v1", "v2"),
            text.replace("master ", "key "),
            text[..text.len() - 3].to_owned(),
            format!("{text}more\n"),
            "x".repeat(KEY_RING_BYTES_MAX + 1),
        ];
        for bad in changed {
            let read = KeyRing::from_bytes(bad.as_bytes());
            assert!(matches!(read, Err(JournalError::BadKeyRing(_))), "{bad}");
        }
    }

    #[test]
    fn a_wrapped_key_serves_its_own_tenant_and_subject_only() {
        let ring = KeyRing::generate().unwrap();
        let key = SubjectKey::generate().unwrap();
        let wrapped = ring.wrap("acme", "s1", &key).unwrap();
        assert_eq!(
            ring.unwrap("acme", "s1", &wrapped).unwrap().as_bytes(),
            key.as_bytes()
        );
        assert!(ring.unwrap("acme", "s2", &wrapped).is_err());
        assert!(ring.unwrap("acm", "es1", &wrapped).is_err());
        assert!(ring.unwrap("other", "s1", &wrapped).is_err());
        assert!(
            KeyRing::generate()
                .unwrap()
                .unwrap("acme", "s1", &wrapped)
                .is_err()
        );
    }

    #[test]
    fn a_mac_tells_its_parts_apart() {
        let key = KeyRing::generate().unwrap().page_key();
        let tag = key.mac(&[b"ab", b"c"]);
        assert!(key.mac_holds(&[b"ab", b"c"], &tag));
        assert!(!key.mac_holds(&[b"a", b"bc"], &tag));
        assert!(!key.mac_holds(&[b"ab", b"c"], &tag[..31]));
    }

    #[test]
    fn no_key_shows_in_debug_output() {
        let ring = KeyRing { master: [0xab; 32] };
        assert_eq!(format!("{ring:?}"), "KeyRing([masked])");
        assert_eq!(format!("{:?}", ring.page_key()), "DerivedKey([masked])");
    }
}
