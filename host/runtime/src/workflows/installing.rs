//! Installing another version of a workflow. Scope grows step by step: each step is
//! shown before it is taken, and recorded with the file.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tollgate_journal::{Stage, Tenant};
use tollgate_policy::workflow::{Widens, Workflow};
use tollgate_policy::{Digest, ManifestErrors};
use tollgate_store::{Change, Rejected, WorkflowRow};

use super::Known;
use crate::connectors::closest;
use crate::error::{HostError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::time::rfc3339;

/// An installed workflow, for people and programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkflowInfo {
    /// Its name.
    pub name: String,
    /// The tenant.
    pub tenant: Tenant,
    /// Digest of the file.
    pub digest: String,
    /// `shadow`, `supervised` or `normal`.
    pub mode: String,
    /// `person:…` or `group:…`.
    pub owner: String,
    /// What it is for.
    pub purpose: String,
    /// What kind of work is handed over.
    pub handoff: String,
    /// Principals that work in it.
    pub agents: Vec<String>,
    /// Its tools, as `connector.tool`.
    pub tools: Vec<String>,
    /// Tools that no installed connector has.
    pub missing: Vec<String>,
    /// When it was installed, RFC 3339.
    pub installed: String,
    /// The file.
    pub text: String,
}

/// One change of a boundary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowChange {
    /// `wider`, `narrower` or `same`.
    pub widens: String,
    /// What changes.
    pub what: String,
}

/// What installing or removing a workflow does, or would do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkflowPlan {
    /// The workflow.
    pub name: String,
    /// The tenant.
    pub tenant: Tenant,
    /// Digest of the new file; nothing where the workflow goes.
    pub digest: Option<String>,
    /// Digest of the file that stood before.
    pub replaces: Option<String>,
    /// What changes. Empty: the very same file.
    pub changes: Vec<WorkflowChange>,
    /// Principals that would be in no workflow any more, and so bound by manifests
    /// alone.
    pub unbinds: Vec<String>,
    /// Named tools that no installed connector has, with what may be meant.
    pub missing: Vec<String>,
}

impl WorkflowPlan {
    /// Whether anything becomes wider.
    #[must_use]
    pub fn widens(&self) -> bool {
        !self.unbinds.is_empty()
            || self
                .changes
                .iter()
                .any(|change| change.widens == Widens::Wider.as_str())
    }
}

/// Why a workflow was not installed or removed. Nothing changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The file has mistakes.
    #[error("{0}")]
    Workflow(#[from] ManifestErrors),
    /// The file is recorded, and shown to whoever reviews it.
    #[error("the workflow has {found} in it; a workflow needs no secret, remove it")]
    HasSecret {
        /// Which.
        found: tollgate_secrets::Found,
    },
    /// There is no such workflow.
    #[error("there is no workflow `{name}`{}", suggestion.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    Unknown {
        /// As it was named.
        name: String,
        /// The closest one there is.
        suggestion: Option<String>,
    },
    /// Principals would be bound no more. That gives them every tool of the tenant,
    /// so it is not done in passing.
    #[error(
        "`{}` would be in no workflow any more, and could call every tool of the tenant; say so (--unbind), or take its token back first",
        .0.join("`, `")
    )]
    Unbinds(Vec<String>),
    /// The journal cannot be written or read.
    #[error(transparent)]
    Journal(#[from] JournalFault),
}

impl Host {
    /// What installing this file would change. Nothing changes.
    ///
    /// # Errors
    ///
    /// When the file has mistakes, or the store cannot be read.
    pub async fn plan_workflow(
        &self,
        file_name: &str,
        text: &str,
    ) -> Result<WorkflowPlan, WorkflowError> {
        let workflow = Workflow::parse(file_name, text)?;
        self.inner().started_well(file_name, &workflow)?;
        self.inner().planned(&workflow).await
    }

    /// Install a workflow, or replace it. `by` stands in the record. `unbind` says
    /// that principals may be left in no workflow.
    ///
    /// # Errors
    ///
    /// When the file has mistakes, would unbind somebody unsaid, or the store cannot
    /// be written.
    pub async fn install_workflow(
        &self,
        file_name: &str,
        text: &str,
        by: &str,
        unbind: bool,
    ) -> Result<WorkflowPlan, WorkflowError> {
        let workflow = Workflow::parse(file_name, text)?;
        let inner = self.inner();
        inner.learn_secrets().await;
        let scanner = inner.backends.secrets.scanner();
        if let Some(found) = scanner.find(&workflow.tenant, text.as_bytes()) {
            return Err(WorkflowError::HasSecret { found });
        }
        inner.started_well(file_name, &workflow)?;
        let plan = inner.planned(&workflow).await?;
        if !plan.unbinds.is_empty() && !unbind {
            return Err(WorkflowError::Unbinds(plan.unbinds));
        }
        let row = WorkflowRow {
            tenant: workflow.tenant.clone(),
            name: workflow.name.clone(),
            text: text.to_owned(),
            installed_ms: inner.journal.now_ms(),
        };
        let change = Change::PutWorkflow(Box::new(row));
        inner.change_workflow(&plan, text, by, change).await?;
        Ok(plan)
    }

