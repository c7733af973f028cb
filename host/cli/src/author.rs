//! For those who write connectors: `new` and `build`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;
use tollgate_package::{Api, ApiOptions, BuildOptions, Built, DeclaredEffect};
use tollgate_policy::visible;

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
    let (files, skipped) = match &new.openapi {
        Some(description) => {
            let api = read_api(description, new)?;
            let files = tollgate_package::scaffold_api(&folder, &new.name, &sdk, &api)?;
            (files, api.skipped)
        }
        None => {
            let files = tollgate_package::scaffold(&folder, &new.name, &sdk)?;
            (files, Vec::new())
        }
    };
    if as_json {
        let skipped = skipped
            .iter()
            .map(|skipped| json!({ "operation": skipped.operation, "why": skipped.why }));
        let skipped: Vec<_> = skipped.collect();
        output::json(&json!({ "folder": folder, "files": files, "skipped": skipped }));
    } else {
        for skipped in &skipped {
            output::note(format!(
                "no tool for {}: {}",
                visible(&skipped.operation),
                visible(&skipped.why)
            ));
        }
        for file in &files {
            output::line(format!("made {}", file.display()));
        }
        output::line(format!("next: tollgate build {}", folder.display()));
    }
    Ok(Exit::Success)
}

fn read_api(description: &Path, new: &New) -> anyhow::Result<Api> {
    let text = std::fs::read_to_string(description)
        .with_context(|| format!("{} cannot be read", description.display()))?;
    let effects = new.effects.iter().map(|text| effect(text));
    let options = ApiOptions {
        server: new.server.clone(),
        effects: effects.collect::<anyhow::Result<_>>()?,
        only: new.only.clone(),
    };
    Ok(tollgate_package::api(&text, &options)?)
}

fn effect(text: &str) -> anyhow::Result<(String, DeclaredEffect)> {
    let (tool, effect) = text
        .split_once('=')
        .with_context(|| format!("`{text}` is not TOOL=EFFECT"))?;
    let effect = match effect {
        "read" => DeclaredEffect::Read,
        "write" => DeclaredEffect::Write,
        "irreversible" => DeclaredEffect::Irreversible,
        other => anyhow::bail!("there is no effect `{other}`; write read, write or irreversible"),
    };
    Ok((tool.to_owned(), effect))
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
