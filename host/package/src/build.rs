//! A crate → a component with its request embedded.
//!
//! `cargo` compiles with a profile of our own, so that neither the author's
//! `release` nor the host's is disturbed, and the result is encoded here. No
//! other tool needs to be installed: cargo-component and wasm-tools do what
//! their libraries do here in a few lines.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tollgate_policy::{Digest, Profile, Request, ToolDecl};
use wit_component::ComponentEncoder;

use crate::inspect::{PackageError, inspect_for};
use crate::project::Project;
use crate::section::embed;
use crate::toolchain::{Toolchain, missing};

/// The settings of a component's build, as `--config` values. Chosen for size:
/// a small connector is about a tenth of what plain `release` gives, and a host
/// compiles it that much faster. Function names go: they are a quarter
/// of a small component, and a panic reports its message and place by itself.
const SETTINGS: &[&str] = &[
    r#"profile.connector.inherits="release""#,
    r#"profile.connector.opt-level="s""#,
    r#"profile.connector.lto=true"#,
    r#"profile.connector.codegen-units=1"#,
    r#"profile.connector.panic="abort""#,
    r#"profile.connector.strip="symbols""#,
    r#"profile.connector.debug=false"#,
    r#"profile.connector.debug-assertions=false"#,
    r#"profile.connector.overflow-checks=false"#,
    r#"profile.connector.incremental=false"#,
];

/// Describes a component's tools: runs its `describe` in a sandbox, which this
/// crate does not have. The error is a sentence.
pub type Describe<'a> = &'a dyn Fn(&[u8]) -> Result<Vec<ToolDecl>, String>;

/// What to build, and how.
#[derive(Clone)]
pub struct BuildOptions<'a> {
    /// The crate's folder, or its `Cargo.toml`.
    pub path: PathBuf,
    /// The crate's name, where `path` is a workspace of several.
    pub package: Option<String>,
    /// Where the component goes; `target/tollgate/<package>.component.wasm` by
    /// default.
    pub output: Option<PathBuf>,
    /// Where cargo compiles; the crate's own target folder by default.
    pub target_dir: Option<PathBuf>,
    /// Whether cargo must do without the network.
    pub offline: bool,
    /// The programs to use.
    pub toolchain: Toolchain,
    /// Interfaces beside the contract that the hosts it is for offer, for example
    /// `acme:ledger/entries@1.0.0`. A component with another one is refused.
    pub extensions: Vec<String>,
    /// Fills in the request's tools; without it the request lists none, and a
    /// host describes the component when it is installed.
    pub describe: Option<Describe<'a>>,
}

impl BuildOptions<'_> {
    /// The crate at this path, with the programs that the environment names.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            package: None,
            output: None,
            target_dir: None,
            offline: false,
            toolchain: Toolchain::from_env(),
            extensions: Vec::new(),
            describe: None,
        }
    }
}

/// A component that was built.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Built {
    /// The crate's name.
    pub package: String,
    /// The component's file.
    pub path: PathBuf,
    /// The file's digest; a manifest pins it.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size: usize,
    /// What the component asks for.
    pub request: Request,
    /// The compilation target, where it had to be installed.
    pub installed_target: Option<String>,
}

