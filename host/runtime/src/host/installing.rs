//! Connectors of a running host: installing one, loading what is installed, and
//! telling which tools there are.

use std::sync::Arc;
use tollgate_journal::Tenant;

use tollgate_journal::Stage;
use tollgate_policy::{Digest, Effect, UndoDecl};
use tollgate_store::{Change, ConnectorRow};

use super::{Host, Inner};
use crate::api::{Principal, ToolInfo};
use crate::connectors::{self, Loader};
use crate::error::{HostError, InstallError};
use crate::journal::Saying;
use crate::queue::Task;

/// A connector that was just installed.
#[derive(Clone, Debug)]
pub struct InstalledConnector {
    /// Its installed name.
    pub name: String,
    /// The tenant.
    pub tenant: Tenant,
    /// The pinned component.
    pub component: Digest,
    /// Its tools.
    pub tools: Vec<ToolInfo>,
}

impl Host {
    /// Install a connector, or replace it. Held runs keep what they opened with.
    ///
    /// # Errors
    ///
    /// When manifest and component do not fit together; nothing changes then.
    pub async fn install(
        &self,
        file_name: &str,
        manifest_text: &str,
        component: &[u8],
        by: &str,
    ) -> Result<InstalledConnector, InstallError> {
        let inner = &self.0;
        inner.learn_secrets().await;
        let installed =
            connectors::load(inner.loader(), file_name, manifest_text, component).await?;
        let manifest = Arc::clone(&installed.manifest);
        let scanner = inner.backends.secrets.scanner();
        if let Some(found) = scanner.find(&manifest.tenant, manifest_text.as_bytes()) {
            return Err(InstallError::HasSecret { found });
        }
        let about = inner
            .journal
            .about(
                &manifest.tenant,
                "installation",
                None,
                by,
                None,
                "installation",
            )
            .await?;
        let saying = Saying::new(Stage::ManifestChanged)
            .fact("connector", manifest.connector.as_str())
            .fact("manifest", manifest.digest().to_string())
            .fact("component", manifest.component.to_string())
            .value("manifest", manifest_text.as_bytes().to_vec());
        let record = inner.journal.record(&about, saying)?;
        let changes = vec![
            Change::PutComponent {
                digest: manifest.component.to_string(),
                bytes: component.to_vec(),
            },
            Change::PutComponent {
                digest: manifest.digest().to_string(),
                bytes: manifest_text.as_bytes().to_vec(),
            },
            Change::PutConnector(Box::new(ConnectorRow {
                tenant: manifest.tenant.clone(),
                name: manifest.connector.clone(),
                manifest_text: manifest_text.to_owned(),
                component_digest: manifest.component.to_string(),
                installed_ms: inner.journal.now_ms(),
            })),
        ];
        inner
            .journal
            .append(&manifest.tenant, vec![record], changes)
            .await?;
        let installed = Arc::new(installed);
        let tools = infos(&installed);
        inner.connectors.put(installed);
        Ok(InstalledConnector {
            name: manifest.connector.clone(),
            tenant: manifest.tenant.clone(),
            component: manifest.component,
            tools,
        })
    }

    /// The tools that a principal may call. Those that only take other calls back
    /// are not among them.
    #[must_use]
    pub fn tools(&self, who: &Principal) -> Vec<ToolInfo> {
        let installed = self.0.connectors.of(&who.tenant);
        let all = installed.iter().flat_map(|one| infos(one));
        all.filter(|tool| self.0.sees(who, &tool.connector, &tool.name))
            .collect()
    }
}

impl Inner {
    /// What connectors are loaded with.
    pub(crate) fn loader(&self) -> Loader<'_> {
        Loader {
            sandbox: &self.sandbox,
            extensions: &self.backends.extensions,
        }
    }

    pub(super) async fn load_installed(&self) -> Result<(), HostError> {
        for row in self.journal.store.connectors(None).await? {
            self.load_connector(&row).await;
        }
        Ok(())
    }

    /// Load what another process installed since.
    pub(crate) async fn load_changed(&self) {
        let rows = match self.journal.store.connectors(None).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(%error, "what is installed could not be read");
                return;
            }
        };
        for row in rows {
            let digest = Digest::of(row.manifest_text.as_bytes());
            if self.connectors.is_new(&row.tenant, &row.name, &digest) {
                self.load_connector(&row).await;
            }
        }
    }

    /// One broken connector must not keep the others from work.
    async fn load_connector(&self, row: &ConnectorRow) {
        let store = self.journal.store.as_ref();
        match connectors::load_row(self.loader(), store, row).await {
            Ok(installed) => self.connectors.put(Arc::new(installed)),
            Err(error) => {
                let digest = Digest::of(row.manifest_text.as_bytes());
                if !matches!(error, InstallError::Journal(_)) {
                    self.connectors.give_up(&row.tenant, &row.name, digest);
                }
                let why = format!("{}: {error}", row.name);
                self.task_failed(&row.tenant, Task::LoadConnector, &why)
                    .await;
            }
        }
    }
}

fn infos(installed: &connectors::Installed) -> Vec<ToolInfo> {
    // What only takes other calls back is not called by itself.
    let tools = installed.tools.iter();
    let tools = tools.filter(|tool| !tool.decl.terms.undo_only);
    tools.map(|tool| info(installed, tool)).collect()
}

fn info(installed: &connectors::Installed, tool: &connectors::Tool) -> ToolInfo {
    ToolInfo {
        connector: installed.manifest.connector.clone(),
        name: tool.decl.name.clone(),
        title: tool.decl.title.clone(),
        description: tool.decl.description.clone(),
        input_schema: tool.decl.input_schema.clone(),
        output_schema: tool.decl.output_schema.clone(),
        effect: tool.decl.effect,
        undoable: tool.decl.effect == Effect::Write && tool.decl.undo != UndoDecl::None,
    }
}
