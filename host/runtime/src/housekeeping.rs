//! What a serving host does for its journal by itself: it signs checkpoints while
//! the tree grows, prunes what is older than the operator keeps, and lets go of
//! keys that nobody uses.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use crate::error::CallError;
use crate::host::{Host, Inner};
use crate::queue::Task;

/// How often a serving host signs a checkpoint, if there is something new.
const EVERY: Duration = Duration::from_secs(10 * 60);

/// How often it prunes, milliseconds.
const PRUNE_EVERY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Who prunes, for the record.
const BY: &str = "tollgate";

/// What is due when.
pub(crate) struct Housekeeping {
    serves: bool,
    retention: Option<Duration>,
    /// By tenant, when this process pruned last.
    pruned_ms: Mutex<HashMap<Tenant, u64>>,
}

impl Housekeeping {
    pub(crate) fn new(serves: bool, retention: Option<Duration>) -> Self {
        Self {
            serves,
            retention,
            pruned_ms: Mutex::default(),
        }
    }

    fn prune_is_due(&self, tenant: &Tenant, now_ms: u64) -> bool {
        let mut pruned = self
            .pruned_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let due = pruned
            .get(tenant)
            .is_none_or(|last| now_ms.saturating_sub(*last) >= PRUNE_EVERY_MS);
        if due {
            pruned.insert(tenant.to_owned(), now_ms);
        }
        due
    }

    /// It is due again at the next look.
    fn not_pruned(&self, tenant: &str) {
        let mut pruned = self
            .pruned_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        pruned.remove(tenant);
    }
}

impl Host {
    /// Sign checkpoints of what has grown, and prune what is due. A serving host
    /// does this by itself; a test with a clock of its own calls it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub async fn keep_house(&self) -> Result<(), CallError> {
        self.inner().keep_house().await
    }
}

impl Inner {
    pub(crate) fn keep_house_regularly(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(inner) = weak.upgrade() else { return };
                if let Err(error) = inner.keep_house().await {
                    tracing::warn!(%error, "checkpoints and pruning wait until the store is back");
                }
            }
        });
    }

    async fn keep_house(self: &Arc<Self>) -> Result<(), CallError> {
        self.journal.forget_keys();
        if let Some(older_than) = self.housekeeping.retention {
            let now = self.journal.now_ms();
            for head in self.journal.store.heads().await? {
                if !self.housekeeping.prune_is_due(&head.tenant, now) {
                    continue;
                }
                // One tenant's trouble is not the others', and not a day's.
                if let Err(error) = self.prune(&head.tenant, older_than, BY, false).await {
                    self.housekeeping.not_pruned(&head.tenant);
                    self.task_failed(&head.tenant, Task::Prune, &error.to_string())
                        .await;
                }
            }
        }
        Ok(self.checkpoint_grown().await?)
    }

    /// The last thing that a serving host says about its journal.
    pub(crate) async fn last_checkpoint(self: &Arc<Self>) {
        if self.housekeeping.serves
            && let Err(error) = self.checkpoint_grown().await
        {
            tracing::warn!(%error, "no last checkpoint");
        }
    }
}
