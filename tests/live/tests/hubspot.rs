//! The connector `crm` before HubSpot's published description: Prism answers by it,
//! and refuses every request that does not fit it. What Prism answers has no
//! meaning, so this judges requests; what answers come to is judged by the
//! connector's scenarios.
//!
//! HubSpot publishes its descriptions at github.com/HubSpot/HubSpot-public-api-spec-collection,
//! one for each type. `TOLLGATE_HUBSPOT_SPEC` names one file of them:
//! `PublicApiSpecs/CRM/Contacts/Rollouts/424/v3/contacts.json` for contacts, or
//! `PublicApiSpecs/CRM/Associations/Rollouts/130902/v4/associations.json`.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod crm;

use serde_json::{Value, json};
use tollgate_live::{Prism, live, tell};

use crm::of;

/// What the connector asks of each path, as tools and inputs.
fn requests(document: &Value) -> Vec<(&'static str, Value)> {
    let has = |path: &str| document["paths"].get(path).is_some();
    let mut requests = Vec::new();
    if has("/crm/v3/objects/contacts") {
        let condition = json!([{ "property": "email", "is": "equal", "value": "a@example.com" },
            { "property": "phone", "is": "not_empty" }]);
        requests.extend([
            (
                "search_records",
                json!({ "where": condition, "sort": "-email" }),
            ),
            ("search_records", json!({})),
            ("get_record", json!({ "id": "512" })),
            ("get_records", json!({ "ids": ["512", "513"] })),
            (
                "create_record",
                json!({ "properties": { "jobtitle": "CEO" } }),
            ),
            (
                "update_record",
                json!({ "id": "512", "properties": { "jobtitle": "CEO", "phone": null } }),
            ),
            (
                "archive_record",
                json!({ "id": "512", "expected": { "phone": null } }),
            ),
        ]);
    }
    if has("/crm/v4/objects/{objectType}/{objectId}/associations/{toObjectType}") {
        let pair = json!({ "id": "512", "to": "companies", "to_id": "9" });
        let mut labelled = pair.clone();
        labelled["labels"] = json!([{ "category": "USER_DEFINED", "number": 36 }]);
        requests.extend([
            (
                "list_associations",
                json!({ "id": "512", "to": "companies" }),
            ),
            ("associate", pair),
            ("associate", labelled),
        ]);
    }
    requests
}

/// Make it a document that Prism can answer by: no empty examples, media types
/// that it can write, ids and numbers that HubSpot would give, and one page only.
fn answerable(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("example") == Some(&Value::Null) {
                members.remove("example");
            }
            if let Some(any) = members.remove("*/*") {
                members.insert("application/json".to_owned(), any);
            }
            if members.get("type") == Some(&json!("integer")) {
                members.insert("example".to_owned(), json!(1));
            }
            if let Some(Value::Object(properties)) = members.get_mut("properties") {
                properties.remove("paging");
                for (name, example) in [("archived", json!(false)), ("id", json!("512"))] {
                    if let Some(Value::Object(property)) = properties.get_mut(name) {
                        property.insert("example".to_owned(), example);
                    }
                }
            }
            members.values_mut().for_each(answerable);
        }
        Value::Array(items) => items.iter_mut().for_each(answerable),
        _ => {}
    }
}

live! {
    "live: needs Prism from npm, and TOLLGATE_HUBSPOT_SPEC",
    async fn every_request_fits_the_published_description() {
        let Some(document) = std::env::var_os("TOLLGATE_HUBSPOT_SPEC") else {
            tell("HubSpot", "SKIPPED: set TOLLGATE_HUBSPOT_SPEC to a file of github.com/HubSpot/HubSpot-public-api-spec-collection", None);
            return Ok(());
        };
        let mut document: Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
        answerable(&mut document);
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        std::fs::write(file.path(), document.to_string()).unwrap();
        let prism = Prism::mock(file.path()).await?;
        let requests = requests(&document);
        assert!(!requests.is_empty(), "the document describes neither contacts nor associations");
        let crm = crm::open("manifest.toml", prism.origin(), "live-test-token", |_| {}).await;
        for (tool, input) in &requests {
            // 422 would be `invalid_input`, an unknown path `not_found`.
            crm.carried(tool, of("contacts", input.clone())).await;
        }
        // What does not fit is refused, so that the above can fail.
        let judge = prism.client()?;
        let nothing = json!({});
        let path = "/crm/v3/objects/contacts/search";
        let wrong = judge.send(reqwest::Method::POST, path, Some(&nothing));
        assert!(wrong.await?.status.as_u16() >= 400);
        let system = format!("HubSpot v3 by Prism {} requests={}", prism.version(), requests.len());
        tell(&system, &crm.proved(), Some(prism.needs()));
        crm.close().await;
        Ok(())
    }
}