/// Why there is no component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A program did not start.
    #[error(
        "`{program}` did not start; install Rust from https://rustup.rs, or put it on the path"
    )]
    NoProgram {
        /// Which one.
        program: &'static str,
        /// Why.
        source: io::Error,
    },
    /// A target is missing, and rustup too.
    #[error(
        "this Rust has no target `{target}`, and there is no rustup to install it; install Rust from https://rustup.rs, or your distribution's package with the standard library for `{target}`"
    )]
    NoRustup {
        /// The target.
        target: String,
    },
    /// rustup could not install a target.
    #[error("`rustup target add {target}` failed; run it yourself, with a network:\n{message}")]
    TargetInstall {
        /// The target.
        target: String,
        /// What rustup said.
        message: String,
    },
    /// cargo cannot read the crate.
    #[error("cargo cannot read {}:\n{message}", manifest.display())]
    Project {
        /// Its `Cargo.toml`.
        manifest: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// There is no such crate, or several.
    #[error("{} does not say which crate to build; name one of: {}", manifest.display(), offered.join(", "))]
    NoPackage {
        /// The `Cargo.toml` that was read.
        manifest: PathBuf,
        /// The crates there.
        offered: Vec<String>,
    },
    /// The crate is no library of the right kind.
    #[error(
        "the crate `{package}` makes no module; add to its Cargo.toml:\n[lib]\ncrate-type = [\"cdylib\", \"rlib\"]"
    )]
    NotACdylib {
        /// The crate.
        package: String,
    },
    /// The crate asks for a profile that does not exist.
    #[error(
        "the crate `{package}` asks for the profile {found}; write \"sealed\" or \"wasi\" under [package.metadata.tollgate]"
    )]
    UnknownProfile {
        /// The crate.
        package: String,
        /// What it says.
        found: String,
    },
    /// The code does not compile.
    #[error("the crate `{package}` does not compile:\n{message}")]
    Compile {
        /// The crate.
        package: String,
        /// What cargo said.
        message: String,
    },
    /// The code compiles, and is no connector.
    #[error("the crate `{package}` makes no component; does it end with connector!(…)? {message}")]
    Encode {
        /// The crate.
        package: String,
        /// Why.
        message: String,
    },
    /// The component cannot be used.
    #[error("the crate `{package}` makes a component that no host would run")]
    Component {
        /// The crate.
        package: String,
        /// Why.
        source: PackageError,
    },
    /// The component could not be described.
    #[error("the tools of the crate `{package}` cannot be described: {message}")]
    Describe {
        /// The crate.
        package: String,
        /// Why.
        message: String,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be used", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Builds a component.
///
/// # Errors
/// Something needed is missing, the crate does not compile, or what it makes is
/// no connector.
pub fn build(options: &BuildOptions<'_>) -> Result<Built, BuildError> {
    let toolchain = &options.toolchain;
    let project = Project::read(toolchain, &options.path, options.package.as_deref())?;
    let target = target(project.profile);
    let installed = toolchain.ensure_target(project.folder(), target)?;
    let artifact = compile(options, &project, target)?;
    let mut component = encode(&project, &artifact.module)?;
    let request = request(options, &project, &component, artifact.sdk)?;
    embed(&mut component, &request).map_err(|error| BuildError::Encode {
        package: project.name.clone(),
        message: error.to_string(),
    })?;
    let path = write(options, &project, &component)?;
    Ok(Built {
        package: project.name,
        path,
        digest: Digest::of(&component),
        size: component.len(),
        request,
        installed_target: installed.then(|| target.to_owned()),
    })
}

fn target(profile: Profile) -> &'static str {
    match profile {
        Profile::Sealed => "wasm32-unknown-unknown",
        Profile::Wasi => "wasm32-wasip2",
    }
}

/// What the compiler made.
struct Artifact {
    module: PathBuf,
    sdk: String,
}

fn compile(
    options: &BuildOptions<'_>,
    project: &Project,
    target: &str,
) -> Result<Artifact, BuildError> {
    let output = cargo_build(options, project, target)?
        .output()
        .map_err(|source| missing("cargo", source))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(BuildError::Compile {
            package: project.name.clone(),
            message,
        });
    }
    artifact(project, &output.stdout)
}

fn cargo_build(
    options: &BuildOptions<'_>,
    project: &Project,
    target: &str,
) -> Result<Command, BuildError> {
    let flags = options
        .toolchain
        .remapping(project.folder(), &project.workspace)?;
    let mut command = options.toolchain.cargo(project.folder());
    command
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .args([
            "build",
            "--lib",
            "--profile",
            "connector",
            "--target",
            target,
        ])
        .args([
            "--message-format",
            "json-render-diagnostics",
            "--package",
            &project.name,
        ])
        .arg("--manifest-path")
        .arg(&project.manifest);
    for setting in SETTINGS {
        command.args(["--config", setting]);
    }
    if let Some(folder) = &options.target_dir {
        command.arg("--target-dir").arg(folder);
    }
    if options.offline {
        command.arg("--offline");
    }
    Ok(command)
}

