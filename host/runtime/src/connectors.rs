//! Installed connectors, ready to be called. Each is loaded once per manifest
//! and component; a run that was held keeps the component it opened with, also
//! when another is installed since.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use tollgate_journal::Tenant;

use jsonschema::Validator;
use tollgate_policy::{CallPattern, Digest, Manifest, Profile, ToolDecl, visible};
use tollgate_store::{ConnectorRow, Store};

use crate::door::Offered;
use crate::error::InstallError;
use crate::extend::Extensions;
use crate::sandbox::instance::{Ready, Sandbox};
use tollgate_package::{self as package, Inspection};

/// Tools of one connector. More is a fault, or an attack on whoever lists them.
const TOOLS_MAX: usize = 256;

/// The longest precondition of an undo, in bytes: one sentence.
const PRECONDITION_BYTES_MAX: usize = 300;

/// A connector that can be called.
pub(crate) struct Installed {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) manifest_digest: Digest,
    pub(crate) ready: Ready,
    pub(crate) tools: Vec<Tool>,
}

/// One of its tools.
pub(crate) struct Tool {
    pub(crate) decl: Arc<ToolDecl>,
    /// Digest of the whole descriptor; an approval is bound to it.
    pub(crate) digest: Digest,
    pub(crate) input: Validator,
    pub(crate) output: Validator,
}

impl Installed {
    pub(crate) fn tool(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.decl.name == name)
    }
}

/// What connectors are loaded with.
#[derive(Clone, Copy)]
pub(crate) struct Loader<'a> {
    pub(crate) sandbox: &'a Sandbox,
    pub(crate) extensions: &'a Extensions,
}

impl Loader<'_> {
    /// What extensions offer; the same in every profile.
    fn extended(&self) -> impl Iterator<Item = &Offered> {
        let [sealed, _] = self.sandbox.offered();
        sealed.iter().filter(|offered| offered.extension.is_some())
    }
}

/// By tenant and installed name; and by manifest and component for held runs.
#[derive(Default)]
pub(crate) struct Connectors {
    current: RwLock<HashMap<(Tenant, String), Arc<Installed>>>,
    opened_under: RwLock<HashMap<(Digest, Digest), Arc<Installed>>>,
    /// Manifests that could not be loaded: not tried again until they change.
    broken: RwLock<HashMap<(Tenant, String), Digest>>,
}

impl Connectors {
    /// The connector installed now.
    pub(crate) fn get(&self, tenant: &Tenant, name: &str) -> Option<Arc<Installed>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.get(&(tenant.to_owned(), name.to_owned())).cloned()
    }

    /// All connectors of a tenant, by name.
    pub(crate) fn of(&self, tenant: &Tenant) -> Vec<Arc<Installed>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let mut found: Vec<_> = current
            .iter()
            .filter(|((owner, _), _)| owner == tenant)
            .map(|(_, installed)| Arc::clone(installed))
            .collect();
        found.sort_by(|a, b| a.manifest.connector.cmp(&b.manifest.connector));
        found
    }

    /// Whether a manifest differs from the one that is loaded, and was not tried
    /// in vain.
    pub(crate) fn is_new(&self, tenant: &Tenant, name: &str, manifest: &Digest) -> bool {
        let key = (tenant.to_owned(), name.to_owned());
        let broken = self.broken.read().unwrap_or_else(PoisonError::into_inner);
        if broken.get(&key) == Some(manifest) {
            return false;
        }
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current
            .get(&key)
            .is_none_or(|installed| installed.manifest_digest != *manifest)
    }

    /// A manifest could not be loaded.
    pub(crate) fn give_up(&self, tenant: &Tenant, name: &str, manifest: Digest) {
        let mut broken = self.broken.write().unwrap_or_else(PoisonError::into_inner);
        broken.insert((tenant.to_owned(), name.to_owned()), manifest);
    }

    pub(crate) fn put(&self, installed: Arc<Installed>) {
        let key = (
            installed.manifest.tenant.clone(),
            installed.manifest.connector.clone(),
        );
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.insert(key, installed);
    }

    /// The connector as it was when a run opened.
    pub(crate) async fn opened_under(
        &self,
        loader: Loader<'_>,
        store: &dyn Store,
        tenant: &Tenant,
        name: &str,
        manifest: &Digest,
        component: &Digest,
    ) -> Result<Arc<Installed>, InstallError> {
        let current = self.get(tenant, name).filter(|installed| {
            installed.manifest.component == *component && installed.manifest_digest == *manifest
        });
        if let Some(current) = current {
            return Ok(current);
        }
        let key = (*manifest, *component);
        let known = {
            let kept = self
                .opened_under
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            kept.get(&key).cloned()
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let missing = |what: &str| {
            InstallError::NotAConnector(format!("the store no longer has the run's {what}"))
        };
        let text = store
            .component(&manifest.to_string())
            .await?
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| missing("manifest"))?;
        let bytes = store
            .component(&component.to_string())
            .await?
            .ok_or_else(|| missing("component"))?;
        let installed = Arc::new(load(loader, name, &text, &bytes).await?);
        let mut kept = self
            .opened_under
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        kept.insert(key, Arc::clone(&installed));
        Ok(installed)
    }
}

