//! The connector `crm` with its sample manifest for HubSpot, through a real host and
//! through Prism, which refuses each request and each answer that does not fit
//! HubSpot's published description.
//!
//! HubSpot publishes one description for each type, at
//! github.com/HubSpot/HubSpot-public-api-spec-collection. `TOLLGATE_HUBSPOT_SPEC`
//! names three of them, with `:` between: below `PublicApiSpecs/CRM`,
//! `Contacts/Rollouts/424/v3/contacts.json`, `Notes/Rollouts/424/v3/notes.json` and
//! `Associations/Rollouts/130902/v4/associations.json`.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

#[path = "../crm/mod.rs"]
mod crm;
mod store;

use std::ffi::OsStr;

use crm::of;
use serde_json::{Value, json};
use store::Store;
use tollgate_live::{Prism, live, tell};
use tollgate_tests::installed::Installed;

/// One document of several. Each has schemas of its own by names that others use too.
fn merged(files: &OsStr) -> Value {
    let mut whole = json!({});
    for (number, file) in std::env::split_paths(files).enumerate() {
        let text = std::fs::read_to_string(file).unwrap();
        let own = format!("#/components/schemas/d{number}_");
        let mut part: Value =
            serde_json::from_str(&text.replace("#/components/schemas/", &own)).unwrap();
        plain(&mut part);
        let schemas = part["components"]["schemas"].as_object_mut().unwrap();
        let named = std::mem::take(schemas).into_iter();
        *schemas = named
            .map(|(name, schema)| (format!("d{number}_{name}"), schema))
            .collect();
        add(&mut whole, part);
    }
    whole
}

/// Members of both, where both are objects; else what was there first.
fn add(whole: &mut Value, part: Value) {
    let (Value::Object(whole), Value::Object(part)) = (whole, part) else {
        return;
    };
    for (name, value) in part {
        match whole.get_mut(&name) {
            Some(there) => add(there, value),
            None => drop(whole.insert(name, value)),
        }
    }
}

/// What Prism stumbles over: examples that are null and fit no schema, and the media
/// type of errors, which is JSON and called anything.
fn plain(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("example") == Some(&Value::Null) {
                members.remove("example");
            }
            if let Some(any) = members.remove("*/*") {
                members.insert("application/json".to_owned(), any);
            }
            members.values_mut().for_each(plain);
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        _ => {}
    }
}

/// A contact from its making to its end.
async fn contacts(crm: &Installed, store: &Store) -> String {
    let ada = json!({ "properties": { "email": "ada@example.com", "firstname": "Ada", "jobtitle": "CEO" } });
    let (made, output) = crm
        .carried("create_record", of("contacts", ada.clone()))
        .await;
    let id = output["record"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        store.record("contacts", &id)["properties"]["firstname"],
        "Ada"
    );
    assert_eq!(
        crm.fails("create_record", of("contacts", ada)).await.0,
        "conflict"
    );

    let email = json!({ "where": [{ "property": "email", "is": "equal", "value": "ada@example.com" },
        { "property": "firstname", "is": "not_empty" }], "sort": "-email" });
    let (_, found) = crm.carried("search_records", of("contacts", email)).await;
    assert_eq!(found["records"][0]["id"], *id, "{found}");
    let (_, got) = crm
        .carried("get_record", of("contacts", json!({ "id": id })))
        .await;
    assert_eq!(got["properties"]["jobtitle"], "CEO", "{got}");
    let several = json!({ "ids": [id, "999"] });
    let (_, several) = crm.carried("get_records", of("contacts", several)).await;
    assert_eq!(
        several["records"].as_array().map(Vec::len),
        Some(1),
        "{several}"
    );

    let change = json!({ "id": id, "properties": { "jobtitle": "Chair", "phone": "+44 1" } });
    let (updated, _) = crm
        .carried("update_record", of("contacts", change.clone()))
        .await;
    assert_eq!(
        store.record("contacts", &id)["properties"]["phone"],
        "+44 1"
    );
    assert_eq!(crm.undo(&updated).await, "undone");
    let now = store.record("contacts", &id)["properties"].clone();
    assert_eq!(
        (&now["jobtitle"], &now["phone"]),
        (&json!("CEO"), &json!(""))
    );
    let (stale, _) = crm.carried("update_record", of("contacts", change)).await;
    store.set("contacts", &id, "jobtitle", "Theirs");
    assert_eq!(crm.undo(&stale).await, "conflict");
    assert_eq!(
        store.record("contacts", &id)["properties"]["jobtitle"],
        "Theirs"
    );

    // Somebody has changed it: the create is not taken back. Another one is.
    assert_ne!(crm.undo(&made).await, "undone");
    let eve = json!({ "properties": { "email": "eve@example.com" } });
    let (made, output) = crm.carried("create_record", of("contacts", eve)).await;
    assert_eq!(crm.undo(&made).await, "undone");
    let eve = output["record"]["id"].as_str().unwrap();
    assert_eq!(store.record("contacts", eve)["archived"], true);
    id
}

