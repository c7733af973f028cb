//! The programs that a build needs, and the surroundings that it must not feel.
//!
//! Two people who build one commit should get one digest: a manifest pins it.
//! So the environment's compiler flags and profile settings are taken away, and
//! the paths of this machine are replaced in what the compiler writes.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::build::BuildError;

/// Variables that change what a compiler writes, by their beginning. Cargo's
/// own for a running program (`CARGO_PKG_*`, `CARGO_MANIFEST_*`) are among them:
/// a host started by `cargo run` would hand them on.
const DISTURBING: &[&str] = &[
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_BUILD_",
    "CARGO_PROFILE_",
    "CARGO_TARGET_WASM32_",
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_CRATE_NAME",
    "CARGO_BIN_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_INCREMENTAL",
    "RUSTC_WORKSPACE_WRAPPER",
];

/// Where the programs are.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Toolchain {
    /// The program `cargo`.
    pub cargo: OsString,
    /// The program `rustc`.
    pub rustc: OsString,
    /// The program `rustup`, needed only where a target is missing.
    pub rustup: OsString,
    /// Folders of this machine that must not show in a component.
    pub hidden: Vec<PathBuf>,
}

impl Default for Toolchain {
    fn default() -> Self {
        Self {
            cargo: "cargo".into(),
            rustc: "rustc".into(),
            rustup: "rustup".into(),
            hidden: Vec::new(),
        }
    }
}

impl Toolchain {
    /// The programs that `CARGO` and `RUSTC` name, and else those on the path;
    /// the home folder and cargo's are hidden.
    #[must_use]
    pub fn from_env() -> Self {
        let program = |name: &str, or: &str| std::env::var_os(name).unwrap_or_else(|| or.into());
        let home = std::env::home_dir();
        let cargo_home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo_home = cargo_home.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
        Self {
            cargo: program("CARGO", "cargo"),
            rustc: program("RUSTC", "rustc"),
            hidden: home.into_iter().chain(cargo_home).collect(),
            ..Self::default()
        }
    }

    /// `cargo` in a folder, so that its `rust-toolchain.toml` counts, without
    /// what would disturb the result.
    pub(crate) fn cargo(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.cargo);
        command.current_dir(folder);
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| DISTURBING.iter().any(|start| name.starts_with(start)))
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// Installs a target where it is missing; says whether it did.
    pub(crate) fn ensure_target(&self, folder: &Path, target: &str) -> Result<bool, BuildError> {
        if self.has_target(folder, target)? {
            return Ok(false);
        }
        let output = Command::new(&self.rustup)
            .current_dir(folder)
            .args(["target", "add", target])
            .output()
            .map_err(|_| BuildError::NoRustup {
                target: target.to_owned(),
            })?;
        if output.status.success() {
            return Ok(true);
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(BuildError::TargetInstall {
            target: target.to_owned(),
            message,
        })
    }

    /// Whether the compiler that will run has the target's standard library.
    /// Asked of rustc and not of rustup, because a distribution's Rust has no
    /// rustup and may well have the target.
    fn has_target(&self, folder: &Path, target: &str) -> Result<bool, BuildError> {
        let output = self.rustc(folder, ["--print", "target-libdir", "--target", target])?;
        Ok(output.status.success() && Path::new(text(&output).trim()).is_dir())
    }

    /// The compiler flags that hide this machine's folders. The last one that
    /// matches counts, so the most general folder comes first.
    pub(crate) fn remapping(
        &self,
        folder: &Path,
        workspace: &Path,
    ) -> Result<OsString, BuildError> {
        let mut pairs: Vec<(PathBuf, String)> = Vec::new();
        for (position, hidden) in self.hidden.iter().enumerate() {
            pairs.push((hidden.clone(), format!("/hidden/{position}")));
        }
        let sysroot = text(&self.rustc(folder, ["--print", "sysroot"])?);
        let version = text(&self.rustc(folder, ["-vV"])?);
        let commit = version
            .lines()
            .find_map(|line| line.strip_prefix("commit-hash: "));
        let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust");
        pairs.push((sources, format!("/rustc/{}", commit.unwrap_or("unknown"))));
        pairs.push((workspace.to_owned(), "/connector".to_owned()));
        let flags = pairs.iter().map(|(from, to)| remap(from, to));
        Ok(flags.collect::<Vec<_>>().join(OsStr::new("\u{1f}")))
    }

    fn rustc<const N: usize>(
        &self,
        folder: &Path,
        arguments: [&str; N],
    ) -> Result<Output, BuildError> {
        Command::new(&self.rustc)
            .current_dir(folder)
            .args(arguments)
            .output()
            .map_err(|source| missing("rustc", source))
    }
}

/// A program that did not start.
pub(crate) fn missing(program: &'static str, source: io::Error) -> BuildError {
    BuildError::NoProgram { program, source }
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}
