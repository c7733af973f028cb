//! The connector `support-desk` in a real host, with one of its sample manifests,
//! at a real server on loopback.

use std::collections::BTreeSet;

use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tollgate_live::Needs;
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState,
    SETTINGS_FILE, Settings, ToolCall,
};
use tollgate_tests::{component, pinned, workspace};
use toml::Table;

/// How many tools the connector has.
const TOOLS: usize = 9;

/// A host, and what was tried in it.
pub(crate) struct Office {
    home: TempDir,
    host: Host,
    tools: BTreeSet<String>,
    writes: BTreeSet<String>,
    proved: BTreeSet<String>,
}

impl Office {
    /// Install `manifest` (below `plugins/support-desk`), moved to `base` on
    /// loopback, with the secret bound to it. `edit` changes what a live test must.
    pub(crate) async fn open(
        manifest: &str,
        origin: &str,
        base: &str,
        secret: (&str, &str, &str),
        edit: impl FnOnce(&mut Table),
    ) -> Self {
        let path = workspace().join("plugins/support-desk").join(manifest);
        let mut text: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let desk = text["grant"]["http"]["desk"].as_table_mut().unwrap();
        desk.insert("base_url".to_owned(), format!("{origin}{base}").into());
        desk.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
        edit(&mut text);
        let home = TempDir::new().unwrap();
        let (name, place, value) = secret;
        let file = home.path().join("secret");
        std::fs::write(&file, value).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let settings = format!(
            "[[secret]]\nname = \"{name}\"\norigin = \"{origin}\"\n{place}\nfile = \"{}\"\n",
            file.display()
        );
        let path = home.path().join(SETTINGS_FILE);
        std::fs::write(&path, settings).unwrap();
        let options = HostOptions {
            secrets: Settings::of(home.path()).unwrap().secrets,
            ..HostOptions::new(home.path(), Compiler::InProcess, Role::Serve)
        };
        let host = Host::open(options)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let component = component("plugins/support-desk");
        let manifest = pinned(&text.to_string(), &component);
        let installed = host.install("manifest.toml", &manifest, &component.bytes, "operator");
        installed.await.unwrap_or_else(|error| panic!("{error}"));
        Self {
            home,
            host,
            tools: BTreeSet::new(),
            writes: BTreeSet::new(),
            proved: BTreeSet::new(),
        }
    }

    /// Call a tool.
    pub(crate) async fn call(&mut self, tool: &str, input: Value) -> RunReport {
        let call = ToolCall {
            connector: "support-desk".to_owned(),
            tool: tool.to_owned(),
            input,
            ..ToolCall::default()
        };
        let agent = principal("agent", PrincipalKind::Agent);
        self.host.call(&agent, call).await.unwrap()
    }

    /// Call a tool that must succeed at once.
    pub(crate) async fn done(&mut self, tool: &str, input: Value) -> (String, Value) {
        let report = self.call(tool, input).await;
        assert_eq!(report.state, RunState::Done, "{tool}: {report:?}");
        self.tools.insert(tool.to_owned());
        (report.run, report.output.unwrap())
    }

    /// Call a tool that must wait for a person, who approves.
    pub(crate) async fn approved(&mut self, tool: &str, input: Value) -> (String, Value) {
        let mut done = self.call(tool, input).await;
        assert_eq!(done.state, RunState::Held, "{tool}: {done:?}");
        let person = principal("mira", PrincipalKind::Person);
        // Each write that nothing takes back is looked at by itself.
        while let Some(pending) = done.pending.take() {
            let card = self.host.card(&person, &pending.approval).await.unwrap();
            let decided = self.host.approve(&person, &card.approval, &card.digest);
            done = decided.await.unwrap();
        }
        assert_eq!(done.state, RunState::Done, "{tool}: {done:?}");
        self.tools.insert(tool.to_owned());
        (done.run, done.output.unwrap())
    }

    /// Call a tool that must fail; what it failed with.
    pub(crate) async fn fails(&mut self, tool: &str, input: Value) -> (String, String) {
        let report = self.call(tool, input).await;
        let failure = report
            .failure
            .unwrap_or_else(|| panic!("{tool}: {:?}", report.output));
        (failure.kind, failure.message)
    }

    /// Take a run back; what that came to.
    pub(crate) async fn undo(&mut self, tool: &str, run: &str) -> String {
        let agent = principal("agent", PrincipalKind::Agent);
        let undo = self.host.undo(&agent, run, false).await.unwrap();
        self.writes.insert(tool.to_owned());
        if undo.outcome == "undone" {
            self.proved.insert(tool.to_owned());
        }
        undo.outcome
    }

    /// Say what was tried, and close the host.
    #[expect(
        clippy::print_stderr,
        reason = "a measurement is for whoever runs the test"
    )]
    pub(crate) async fn close(self, system: &str, version: &str, needs: Needs) {
        eprintln!(
            "LIVE support-desk {system} {version} tools={}/{TOOLS} undo={}/{} start={:.2} memory={}",
            self.tools.len(),
            self.proved.len(),
            self.writes.len(),
            needs.start.as_secs_f64(),
            needs.resident_bytes.div_ceil(1 << 20),
        );
        self.host.shutdown().await;
        drop(self.home);
    }
}

fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: vec!["support".to_owned()],
    }
}
