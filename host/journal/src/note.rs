//! Signed notes (<https://c2sp.org/signed-note>): a text, an empty line, and one
//! line for each signature. The text means nothing before a signature of a known
//! key was verified.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::note_key::{SigningKey, VerifierKey, check_name};

/// Largest note that is read. Ours have some hundred bytes; a post-quantum
/// signature has 5 kB.
pub const NOTE_BYTES_MAX: usize = 256 * 1024;

/// Most signatures of a note that is read. The specification asks for 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// Why a note or a key was not read, or a note does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Bytes that are no signed note. They were changed, or are something else.
    #[error("this is no signed note: {0}")]
    BadNote(&'static str),
    /// Text that is no public key. It was cut or mistyped.
    #[error("this is no public key of a signed note: {0}")]
    BadKey(&'static str),
    /// A name that a key cannot have. Caller's fault.
    #[error("`{0}` cannot name a key: no spaces, no plus, at least one character")]
    BadKeyName(String),
    /// A time that a cosignature cannot have. Caller's fault.
    #[error("a cosignature cannot say {0} seconds")]
    BadTime(u64),
    /// A signature of a known key does not hold: note or signature were changed.
    #[error("the signature by `{name}` does not hold: the text was changed, or it was forged")]
    BadSignature {
        /// The key's name.
        name: String,
    },
    /// No signature is by a key that was given: another key is needed, or the
    /// signature was removed.
    #[error("no signature is by a key that was given, {0}")]
    NotSigned(String),
    /// A signature for another text. Caller's fault.
    #[error("the two notes have different texts: their signatures cannot be put together")]
    OtherText,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub(crate) name: String,
    pub(crate) id: u32,
    pub(crate) bytes: Vec<u8>,
}

impl NoteSignature {
    /// The name of the key that claims to have made it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Read a signature line, without its newline.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let bad = NoteError::BadNote;
        let rest = line.strip_prefix("— ").ok_or(bad(
            "a signature line does not begin with an em dash and a space",
        ))?;
        let (name, signature) = rest
            .split_once(' ')
            .ok_or(bad("a signature line does not have a name and a signature"))?;
        check_name(name).map_err(|_| bad("a signature's name cannot name a key"))?;
        let bytes = BASE64_STANDARD
            .decode(signature)
            .map_err(|_| bad("a signature is not base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((id, rest)) if !rest.is_empty() => Ok(Self {
                name: name.to_owned(),
                id: u32::from_be_bytes(*id),
                bytes: rest.to_vec(),
            }),
            _ => Err(bad("a signature is too short")),
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.id.to_be_bytes().as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, BASE64_STANDARD.encode(bytes))
    }
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedSignature {
    /// The key's name.
    pub name: String,
    /// When a witness saw the text, Unix seconds: for cosignatures.
    pub time_s: Option<u64>,
}

/// A text and its signatures. Nothing of it is verified by reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl SignedNote {
    /// Read a note.
    ///
    /// # Errors
    /// When the bytes are no note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let bad = NoteError::BadNote;
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(bad("it is too large"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(bad("it has control characters"));
        }
        let (text, signatures) = note
            .rsplit_once("\n\n")
            .ok_or(bad("no empty line stands before its signatures"))?;
        let lines = signatures
            .strip_suffix('\n')
            .ok_or(bad("its last line does not end"))?;
        if lines.split('\n').count() > NOTE_SIGNATURES_MAX {
            return Err(bad("it has too many signatures"));
        }
        let signatures: Result<_, _> = lines.split('\n').map(NoteSignature::parse).collect();
        Ok(Self {
            text: format!("{text}\n"),
            signatures: signatures?,
        })
    }

    /// Sign a text. Every line of it ends with a newline.
    ///
    /// # Errors
    /// When the text cannot be a note's, or the time cannot be a cosignature's.
    pub fn sign(text: &str, key: &SigningKey, time_s: u64) -> Result<Self, NoteError> {
        let bad = NoteError::BadNote;
        if text.len() > NOTE_BYTES_MAX / 2 {
            return Err(bad("its text is too large"));
        }
        if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(bad(
                "its text does not end with a newline, or has control characters",
            ));
        }
        let signature = key.sign(text, time_s)?;
        Ok(Self {
            text: text.to_owned(),
            signatures: vec![signature],
        })
    }

    /// The text. Verify before believing it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures. Verify before believing them.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Add a signature. It takes the place of an earlier one by the same key.
    ///
    /// # Errors
    /// When the note has as many as are ever read.
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), NoteError> {
        let same = |s: &NoteSignature| s.id == signature.id && s.name == signature.name;
        self.signatures.retain(|s| !same(s));
        if self.signatures.len() >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::BadNote("it has too many signatures"));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Take the signatures of another copy of this note, such as a witness sends.
    ///
    /// # Errors
    /// When the texts differ, or there are too many signatures.
    pub fn merge(&mut self, other: &SignedNote) -> Result<(), NoteError> {
        if self.text != other.text {
            return Err(NoteError::OtherText);
        }
        for signature in &other.signatures {
            if !self.signatures.contains(signature) {
                self.add(signature.clone())?;
            }
        }
        Ok(())
    }

    /// The signatures by these keys, each key's once. Those by other keys are
    /// passed over.
    ///
    /// # Errors
    /// When a signature of one of the keys does not hold, or there is none at all.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<VerifiedSignature>, NoteError> {
        let mut verified: Vec<(u32, VerifiedSignature)> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.made(signature)) else {
                continue;
            };
            let time_s = key.verify(&self.text, signature)?;
            if verified
                .iter()
                .any(|(id, v)| *id == key.id() && v.name == key.name())
            {
                continue;
            }
            let name = key.name().to_owned();
            verified.push((key.id(), VerifiedSignature { name, time_s }));
        }
        if verified.is_empty() {
            let names: Vec<_> = keys.iter().map(VerifierKey::name).collect();
            return Err(NoteError::NotSigned(names.join(", ")));
        }
        Ok(verified
            .into_iter()
            .map(|(_, signature)| signature)
            .collect())
    }

    /// The note as it is stored and sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|s| writeln!(f, "{s}"))
    }
}
