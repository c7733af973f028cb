//! The boundary that work happens inside.
//!
//! | file | what |
//! |---|---|
//! | here | which workflows there are: as the store has them, asked for once a second |
//! | `installing` | another version of one: what it changes, and its record |
//! | `boundary` | in which workflow a call happens, and whether it may at all |
//! | `opening` | opening a case, and entering one |
//! | `ending` | how a case ends, never silently |
//! | `completion` | the read that shows whether a completion is correct |
//! | `casework` | what faces see of cases |
//! | `mode` | what the door does in shadow and under supervision |

mod boundary;
mod casework;
mod completion;
mod ending;
mod installing;
mod mode;
mod opening;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tollgate_journal::Tenant;

use tollgate_policy::workflow::Workflow;
use tollgate_store::WorkflowRow;

use crate::error::JournalFault;
use crate::host::Inner;
use crate::queue::Task;

pub(crate) use boundary::Within;
pub use casework::{CaseClaim, CaseQuery, CaseReport, NewCase};
pub use installing::{WorkflowChange, WorkflowError, WorkflowInfo, WorkflowPlan};
pub(crate) use mode::{Boundary, Judged, SUPERVISED, in_shadow};

/// How long a tenant's workflows are believed without asking the store: what
/// another process installs binds within this time.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// The principal of what the host does in a case by itself.
pub(crate) const HOST: &str = "tollgate";

/// A tenant's workflows, as the store had them.
#[derive(Default)]
pub(crate) struct Known {
    by_name: BTreeMap<String, Arc<Workflow>>,
    /// Those whose text this program cannot read. Whom they bind is not known.
    broken: Vec<String>,
}

impl Known {
    pub(crate) fn get(&self, name: &str) -> Option<&Arc<Workflow>> {
        self.by_name.get(name)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Workflow>> {
        self.by_name.values()
    }

    /// Those that a principal works in. None: it is bound by manifests alone.
    pub(crate) fn binding<'k>(
        &'k self,
        principal: &'k str,
    ) -> impl Iterator<Item = &'k Arc<Workflow>> {
        self.all().filter(move |workflow| workflow.binds(principal))
    }

    fn is_empty(&self) -> bool {
        self.by_name.is_empty() && self.broken.is_empty()
    }

    /// The same with these rows; what did not change is not read again.
    fn with(&self, rows: &[WorkflowRow]) -> Self {
        let mut known = Self::default();
        for row in rows {
            let same = self.get(&row.name).filter(|known| known.text == row.text);
            let read = same.map_or_else(
                || Workflow::parse(&row.name, &row.text).map(Arc::new),
                |known| Ok(Arc::clone(known)),
            );
            match read {
                Ok(workflow) => {
                    known.by_name.insert(row.name.clone(), workflow);
                }
                // Written by a newer program, or by hand.
                Err(error) => {
                    let (tenant, workflow) = (row.tenant.as_str(), row.name.as_str());
                    tracing::error!(tenant, workflow, %error, "a workflow cannot be read");
                    known.broken.push(row.name.clone());
                }
            }
        }
        known
    }
}

/// The workflows of all tenants that were asked for.
#[derive(Default)]
pub(crate) struct Workflows(RwLock<HashMap<Tenant, (Instant, Arc<Known>)>>);

impl Workflows {
    fn known(&self, tenant: &Tenant) -> Option<(Instant, Arc<Known>)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(tenant).cloned()
    }

    fn learn(&self, tenant: &Tenant, known: Arc<Known>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(tenant.to_owned(), (Instant::now(), known));
    }

    /// Ask the store at the next call.
    fn forget(&self, tenant: &Tenant) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(tenant);
    }
}

impl Inner {
    /// A tenant's workflows. Asked for again after a second: a store that cannot
    /// say whom they bind lets nobody through.
    pub(crate) async fn workflows_of(&self, tenant: &Tenant) -> Result<Arc<Known>, JournalFault> {
        let before = self.workflows.known(tenant);
        if let Some((asked, known)) = &before
            && asked.elapsed() < BELIEVED_FOR
        {
            return Ok(Arc::clone(known));
        }
        let rows = self.journal.store.workflows(Some(tenant)).await?;
        let known = match before {
            Some((_, known)) => Arc::new(known.with(&rows)),
            None => Arc::new(Known::default().with(&rows)),
        };
        self.workflows.learn(tenant, Arc::clone(&known));
        Ok(known)
    }

    /// The workflows that were asked for last, where they were.
    pub(crate) fn workflows_known(&self, tenant: &Tenant) -> Option<Arc<Known>> {
        self.workflows.known(tenant).map(|(_, known)| known)
    }

    /// Have the workflows of all tenants in memory, for what cannot wait.
    pub(crate) async fn load_workflows(&self) -> Result<(), JournalFault> {
        let mut by_tenant: HashMap<Tenant, Vec<WorkflowRow>> = HashMap::new();
        for head in self.journal.store.heads().await? {
            by_tenant.entry(head.tenant).or_default();
        }
        for row in self.journal.store.workflows(None).await? {
            by_tenant.entry(row.tenant.clone()).or_default().push(row);
        }
        for (tenant, rows) in by_tenant {
            let before = self.workflows_known(&tenant).unwrap_or_default();
            let known = before.with(&rows);
            let broken = known.broken.join("`, `");
            self.workflows.learn(&tenant, Arc::new(known));
            if !broken.is_empty() {
                let why = format!("`{broken}` cannot be read");
                self.task_failed(&tenant, Task::ReadWorkflow, &why).await;
            }
        }
        Ok(())
    }
}
