//! The harness and the judge of Request Tracker.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use reqwest::Method;
use serde_json::json;
use tollgate_live::{RequestTracker, live, tell};
use tollgate_tests::installed::{Installed, Secret, at};

live! {
    "live: needs Request Tracker 5 from Debian",
    async fn the_judge_sees_what_was_done_in_the_tracker() {
        let server = RequestTracker::start().await?;
        let judge = server.client()?;
        let id = judge.create_ticket("it rains in", "carol@example.net").await?;
        let comment = json!({ "Content": "since Monday", "ContentType": "text/plain" });
        let path = format!("ticket/{id}/comment");
        judge.send(Method::POST, &path, Some(&comment)).await?.json()?;
        let update = json!({ "Status": "open", "CustomFields": { "Severity": "high" } });
        let path = format!("ticket/{id}");
        judge.send(Method::PUT, &path, Some(&update)).await?.json()?;
        assert_eq!(judge.ticket(&id).await?["Status"], "open");
        assert_eq!(judge.custom_field(&id, "Severity").await?, ["high"]);
        assert_eq!(judge.texts(&id, "Comment").await?, ["since Monday"]);
        // No message takes a condition, so the connector sends none.
        let shown = judge.send(Method::GET, &format!("ticket/{id}"), None).await?;
        let tag = shown.headers["etag"].to_str().unwrap();
        assert_eq!(judge.comment_if(&id, tag).await?.status, 412);
        assert_eq!(judge.comment_if(&id, "*").await?.status, 201);
        assert_eq!(judge.tickets("Subject = 'it rains in'").await?, [id]);
        assert!(!server.agent().is_empty() && !server.reader().is_empty());
        server.needs().print("Request Tracker", server.version());
        Ok(())
    }
}

