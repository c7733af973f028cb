//! The harness and the judge of NocoDB, and the connector `tables` with its sample
//! manifest against it.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{NocoDb, live, tell};
use tollgate_tests::installed::{Installed, Secret, at};
use toml::Value;

/// The sample's table.
const SAMPLE: &str = "m1exampleorders";

/// The sample at a real server, with the real table's id.
async fn opened(server: &NocoDb) -> Installed {
    let secret = Secret {
        name: "nocodb-token",
        base_url: server.origin(),
        place: "header = \"xc-token\"",
        value: server.token(),
    };
    Installed::open("tables", "manifest.toml", |manifest, home| {
        secret.keep(home);
        at(manifest, "tables", &format!("{}/api/v2", server.origin()));
        renamed(manifest.get_mut("grant"), server.table());
        renamed(manifest.get_mut("config"), server.table());
    })
    .await
}

/// Another table's id, wherever the sample has its own.
fn renamed(value: Option<&mut Value>, table: &str) {
    match value {
        Some(Value::String(text)) => *text = text.replace(SAMPLE, table),
        Some(Value::Array(list)) => list.iter_mut().for_each(|one| renamed(Some(one), table)),
        Some(Value::Table(members)) => {
            let each = members.iter_mut();
            each.for_each(|(_, one)| renamed(Some(one), table));
        }
        _ => {}
    }
}

