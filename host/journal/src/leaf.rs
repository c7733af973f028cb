//! A leaf as its readers see it, and the commitments in it. A commitment lets
//! one value be disclosed to somebody who holds the leaf, without the others;
//! its salt keeps short values (a name, an amount) from being guessed.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;

use crate::{JournalError, LEAF_BYTES_MAX, Stage};

/// The version of leaf that this program writes and reads.
pub const LEAF_VERSION: u32 = 1;

/// Bytes of salt for a commitment: 128 bits, so that nobody can try values.
pub const SALT_BYTES: usize = 16;

/// What a leaf says of a sealed value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// HMAC-SHA256 under the salt, in hex.
    pub commitment: String,
    /// Size of the value in bytes.
    pub size: u64,
}

/// A parsed leaf.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// [`LEAF_VERSION`].
    pub v: u32,
    /// Whose journal.
    pub tenant: String,
    /// The hand-off.
    pub case: String,
    /// The tool call, where there is one.
    #[serde(default)]
    pub run: Option<String>,
    /// Who acted.
    pub principal: String,
    /// The boundary the work happened inside.
    #[serde(default)]
    pub workflow: Option<String>,
    /// What this tells of.
    pub stage: Stage,
    /// Unix time in milliseconds.
    pub at: u64,
    /// Which import call of the run, counted from 0.
    #[serde(default)]
    pub position: Option<u32>,
    /// Whose key seals the values.
    pub subject: String,
    /// Public facts.
    pub facts: Map<String, Value>,
    /// The sealed values by name.
    pub values: BTreeMap<String, Commitment>,
}

impl Leaf {
    /// Read a leaf.
    ///
    /// # Errors
    /// When the bytes are no leaf of a version that this program knows.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, JournalError> {
        if bytes.len() > LEAF_BYTES_MAX {
            let (size, limit) = (bytes.len(), LEAF_BYTES_MAX);
            return Err(JournalError::LeafTooLarge { size, limit });
        }
        let bad = |what: String| JournalError::BadLeaf(what);
        let leaf: Leaf = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        if leaf.v != LEAF_VERSION {
            return Err(bad(format!(
                "version {}, this program reads {LEAF_VERSION}",
                leaf.v
            )));
        }
        Ok(leaf)
    }

    /// Whether `value` with its disclosed salt is what this leaf commits to
    /// under `name`.
    #[must_use]
    pub fn commits_to(&self, name: &str, salt: &[u8; SALT_BYTES], value: &[u8]) -> bool {
        self.values.get(name).is_some_and(|held| {
            held.size == value.len() as u64 && commitment_holds(&held.commitment, salt, value)
        })
    }
}

/// The commitment to a value under a salt.
#[must_use]
pub fn commit(salt: &[u8; SALT_BYTES], value: &[u8]) -> [u8; 32] {
    mac(salt, value).finalize().into_bytes().into()
}

/// Whether a commitment in hex is the one to this value under this salt.
/// Compared in constant time: how far a guess agrees must not show.
#[must_use]
pub fn commitment_holds(commitment: &str, salt: &[u8; SALT_BYTES], value: &[u8]) -> bool {
    let mut expected = [0; 32];
    hex::decode_to_slice(commitment, &mut expected).is_ok()
        && mac(salt, value).verify_slice(&expected).is_ok()
}

fn mac(salt: &[u8; SALT_BYTES], value: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(salt).expect("HMAC takes keys of any length: RFC 2104");
    mac.update(value);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_holds_for_its_value_and_salt_only() {
        let commitment = hex::encode(commit(&[7; SALT_BYTES], b"4200"));
        assert!(commitment_holds(&commitment, &[7; SALT_BYTES], b"4200"));
        assert!(!commitment_holds(&commitment, &[7; SALT_BYTES], b"4201"));
        assert!(!commitment_holds(&commitment, &[8; SALT_BYTES], b"4200"));
        assert!(!commitment_holds(
            &commitment[..62],
            &[7; SALT_BYTES],
            b"4200"
        ));
    }

    #[test]
    fn bytes_that_are_no_known_leaf_are_refused() {
        let future = br#"{"at":1,"case":"c","facts":{},"principal":"p","stage":"handoff","subject":"s","tenant":"t","v":2,"values":{}}"#;
        assert!(matches!(Leaf::parse(future), Err(JournalError::BadLeaf(_))));
        assert!(matches!(Leaf::parse(b"[]"), Err(JournalError::BadLeaf(_))));
        let huge = vec![b' '; LEAF_BYTES_MAX + 1];
        assert!(matches!(
            Leaf::parse(&huge),
            Err(JournalError::LeafTooLarge { .. })
        ));
    }
}