live! {
    "live: needs Request Tracker 5 from Debian",
    async fn the_connector_works_on_its_tickets() {
        let server = RequestTracker::start().await?;
        let judge = server.client()?;
        let base_url = format!("{}/REST/2.0", server.origin());
        let place = "header = \"authorization\"";
        let secret = Secret { name: "desk-token", base_url: &base_url, place, value: server.agent() };
        let office = Installed::open("support-desk", "manifest.toml", |manifest, home| {
            secret.keep(home);
            at(manifest, "desk", &base_url);
            let config = manifest["config"].as_table_mut().unwrap();
            config.insert("key_field".to_owned(), "Order number".into());
        }).await;
        let made = json!({
            "subject": "The lamp's cable \\ broke", "text": "It sparks.",
            "requester": "carol@example.net", "key": "47110815",
            "values": { "priority": "3", "fields": { "Severity": "low", "Products": ["lamp", "cable"] } },
        });
        let (create, output) = office.approved("create_ticket", made.clone()).await;
        assert_eq!((&output["is_new"], &output["not_as_asked"]), (&json!(true), &json!(null)));
        let id = output["ticket"].as_str().unwrap().to_owned();
        assert_eq!(judge.ticket(&id).await?["Requestor"][0]["id"], "carol@example.net");
        assert_eq!(judge.custom_field(&id, "Order number").await?, ["47110815"]);
        assert_eq!(office.undo(&create).await, "irreversible");
        let (_, again) = office.done("create_ticket", made).await;
        assert_eq!((&again["ticket"], &again["is_new"]), (&json!(id), &json!(false)));
        let double = json!({ "subject": "The lamp's cable \\ broke", "text": "x", "requester": "carol@example.net" });
        assert_eq!(office.fails("create_ticket", double).await.0, "conflict");

        let search = json!({ "text": "lamp's cable \\", "queue": "Support", "fields": { "Severity": "low" } });
        let (_, found) = office.done("search_tickets", search).await;
        assert_eq!(found["tickets"][0]["id"], *id);
        let (_, ticket) = office.done("get_ticket", json!({ "ticket": id })).await;
        assert_eq!((&ticket["queue"], &ticket["fields"]["Severity"]), (&json!("Support"), &json!("low")));

        let note = json!({ "ticket": id, "text": "Ask the depot.", "key": "note-4711" });
        let (comment, written) = office.approved("comment", note.clone()).await;
        let (_, again) = office.done("comment", note.clone()).await;
        assert_eq!((&again["comment"], &again["is_new"]), (&written["comment"], &json!(false)));
        let mut other = note;
        other["text"] = json!("Ask the depot again.");
        assert_eq!(office.done("comment", other).await.1["is_new"], false);
        assert_eq!(judge.texts(&id, "Comment").await?, ["Ask the depot."]);
        assert_eq!(office.undo(&comment).await, "irreversible");

        let update = json!({ "ticket": id, "values": {
            "status": "open", "priority": "9", "assignee": "agent", "subject": "Lamp sparks",
            "fields": { "Severity": "high", "Products": ["chair"] },
        } });
        let (run, output) = office.done("update_ticket", update.clone()).await;
        assert_eq!(output["not_as_asked"], json!(null), "{output}");
        let now = judge.ticket(&id).await?;
        assert_eq!((&now["Status"], &now["Owner"]["id"]), (&json!("open"), &json!("agent")));
        assert_eq!((&now["Subject"], &now["Priority"]), (&json!("Lamp sparks"), &json!("9")));
        assert_eq!(judge.custom_field(&id, "Products").await?, ["chair"]);
        assert_eq!(office.undo(&run).await, "undone");
        let now = judge.ticket(&id).await?;
        assert_eq!((&now["Status"], &now["Owner"]["id"]), (&json!("new"), &json!("Nobody")));
        assert_eq!((&now["Subject"], &now["Priority"]), (&json!("The lamp's cable \\ broke"), &json!("3")));
        assert_eq!(judge.custom_field(&id, "Severity").await?, ["low"]);
        assert_eq!(judge.custom_field(&id, "Products").await?.len(), 2);

        let (run, _) = office.done("update_ticket", json!({ "ticket": id, "values": { "status": "stalled" } })).await;
        let theirs = json!({ "Status": "open" });
        judge.send(Method::PUT, &format!("ticket/{id}"), Some(&theirs)).await?.json()?;
        assert_eq!(office.undo(&run).await, "conflict");
        assert_eq!(judge.ticket(&id).await?["Status"], "open");
        let bad = json!({ "ticket": id, "values": { "status": "flying" } });
        assert_eq!(office.fails("update_ticket", bad).await.0, "invalid_input");

        let stale = json!({ "ticket": id, "text": "Dear Carol", "version": ticket["version"] });
        assert_eq!(office.fails("reply", stale).await.0, "conflict");
        let (_, ticket) = office.done("get_ticket", json!({ "ticket": id })).await;
        let reply = json!({ "ticket": id, "text": "Dear Carol, unplug it.", "version": ticket["version"] });
        let (run, _) = office.approved("reply", reply).await;
        assert_eq!(office.undo(&run).await, "irreversible");
        assert_eq!(judge.texts(&id, "Correspond").await?, ["Dear Carol, unplug it."]);

        let hand = json!({
            "ticket": id, "to": "team-leads", "summary": "Refund?", "reason": "Above my limit",
            "note": "Handed to the leads.", "priority": "50",
        });
        let (_, output) = office.approved("escalate", hand).await;
        assert_eq!(output["problems"], json!(null), "{output}");
        assert_eq!(judge.ticket(&id).await?["Priority"], "50");
        assert!(judge.texts(&id, "Comment").await?[1].contains(output["item"].as_str().unwrap()));

        let mut page = json!(null);
        let mut texts = Vec::new();
        loop {
            let mut ask = json!({ "ticket": id, "limit": 5 });
            if page.is_string() {
                ask["page"] = page;
            }
            let (_, listed) = office.done("list_comments", ask).await;
            for one in listed["comments"].as_array().unwrap() {
                texts.push((one["audience"].as_str().unwrap().to_owned(), one["text"].as_str().unwrap().to_owned()));
            }
            page = listed["next"].clone();
            if !page.is_string() {
                break;
            }
        }
        let texts: Vec<_> = texts.iter().map(|(audience, text)| (&audience[..], text.lines().next().unwrap_or_default())).collect();
        assert_eq!(texts, [
            ("public", "It sparks."), ("internal", "Ask the depot."),
            ("public", "Dear Carol, unplug it."), ("internal", "Handed to the leads."),
        ]);
        let withdraw = json!({ "ticket": id, "comment": written["comment"] });
        assert_eq!(office.fails("withdraw_comment", withdraw).await.0, "denied");
        let system = format!("Request Tracker {}", server.version());
        tell(&system, &office.proved(), Some(server.needs()));
        office.close().await;
        Ok(())
    }
}
