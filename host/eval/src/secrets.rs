//! The secrets of a scenario: for each credential of its manifest a value that
//! everybody may know, bound to the scenario's own server.
//!
//! No secret of a host is ever opened here, whatever a manifest names.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_policy::{Manifest, Place, SignatureScheme};
use tollgate_runtime::{SecretEntry, SecretSource, Slot, Source};
use tollgate_secrets::SourceError;
use zeroize::Zeroizing;

/// A slot for each credential of a manifest that was moved to loopback.
pub(crate) fn of(manifest: &Manifest) -> Vec<SecretEntry> {
    let grants = manifest.grant.http.values();
    let entries = grants.filter_map(|grant| {
        let credential = grant.credential.as_ref()?;
        Some(SecretEntry {
            source: SecretSource::Of(Arc::new(Known(value(
                &credential.secret,
                &credential.place,
            )))),
            slot: Slot {
                name: credential.secret.clone(),
                tenant: manifest.tenant.to_string(),
                origin: grant.base_url.origin().ascii_serialization(),
                place: credential.place.clone(),
                resources: Vec::new(),
            },
        })
    });
    entries.collect()
}

/// What a scenario's author expects in a header.
fn value(name: &str, place: &Place) -> String {
    let value = format!("secret-of-{name}");
    match place {
        // A key is at least 24 bytes in base64 there.
        Place::Signature(SignatureScheme::StandardWebhooks) => {
            format!("whsec_{}", STANDARD.encode(format!("{value:-<24}")))
        }
        Place::Signature(SignatureScheme::HttpMessage) => format!("{value:-<32}"),
        _ => value,
    }
}

/// A value that stands in the scenario.
struct Known(String);

#[async_trait]
impl Source for Known {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        Ok(Zeroizing::new(self.0.clone().into_bytes()))
    }

    fn describe(&self) -> String {
        "the scenario".to_owned()
    }
}
