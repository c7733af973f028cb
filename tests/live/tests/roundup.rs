//! The harness and the judge of Roundup.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{Roundup, live};

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