/// One line of cargo's report.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    target: Option<Compiled>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Compiled {
    name: String,
}

fn artifact(project: &Project, report: &[u8]) -> Result<Artifact, BuildError> {
    let lines = report.split(|byte| *byte == b'\n');
    let messages: Vec<Message> = lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter(|message: &Message| message.reason == "compiler-artifact")
        .collect();
    let module = messages
        .iter()
        .filter(|message| message.manifest_path == project.manifest)
        .flat_map(|message| &message.filenames)
        .find(|file| {
            file.extension()
                .is_some_and(|extension| extension == "wasm")
        });
    let module = module.cloned().ok_or_else(|| BuildError::Encode {
        package: project.name.clone(),
        message: "cargo reported no .wasm file".to_owned(),
    })?;
    Ok(Artifact {
        module,
        sdk: sdk(&messages),
    })
}

/// Name and version of the SDK that was compiled in.
fn sdk(messages: &[Message]) -> String {
    let is_sdk = |message: &&Message| {
        message
            .target
            .as_ref()
            .is_some_and(|target| target.name == "tollgate_sdk")
    };
    let version = messages.iter().find(is_sdk).and_then(|message| {
        let (_, tail) = message.package_id.rsplit_once('#')?;
        Some(tail.rsplit_once('@').map_or(tail, |(_, version)| version))
    });
    version.map_or_else(
        || "unknown".to_owned(),
        |version| format!("tollgate-sdk {version}"),
    )
}

/// A wasip2 build is a component already; a module is made into one.
fn encode(project: &Project, module: &Path) -> Result<Vec<u8>, BuildError> {
    let bytes = fs::read(module).map_err(|source| BuildError::Io {
        path: module.to_owned(),
        source,
    })?;
    if wasmparser::Parser::is_component(&bytes) {
        return Ok(bytes);
    }
    let encoded = ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| BuildError::Encode {
        package: project.name.clone(),
        message: format!("{error:#}"),
    })
}

fn request(
    options: &BuildOptions<'_>,
    project: &Project,
    component: &[u8],
    sdk: String,
) -> Result<Request, BuildError> {
    let package = || project.name.clone();
    let extensions: Vec<&str> = options.extensions.iter().map(String::as_str).collect();
    let inspection =
        inspect_for(component, &extensions).map_err(|source| BuildError::Component {
            package: package(),
            source,
        })?;
    if project.profile == Profile::Sealed && inspection.profile == Profile::Wasi {
        let import = inspection
            .imports
            .into_iter()
            .find(|import| import.starts_with("wasi:"));
        let source = PackageError::ForeignImport {
            import: import.unwrap_or_default(),
        };
        return Err(BuildError::Component {
            package: package(),
            source,
        });
    }
    let tools = options
        .describe
        .map_or_else(|| Ok(Vec::new()), |describe| describe(component));
    let tools = tools.map_err(|message| BuildError::Describe {
        package: package(),
        message,
    })?;
    Ok(Request {
        imports: inspection.imports,
        profile: project.profile,
        tools,
        sdk,
    })
}

fn write(
    options: &BuildOptions<'_>,
    project: &Project,
    component: &[u8],
) -> Result<PathBuf, BuildError> {
    let path = options.output.clone().unwrap_or_else(|| {
        let file = format!("{}.component.wasm", project.name);
        let target_dir = options.target_dir.as_ref().unwrap_or(&project.target_dir);
        target_dir.join("tollgate").join(file)
    });
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |source| BuildError::Io {
        path: path.clone(),
        source,
    };
    fs::create_dir_all(folder).map_err(failed)?;
    // Beside it first: a build that is interrupted must leave no half a file,
    // and another process may be reading the previous one.
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    fs::write(&beside, component)
        .and_then(|()| fs::rename(&beside, &path))
        .map_err(failed)?;
    Ok(path)
}
