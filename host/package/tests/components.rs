//! Builds the bundled connectors and the test guests for real, and reads them
//! back. The components stay in `target/tollgate`, where other tests find them.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};

use tollgate_package::{BuildError, BuildOptions, Built, Toolchain, build, inspect, scaffold};
use tollgate_policy::{Digest, Manifest, Profile};

/// The size of a small connector, 150 KiB, and a tenth more so that a patch of
/// the compiler does not fail it. Most of it is the JSON parser, the schemas'
/// maps and the standard library's number formatting.
const SMALL_BYTES_MAX: usize = 165 * 1024;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn options(path: impl Into<PathBuf>) -> BuildOptions<'static> {
    BuildOptions {
        offline: true,
        ..BuildOptions::new(path)
    }
}

fn built(folder: &str) -> Built {
    match build(&options(repository().join(folder))) {
        Ok(built) => {
            let summary = format!(
                "{}: {} bytes, {:?}",
                built.package, built.size, built.request
            );
            // Shown by `--nocapture` only: sizes are worth a look.
            #[expect(clippy::print_stderr, reason = "a test may say what it measured")]
            {
                eprintln!("{summary}");
            }
            built
        }
        Err(error) => panic!("{folder} does not build: {error}"),
    }
}

#[test]
fn a_small_connector_is_small_and_imports_the_panic_log_only() {
    let greeter = built("tests/guests/greeter");
    assert_eq!(greeter.request.imports, ["log.panic"]);
    assert_eq!(greeter.request.profile, Profile::Sealed);
    assert_eq!(greeter.request.sdk, "tollgate-sdk 0.1.0");
    assert!(greeter.size < SMALL_BYTES_MAX, "{} bytes", greeter.size);
    assert_eq!(greeter.installed_target, None);
}

#[test]
fn the_database_connector_asks_for_what_its_sample_manifest_grants() {
    let database = built("plugins/database");
    assert_eq!(
        database.request.imports,
        [
            "config.get",
            "log.panic",
            "sql.execute",
            "sql.preview",
            "sql.query"
        ]
    );
    let text = fs::read_to_string(repository().join("plugins/database/manifest.toml")).unwrap();
    let manifest = Manifest::parse("manifest.toml", &text).unwrap();
    assert!(
        manifest
            .missing_grants(&database.request.imports)
            .is_empty()
    );
}

#[test]
fn what_was_built_reads_back_the_same() {
    let hostile = built("tests/guests/hostile");
    let bytes = fs::read(&hostile.path).unwrap();
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.digest, hostile.digest);
    assert_eq!(inspection.digest, Digest::of(&bytes));
    assert_eq!(inspection.request.unwrap(), hostile.request);
    assert_eq!(inspection.imports, hostile.request.imports);
    assert!(
        inspection
            .imports
            .iter()
            .all(|import| !import.starts_with("wasi:"))
    );
}

#[test]
fn a_connector_that_is_loud_while_described_still_builds_because_only_a_host_can_tell() {
    let loud = built("tests/guests/loud-describe");
    assert_eq!(loud.request.imports, ["log.emit", "log.panic"]);
}

#[test]
fn the_description_comes_from_whoever_can_run_it() {
    let refuse: &dyn Fn(&[u8]) -> _ = &|_: &[u8]| Err("it calls an import".to_owned());
    let path = repository().join("tests/guests/loud-describe");
    let output = tempfile::tempdir().unwrap();
    let options = BuildOptions {
        describe: Some(refuse),
        output: Some(output.path().join("loud.wasm")),
        ..options(path)
    };
    assert!(matches!(build(&options), Err(BuildError::Describe { .. })));
    assert!(!output.path().join("loud.wasm").exists());
}

/// A new connector, with the locked versions of this workspace, so that nothing
/// is downloaded.
fn new_connector(folder: &Path) -> PathBuf {
    let folder = folder.join("crm");
    scaffold(&folder, "crm", &repository().join("sdk")).unwrap();
    fs::copy(repository().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    folder
}

#[test]
fn a_new_connector_builds_the_same_bytes_wherever_it_lies() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let elsewhere = |folder: &Path, output: &str| {
        let options = options(new_connector(folder));
        // One target folder, so that the dependencies are compiled once.
        let target_dir = Some(repository().join("target"));
        build(&BuildOptions {
            target_dir,
            output: Some(folder.join(output)),
            ..options
        })
        .unwrap()
    };
    let first = elsewhere(here.path(), "first.wasm");
    let second = elsewhere(there.path(), "second.wasm");
    assert_eq!(first.digest, second.digest);
    assert_eq!(first.request.imports, ["log.emit", "log.panic"]);
    let bytes = fs::read(&first.path).unwrap();
    let hidden = here.path().to_str().unwrap().as_bytes();
    assert!(!bytes.windows(hidden.len()).any(|window| window == hidden));
}

#[test]
fn the_wasi_profile_is_chosen_in_the_crate_and_shows_in_the_imports() {
    let folder = tempfile::tempdir().unwrap();
    let folder = new_connector(folder.path());
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let chosen = manifest + "\n[package.metadata.tollgate]\nprofile = \"wasi\"\n";
    fs::write(folder.join("Cargo.toml"), chosen).unwrap();
    let target_dir = Some(repository().join("target"));
    let output = Some(folder.join("crm.wasm"));
    let built = build(&BuildOptions {
        target_dir,
        output,
        ..options(&folder)
    })
    .unwrap();
    assert_eq!(built.request.profile, Profile::Wasi);
    let imports = &built.request.imports;
    assert!(imports.contains(&"log.panic".to_owned()), "{imports:?}");
    assert!(
        imports.iter().any(|import| import.starts_with("wasi:cli/")),
        "{imports:?}"
    );
    let inspection = inspect(&fs::read(&built.path).unwrap()).unwrap();
    assert_eq!(inspection.request.unwrap(), built.request);
}

