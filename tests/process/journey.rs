//! The command line along whole hand-offs: from a new connector to a verified
//! journal, what an approver reads, and a log that is followed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tollgate_tests::workspace;

use crate::program::{self, Ended, Running};
use crate::session::{Session, approval_in, first_word, shows};
use crate::shop::{Shop, refund};

#[test]
fn from_a_new_connector_to_a_verified_journal() {
    let mut session = Session::new();
    let sdk = workspace().join("sdk");
    session
        .run(&["new", "greeter", "--sdk", sdk.to_str().unwrap()])
        .exits(0);
    alone_from_the_network(&session.path("greeter"));
    session.run(&["build", "greeter"]).exits(0);
    let component = "greeter/target/tollgate/greeter.component.wasm";
    session.run(&["inspect", component]).exits(0);
    session
        .run(&[
            "install",
            "greeter/manifest.toml",
            component,
            "--pin",
            "--home",
            "home",
        ])
        .exits(0);
    let token = |ended: Ended| ended.exits(0).stdout.trim().to_owned();
    let agent = token(session.run(&[
        "principal",
        "desk-agent",
        "--kind",
        "agent",
        "--home",
        "home",
    ]));
    let mira = token(session.run(&[
        "principal",
        "mira",
        "--kind",
        "person",
        "--group",
        "finance",
        "--home",
        "home",
    ]));
    let mut serve = program::command(["serve", "--listen", "127.0.0.1:0", "--home", "home"]);
    let mut host = Running::start(serve.current_dir(session.folder.path()));
    let url = host.url();
    let call = [
        "call",
        "greeter",
        "greet",
        r#"{"name":"Mira"}"#,
        "--reason",
        "trying it",
        "--url",
        &url,
    ];
    let run = first_word(&session.run_as(Some(&agent), &call).exits(0).stdout);
    session
        .run_as(Some(&agent), &["show", &run, "--url", &url])
        .exits(0);
    session
        .run_as(
            Some(&agent),
            &["call", "greeter", "greet", r#"{"name":""}"#, "--url", &url],
        )
        .exits(1);
    session
        .run_as(Some(&agent), &["pending", "--url", &url])
        .exits(4);
    session
        .run_as(Some(&mira), &["pending", "--url", &url])
        .exits(0);
    session
        .run(&["log", "--run", &run, "--home", "home"])
        .exits(0);
    session.run(&["replay", &run, "--home", "home"]).exits(0);
    session.run(&["verify", "--home", "home"]).exits(0);
    session
        .run_as(Some(&mira), &["undo", &run, "--url", &url])
        .exits(0);
    assert_eq!(host.stop(), 0);
    shows!("journey", session.shown().replace(&run, "run-[ID]"));
}

#[test]
fn what_an_approver_reads_in_the_terminal() {
    let shop = Shop::new();
    let host = shop.open();
    let mut session = Session::new();
    let (agent, mira) = (shop.people.agent.clone(), shop.people.mira.clone());
    let url = host.url.clone();
    let input = refund(12_900).to_string();
    let said = "paid\u{1b}[2K\u{202e}00,921";
    let held = session
        .run_as(
            Some(&agent),
            &[
                "call", "database", "execute", &input, "--reason", said, "--case", "ticket-1",
                "--url", &url,
            ],
        )
        .exits(3);
    assert!(!held.stdout.contains('\u{1b}'));
    let run = first_word(&held.stdout);
    session
        .run_as(Some(&mira), &["pending", "--url", &url])
        .exits(0);
    let id = approval_in(&held.stdout);
    // No terminal to ask in: the card is shown, and nothing is decided.
    let card = session
        .run_as(Some(&mira), &["approve", &id, "--url", &url])
        .exits(1);
    assert!(
        !card.stdout.contains(['\u{1b}', '\u{202e}']),
        "{}",
        card.stdout
    );
    session
        .run_as(
            Some(&agent),
            &["approve", &id, "--digest", "sha256:0", "--url", &url],
        )
        .exits(4);
    session
        .run_as(
            Some(&mira),
            &["approve", &id, "--digest", "sha256:0", "--url", &url],
        )
        .exits(1);
    session
        .run_as(
            Some(&mira),
            &["deny", &id, "--reason", "never paid", "--url", &url],
        )
        .exits(0);
    session
        .run_as(Some(&agent), &["show", &run, "--url", &url])
        .exits(4);
    let home = shop.home().display().to_string();
    let log = session
        .run(&["log", "--case", "ticket-1", "--home", &home])
        .exits(0);
    assert!(
        !log.stdout.contains(['\u{1b}', '\u{202e}']),
        "{}",
        log.stdout
    );
    assert_eq!(shop.refunds(), 0);
    shows!("approver", session.shown().replace(&home, "[HOME]"));
}

#[test]
fn a_refund_is_followed_from_its_trigger_to_its_end_and_back() {
    let shop = Shop::new();
    let host = shop.open();
    let mut session = Session::new();
    let (agent, mira) = (shop.people.agent.clone(), shop.people.mira.clone());
    let (url, home) = (host.url.clone(), shop.home().display().to_string());
    let input = refund(12_900).to_string();
    let call = [
        "call",
        "database",
        "execute",
        &input,
        "--case",
        "ticket-1",
        "--context",
        "ticket 93",
        "--trigger",
        "a mail of the customer",
        "--reason",
        "it arrived broken",
        "--url",
        &url,
    ];
    let held = session.run_as(Some(&agent), &call).exits(3).stdout;
    let run = first_word(&held);
    let approve = |session: &mut Session, token: &str, id: &str| {
        let shown = host.run(token, &["pending", "--json"]).exits(0).json();
        let cards = shown.as_array().unwrap();
        let card = cards.iter().find(|card| card["approval"] == id).unwrap();
        let digest = card["digest"].as_str().unwrap();
        let approve = ["approve", id, "--digest", digest, "--url", &url];
        session.run_as(Some(token), &approve).exits(0);
    };
    approve(&mut session, &mira, &approval_in(&held));
    assert_eq!(shop.refunds(), 1);
    // Mira asks to take it back, so somebody else of finance decides.
    let undo = ["undo", &run, "--url", &url, "--json"];
    let undone = session.run_as(Some(&mira), &undo).exits(3).json();
    let id = undone["undo_run"]["pending"]["approval"]
        .as_str()
        .unwrap()
        .to_owned();
    approve(&mut session, &shop.people.omar, &id);
    assert_eq!(shop.refunds(), 0);
    session.said.clear();
    let log = session
        .run(&["log", "--run", &run, "--home", &home])
        .exits(0)
        .stdout;
    let mut rest = log.as_str();
    for step in [
        "desk-agent asked for database.execute",
        "trigger (unverified)  a mail of the customer",
        "context (unverified)  ticket 93",
        "reason (unverified)   it arrived broken",
        "has to wait for a decision: sql.execute on orders",
        "Refund 12900 cents for order 1042",
        "mira approved the call",
        "sends sql.execute on orders",
        "got the answer of sql.execute on orders",
        "ended the run: done",
        "[is to take this run back]",
        "mira asked for database.execute, to take back",
        "has to wait for a decision: sql.restore on orders",
        "omar approved the call",
        "sends sql.restore on orders",
        "ended the run: done",
        "took the run back, by run-",
    ] {
        let found = rest
            .find(step)
            .unwrap_or_else(|| panic!("no `{step}` in order in\n{log}"));
        rest = &rest[found + step.len()..];
    }
    shows!(
        "story",
        session
            .shown()
            .replace(&home, "[HOME]")
            .replace(&run, "run-[ID]")
    );
}

#[test]
fn a_log_is_followed_until_somebody_presses_ctrl_c() {
    let shop = Shop::new();
    let host = shop.open();
    let mut command =
        program::command(["log", "--follow", "--json", "--tool", "database", "--home"]);
    command
        .arg(shop.home())
        .stdout(std::process::Stdio::piped());
    let mut log = Running::start(&mut command);
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(log.stdout()));
    let call = |number: u32| {
        let input = json!({"query": "order", "params": {"order_id": number}}).to_string();
        let called = host.run(
            &shop.people.agent,
            &["call", "database", "lookup", &input, "--json"],
        );
        called.exits(0).json()["run"].as_str().unwrap().to_owned()
    };
    // It may begin before or after the first call; it shows each record once.
    let runs = [call(1041), call(1042)];
    let mut places = Vec::new();
    let mut ends = 0;
    while ends < 2 {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert!(runs.iter().any(|run| line["run"] == *run), "{line}");
        places.push(line["seq"].as_u64().unwrap());
        ends += u32::from(line["stage"] == "run.closed");
    }
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    assert_eq!(log.interrupt(), (0, String::new()));
}

