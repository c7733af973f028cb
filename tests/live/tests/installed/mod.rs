//! A connector with its sample manifest, installed in a real host in a temporary
//! home, and called as an agent does.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tollgate_live::Needs;
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState, Settings,
    ToolCall, UndoReport,
};
use tollgate_tests::{component, pinned, workspace};
use toml::Table;

/// The person who decides, in every group that a sample names.
const GROUPS: [&str; 2] = ["office", "support"];

pub(crate) struct Installed {
    connector: String,
    host: Host,
    home: TempDir,
}

impl Installed {
    /// The connector with its sample, changed where the real server is another one;
    /// the change may also put files into the home.
    pub(crate) async fn open(connector: &str, change: impl FnOnce(&mut Table, &Path)) -> Self {
        let home = TempDir::new().unwrap();
        let component = component(&format!("plugins/{connector}"));
        let sample = workspace().join(format!("plugins/{connector}/manifest.toml"));
        let mut manifest: Table = std::fs::read_to_string(sample).unwrap().parse().unwrap();
        change(&mut manifest, home.path());
        let options = HostOptions {
            secrets: Settings::of(home.path()).unwrap().secrets,
            ..HostOptions::new(home.path(), Compiler::InProcess, Role::Serve)
        };
        let host = Host::open(options).await.unwrap();
        let manifest = pinned(&manifest.to_string(), &component);
        let installed = host.install("manifest.toml", &manifest, &component.bytes, "operator");
        installed.await.unwrap_or_else(|error| panic!("{error}"));
        Self {
            connector: connector.to_owned(),
            host,
            home,
        }
    }

    /// A call of the agent's.
    pub(crate) async fn call(&self, tool: &str, input: Value) -> RunReport {
        let call = ToolCall {
            connector: self.connector.clone(),
            tool: tool.to_owned(),
            input,
            ..ToolCall::default()
        };
        let agent = principal("agent", PrincipalKind::Agent);
        self.host.call(&agent, call).await.unwrap()
    }

    /// A call that must be done: its run and its output.
    pub(crate) async fn done(&self, tool: &str, input: Value) -> (String, Value) {
        let report = self.call(tool, input).await;
        assert_eq!(report.state, RunState::Done, "{tool}: {report:?}");
        (report.run, report.output.unwrap_or_default())
    }

    /// A call that must fail: its kind and message.
    pub(crate) async fn fails(&self, tool: &str, input: Value) -> (String, String) {
        let report = self.call(tool, input).await;
        let failure = report
            .failure
            .unwrap_or_else(|| panic!("{tool} did not fail"));
        (failure.kind, failure.message)
    }

    /// A person approves a held run.
    pub(crate) async fn approve(&self, held: &RunReport) -> RunReport {
        assert_eq!(held.state, RunState::Held, "{held:?}");
        let person = principal("mira", PrincipalKind::Person);
        let pending = held.pending.as_ref().unwrap();
        let card = self.host.card(&person, &pending.approval).await.unwrap();
        self.host
            .approve(&person, &card.approval, &card.digest)
            .await
            .unwrap()
    }

    /// The agent asks to take a run back.
    pub(crate) async fn ask_undo(&self, run: &str) -> UndoReport {
        let agent = principal("agent", PrincipalKind::Agent);
        self.host.undo(&agent, run, false).await.unwrap()
    }

    /// Take a run back, with a person's word where it is held.
    pub(crate) async fn undo(&self, run: &str) -> String {
        let report = self.ask_undo(run).await;
        if report.outcome != "held" {
            return report.outcome;
        }
        let done = self.approve(report.undo_run.as_ref().unwrap()).await;
        assert_eq!(done.state, RunState::Done, "{done:?}");
        "undone".to_owned()
    }

    pub(crate) async fn close(self) {
        self.host.shutdown().await;
        self.home.close().unwrap();
    }
}

fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: match kind {
            PrincipalKind::Person => GROUPS.map(str::to_owned).to_vec(),
            _ => Vec::new(),
        },
    }
}

/// The line for the table of connectors.
#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
pub(crate) fn tell(what: &str, proved: &str, needs: Option<Needs>) {
    let (start, bytes) = needs.map_or((0.0, 0), |needs| {
        (needs.start.as_secs_f64(), needs.resident_bytes)
    });
    let mebibytes = bytes.div_ceil(1 << 20);
    eprintln!("LIVE {what} {proved} start={start:.2} memory={mebibytes}");
}
