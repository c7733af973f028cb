//! Components from strangers: each kind of wrong file has its own answer, and
//! no bytes make the reader panic.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use proptest::prelude::*;
use tollgate_package::{COMPONENT_BYTES_MAX, PackageError, embed, inspect, inspect_for};
use tollgate_policy::{Profile, Request};

/// A component that imports these instances and exports these, by name. Each
/// instance has one function `run` without parameters.
fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let import = |name: &&str| format!("(import \"{name}\" (instance (export \"run\" (func))))");
    let export = |name: &&str| {
        format!(
            "(component $c{id} (core module $m (func (export \"run\")))
               (core instance $i (instantiate $m))
               (func (export \"run\") (canon lift (core func $i \"run\"))))
             (instance $e{id} (instantiate $c{id}))
             (export \"{name}\" (instance $e{id}))",
            id = name.len(),
        )
    };
    let imports: String = imports.iter().map(import).collect();
    let exports: String = exports.iter().map(export).collect();
    wat::parse_str(format!("(component {imports} {exports})")).unwrap()
}

const TOOLS: &str = "tollgate:connector/tools@0.1.0";

fn request(imports: &[&str]) -> Request {
    Request {
        imports: imports.iter().map(|import| (*import).to_owned()).collect(),
        profile: Profile::Sealed,
        tools: Vec::new(),
        sdk: "tollgate-sdk 0.1.0".into(),
    }
}

#[test]
fn imports_are_named_by_capability_and_function() {
    let bytes = component(
        &[
            "tollgate:connector/sql@0.1.0",
            "wasi:clocks/wall-clock@0.2.6",
        ],
        &[TOOLS],
    );
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(
        inspection.imports,
        ["sql.run", "wasi:clocks/wall-clock@0.2.6"]
    );
    assert_eq!(inspection.profile, Profile::Wasi);
    assert!(inspection.request.is_none());
}

#[test]
fn other_files_are_told_apart() {
    let module = wat::parse_str("(module)").unwrap();
    assert!(matches!(inspect(b""), Err(PackageError::NotWasm)));
    assert!(matches!(inspect(b"PK\x03\x04"), Err(PackageError::NotWasm)));
    assert!(matches!(
        inspect(b"\0asm"),
        Err(PackageError::Malformed { .. })
    ));
    assert!(matches!(inspect(&module), Err(PackageError::CoreModule)));
    assert!(matches!(
        inspect(&component(&[], &[])),
        Err(PackageError::NoTools)
    ));
    let other = component(&[], &["wasi:cli/run@0.2.6"]);
    assert!(matches!(inspect(&other), Err(PackageError::NoTools)));
    let large = vec![0; COMPONENT_BYTES_MAX + 1];
    assert!(matches!(
        inspect(&large),
        Err(PackageError::TooLarge { .. })
    ));
}

#[test]
fn another_version_is_named() {
    let later = component(&[], &["tollgate:connector/tools@0.9.0"]);
    match inspect(&later) {
        Err(PackageError::OtherVersion { found }) => {
            assert_eq!(found, "tollgate:connector/tools@0.9.0")
        }
        other => panic!("{other:?}"),
    }
    let mixed = component(&["tollgate:connector/sql@0.9.0"], &[TOOLS]);
    assert!(matches!(
        inspect(&mixed),
        Err(PackageError::OtherVersion { .. })
    ));
}

#[test]
fn an_import_that_nobody_can_grant_is_named() {
    let foreign = component(&["acme:spy/net@1.0.0"], &[TOOLS]);
    match inspect(&foreign) {
        Err(PackageError::ForeignImport { import }) => assert_eq!(import, "acme:spy/net@1.0.0"),
        other => panic!("{other:?}"),
    }
    let bare = wat::parse_str("(component (import \"spy\" (func)))").unwrap();
    assert!(matches!(inspect(&bare), Err(PackageError::NoTools)));
}

#[test]
fn a_host_with_an_extension_reads_its_imports_function_by_function() {
    let imports = ["acme:ledger/entries@1.0.0", "tollgate:connector/sql@0.1.0"];
    let mut bytes = component(&imports, &[TOOLS]);
    let names = ["acme:ledger/entries@1.0.0#run", "sql.run"];
    embed(&mut bytes, &request(&names)).unwrap();
    let inspection = inspect_for(&bytes, &["acme:ledger/entries@1.0.0"]).unwrap();
    assert_eq!(inspection.imports, names);
    assert_eq!(inspection.profile, Profile::Sealed);
    for others in [
        &["acme:ledger/entries@1.0.1"][..],
        &["acme:ledger/entries"],
        &["acme:ledger/other@1.0.0"],
        &[],
    ] {
        assert!(
            matches!(
                inspect_for(&bytes, others),
                Err(PackageError::ForeignImport { .. })
            ),
            "{others:?}"
        );
    }
    // What is listed opens nothing of the contract's own name space.
    let own = component(&["tollgate:spy/net@1.0.0"], &[TOOLS]);
    assert!(matches!(
        inspect_for(&own, &["tollgate:spy/net@1.0.0"]),
        Err(PackageError::ForeignImport { .. })
    ));
}

#[test]
fn a_request_that_says_less_than_the_component_has_is_refused() {
    let mut bytes = component(&["tollgate:connector/sql@0.1.0"], &[TOOLS]);
    embed(&mut bytes, &request(&[])).unwrap();
    assert!(matches!(
        inspect(&bytes),
        Err(PackageError::RequestDiffers { .. })
    ));

    let mut bytes = component(&["wasi:clocks/wall-clock@0.2.6"], &[TOOLS]);
    embed(&mut bytes, &request(&["wasi:clocks/wall-clock@0.2.6"])).unwrap();
    assert!(matches!(
        inspect(&bytes),
        Err(PackageError::RequestDiffers { .. })
    ));
}

#[test]
fn two_requests_are_one_too_many() {
    let mut bytes = component(&[], &[TOOLS]);
    embed(&mut bytes, &request(&[])).unwrap();
    assert!(inspect(&bytes).unwrap().request.is_some());
    embed(&mut bytes, &request(&[])).unwrap();
    assert!(matches!(
        inspect(&bytes),
        Err(PackageError::SeveralRequests)
    ));
}

#[test]
fn a_request_inside_a_nested_module_is_the_guest_s_data() {
    let bytes = wat::parse_str(format!(
        "(component
           (core module $m (func (export \"run\")) (@custom \"tollgate:request\" \"lies\"))
           (core instance $i (instantiate $m))
           (func $run (canon lift (core func $i \"run\")))
           (instance $e (export \"run\" (func $run)))
           (export \"{TOOLS}\" (instance $e)))"
    ))
    .unwrap();
    assert!(inspect(&bytes).unwrap().request.is_none());
}

#[test]
fn a_request_that_is_not_exact_json_is_refused() {
    let mut bytes = component(&[], &[TOOLS]);
    let data = b"\x10tollgate:request{}{}";
    bytes.extend([0, data.len() as u8]);
    bytes.extend(data);
    // The section's name is 16 bytes long.
    assert!(
        matches!(inspect(&bytes), Err(PackageError::Request(_))),
        "{:?}",
        inspect(&bytes)
    );
}

fn sound() -> Vec<u8> {
    let imports = ["tollgate:connector/sql@0.1.0"];
    let mut bytes = component(&imports, &[TOOLS]);
    embed(&mut bytes, &request(&["sql.run"])).unwrap();
    bytes
}

#[test]
fn no_truncation_makes_the_reader_panic() {
    let bytes = sound();
    for end in 0..bytes.len() {
        let _ = inspect(&bytes[..end]);
    }
}

/// Every byte as every one of a few values: some of these the decoder itself
/// takes for impossible.
#[test]
fn no_single_byte_makes_the_reader_panic() {
    let sound = sound();
    for at in 0..sound.len() {
        for byte in [0x00, 0x03, 0x40, 0x71, 0x7f, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            let _ = inspect(&bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_bytes_makes_the_reader_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut bytes = sound();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = inspect(&bytes);
    }
}
