//! What `tollgate eval` promises to authors: a scenario passes if and only if
//! everything in it is as it says. Each test here is a scenario that must fail,
//! and the words that say why.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use tollgate_eval::{EvalError, EvalOptions, Outcome, Report, evaluate};
use tollgate_runtime::Compiler;
use tollgate_tests::{component, workspace};

const ORDERS: &str = "
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, status TEXT, total_cents INTEGER);
CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER, amount_cents INTEGER, reason TEXT);
INSERT INTO orders VALUES (1, 'Okafor', 'open', 4900);
";

/// A call that reads the only order.
const LOOKUP: &str = "
[[call]]
tool = \"lookup\"
input = { query = \"order\", params = { order_id = 1 } }
";

const SET_STATUS: &str = "
[[call]]
tool = \"execute\"
input = { statement = \"set_status\", params = { order_id = 1, status = \"closed\" } }
";

const REFUND: &str = "
[[call]]
tool = \"execute\"
input = { statement = \"refund\", params = { order_id = 1, amount_cents = 100, reason = \"broken\" } }
";

/// A suite of scenarios of the connector `database`.
struct Suite(TempDir);

impl Suite {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with(self, name: &str, scenario: &str) -> Self {
        let folder = self.0.path().join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("database.sql"), ORDERS).unwrap();
        let connector = workspace().join("plugins/database");
        let about = format!("about = \"{name}\"\nconnector = {connector:?}\n");
        fs::write(folder.join("scenario.toml"), format!("{about}{scenario}")).unwrap();
        self
    }

    async fn run(&self, only: Option<&str>) -> Result<Report, EvalError> {
        run(self.0.path(), only).await
    }

    /// What the only scenario's findings say.
    async fn told(&self) -> Vec<String> {
        let report = self.run(None).await.unwrap();
        assert_eq!(report.scenarios.len(), 1);
        let one = &report.scenarios[0];
        assert_eq!(one.outcome == Outcome::Passed, one.findings.is_empty());
        assert_eq!(report.passed(), one.findings.is_empty());
        one.findings.iter().map(ToString::to_string).collect()
    }
}

async fn run(folder: &Path, only: Option<&str>) -> Result<Report, EvalError> {
    run_with("plugins/database", folder, only).await
}

async fn run_with(connector: &str, folder: &Path, only: Option<&str>) -> Result<Report, EvalError> {
    let options = EvalOptions {
        component: Some(component(connector).path.clone()),
        only: only.map(str::to_owned),
        ..EvalOptions::new(Compiler::InProcess)
    };
    evaluate(folder, &options, |_| {}).await
}

/// A scenario that must fail with exactly one finding, which says these words.
async fn fails(scenario: &str, words: &[&str]) {
    let told = Suite::new().with("one", scenario).told().await;
    assert_eq!(told.len(), 1, "{told:#?}");
    for words in words {
        assert!(told[0].contains(words), "`{words}` is not in: {}", told[0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_expected_passes() {
    let scenario = format!(
        "{LOOKUP}
expect = {{ output = {{ rows = [{{ customer = \"Okafor\" }}] }}, absent = [\"/rows/0/note\"], without = [\"secret\"] }}
{SET_STATUS}
undo = true
{REFUND}
expect = {{ outcome = \"held\", card = {{ title = \"Refund 100 cents for order 1\" }} }}
approve = true
then = {{ output = {{ rows_affected = 1 }} }}
[[expect_rows]]
query = \"SELECT status FROM orders\"
rows = [{{ status = \"open\" }}]
[[expect_rows]]
query = \"SELECT count(*) AS n FROM refunds\"
rows = [{{ n = 1 }}]
"
    );
    let told = Suite::new().with("one", &scenario).told().await;
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_outcome_fails() {
    fails(
        &format!("{LOOKUP}expect = {{ outcome = \"not_found\" }}\n"),
        &[
            "call 1 (lookup): outcome",
            "expected  \"not_found\"",
            "\"outcome\":\"done\"",
        ],
    )
    .await;
    fails(
        REFUND,
        &["outcome", "expected  \"done\"", "\"outcome\":\"held\""],
    )
    .await;
    fails(
        "[[call]]\ntool = \"loookup\"\n",
        &["expected  \"done\"", "unknown_tool", "did you mean"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_does_not_fit_fails() {
    fails(
        &format!("{LOOKUP}expect = {{ output = {{ rows = [{{ status = \"closed\" }}] }} }}\n"),
        &[
            "output /rows/0/status",
            "expected  \"closed\"",
            "found     \"open\"",
        ],
    )
    .await;
    fails(
        &format!("{LOOKUP}expect = {{ absent = [\"/rows/0/customer\"] }}\n"),
        &["/rows/0/customer must not be there"],
    )
    .await;
    fails(
        &format!("{LOOKUP}expect = {{ without = [\"Okafor\"] }}\n"),
        &["must not hold `Okafor`"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_with_other_words_fails() {
    let call = "[[call]]\ntool = \"lookup\"\ninput = { query = \"no\" }\n";
    fails(
        &format!("{call}expect = {{ outcome = \"not_found\", message = \"*stale*\" }}\n"),
        &[
            "call 1 (lookup): message",
            "*stale*",
            "there is no query `no`",
        ],
    )
    .await;
    fails(
        &format!("{call}expect = {{ outcome = \"not_found\", pointer = \"/query\" }}\n"),
        &["pointer", "found     nothing"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn state_that_is_not_as_expected_fails() {
    fails(
        &format!(
            "{SET_STATUS}[[expect_rows]]\nquery = \"SELECT status FROM orders\"\nrows = [{{ status = \"open\" }}]\n"
        ),
        &["rows of `SELECT status FROM orders` /0/status", "found     \"closed\""],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_what_is_not_held_fails() {
    fails(
        &format!("{LOOKUP}approve = true\n"),
        &["it is not held", "it is done"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_ends_otherwise_fails() {
    fails(
        &format!(
            "{SET_STATUS}undo = true\nmeanwhile = {{ sql = \"UPDATE orders SET status = 'lost'\" }}\n"
        ),
        &["undo", "expected  \"undone\"", "conflict", "lost"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_never_came_fails() {
    fails(
        &format!("{LOOKUP}[[exchange]]\nrequest = \"GET /orders/1\"\n"),
        &[
            "times that `GET /orders/1` came",
            "expected  1",
            "found     0",
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scenario_that_cannot_be_run_is_broken_and_says_where() {
    for (scenario, words) in [
        (
            format!("{LOOKUP}expext = {{}}\n"),
            "scenario.toml:7:1: unknown field `expext`",
        ),
        (
            format!("sql = \"INSERT INTO nothing\"\n{LOOKUP}"),
            "`sql`: ",
        ),
        (format!("database = \"no.sql\"\n{LOOKUP}"), "no.sql"),
        (
            format!("files = \"files\"\n{LOOKUP}"),
            "the manifest grants 0",
        ),
        (format!("manifest = \"no.toml\"\n{LOOKUP}"), "no.toml"),
        (
            format!("down = [\"desk\"]\n{LOOKUP}"),
            "no http or mail destination",
        ),
        (format!("at = \"soon\"\n{LOOKUP}"), "`at`"),
        (
            format!("{LOOKUP}[override]\nlimit = {{ calls = 1 }}\n"),
            "with the scenario's [override]",
        ),
        (format!("{LOOKUP}then = {{}}\n"), "add `approve`"),
        (
            "[[call]]\ntool = \"lookup\"\ninput = { \"$output\" = \"1/x\" }\n".to_owned(),
            "call 1 (lookup): `$output`: call 1 has no output yet",
        ),
    ] {
        let suite = Suite::new().with("one", &scenario);
        let report = suite.run(None).await.unwrap();
        let one = &report.scenarios[0];
        assert_eq!(one.outcome, Outcome::Broken, "{scenario}: {one:?}");
        assert!(!report.passed());
        let said = one.findings[0].to_string();
        assert!(said.contains(words), "`{words}` is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_broken_scenario_does_not_keep_others_from_running() {
    let suite = Suite::new()
        .with("a", "nonsense")
        .with("b", LOOKUP)
        .with("c/d", LOOKUP);
    let report = suite.run(None).await.unwrap();
    let outcomes: Vec<_> = report
        .scenarios
        .iter()
        .map(|one| (one.name.as_str(), one.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("a", Outcome::Broken),
            ("b", Outcome::Passed),
            ("c/d", Outcome::Passed)
        ]
    );
    let report = suite.run(Some("c*")).await.unwrap();
    assert_eq!(report.scenarios.len(), 1);
    let error = suite.run(Some("x")).await.unwrap_err().to_string();
    assert_eq!(error, "no scenario is called `x`; there are: a, b, c/d");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_scenarios_is_an_error_and_no_success() {
    let empty = TempDir::new().unwrap();
    let error = run(empty.path(), None).await.unwrap_err();
    assert!(matches!(error, EvalError::NoScenario { .. }), "{error}");
    let error = run(&empty.path().join("none"), None).await.unwrap_err();
    assert!(matches!(error, EvalError::Folder { .. }), "{error}");
}

/// A guest that calls whatever it is told to, and what it is granted here.
const HOSTILE: &str = r#"
connector = "hostile"
component = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
[grant.kv.scratch]
max_bytes = "64KiB"
[grant.files.box]
directory = "/srv/box"
[[grant.files.box.path]]
glob = "**"
verbs = ["read", "write", "remove"]
[grant.sql.orders]
source = "sqlite:/srv/orders.db"
[[grant.sql.orders.table]]
name = "orders"
read = ["id"]
delete = true
[[rule]]
name = "everything"
tool = "*"
then = "allow"
"#;

/// A scenario of that guest, with a file and two keys.
async fn hostile(scenario: &str) -> Vec<String> {
    let suite = Suite::new().with("one", scenario);
    let folder = suite.0.path().join("one");
    fs::remove_file(folder.join("database.sql")).unwrap();
    fs::write(folder.join("manifest.toml"), HOSTILE).unwrap();
    fs::write(
        folder.join("kv.toml"),
        "[scratch]\nseen = \"before\"\ncount = { n = 1 }\n",
    )
    .unwrap();
    fs::create_dir(folder.join("files")).unwrap();
    fs::write(folder.join("files/a.txt"), "here").unwrap();
    let report = run_with("tests/guests/hostile", suite.0.path(), None)
        .await
        .unwrap();
    let findings = report.scenarios[0].findings.iter();
    findings.map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_and_files_are_there_before_and_looked_at_afterwards() {
    // The guest says what it got as bytes: these are `before`.
    let scenario = "manifest = \"manifest.toml\"
[[call]]
tool = \"try_kv\"
input = { verb = \"get\", store = \"scratch\", key = \"seen\" }
expect = { output = { answer = { \"$like\" = \"*[98, 101, 102, 111, 114, 101]*\" } } }
[[expect_kv]]
store = \"scratch\"
key = \"count\"
json = { n = 1 }
[[expect_kv]]
store = \"scratch\"
key = \"none\"
absent = true
[[expect_files]]
path = \"a.txt\"
unchanged = true
text = \"here\"
";
    let told = hostile(scenario).await;
    assert!(told.is_empty(), "{told:#?}");
    let wrong = scenario
        .replace("n = 1", "n = 2")
        .replace("\"none\"", "\"seen\"")
        .replace("text = \"here\"", "text = \"there\"");
    let told = hostile(&wrong).await;
    let words = [
        "file a.txt",
        "key count of store scratch /n",
        "key seen of store scratch is there",
    ];
    assert_eq!(told.len(), words.len(), "{told:#?}");
    for (told, words) in told.iter().zip(words) {
        assert!(told.contains(words), "{told}");
    }
}
