//! Requests to web servers: nothing outside the grant, the credential nowhere but
//! at the server, and one effect at most.

mod desk;
mod doubt;
mod egress;
mod granted;
mod held;
mod sent;
mod undone;

use serde_json::{Value, json};
use tollgate_runtime::{RunReport, ToolCall};

use crate::house::{BOSS, House, agent, call, output};
pub(crate) use desk::{Desk, Fault};

/// Rows that most tests need.
pub(crate) const ROWS: &str = r#"
[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"
query = { include = "id", words = "text" }

[[grant.http.desk.route]]
call = "PATCH /tickets/{id:int}"
effect = "write"
undo = "restore"

[[grant.http.desk.route]]
call = "POST /tickets"
effect = "write"
undo = "inverse"

[[grant.http.desk.route]]
call = "DELETE /tickets/{id:int}"
effect = "write"
undo = "inverse"

[[grant.http.desk.route]]
call = "POST /payments"
"#;

/// The manifest of the guest that sends anything: everything is allowed that is
/// granted; an irreversible call asks the boss all the same.
pub(crate) fn manifest(desk: &Desk, keys: &str, rows: &str) -> String {
    manifest_at(
        &format!("http://{}/api", desk.address),
        "addresses = [\"127.0.0.1\"]",
        keys,
        rows,
    )
}

pub(crate) fn manifest_at(base: &str, addresses: &str, keys: &str, rows: &str) -> String {
    format!(
        r#"
connector = "caller"
component = "here"

[limits]
deadline = "10s"

[grant.http.desk]
base_url = "{base}"
{addresses}
timeout = "2s"
{keys}
{rows}

[[rule]]
name = "everything"
tool = "*"
then = "allow"

{BOSS}
"#
    )
}

/// A host whose connector may talk to a desk.
pub(crate) async fn opened(keys: &str, rows: &str) -> (House, Desk) {
    let desk = Desk::open().await;
    let house = House::new().await;
    house
        .install(
            &manifest(&desk, keys, rows),
            &tollgate_tests::component("tests/guests/caller"),
        )
        .await;
    (house, desk)
}

/// A request as the guest's tools take it.
pub(crate) fn ask(method: &str, path: &[&str], more: Value) -> Value {
    let mut ask = json!({"destination": "desk", "method": method, "path": path});
    for (name, value) in more.as_object().unwrap() {
        ask[name] = value.clone();
    }
    ask
}

pub(crate) fn tool(tool: &str, input: Value) -> ToolCall {
    call("caller", tool, input)
}

pub(crate) async fn run(house: &House, name: &str, input: Value) -> RunReport {
    house.host.call(&agent(), tool(name, input)).await.unwrap()
}

/// What a request came to, from a run that must be done.
pub(crate) async fn came(house: &House, name: &str, input: Value) -> Value {
    output(run(house, name, input).await)
}

/// The error that a guest saw.
pub(crate) async fn refused(house: &House, name: &str, input: Value) -> String {
    let came = came(house, name, input).await;
    came["error"]
        .as_str()
        .unwrap_or_else(|| panic!("it was done: {came}"))
        .to_owned()
}
