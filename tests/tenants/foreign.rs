//! Somebody else's names are answered exactly as names of nothing: by the host, over
//! REST and MCP and on the pages, to agents and to people.

use std::fmt::{Debug, Display};
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use tollgate_runtime::{BatchDecision, CaseClaim, LogFilter, Resolution};

use crate::tenant::Tenant;
use crate::world::{World, whole};

/// How many names of each kind are tried.
const EACH: usize = 5;

/// Names of one tenant that its own people get an answer for.
fn some(all: impl IntoIterator<Item = String>) -> Vec<String> {
    // Not the case names that both tenants use.
    let given = |name: &String| name.len() > 30;
    let names: Vec<String> = all.into_iter().filter(given).take(EACH).collect();
    assert!(!names.is_empty(), "there is nothing to ask for");
    names
}

/// A name like this one, of nothing.
fn absent(name: &str) -> String {
    let (digits, letters): (String, String) = ("0123456789".into(), "abcdef".into());
    let end = name.len() - 8;
    let turned = name[end..].chars().map(|c| match c {
        '0'..='9' => digits.chars().rev().nth(c as usize - '0' as usize).unwrap(),
        'a'..='f' => letters
            .chars()
            .rev()
            .nth(c as usize - 'a' as usize)
            .unwrap(),
        other => other,
    });
    format!("{}{}", &name[..end], turned.collect::<String>())
}

fn told<T: Serialize, E: Display + Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => serde_json::to_string(&value).unwrap(),
        Err(error) => format!("{error} {error:?}"),
    }
}

