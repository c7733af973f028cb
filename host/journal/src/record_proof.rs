//! One record's proof as one small file that verifies alone, with nothing but the
//! log's public key: the leaf, its path to a signed checkpoint
//! (<https://c2sp.org/tlog-proof>), and the values that are disclosed.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{decimal, decode_hash};
use crate::leaf::SALT_BYTES;
use crate::{
    CheckpointError, InclusionProof, JournalError, Leaf, OpenedValue, ProofError, SignedCheckpoint,
    SignedNote, VALUE_BYTES_MAX, VALUES_MAX, VerifierKey, leaf_hash, verify_inclusion,
};

/// Largest proof file that is read: all values of the largest record in base64,
/// its leaf, and room for the rest.
pub const RECORD_PROOF_BYTES_MAX: usize = VALUES_MAX * VALUE_BYTES_MAX / 3 * 4 + 1024 * 1024;

const FORMAT: &str = "tollgate record proof v1";
const PROOF_LINE: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of a path: a tree of 2^64 records has no longer one.
const PATH_MAX: usize = 64;

/// Why a record's proof was not made, not read, or does not hold.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordProofError {
    /// Bytes that are no proof. The file was changed, or is something else.
    #[error("this is no proof of a record: {0}")]
    BadFile(String),
    /// The checkpoint in it does not verify.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The record is not in the checkpoint's tree, at this place.
    #[error("the record is not in the log: {0}")]
    Inclusion(#[from] ProofError),
    /// The leaf cannot be read.
    #[error(transparent)]
    Leaf(#[from] JournalError),
    /// A disclosed value is not the one that the record commits to.
    #[error("the disclosed value `{0}` is not the one that the record commits to")]
    NotCommitted(String),
}

/// A value that its holder shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosedValue {
    /// Its name in the record.
    pub name: String,
    /// The salt of its commitment.
    #[serde(with = "hex_salt")]
    pub salt: [u8; SALT_BYTES],
    /// The value.
    #[serde(rename = "base64", with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Values are sensitive: they are not for logs.
impl std::fmt::Debug for DisclosedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let size = self.bytes.len();
        write!(f, "DisclosedValue({}, {size} bytes [masked])", self.name)
    }
}

impl From<OpenedValue> for DisclosedValue {
    fn from(value: OpenedValue) -> Self {
        Self {
            name: value.name,
            salt: value.salt,
            bytes: value.bytes,
        }
    }
}

/// A record and what proves it. Nothing of it is believed before
/// [`verify`](Self::verify).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordProof {
    /// The leaf's exact bytes.
    pub leaf: String,
    /// The path from it to the checkpoint's root.
    pub inclusion: InclusionProof,
    /// The checkpoint, with all its signatures.
    pub checkpoint: SignedNote,
    /// The values that are shown.
    pub disclosed: Vec<DisclosedValue>,
}

/// A record that is in its log.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedRecord {
    /// Its place in the log, from 0.
    pub place: u64,
    /// The record.
    pub leaf: Leaf,
    /// Its values that were shown, each the one that the record commits to.
    pub disclosed: Vec<DisclosedValue>,
    /// The checkpoint that has it.
    pub checkpoint: SignedCheckpoint,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    leaf: String,
    proof: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    disclosed: Vec<DisclosedValue>,
}

impl RecordProof {
    /// Put a proof together.
    ///
    /// # Errors
    /// When the leaf is no text, which none of ours is.
    pub fn new(
        leaf: Vec<u8>,
        inclusion: InclusionProof,
        checkpoint: SignedNote,
        disclosed: Vec<DisclosedValue>,
    ) -> Result<Self, RecordProofError> {
        let leaf = String::from_utf8(leaf);
        let leaf = leaf.map_err(|_| RecordProofError::BadFile("its leaf is no text".into()))?;
        Ok(Self {
            leaf,
            inclusion,
            checkpoint,
            disclosed,
        })
    }

    /// The file.
    #[must_use]
    pub fn to_json(&self) -> String {
        let file = File {
            format: FORMAT.to_owned(),
            leaf: self.leaf.clone(),
            proof: self.to_tlog_proof(),
            disclosed: self.disclosed.clone(),
        };
        let mut text = serde_json::to_string_pretty(&file)
            .expect("text and lists of text are always JSON: no map has other keys");
        text.push('\n');
        text
    }

