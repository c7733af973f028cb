//! The harness and the judge of n8n.

use serde_json::{Value, json};
use tollgate_live::{N8n, live};
use tollgate_tests::workspace;

const KEY: &str = "whsec_bGl2ZSB0ZXN0cyBzaWduIGFuZCB2ZXJpZnk=";

/// A workflow of the connector's folder.
fn sample(name: &str) -> Value {
    let path = workspace().join("plugins/webhook/n8n").join(name);
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

live! {
    "live: needs n8n from npm and TOLLGATE_LIVE_HEAVY=1",
    async fn webhooks_come_in_and_go_out() {
        let server = N8n::with_keys(KEY, KEY).await?;
        let judge = server.client()?;
        let receives = judge.import(&sample("receive-events.json")).await?;
        // One workflow sends to the other: both directions at once.
        let mut sends = sample("open-runs.json");
        let nodes = sends["nodes"].as_array_mut().into_iter().flatten();
        for node in nodes.filter(|node| node["name"] == "Send") {
            node["parameters"]["url"] = format!("{}/webhook/tollgate", server.origin()).into();
        }
        let sends = judge.import(&sends).await?;
        let order = json!({ "number": "R-1", "order": 7, "cents": 900, "reason": "late" });
        let sent = judge.call("return", &[], &order.to_string()).await?;
        assert_eq!(sent.json()?["statusCode"], 200, "{}", sent.body);
        let rows = judge.rows().await?;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert_eq!(rows[0]["delivery"], "return_R-1");
        let forged = judge.call("tollgate", &[], "{}").await?;
        assert_eq!(forged.status, 401, "{}", forged.body);
        assert_eq!(judge.rows().await?.len(), 1);

        let came = judge.executions(&receives, 2).await?;
        assert!(came[0].ran("Keep") && came[1].ran("Refused") && !came[1].ran("Keep"));
        let gone = judge.executions(&sends, 1).await?;
        assert_eq!(gone[0].status(), "success", "{}", gone[0].error());
        assert_eq!(gone[0].item("Send")["json"]["statusCode"], 200);

        judge.switch(&receives, false).await?;
        let off = judge.call("tollgate", &[], "{}").await?;
        assert_eq!(off.status, 404, "{}", off.body);
        server.needs().print("n8n", server.version());
        Ok(())
    }
}
