//! A host in a folder of its own, with people, connectors and a clock that
//! stands still. Native code is made once for all tests and copied, with the
//! keys that authenticate it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tollgate_runtime::{
    Compiler, Host, HostOptions, LogFilter, LogLine, ManualClock, Principal, PrincipalKind, Role,
    RunReport, RunState, SETTINGS_FILE, Settings, ToolCall,
};
use tollgate_store::{PostgresOptions, PostgresStore, Store};
use tollgate_test_postgres::PrivatePostgres;
use tollgate_tests::{Component, component, named, pinned};

/// When tests begin: 2027-01-15T08:00:00Z.
pub(crate) const AT: u64 = 1_800_000_000_000;

/// What the hostile guest is granted: everything it can import, each in a
/// small place of its own.
const HOSTILE: &str = r#"
connector = "hostile"
component = "here"

[grant.kv.scratch]
max_bytes = "64KiB"

[grant.files.box]
directory = "data/box"

[[grant.files.box.path]]
glob = "**"
verbs = ["read", "write", "remove"]
max_size = "256KiB"

[grant.http.desk]
base_url = "https://desk.example"

[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"

[grant.sql.orders]
source = "sqlite:data/orders.db"
max_rows = 50
max_bytes = "64KiB"
functions = ["count", "sum"]

[[grant.sql.orders.table]]
name = "orders"
read = ["id", "customer", "status"]
insert = ["id", "customer", "status"]
update = ["status", "id"]
delete = true

[[rule]]
name = "everything"
tool = "*"
then = "allow"
"#;

/// One table that is granted, and one that is not.
const ORDERS: &str = "
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT, note TEXT);
CREATE TABLE secret (id INTEGER PRIMARY KEY, value TEXT);
INSERT INTO orders VALUES (1, 'ada', 'open', 'internal-1'), (2, 'bob', 'open', NULL), (3, 'cy', 'closed', x'00ff');
INSERT INTO secret VALUES (1, 'TOP-SECRET-VALUE');
";

/// An approval that a group called `boss` gives.
pub(crate) const BOSS: &str = r#"
[approval.boss]
approvers = ["group:boss"]
decide_within = "1h"
execute_within = "10m"
"#;

pub(crate) struct House {
    pub(crate) home: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) host: Host,
}

pub(crate) fn hostile() -> Arc<Component> {
    component("tests/guests/hostile")
}

/// The manifest of the hostile guest with more lines at its end, and its limits.
pub(crate) fn hostile_manifest(limits: &str, more: &str) -> String {
    format!("{HOSTILE}\n[limits]\n{limits}\n{more}")
}

/// The same, holding one tool for `boss`.
pub(crate) fn asks_for(tool: &str) -> String {
    format!(
        "[[rule]]\nname = \"ask\"\ntool = \"{tool}\"\nthen = {{ require = \"boss\" }}\nreason = \"a boss looks\"\n{BOSS}"
    )
}

impl House {
    /// An empty host.
    pub(crate) async fn new() -> Self {
        Self::with_settings("").await
    }

    /// An empty host whose home has these settings.
    pub(crate) async fn with_settings(settings: &str) -> Self {
        let home = TempDir::new().unwrap();
        let file = home.path().join(SETTINGS_FILE);
        std::fs::write(&file, settings).unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let template = template().await;
        for part in ["keys", "cache"] {
            copy(&template.join(part), &home.path().join(part));
        }
        std::fs::create_dir_all(home.path().join("data/box")).unwrap();
        let clock = Arc::new(ManualClock::at(AT));
        let host = Host::open(options(home.path(), &clock)).await.unwrap();
        Self { home, clock, host }
    }

