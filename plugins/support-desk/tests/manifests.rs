//! The sample manifests are what an operator begins with: each must be read
//! without a fault, grant nothing by accident, and let nobody write to customers
//! without a person.
#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs;
use std::path::{Path, PathBuf};

use tollgate_policy::{Effect, Manifest};

fn manifests() -> Vec<(PathBuf, Manifest)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let others = fs::read_dir(folder.join("manifests")).into_iter().flatten();
    let mut paths: Vec<PathBuf> = others.map(|entry| entry.unwrap().path()).collect();
    paths.push(folder.join("manifest.toml"));
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        let manifest = Manifest::parse(&path.display().to_string(), &text);
        let manifest = manifest.unwrap_or_else(|faults| panic!("{faults}"));
        (path, manifest)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn reads_are_reads_and_only_values_can_be_taken_back() {
    for (path, manifest) in manifests() {
        let path = path.display();
        let desk = &manifest.grant.http["desk"];
        assert_eq!(desk.base_url.scheme(), "https", "{path}");
        assert!(
            desk.addresses.is_empty() && desk.credential.is_some(),
            "{path}"
        );
        for route in &desk.routes {
            let call = route.to_string();
            let expected = match call.split(' ').next().unwrap() {
                "GET" => Effect::Read,
                "PUT" | "PATCH" => Effect::Write,
                _ => Effect::Irreversible,
            };
            assert_eq!(route.effect, expected, "{path}: {call}");
        }
    }
}
