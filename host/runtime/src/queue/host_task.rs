//! What the host does by itself and cannot do: nobody called it, so nobody would hear of
//! it. Each task has one open item of a tenant, with the record of the first failure; what
//! fails again is counted in it, at most once in a while, so that a task that is tried
//! every second floods nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tollgate_journal::{Stage, Tenant};
use tollgate_policy::queue::FailureClass;

use super::filing::{Filing, Subject};
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::Saying;
use crate::{names, time};

/// Who did it, for the record.
const BY: &str = "tollgate";

/// A task of a tenant is counted once in this time.
const EVERY_MS: u64 = 60_000;

/// What the host does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    /// Signing a checkpoint.
    Checkpoint,
    /// Pruning what is older than the operator keeps.
    Prune,
    /// Ending an approval whose time has passed.
    EndApproval,
    /// Ending a case whose time has passed, or that was stopped.
    EndCase,
    /// Letting go of what a dead process had.
    Release,
    /// Loading a connector that was installed.
    LoadConnector,
    /// Reading a workflow that was installed.
    ReadWorkflow,
    /// Sending an item to where its owner looks.
    Deliver,
    /// Asking for a secret's value.
    LearnSecret,
}

impl Task {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Prune => "prune",
            Self::EndApproval => "end-approval",
            Self::EndCase => "end-case",
            Self::Release => "release",
            Self::LoadConnector => "load-connector",
            Self::ReadWorkflow => "read-workflow",
            Self::Deliver => "deliver",
            Self::LearnSecret => "learn-secret",
        }
    }
}

/// When this process last told of a tenant's task.
#[derive(Default)]
pub(crate) struct Told(Mutex<HashMap<(String, Task), u64>>);

impl Told {
    /// Whether whoever asks is to tell of it: of several at once one is.
    fn is_due(&self, tenant: &str, task: Task, now_ms: u64) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.to_owned(), task);
        let last = told.get(&key);
        let due = last.is_none_or(|last| now_ms.saturating_sub(*last) >= EVERY_MS);
        if due {
            told.insert(key, now_ms);
        }
        due
    }

    /// It could not be told.
    fn not_told(&self, tenant: &str, task: Task) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.remove(&(tenant.to_owned(), task));
    }
}

impl Inner {
    /// A task failed for a tenant. Where that cannot be recorded either, the store is
    /// away: the program's own log has it then, and the next look tries again.
    pub(crate) async fn task_failed(&self, tenant: &Tenant, task: Task, why: &str) {
        tracing::error!(
            %tenant,
            task = task.as_str(),
            why,
            "a task of the host failed"
        );
        let now = self.journal.now_ms();
        if !self.told.is_due(tenant, task, now) {
            return;
        }
        if let Err(error) = self.file_task(tenant, task, why, now).await {
            self.told.not_told(tenant, task);
            tracing::error!(%tenant, task = task.as_str(), %error, "nobody could be told of it");
        }
    }

    async fn file_task(
        &self,
        tenant: &Tenant,
        task: Task,
        why: &str,
        now: u64,
    ) -> Result<(), JournalFault> {
        let task = task.as_str();
        let case = format!("task-{task}");
        let about = Subject {
            tenant,
            run: "",
            case: &case,
            connector: BY,
            tool: task,
            principal: BY,
        };
        let settings = &self.backends.queues;
        let class = FailureClass::HostTask;
        let Some(filing) = Filing::new(settings.of(tenant), class, names::queue_item()) else {
            return Ok(());
        };
        let store = self.journal.store.as_ref();
        let fold = Some(format!("task/{task}"));
        // There are few tasks: each has room.
        let filing = filing.placed(store, tenant, fold, u64::MAX).await?;
        if filing.repeats() {
            let changes = filing.changes(about, [0; 32], now);
            return self.journal.append(tenant, Vec::new(), changes).await;
        }
        let subject = format!("day:{}", time::day(now));
        let journal = &self.journal;
        let whose = journal.about(tenant, &case, None, BY, None, &subject);
        let saying = filing.facts(Saying::new(Stage::Exception).fact("task", task));
        let why = serde_json::json!({ "message": why });
        let record = journal.record(&whose.await?, saying.json("failure", &why))?;
        let changes = filing.changes(about, record.hash, now);
        journal.append(tenant, vec![record], changes).await
    }
}