    /// The host ends, and one with other options goes on.
    pub(crate) async fn reopened(self, change: impl FnOnce(&mut HostOptions)) -> Self {
        let Self { home, clock, host } = self;
        host.shutdown().await;
        drop(host);
        let mut options = options(home.path(), &clock);
        change(&mut options);
        let host = loop {
            // The first host's lock goes with its last task.
            match Host::open(options.clone()).await {
                Ok(host) => break host,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        Self { home, clock, host }
    }

    /// A host with the hostile guest and a database.
    pub(crate) async fn hostile(limits: &str, more: &str) -> Self {
        let house = Self::new().await;
        house.sql(ORDERS).await;
        house
            .install(&hostile_manifest(limits, more), &hostile())
            .await;
        house
    }

    /// A host with the hostile guest, whose records are in a database of the private
    /// PostgreSQL, where there is one.
    pub(crate) async fn hostile_on_postgres(more: &str) -> Option<Self> {
        let server = PrivatePostgres::shared().await?;
        let url = server.create_database().await;
        let house = Self::new().await;
        let options = PostgresOptions {
            clock: Some(house.clock.clone()),
            ..PostgresOptions::default()
        };
        let store = PostgresStore::open(&url, options).await.unwrap();
        let (house, _) = house.onto(|_| Arc::new(store)).await;
        house.sql(ORDERS).await;
        house.install(&hostile_manifest("", more), &hostile()).await;
        Some(house)
    }

    /// A host with the hostile guest, whose records go through `wrap`.
    pub(crate) async fn on<S: Store + 'static>(
        more: &str,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<S>,
    ) -> (Self, Arc<S>) {
        Self::hostile("", more).await.onto(wrap).await
    }

    /// The same host, whose records go through `wrap` from now on.
    pub(crate) async fn onto<S: Store + 'static>(
        self,
        wrap: impl FnOnce(Arc<dyn Store>) -> Arc<S>,
    ) -> (Self, Arc<S>) {
        let Self { home, clock, host } = self;
        host.shutdown().await;
        drop(host);
        let settings = tollgate_store::SqliteOptions {
            clock: clock.clone(),
            ..tollgate_store::SqliteOptions::default()
        };
        let path = home.path().join("tollgate.db");
        let store = tollgate_store::SqliteStore::open(&path, settings)
            .await
            .unwrap();
        let store = wrap(Arc::new(store));
        let options = options(home.path(), &clock);
        let host = loop {
            // The first host's lock goes with its last task.
            match Host::open_on(options.clone(), Arc::clone(&store) as Arc<dyn Store>).await {
                Ok(host) => break host,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        (Self { home, clock, host }, store)
    }

    pub(crate) async fn install(&self, manifest: &str, component: &Component) {
        let manifest = pinned(manifest, component);
        self.host
            .install("manifest.toml", &manifest, &component.bytes, "operator")
            .await
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// The host's process ends without a word and another one starts.
    pub(crate) async fn restart(self) -> Self {
        let Self { home, clock, host } = self;
        drop(host);
        let host = loop {
            match Host::open(options(home.path(), &clock)).await {
                Ok(host) => break host,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        Self { home, clock, host }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    /// A statement, or several, by somebody else than the host.
    pub(crate) async fn sql(&self, text: &str) {
        let mut database = database(&self.path("data/orders.db")).await;
        sqlx::raw_sql(AssertSqlSafe(text.to_owned()))
            .execute(&mut database)
            .await
            .unwrap();
    }

    /// The column `v` of what a query finds, as SQL literals.
    pub(crate) async fn look(&self, query: &str) -> Vec<String> {
        column(&self.path("data/orders.db"), query).await
    }

    pub(crate) async fn call(&self, tool: &str, input: Value) -> RunReport {
        self.call_of("hostile", tool, input).await
    }

    pub(crate) async fn call_of(&self, connector: &str, tool: &str, input: Value) -> RunReport {
        self.host
            .call(&agent(), call(connector, tool, input))
            .await
            .unwrap_or_else(|error| panic!("{connector}.{tool}: {error}"))
    }

    /// An output, from a call that must be done.
    pub(crate) async fn done(&self, tool: &str, input: Value) -> Value {
        output(self.call(tool, input).await)
    }

    pub(crate) async fn kv(&self, key: &str) -> String {
        let input = json!({"verb": "get", "store": "scratch", "key": key});
        self.done("try_kv", input).await["answer"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path("data/box").join(name)).ok()
    }

    pub(crate) async fn log(&self, run: &str) -> Vec<LogLine> {
        let filter = LogFilter {
            run: Some(run.to_owned()),
            limit: Some(10_000),
            ..LogFilter::default()
        };
        self.host.log(&named("default"), filter).await.unwrap()
    }

    pub(crate) async fn stages(&self, run: &str) -> Vec<String> {
        self.log(run)
            .await
            .into_iter()
            .map(|line| line.stage)
            .collect()
    }

    /// Whether the host still answers.
    pub(crate) async fn answers(&self) {
        let echo = self.done("echo", json!({"value": "still here"})).await;
        assert_eq!(echo["value"], "still here");
    }
}

pub(crate) fn options(home: &Path, clock: &Arc<ManualClock>) -> HostOptions {
    HostOptions {
        clock: clock.clone(),
        databases: Settings::of(home).unwrap().databases,
        queues: Settings::of(home).unwrap().queues,
        ..HostOptions::new(home, Compiler::InProcess, Role::Serve)
    }
}

pub(crate) fn output(report: RunReport) -> Value {
    assert_eq!(report.state, RunState::Done, "{report:?}");
    report.output.unwrap()
}

/// The failure of a call that must have one, as kind and message.
pub(crate) fn failure(report: &RunReport) -> (String, String) {
    let failure = report
        .failure
        .clone()
        .unwrap_or_else(|| panic!("no failure: {report:?}"));
    (failure.kind, failure.message)
}

pub(crate) fn call(connector: &str, tool: &str, input: Value) -> ToolCall {
    ToolCall {
        connector: connector.to_owned(),
        tool: tool.to_owned(),
        input,
        ..ToolCall::default()
    }
}

pub(crate) fn principal(name: &str, kind: PrincipalKind, groups: &[&str]) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named("default"),
        name: name.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

pub(crate) fn agent() -> Principal {
    principal("agent-7", PrincipalKind::Agent, &[])
}

/// A person who may decide, and who looks after what failed.
pub(crate) fn mira() -> Principal {
    principal("mira", PrincipalKind::Person, &["boss", "operators"])
}

pub(crate) async fn database(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

pub(crate) async fn column(path: &Path, query: &str) -> Vec<String> {
    let mut database = database(path).await;
    let query = format!("SELECT quote(v) FROM ({query})");
    let rows = sqlx::query(AssertSqlSafe(query))
        .fetch_all(&mut database)
        .await
        .unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A home in which the components are compiled already.
async fn template() -> &'static Path {
    static TEMPLATE: OnceCell<TempDir> = OnceCell::const_new();
    let home = TEMPLATE.get_or_init(make_template).await;
    home.path()
}

async fn make_template() -> TempDir {
    let home = TempDir::new().unwrap();
    let options = HostOptions::new(home.path(), Compiler::InProcess, Role::Operate);
    let host = Host::open(options).await.unwrap();
    let manifest = pinned(&hostile_manifest("", ""), &hostile());
    host.install("m", &manifest, &hostile().bytes, "operator")
        .await
        .unwrap();
    for plugin in ["plugins/database", "plugins/mail", "plugins/spreadsheet"] {
        let path = tollgate_tests::workspace()
            .join(plugin)
            .join("manifest.toml");
        let built = component(plugin);
        let manifest = pinned(&std::fs::read_to_string(path).unwrap(), &built);
        host.install("m", &manifest, &built.bytes, "operator")
            .await
            .unwrap();
    }
    let caller = component("tests/guests/caller");
    let destination = "[grant.http.desk]\nbase_url = \"https://desk.example\"\n[[grant.http.desk.route]]\ncall = \"GET /x\"\n";
    let manifest = pinned(
        &format!("connector = \"caller\"\ncomponent = \"here\"\n{destination}"),
        &caller,
    );
    host.install("m", &manifest, &caller.bytes, "operator")
        .await
        .unwrap();
    host.shutdown().await;
    home
}
