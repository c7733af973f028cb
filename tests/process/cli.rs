//! The command line, from a new connector to a verified journal, and what it
//! says when something is wrong. What people read is kept in `snapshots`; ports,
//! paths, names, digests and times are hidden there.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_tests::{component, workspace};

use crate::program::{self, Ended, Running};
use crate::shop::{MANIFEST, Shop, refund};

/// What differs from one run of the tests to the next.
pub(crate) const HIDDEN: [(&str, &str); 10] = [
    (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
    (r"\b[0-9a-f]{64}\b", "[HASH]"),
    (
        r"\b(run|apr|case|auto|que)-[0-9a-f]{8}-[0-9a-f-]{27}",
        "$1-[ID]",
    ),
    (r"tgt_\[HASH\]|tgt_[0-9a-f]{64}", "[TOKEN]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\d{5,7} bytes", "[SIZE] bytes"),
    (r#""size":\d+"#, r#""size":[SIZE]"#),
    (r"fuel \d+", "fuel [FUEL]"),
    (r"wasmtime \d+, settings [0-9a-f]{16}", "[ENGINE]"),
];

/// A folder to work in, and a record of what was typed and answered.
pub(crate) struct Session {
    pub(crate) folder: TempDir,
    said: String,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            said: String::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&mut self, arguments: &[&str]) -> Ended {
        self.run_as(None, arguments)
    }

    fn run_as(&mut self, token: Option<&str>, arguments: &[&str]) -> Ended {
        let mut command = program::command(arguments);
        command.current_dir(self.folder.path());
        if let Some(token) = token {
            command.env("TOLLGATE_TOKEN", token);
        }
        let ended = program::run(&mut command);
        self.note(arguments, &ended);
        ended
    }

    fn note(&mut self, arguments: &[&str], ended: &Ended) {
        let typed: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
        self.said
            .push_str(&format!("$ tollgate {}\n", typed.join(" ")));
        self.said.push_str(&ended.stdout);
        if !ended.stderr.is_empty() {
            self.said
                .push_str(&format!("--- standard error\n{}", ended.stderr));
        }
        self.said.push_str(&format!("[exit {}]\n\n", ended.code));
    }

    /// Everything so far, without what differs from machine to machine.
    pub(crate) fn shown(&self) -> String {
        let here = self.folder.path().canonicalize().unwrap();
        let text = self.said.replace(&here.display().to_string(), "[FOLDER]");
        let text = text.replace(&self.folder.path().display().to_string(), "[FOLDER]");
        text.replace(&workspace().display().to_string(), "[WORKSPACE]")
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", tollgate_policy::visible(word))
    }
}

macro_rules! shows {
    ($name:literal, $text:expr) => {
        let mut settings = insta::Settings::clone_current();
        for (pattern, instead) in HIDDEN {
            settings.add_filter(pattern, instead);
        }
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| assert_snapshot!($name, $text));
    };
}

pub(crate) use shows;

#[test]
fn every_command_explains_itself_with_an_example() {
    let top = program::run(&mut program::command(["--help"]))
        .exits(0)
        .stdout;
    shows!("help", &top);
    for command in commands(&top) {
        let help = program::run(&mut program::command([&command, "--help"]))
            .exits(0)
            .stdout;
        let example = help
            .split("Example:\n")
            .nth(1)
            .unwrap_or_else(|| panic!("`{command}` gives no example"));
        assert!(
            example
                .trim_start()
                .starts_with(&format!("tollgate {command}")),
            "{help}"
        );
        if command != "help" {
            let text = help;
            let mut settings = insta::Settings::clone_current();
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.bind(|| assert_snapshot!(format!("help_{command}"), text));
        }
    }
}

