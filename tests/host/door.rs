//! No import without a door. Every function that any of the host's linkers
//! takes is found by trying: a component that imports just that one either
//! links or does not. What links has to be in the contract, or on the list
//! below of what the wasi profile has, with the reason why it may.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tollgate_policy::Digest;
use tollgate_runtime::{InstallError, RunState, SandboxError};
use tollgate_tests::{component, named, workspace};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{InterfaceId, ManglingAndAbi, Resolve};

use crate::house::{House, failure, hostile_manifest, output};

/// The reviewed functions of WASI, by what makes each of them harmless.
const REVIEWED: &[(&str, &[&str])] = &[
    (
        "a record at the door",
        &[
            "wasi:clocks/monotonic-clock#now",
            "wasi:clocks/monotonic-clock#subscribe-duration",
            "wasi:clocks/monotonic-clock#subscribe-instant",
            "wasi:clocks/wall-clock#now",
            "wasi:random/insecure#get-insecure-random-bytes",
            "wasi:random/insecure#get-insecure-random-u64",
            "wasi:random/insecure-seed#insecure-seed",
            "wasi:random/random#get-random-bytes",
            "wasi:random/random#get-random-u64",
            "wasi:io/streams#[method]output-stream.blocking-write-and-flush",
            "wasi:io/streams#[method]output-stream.blocking-write-zeroes-and-flush",
            "wasi:io/streams#[method]output-stream.write",
            "wasi:io/streams#[method]output-stream.write-zeroes",
        ],
    ),
    (
        "the same answer on every call",
        &[
            "wasi:cli/environment#get-arguments",
            "wasi:cli/environment#get-environment",
            "wasi:cli/environment#initial-cwd",
            "wasi:cli/stderr#get-stderr",
            "wasi:cli/stdin#get-stdin",
            "wasi:cli/stdout#get-stdout",
            "wasi:cli/terminal-stderr#get-terminal-stderr",
            "wasi:cli/terminal-stdin#get-terminal-stdin",
            "wasi:cli/terminal-stdout#get-terminal-stdout",
            "wasi:clocks/monotonic-clock#resolution",
            "wasi:clocks/wall-clock#resolution",
        ],
    ),
    (
        "ends the guest",
        &["wasi:cli/exit#exit", "wasi:cli/exit#exit-with-code"],
    ),
    (
        "only of streams above: standard input is at its end, outputs take lines",
        &[
            "wasi:io/error#[method]error.to-debug-string",
            "wasi:io/poll#[method]pollable.block",
            "wasi:io/poll#[method]pollable.ready",
            "wasi:io/poll#poll",
            "wasi:io/streams#[method]input-stream.blocking-read",
            "wasi:io/streams#[method]input-stream.blocking-skip",
            "wasi:io/streams#[method]input-stream.read",
            "wasi:io/streams#[method]input-stream.skip",
            "wasi:io/streams#[method]input-stream.subscribe",
            "wasi:io/streams#[method]output-stream.blocking-flush",
            "wasi:io/streams#[method]output-stream.blocking-splice",
            "wasi:io/streams#[method]output-stream.check-write",
            "wasi:io/streams#[method]output-stream.flush",
            "wasi:io/streams#[method]output-stream.splice",
            "wasi:io/streams#[method]output-stream.subscribe",
        ],
    ),
];

/// Interfaces of other hosts, which this one must not know.
const FOREIGN: &str = r#"
package foreign:all;
package wasi:http@0.2.12 { interface outgoing-handler { handle: func(url: string); } }
package wasi:keyvalue@0.2.0 { interface store { open: func(name: string); } }
package wasi:config@0.2.0 { interface store { get: func(key: string) -> option<string>; } }
package wasi:nn@0.2.0 { interface graph { load: func(name: string); } }
package wasi:logging@0.1.0 { interface logging { log: func(line: string); } }
package wasi:threads@0.2.0 { interface threads { spawn: func(argument: u32) -> u32; } }
"#;

