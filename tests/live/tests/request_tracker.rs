//! The harness and the judge of Request Tracker.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{RequestTracker, live};

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
        assert_eq!(judge.tickets("Subject = 'it rains in'").await?, [id]);
        assert!(!server.agent().is_empty() && !server.reader().is_empty());
        server.needs().print("Request Tracker", server.version());
        Ok(())
    }
}