/// Read a manifest and make its component ready. Refuses everything that does
/// not fit together, and changes nothing.
pub(crate) async fn load(
    loader: Loader<'_>,
    file_name: &str,
    manifest_text: &str,
    component: &[u8],
) -> Result<Installed, InstallError> {
    let manifest = Manifest::parse(file_name, manifest_text)?;
    let interfaces: Vec<&str> = loader.extended().map(|one| one.interface).collect();
    let inspection = package::inspect_for(component, &interfaces)
        .map_err(|error| InstallError::NotAConnector(error.to_string()))?;
    check_extensions(&manifest, loader)?;
    check(&manifest, &inspection, loader)?;
    let (ready, declared) = loader
        .sandbox
        .ready(&inspection.digest, component, manifest.profile)
        .await?;
    manifest.check(file_name, &declared)?;
    Ok(Installed {
        manifest_digest: manifest.digest(),
        manifest: Arc::new(manifest),
        ready,
        tools: tools(declared)?,
    })
}

/// Load what the store has installed.
pub(crate) async fn load_row(
    loader: Loader<'_>,
    store: &dyn Store,
    row: &ConnectorRow,
) -> Result<Installed, InstallError> {
    let bytes = store
        .component(&row.component_digest)
        .await?
        .ok_or_else(|| {
            InstallError::NotAConnector(format!(
                "the store has no component {}",
                row.component_digest
            ))
        })?;
    load(loader, &row.name, &row.manifest_text, &bytes).await
}

/// A grant of what this host does not have, and a rule for it, are a mistake that
/// would show only when it matters.
fn check_extensions(manifest: &Manifest, loader: Loader<'_>) -> Result<(), InstallError> {
    for (name, destinations) in &manifest.grant.extension {
        for (destination, grant) in destinations {
            match loader.extensions.accepts(name, grant) {
                Some(Ok(())) => {}
                Some(Err(problem)) => {
                    return Err(InstallError::ExtensionGrant {
                        place: format!("extension.{name}.{destination}"),
                        problem,
                    });
                }
                None => {
                    return Err(InstallError::UnknownExtension {
                        name: name.clone(),
                        known: loader.extensions.names(),
                    });
                }
            }
        }
    }
    for rule in manifest.rules.iter() {
        let Some(CallPattern::Call(call)) = &rule.call else {
            continue;
        };
        let extension = call.split_once('.').map_or("", |(name, _)| name);
        if manifest.grant.extension.contains_key(extension)
            && !loader.extended().any(|one| one.call == call)
        {
            return Err(InstallError::UnknownExtensionCall {
                rule: rule.name.clone(),
                call: call.clone(),
            });
        }
    }
    Ok(())
}

