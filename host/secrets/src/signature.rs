//! Signatures with a shared key: of what is sent, and of what comes in as a
//! trigger.
//!
//! The attacks: a forged trigger; a real one sent again later (its time is part of
//! what is signed, and may be five minutes off at most); a body that is moved to
//! another id (both are signed, and an id has no `.` that could shift the border
//! between the two); a comparison whose time tells how much was right (CWE-208).

mod message;
mod webhook;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

pub use message::{MessageSignature, content_digest, sign_message};
pub use webhook::{sign_webhook, verify_github, verify_slack, verify_webhook};

use crate::Secret;

/// How far a signature's time may be from the receiver's (Standard Webhooks;
/// Slack's documentation says the same).
const TOLERANCE_S: u64 = 5 * 60;

/// Why something is not signed, or a signature not believed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// It cannot be signed as it is.
    #[error("this cannot be signed: {0}")]
    Unfit(&'static str),
    /// The secret is no key.
    #[error("the secret `{name}` is no key: after `whsec_` stands base64")]
    Key {
        /// Which.
        name: String,
    },
    /// The signature or its time cannot be understood.
    #[error("there is no signature that can be understood: {0}")]
    Malformed(&'static str),
    /// It was signed too long ago, or in the future.
    #[error("it was signed more than five minutes ago, or is from the future")]
    Untimely,
    /// No key made this signature.
    #[error("the signature is not one of the expected sender's")]
    Wrong,
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length: RFC 2104");
    for part in parts {
        mac.update(part);
    }
    mac
}

/// HMAC-SHA256 in base64.
fn signed(key: &[u8], parts: &[&[u8]]) -> String {
    STANDARD.encode(mac(key, parts).finalize().into_bytes())
}

/// Whether one of the keys made one of the signatures. All are compared, in
/// constant time each.
fn any_holds<K: AsRef<[u8]>>(keys: &[K], signatures: &[Vec<u8>], parts: &[&[u8]]) -> bool {
    let mut holds = false;
    for key in keys {
        for signature in signatures {
            holds |= mac(key.as_ref(), parts).verify_slice(signature).is_ok();
        }
    }
    holds
}

/// Whether a time of signing is near enough.
fn timely(timestamp: &str, now_s: u64) -> Result<(), SignatureError> {
    // No sign, no space: the text is part of what is signed.
    let is_number =
        (1..=12).contains(&timestamp.len()) && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let at: u64 = timestamp
        .parse()
        .ok()
        .filter(|_| is_number)
        .ok_or(SignatureError::Malformed(
            "its time is no number of seconds",
        ))?;
    match at.abs_diff(now_s) <= TOLERANCE_S {
        true => Ok(()),
        false => Err(SignatureError::Untimely),
    }
}

fn exposed(keys: &[Secret]) -> Vec<&[u8]> {
    keys.iter().map(Secret::expose).collect()
}

#[cfg(test)]
mod tests;
