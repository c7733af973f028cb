//! The compiler is fed with hostile bytes, and its answer is run as native code.

use std::fs;
use std::path::PathBuf;

use crate::program;
use crate::shop::Shop;

const COMPILE: [&str; 1] = ["compile-component"];

#[test]
fn the_compiler_refuses_what_is_no_component() {
    let module = wat::parse_str("(module (func (export \"f\")))").unwrap();
    let garbage: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    let mut cut = tollgate_tests::component("plugins/database").bytes.clone();
    cut.truncate(cut.len() / 2);
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("text", b"#!/bin/sh\necho hello\n"),
        ("a magic number alone", b"\0asm"),
        ("noise", &garbage),
        ("a core module", &module),
        ("half a component", &cut),
    ] {
        let ended = program::run_with_input(&mut program::command(COMPILE), bytes);
        assert_eq!(ended.code, 1, "{what}: {}", ended.stderr);
        assert!(ended.stdout.is_empty(), "{what}: native code came out");
        assert!(
            ended.stderr.starts_with("error: "),
            "{what}: {}",
            ended.stderr
        );
        assert!(
            !ended.stderr.contains("panicked"),
            "{what}: {}",
            ended.stderr
        );
    }
}

#[test]
fn the_compiler_bounds_itself_before_it_reads() {
    let mut process = program::Running::start(
        program::command(COMPILE)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped()),
    );
    let mut stdin = process.stdin();
    // More than a pipe holds: when this is written, the compiler is reading.
    std::io::Write::write_all(&mut stdin, &vec![0; 1 << 20]).unwrap();
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    for (limit, value) in [
        ("Max address space", "4294967296"),
        ("Max cpu time", "300"),
        ("Max core file size", "0"),
        ("Max file size", "0"),
        ("Max open files", "16"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(limit)).unwrap();
        let (soft, hard) = {
            let mut words = line[limit.len()..].split_whitespace();
            (words.next().unwrap(), words.next().unwrap())
        };
        assert_eq!((soft, hard), (value, value), "{line}");
    }
    drop(stdin);
    let stdout = process.stdout();
    assert!(program::rest_of(stdout).is_empty());
    assert_eq!(process.wait().0, 1);
}

#[test]
fn a_cached_file_that_was_changed_is_compiled_again() {
    let shop = Shop::new();
    let file = cached(&shop);
    let good = fs::read(&file).unwrap();
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut changed = good.clone();
        changed[at] ^= 1;
        tampered(&shop, &file, &changed, &format!("byte {at}"));
        assert_eq!(fs::read(&file).unwrap().len(), good.len());
        assert_ne!(fs::read(&file).unwrap(), changed);
    }
    tampered(&shop, &file, &good[..good.len() - 32], "without its code");
    // An authentic one is used as it is.
    let ended = shop.run(&["verify"]).exits(0);
    assert!(!ended.stderr.contains("not authentic"), "{}", ended.stderr);
}

#[test]
fn code_of_another_home_is_not_authentic_here() {
    let (shop, other) = (Shop::new(), Shop::new());
    // Another key ring: the same file does not count any more.
    let ring = fs::read_dir(other.home().join("keys"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    fs::remove_file(&ring).unwrap();
    let ended = other.run(&["verify"]);
    assert!(ended.stderr.contains("not authentic"), "{ended:?}");
    let untouched = shop.run(&["verify"]).exits(0);
    assert!(!untouched.stderr.contains("not authentic"));
}

fn tampered(shop: &Shop, file: &PathBuf, bytes: &[u8], what: &str) {
    fs::write(file, bytes).unwrap();
    let mut host = shop.open();
    let warning = host.process.hear("is not authentic; compiling again");
    assert!(warning.contains("WARN"), "{what}: {warning}");
    let found = host.run(
        &shop.people.agent,
        &[
            "call",
            "database",
            "lookup",
            r#"{"query":"order","params":{"order_id":1042}}"#,
            "--json",
        ],
    );
    assert_eq!(
        found.exits(0).json()["output"]["rows"][0]["customer"],
        "Lindqvist",
        "{what}"
    );
    assert_eq!(host.process.stop(), 0);
}

fn cached(shop: &Shop) -> PathBuf {
    let mut files = fs::read_dir(shop.home().join("cache"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = files
        .find(|path| path.extension().is_some_and(|end| end == "code"))
        .unwrap();
    assert!(files.next().is_none(), "one connector is installed");
    file
}