    /// Remove a workflow. Its cases and records stay; open ones take no more runs.
    ///
    /// # Errors
    ///
    /// When there is none of that name, somebody would be unbound unsaid, or the
    /// store cannot be written.
    pub async fn remove_workflow(
        &self,
        tenant: &Tenant,
        name: &str,
        by: &str,
        unbind: bool,
    ) -> Result<WorkflowPlan, WorkflowError> {
        let inner = self.inner();
        let row = inner.workflow_row(tenant, name).await?;
        let known = inner.fresh_workflows(tenant).await?;
        let before = known.get(name);
        let replaces = Digest::of(row.text.as_bytes()).to_string();
        let plan = WorkflowPlan {
            name: name.to_owned(),
            tenant: tenant.to_owned(),
            digest: None,
            replaces: Some(replaces),
            changes: vec![WorkflowChange {
                widens: Widens::Narrower.as_str().to_owned(),
                what: format!("workflow removed: {name}"),
            }],
            unbinds: before.map_or_else(Vec::new, |before| unbound(&known, before, None)),
            missing: Vec::new(),
        };
        if !plan.unbinds.is_empty() && !unbind {
            return Err(WorkflowError::Unbinds(plan.unbinds));
        }
        let change = Change::RemoveWorkflow {
            name: name.to_owned(),
        };
        inner.change_workflow(&plan, &row.text, by, change).await?;
        Ok(plan)
    }

    /// A tenant's workflows, by name.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn workflows(&self, tenant: &Tenant) -> Result<Vec<WorkflowInfo>, WorkflowError> {
        let rows = self.inner().journal.store.workflows(Some(tenant)).await;
        let rows = rows.map_err(JournalFault::from)?;
        let infos = rows.iter().filter_map(|row| self.inner().info(row).ok());
        Ok(infos.collect())
    }

    /// One workflow.
    ///
    /// # Errors
    ///
    /// When there is none of that name, or the store cannot be read.
    pub async fn workflow(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<WorkflowInfo, WorkflowError> {
        let row = self.inner().workflow_row(tenant, name).await?;
        self.inner().info(&row)
    }
}

impl Inner {
    async fn fresh_workflows(
        &self,
        tenant: &Tenant,
    ) -> Result<std::sync::Arc<Known>, JournalFault> {
        self.workflows.forget(tenant);
        self.workflows_of(tenant).await
    }

    async fn planned(&self, workflow: &Workflow) -> Result<WorkflowPlan, WorkflowError> {
        let known = self.fresh_workflows(&workflow.tenant).await?;
        let before = known.get(&workflow.name).map(std::convert::AsRef::as_ref);
        let changes = workflow.changes_from(before).into_iter();
        let unbinds =
            before.map_or_else(Vec::new, |before| unbound(&known, before, Some(workflow)));
        Ok(WorkflowPlan {
            name: workflow.name.clone(),
            tenant: workflow.tenant.clone(),
            digest: Some(workflow.digest().to_string()),
            replaces: before.map(|before| before.digest().to_string()),
            changes: changes
                .map(|change| WorkflowChange {
                    widens: change.widens.as_str().to_owned(),
                    what: change.what,
                })
                .collect(),
            unbinds,
            missing: self.missing_tools(workflow),
        })
    }

    /// The oversight: a trigger starts cases and does not bring what one begins with, and
    /// each of its deliveries is refused, seen by its sender alone.
    fn started_well(&self, file_name: &str, workflow: &Workflow) -> Result<(), ManifestErrors> {
        for trigger in self.triggers.starting(workflow) {
            workflow.started_with(file_name, &trigger.name, &trigger.brought())?;
        }
        Ok(())
    }

    /// Triggers against the workflows that are installed: the settings may be newer.
    pub(crate) async fn triggers_fit(&self) -> Result<(), HostError> {
        for row in self.journal.store.workflows(None).await? {
            // One that cannot be read starts nothing.
            let Ok(workflow) = Workflow::parse(&row.name, &row.text) else {
                continue;
            };
            if let Some(problem) = self.triggers.unfit(&workflow) {
                return Err(HostError::TriggerUnfit(problem));
            }
        }
        Ok(())
    }