fn check(
    manifest: &Manifest,
    inspection: &Inspection,
    loader: Loader<'_>,
) -> Result<(), InstallError> {
    if manifest.component != inspection.digest {
        return Err(InstallError::DigestMismatch {
            pinned: manifest.component.to_string(),
            found: inspection.digest.to_string(),
        });
    }
    let (extended, imports): (Vec<&String>, Vec<&String>) = inspection
        .imports
        .iter()
        // A guest's last words are always taken: they change nothing.
        .filter(|import| *import != "log.panic")
        .partition(|import| import.contains('#'));
    let (wasi, ours): (Vec<String>, Vec<String>) = imports
        .into_iter()
        .cloned()
        .partition(|import| import.starts_with("wasi:"));
    let mut missing: Vec<(String, String)> = manifest
        .missing_grants(&ours)
        .into_iter()
        .map(|missing| (missing.import, missing.line_to_add))
        .collect();
    if manifest.profile == Profile::Sealed {
        let line = || "profile = \"wasi\"".to_owned();
        missing.extend(wasi.into_iter().map(|import| (import, line())));
    }
    for import in extended {
        let offered = loader
            .extended()
            .find(|one| import.split_once('#') == Some((one.interface, one.function)))
            .and_then(|one| one.extension);
        let Some(name) = offered else {
            return Err(InstallError::NotAConnector(format!(
                "it imports `{import}`, which this host's extensions do not have"
            )));
        };
        if !manifest.grant.extension.contains_key(name) {
            missing.push((import.clone(), format!("[extension.{name}.DESTINATION]")));
        }
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(InstallError::NotGranted { missing })
    }
}

fn tools(declared: Vec<ToolDecl>) -> Result<Vec<Tool>, InstallError> {
    if declared.len() > TOOLS_MAX {
        return Err(InstallError::NotAConnector(format!(
            "it declares {} tools, more than {TOOLS_MAX}",
            declared.len()
        )));
    }
    let names: Vec<String> = declared.iter().map(|tool| tool.name.clone()).collect();
    let mut tools = Vec::new();
    for decl in declared {
        let problem = |problem: String| InstallError::Tool {
            tool: decl.name.clone(),
            problem,
        };
        if names.iter().filter(|name| **name == decl.name).count() > 1 {
            return Err(problem("two tools have this name".to_owned()));
        }
        if !ToolDecl::is_name(&decl.name) {
            return Err(problem("a tool's name is 1 to 64 of a-z 0-9 _".to_owned()));
        }
        if let Some(inverse) = decl.undo.tool()
            && !names.iter().any(|name| name == inverse)
        {
            return Err(problem(format!("its inverse `{inverse}` is not a tool")));
        }
        if let Some(words) = &decl.terms.precondition
            && (words.len() > PRECONDITION_BYTES_MAX || visible(words) != *words)
        {
            return Err(problem(format!(
                "its precondition is not one plain sentence of at most {PRECONDITION_BYTES_MAX} bytes"
            )));
        }
        tools.push(Tool {
            input: validator(&decl.input_schema).map_err(&problem)?,
            output: validator(&decl.output_schema).map_err(&problem)?,
            digest: decl.digest().map_err(|error| problem(error.to_string()))?,
            decl: Arc::new(decl),
        });
    }
    Ok(tools)
}

/// A schema, ready. References are resolved within the schema only: the crate
/// is built without the features that would fetch or read one.
fn validator(schema: &serde_json::Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        // Patterns come from the connector: no backtracking, bounded size.
        .with_pattern_options(jsonschema::PatternOptions::regex().size_limit(1 << 20))
        .build(schema)
        .map_err(|error| format!("its schema is not usable: {error}"))
}

/// The name that is nearest to what was written, if any is near.
pub(crate) fn closest(name: &str, names: impl Iterator<Item = String>) -> Option<String> {
    names
        .map(|known| (strsim::jaro_winkler(name, &known), known))
        .filter(|(nearness, _)| *nearness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known)
}
