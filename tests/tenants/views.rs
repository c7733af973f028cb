//! Everything that a tenant can look at, looked at.

use std::path::Path;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use serde_json::{Value, json};
use tollgate_report::{Period, plot};
use tollgate_runtime::{CaseQuery, LogFilter, LogPlace};

use crate::tenant::Tenant;
use crate::world::{World, whole};

/// How many of each kind of name are asked for one by one.
const EACH: usize = 60;

/// Every so many records one is proved, with all of its values.
const PROVED: usize = 97;

impl World {
    /// All views of a tenant.
    pub(crate) async fn looks_at_everything(&self, tenant: &Tenant) {
        self.lists(tenant).await;
        self.records(tenant).await;
        self.rest_views(tenant).await;
        self.pages(tenant).await;
        self.mcp_views(tenant).await;
        self.evidence(tenant).await;
        self.files(tenant, "files", &self.folder(tenant));
    }

    /// As the host's own methods tell it.
    async fn lists(&self, tenant: &Tenant) {
        let host = &self.host;
        tenant.is_shown("cards", &host.cards(&tenant.mira, true).await);
        tenant.is_shown("cards", &host.cards(&tenant.noor, false).await);
        tenant.is_shown("queue", &host.queue(&tenant.mira, true).await);
        tenant.is_shown("queue", &host.queues(&tenant.mira).await);
        let tools = host.tools(&tenant.agent);
        tenant.reads("tools", serde_json::to_vec(&tools).unwrap());
        let cases = host.cases(&tenant.mira, &CaseQuery::default()).await;
        tenant.is_shown("cases", &cases);
        tenant.is_shown("workflows", &host.workflows(tenant.name()).await);
        let period = Period {
            since_ms: 0,
            until_ms: u64::MAX,
        };
        let report = host.figures(tenant.name(), period).await;
        tenant.is_shown("report", &report);
        let report = report.unwrap();
        for workflow in &report.workflows {
            tenant.reads("report", format!("{:?}", workflow.table(52)));
            if let Ok(drawn) = plot(workflow) {
                tenant.reads("report", drawn);
            }
        }
    }

    /// The whole journal, as records and as a story; some with a proof.
    async fn records(&self, tenant: &Tenant) {
        let mut filter = LogFilter {
            limit: Some(1_000),
            ..LogFilter::default()
        };
        loop {
            let page = self.host.log_page(tenant.name(), &filter).await.unwrap();
            for line in &page.lines {
                tenant.reads("log", serde_json::to_vec(line).unwrap());
                tenant.reads("story", format!("{:?}", line.told()));
            }
            for line in page.lines.iter().step_by(PROVED) {
                let values = line.values.as_object().into_iter().flatten();
                let names: Vec<String> = values.map(|(name, _)| name.clone()).collect();
                let proof = self
                    .host
                    .prove_record(tenant.name(), line.seq, &names)
                    .await;
                tenant.reads("proofs", proof.unwrap().to_json());
            }
            match page.next {
                Some(LogPlace::After(place)) => filter.after = Some(place),
                _ => break,
            }
        }
    }

    async fn rest_views(&self, tenant: &Tenant) {
        let known = tenant.known();
        let mut paths: Vec<String> = [
            "/v1/approvals",
            "/v1/approvals?all=true",
            "/v1/batch?approval=boss",
            "/v1/delegations?all=true",
            "/v1/log?newest=true&limit=1000",
            "/v1/log?stage=run.closed&limit=500",
            "/v1/report",
            "/v1/queue?all=true",
            "/v1/queues",
            "/v1/workflows",
            "/v1/workflows/counting",
            "/v1/cases",
            "/v1/tools",
            "/v1/nothing-is-here",
        ]
        .map(str::to_owned)
        .into();
        let runs = known.runs.iter().take(EACH);
        paths.extend(runs.map(|run| format!("/v1/runs/{run}")));
        let cases = known.cases.iter().take(EACH);
        paths.extend(cases.map(|case| format!("/v1/cases/{case}")));
        let approvals = known.approvals.iter().take(EACH);
        paths.extend(approvals.map(|(id, _)| format!("/v1/approvals/{id}")));
        let items = known.items.iter().take(EACH);
        paths.extend(items.map(|item| format!("/v1/queue/{item}")));
        for path in paths {
            for token in [&tenant.mira_token, &tenant.agent_token] {
                let answer = self.request(Method::GET, &path, token).send().await;
                tenant.reads("rest", whole(answer.unwrap()).await);
            }
        }
    }

