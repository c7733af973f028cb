//! The connector `crm` in a real host, with a sample manifest at a server on
//! loopback and the server's key as a secret of the host.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState, Settings,
    ToolCall,
};
use tollgate_tests::{component, pinned, workspace};
use toml::Table;

/// A host with the connector, and what of its tools was proved.
pub(crate) struct Crm {
    _home: TempDir,
    host: Host,
    tools: Vec<String>,
    undone: Vec<String>,
}

fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: vec!["sales".to_owned()],
    }
}

impl Crm {
    /// Install the sample of this file at `base_url`; `more` changes it before.
    pub(crate) async fn open(
        sample: &str,
        base_url: &str,
        key: &str,
        more: impl FnOnce(&mut Table),
    ) -> Self {
        let path = workspace().join("plugins/crm").join(sample);
        let mut manifest: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let grant = manifest["grant"]["http"]["crm"].as_table_mut().unwrap();
        grant.insert("base_url".to_owned(), base_url.into());
        grant.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
        let slot = grant["credential"]["secret"].as_str().unwrap().to_owned();
        more(&mut manifest);
        let manifest = pinned(&manifest.to_string(), &component("plugins/crm"));

        let home = TempDir::new().unwrap();
        let file = home.path().join("key");
        std::fs::write(&file, key).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let origin = origin(base_url);
        let settings = format!(
            "[[secret]]\nname = {slot:?}\norigin = {origin:?}\nheader = \"authorization\"\nfile = {file:?}\n"
        );
        std::fs::write(home.path().join("tollgate.toml"), settings).unwrap();
        let settings = Settings::of(home.path()).unwrap_or_else(|error| panic!("{error}"));

        let mut options = HostOptions::new(home.path(), Compiler::InProcess, Role::Serve);
        options.secrets = settings.secrets;
        let host = Host::open(options).await.unwrap();
        let bytes = &component("plugins/crm").bytes;
        let installed = host.install("manifest.toml", &manifest, bytes, "operator");
        installed.await.unwrap_or_else(|error| panic!("{error}"));
        Self {
            _home: home,
            host,
            tools: Vec::new(),
            undone: Vec::new(),
        }
    }

    /// What came of a call.
    pub(crate) async fn report(&self, tool: &str, input: Value) -> RunReport {
        let agent = principal("agent", PrincipalKind::Agent);
        let call = ToolCall {
            connector: "crm".to_owned(),
            tool: tool.to_owned(),
            input,
            ..ToolCall::default()
        };
        self.host.call(&agent, call).await.unwrap()
    }

    /// A call that succeeds, approved where it is held: its run and its output.
    pub(crate) async fn done(&mut self, tool: &str, input: Value) -> (String, Value) {
        let mut report = self.report(tool, input.clone()).await;
        if report.state == RunState::Held {
            report = self.approve(&report).await;
        }
        assert_eq!(report.state, RunState::Done, "{tool} {input}: {report:?}");
        add(&mut self.tools, tool);
        (report.run, report.output.unwrap_or_default())
    }

    /// A call that fails, and the kind of its failure.
    pub(crate) async fn fails(&self, tool: &str, input: Value) -> (String, String) {
        let report = self.report(tool, input).await;
        let failure = report
            .failure
            .unwrap_or_else(|| panic!("{tool} did not fail"));
        (failure.kind, failure.message)
    }

    /// What came of taking a run back.
    pub(crate) async fn undo(&mut self, tool: &str, run: &str) -> String {
        let person = principal("mira", PrincipalKind::Person);
        let undo = self.host.undo(&person, run, false).await.unwrap();
        let outcome = match undo.undo_run {
            Some(report) if report.state == RunState::Held => {
                match self.approve(&report).await.state {
                    RunState::Done => "undone".to_owned(),
                    other => other.as_str().to_owned(),
                }
            }
            _ => undo.outcome,
        };
        if outcome == "undone" {
            add(&mut self.undone, tool);
        }
        outcome
    }

    async fn approve(&self, held: &RunReport) -> RunReport {
        let person = principal("mira", PrincipalKind::Person);
        let approval = &held.pending.as_ref().unwrap().approval;
        let card = self.host.card(&person, approval).await.unwrap();
        self.host
            .approve(&person, &card.approval, &card.digest)
            .await
            .unwrap()
    }

    /// Count what another host proved as well.
    pub(crate) fn add(&mut self, other: Self) {
        other
            .tools
            .iter()
            .for_each(|tool| add(&mut self.tools, tool));
        other
            .undone
            .iter()
            .for_each(|tool| add(&mut self.undone, tool));
    }

    /// Tell what was proved, and end.
    pub(crate) async fn end(self, system: &str, needs: &str) {
        tell(&format!(
            "LIVE crm {system} tools={}/12 undo={}/8 {needs}",
            self.tools.len(),
            self.undone.len(),
        ));
        self.host.shutdown().await;
    }
}

fn add(list: &mut Vec<String>, one: &str) {
    if !list.iter().any(|known| known == one) {
        list.push(one.to_owned());
    }
}

fn origin(base_url: &str) -> String {
    base_url
        .splitn(4, '/')
        .take(3)
        .collect::<Vec<_>>()
        .join("/")
}

/// An output's text.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("no {pointer} in {value}"))
        .to_owned()
}

/// Properties of a type.
pub(crate) fn of(kind: &str, more: Value) -> Value {
    let mut input = json!({ "type": kind });
    let (all, more) = (input.as_object_mut().unwrap(), more);
    all.extend(more.as_object().unwrap().clone());
    json!(all)
}

#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
pub(crate) fn tell(line: &str) {
    eprintln!("{line}");
}