#[test]
fn the_manifest_of_a_new_connector_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let folder = new_connector(folder.path());
    let text = fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let manifest = Manifest::parse("manifest.toml", &text).unwrap();
    assert!(
        manifest
            .missing_grants(&["log.emit".into(), "log.panic".into()])
            .is_empty()
    );
}

/// A crate that is written here, alone in its folder.
fn crate_with(folder: &Path, manifest: &str, code: &str) -> PathBuf {
    fs::create_dir_all(folder.join("src")).unwrap();
    let head = "[package]\nname = \"odd\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(folder.join("Cargo.toml"), format!("{head}{manifest}")).unwrap();
    fs::write(folder.join("src/lib.rs"), code).unwrap();
    folder.to_owned()
}

const CDYLIB: &str = "[lib]\ncrate-type = [\"cdylib\"]\n";

#[test]
fn what_is_no_connector_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let error = build(&options(crate_with(folder.path(), "", ""))).unwrap_err();
    assert!(matches!(error, BuildError::NotACdylib { .. }), "{error}");

    let error = build(&options(crate_with(
        folder.path(),
        CDYLIB,
        "this is not Rust",
    )))
    .unwrap_err();
    assert!(matches!(&error, BuildError::Compile { message, .. } if message.contains("error")));

    let error = build(&options(crate_with(
        folder.path(),
        CDYLIB,
        "pub fn nothing() {}",
    )))
    .unwrap_err();
    assert!(
        matches!(
            error,
            BuildError::Encode { .. } | BuildError::Component { .. }
        ),
        "{error}"
    );

    let profile = format!("{CDYLIB}[package.metadata.tollgate]\nprofile = \"open\"\n");
    let error = build(&options(crate_with(folder.path(), &profile, ""))).unwrap_err();
    assert!(
        matches!(error, BuildError::UnknownProfile { .. }),
        "{error}"
    );

    let error = build(&options(folder.path().join("nowhere"))).unwrap_err();
    assert!(matches!(error, BuildError::Io { .. }), "{error}");
}

#[test]
fn a_workspace_without_a_choice_lists_its_crates() {
    let error = build(&options(repository())).unwrap_err();
    match error {
        BuildError::NoPackage { offered, .. } => {
            assert!(offered.contains(&"connector-database".to_owned()));
        }
        other => panic!("{other}"),
    }
}

/// A program that stands in for a real one.
#[cfg(unix)]
fn program(folder: &Path, name: &str, script: &str) -> std::ffi::OsString {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.into_os_string()
}

#[cfg(unix)]
fn with_toolchain(rustc: std::ffi::OsString, rustup: std::ffi::OsString) -> BuildOptions<'static> {
    let mut toolchain = Toolchain::from_env();
    toolchain.rustc = rustc;
    toolchain.rustup = rustup;
    BuildOptions {
        toolchain,
        ..options(repository().join("tests/guests/greeter"))
    }
}

#[cfg(unix)]
#[test]
fn a_missing_target_without_rustup_says_what_to_install() {
    let folder = tempfile::tempdir().unwrap();
    let rustc = program(folder.path(), "rustc", "echo /nowhere");
    let error = build(&with_toolchain(
        rustc,
        folder.path().join("no-rustup").into(),
    ))
    .unwrap_err();
    assert!(matches!(error, BuildError::NoRustup { .. }));
    assert!(
        error.to_string().contains("wasm32-unknown-unknown"),
        "{error}"
    );
    assert!(error.to_string().contains("https://rustup.rs"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_missing_target_that_rustup_cannot_install_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let rustc = program(folder.path(), "rustc", "echo /nowhere");
    let rustup = program(folder.path(), "rustup", "echo no network >&2; exit 1");
    let error = build(&with_toolchain(rustc, rustup)).unwrap_err();
    assert!(matches!(&error, BuildError::TargetInstall { message, .. } if message == "no network"));
}

#[cfg(unix)]
#[test]
fn a_missing_target_is_installed_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let libdir = folder.path().join("libdir");
    let show = format!(
        "case \"$2\" in target-libdir) echo {};; *) exec rustc \"$@\";; esac",
        libdir.display()
    );
    let rustc = program(folder.path(), "rustc-without-target", &show);
    let add = format!(
        "test \"$*\" = 'target add wasm32-unknown-unknown' && mkdir {}",
        libdir.display()
    );
    let rustup = program(folder.path(), "rustup", &add);
    let mut options = with_toolchain(rustc, rustup);
    options.output = Some(folder.path().join("greeter.wasm"));
    let built = build(&options).unwrap();
    assert_eq!(
        built.installed_target.as_deref(),
        Some("wasm32-unknown-unknown")
    );
    assert!(folder.path().join("greeter.wasm").exists());
}

#[test]
fn a_cargo_that_is_not_there_is_said() {
    let mut options = options(repository().join("tests/guests/greeter"));
    options.toolchain.cargo = "/nowhere/cargo".into();
    let error = build(&options).unwrap_err();
    assert!(
        matches!(
            error,
            BuildError::NoProgram {
                program: "cargo",
                ..
            }
        ),
        "{error}"
    );
}