/// A company that it is of, by the usual association and by a label.
async fn associations(crm: &Installed, store: &Store, contact: &str) {
    let company = store.make("companies", &json!({ "name": "Northwind" }));
    let pair = json!({ "id": contact, "to": "companies", "to_id": company });
    let (joined, _) = crm.carried("associate", of("contacts", pair.clone())).await;
    assert_eq!(store.kinds(contact, &company), [279]);
    assert_eq!(crm.undo(&joined).await, "undone");
    assert_eq!(store.kinds(contact, &company), [0; 0]);
    let mut labelled = pair.clone();
    labelled["labels"] = json!([{ "category": "USER_DEFINED", "number": 36 }]);
    crm.carried("associate", of("contacts", labelled)).await;
    let asked = json!({ "id": contact, "to": "companies" });
    let (_, listed) = crm
        .carried("list_associations", of("contacts", asked))
        .await;
    assert!(listed.to_string().contains(&company), "{listed}");
    let (parted, _) = crm.carried("dissociate", of("contacts", pair)).await;
    assert_eq!(store.kinds(contact, &company), [0; 0]);
    assert_eq!(crm.undo(&parted).await, "undone");
    assert_eq!(store.kinds(contact, &company), [36]);
}

/// A note, taken away and put back.
async fn notes(crm: &Installed, store: &Store, contact: &str) {
    let note = json!({ "id": contact, "text": "Called back." });
    let (added, output) = crm.carried("add_note", of("contacts", note.clone())).await;
    let id = output["note"].as_str().unwrap();
    assert_eq!(store.record("notes", id)["archived"], false);
    assert_eq!(crm.undo(&added).await, "undone");
    assert_eq!(store.record("notes", id)["archived"], true);
    let (_, output) = crm.carried("add_note", of("contacts", note)).await;
    let remove = json!({ "id": contact, "note": output["note"], "text": "Called back." });
    let (removed, _) = crm.carried("remove_note", of("contacts", remove)).await;
    assert_eq!(crm.undo(&removed).await, "undone");
}

async fn all(crm: &Installed, store: &Store) {
    let contact = contacts(crm, store).await;
    associations(crm, store, &contact).await;
    notes(crm, store, &contact).await;
    let away = json!({ "id": contact, "expected": { "jobtitle": "Theirs" } });
    let (_, _) = crm.approved("archive_record", of("contacts", away)).await;
    assert_eq!(store.record("contacts", &contact)["archived"], true);
    // Only a person can restore it.
    let back = crm
        .call("unarchive_record", of("contacts", json!({ "id": contact })))
        .await;
    assert_eq!(
        back.failure.map(|failure| failure.kind).as_deref(),
        Some("denied")
    );
}

live! {
    "live: needs Prism from npm, and TOLLGATE_HUBSPOT_SPEC",
    async fn each_request_fits_hubspot_s_description_and_each_write_is_taken_back() {
        let Some(files) = std::env::var_os("TOLLGATE_HUBSPOT_SPEC") else {
            tell("HubSpot", "SKIPPED: set TOLLGATE_HUBSPOT_SPEC to three files of github.com/HubSpot/HubSpot-public-api-spec-collection", None);
            return Ok(());
        };
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        std::fs::write(file.path(), merged(&files).to_string()).unwrap();
        let store = Store::default();
        let prism = Prism::proxy(file.path(), &store.serve().await).await?;
        let crm = crm::open("manifest.toml", prism.origin(), "live-test-token", |_| {}).await;
        all(&crm, &store).await;
        // What does not fit is refused, so that the above can fail.
        let judge = prism.client()?;
        let path = "/crm/v3/objects/contacts/search";
        let nothing = json!({});
        let wrong = judge.send(reqwest::Method::POST, path, Some(&nothing));
        assert_eq!(wrong.await?.status, 422);
        let system = format!("HubSpot v3 by Prism {}", prism.version());
        tell(&system, &crm.proved(), Some(prism.needs()));
        crm.close().await;
        Ok(())
    }
}
