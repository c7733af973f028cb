//! Keys of signed notes (<https://c2sp.org/signed-note>): Ed25519 for a log
//! (type 0x01) and for the timestamped cosignatures of its witnesses (type 0x04,
//! <https://c2sp.org/tlog-cosignature>).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::note::{NoteError, NoteSignature};

/// Longest name of a key that is read.
pub const KEY_NAME_BYTES_MAX: usize = 1024;

/// What a key's signatures are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The note's text: a log's key.
    Ed25519,
    /// A time and the note's text: a witness's key.
    Cosignature,
}

impl KeyKind {
    const fn code(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 0x01,
            KeyKind::Cosignature => 0x04,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x01 => Some(KeyKind::Ed25519),
            0x04 => Some(KeyKind::Cosignature),
            _ => None,
        }
    }
}

/// A public key: `<name>+<8 hex digits>+<base64 of type and key>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: KeyKind,
    key: VerifyingKey,
}

impl VerifierKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// When the name cannot name a key, or the bytes are no point of the curve or
    /// one of small order, which would verify forged signatures.
    pub fn new(name: &str, kind: KeyKind, key: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let bad = NoteError::BadKey("its 32 bytes are no Ed25519 public key");
        let point = VerifyingKey::from_bytes(key).ok();
        let key = point.filter(|key| !key.is_weak()).ok_or(bad)?;
        let id = key_id(name, kind, key.as_bytes());
        let name = name.to_owned();
        Ok(Self {
            name,
            id,
            kind,
            key,
        })
    }

    /// Its name. A log's key has the name of the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its short identifier: a hint which key to try, no proof of anything.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(crate) fn made(&self, signature: &NoteSignature) -> bool {
        self.id == signature.id && self.name == signature.name
    }

    /// Whether a signature of this key holds for the text; a cosignature gives its
    /// time. Strict: no malleable signature, no key of small order.
    pub(crate) fn verify(
        &self,
        text: &str,
        signature: &NoteSignature,
    ) -> Result<Option<u64>, NoteError> {
        let bad = || NoteError::BadSignature {
            name: self.name.clone(),
        };
        let (time, bytes) = match self.kind {
            KeyKind::Ed25519 => (None, signature.bytes.as_slice()),
            KeyKind::Cosignature => {
                let (time, bytes) = signature.bytes.split_first_chunk::<8>().ok_or_else(bad)?;
                let time = u64::from_be_bytes(*time);
                // The specification's bound.
                let fits = i64::try_from(time).is_ok();
                (Some(fits.then_some(time).ok_or_else(bad)?), bytes)
            }
        };
        let exact: &[u8; 64] = bytes.try_into().map_err(|_| bad())?;
        let message = time.map_or_else(|| text.to_owned(), |time| cosigned(text, time));
        self.key
            .verify_strict(message.as_bytes(), &Signature::from_bytes(exact))
            .map_err(|_| bad())?;
        Ok(time)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.code()], self.key.as_bytes().as_slice()].concat();
        let key = BASE64_STANDARD.encode(key);
        write!(f, "{}+{:08x}+{key}", self.name, self.id)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::BadKey;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it is not `<name>+<hash>+<key>`"));
        };
        let key = BASE64_STANDARD.decode(key);
        let key = key.map_err(|_| bad("its last part is not base64"))?;
        let (code, key) = key.split_first().ok_or(bad("its last part is empty"))?;
        let kind =
            KeyKind::from_code(*code).ok_or(bad("it is neither Ed25519 nor a cosigner's"))?;
        let key: &[u8; 32] = key.try_into().map_err(|_| bad("it is not 32 bytes long"))?;
        let read = Self::new(name, kind, key)?;
        if id != format!("{:08x}", read.id) {
            return Err(bad("its hash is another key's: it was cut or mistyped"));
        }
        Ok(read)
    }
}

/// A private key. Wiped when dropped, masked when shown.
#[derive(Clone)]
pub struct SigningKey {
    name: String,
    id: u32,
    kind: KeyKind,
    key: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A key from its seed.
    ///
    /// # Errors
    /// When the name cannot name a key.
    pub fn from_seed(name: &str, kind: KeyKind, seed: &[u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let id = key_id(name, kind, key.verifying_key().as_bytes());
        let name = name.to_owned();
        Ok(Self {
            name,
            id,
            kind,
            key,
        })
    }

    /// Its public key.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            id: self.id,
            kind: self.kind,
            key: self.key.verifying_key(),
        }
    }

    /// Sign a note's text. A cosignature says that the text was seen at
    /// `time_s` (Unix seconds); other keys leave the time out.
    ///
    /// # Errors
    /// When the time is beyond 2^63, which no verifier accepts.
    pub fn sign(&self, text: &str, time_s: u64) -> Result<NoteSignature, NoteError> {
        let mut bytes = Vec::with_capacity(72);
        let signature = match self.kind {
            KeyKind::Ed25519 => self.key.sign(text.as_bytes()),
            KeyKind::Cosignature => {
                if i64::try_from(time_s).is_err() {
                    return Err(NoteError::BadTime(time_s));
                }
                bytes.extend_from_slice(&time_s.to_be_bytes());
                self.key.sign(cosigned(text, time_s).as_bytes())
            }
        };
        bytes.extend_from_slice(&signature.to_bytes());
        Ok(NoteSignature {
            name: self.name.clone(),
            id: self.id,
            bytes,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}+{:08x} [masked])", self.name, self.id)
    }
}

fn cosigned(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

/// A key's name: not empty, no spaces, no plus, no control characters.
pub(crate) fn check_name(name: &str) -> Result<(), NoteError> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if name.is_empty() || name.len() > KEY_NAME_BYTES_MAX || !name.chars().all(plain) {
        return Err(NoteError::BadKeyName(name.chars().take(80).collect()));
    }
    Ok(())
}

fn key_id(name: &str, kind: KeyKind, key: &[u8; 32]) -> u32 {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', kind.code()])
        .chain_update(key)
        .finalize();
    u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
}
