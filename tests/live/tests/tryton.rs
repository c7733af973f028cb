//! The harness and the judge of Tryton.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{Tryton, live};

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