#[test]
fn a_whole_journal_is_replayed_and_a_difference_is_an_exit_code() {
    let shop = Shop::new();
    let host = shop.open();
    for cents in [100, 200] {
        let input = refund(cents).to_string();
        host.run(&shop.people.agent, &["call", "database", "execute", &input])
            .exits(0);
    }
    let input = refund(9_900).to_string();
    host.run(&shop.people.agent, &["call", "database", "execute", &input])
        .exits(3);
    let said = shop.run(&["replay", "--all"]).exits(0);
    assert_eq!(
        said.stdout,
        "default: 3 runs; 2 identical, 0 different, 1 not replayable\n  1 not replayable: it has not ended\n"
    );
    assert_eq!(said.stderr, "", "a progress bar is for a terminal");
    let told = shop
        .run(&["replay", "--all", "--json", "--since", "1h"])
        .exits(0)
        .json();
    assert_eq!(
        (&told["identical"], &told["not_replayable"]),
        (&json!(2), &json!({"not_ended": 1}))
    );
    shop.run(&["replay", "--all", "--since", "yesterday"])
        .exits(1);
}

/// Cargo takes the workspace's own lock file and what was downloaded for it.
pub(crate) fn alone_from_the_network(connector: &Path) {
    fs::copy(workspace().join("Cargo.lock"), connector.join("Cargo.lock")).unwrap();
    fs::create_dir_all(connector.join(".cargo")).unwrap();
    fs::write(
        connector.join(".cargo/config.toml"),
        "[net]\noffline = true\n",
    )
    .unwrap();
}
