//! For those who decide what a connector may do: `inspect` and `install`.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use tollgate_policy::{Manifest, ToolDecl, bundle_lists, visible};
use tollgate_runtime::{Host, Role};

use crate::arguments::{Home, Inspect, Install};
use crate::author::list;
use crate::exit::Exit;
use crate::output;
use crate::serve::options;

pub(crate) fn inspect(inspect: &Inspect, as_json: bool) -> anyhow::Result<Exit> {
    let bytes = read(&inspect.component)?;
    let found = tollgate_package::inspect(&bytes)
        .with_context(|| inspect.component.display().to_string())?;
    if let Some(path) = &inspect.manifest {
        let tools = found.request.as_ref().map_or(&[][..], |r| &r.tools);
        read_manifest(path)?.check(&path.display().to_string(), tools)?;
    }
    if as_json {
        output::json(&json!({
            "digest": found.digest,
            "size": found.size,
            "profile": found.profile,
            "imports": found.imports,
            "request": found.request,
        }));
        return Ok(Exit::Success);
    }
    output::line(format!("component = \"{}\"", found.digest));
    output::line(format!("size:    {} bytes", found.size));
    output::line(format!("profile: {}", found.profile.as_str()));
    output::line(format!("imports: {}", list(&found.imports)));
    if let Some(request) = &found.request {
        output::line(format!("built with: {}", request.sdk));
        for tool in &request.tools {
            output::line(format!(
                "tool {}: {} ({})",
                tool.name,
                tool.title,
                tool.effect.as_str()
            ));
            output::line(format!("  {}", way_back(tool)));
        }
    }
    Ok(Exit::Success)
}

/// How a call of a tool is taken back, by its author's word.
fn way_back(tool: &ToolDecl) -> String {
    let mut words = match tool.undo.tool() {
        Some(by) => format!("undo: {} by {by}", tool.undo.as_str()),
        None => format!("undo: {}", tool.undo.as_str()),
    };
    if let Some(seconds) = tool.terms.window_s {
        words.push_str(&format!(", for {seconds} s"));
    }
    if let Some(condition) = &tool.terms.precondition {
        words.push_str(&format!(", only where: {}", visible(condition)));
    }
    if tool.terms.undo_only {
        words.push_str("; only for taking another call back");
    }
    words
}

pub(crate) async fn install(home: &Home, install: &Install, as_json: bool) -> anyhow::Result<Exit> {
    let component = read(&install.component)?;
    let mut manifest = fs::read_to_string(&install.manifest)
        .with_context(|| format!("cannot read {}", install.manifest.display()))?;
    if install.pin {
        let found = tollgate_package::inspect(&component)?;
        manifest = pin(&manifest, &found.digest.to_string())
            .context("the manifest has no line `component = \"…\"` to write the digest into")?;
        fs::write(&install.manifest, &manifest)
            .with_context(|| format!("cannot write {}", install.manifest.display()))?;
    }
    let manifest = with_lists(&install.manifest, &manifest)?;
    let host = Host::open(options(home, Role::Operate)?).await?;
    let bar = output::busy("compiling the component");
    let name = install.manifest.display().to_string();
    let installed = host
        .install(&name, &manifest, &component, &install.by.by)
        .await;
    bar.finish_and_clear();
    host.shutdown().await;
    let installed = installed?;
    if as_json {
        output::json(&json!({
            "connector": installed.name,
            "tenant": installed.tenant,
            "component": installed.component,
            "tools": installed.tools,
        }));
        return Ok(Exit::Success);
    }
    output::line(format!(
        "installed {} for {}",
        installed.name, installed.tenant
    ));
    for tool in &installed.tools {
        output::line(format!(
            "  {}.{}: {} ({})",
            tool.connector,
            tool.name,
            tool.title,
            tool.effect.as_str()
        ));
    }
    Ok(Exit::Success)
}

/// The manifest with another digest, everything else as the operator wrote it.
pub(crate) fn pin(manifest: &str, digest: &str) -> Option<String> {
    let line = manifest
        .lines()
        .find(|line| line.trim_start().starts_with("component") && line.contains('='))?;
    Some(manifest.replacen(line, &format!("component = \"{digest}\""), 1))
}

/// A manifest as it would be installed, without its component.
pub(crate) fn read_manifest(path: &Path) -> anyhow::Result<Manifest> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = with_lists(path, &text)?;
    Ok(Manifest::parse(&path.display().to_string(), &text)?)
}

/// The manifest with the values of its lists' files, which lie beside it.
pub(crate) fn with_lists(path: &Path, manifest: &str) -> anyhow::Result<String> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut read = |name: &str, most: usize| {
        let file = fs::File::open(folder.join(name)).map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        // One byte more than may be: whoever asks sees that it is too large.
        let most = most as u64 + 1;
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(|error| error.to_string())?;
        Ok(bytes)
    };
    Ok(bundle_lists(
        &path.display().to_string(),
        manifest,
        &mut read,
    )?)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
