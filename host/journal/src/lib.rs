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
//! | `blob` | large values, kept once per tenant |
//! | `tree` | [`Frontier`]: the RFC 6962 tree in O(log n) |
//! | `tile` | the tree in files of 256 hashes (tlog-tiles) |
//! | `proof` | inclusion and consistency |
//! | `note`, `note_key` | signed notes and their keys |
//! | `checkpoint` | a log's signed heads |
//! | `record_proof` | one record's proof as a file that verifies alone |
//! | `export` | a log as a directory: written, and verified offline |
//! | `tenant` | whose data something is, as a type |
//! | `verify` | [`Verifier`], which names the first record that does not fit |

mod blob;
mod checkpoint;
mod entry;
mod error;
mod export;
mod json;
mod keys;
mod leaf;
mod note;
mod note_key;
mod proof;
mod record_proof;
mod seal;
mod stage;
mod tenant;
mod tile;
mod tree;
mod verify;

pub use blob::{BLOB_BYTES_MIN, BlobKeys};
pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use entry::{
    Blob, Closing, Entry, LEAF_BYTES_MAX, Prepared, VALUE_BYTES_MAX, VALUE_NAME_BYTES_MAX,
    VALUES_MAX, prepare,
};
pub use error::JournalError;
pub use export::{
    ExportCheck, ExportError, ExportFile, ExportMismatch, ExportReader, ExportReport,
    ExportTampering, ExportVerified, ExportWriter, verify_export,
};
pub use json::{FACT_DEPTH_MAX, INTEGER_MAX};
pub use keys::{DerivedKey, KEY_RING_BYTES_MAX, KeyRing, SUBJECT_PREFIX};
pub use leaf::{Commitment, LEAF_VERSION, Leaf, SALT_BYTES, commit, commitment_holds};
pub use note::{
    NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, NoteSignature, SignedNote, VerifiedSignature,
};
pub use note_key::{KEY_NAME_BYTES_MAX, KeyKind, SigningKey, VerifierKey};
pub use proof::{
    ConsistencyProof, InclusionProof, ProofError, needs_for_consistency, needs_for_inclusion,
    needs_for_root, prove_consistency, prove_inclusion, root_at, verify_consistency,
    verify_inclusion,
};
pub use record_proof::{
    DisclosedValue, RECORD_PROOF_BYTES_MAX, RecordProof, RecordProofError, VerifiedRecord,
};
pub use seal::{OpenedValue, SubjectKey, open};
pub use stage::Stage;
pub use tenant::{NotATenant, TENANT_BYTES_MAX, Tenant};
pub use tile::{
    HashReader, Needs, StoredTiles, TILE_BYTES, TILE_LEVELS, TILE_WIDTH, TileBuilder, TileCache,
    TileId, level_tiles, needs_for_tiles, new_tiles,
};
pub use tree::{Frontier, Hash, leaf_hash};
pub use verify::{TamperReport, Tampering, Verified, Verifier, verify_records};