    /// Read a file.
    ///
    /// # Errors
    /// When it is no proof.
    pub fn from_json(bytes: &[u8]) -> Result<Self, RecordProofError> {
        let bad = RecordProofError::BadFile;
        if bytes.len() > RECORD_PROOF_BYTES_MAX {
            return Err(bad("it is too large".into()));
        }
        let file: File = serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
        if file.format != FORMAT {
            return Err(bad(format!("its format is not `{FORMAT}`")));
        }
        let (inclusion, checkpoint) = read_tlog_proof(&file.proof)?;
        Ok(Self {
            leaf: file.leaf,
            inclusion,
            checkpoint,
            disclosed: file.disclosed,
        })
    }

    /// The path and the checkpoint as <https://c2sp.org/tlog-proof> writes them.
    #[must_use]
    pub fn to_tlog_proof(&self) -> String {
        let mut text = format!("{PROOF_LINE}\nindex {}\n", self.inclusion.index);
        for hash in &self.inclusion.path {
            text.push_str(&BASE64_STANDARD.encode(hash));
            text.push('\n');
        }
        format!("{text}\n{}", self.checkpoint)
    }

    /// Verify that the log of this key has the record, and that the disclosed
    /// values are its own.
    ///
    /// # Errors
    /// When the checkpoint is not signed by the key, the record is not in its tree
    /// at this place, or a value is another.
    pub fn verify(&self, log_key: &VerifierKey) -> Result<VerifiedRecord, RecordProofError> {
        let note = self.checkpoint.to_bytes();
        let checkpoint = SignedCheckpoint::parse_and_verify(&note, log_key)?;
        // The size is the signed one, whatever the caller has put in.
        let inclusion = InclusionProof {
            size: checkpoint.checkpoint.size,
            ..self.inclusion.clone()
        };
        let hash = leaf_hash(self.leaf.as_bytes());
        verify_inclusion(&hash, &inclusion, &checkpoint.checkpoint.root)?;
        let leaf = Leaf::parse(self.leaf.as_bytes())?;
        let other =
            |value: &&DisclosedValue| !leaf.commits_to(&value.name, &value.salt, &value.bytes);
        if let Some(value) = self.disclosed.iter().find(other) {
            return Err(RecordProofError::NotCommitted(value.name.clone()));
        }
        Ok(VerifiedRecord {
            place: inclusion.index,
            leaf,
            disclosed: self.disclosed.clone(),
            checkpoint,
        })
    }
}

fn read_tlog_proof(text: &str) -> Result<(InclusionProof, SignedNote), RecordProofError> {
    let bad = |what: &str| RecordProofError::BadFile(what.to_owned());
    let (head, note) = text
        .split_once("\n\n")
        .ok_or_else(|| bad("its proof has no checkpoint"))?;
    let mut lines = head.split('\n').peekable();
    if lines.next() != Some(PROOF_LINE) {
        return Err(bad("its proof is not in the format c2sp.org/tlog-proof@v1"));
    }
    // Extra data is not authenticated: it is passed over.
    lines.next_if(|line| line.starts_with("extra "));
    let index = lines.next().and_then(|line| line.strip_prefix("index "));
    let index = index.and_then(decimal);
    let index = index.ok_or_else(|| bad("its proof has no index"))?;
    let path: Option<Vec<_>> = lines.take(PATH_MAX + 1).map(decode_hash).collect();
    let path = path.filter(|path| path.len() <= PATH_MAX);
    let path = path.ok_or_else(|| bad("its proof has a line that is no hash, or too many"))?;
    let note = SignedNote::parse(note.as_bytes()).map_err(CheckpointError::from)?;
    let size = crate::Checkpoint::from_text(note.text())?.size;
    Ok((InclusionProof { index, size, path }, note))
}

mod hex_salt {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::leaf::SALT_BYTES;

    pub(super) fn serialize<S: Serializer>(
        salt: &[u8; SALT_BYTES],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(salt))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; SALT_BYTES], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut salt = [0; SALT_BYTES];
        hex::decode_to_slice(text, &mut salt).map_err(D::Error::custom)?;
        Ok(salt)
    }
}

mod base64_bytes {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(D::Error::custom)
    }
}
