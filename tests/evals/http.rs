//! Scenarios whose connector speaks HTTP: through the host's own way out, with a
//! credential, to a server that says what the scenario says.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs;

use tempfile::TempDir;
use tollgate_eval::{EvalOptions, Outcome, evaluate};
use tollgate_runtime::Compiler;
use tollgate_tests::{component, workspace};

/// A connector that sends what it is told, to a help desk with a token.
const MANIFEST: &str = r#"
connector = "caller"
component = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

[limits]
deadline = "10s"

[grant.http.desk]
base_url = "https://desk.example/api"
timeout = "1s"
max_response = "64KiB"

[grant.http.desk.credential]
secret = "desk-token"
header = "authorization"
format = "Bearer {}"

[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"

[[grant.http.desk.route]]
call = "PATCH /tickets/{id:int}"
effect = "write"
undo = "restore"

[[grant.http.desk.route]]
call = "POST /payments"

[[rule]]
name = "everything"
tool = "*"
then = "allow"

[approval.boss]
approvers = ["group:boss"]
decide_within = "1h"
execute_within = "10m"
"#;

const READ: &str = r#"
[[call]]
tool = "read"
input = { destination = "desk", method = "GET", path = ["tickets", "1"] }
"#;

/// What the only scenario's findings say.
async fn told(scenario: &str) -> Vec<String> {
    let suite = TempDir::new().unwrap();
    let folder = suite.path().join("one");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("manifest.toml"), MANIFEST).unwrap();
    let guest = workspace().join("tests/guests/caller");
    let head = format!("about = \"x\"\nconnector = {guest:?}\nmanifest = \"manifest.toml\"\n");
    fs::write(folder.join("scenario.toml"), format!("{head}{scenario}")).unwrap();
    let options = EvalOptions {
        component: Some(component("tests/guests/caller").path.clone()),
        ..EvalOptions::new(Compiler::InProcess)
    };
    let report = evaluate(suite.path(), &options, |_| {}).await.unwrap();
    let one = &report.scenarios[0];
    assert_ne!(one.outcome, Outcome::Broken, "{:?}", one.findings);
    one.findings.iter().map(ToString::to_string).collect()
}

async fn passes(scenario: &str) {
    let told = told(scenario).await;
    assert!(told.is_empty(), "{told:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reaches_the_scenario_s_server_with_its_credential() {
    let ticket = r#"
[[exchange]]
request = "GET /api/tickets/1"
headers = { authorization = "Bearer secret-of-desk-token" }
answer = { id = 1, status = "open" }
"#;
    let expect = "expect = { output = { status = 200, body = { \"$like\" = \"*open*\" } } }\n";
    passes(&format!("{ticket}{READ}{expect}")).await;
    let other = ticket.replace("secret-of-desk-token", "another");
    let told = told(&format!("{other}{READ}{expect}")).await;
    assert!(
        told.iter()
            .any(|told| told.contains("its header `authorization` is not")),
        "{told:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_the_credential_is_withheld() {
    passes(&format!(
        r#"
[[exchange]]
request = "GET /api/tickets/1"
status = 401
text = "not for Bearer secret-of-desk-token"
{READ}expect = {{ output = {{ error = {{ "$like" = "*desk-token*withheld*" }} }}, without = ["secret-of-desk-token"] }}
"#
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_servers_do_when_they_fail_is_what_a_guest_sees() {
    for (exchange, seen) in [
        (
            "status = 404\nanswer = { error = \"none\" }",
            "status = 404",
        ),
        ("status = 422\ntext = \"no\"", "status = 422"),
        (
            "status = 429\nanswer_headers = { retry-after = \"60\" }",
            "status = 429, headers = { retry-after = \"60\" }",
        ),
        (
            "fault = \"close-after-request\"\ntimes = \"any\"",
            "error = { \"$like\" = \"NoAnswer*\" }",
        ),
        (
            "fault = \"slow\"\ntext = \"abcd\"\ntimes = \"any\"",
            "error = { \"$like\" = \"NoAnswer*\" }",
        ),
        (
            "fault = \"truncate\"\ntext = \"abcd\"\ntimes = \"any\"",
            "error = { \"$like\" = \"NoAnswer*\" }",
        ),
        (
            "fault = \"garbage\"\ntimes = \"any\"",
            "error = { \"$like\" = \"NoAnswer*\" }",
        ),
        ("fault = \"flood\"", "status = 200, truncated = true"),
    ] {
        let scenario = format!(
            "[[exchange]]\nrequest = \"GET /api/tickets/1\"\n{exchange}\n{READ}expect = {{ output = {{ {seen} }} }}\n"
        );
        let told = told(&scenario).await;
        assert!(told.is_empty(), "{exchange}: {told:#?}");
    }
    passes(&format!(
        "down = [\"desk\"]\n{READ}expect = {{ output = {{ error = {{ \"$like\" = \"Unreachable*\" }} }} }}\n"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_taken_back_and_one_without_an_answer_is_in_doubt() {
    passes(
        r#"
[[exchange]]
request = "GET /api/tickets/1"
answer = { id = 1, status = "open" }
[[exchange]]
request = "PATCH /api/tickets/1"
body = { status = "closed" }
answer = {}
[[exchange]]
request = "GET /api/tickets/1"
answer = { id = 1, status = "closed" }
times = 3
[[exchange]]
request = "PATCH /api/tickets/1"
body = { status = "open" }
answer = {}
[[exchange]]
request = "GET /api/tickets/1"
answer = { id = 1, status = "open" }
times = "any"
[[call]]
tool = "change"
input = { destination = "desk", method = "PATCH", path = ["tickets", "1"], json = { status = "closed" } }
undo = true
"#,
    )
    .await;
    passes(
        r#"
[[exchange]]
request = "POST /api/payments"
fault = "close-after-request"
[[call]]
tool = "pay"
input = { destination = "desk", method = "POST", path = ["payments"], json = { cents = 100 } }
expect = { outcome = "held", card = { arguments = { body = { cents = 100 } } } }
approve = true
then = { outcome = "in_doubt" }
"#,
    )
    .await;
}
