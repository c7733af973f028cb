//! The four connectors: built from this checkout's sources, each with a manifest
//! for the demo that is pinned to what was built.

use std::fs;

use anyhow::{Context as _, ensure};
use tollgate_package::BuildOptions;

use super::place::Place;
use super::systems::Systems;
use crate::author::source_folder;
use crate::output;
use crate::reviewer::pin;

const MANIFESTS: [(&str, &str); 4] = [
    ("support-desk", include_str!("support-desk.toml")),
    ("crm", include_str!("crm.toml")),
    ("database", include_str!("database.toml")),
    ("spreadsheet", include_str!("spreadsheet.toml")),
];

/// A connector, built, with its manifest pinned to the component.
pub(super) struct Connector {
    pub(super) name: &'static str,
    pub(super) manifest: String,
    pub(super) component: Vec<u8>,
}

impl Connector {
    /// What the manifest is called in messages.
    pub(super) fn manifest_name(&self) -> String {
        format!("{}.toml", self.name)
    }
}

/// Build the bundled connectors. One after the other: cargo lets one build at a
/// time into a folder, and what they have in common is compiled for the first.
pub(super) fn build() -> anyhow::Result<Vec<Connector>> {
    let source = source_folder()
        .context("the demo builds the bundled connectors; run it inside a checkout of Tollgate")?;
    let mut connectors = Vec::new();
    for (name, manifest) in MANIFESTS {
        let options = BuildOptions::new(source.join("plugins").join(name));
        let bar = output::busy(format!("building plugins/{name}"));
        let built = tollgate_package::build(&options);
        bar.finish_and_clear();
        let built = built.with_context(|| format!("cannot build plugins/{name}"))?;
        if let Some(target) = &built.installed_target {
            output::note(format!(
                "     installed the compilation target {target} with rustup"
            ));
        }
        output::note(format!(
            "     {name:<12}  {:>4} KB, imports {}",
            built.size.div_ceil(1000),
            built.request.imports.len()
        ));
        connectors.push(Connector {
            name,
            manifest: pin(manifest, &built.digest.to_string())
                .context("the bundled manifest has a line for the component")?,
            component: fs::read(&built.path)?,
        });
    }
    Ok(connectors)
}

/// Name the places of the desk and the CRM in the manifests.
pub(super) async fn point(connectors: &mut [Connector], systems: &Systems) -> anyhow::Result<()> {
    for connector in connectors {
        let place = match connector.name {
            "support-desk" => &systems.desk,
            "crm" => &systems.crm,
            _ => continue,
        };
        connector.manifest = pointed(&connector.manifest, place).await?;
    }
    Ok(())
}

async fn pointed(manifest: &str, place: &Place) -> anyhow::Result<String> {
    // The attack: a URL that ends the text in the manifest and writes on. A parsed
    // one has no quotation mark; the check is for the day when that changes.
    ensure!(
        !place.url.contains(['"', '\\', '\n']),
        "the URL of the {} cannot be written into a manifest",
        place.name
    );
    let bundled = format!("base_url = \"https://{}.example", place.name);
    let pointed = format!(
        "addresses = {:?}\nbase_url = \"{}",
        place.addresses().await?,
        place.url
    );
    ensure!(
        manifest.contains(&bundled),
        "the bundled manifest has no line {bundled}"
    );
    Ok(manifest.replacen(&bundled, &pointed, 1))
}
