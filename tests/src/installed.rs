//! A connector with a sample manifest, installed in a real host in a temporary home,
//! called as an agent does and decided on as a person does.
//!
//! It counts which tools have done their work and which of them were taken back,
//! so that what a test says it proved is what it did.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use serde_json::Value;
use tempfile::TempDir;
use tollgate_runtime::{
    Card, Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState,
    SETTINGS_FILE, Settings, ToolCall, UndoReport,
};
use toml::Table;

use crate::{component, named, pinned, workspace};

/// The groups of the person who decides: all that the samples name.
const GROUPS: [&str; 3] = ["office", "sales", "support"];

/// An installed connector.
pub struct Installed {
    connector: String,
    host: Host,
    home: TempDir,
    proved: Mutex<Proved>,
}

#[derive(Default)]
struct Proved {
    /// Which tool a run is of.
    runs: BTreeMap<String, String>,
    /// Which tool a run takes back, once it is done.
    undoing: BTreeMap<String, String>,
    tools: BTreeSet<String>,
    undone: BTreeSet<String>,
}

impl Installed {
    /// Install `plugins/<connector>` with a sample of its folder, changed where the
    /// real server is another one; the change may also put files into the home.
    pub async fn open(
        connector: &str,
        sample: &str,
        change: impl FnOnce(&mut Table, &Path),
    ) -> Self {
        let home = TempDir::new().unwrap();
        let folder = format!("plugins/{connector}");
        let sample = workspace().join(&folder).join(sample);
        let mut manifest: Table = std::fs::read_to_string(sample).unwrap().parse().unwrap();
        change(&mut manifest, home.path());
        let settings = Settings::of(home.path()).unwrap_or_else(|error| panic!("{error}"));
        let options = HostOptions {
            secrets: settings.secrets,
            oidc: settings.oidc,
            ..HostOptions::new(home.path(), Compiler::InProcess, Role::Serve)
        };
        let host = Host::open(options).await;
        let host = host.unwrap_or_else(|error| panic!("{error}"));
        let component = component(&folder);
        let manifest = pinned(&manifest.to_string(), &component);
        let installed = host.install("manifest.toml", &manifest, &component.bytes, "operator");
        installed.await.unwrap_or_else(|error| panic!("{error}"));
        Self {
            connector: connector.to_owned(),
            host,
            home,
            proved: Mutex::default(),
        }
    }