/// Names in the list of commands.
fn commands(help: &str) -> Vec<String> {
    let list = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let names: Vec<_> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(first)
        .collect();
    names.into_iter().filter(|name| name != "help").collect()
}

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
fn every_answer_is_json_when_asked_for() {
    let mut session = Session::new();
    let sdk = workspace().join("sdk");
    let made = session
        .run(&["new", "greeter", "--json", "--sdk", sdk.to_str().unwrap()])
        .exits(0)
        .json();
    assert_eq!(made["files"].as_array().unwrap().len(), 5);
    let shop = Shop::new();
    let host = shop.open();
    let (agent, mira) = (&shop.people.agent, &shop.people.mira);
    let input = refund(100).to_string();
    let call = host
        .run(agent, &["call", "database", "execute", &input, "--json"])
        .exits(0)
        .json();
    assert_eq!(call["state"], "done");
    let run = call["run"].as_str().unwrap();
    assert_eq!(
        host.run(agent, &["show", run, "--json"]).exits(0).json(),
        call
    );
    let records = shop
        .run(&["log", "--run", run, "--json"])
        .exits(0)
        .json_lines();
    let stages: Vec<_> = records
        .iter()
        .map(|record| record["stage"].as_str().unwrap())
        .collect();
    assert_eq!(stages.first(), Some(&"run.opened"));
    assert_eq!(stages.last(), Some(&"run.closed"));
    assert_eq!(
        shop.run(&["log", "--after", "1000000", "--json"])
            .exits(0)
            .stdout,
        ""
    );
    let replay = shop.run(&["replay", run, "--json"]).exits(0).json();
    assert_eq!(
        (&replay["identical"], &replay["run"]),
        (&json!(true), &json!(run))
    );
    assert_eq!(
        shop.run(&["verify", "--json"]).exits(0).json()["tenant"],
        "default"
    );
    let plan = host
        .run(mira, &["undo", run, "--plan", "--json"])
        .exits(0)
        .json();
    assert_eq!(plan["outcome"], "planned", "{plan}");
    assert_eq!(shop.refunds(), 1);
    let undone = host.run(mira, &["undo", run, "--json"]).exits(0).json();
    assert_eq!(undone["outcome"], "undone", "{undone}");
    assert_eq!(shop.refunds(), 0);
    let held = host
        .run(
            agent,
            &[
                "call",
                "database",
                "execute",
                &refund(9_900).to_string(),
                "--json",
            ],
        )
        .exits(3)
        .json();
    let id = held["pending"]["approval"].as_str().unwrap();
    let denied = host
        .run(mira, &["deny", id, "--reason", "never paid", "--json"])
        .exits(0)
        .json();
    assert_eq!(denied["state"], "denied");
    host.run(agent, &["show", held["run"].as_str().unwrap(), "--json"])
        .exits(4);
    let component = component("plugins/database").path.display().to_string();
    let inspected = program::run(&mut program::command(["inspect", &component, "--json"]))
        .exits(0)
        .json();
    assert_eq!(inspected["profile"], "sealed");
    let made = shop
        .run(&["principal", "lea", "--kind", "person", "--json"])
        .exits(0)
        .json();
    assert!(made["token"].as_str().unwrap().starts_with("tgt_"));
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

#[test]
fn a_setting_that_is_not_known_stops_the_host_and_no_password_is_said() {
    let shop = Shop::new();
    let settings = shop.home().join("tollgate.toml");
    fs::write(&settings, "").unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&settings, private).unwrap();
    fs::write(
        &settings,
        "[store]\nurl = \"postgres://u:geheim@127.0.0.1:1/d\"\nurls = 1\n",
    )
    .unwrap();
    let said = shop.run(&["verify"]).exits(1).stderr;
    assert!(
        said.contains("tollgate.toml:3:1: unknown field `urls`"),
        "{said}"
    );
    fs::write(
        &settings,
        "[store]\nurl = \"postgres://u:geheim@127.0.0.1:1/d\"\n",
    )
    .unwrap();
    let unreached = shop.run(&["verify"]).exits(1).stderr;
    let typed = shop
        .run(&["verify", "--store", "mysql://u:geheim@h/d"])
        .exits(1)
        .stderr;
    assert!(
        typed.contains("use `postgres://…` or `sqlite:PATH`"),
        "{typed}"
    );
    for said in [said, unreached, typed] {
        assert!(!said.contains("geheim"), "{said}");
    }
    // Relative to the home; a folder without keys is still no home.
    fs::write(&settings, "[store]\nurl = \"sqlite:tollgate.db\"\n").unwrap();
    shop.run(&["verify"]).exits(0);
    let mut elsewhere = program::command(["verify", "--store", "sqlite:x.db", "--home", "nowhere"]);
    let said = program::run(elsewhere.current_dir(shop.home()))
        .exits(1)
        .stderr;
    assert!(said.contains("is no home of a host"), "{said}");
}

