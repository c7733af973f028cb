//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): a signed note whose text is
//! the head of a log's tree.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::note::{NoteError, SignedNote, VerifiedSignature};
use crate::note_key::{KeyKind, SigningKey, VerifierKey};
use crate::{Frontier, Hash};

/// Why a checkpoint was not read or does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note cannot be read or does not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The note's text is no checkpoint.
    #[error("the note is no checkpoint: {0}")]
    BadText(&'static str),
    /// A checkpoint of another log.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    OtherLog {
        /// The log that the key belongs to.
        expected: String,
        /// The log that the checkpoint is of.
        found: String,
    },
}

/// The head of a log's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many records.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// Lines that other logs may add; ours has none.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// The checkpoint of a tree.
    #[must_use]
    pub fn of(origin: &str, tree: &Frontier) -> Self {
        Self {
            origin: origin.to_owned(),
            size: tree.count(),
            root: tree.root(),
            extensions: Vec::new(),
        }
    }

    /// Read a note's text. Verify the note before believing it.
    ///
    /// # Errors
    /// When it is no checkpoint.
    pub fn from_text(text: &str) -> Result<Self, CheckpointError> {
        let bad = CheckpointError::BadText;
        let body = text.strip_suffix('\n');
        let body = body.ok_or(bad("its last line does not end"))?;
        let mut lines = body.split('\n');
        let mut line = |missing| lines.next().filter(|l| !l.is_empty()).ok_or(bad(missing));
        let origin = line("it has no origin")?.to_owned();
        let size = decimal(line("it has no size")?).ok_or(bad("its size is no plain number"))?;
        let root = decode_hash(line("it has no root")?).ok_or(bad("its root is no hash"))?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(bad("it has an empty line"));
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions,
        })
    }

    /// The note's text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let root = BASE64_STANDARD.encode(self.root);
        let mut text = format!("{}\n{}\n{root}\n", self.origin, self.size);
        for line in &self.extensions {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    /// Sign it as its log.
    ///
    /// # Errors
    /// When the key is another log's, or origin or extensions would read back as
    /// something else.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedCheckpoint, CheckpointError> {
        let text = self.to_text();
        if Self::from_text(&text).as_ref() != Ok(self) {
            return Err(CheckpointError::BadText("a line of it is empty or two"));
        }
        let note = SignedNote::sign(&text, key, 0)?;
        SignedCheckpoint::verify(note, &key.verifier_key())
    }
}

/// A checkpoint that its log signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// What was signed.
    pub checkpoint: Checkpoint,
    /// With all signatures.
    pub note: SignedNote,
}

impl SignedCheckpoint {
    /// Read a checkpoint and verify that its log signed it.
    ///
    /// # Errors
    /// When the bytes are no checkpoint, it is another log's, or the signature
    /// is missing or does not hold.
    pub fn parse_and_verify(bytes: &[u8], log_key: &VerifierKey) -> Result<Self, CheckpointError> {
        Self::verify(SignedNote::parse(bytes)?, log_key)
    }

    fn verify(note: SignedNote, log_key: &VerifierKey) -> Result<Self, CheckpointError> {
        // A witness's key vouches for what it saw; only the log's says what is.
        if log_key.kind() != KeyKind::Ed25519 {
            let what = "a log's key is needed, this is a witness's";
            return Err(NoteError::BadKey(what).into());
        }
        let checkpoint = Checkpoint::from_text(note.text())?;
        if checkpoint.origin != log_key.name() {
            return Err(CheckpointError::OtherLog {
                expected: log_key.name().to_owned(),
                found: checkpoint.origin,
            });
        }
        note.verify(std::slice::from_ref(log_key))?;
        if checkpoint.size == 0 && checkpoint.root != Frontier::new().root() {
            let what = "its tree is empty, its root is not";
            return Err(CheckpointError::BadText(what));
        }
        Ok(Self { checkpoint, note })
    }

    /// Which of these witnesses vouch for it, and when. None is no error.
    ///
    /// # Errors
    /// When a cosignature of one of them does not hold.
    pub fn cosignatures(
        &self,
        witnesses: &[VerifierKey],
    ) -> Result<Vec<VerifiedSignature>, NoteError> {
        let keys: Vec<_> = witnesses
            .iter()
            .filter(|key| key.kind() == KeyKind::Cosignature)
            .cloned()
            .collect();
        match self.note.verify(&keys) {
            Err(NoteError::NotSigned(_)) => Ok(Vec::new()),
            verified => verified,
        }
    }

    /// The checkpoint as it is stored and sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.note.to_bytes()
    }
}

/// A decimal without sign or leading zeros, as the specifications ask for.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A hash in base64.
pub(crate) fn decode_hash(text: &str) -> Option<Hash> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}
