//! The harness and the judge of Roundup.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use reqwest::Method;
use serde_json::json;
use tollgate_live::{Roundup, live, tell};
use tollgate_tests::installed::{Installed, Secret, at};

live! {
    "live: needs Roundup from PyPI",
    async fn the_judge_sees_what_was_done_in_the_tracker() {
        let server = Roundup::start().await?;
        let judge = server.client()?;
        let id = judge.create_issue("it rains in").await?;
        let message = json!({ "content": "since Monday", "author": "admin" });
        let answer = judge.send(Method::POST, "msg", Some(&message)).await?.json()?;
        let link = json!({ "messages": [answer["data"]["id"]] });
        let path = format!("issue/{id}");
        let refused = judge.send(Method::PATCH, &path, Some(&link)).await?;
        assert_eq!(refused.status, 412, "a write without its version is refused");
        let etag = judge.send(Method::GET, &path, None).await?.json()?;
        let etag = etag["data"]["@etag"].as_str().unwrap_or_default();
        let link = json!({ "messages": link["messages"], "@etag": etag });
        let done = judge.send(Method::PATCH, &path, Some(&link)).await?;
        assert!(done.status.is_success(), "{}", done.body);
        assert_eq!(judge.messages(&id).await?, ["since Monday"]);
        assert_eq!(judge.issues_titled("rains").await?, [id]);
        server.needs().print("Roundup", server.version());
        Ok(())
    }
}

live! {
    "live: needs Roundup from PyPI",
    async fn the_connector_works_on_its_issues() {
        let server = Roundup::start().await?;
        let judge = server.client()?;
        let base_url = format!("{}/tracker/rest/data", server.origin());
        let place = "header = \"authorization\"";
        let secret = Secret { name: "desk-password", base_url: &base_url, place, value: server.agent().1 };
        let office = Installed::open("support-desk", "manifests/roundup.toml", |manifest, home| {
            secret.keep(home);
            at(manifest, "desk", &base_url);
        }).await;
        let made = json!({ "subject": "It rains in", "text": "Since Monday.", "key": "case-4711", "values": { "priority": "bug" } });
        let (_, output) = office.approved("create_ticket", made.clone()).await;
        let id = output["ticket"].as_str().unwrap().to_owned();
        assert_eq!(judge.messages(&id).await?, ["Since Monday."]);
        let (_, again) = office.done("create_ticket", made).await;
        assert_eq!((&again["ticket"], &again["is_new"]), (&json!(id), &json!(false)));
        let double = json!({ "subject": "It rains in", "text": "x" });
        assert_eq!(office.fails("create_ticket", double).await.0, "conflict");
        assert_eq!(judge.issues_titled("rains").await?, std::slice::from_ref(&id));

        let (_, found) = office.done("search_tickets", json!({ "text": "rains", "assignee": "" })).await;
        assert_eq!(found["tickets"][0]["id"], *id);
        let note = json!({ "ticket": id, "text": "Look at the roof.", "key": "note-4711" });
        let (_, written) = office.approved("comment", note.clone()).await;
        assert_eq!(office.done("comment", note).await.1["is_new"], false);
        assert_eq!(judge.messages(&id).await?, ["Since Monday.", "Look at the roof."]);

        let update = json!({ "ticket": id, "values": { "status": "testing", "priority": "critical", "assignee": "agent", "subject": "It pours in" } });
        let (run, output) = office.done("update_ticket", update).await;
        assert_eq!(output["not_as_asked"], json!(null), "{output}");
        let named = judge.issue(&id).await?;
        assert_eq!(named["title"], "It pours in");
        assert_eq!(office.undo(&run).await, "undone");
        let now = judge.issue(&id).await?;
        assert_eq!((&now["title"], &now["assignedto"]), (&json!("It rains in"), &json!(null)));
        assert_ne!(now["priority"]["id"], named["priority"]["id"]);

        let (run, _) = office.done("update_ticket", json!({ "ticket": id, "values": { "status": "testing" } })).await;
        let (_, ticket) = office.done("get_ticket", json!({ "ticket": id })).await;
        let etag = format!("\"{}\"", ticket["version"].as_str().unwrap());
        let theirs = json!({ "status": "resolved", "@etag": etag });
        let done = judge.send(Method::PATCH, &format!("issue/{id}"), Some(&theirs)).await?;
        assert!(done.status.is_success(), "{}", done.body);
        assert_eq!(office.undo(&run).await, "conflict");
        let stale = json!({ "ticket": id, "values": { "status": "unread" }, "version": ticket["version"] });
        assert_eq!(office.fails("update_ticket", stale).await.0, "conflict");

        let withdraw = json!({ "ticket": id, "comment": written["comment"] });
        let (run, _) = office.done("withdraw_comment", withdraw).await;
        assert_eq!(judge.messages(&id).await?, ["Since Monday."]);
        assert_eq!(office.undo(&run).await, "undone");
        assert_eq!(judge.messages(&id).await?, ["Since Monday.", "Look at the roof."]);

        let (_, ticket) = office.done("get_ticket", json!({ "ticket": id })).await;
        let reply = json!({ "ticket": id, "text": "It is fixed.", "version": ticket["version"] });
        let (run, _) = office.approved("reply", reply).await;
        assert_eq!(office.undo(&run).await, "irreversible");
        let hand = json!({ "ticket": id, "to": "team-leads", "summary": "Roofer?", "reason": "Costs money", "note": "With the leads.", "priority": "urgent" });
        let (_, output) = office.approved("escalate", hand).await;
        assert_eq!(output["problems"], json!(null), "{output}");
        assert_eq!(judge.messages(&id).await?.len(), 4);
        let (_, listed) = office.done("list_comments", json!({ "ticket": id, "limit": 3 })).await;
        assert_eq!((listed["comments"].as_array().unwrap().len(), &listed["next"]), (3, &json!("2")));
        assert_eq!(listed["comments"][1]["text"], "Look at the roof.");
        let system = format!("Roundup {}", server.version());
        tell(&system, &office.proved(), Some(server.needs()));
        office.close().await;
        Ok(())
    }
}