#[test]
fn a_secret_is_set_listed_and_removed_and_never_shown() {
    let shop = Shop::new();
    fs::write(
        shop.home().join("tollgate.toml"),
        "[[secret]]\nname = \"desk-token\"\norigin = \"https://desk.example\"\nheader = \"authorization\"\nstore = true\n",
    )
    .unwrap();
    let missing = shop.run(&["secret", "list"]).exits(1).stdout;
    assert!(missing.contains("is not there"), "{missing}");
    let set = |value: &str, name: &str| {
        let mut command = program::command(["secret", "set", name, "--home"]);
        program::run_with_input(command.arg(shop.home()), value.as_bytes())
    };
    let set_it = set("canary-of-the-cli\n", "desk-token").exits(0);
    let short = set("canary\n", "desk-token").exits(1);
    assert!(short.stderr.contains("fewer than 8 bytes"), "{short:?}");
    let unnamed = set("canary-of-the-cli", "../desk-token").exits(1);
    let listed = shop.run(&["secret", "list"]).exits(0);
    assert!(listed.stdout.contains("can be read"), "{listed:?}");
    let json = shop.run(&["secret", "list", "--json"]).exits(0);
    let one = json.json()["secrets"][0].take();
    assert_eq!(one["name"], "desk-token");
    assert_eq!(one["place"], "the header `authorization`");
    assert_eq!(one["problem"], serde_json::Value::Null);
    let sealed = fs::read(shop.home().join("secrets/default/desk-token")).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains("canary"));
    let removed = shop.run(&["secret", "remove", "desk-token"]).exits(0);
    let again = shop.run(&["secret", "remove", "desk-token"]).exits(1);
    for said in [set_it, short, unnamed, listed, json, removed, again] {
        assert!(!format!("{said:?}").contains("canary"), "{said:?}");
    }
}

