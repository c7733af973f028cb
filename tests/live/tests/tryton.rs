//! Tryton: its harness, its judge, and the connector `crm` on it.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod crm;

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_live::{Result, Tryton, TrytonClient, live, tell};
use tollgate_tests::installed::Installed;

use crm::of;

live! {
    "live: needs Tryton from PyPI",
    async fn the_judge_sees_what_was_done_in_the_database() {
        let server = Tryton::start().await?;
        let judge = server.client()?;
        let party = judge.create_party("Northwind").await?;
        let opportunity = judge.create_opportunity(party, "New warehouse").await?;
        let update = json!({ "description": "Bigger warehouse" });
        let path = format!("sale.opportunity/{opportunity}");
        judge.send(Method::PUT, &path, Some(&update)).await?.json()?;
        let path = format!("sale.opportunity/{opportunity}/opportunity");
        judge.send(Method::POST, &path, Some(&json!({}))).await?.json()?;
        let fields = ["description", "state", "party.name"];
        let seen = judge.record("sale.opportunity", opportunity, &fields).await?;
        assert_eq!(seen["description"], "Bigger warehouse");
        assert_eq!(seen["state"], "opportunity");
        assert_eq!(seen["party"]["name"], "Northwind");
        assert_eq!(judge.records("sale.opportunity", &["state"]).await?.len(), 1);
        assert!(!server.agent().is_empty() && server.agent() != server.reader());
        server.needs().print("Tryton", server.version());
        Ok(())
    }
}

live! {
    "live: needs Tryton from PyPI",
    async fn the_connector_crm_does_and_takes_back_what_it_says() {
        let server = Tryton::start().await?;
        let judge = server.client()?;
        let (company, currency, employee) = server.company();
        let base_url = format!("{}/crm/rest/model", server.origin());
        let crm = crm::open("manifests/tryton.toml", &base_url, server.agent(), |manifest| {
            let types = &mut manifest["config"]["types"];
            let defaults = types["opportunities"]["defaults"].as_table_mut().unwrap();
            for (name, id) in [("company", company), ("currency", currency), ("employee", employee)] {
                defaults.insert(name.to_owned(), id.into());
            }
        })
        .await;
        parties(&crm, &judge).await?;
        opportunities(&crm, &judge).await?;
        refusals(&server, &base_url).await;
        notes(&crm, &server, &base_url).await?;
        let system = format!("Tryton {}", server.version());
        tell(&system, &crm.proved(), Some(server.needs()));
        crm.close().await;
        Ok(())
    }
}