    /// A session of a person, as its cookie.
    pub(crate) async fn signed_in(&self, tenant: &Tenant) -> String {
        let sent = self.client.post(format!("{}/login", self.url));
        let sent = sent.header(ORIGIN, &self.url);
        // A token has nothing that a form would write another way.
        let sent = sent.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let sent = sent.body(format!("token={}&next=", tenant.mira_token));
        let answer = sent.send().await.unwrap();
        assert_eq!(answer.headers()[LOCATION], "/", "{answer:?}");
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    pub(crate) async fn page(&self, cookie: &str, path: &str) -> String {
        let sent = self.client.get(format!("{}{path}", self.url));
        whole(sent.header(COOKIE, cookie).send().await.unwrap()).await
    }

    async fn pages(&self, tenant: &Tenant) {
        let known = tenant.known();
        let cookie = self.signed_in(tenant).await;
        let mut paths: Vec<String> = [
            "/",
            "/?all=1",
            "/batch?approval=boss",
            "/deputies",
            "/report",
            "/cases",
            "/nowhere",
        ]
        .map(str::to_owned)
        .into();
        for run in known.runs.iter().take(EACH) {
            paths.extend([format!("/runs/{run}"), format!("/runs/{run}/undo")]);
        }
        let cases = known.cases.iter().take(EACH);
        paths.extend(cases.map(|case| format!("/cases/{case}")));
        let approvals = known.approvals.iter().take(EACH);
        paths.extend(approvals.map(|(id, _)| format!("/approvals/{id}")));
        let items = known.items.iter().take(EACH);
        paths.extend(items.map(|item| format!("/queue/{item}")));
        for path in paths {
            let page = self.page(&cookie, &path).await;
            assert!(!page.starts_with("303"), "signed out at {path}: {page}");
            tenant.reads("pages", page);
        }
    }

    async fn mcp_views(&self, tenant: &Tenant) {
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "0"}});
        let asked: [(&str, Value); 3] = [
            ("initialize", hello),
            ("tools/list", json!({})),
            ("resources/list", json!({})),
        ];
        for (method, parameters) in asked {
            for token in [&tenant.agent_token, &tenant.mira_token] {
                let text = self.mcp(token, method, parameters.clone()).await;
                tenant.reads("mcp", text);
            }
        }
    }

    /// What others can hold against the host.
    async fn evidence(&self, tenant: &Tenant) {
        let (host, name) = (&self.host, tenant.name());
        let folder = tempfile::tempdir().unwrap();
        let report = host.export(name, folder.path(), &mut |_| {}).await.unwrap();
        tenant.reads("exports", format!("{report:?}"));
        self.files(tenant, "exports", folder.path());
        let request = host.witness_request(name, 0).await.unwrap();
        tenant.reads("exports", request);
        let verified = host.verify(name).await.unwrap();
        assert_eq!(verified.problem, None, "{verified:?}");
        tenant.reads("exports", serde_json::to_vec(&verified).unwrap());
    }

    /// Every file below a folder, with its name.
    fn files(&self, tenant: &Tenant, place: &'static str, folder: &Path) {
        for (path, bytes) in below(folder) {
            let inside = path.strip_prefix(folder).unwrap();
            tenant.reads(place, inside.to_string_lossy().as_bytes());
            tenant.reads(place, bytes);
        }
    }
}

/// All files below a folder.
pub(crate) fn below(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(below(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files
}