#[test]
fn mistakes_on_the_command_line_are_explained() {
    let shop = Shop::new();
    let host = shop.open();
    let mut session = Session::new();
    let url = host.url.clone();
    let agent = shop.people.agent.clone();
    session.run(&["instal"]).exits(2);
    session.run(&["call"]).exits(2);
    session.run(&["serve", "--stdio"]).exits(2);
    session.run(&["pending", "--url", &url]).exits(1);
    session
        .run(&["pending", "--url", &url, "--token-file", "nothing.token"])
        .exits(1);
    session
        .run_as(Some("tgt_wrong"), &["pending", "--url", &url])
        .exits(4);
    for (input, code) in [
        ("{", 1),
        (r#"{"n": 9007199254740993}"#, 1),
        (r#"{"a":1,"a":2}"#, 1),
        ("[]", 1),
    ] {
        session
            .run_as(
                Some(&agent),
                &["call", "database", "lookup", input, "--url", &url],
            )
            .exits(code);
    }
    session
        .run_as(Some(&agent), &["call", "database", "lokup", "--url", &url])
        .exits(1);
    session
        .run_as(Some(&agent), &["call", "databse", "lookup", "--url", &url])
        .exits(1);
    session
        .run_as(
            Some(&agent),
            &[
                "call",
                "database",
                "query",
                r#"{"database":"orders","statement":"SELECT 1"}"#,
                "--url",
                &url,
            ],
        )
        .exits(4);
    session
        .run_as(Some(&agent), &["show", "run-nothing", "--url", &url])
        .exits(1);
    let gone = free_address();
    session
        .run_as(
            Some(&agent),
            &["show", "run-nothing", "--url", &format!("http://{gone}")],
        )
        .exits(5);
    for command in ["verify", "log"] {
        session.run(&[command, "--home", "no-such-home"]).exits(1);
    }
    assert!(
        !session.path("no-such-home").exists(),
        "looking made a host"
    );
    let home = shop.home().display().to_string();
    session
        .run(&["replay", "run-nothing", "--home", &home])
        .exits(1);
    session.run(&["new", "Greeter"]).exits(1);
    for name in ["", "mira/x", "mira\u{202e}"] {
        session
            .run(&["principal", name, "--kind", "person", "--home", &home])
            .exits(1);
    }
    session.run(&["build", "nowhere"]).exits(1);
    shows!("mistakes", session.shown().replace(&home, "[HOME]"));
}

#[test]
fn what_is_no_connector_is_not_installed() {
    let mut session = Session::new();
    let good = component("plugins/database");
    let file = good.path.display().to_string();
    let pinned = tollgate_tests::pinned(MANIFEST, &good);
    let manifest =
        |session: &Session, name: &str, text: &str| fs::write(session.path(name), text).unwrap();
    manifest(&session, "good.toml", &pinned);
    manifest(&session, "other.toml", MANIFEST);
    manifest(
        &session,
        "typo.toml",
        &pinned
            .replace("max_rows = 100", "max_rwos = 100")
            .replace("deadline = \"10s\"", "deadline = \"10 parsecs\""),
    );
    manifest(
        &session,
        "broken.toml",
        "connector = \"database\ncomponent = ",
    );
    manifest(&session, "ungranted.toml", &without_grant(&pinned));
    manifest(&session, "no-pin.toml", "connector = \"database\"\n");
    fs::write(session.path("notes.txt"), "not a component\n").unwrap();
    fs::write(
        session.path("core.wasm"),
        wat::parse_str("(module)").unwrap(),
    )
    .unwrap();
    fs::write(
        session.path("empty.wasm"),
        wat::parse_str("(component)").unwrap(),
    )
    .unwrap();
    let mut refused = |manifest: &str, component: &str, pin: bool| {
        let mut arguments = vec!["install", manifest, component, "--home", "home"];
        if pin {
            arguments.push("--pin");
        }
        session.run(&arguments).exits(1);
    };
    for component in ["notes.txt", "core.wasm", "empty.wasm", "missing.wasm"] {
        refused("good.toml", component, false);
    }
    refused("no-pin.toml", "core.wasm", true);
    refused("other.toml", &file, false);
    refused("typo.toml", &file, false);
    refused("broken.toml", &file, false);
    refused("ungranted.toml", &file, false);
    refused("missing.toml", &file, false);
    session.run(&["inspect", "notes.txt"]).exits(1);
    session.run(&["inspect", "core.wasm"]).exits(1);
    // A manifest that was refused keeps what it pinned.
    assert_eq!(
        fs::read_to_string(session.path("no-pin.toml")).unwrap(),
        "connector = \"database\"\n"
    );
    shows!("not_installed", session.shown());
}

#[test]
fn one_home_is_served_once_and_a_port_too() {
    let mut session = Session::new();
    let shop = Shop::new();
    let home = shop.home().display().to_string();
    let host = shop.open();
    let port = host.url.trim_start_matches("http://").to_owned();
    session
        .run(&["serve", "--listen", "127.0.0.1:0", "--home", &home])
        .exits(1);
    session
        .run(&["serve", "--listen", &port, "--home", "other"])
        .exits(1);
    assert!(
        !session.path("other").exists(),
        "a host that cannot listen makes no home"
    );
    // The one that serves is not disturbed, and the home is free when it ends.
    let lookup = [
        "call",
        "database",
        "lookup",
        r#"{"query":"order","params":{"order_id":1042}}"#,
        "--json",
    ];
    host.run(&shop.people.agent, &lookup).exits(0);
    host.process.kill();
    assert_eq!(shop.open().process.stop(), 0);
    fs::write(session.path("a-file"), "x").unwrap();
    session
        .run(&["serve", "--listen", "127.0.0.1:0", "--home", "a-file"])
        .exits(1);
    session
        .run(&["serve", "--listen", "127.0.0.1:0", "--home", "a-file/below"])
        .exits(1);
    broken_keys(&shop);
    session
        .run(&["serve", "--listen", "127.0.0.1:0", "--home", &home])
        .exits(1);
    shows!("not_served", session.shown().replace(&home, "[HOME]"));
}

#[test]
fn what_is_installed_meanwhile_is_callable_without_a_restart() {
    let session = Session::new();
    let home = session.path("home");
    let home = home.to_str().unwrap();
    let token = program::run(&mut program::command([
        "principal",
        "desk-agent",
        "--kind",
        "agent",
        "--home",
        home,
    ]))
    .exits(0);
    let mut host = Running::start(&mut program::command([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--home",
        home,
    ]));
    let url = host.url();
    let mut call = program::command([
        "call",
        "greeter",
        "greet",
        r#"{"name":"Mira"}"#,
        "--url",
        &url,
    ]);
    call.env("TOLLGATE_TOKEN", token.stdout.trim());
    program::run(&mut call).exits(1);
    let greeter = component("tests/guests/greeter");
    let manifest = session.path("greeter.toml");
    let text =
        "connector = \"greeter\"\n[[rule]]\nname = \"all\"\ntool = \"greet\"\nthen = \"allow\"\n";
    fs::write(&manifest, tollgate_tests::pinned(text, &greeter)).unwrap();
    let install = [
        Path::new("install"),
        &manifest,
        &greeter.path,
        Path::new("--home"),
        Path::new(home),
    ];
    program::run(&mut program::command(install)).exits(0);
    // It looks every now and then; each try is a process of its own.
    let called = (0..1_000).any(|_| program::run(&mut call).code == 0);
    assert!(called, "it is not loaded");
    assert_eq!(host.stop(), 0);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let shop = Shop::new();
    let mut command = program::command(["log", "--home"]);
    command
        .arg(shop.home())
        .stdout(std::process::Stdio::piped());
    let mut log = Running::start(&mut command);
    // Gone before anything is written.
    drop(log.stdout());
    let (code, said) = log.wait();
    assert_eq!((code, said.as_str()), (0, ""));
}

#[test]
fn a_name_from_an_agents_text_makes_no_other_request() {
    let shop = Shop::new();
    let host = shop.open();
    for name in [
        "../tools",
        "x/../../tools",
        "%2e%2e",
        "a?b",
        "",
        "a b",
        "run-1#",
    ] {
        for arguments in [["show", name], ["undo", name], ["approve", name]] {
            let ended = host.run(&shop.people.mira, &arguments).exits(1);
            assert!(ended.stderr.contains("is no name of"), "{name}: {ended:?}");
        }
    }
}

#[test]
fn a_home_is_closed_to_other_accounts() {
    use std::os::unix::fs::PermissionsExt as _;
    let session = Session::new();
    let made = session.path("made");
    program::run(program::command(["principal", "mira", "--kind", "person", "--home"]).arg(&made))
        .exits(0);
    for folder in [made.clone(), made.join("keys")] {
        assert_eq!(
            fs::metadata(&folder).unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            folder.display()
        );
    }
    for key in fs::read_dir(made.join("keys")).unwrap() {
        let key = key.unwrap();
        assert_eq!(
            key.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{:?}",
            key.path()
        );
    }
}

#[test]
fn an_input_can_come_from_standard_input() {
    let shop = Shop::new();
    let host = shop.open();
    let mut command = program::command([
        "call", "database", "lookup", "-", "--json", "--url", &host.url,
    ]);
    let input = br#"{"query":"order","params":{"order_id":1041}}"#;
    let found = program::run_with_input(command.env("TOLLGATE_TOKEN", &shop.people.agent), input)
        .exits(0)
        .json();
    assert_eq!(found["output"]["rows"][0]["customer"], "Okafor");
    // A token may be in a file.
    let file = shop.home().join("agent.token");
    fs::write(&file, format!("{}\n", shop.people.agent)).unwrap();
    let mut command = program::command([
        "call",
        "database",
        "statements",
        "--json",
        "--url",
        &host.url,
        "--token-file",
    ]);
    let listed: Value = program::run(command.arg(&file)).exits(0).json();
    assert_eq!(listed["output"]["statements"][0]["name"], "refund");
}

/// Cargo takes the workspace's own lock file and what was downloaded for it.
fn alone_from_the_network(connector: &Path) {
    fs::copy(workspace().join("Cargo.lock"), connector.join("Cargo.lock")).unwrap();
    fs::create_dir_all(connector.join(".cargo")).unwrap();
    fs::write(
        connector.join(".cargo/config.toml"),
        "[net]\noffline = true\n",
    )
    .unwrap();
}

/// The same manifest with the grant of the database taken out.
fn without_grant(manifest: &str) -> String {
    let mut inside = false;
    let keep = |line: &&str| {
        if line.starts_with('[') {
            inside = line.contains("grant.sql");
        }
        !inside
    };
    manifest
        .lines()
        .filter(keep)
        .map(|line| format!("{line}\n"))
        .collect()
}

fn broken_keys(shop: &Shop) {
    for key in fs::read_dir(shop.home().join("keys")).unwrap() {
        fs::write(key.unwrap().path(), "not a key ring").unwrap();
    }
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap().to_owned()
}

fn approval_in(text: &str) -> String {
    text.split("tollgate approve ")
        .nth(1)
        .unwrap()
        .trim()
        .to_owned()
}

/// An address where nobody listens: one that was just free.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}
