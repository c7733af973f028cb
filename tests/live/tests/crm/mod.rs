//! The connector `crm` with a sample manifest, at a server on loopback.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use serde_json::{Value, json};
use tollgate_tests::installed::{Installed, Secret, at};
use toml::Table;

/// Install the sample of this file at `base_url` with the account's key; `more`
/// changes it before.
pub(crate) async fn open(
    sample: &str,
    base_url: &str,
    key: &str,
    more: impl FnOnce(&mut Table),
) -> Installed {
    Installed::open("crm", sample, |manifest, home| {
        let slot = manifest["grant"]["http"]["crm"]["credential"]["secret"].as_str();
        let secret = Secret {
            name: slot.unwrap(),
            base_url,
            place: "header = \"authorization\"",
            value: key,
        };
        secret.keep(home);
        at(manifest, "crm", base_url);
        more(manifest);
    })
    .await
}

/// Properties of a type.
pub(crate) fn of(kind: &str, more: Value) -> Value {
    let mut input = json!({ "type": kind });
    let (all, more) = (input.as_object_mut().unwrap(), more);
    all.extend(more.as_object().unwrap().clone());
    input
}
