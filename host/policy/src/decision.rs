//! What a person signs when deciding on a held call, and the keys for it.
//!
//! The attack: somebody has a person's bearer token, from a copied file or a page's
//! memory, and says yes in that person's name. A token says who asks; a signature
//! over exactly this decision says who decided. The private key stays on the
//! person's machine, so a token alone is not enough where a key is registered.
//!
//! A signature covers a domain name and the canonical JSON of a [`Statement`]: a
//! signature made for one approval, digest, decision or reason is none for another,
//! and none of the key's other uses can be taken for a decision.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{CanonicalError, Digest, canonical};

/// Longest reason of a person that is signed and recorded, characters.
pub const REASON_CHARS_MAX: usize = 2_000;

/// Largest text of a key, bytes: more than any has, less than a file read by mistake.
pub const KEY_BYTES_MAX: usize = 4_096;

const DOMAIN: &[u8] = b"tollgate decision v1\0";
const REASON_DOMAIN: &str = "tollgate decision reason v1";
const INPUT_DOMAIN: &str = "tollgate decision input v1";
const FINGERPRINT_DOMAIN: &str = "tollgate decision key v1";
const PRIVATE_LINE: &str = "tollgate private key v1 ";
const PUBLIC_LINE: &str = "tollgate public key v1 ";
const VERSION: u64 = 1;

/// What a person says of a held call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It may happen.
    Approved,
    /// It must not.
    Denied,
    /// The own yes is taken back.
    Revoked,
    /// It must not happen so; another input is asked for instead.
    Edited,
}

/// One decision, as it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose approval.
    pub tenant: String,
    /// Its identifier.
    pub approval: String,
    /// Digest of what is approved: the card's.
    pub digest: String,
    /// What is said of it.
    pub decision: Said,
    /// Digest of the person's words: [`reason_digest`].
    pub reason: Option<Digest>,
    /// Of [`Said::Edited`], and of nothing else: [`input_digest`] of what is asked for
    /// instead. The attack: a signature over "I change it" is used with another input.
    pub input: Option<Digest>,
}