live! {
    "live: needs NocoDB from npm and TOLLGATE_LIVE_HEAVY=1",
    async fn the_connector_tables_does_what_it_says_and_takes_it_back() {
        let server = NocoDb::start().await?;
        let judge = server.client()?;
        let house = opened(&server).await;

        let (_, listed) = house.done("tables", json!({})).await;
        assert_eq!(listed["tables"][0]["key"], "number");

        // Create, refuse twice, take back.
        let order = json!({ "number": "k-1", "customer": "Lamp & Co", "amount": 3, "status": "open" });
        let create = json!({ "table": "orders", "records": [order] });
        let (created, made) = house.done("create_records", create.clone()).await;
        let id = made["records"][0]["id"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(made.get("not_stored").is_none() && made.get("duplicates").is_none(), "{made}");
        let found = judge.with_key("k-1").await?;
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0]["Amount"], &found[0]["Status"]), (&json!(3), &json!("open")));
        let (_, got) = house.done("get_record", json!({ "table": "orders", "id": id })).await;
        assert_eq!((&got["id"], &got["fields"]["customer"]), (&json!(id), &json!("Lamp & Co")), "{got}");
        let again = json!({ "table": "orders", "records": [{ "number": "k-1" }] });
        assert_eq!(house.fails("create_records", again).await.0, "conflict");
        assert_eq!(judge.with_key("k-1").await?.len(), 1);

        // Update and take back; a stale look, and a stale undo.
        let update = json!({ "table": "orders", "id": id, "fields": { "status": "done", "amount": 4.5 },
            "expected": { "status": "open" } });
        let (updated, _) = house.done("update_record", update.clone()).await;
        let number = id.parse::<i64>().unwrap_or_default();
        assert_eq!(judge.record(number).await?.unwrap_or_default()["Status"], "done");
        assert_eq!(house.fails("update_record", update).await.0, "conflict");
        assert_eq!(house.undo(&updated).await, "undone");
        let now = judge.record(number).await?.unwrap_or_default();
        assert_eq!((&now["Amount"], &now["Status"]), (&json!(3), &json!("open")));
        let cleared = json!({ "table": "orders", "id": id, "fields": { "status": null } });
        let (stale, _) = house.done("update_record", cleared).await;
        let theirs = json!({ "Id": number, "Status": "done" });
        judge.send(Method::PATCH, "", Some(&theirs)).await?.json()?;
        assert_eq!(house.undo(&stale).await, "conflict");
        assert_eq!(judge.record(number).await?.unwrap_or_default()["Status"], "done");

        // A changed record is not removed by the undo of its creation.
        let refused = house.call("get_record", json!({ "table": "orders", "id": "99999" })).await;
        assert_eq!(refused.failure.map(|failure| failure.kind).as_deref(), Some("not_found"));
        let back = json!({ "Id": number, "Status": "open" });
        judge.send(Method::PATCH, "", Some(&back)).await?.json()?;
        assert_eq!(house.undo(&created).await, "undone");
        assert!(judge.record(number).await?.is_none());

        // Paging and filters, against rows that the judge made.
        for n in 0..7 {
            judge.create(&json!({ "Name": format!("Row {n}"), "Amount": n, "Key": format!("r-{n}") })).await?;
        }
        let mut seen = Vec::new();
        let mut ask = json!({ "table": "orders", "limit": 3 });
        loop {
            let (_, page) = house.done("list_records", ask.clone()).await;
            let rows = page["records"].as_array().cloned().unwrap_or_default();
            seen.extend(rows.iter().map(|row| row["fields"]["number"].clone()));
            match page.get("next") {
                Some(next) => ask["next"] = next.clone(),
                None => break,
            }
        }
        assert_eq!(json!(seen), json!(["r-0", "r-1", "r-2", "r-3", "r-4", "r-5", "r-6"]));
        let count = |filter| {
            let ask = json!({ "table": "orders", "filter": filter });
            async { house.done("list_records", ask).await.1["records"].as_array().map_or(0, Vec::len) }
        };
        for (filter, rows) in [
            (json!([{ "field": "customer", "is": "equals", "value": "Row 3" }]), 1),
            (json!([{ "field": "customer", "is": "contains", "value": "row" }]), 7),
            (json!([{ "field": "customer", "is": "not_equals", "value": "Row 3" }]), 6),
            (json!([{ "field": "amount", "is": "greater_than", "value": 4 }]), 2),
            (json!([{ "field": "amount", "is": "at_least", "value": 4 }]), 3),
            (json!([{ "field": "amount", "is": "less_than", "value": 4 }]), 4),
            (json!([{ "field": "amount", "is": "at_most", "value": 4 }]), 5),
            (json!([{ "field": "status", "is": "empty" }]), 7),
            (json!([{ "field": "customer", "is": "not_empty" }, { "field": "amount", "is": "equals", "value": 2 }]), 1),
        ] {
            assert_eq!(count(filter.clone()).await, rows, "{filter}");
        }

        // A deletion waits for a person, and is for good.
        let victim = judge.with_key("r-6").await?[0]["Id"].as_i64().unwrap_or_default();
        let delete = json!({ "table": "orders", "id": victim.to_string(), "expected": { "number": "r-6" } });
        let held = house.call("delete_record", delete).await;
        assert!(judge.record(victim).await?.is_some(), "it waits for a person");
        let done = house.approve(&held).await;
        assert!(judge.record(victim).await?.is_none(), "{done:?}");

        let what = format!("NocoDB {}", server.version());
        tell(&what, &house.proved(), Some(server.needs()));
        house.close().await;
        Ok(())
    }
}

live! {
    "live: needs NocoDB from npm and TOLLGATE_LIVE_HEAVY=1",
    async fn the_judge_sees_what_was_done_in_the_table() {
        let server = NocoDb::start().await?;
        let judge = server.client()?;
        let id = judge.create(&json!({ "Name": "Lamp", "Status": "open", "Key": "k-1" })).await?;
        let update = json!({ "Id": id, "Status": "done" });
        judge.send(Method::PATCH, "", Some(&update)).await?.json()?;
        let found = judge.with_key("k-1").await?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["Status"], "done");
        judge.send(Method::DELETE, "", Some(&json!({ "Id": id }))).await?.json()?;
        assert!(judge.record(id).await?.is_none());
        server.needs().print("NocoDB", server.version());
        Ok(())
    }
}
