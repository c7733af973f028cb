//! Webhooks: Standard Webhooks (<https://www.standardwebhooks.com>), GitHub's
//! `x-hub-signature-256`, Slack's `x-slack-signature`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{SignatureError, any_holds, exposed, signed, timely};
use crate::Secret;

/// What a key of Standard Webhooks begins with, when it is base64.
const PREFIX: &[u8] = b"whsec_";

/// Most signatures that are compared: a sender that rotates keys sends two.
const SIGNATURES_MAX: usize = 8;

/// The header `webhook-signature` for a body, under this id and time.
///
/// # Errors
///
/// When the id cannot be signed without doubt, or the secret is no key.
pub fn sign_webhook(
    key: &Secret,
    id: &str,
    timestamp_s: u64,
    body: &[u8],
) -> Result<String, SignatureError> {
    check_id(id).map_err(|()| SignatureError::Unfit("its id is empty, or has a `.` or a space"))?;
    let timestamp = timestamp_s.to_string();
    let signature = signed(&key_of(key)?, &parts(id, &timestamp, body));
    Ok(format!("v1,{signature}"))
}

/// Whether a webhook is from who has one of the keys. `signatures` is the whole
/// header, which may hold several.
///
/// # Errors
///
/// When it is not, or its time is too far from `now_s`.
pub fn verify_webhook(
    keys: &[Secret],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now_s: u64,
) -> Result<(), SignatureError> {
    timely(timestamp, now_s)?;
    check_id(id)
        .map_err(|()| SignatureError::Malformed("its id is empty, or has a `.` or a space"))?;
    let keys = keys.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
    // Other versions stand beside; those with public keys are not ours.
    let signatures: Vec<_> = signatures
        .split(' ')
        .filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok())
        .take(SIGNATURES_MAX)
        .collect();
    match any_holds(&keys, &signatures, &parts(id, timestamp, body)) {
        true => Ok(()),
        false => Err(SignatureError::Wrong),
    }
}

/// Whether GitHub, or who signs like it, sent this body: `header` is
/// `x-hub-signature-256`. There is no time in it: who can, has the delivery's id
/// tell a second one.
///
/// # Errors
///
/// When it did not.
pub fn verify_github(keys: &[Secret], header: &str, body: &[u8]) -> Result<(), SignatureError> {
    hex_holds(keys, header, "sha256=", &[body])
}

/// Whether Slack sent this body: the headers `x-slack-request-timestamp` and
/// `x-slack-signature`.
///
/// # Errors
///
/// When it did not, or its time is too far from `now_s`.
pub fn verify_slack(
    keys: &[Secret],
    timestamp: &str,
    header: &str,
    body: &[u8],
    now_s: u64,
) -> Result<(), SignatureError> {
    timely(timestamp, now_s)?;
    let parts: [&[u8]; 4] = [b"v0:", timestamp.as_bytes(), b":", body];
    hex_holds(keys, header, "v0=", &parts)
}

fn hex_holds(
    keys: &[Secret],
    header: &str,
    prefix: &str,
    parts: &[&[u8]],
) -> Result<(), SignatureError> {
    let signature = header.strip_prefix(prefix);
    let signature = signature
        .and_then(|text| hex::decode(text).ok())
        .ok_or(SignatureError::Malformed("it is not hex after its version"))?;
    match any_holds(&exposed(keys), &[signature], parts) {
        true => Ok(()),
        false => Err(SignatureError::Wrong),
    }
}

fn parts<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

fn check_id(id: &str) -> Result<(), ()> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'.';
    match !id.is_empty() && id.bytes().all(fits) {
        true => Ok(()),
        false => Err(()),
    }
}

fn key_of(secret: &Secret) -> Result<Zeroizing<Vec<u8>>, SignatureError> {
    let value = secret.expose();
    let key = match value.strip_prefix(PREFIX) {
        Some(text) => STANDARD.decode(text).map_err(|_| SignatureError::Key {
            name: secret.name().to_owned(),
        })?,
        None => value.to_vec(),
    };
    Ok(Zeroizing::new(key))
}