/// Where this build's `wasmtime-wasi` has the interfaces it can link.
fn wasi_wit() -> PathBuf {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let answer = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--offline",
            "--filter-platform",
        ])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .arg("--manifest-path")
        .arg(workspace().join("Cargo.toml"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&answer.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let wasi = packages
        .iter()
        .find(|package| package["name"] == "wasmtime-wasi")
        .unwrap();
    let manifest = PathBuf::from(wasi["manifest_path"].as_str().unwrap());
    manifest.with_file_name("src").join("p2/wit/deps")
}

fn everything() -> Resolve {
    let mut resolve = Resolve::default();
    resolve.push_dir(workspace().join("wit")).unwrap();
    let deps = wasi_wit();
    for name in ["io", "clocks", "random", "cli", "filesystem", "sockets"] {
        // The command line's world names all the others, so they come first.
        if name != "cli" {
            let text = std::fs::read_to_string(deps.join(format!("{name}.wit"))).unwrap();
            resolve.push_str(format!("{name}.wit"), &text).unwrap();
        }
    }
    let text = std::fs::read_to_string(deps.join("cli.wit")).unwrap();
    resolve.push_str("cli.wit", &text).unwrap();
    resolve.push_str("foreign.wit", FOREIGN).unwrap();
    resolve
}

/// `wasi:io/streams` for `wasi:io/streams@0.2.12`.
fn without_version(name: &str) -> String {
    name.split('@').next().unwrap().to_owned()
}

/// Interfaces of a namespace, by full name, with their functions.
fn interfaces(resolve: &Resolve, namespace: &str) -> BTreeMap<String, (InterfaceId, Vec<String>)> {
    let mut found = BTreeMap::new();
    for (id, interface) in resolve.interfaces.iter() {
        let package = &resolve.packages[interface.package.unwrap()].name;
        if package.namespace == namespace {
            let name = resolve.id_of(id).unwrap();
            found.insert(name, (id, interface.functions.keys().cloned().collect()));
        }
    }
    found
}

/// A component that imports one function of one interface (or the interface's
/// types alone), and exports tools that trap.
fn importing(resolve: &Resolve, interface: &str, function: Option<&str>) -> Vec<u8> {
    let mut resolve = resolve.clone();
    let text = format!(
        "package test:one;\nworld one {{\n  import {interface};\n  export tollgate:connector/tools@0.1.0;\n}}\n"
    );
    let package = resolve.push_str("one.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("one")).unwrap();
    let names: Vec<(InterfaceId, Option<String>)> = resolve
        .interfaces
        .iter()
        .map(|(id, _)| (id, resolve.id_of(id)))
        .collect();
    for (id, name) in names {
        let name = name.unwrap();
        if name == interface {
            resolve.interfaces[id]
                .functions
                .retain(|found, _| Some(found.as_str()) == function);
        } else if name != "tollgate:connector/tools@0.1.0" {
            resolve.interfaces[id].functions.clear();
        }
    }
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .encode()
        .unwrap()
}

/// What the hostile guest has no use for: every capability is to be linked.
const MORE_GRANTS: &str = r#"
[grant.handoff.people]

[grant.mail.office]
server = "smtp.example:587"
tls = "starttls"
from = "desk@example.com"
to = ["*@example.com"]
"#;

/// Whether a host of this profile links a component: its tools trap, so the
/// install fails either way, and the reason tells.
async fn links(house: &House, profile: &str, component: &[u8]) -> Result<(), String> {
    let manifest = hostile_manifest("", MORE_GRANTS).replace(
        "component = \"here\"",
        &format!(
            "component = \"{}\"\nprofile = \"{profile}\"",
            Digest::of(component)
        ),
    );
    match house
        .host
        .install("m", &manifest, component, "operator")
        .await
    {
        Ok(_) => panic!("a component whose `describe` traps was installed"),
        Err(InstallError::Sandbox(SandboxError::Describe(_))) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_is_linked_in_both_profiles_no_more_and_no_less() {
    let house = House::new().await;
    let resolve = everything();
    let mut contract = BTreeSet::new();
    for (name, (_, functions)) in interfaces(&resolve, "tollgate") {
        if ["tools", "types"]
            .iter()
            .any(|own| name.contains(&format!("/{own}@")))
        {
            continue;
        }
        for function in functions {
            let one = importing(&resolve, &name, Some(&function));
            for profile in ["sealed", "wasi"] {
                let linked = links(&house, profile, &one).await;
                assert_eq!(linked, Ok(()), "{profile}: {name}#{function}");
            }
            contract.insert(format!("{name}#{function}"));
        }
    }
    assert_eq!(contract.len(), 19, "{contract:?}");
    let [sealed, wasi] = house.host.offered_imports().map(|offered| {
        let names = offered
            .into_iter()
            .map(|(interface, function)| format!("{interface}#{function}"));
        names.collect::<BTreeSet<String>>()
    });
    assert_eq!(sealed, contract);
    let more: Vec<&String> = wasi.difference(&contract).collect();
    assert_eq!(more, ["wasi:random/insecure-seed@0.2.6#insecure-seed"]);
    assert!(contract.is_subset(&wasi));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_beside_the_contract_is_not_linked() {
    let house = House::new().await;
    let resolve = everything();
    for (name, (id, functions)) in interfaces(&resolve, "tollgate") {
        let Some(known) = functions.first().filter(|_| !name.contains("/tools@")) else {
            continue;
        };
        let mut more = resolve.clone();
        let mut function = more.interfaces[id].functions[known].clone();
        function.name = "evil".to_owned();
        more.interfaces[id]
            .functions
            .insert("evil".to_owned(), function);
        for profile in ["sealed", "wasi"] {
            let refused = links(&house, profile, &importing(&more, &name, Some("evil"))).await;
            assert!(refused.unwrap_err().contains("evil"), "{profile}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_function_of_wasi_that_links_was_reviewed_and_none_links_sealed() {
    let house = House::new().await;
    let resolve = everything();
    let reviewed: BTreeSet<String> = REVIEWED
        .iter()
        .flat_map(|(_, functions)| functions.iter().map(|name| (*name).to_owned()))
        .collect();
    let mut linked = BTreeSet::new();
    let mut refused = BTreeSet::new();
    for (name, (_, functions)) in interfaces(&resolve, "wasi") {
        for function in &functions {
            let one = importing(&resolve, &name, Some(function));
            let sealed = links(&house, "sealed", &one).await.unwrap_err();
            assert!(
                sealed.contains("profile = \"wasi\""),
                "{name}#{function}: {sealed}"
            );
            let place = format!("{}#{function}", without_version(&name));
            match links(&house, "wasi", &one).await {
                Ok(()) => linked.insert(place),
                Err(_) => refused.insert(place),
            };
        }
    }
    let unreviewed: Vec<&String> = linked.difference(&reviewed).collect();
    let missing: Vec<&String> = reviewed.difference(&linked).collect();
    assert!(
        unreviewed.is_empty() && missing.is_empty(),
        "not reviewed: {unreviewed:#?}\ndo not link: {missing:#?}"
    );
    for package in [
        "wasi:filesystem/",
        "wasi:sockets/",
        "wasi:http/",
        "wasi:keyvalue/",
        "wasi:threads/",
    ] {
        assert!(
            refused.iter().any(|place| place.starts_with(package)),
            "{package} was not tried"
        );
        assert!(
            !linked.iter().any(|place| place.starts_with(package)),
            "{package} links"
        );
    }
}

async fn probe(limits: &str, more: &str) -> House {
    let house = House::new().await;
    let manifest = format!(
        "connector = \"probe\"\ncomponent = \"here\"\nprofile = \"wasi\"\n[limits]\n{limits}\n{more}\n[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n"
    );
    house
        .install(&manifest, &component("tests/guests/wasi-probe"))
        .await;
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wasi_tells_a_guest_is_in_the_journal_and_the_rest_is_constant() {
    let house = probe("", "").await;
    let first = house.call_of("probe", "look", json!({})).await;
    let lines = house.log(&first.run).await;
    let calls: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.facts["call"].as_str())
        .collect();
    for (call, at_least) in [
        ("clock.now", 3),
        ("random.bytes", 1),
        ("random.insecure_seed", 1),
        ("log.emit", 2),
    ] {
        let found = calls.iter().filter(|found| **found == call).count();
        assert!(found >= at_least, "{call}: {calls:?}");
    }
    let text = serde_json::to_string(&lines).unwrap();
    assert!(text.contains("stdout: a line to standard output"));
    assert!(text.contains("stderr: a line to standard error"));
    let replay = house
        .host
        .replay(&named("default"), &first.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);

    let first = output(first);
    let second = output(house.call_of("probe", "look", json!({})).await);
    assert_eq!(first["wall"], crate::house::AT.to_string());
    assert_eq!(first["steady_nanos"], "0");
    for changing in ["random", "hash"] {
        assert_ne!(first[changing], second[changing]);
    }
    for (constant, value) in [
        ("arguments", json!([])),
        ("environment", json!([])),
        ("terminals", json!([false, false, false])),
    ] {
        assert_eq!(first[constant], value, "{constant}");
    }
    assert!(
        first["stdin"].as_str().unwrap().starts_with("\"\""),
        "{first}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_or_randomness_that_is_not_granted_ends_a_guest_that_cannot_be_told_so() {
    for grant in ["clock = false", "random = false"] {
        let house = probe("", &format!("[grant]\n{grant}")).await;
        let report = house.call_of("probe", "look", json!({})).await;
        assert_ne!(report.state, RunState::Done, "{report:?}");
        assert!(report.output.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_exits_panics_or_sleeps_ends_its_own_run_only() {
    let house = probe("deadline = \"1s\"", "").await;
    let exits = house.call_of("probe", "exits", json!({})).await;
    assert_eq!(failure(&exits).0, "connector_fault");
    let panics = house.call_of("probe", "panics", json!({})).await;
    let (kind, message) = failure(&panics);
    assert_eq!(kind, "connector_fault");
    assert!(message.contains("out of bounds"), "{message}");
    let sleeping = house
        .call_of("probe", "tries_to_sleep_past_its_deadline", json!({}))
        .await;
    let (kind, message) = failure(&sleeping);
    assert_eq!(kind, "limited");
    assert!(message.contains("`deadline`"), "{message}");
    assert_eq!(
        house.call_of("probe", "look", json!({})).await.state,
        RunState::Done
    );
}
