//! For those who write connectors: `new` and `build`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use tollgate_package::{BuildOptions, Built};

use crate::arguments::{Build, New};
use crate::exit::Exit;
use crate::output;

pub(crate) fn new(new: &New, as_json: bool) -> anyhow::Result<Exit> {
    let folder = new
        .folder
        .clone()
        .unwrap_or_else(|| PathBuf::from(&new.name));
    let sdk = match &new.sdk {
        Some(sdk) => sdk.clone(),
        None => source_folder().map(|source| source.join("sdk")).context(
            "the SDK's folder is not known; name it with --sdk <folder of tollgate-sdk>",
        )?,
    };
    let sdk = sdk
        .canonicalize()
        .with_context(|| format!("there is no folder {}", sdk.display()))?;
    let files = tollgate_package::scaffold(&folder, &new.name, &sdk)?;
    if as_json {
        output::json(&json!({ "folder": folder, "files": files }));
    } else {
        for file in &files {
            output::line(format!("made {}", file.display()));
        }
        output::line(format!("next: tollgate build {}", folder.display()));
    }
    Ok(Exit::Success)
}

pub(crate) fn build(build: &Build, as_json: bool) -> anyhow::Result<Exit> {
    let mut options = BuildOptions::new(&build.folder);
    options.output.clone_from(&build.output);
    let bar = output::busy(format!("building {}", build.folder.display()));
    let built = tollgate_package::build(&options);
    bar.finish_and_clear();
    let built = built?;
    if as_json {
        output::json(&summary(&built));
        return Ok(Exit::Success);
    }
    if let Some(target) = &built.installed_target {
        output::note(format!(
            "installed the compilation target {target} with rustup"
        ));
    }
    output::line(format!("{}  {} bytes", built.path.display(), built.size));
    output::line(format!("component = \"{}\"", built.digest));
    output::line(format!("imports: {}", list(&built.request.imports)));
    Ok(Exit::Success)
}

fn summary(built: &Built) -> serde_json::Value {
    json!({
        "package": built.package,
        "component": built.path,
        "digest": built.digest,
        "size": built.size,
        "imports": built.request.imports,
        "profile": built.request.profile,
        "installed_target": built.installed_target,
    })
}

pub(crate) fn list(imports: &[String]) -> String {
    if imports.is_empty() {
        "none".to_owned()
    } else {
        imports.join(", ")
    }
}

/// The checkout this program was built from, or the one it is started in.
pub(crate) fn source_folder() -> Option<PathBuf> {
    let has_sources =
        |folder: &Path| folder.join("sdk/Cargo.toml").is_file() && folder.join("plugins").is_dir();
    let here = std::env::current_dir().ok()?;
    let above = here
        .ancestors()
        .find(|folder| has_sources(folder))
        .map(Path::to_owned);
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    above.or_else(|| has_sources(&built_from).then_some(built_from))
}
