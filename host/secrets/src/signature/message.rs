//! HTTP Message Signatures (RFC 9421) with `hmac-sha256`, over the method, the
//! whole address and the content's digest (RFC 9530). Written by hand: a library
//! for all algorithms would bring three kinds of elliptic curves for an HMAC.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::{SignatureError, signed};
use crate::Secret;

/// The headers of a signed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSignature {
    /// `content-digest`; nothing where there is no content.
    pub content_digest: Option<String>,
    /// `signature-input`.
    pub input: String,
    /// `signature`.
    pub signature: String,
}

/// Sign a request. The key's id is the receiver's name for the key.
///
/// # Errors
///
/// When method, address or id cannot stand in a signature.
pub fn sign_message(
    key: &Secret,
    key_id: &str,
    method: &str,
    target_uri: &str,
    body: Option<&[u8]>,
    created_s: u64,
) -> Result<MessageSignature, SignatureError> {
    // The attack: a line break in a component adds a line to what is signed.
    for part in [key_id, method, target_uri] {
        if part.is_empty() || !part.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            let why = "its method, address or key id is empty, or has more than printable ASCII";
            return Err(SignatureError::Unfit(why));
        }
    }
    let content_digest = body.map(content_digest);
    let mut components = vec![("@method", method), ("@target-uri", target_uri)];
    if let Some(digest) = &content_digest {
        components.push(("content-digest", digest));
    }
    let key_id = key_id.replace('\\', "\\\\").replace('"', "\\\"");
    let parameters = format!(";created={created_s};keyid=\"{key_id}\";alg=\"hmac-sha256\"");
    let (base, input) = base(&components, &parameters);
    let signature = signed(key.expose(), &[base.as_bytes()]);
    Ok(MessageSignature {
        content_digest,
        input: format!("sig1={input}"),
        signature: format!("sig1=:{signature}:"),
    })
}

/// The header `content-digest` of this content (RFC 9530, 2).
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// The signature base (RFC 9421, 2.5), and its last line's value.
pub(super) fn base(components: &[(&str, &str)], parameters: &str) -> (String, String) {
    let mut base = String::new();
    let mut names = Vec::with_capacity(components.len());
    for (name, value) in components {
        let _ = writeln!(base, "\"{name}\": {value}");
        names.push(format!("\"{name}\""));
    }
    let input = format!("({}){parameters}", names.join(" "));
    let _ = write!(base, "\"@signature-params\": {input}");
    (base, input)
}
