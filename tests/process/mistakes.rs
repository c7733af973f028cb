//! What the command line says when something is wrong.

use std::fs;

use tollgate_tests::component;

use crate::program::{self};
use crate::session::{Session, shows};
use crate::shop::{MANIFEST, Shop};

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

/// An address where nobody listens: one that was just free.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
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
