//! Large values, kept once per tenant. A blob is found by a keyed hash of its
//! content and sealed under a key made from its content, so that equal values are
//! equal blobs without anybody comparing them. The blob's key stands in the
//! sealed values of each record that refers to it: with those goes the last way
//! to open it.
//!
//! Both keys come from the tenant's part of the key ring. Whoever copies the
//! database can neither open a blob nor try contents against it, and cannot see
//! that two tenants keep the same.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::keys::DerivedKey;
use crate::seal::{NONCE_BYTES, decrypt, encrypt, header};
use crate::{Blob, JournalError};

/// Values of at least this size become blobs. Below it, what a reference and a
/// row of its own take (about 200 bytes) is saved too seldom.
pub const BLOB_BYTES_MIN: usize = 1024;

const BLOB_DOMAIN: &[u8] = b"tollgate blob v1\0";

/// What makes a tenant's blobs.
#[derive(Debug, Clone)]
pub struct BlobKeys {
    id: DerivedKey,
    key: DerivedKey,
}

impl BlobKeys {
    pub(crate) const fn new(id: DerivedKey, key: DerivedKey) -> Self {
        Self { id, key }
    }

    /// Seal a content.
    pub(crate) fn seal(&self, content: &[u8]) -> Result<(BlobRef, Blob), JournalError> {
        let digest: [u8; 32] = Sha256::digest(content).into();
        let reference = BlobRef {
            id: self.id.mac(&[&digest]),
            key: self.key.mac(&[&digest]),
        };
        // The nonce may be the same for all: a key is made from its content, so
        // no key ever seals two. And it must be: equal contents are equal blobs.
        let mut out = header(&[0; NONCE_BYTES], content.len());
        out.extend_from_slice(content);
        let sealed = encrypt(&reference.key, out, &data(&reference.id))?;
        let id = reference.id;
        Ok((reference, Blob { id, sealed }))
    }
}

/// Which blob, and what opens it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(crate) struct BlobRef {
    pub(crate) id: [u8; 32],
    pub(crate) key: [u8; 32],
}

impl BlobRef {
    /// The content. That it is the one meant shows against the leaf's commitment.
    pub(crate) fn open(&self, sealed: &[u8]) -> Result<Vec<u8>, JournalError> {
        decrypt(&self.key, sealed, &data(&self.id))
    }
}

impl fmt::Debug for BlobRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobRef([masked])")
    }
}

fn data(id: &[u8; 32]) -> Vec<u8> {
    [BLOB_DOMAIN, id].concat()
}