/// One way to ask for a name, and what is answered.
type Asked = (&'static str, String);

impl World {
    /// How many questions `stranger` asked about `owner`'s names. Each had the answer
    /// that a name of nothing has, and not the owner's.
    pub(crate) async fn strangers_names(&self, owner: &Tenant, stranger: &Tenant) -> usize {
        let known = owner.known();
        let mut asked = 0;
        for run in some(known.runs) {
            let theirs = self.about_run(stranger, &run).await;
            let nothing = self.about_run(stranger, &absent(&run)).await;
            let own = self.about_run(owner, &run).await;
            asked += is_nothing(&run, theirs, nothing, own);
        }
        for (approval, digest) in known.approvals.into_iter().take(EACH) {
            let other = absent(&approval);
            let theirs = self.about_approval(stranger, &approval, &digest).await;
            let nothing = self.about_approval(stranger, &other, &digest).await;
            let own = self.about_approval(owner, &approval, &"0".repeat(64)).await;
            asked += is_nothing(&approval, theirs, nothing, own);
        }
        for case in some(
            known
                .cases
                .into_iter()
                .filter(|case| case.starts_with("case-")),
        ) {
            let theirs = self.about_case(stranger, &case).await;
            let nothing = self.about_case(stranger, &absent(&case)).await;
            let own = self.about_case(owner, &case).await;
            asked += is_nothing(&case, theirs, nothing, own);
        }
        for item in some(known.items) {
            let theirs = self.about_item(stranger, &item).await;
            let nothing = self.about_item(stranger, &absent(&item)).await;
            let own = self.about_item(owner, &item).await;
            asked += is_nothing(&item, theirs, nothing, own);
        }
        asked
    }

    async fn about_run(&self, who: &Tenant, run: &str) -> Vec<Asked> {
        let host = &self.host;
        let filter = LogFilter {
            run: Some(run.to_owned()),
            linked: true,
            ..LogFilter::default()
        };
        let cookie = self.signed_in(who).await;
        vec![
            ("run", told(host.run(&who.agent, run).await)),
            ("run, a person", told(host.run(&who.mira, run).await)),
            (
                "wait",
                told(host.wait(&who.agent, run, Duration::ZERO).await),
            ),
            ("undo's plan", told(host.undo(&who.agent, run, true).await)),
            ("replay", told(host.replay(who.name(), run).await)),
            ("log", told(host.log_page(who.name(), &filter).await)),
            (
                "REST",
                self.rest(who, Method::GET, &format!("/v1/runs/{run}"), Value::Null)
                    .await,
            ),
            (
                "REST undo",
                self.rest(
                    who,
                    Method::POST,
                    &format!("/v1/runs/{run}/undo"),
                    json!({"plan": true}),
                )
                .await,
            ),
            (
                "REST log",
                self.rest(who, Method::GET, &format!("/v1/log?run={run}"), Value::Null)
                    .await,
            ),
            (
                "MCP",
                self.mcp(
                    &who.agent_token,
                    "tools/call",
                    json!({"name": "tollgate.run", "arguments": {"run": run}}),
                )
                .await,
            ),
            ("page", self.page(&cookie, &format!("/runs/{run}")).await),
            (
                "page of undo",
                self.page(&cookie, &format!("/runs/{run}/undo")).await,
            ),
        ]
    }

    async fn about_approval(&self, who: &Tenant, approval: &str, digest: &str) -> Vec<Asked> {
        let host = &self.host;
        let batch = BatchDecision {
            approval: "boss".to_owned(),
            items: vec![approval.to_owned()],
            digest: digest.to_owned(),
            ..BatchDecision::default()
        };
        let cookie = self.signed_in(who).await;
        let path = format!("/v1/approvals/{approval}");
        let yes = json!({"digest": digest});
        let no = json!({"digest": digest, "reason": "no"});
        let (mira, input) = (&who.mira, json!({"key": "k", "path": "p", "text": "t"}));
        vec![
            ("card", told(host.card(mira, approval).await)),
            ("approve", told(host.approve(mira, approval, digest).await)),
            ("deny", told(host.deny(mira, approval, digest, "no").await)),
            ("revoke", told(host.revoke(mira, approval).await)),
            (
                "edit",
                told(host.edit(mira, approval, digest, &input).await),
            ),
            ("batch", told(host.decide_batch(mira, &batch).await)),
            (
                "REST",
                self.rest(who, Method::GET, &path, Value::Null).await,
            ),
            (
                "REST approve",
                self.rest(who, Method::POST, &format!("{path}/approve"), yes)
                    .await,
            ),
            (
                "REST deny",
                self.rest(who, Method::POST, &format!("{path}/deny"), no)
                    .await,
            ),
            (
                "page",
                self.page(&cookie, &format!("/approvals/{approval}")).await,
            ),
        ]
    }

    async fn about_case(&self, who: &Tenant, case: &str) -> Vec<Asked> {
        let host = &self.host;
        let filter = LogFilter {
            case: Some(case.to_owned()),
            ..LogFilter::default()
        };
        let claim = || CaseClaim {
            state: "completed".to_owned(),
            note: None,
        };
        let cookie = self.signed_in(who).await;
        vec![
            ("case", told(host.case(&who.mira, case).await)),
            ("case, an agent", told(host.case(&who.clerk, case).await)),
            (
                "close",
                told(host.close_case(&who.mira, case, claim()).await),
            ),
            ("log", told(host.log_page(who.name(), &filter).await)),
            (
                "REST",
                self.rest(who, Method::GET, &format!("/v1/cases/{case}"), Value::Null)
                    .await,
            ),
            ("page", self.page(&cookie, &format!("/cases/{case}")).await),
        ]
    }

    async fn about_item(&self, who: &Tenant, item: &str) -> Vec<Asked> {
        let host = &self.host;
        let resolved = host.resolve(&who.mira, item, Resolution::Done, "done", None);
        let cookie = self.signed_in(who).await;
        let done = json!({"resolution": "done", "note": "done"});
        vec![
            ("resolve", told(resolved.await)),
            ("item", told(host.queue_item(&who.mira, item).await)),
            (
                "REST",
                self.rest(who, Method::GET, &format!("/v1/queue/{item}"), Value::Null)
                    .await,
            ),
            (
                "REST resolve",
                self.rest(
                    who,
                    Method::POST,
                    &format!("/v1/queue/{item}/resolve"),
                    done,
                )
                .await,
            ),
            ("page", self.page(&cookie, &format!("/queue/{item}")).await),
        ]
    }

    async fn rest(&self, who: &Tenant, method: Method, path: &str, body: Value) -> String {
        let mut sent = self.request(method, path, &who.mira_token);
        if !body.is_null() {
            sent = sent.json(&body);
        }
        whole(sent.send().await.unwrap()).await
    }
}

fn is_nothing(name: &str, theirs: Vec<Asked>, nothing: Vec<Asked>, own: Vec<Asked>) -> usize {
    let other = absent(name);
    assert_ne!(other, name);
    let count = theirs.len();
    for (((how, theirs), (_, nothing)), (_, own)) in theirs.into_iter().zip(nothing).zip(own) {
        let theirs = theirs.replace(name, "NAME");
        assert_eq!(theirs, nothing.replace(&other, "NAME"), "{how} of {name}");
        assert_ne!(
            theirs,
            own.replace(name, "NAME"),
            "{how} of {name}: the owner's answer"
        );
    }
    count
}