/// A party from its making to its end, and a category that it is in for a while.
async fn parties(crm: &Installed, judge: &TrytonClient) -> Result<()> {
    let new = json!({ "name": "Northwind", "code": "N-1", "email": "info@example.com" });
    let (made, output) = crm
        .carried("create_record", of("parties", json!({ "properties": new })))
        .await;
    let id = text(&output, "/record/id");
    let number: i64 = id.parse().unwrap();
    let fields = ["name", "email", "active", "categories"];
    let seen = judge.record("party.party", number, &fields).await?;
    assert_eq!(
        (&seen["name"], &seen["email"]),
        (&json!("Northwind"), &json!("info@example.com"))
    );

    // Once more, in other letters: nothing is made.
    let again = json!({ "properties": { "name": "N", "email": "INFO@example.com" } });
    let (kind, message) = crm.fails("create_record", of("parties", again)).await;
    assert_eq!(kind, "conflict");
    assert!(
        message.contains(&format!("record {id} of parties")),
        "{message}"
    );

    let by_email =
        json!({ "where": [{ "property": "email", "is": "equal", "value": "info@example.com" }] });
    let (_, found) = crm.carried("search_records", of("parties", by_email)).await;
    assert_eq!(found["records"][0]["id"], json!(id));
    let by_part = json!({ "where": [{ "property": "name", "is": "contains", "value": "%" }] });
    let (_, found) = crm.carried("search_records", of("parties", by_part)).await;
    assert_eq!(found["records"], json!([]), "`%` means itself");
    let (_, page) = crm
        .carried("search_records", of("parties", json!({ "limit": 1 })))
        .await;
    assert_eq!(page["next"], "1");
    let (_, record) = crm
        .carried("get_record", of("parties", json!({ "id": id })))
        .await;
    assert_eq!(record["properties"]["website"], Value::Null);
    let (_, records) = crm
        .carried(
            "get_records",
            of("parties", json!({ "ids": [id, "99999"] })),
        )
        .await;
    assert_eq!(records["missing"], json!(["99999"]));

    let change = json!({ "id": id, "expected": { "name": "Northwind" }, "properties": {
        "name": "Northwind Ltd", "email": "new@example.com", "website": "https://example.com" } });
    let (updated, _) = crm.carried("update_record", of("parties", change)).await;
    assert_eq!(
        judge.record("party.party", number, &fields).await?["email"],
        "new@example.com"
    );
    assert_eq!(crm.undo(&updated).await, "undone");
    let (_, record) = crm
        .carried("get_record", of("parties", json!({ "id": id })))
        .await;
    assert_eq!(
        record["properties"],
        json!({ "name": "Northwind", "code": "N-1",
        "email": "info@example.com", "phone": null, "website": null })
    );

    // A colleague changes the name between an update and its undo.
    let change = json!({ "id": id, "properties": { "name": "Ours" } });
    let (stale, _) = crm.carried("update_record", of("parties", change)).await;
    let path = format!("party.party/{id}");
    judge
        .send(Method::PUT, &path, Some(&json!({ "name": "Theirs" })))
        .await?
        .json()?;
    assert_eq!(crm.undo(&stale).await, "conflict");
    assert_eq!(
        judge.record("party.party", number, &fields).await?["name"],
        "Theirs"
    );
    // The party is not as it was made either.
    assert_eq!(crm.undo(&made).await, "conflict");

    let category = judge
        .send(
            Method::POST,
            "party.category",
            Some(&json!({ "name": "VIP" })),
        )
        .await?
        .json()?;
    let pair = json!({ "id": id, "to": "categories", "to_id": category["id"].to_string() });
    let (joined, _) = crm.carried("associate", of("parties", pair.clone())).await;
    assert_eq!(
        judge.record("party.party", number, &fields).await?["categories"],
        json!([category["id"]])
    );
    let (_, listed) = crm
        .carried(
            "list_associations",
            of("parties", json!({ "id": id, "to": "categories" })),
        )
        .await;
    assert_eq!(listed["associations"][0]["id"], category["id"].to_string());
    assert_eq!(crm.undo(&joined).await, "undone");
    assert_eq!(
        judge.record("party.party", number, &fields).await?["categories"],
        json!([])
    );
    judge
        .send(
            Method::PUT,
            &path,
            Some(&json!({ "categories": [["add", [category["id"]]]] })),
        )
        .await?
        .json()?;
    let (parted, _) = crm.carried("dissociate", of("parties", pair)).await;
    assert_eq!(
        judge.record("party.party", number, &fields).await?["categories"],
        json!([])
    );
    assert_eq!(crm.undo(&parted).await, "undone");
    assert_eq!(
        judge.record("party.party", number, &fields).await?["categories"],
        json!([category["id"]])
    );

    let away = json!({ "id": id, "expected": { "name": "Theirs" } });
    let (away, _) = crm.carried("archive_record", of("parties", away)).await;
    assert_eq!(active(judge, number).await?, json!(0));
    assert_eq!(crm.undo(&away).await, "undone");
    assert_eq!(active(judge, number).await?, json!(1));
    let away = json!({ "id": id, "expected": { "name": "Theirs" } });
    crm.carried("archive_record", of("parties", away)).await;
    let (back, _) = crm
        .carried("unarchive_record", of("parties", json!({ "id": id })))
        .await;
    assert_eq!(active(judge, number).await?, json!(1));
    assert_eq!(crm.undo(&back).await, "undone");
    assert_eq!(active(judge, number).await?, json!(0));
    Ok(())
}

/// Tryton shows what is not active by its id.
async fn active(judge: &TrytonClient, party: i64) -> Result<Value> {
    Ok(judge.record("party.party", party, &["active"]).await?["active"].clone())
}

/// An opportunity is put away by cancelling it.
async fn opportunities(crm: &Installed, judge: &TrytonClient) -> Result<()> {
    let party = judge.create_party("Contoso").await?;
    let new = json!({ "party": party, "description": "Warehouse", "amount": "1200.00",
        "start_date": "2026-11-22", "conversion_probability": 0.5, "reference": "key-1" });
    let (made, output) = crm
        .carried(
            "create_record",
            of("opportunities", json!({ "properties": new })),
        )
        .await;
    let id: i64 = text(&output, "/record/id").parse().unwrap();
    assert_eq!(text(&output, "/record/properties/amount"), "1200.00");
    let (_, listed) = crm
        .carried(
            "list_associations",
            of(
                "parties",
                json!({ "id": party.to_string(), "to": "opportunities" }),
            ),
        )
        .await;
    assert_eq!(listed["associations"], json!([{ "id": id.to_string() }]));
    let change =
        json!({ "id": id.to_string(), "properties": { "amount": 900.5, "comment": "less" } });
    let (updated, _) = crm
        .carried("update_record", of("opportunities", change))
        .await;
    let seen = judge
        .record("sale.opportunity", id, &["amount", "comment"])
        .await?;
    assert_eq!(seen["amount"]["decimal"], "900.5");
    assert_eq!(crm.undo(&updated).await, "undone");
    let seen = judge
        .record("sale.opportunity", id, &["amount", "comment", "state"])
        .await?;
    assert_eq!(
        (&seen["amount"]["decimal"], &seen["comment"]),
        (&json!("1200.00"), &Value::Null)
    );
    // It was changed since, and changed back: its version says so.
    assert_eq!(crm.undo(&made).await, "conflict");

    let new = json!({ "party": party, "description": "Office", "start_date": "2026-11-22",
        "conversion_probability": 0.5, "reference": "key-2" });
    let (made, output) = crm
        .carried(
            "create_record",
            of("opportunities", json!({ "properties": new })),
        )
        .await;
    let id: i64 = text(&output, "/record/id").parse().unwrap();
    assert_eq!(crm.undo(&made).await, "undone");
    assert_eq!(
        judge.record("sale.opportunity", id, &["state"]).await?["state"],
        "cancelled"
    );
    Ok(())
}

