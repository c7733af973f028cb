//! What the host does by itself and cannot do: nobody called it, so nobody would
//! hear of it. Each is a record of its own and one item a day.

use tollgate_journal::{Stage, Tenant};
use tollgate_policy::queue::FailureClass;

use super::filing::{Filing, Subject};
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::Saying;
use crate::time;

/// Who did it, for the record.
const BY: &str = "tollgate";

impl Inner {
    /// A task failed for a tenant. Where that cannot be recorded either, the store is
    /// away: the program's own log has it then, and the next look tries again.
    pub(crate) async fn task_failed(&self, tenant: &Tenant, task: &'static str, why: &str) {
        tracing::error!(%tenant, task, why, "a task of the host failed");
        if let Err(error) = self.file_task(tenant, task, why).await {
            tracing::error!(%tenant, task, %error, "nobody could be told of it");
        }
    }

    async fn file_task(
        &self,
        tenant: &Tenant,
        task: &'static str,
        why: &str,
    ) -> Result<(), JournalFault> {
        let now = self.journal.now_ms();
        let day = time::day(now);
        let (case, id) = (format!("task-{task}"), format!("task-{task}-{day}"));
        let queues = self.backends.queues.of(tenant);
        let Some(filing) = Filing::new(queues, FailureClass::HostTask, id.clone()) else {
            return Ok(());
        };
        if self.journal.store.queue_item(tenant, &id).await?.is_some() {
            return Ok(());
        }
        let subject = format!("day:{day}");
        let about = self.journal.about(tenant, &case, None, BY, None, &subject);
        let saying = filing.facts(Saying::new(Stage::Exception).fact("task", task));
        let why = serde_json::json!({ "message": why });
        let record = self
            .journal
            .record(&about.await?, saying.json("failure", &why))?;
        let about = Subject {
            tenant,
            run: "",
            case: &case,
            connector: BY,
            tool: task,
            principal: BY,
        };
        let changes = filing.changes(about, record.hash, now);
        self.journal.append(tenant, vec![record], changes).await
    }
}
