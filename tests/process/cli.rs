//! Every command: its help, its answers as JSON, its streams and its files.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::{Value, json};
use tollgate_tests::{component, workspace};

use crate::program::{self, Running};
pub(crate) use crate::session::{Session, shows};
use crate::shop::{Shop, refund};

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