/// Accounts that may not, and a key that is wrong.
async fn refusals(server: &Tryton, base_url: &str) {
    let sample = "manifests/tryton.toml";
    let guest = crm::open(sample, base_url, server.guest(), |_| {}).await;
    let (kind, _) = guest
        .fails("search_records", of("opportunities", json!({})))
        .await;
    assert_eq!(kind, "denied");
    let reader = crm::open(sample, base_url, server.reader(), |_| {}).await;
    let change = json!({ "id": "1", "properties": { "description": "x" } });
    let (kind, message) = reader
        .fails("update_record", of("opportunities", change))
        .await;
    assert_eq!(kind, "denied", "{message}");
    let nobody = crm::open(sample, base_url, "no-such-key-0123456789", |_| {}).await;
    let (kind, message) = nobody
        .fails("search_records", of("parties", json!({})))
        .await;
    assert_eq!(kind, "denied");
    assert!(message.contains("401"), "{message}");
}

/// Notes need a key of an administrator, and routes that the sample leaves out.
async fn notes(crm: &Installed, server: &Tryton, base_url: &str) -> Result<()> {
    let judge = server.client()?;
    let party = judge.create_party("Fabrikam").await?;
    let admin = crm::open("manifests/tryton.toml", base_url, server.admin(), |manifest| {
        let routes = "[[route]]\ncall = \"POST /ir.note/search_read\"\neffect = \"read\"\n\
            [[route]]\ncall = \"POST /ir.note\"\neffect = \"write\"\nundo = \"inverse\"\n\
            [[route]]\ncall = \"DELETE /ir.note/{id:int}\"\neffect = \"write\"\nundo = \"inverse\"\n";
        let routes: toml::Table = routes.parse().unwrap();
        let granted = manifest["grant"]["http"]["crm"]["route"].as_array_mut().unwrap();
        granted.extend(routes["route"].as_array().unwrap().clone());
        let parties = manifest["config"]["types"]["parties"].as_table_mut().unwrap();
        parties.insert("notes".to_owned(), true.into());
        let rules = manifest["rule"].as_array_mut().unwrap();
        let tools: toml::Table = "tool = [\"add_note\", \"remove_note\"]\nname = \"notes\"\nthen = \"allow\"".parse().unwrap();
        rules.push(tools.into());
    })
    .await;
    let on = json!({ "id": party.to_string(), "text": "Called back.\nAll well." });
    let (added, output) = admin.carried("add_note", of("parties", on.clone())).await;
    let notes = judge.records("ir.note", &["message", "resource"]).await?;
    assert_eq!(notes[0]["message"], "Called back.\nAll well.");
    assert_eq!(notes[0]["resource"], format!("party.party,{party}"));
    let note = text(&output, "/note");
    let other = json!({ "id": "1", "note": note, "text": "Called back.\nAll well." });
    assert_eq!(
        admin.fails("remove_note", of("parties", other)).await.0,
        "not_found"
    );
    assert_eq!(admin.undo(&added).await, "undone");
    assert_eq!(judge.records("ir.note", &["message"]).await?.len(), 0);
    let (_, output) = admin
        .carried(
            "add_note",
            of(
                "parties",
                json!({ "id": party.to_string(), "text": "Again" }),
            ),
        )
        .await;
    let remove =
        json!({ "id": party.to_string(), "note": text(&output, "/note"), "text": "Again" });
    let (removed, _) = admin.carried("remove_note", of("parties", remove)).await;
    assert_eq!(admin.undo(&removed).await, "undone");
    assert_eq!(
        judge.records("ir.note", &["message"]).await?[0]["message"],
        "Again"
    );
    crm.add(&admin);
    admin.close().await;
    Ok(())
}

/// An output's text.
fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    let found = found.unwrap_or_else(|| panic!("no {pointer} in {value}"));
    found.to_owned()
}