    /// Tools that the workflow names and no installed connector has. No mistake: a
    /// workflow may be there before its connectors.
    fn missing_tools(&self, workflow: &Workflow) -> Vec<String> {
        let installed = self.connectors.of(&workflow.tenant);
        let known: BTreeSet<String> = installed
            .iter()
            .flat_map(|one| {
                let tools = one.tools.iter();
                tools.map(|tool| format!("{}.{}", one.manifest.connector, tool.decl.name))
            })
            .collect();
        let missing = named_tools(workflow).filter(|name| !known.contains(name));
        missing
            .map(|name| match closest(&name, known.iter().cloned()) {
                Some(near) => format!("{name} (did you mean {near}?)"),
                None => name,
            })
            .collect()
    }

    async fn change_workflow(
        &self,
        plan: &WorkflowPlan,
        text: &str,
        by: &str,
        change: Change,
    ) -> Result<(), WorkflowError> {
        let (tenant, place) = (&plan.tenant, "installation");
        let about = self.journal.about(tenant, place, None, by, None, place);
        let mut about = about.await?;
        about.workflow = Some(plan.name.clone());
        let wider = plan
            .changes
            .iter()
            .filter(|change| change.widens == "wider");
        let saying = Saying::new(Stage::WorkflowChanged)
            .fact("workflow", plan.name.as_str())
            .fact("change", change_word(plan))
            .maybe("workflow_digest", plan.digest.as_deref())
            .maybe("replaces", plan.replaces.as_deref())
            .fact("wider", wider.count() + plan.unbinds.len())
            .json("changes", &serde_json::json!(plan.changes))
            .json("unbinds", &serde_json::json!(plan.unbinds))
            .value("file", text.as_bytes().to_vec());
        let saying = match Workflow::parse(&plan.name, text) {
            Ok(workflow) => by_hand(saying, &workflow),
            Err(_) => saying,
        };
        let record = self.journal.record(&about, saying)?;
        let appended = self.journal.append(tenant, vec![record], vec![change]);
        appended.await.map_err(|fault| match fault.rejected() {
            Some(Rejected::NoSuchWorkflow(name)) => WorkflowError::Unknown {
                name: name.clone(),
                suggestion: None,
            },
            _ => fault.into(),
        })?;
        self.workflows.forget(tenant);
        self.workflows_of(tenant).await?;
        Ok(())
    }

    async fn workflow_row(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<WorkflowRow, WorkflowError> {
        let rows = self.journal.store.workflows(Some(tenant)).await;
        let rows = rows.map_err(JournalFault::from)?;
        let unknown = || WorkflowError::Unknown {
            name: name.to_owned(),
            suggestion: closest(name, rows.iter().map(|row| row.name.clone())),
        };
        let found = rows.iter().find(|row| row.name == name).cloned();
        found.ok_or_else(unknown)
    }

    fn info(&self, row: &WorkflowRow) -> Result<WorkflowInfo, WorkflowError> {
        let workflow = Workflow::parse(&row.name, &row.text)?;
        Ok(WorkflowInfo {
            digest: workflow.digest().to_string(),
            mode: workflow.mode.as_str().to_owned(),
            owner: workflow.owner.to_string(),
            purpose: workflow.purpose.clone(),
            handoff: workflow.handoff.as_str().to_owned(),
            tools: named_tools(&workflow).collect(),
            missing: self.missing_tools(&workflow),
            agents: workflow.agents.clone(),
            installed: rfc3339(row.installed_ms),
            name: workflow.name,
            tenant: workflow.tenant,
            text: workflow.text,
        })
    }
}

fn change_word(plan: &WorkflowPlan) -> &'static str {
    match (&plan.digest, &plan.replaces) {
        (None, _) => "removed",
        (Some(_), None) => "installed",
        (Some(_), Some(_)) => "replaced",
    }
}

fn named_tools(workflow: &Workflow) -> impl Iterator<Item = String> {
    workflow
        .tools
        .iter()
        .flat_map(|(connector, tools)| tools.iter().map(move |tool| format!("{connector}.{tool}")))
}

/// What reports are measured against stands open in the record: they are made from
/// leaves alone.
fn by_hand(saying: Saying, workflow: &Workflow) -> Saying {
    let target = workflow.first_response.map(|target| target.as_secs());
    let saying = saying.maybe("first_response_s", target);
    let Some(baseline) = &workflow.baseline else {
        return saying;
    };
    let (minutes, either_way) = (baseline.minutes, baseline.uncertainty);
    saying
        .fact("baseline_minutes_low", minutes.saturating_sub(either_way))
        .fact("baseline_minutes_high", minutes.saturating_add(either_way))
        .fact("baseline_touches", baseline.touches)
}

/// Who is bound by this workflow now, and would be by none afterwards.
fn unbound(known: &Known, before: &Workflow, after: Option<&Workflow>) -> Vec<String> {
    let stays = |agent: &str| {
        after.is_some_and(|after| after.binds(agent))
            || known
                .binding(agent)
                .any(|workflow| workflow.name != before.name)
    };
    let agents = before.agents.iter();
    agents.filter(|agent| !stays(agent)).cloned().collect()
}