    fn proved_now(&self) -> MutexGuard<'_, Proved> {
        self.proved.lock().unwrap()
    }

    /// Remember a run, and its tool as one that works where it is done.
    fn seen(&self, report: &RunReport) {
        let mut proved = self.proved_now();
        let tool = report.tool.clone();
        if report.state == RunState::Done {
            proved.tools.insert(tool.clone());
            let undone = proved.undoing.remove(&report.run);
            proved.undone.extend(undone);
        }
        proved.runs.insert(report.run.clone(), tool);
    }

    /// The host, for what a test does with it by itself.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// A call of the agent's.
    pub async fn call(&self, tool: &str, input: Value) -> RunReport {
        let call = ToolCall {
            connector: self.connector.clone(),
            tool: tool.to_owned(),
            input,
            ..ToolCall::default()
        };
        let report = self.host.call(&agent(), call).await.unwrap();
        self.seen(&report);
        report
    }

    /// A call that must be done at once: its run and its output.
    pub async fn done(&self, tool: &str, input: Value) -> (String, Value) {
        ended(self.call(tool, input).await)
    }

    /// A call that must wait for a person, who approves each of its writes.
    pub async fn approved(&self, tool: &str, input: Value) -> (String, Value) {
        let held = self.call(tool, input).await;
        assert_eq!(held.state, RunState::Held, "{held:?}");
        ended(self.settled(held).await)
    }

    /// A call that must be done, approved where it is held.
    pub async fn carried(&self, tool: &str, input: Value) -> (String, Value) {
        let report = self.call(tool, input).await;
        ended(self.settled(report).await)
    }

    /// A call that must fail: its kind and message.
    pub async fn fails(&self, tool: &str, input: Value) -> (String, String) {
        let report = self.call(tool, input).await;
        let failure = report.failure;
        let failure = failure.unwrap_or_else(|| panic!("{tool}: {:?}", report.output));
        (failure.kind, failure.message)
    }

    /// What a person is shown of a held run.
    pub async fn card(&self, held: &RunReport) -> Card {
        assert_eq!(held.state, RunState::Held, "{held:?}");
        let approval = &held.pending.as_ref().unwrap().approval;
        self.host.card(&person(), approval).await.unwrap()
    }

    /// A person approves what a run is held at.
    pub async fn approve(&self, held: &RunReport) -> RunReport {
        let card = self.card(held).await;
        let person = person();
        let decided = self.host.approve(&person, &card.approval, &card.digest);
        let report = decided.await.unwrap();
        self.seen(&report);
        report
    }

    /// Each write that nothing takes back is looked at by itself.
    async fn settled(&self, mut report: RunReport) -> RunReport {
        while report.state == RunState::Held {
            report = self.approve(&report).await;
        }
        report
    }

    /// The agent asks to take a run back.
    pub async fn ask_undo(&self, run: &str) -> UndoReport {
        let report = self.host.undo(&agent(), run, false).await.unwrap();
        let mut proved = self.proved_now();
        let tool = proved.runs[run].clone();
        if report.outcome == "undone" {
            proved.undone.insert(tool.clone());
        }
        if let Some(undo) = &report.undo_run {
            proved.undoing.insert(undo.run.clone(), tool);
            drop(proved);
            self.seen(undo);
        }
        report
    }

    /// Take a run back, with a person's word where that is held; what it came to.
    pub async fn undo(&self, run: &str) -> String {
        let report = self.ask_undo(run).await;
        let Some(held) = report.undo_run.filter(|_| report.outcome == "held") else {
            return report.outcome;
        };
        match self.settled(held).await.state {
            RunState::Done => "undone".to_owned(),
            other => other.as_str().to_owned(),
        }
    }

    /// Count what another host proved as well.
    pub fn add(&self, other: &Self) {
        let (mut ours, theirs) = (self.proved_now(), other.proved_now());
        ours.tools.extend(theirs.tools.iter().cloned());
        ours.undone.extend(theirs.undone.iter().cloned());
    }

    /// What was proved, of what the connector declares: `chat tools=5/5 undo=1/1`.
    pub fn proved(&self) -> String {
        let declared = self.host.tools(&agent());
        let undoable = declared.iter().filter(|tool| tool.undoable).count();
        let proved = self.proved_now();
        format!(
            "{} tools={}/{} undo={}/{undoable}",
            self.connector,
            proved.tools.len(),
            declared.len(),
            proved.undone.len(),
        )
    }

    /// End the host, and remove its home.
    pub async fn close(self) {
        self.host.shutdown().await;
        self.home.close().unwrap();
    }
}

/// A run that must be done: its name and its output.
fn ended(report: RunReport) -> (String, Value) {
    assert_eq!(report.state, RunState::Done, "{report:?}");
    (report.run, report.output.unwrap_or_default())
}

fn agent() -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "agent".to_owned(),
        kind: PrincipalKind::Agent,
        groups: Vec::new(),
    }
}

fn person() -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: "mira".to_owned(),
        kind: PrincipalKind::Person,
        groups: GROUPS.map(str::to_owned).to_vec(),
    }
}

/// Point the destination of a sample at a server on loopback.
pub fn at(manifest: &mut Table, destination: &str, base_url: &str) {
    let grant = manifest["grant"]["http"][destination].as_table_mut();
    let grant = grant.unwrap();
    grant.insert("base_url".to_owned(), base_url.into());
    grant.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
}

/// A secret in a file of its own, named by the settings of a home.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    /// The slot's name.
    pub name: &'a str,
    /// The server that it is for: what stands before the path of a base URL.
    pub base_url: &'a str,
    /// Where it goes, as the settings say it: `header = "authorization"`.
    pub place: &'a str,
    /// The value.
    pub value: &'a str,
}

impl Secret<'_> {
    /// Put it into a home.
    pub fn keep(&self, home: &Path) {
        let Self { name, place, .. } = self;
        let origin: Vec<&str> = self.base_url.splitn(4, '/').take(3).collect();
        let origin = origin.join("/");
        let file = home.join("secret");
        let settings =
            format!("[[secret]]\nname = {name:?}\norigin = {origin:?}\n{place}\nfile = {file:?}\n");
        for (path, text) in [(&file, self.value), (&home.join(SETTINGS_FILE), &settings)] {
            std::fs::write(path, text).unwrap();
            std::fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
        }
    }
}
