//! What is not granted is not sent.

use serde_json::json;

use super::{ROWS, ask, came, opened, refused, run};
use crate::house::failure;
use tollgate_runtime::RunState;

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_read_is_answered_and_recorded_in_one_record() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(
        &house,
        "read",
        ask(
            "GET",
            &["tickets", "1"],
            json!({"query": [["include", "a"]]}),
        ),
    )
    .await;
    let stages = house.stages(&report.run).await;
    assert_eq!(stages, ["run.opened", "call.outcome", "run.closed"]);
    let lines = house.log(&report.run).await;
    let outcome = lines
        .iter()
        .find(|line| line.stage == "call.outcome")
        .unwrap();
    assert_eq!(outcome.facts["status"], 200);
    assert_eq!(outcome.facts["attempts"], 1);
    assert_eq!(outcome.facts["effect"], "read");
    let came = report.output.unwrap();
    assert_eq!(came["status"], 200, "{came}");
    assert_eq!(came["headers"]["etag"], "\"v1\"");
    assert!(came["body"].as_str().unwrap().contains("printer"));
    assert_eq!(desk.lines(), ["GET /api/tickets/1?include=a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_outside_the_grant_reaches_a_server() {
    let (house, desk) = opened("", ROWS).await;
    let get = |path: &[&str], more| ask("GET", path, more);
    let mut elsewhere = get(&["tickets", "1"], json!({}));
    elsewhere["destination"] = json!("elsewhere");
    for (input, said) in [
        (elsewhere, "no web server `elsewhere`"),
        (get(&["users", "1"], json!({})), "no route"),
        (get(&["tickets", "1", "notes"], json!({})), "no route"),
        (get(&["tickets", "1/../users"], json!({})), "`..`"),
        (get(&["tickets", ".."], json!({})), "`..`"),
        (get(&["tickets", "one"], json!({})), "is not"),
        (
            get(&["tickets", "1"], json!({"query": [["page", "2"]]})),
            "`page`",
        ),
        (
            get(
                &["tickets", "1"],
                json!({"query": [["include", "a"], ["include", "b"]]}),
            ),
            "may stand there once",
        ),
        (
            get(&["tickets", "1"], json!({"headers": {"x-user": "admin"}})),
            "`x-user`",
        ),
        (
            get(
                &["tickets", "1"],
                json!({"headers": {"host": "evil.example"}}),
            ),
            "host's own",
        ),
        (
            get(
                &["tickets", "1"],
                json!({"headers": {"authorization": "Bearer x"}}),
            ),
            "`authorization`",
        ),
        (
            get(&["tickets", "1"], json!({"headers": {"cookie": "a=b"}})),
            "`cookie`",
        ),
        (get(&["tickets", "1"], json!({"json": {}})), "content"),
        (
            ask("PUT", &["tickets", "1"], json!({"json": {}})),
            "no route",
        ),
    ] {
        let error = refused(&house, "change", input.clone()).await;
        assert!(error.contains(said), "{input}: {error}");
    }
    assert_eq!(desk.lines(), Vec::<String>::new());
    assert_eq!(desk.connections(), 0);
    // A refusal names the line that an operator could add.
    let error = refused(&house, "read", get(&["users", "1"], json!({}))).await;
    assert!(error.contains("[[grant.http.desk.route]]"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_says_it_reads_cannot_write() {
    let (house, desk) = opened("", ROWS).await;
    for input in [
        ask("POST", &["tickets"], json!({"json": {"subject": "x"}})),
        ask(
            "PATCH",
            &["tickets", "1"],
            json!({"json": {"status": "closed"}}),
        ),
        ask("DELETE", &["tickets", "1"], json!({})),
        ask("POST", &["payments"], json!({"json": {"cents": 1}})),
    ] {
        let error = refused(&house, "read", input).await;
        assert!(error.contains("declares itself `read`"), "{error}");
    }
    assert_eq!(desk.lines(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_gives_a_request_its_class() {
    let rows = format!(
        "{ROWS}\n[[grant.http.desk.route]]\ncall = \"POST /search\"\neffect = \"read\"\n\
         [[grant.http.desk.route]]\ncall = \"GET /trash/{{id:int}}\"\neffect = \"irreversible\"\n"
    );
    let (house, desk) = opened("", &rows).await;
    let search = ask("POST", &["search"], json!({"json": {"words": "printer"}}));
    assert_eq!(came(&house, "read", search).await["status"], 200);
    let trash = run(&house, "pay", ask("GET", &["trash", "1"], json!({}))).await;
    assert_eq!(trash.state, RunState::Held);
    let lies = refused(&house, "read", ask("GET", &["trash", "1"], json!({}))).await;
    assert!(lies.contains("declares itself"), "{lies}");
    assert_eq!(desk.lines(), ["POST /api/search"]);
    // What carries words out can be told from a plain read, by a rule.
    let deny = "[[rule]]\nname = \"no-words\"\ntool = \"*\"\ncall = \"http.send\"\nwhen = { \"args.egress\" = { eq = true } }\nthen = \"deny\"\n";
    let manifest = super::manifest(&desk, "", &rows) + deny;
    house
        .install(&manifest, &tollgate_tests::component("tests/guests/caller"))
        .await;
    let words = ask(
        "GET",
        &["tickets", "1"],
        json!({"query": [["words", "customer list"]]}),
    );
    let error = refused(&house, "read", words).await;
    assert!(error.contains("no-words"), "{error}");
    let plain = came(&house, "read", ask("GET", &["tickets", "1"], json!({}))).await;
    assert_eq!(plain["status"], 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_imports_http_needs_a_grant_of_it() {
    let house = crate::house::House::new().await;
    let component = tollgate_tests::component("tests/guests/caller");
    let text = "connector = \"caller\"\ncomponent = \"here\"\n[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n";
    let text = tollgate_tests::pinned(text, &component);
    let refused = house
        .host
        .install("m", &text, &component.bytes, "operator")
        .await;
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("grant.http"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loopback_server_is_not_reached_unless_the_manifest_lists_its_address() {
    let (house, desk) = opened("", ROWS).await;
    let base = format!("http://localhost:{}/api", desk.address.port());
    // A network is listed, so that plain HTTP is allowed; it is not loopback.
    let manifest = super::manifest_at(&base, "addresses = [\"10.0.0.0/8\"]", "", ROWS);
    house
        .install(&manifest, &tollgate_tests::component("tests/guests/caller"))
        .await;
    let report = run(&house, "read", ask("GET", &["tickets", "1"], json!({}))).await;
    let error = crate::house::output(report)["error"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(error.starts_with("Unreachable"), "{error}");
    assert!(
        !error.contains("127.0.0.1") && !error.contains("::1"),
        "{error}"
    );
    assert_eq!(desk.connections(), 0);
    let pays = run(
        &house,
        "pay",
        ask("POST", &["payments"], json!({"json": {}})),
    )
    .await;
    assert_eq!(pays.state, RunState::Held);
    assert!(pays.failure.is_none() || failure(&pays).1.is_empty());
}
