//! The harness and the judge of Node-RED.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{NodeRed, live};

live! {
    "live: needs Node-RED from npm",
    async fn webhooks_come_in_and_go_out() {
        let server = NodeRed::start().await?;
        let judge = server.client()?;
        // The flow sends to itself: both directions at once, with blanks that a
        // parser would lose.
        let headers = [("content-type", "application/json"), ("x-signature", "abc")];
        let answer = judge.send(&server.hook(), &headers, r#"{"a":  1}"#).await?;
        assert_eq!(answer["status"], 200, "{answer}");
        let received = judge.received().await?;
        assert_eq!(received.len(), 1);
        assert_eq!(received[0].body, br#"{"a":  1}"#);
        assert_eq!(received[0].headers["x-signature"], "abc");
        let path = "/hook?status=503&after=2";
        let answer = judge.request(Method::POST, path, Some(&json!({}))).await?;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.headers["retry-after"], "2");
        assert_eq!(judge.received().await?.len(), 2, "kept, whatever it answers");
        server.needs().print("Node-RED", server.version());
        Ok(())
    }
}
