//! The harness and the judge of NocoDB.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{NocoDb, live};

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
