//! Words that cross on purpose: where none of them were found, no crossing would be.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use serde_json::json;
use tollgate_runtime::{LogFilter, RunState, ToolCall};

use crate::canary::Kind;
use crate::logged::Logged;
use crate::tenant::Tenant;
use crate::world::{World, whole};

impl World {
    /// The other's words get to one tenant by a tool's input, a file, a remote server
    /// and the host's log, in other forms than they were.
    pub(crate) async fn finds_what_is_planted(&self, logged: &Logged, all: [&Tenant; 2]) {
        let [reader, other] = all;
        let word = |kind| BASE64_STANDARD.encode(format!("a{}", other.words.of(kind)));
        let call = |connector: &str, tool: &str, input| ToolCall {
            connector: connector.to_owned(),
            tool: tool.to_owned(),
            input,
            ..ToolCall::default()
        };

        let before = crossings(reader, "results: ");
        let echo = call("hostile", "echo", json!({"value": word(Kind::Input)}));
        let (report, _) = self.called(reader, &reader.agent, echo).await;
        assert_eq!(crossings(reader, "results: "), before + 1);
        let run = report.unwrap().run;

        let filter = LogFilter {
            run: Some(run.clone()),
            ..LogFilter::default()
        };
        let before = crossings(reader, "log: ");
        for line in self.host.log(reader.name(), filter).await.unwrap() {
            reader.reads("log", serde_json::to_vec(&line).unwrap());
        }
        assert!(crossings(reader, "log: ") > before, "{run}");

        let before = crossings(reader, "rest: ");
        let path = format!("/v1/runs/{run}");
        let sent = self.request(Method::GET, &path, &reader.agent_token);
        reader.reads("rest", whole(sent.send().await.unwrap()).await);
        assert_eq!(crossings(reader, "rest: "), before + 1);

        let before = crossings(reader, "pages: ");
        let cookie = self.signed_in(reader).await;
        reader.reads("pages", self.page(&cookie, &format!("/runs/{run}")).await);
        assert_eq!(crossings(reader, "pages: "), before + 1);

        // A guest's debugger writes the bytes as numbers.
        let planted = self.folder(reader).join("box/planted.txt");
        std::fs::write(planted, other.words.of(Kind::File)).unwrap();
        let file = json!({"verb": "read", "directory": "box", "path": "planted.txt"});
        let before = crossings(reader, "results: ");
        let call_of_file = call("hostile", "try_file", file);
        self.called(reader, &reader.agent, call_of_file).await;
        assert_eq!(crossings(reader, "results: "), before + 1);

        let before = self.server.seen().crossings.len();
        let ask = json!({"destination": "desk", "method": "POST", "path": ["tickets"],
            "json": {"subject": word(Kind::Config)}});
        let sent = call("caller", "create", ask);
        let (report, _) = self.called(reader, &reader.agent, sent).await;
        assert_eq!(report.unwrap().state, RunState::Done);
        assert_eq!(self.server.seen().crossings.len(), before + 1);

        let before = logged.crossings().len();
        tracing::warn!(
            planted = hex::encode(other.words.of(Kind::Row)),
            "on purpose"
        );
        assert_eq!(logged.crossings().len(), before + 1);
    }
}

fn crossings(tenant: &Tenant, place: &str) -> usize {
    let found = tenant.seen().crossings.into_iter();
    found.filter(|crossing| crossing.starts_with(place)).count()
}
