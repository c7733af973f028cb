//! Tollgate's journal as values: records, commitments, the Merkle tree, sealing
//! and verification. Pure: no files, no database, no clock. The only thing taken
//! from outside is randomness for salts, nonces and keys.
//!
//! | file | what |
//! |---|---|
//! | `stage` | the stages a record can tell of |
//! | `entry` | [`Entry`] → [`prepare`] → [`Prepared`]: what a caller hands in, what a store keeps |
//! | `json` | canonical JSON (RFC 8785) of a leaf, written without an intermediate tree |
//! | `leaf` | [`Leaf`], the parsed form for readers, and the commitment check |
//! | `seal` | [`SubjectKey`], sealed values, [`open`] |
//! | `keys` | [`KeyRing`]: one master secret, every other key derived from it |
//! | `tree` | [`Frontier`]: the RFC 6962 tree in O(log n) |
//! | `verify` | [`Verifier`], which names the first record that does not fit |

mod entry;
mod error;
mod json;
mod keys;
mod leaf;
mod seal;
mod stage;
mod tree;
mod verify;

pub use entry::{
    Blob, Closing, Entry, LEAF_BYTES_MAX, Prepared, VALUE_BYTES_MAX, VALUE_NAME_BYTES_MAX,
    VALUES_MAX, prepare,
};
pub use error::JournalError;
pub use json::{FACT_DEPTH_MAX, INTEGER_MAX};
pub use keys::{DerivedKey, KEY_RING_BYTES_MAX, KeyRing};
pub use leaf::{Commitment, LEAF_VERSION, Leaf, SALT_BYTES, commit, commitment_holds};
pub use seal::{OpenedValue, SubjectKey, open};
pub use stage::Stage;
pub use tree::{Frontier, Hash, leaf_hash};
pub use verify::{TamperReport, Tampering, Verified, Verifier, verify_records};
