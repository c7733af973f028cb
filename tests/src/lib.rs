//! What the end-to-end tests and benchmarks share: built components and hosts
//! in folders of their own.
//!
//! Components are built once in a process, by the same code that `tollgate
//! build` runs, into the workspace's target folder.

pub mod installed;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tollgate_package::BuildOptions;
use tollgate_policy::Digest;
use tollgate_runtime::Tenant;

/// A built component.
#[derive(Debug)]
pub struct Component {
    /// Its file.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its digest, to be pinned.
    pub digest: Digest,
}

/// The root of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The component of a crate of this workspace, by its folder: for example
/// `plugins/database` or `tests/guests/hostile`.
///
/// # Panics
///
/// When it does not build: no test can go on without it.
#[must_use]
pub fn component(folder: &str) -> Arc<Component> {
    static BUILT: Mutex<Option<HashMap<String, Arc<Component>>>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    if let Some(component) = built.get(folder) {
        return Arc::clone(component);
    }
    let component = Arc::new(build(folder));
    built.insert(folder.to_owned(), Arc::clone(&component));
    component
}

fn build(folder: &str) -> Component {
    let options = BuildOptions::new(workspace().join(folder));
    let built = match tollgate_package::build(&options) {
        Ok(built) => built,
        Err(error) => panic!("{folder} does not build: {error}"),
    };
    let bytes = match std::fs::read(&built.path) {
        Ok(bytes) => bytes,
        Err(error) => panic!("{} cannot be read: {error}", built.path.display()),
    };
    Component {
        path: built.path,
        digest: built.digest,
        bytes,
    }
}

/// A manifest with the digest of a component in place of what it pins.
#[must_use]
pub fn pinned(manifest: &str, component: &Component) -> String {
    let mut text: String = manifest
        .lines()
        .map(|line| {
            if line.starts_with("component") {
                format!("component = \"{}\"\n", component.digest)
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    if !text.contains("\ncomponent = ") && !text.starts_with("component = ") {
        text.insert_str(0, &format!("component = \"{}\"\n", component.digest));
    }
    text
}

/// The tenant of this name.
///
/// # Panics
///
/// When no tenant can have it.
#[must_use]
pub fn named(tenant: &str) -> Tenant {
    match Tenant::new(tenant) {
        Ok(tenant) => tenant,
        Err(error) => panic!("`{tenant}` is {error}"),
    }
}
