//! What a crate's `Cargo.toml` says about a connector, as cargo understands it.
//! Reading the file ourselves would get workspace inheritance wrong.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tollgate_policy::Profile;

use crate::build::BuildError;
use crate::toolchain::{Toolchain, missing};

/// A crate that is to become a component.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) profile: Profile,
    pub(crate) workspace: PathBuf,
    pub(crate) target_dir: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    #[serde(default)]
    metadata: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Target {
    crate_types: Vec<String>,
}

impl Project {
    /// The crate at `path` (its folder or its `Cargo.toml`), or the named one
    /// of the workspace there.
    pub(crate) fn read(
        toolchain: &Toolchain,
        path: &Path,
        package: Option<&str>,
    ) -> Result<Self, BuildError> {
        let manifest = manifest_at(path)?;
        let metadata = metadata(toolchain, &manifest)?;
        let package = choose(&metadata.packages, &manifest, package)?;
        check_library(package)?;
        Ok(Self {
            name: package.name.clone(),
            manifest: package.manifest_path.clone(),
            profile: profile(package)?,
            workspace: metadata.workspace_root,
            target_dir: metadata.target_directory,
        })
    }

    /// The folder of the crate.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(&self.workspace)
    }
}

fn manifest_at(path: &Path) -> Result<PathBuf, BuildError> {
    let manifest = if path.is_dir() {
        path.join("Cargo.toml")
    } else {
        path.to_owned()
    };
    manifest.canonicalize().map_err(|source| BuildError::Io {
        path: manifest,
        source,
    })
}

fn metadata(toolchain: &Toolchain, manifest: &Path) -> Result<Metadata, BuildError> {
    let folder = manifest.parent().unwrap_or(manifest);
    let output = toolchain
        .cargo(folder)
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(|source| missing("cargo", source))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Project {
            manifest: manifest.to_owned(),
            message,
        });
    }
    serde_json::from_slice(&output.stdout).map_err(|error| BuildError::Project {
        manifest: manifest.to_owned(),
        message: format!("cargo described it in a way that is not understood: {error}"),
    })
}

fn choose<'a>(
    packages: &'a [Package],
    manifest: &Path,
    name: Option<&str>,
) -> Result<&'a Package, BuildError> {
    let found = packages.iter().find(|package| match name {
        Some(name) => package.name == name,
        None => package.manifest_path == manifest,
    });
    found.ok_or_else(|| BuildError::NoPackage {
        manifest: manifest.to_owned(),
        offered: packages
            .iter()
            .map(|package| package.name.clone())
            .collect(),
    })
}

fn check_library(package: &Package) -> Result<(), BuildError> {
    let is_cdylib = |target: &Target| target.crate_types.iter().any(|kind| kind == "cdylib");
    if package.targets.iter().any(is_cdylib) {
        return Ok(());
    }
    Err(BuildError::NotACdylib {
        package: package.name.clone(),
    })
}

/// `[package.metadata.tollgate] profile = "wasi"`; sealed where it is silent.
fn profile(package: &Package) -> Result<Profile, BuildError> {
    let table = package
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.get("tollgate"));
    let Some(value) = table.and_then(|table| table.get("profile")) else {
        return Ok(Profile::Sealed);
    };
    Profile::deserialize(value).map_err(|_| BuildError::UnknownProfile {
        package: package.name.clone(),
        found: value.to_string(),
    })
}