/// Why a key or a signature is none. Never shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecisionError {
    /// The text is no private key.
    #[error("this is no private key: it is one line, `{PRIVATE_LINE}` and a seed in base64")]
    NoPrivateKey,
    /// The text is no public key, or one that signs nothing.
    #[error("this is no public key: it is one line, `{PUBLIC_LINE}` and a key in base64")]
    NoPublicKey,
    /// The text is no signature.
    #[error("this is no signature: it has 64 bytes, in base64")]
    NoSignature,
    /// The signature is not this key's, or is over something else.
    #[error("the signature is not one of this key over this decision")]
    Wrong,
    /// The facts are not those of a signed decision.
    #[error("the record's facts are not those of a signed decision: {0}")]
    Facts(&'static str),
    /// The statement cannot be written.
    #[error("the decision cannot be written down: {0}")]
    Canonical(#[from] CanonicalError),
}

/// Digest of a person's words as they are recorded: without space around, and no
/// longer than [`REASON_CHARS_MAX`]. Nothing where nothing is said.
#[must_use]
pub fn reason_digest(reason: Option<&str>) -> Option<Digest> {
    let words: String = reason?.trim().chars().take(REASON_CHARS_MAX).collect();
    let words = words.trim_end();
    (!words.is_empty()).then(|| Digest::of_parts(REASON_DOMAIN, &[words.as_bytes()]))
}

/// Digest of an input that a person asks for, in its canonical form.
///
/// # Errors
/// When it has none.
pub fn input_digest(input: &Value) -> Result<Digest, DecisionError> {
    let text = canonical(input)?;
    Ok(Digest::of_parts(INPUT_DOMAIN, &[text.as_bytes()]))
}

impl Statement {
    /// The bytes that are signed.
    ///
    /// # Errors
    /// When a name in it has no canonical form, and when it says an input without
    /// being an edit, or is an edit of nothing.
    pub fn bytes(&self) -> Result<Vec<u8>, DecisionError> {
        if (self.decision == Said::Edited) != self.input.is_some() {
            return Err(DecisionError::Facts(
                "an edit, and only an edit, has an input",
            ));
        }
        let mut said = json!({
            "v": VERSION,
            "tenant": self.tenant,
            "approval": self.approval,
            "digest": self.digest,
            "decision": self.decision,
            "reason": self.reason,
        });
        if let Some(input) = self.input {
            said["input"] = json!(input);
        }
        let text = canonical(&said)?;
        Ok([DOMAIN, text.as_bytes()].concat())
    }

    /// The statement of a recorded decision, from its record's tenant and facts.
    ///
    /// # Errors
    /// When a fact is missing or is no such fact.
    pub fn of_facts(tenant: &str, facts: &Map<String, Value>) -> Result<Self, DecisionError> {
        let text = |name: &str| facts.get(name).and_then(Value::as_str);
        let decision = facts.get("decision").cloned().unwrap_or_default();
        let decision = serde_json::from_value(decision);
        let digest = |name: &str, wrong| match facts.get(name) {
            None => Ok(None),
            Some(digest) => match serde_json::from_value(digest.clone()) {
                Ok(digest) => Ok(Some(digest)),
                Err(_) => Err(DecisionError::Facts(wrong)),
            },
        };
        let reason = digest("reason_digest", "its `reason_digest` is no digest")?;
        let input = digest("input_digest", "its `input_digest` is no digest")?;
        Ok(Self {
            tenant: tenant.to_owned(),
            approval: text("approval")
                .ok_or(DecisionError::Facts("it has no `approval`"))?
                .to_owned(),
            digest: text("digest")
                .ok_or(DecisionError::Facts("it has no `digest`"))?
                .to_owned(),
            decision: decision.map_err(|_| DecisionError::Facts("it has no such `decision`"))?,
            reason,
            input,
        })
    }
}

/// Whether the decision in a record was signed with this key. Needs the record and
/// the key alone: no host, no store.
///
/// # Errors
/// When it was not, or the record has no signature.
pub fn verify_recorded(
    tenant: &str,
    facts: &Map<String, Value>,
    key: &PublicKey,
) -> Result<Statement, DecisionError> {
    let statement = Statement::of_facts(tenant, facts)?;
    let signature = facts.get("signature").and_then(Value::as_str);
    key.verify(
        &statement,
        signature.ok_or(DecisionError::Facts("it has no `signature`"))?,
    )?;
    Ok(statement)
}

/// A person's public key, registered by the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// When they are no key. A weak one is none: it has signatures that hold for
    /// nearly anything (a point of small order; RFC 8032 leaves it to the verifier).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, DecisionError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| DecisionError::NoPublicKey)?;
        if key.is_weak() {
            return Err(DecisionError::NoPublicKey);
        }
        Ok(Self(key))
    }

    /// Read a key from its text: one line.
    ///
    /// # Errors
    /// When the text is no public key.
    pub fn from_text(text: &str) -> Result<Self, DecisionError> {
        let bytes = line(text, PUBLIC_LINE).ok_or(DecisionError::NoPublicKey)?;
        Self::from_bytes(&bytes)
    }

    /// The text form, as [`from_text`](Self::from_text) reads it.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PUBLIC_LINE}{}\n", STANDARD.encode(self.0.as_bytes()))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// What names the key in a record.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        Digest::of_parts(FINGERPRINT_DOMAIN, &[self.0.as_bytes()]).to_string()
    }

    /// Whether this is the key's signature over exactly this statement.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, statement: &Statement, signature: &str) -> Result<(), DecisionError> {
        let bytes = STANDARD
            .decode(signature)
            .map_err(|_| DecisionError::NoSignature)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| DecisionError::NoSignature)?;
        self.0
            .verify_strict(&statement.bytes()?, &signature)
            .map_err(|_| DecisionError::Wrong)
    }
}

/// A person's private key. Wiped when dropped, masked when shown.
pub struct PrivateKey(SigningKey);

impl PrivateKey {
    /// The key of 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Read a key from its text: one line.
    ///
    /// # Errors
    /// When the text is no private key.
    pub fn from_text(text: &str) -> Result<Self, DecisionError> {
        let seed = line(text, PRIVATE_LINE).ok_or(DecisionError::NoPrivateKey)?;
        Ok(Self::from_seed(&Zeroizing::new(seed)))
    }

    /// The text form, as [`from_text`](Self::from_text) reads it: a secret.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(STANDARD.encode(self.0.as_bytes()));
        Zeroizing::new(format!("{PRIVATE_LINE}{}\n", *seed))
    }

    /// What others verify with.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// The signature over a statement, in base64.
    ///
    /// # Errors
    /// When the statement has no canonical form.
    pub fn sign(&self, statement: &Statement) -> Result<String, DecisionError> {
        let signature = self.0.sign(&statement.bytes()?);
        Ok(STANDARD.encode(signature.to_bytes()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey([masked])")
    }
}

/// The 32 bytes of a key's one line.
fn line(text: &str, name: &str) -> Option<[u8; 32]> {
    let bytes = Zeroizing::new(STANDARD.decode(text.trim_end().strip_prefix(name)?).ok()?);
    bytes.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests;
