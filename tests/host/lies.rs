//! What a connector claims gives it nothing.

use serde_json::json;
use tollgate_runtime::{InstallError, RunState};
use tollgate_tests::{component, named, pinned};

use crate::house::{House, failure, hostile, hostile_manifest, output};

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_says_it_reads_cannot_write() {
    let house = House::hostile("", "").await;
    for (tool, input) in [
        ("undeclared_write", json!({"key": "k"})),
        ("undeclared_file", json!({})),
    ] {
        let report = house.call(tool, input).await;
        assert_eq!(report.state, RunState::Denied, "{report:?}");
        let (kind, message) = failure(&report);
        assert_eq!(kind, "denied");
        assert!(message.contains("declares itself `read`"), "{message}");
        let stages = house.stages(&report.run).await;
        assert!(stages.contains(&"call.denied".to_owned()), "{stages:?}");
        assert!(!stages.contains(&"call.intent".to_owned()), "{stages:?}");
    }
    assert_eq!(house.kv("k").await, "None");
    assert_eq!(house.file("undeclared.txt"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_learns_of_a_denial_and_may_go_on() {
    let house = House::hostile("", "").await;
    let done = house.done("goes_on", json!({"key": "story"})).await;
    let story = done["text"].as_str().unwrap();
    assert!(story.contains("grants no store `not-granted`"), "{story}");
    assert!(
        story.contains("grants no directory `not-granted`"),
        "{story}"
    );
    assert!(house.kv("story").await.starts_with("Some"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inverse_that_the_tool_does_not_declare_is_never_kept() {
    let house = House::hostile("", "").await;
    let report = house.call("foreign_inverse", json!({})).await;
    let (kind, message) = failure(&report);
    assert_eq!(kind, "connector_fault");
    assert!(message.contains("no_such_tool"), "{message}");
    let undo = house
        .host
        .undo(&crate::house::agent(), &report.run, false)
        .await
        .unwrap();
    assert_eq!(undo.outcome, "nothing");
}

async fn refused(manifest: &str, bytes: &[u8]) -> (House, InstallError) {
    let house = House::new().await;
    let error = house
        .host
        .install("manifest.toml", manifest, bytes, "operator")
        .await
        .expect_err("it must be refused");
    assert!(house.host.tools(&crate::house::agent()).is_empty());
    assert!(
        house.host.tenants().await.unwrap().is_empty(),
        "a record of nothing"
    );
    (house, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_calls_out_while_described_is_not_installed() {
    let loud = component("tests/guests/loud-describe");
    let manifest = pinned("connector = \"loud\"", &loud);
    let (_, error) = refused(&manifest, &loud.bytes).await;
    assert!(error.to_string().contains("describe"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_a_grant_is_refused_with_the_line_to_add() {
    let built = hostile();
    let manifest = pinned("connector = \"hostile\"", &built);
    let (_, error) = refused(&manifest, &built.bytes).await;
    let InstallError::NotGranted { missing } = &error else {
        panic!("{error}");
    };
    let imports: Vec<&str> = missing.iter().map(|(import, _)| import.as_str()).collect();
    for import in [
        "kv.set",
        "sql.execute",
        "sql.query",
        "files.write",
        "files.list",
    ] {
        assert!(imports.contains(&import), "{imports:?}");
    }
    for (import, line) in missing {
        assert!(line.contains("[grant"), "{import}: {line}");
    }
    assert!(error.to_string().contains("[grant.kv."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_the_wasi_profile_does_not_enter_a_sealed_manifest() {
    let sheet = component("plugins/spreadsheet");
    let path = tollgate_tests::workspace().join("plugins/spreadsheet/manifest.toml");
    let manifest = std::fs::read_to_string(path)
        .unwrap()
        .replace("profile = \"wasi\"", "");
    let (_, error) = refused(&pinned(&manifest, &sheet), &sheet.bytes).await;
    let text = error.to_string();
    assert!(
        text.contains("wasi:random/") && text.contains("profile = \"wasi\""),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_component_than_the_pinned_one_is_refused() {
    let manifest = pinned(&hostile_manifest("", ""), &hostile());
    let mut bytes = hostile().bytes.clone();
    // A custom section more: the same code, other bytes.
    bytes.extend([0, 2, 1, b'x']);
    let (_, error) = refused(&manifest, &bytes).await;
    assert!(
        matches!(error, InstallError::DigestMismatch { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_component_is_refused_by_name() {
    let manifest = pinned(&hostile_manifest("", ""), &hostile());
    let module = wat::parse_str("(module)").unwrap();
    let empty = wat::parse_str("(component)").unwrap();
    let mut cut = hostile().bytes.clone();
    cut.truncate(cut.len() / 2);
    for (bytes, words) in [
        (b"#!/bin/sh".as_slice(), "not"),
        (b"", "not"),
        (module.as_slice(), "core WebAssembly module"),
        (empty.as_slice(), "tools"),
        (cut.as_slice(), ""),
    ] {
        let (_, error) = refused(&manifest, bytes).await;
        assert!(matches!(error, InstallError::NotAConnector(_)), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_in_a_manifest_are_shown_where_they_are() {
    let manifest =
        "connector = \"hostile\"\ncomponent = \"sha256:12\"\n[limits]\nfule = 5\nmemory = 64\n";
    let (_, error) = refused(manifest, &hostile().bytes).await;
    let text = error.to_string();
    for place in ["manifest.toml:2:", "manifest.toml:4:1", "manifest.toml:5:"] {
        assert!(text.contains(place), "{place}: {text}");
    }
    assert!(text.contains("did you mean `fuel`"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_install_leaves_the_installed_connector_as_it_was() {
    let house = House::hostile("", "").await;
    let broken = pinned("connector = \"hostile\"", &hostile());
    let again = house
        .host
        .install("m", &broken, &hostile().bytes, "operator")
        .await;
    assert!(again.is_err());
    let report = house.call("increment", json!({"key": "k"})).await;
    assert_eq!(output(report)["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_no_rule_allows_is_denied_before_the_guest_starts() {
    let house = House::new().await;
    let manifest = hostile_manifest("", "").replace("tool = \"*\"", "tool = \"echo\"");
    house.install(&manifest, &hostile()).await;
    let report = house.call("increment", json!({"key": "k"})).await;
    assert_eq!(report.state, RunState::Denied);
    let (kind, message) = failure(&report);
    assert_eq!(kind, "denied");
    assert!(message.contains("no rule allows `increment`"), "{message}");
    let stages = house.stages(&report.run).await;
    assert_eq!(stages, ["run.opened", "call.denied", "run.closed"]);
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap_err();
    assert_eq!(replay.kind(), "not_allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_tool_is_answered_with_the_one_that_was_meant() {
    let house = House::hostile("", "").await;
    let call = crate::house::call("hostile", "incremnt", json!({}));
    let error = house
        .host
        .call(&crate::house::agent(), call)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unknown_tool");
    assert_eq!(error.hint().unwrap(), "did you mean `hostile.increment`?");
}

/// The tool says that the host can put back what it writes. Of this table it
/// cannot, so the write counts as irreversible: a person is asked, and where
/// nobody can be, it does not happen.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_without_a_recorded_undo_is_irreversible_whatever_the_tool_says() {
    let allowed = "[[rule]]\nname = \"writes\"\ncall = \"sql.execute\"\nthen = \"allow\"\n";
    for (more, state, kept) in [
        (crate::house::BOSS, RunState::Held, None),
        ("", RunState::Done, Some("Denied")),
    ] {
        let house = House::hostile("", &format!("{allowed}{more}")).await;
        house
            .sql("DROP TABLE orders; CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, status TEXT) WITHOUT ROWID; INSERT INTO orders VALUES (1, 'ada', 'open')")
            .await;
        let input = json!({"database": "orders", "execute": true,
            "statement": "UPDATE orders SET status = 'closed' WHERE id = 1"});
        let report = house.call("try_sql", input).await;
        assert_eq!(report.state, state, "{report:?}");
        if let Some(said) = kept {
            assert!(output(report)["answer"].to_string().contains(said));
        }
        assert_eq!(
            house.look("SELECT status AS v FROM orders").await,
            ["'open'"]
        );
    }
}

/// A tool that declares a write that can be put back sends words to people outside:
/// what the row says counts, and a row that says nothing says irreversible.
#[tokio::test(flavor = "multi_thread")]
async fn text_that_leaves_is_irreversible_whatever_the_tool_says() {
    let rows = "[[grant.http.desk.route]]\ncall = \"POST /messages\"\n";
    let (house, desk) = crate::http::opened("", rows).await;
    for tool in ["pay", "change"] {
        let input = crate::http::ask("POST", &["messages"], json!({"json": {"text": "hello"}}));
        let report = house.call_of("caller", tool, input).await;
        assert_ne!(report.state, RunState::Done, "{tool}: {report:?}");
    }
    assert_eq!(desk.lines(), Vec::<String>::new());
}

/// A read that carries words is egress, by the route and the request, whatever the
/// tool declares; a rule can tell it from a plain read.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_with_free_text_is_egress_whatever_the_tool_says() {
    let rows = "[[grant.http.desk.route]]\ncall = \"GET /tickets/{id:int}\"\n[[grant.http.desk.route]]\ncall = \"GET /search/{words:text}\"\n[[rule]]\nname = \"no-words\"\ncall = \"http.send\"\nwhen = { \"args.egress\" = { eq = true } }\nthen = \"deny\"\ndenies = [{ tool = \"read\", args = { egress = true } }, { tool = \"read\" }]\n";
    let (house, desk) = crate::http::opened("", rows).await;
    let words = crate::http::ask("GET", &["search", "customer list"], json!({}));
    let report = house.call_of("caller", "read", words).await;
    let said = serde_json::to_string(&report).unwrap();
    assert!(said.contains("no-words"), "{said}");
    assert_eq!(desk.lines(), Vec::<String>::new());
    let plain = crate::http::ask("GET", &["tickets", "1"], json!({}));
    assert_eq!(
        output(house.call_of("caller", "read", plain).await)["status"],
        200
    );
}

/// A rule about a field that the tool does not have is a mistake that would show
/// only when it matters.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_does_not_fit_the_component_is_refused_with_what_was_meant() {
    let row = "[[rule]]\nname = \"r\"\ntool = \"try_sql\"\nwhen = { \"input.statment\" = { prefix = \"DROP\" } }\nthen = \"deny\"\n";
    let manifest = pinned(&hostile_manifest("", row), &hostile());
    let (_, error) = refused(&manifest, &hostile().bytes).await;
    let text = error.to_string();
    assert!(
        text.contains("the tool `try_sql` has no field `input.statment`")
            && text.contains("did you mean `statement`?"),
        "{text}"
    );
}
