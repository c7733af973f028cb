//! Sending items to where their owners look, and pending approvals to where those look
//! who decide: a ticket, a chat message, a webhook, a
//! mail. Each is a tool call of an installed connector, by a principal of the host,
//! through rules, door and journal like any other.
//!
//! ```text
//! due ─▶ claimed ─▶ the tool's run ─▶ done        delivered
//!          │                          failed      again, after a longer time each
//!          │                          in doubt    dead: nothing is sent twice
//!          └─ host dies: its claim lapses, and the same try finds the same run
//! ```
//!
//! A try has a request key of its own, made of the item, the delivery and how often
//! it was tried: whoever repeats a try finds its run, whatever became of it. What is
//! tried in vain for the last time is a dead letter, which is an item itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;
use tollgate_journal::{Prepared, Stage, Tenant};
use tollgate_policy::queue::{Definition, FailureClass};
use tollgate_store::{Change, DeliveryRow, QueueRow, Tried};

use super::filing;
use super::host_task::Task;
use super::matter::Matter;
use crate::api::{Principal, PrincipalKind, RunState, ToolCall};
use crate::error::{CallError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::{About, Saying};
use crate::runs::{Request, Run};
use crate::settings::QueueSettings;
use crate::time;

/// Who delivers. No credential establishes it: a principal's name has no colon.
const SERVICE: &str = "service:queue";

/// How the request key and the trigger of a delivery begin. No caller can give them.
pub(crate) const DELIVERY: &str = "queue:";

/// How often a serving host looks for what is due, unless it is told.
const EVERY: Duration = Duration::from_secs(1);

/// Deliveries that a host tries at the same time.
const AT_ONCE: u32 = 8;

/// How long a claim lasts: more than a connector's call. Of two hosts that try the
/// same, the second finds the first one's run.
const CLAIM_MS: u64 = 120_000;

/// Until a run is looked at again that is held or that another host goes on with.
const WAIT_MS: u64 = 30_000;

/// Until the second try, and the longest time between two.
const BACKOFF_MS: u64 = 10_000;
const BACKOFF_MS_MAX: u64 = 3_600_000;

/// Whether a run is a delivery.
pub(crate) fn is_delivery(principal: &str, request_key: Option<&str>) -> bool {
    principal == SERVICE && request_key.is_some_and(|key| key.starts_with(DELIVERY))
}

/// A standing approval that a run has for one kind of call.
pub(crate) struct StandingFor {
    call: String,
    destination: String,
    /// For the record: whose it is, of which delivery.
    pub(crate) said: String,
}

impl StandingFor {
    /// The attack: a template is changed while a delivery of it is held, or a
    /// connector that delivers sends something else on the way. The approval is for
    /// the definition that the run was opened with, and for one call to one place.
    pub(crate) fn of(run: &Run, settings: &QueueSettings) -> Option<Self> {
        let key = run.request_key.as_deref();
        if !is_delivery(&run.principal, key) {
            return None;
        }
        let name = key?.strip_prefix(DELIVERY)?.splitn(3, '/').nth(2)?;
        let delivery = settings.definition(&run.tenant, name)?;
        let standing = delivery.standing?;
        let as_opened = run.trigger.as_deref() == Some(trigger(delivery).as_str());
        let same_tool = run.connector == delivery.connector && run.tool.name == delivery.tool;
        (as_opened && same_tool).then(|| Self {
            call: standing.call.clone(),
            destination: standing.destination.clone(),
            said: format!("{name} by {} {}", standing.by, delivery.digest),
        })
    }

    pub(crate) fn covers(&self, call: &str, destination: &str) -> bool {
        self.call == call && self.destination == destination
    }
}

fn trigger(delivery: Definition<'_>) -> String {
    format!("{DELIVERY}{}", delivery.digest)
}

fn settled(row: &DeliveryRow, tried: Tried, run: Option<String>) -> Change {
    Change::SettleDelivery {
        item: row.item.clone(),
        name: row.name.clone(),
        attempts: row.attempts,
        tried,
        run,
    }
}

/// What came of a try.
struct Came {
    tried: Tried,
    run: Option<String>,
    /// Why it did not arrive.
    why: Option<String>,
}

impl Host {
    /// Try every delivery that is due now, once. A serving host does this by itself;
    /// a test with a clock of its own calls it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn deliver_due(&self) -> Result<(), CallError> {
        while self.inner().deliver_due().await? {}
        Ok(())
    }
}

impl Inner {
    /// A task of its own: what takes long here must not keep runs waiting.
    pub(crate) fn deliver_regularly(self: &Arc<Self>) {
        let weak = Arc::downgrade(self);
        let wake = Arc::clone(&self.watching.deliver);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                let mut more = false;
                match inner.deliver_due().await {
                    Ok(tried) => more = tried,
                    Err(error) => tracing::warn!(%error, "deliveries wait for the store"),
                }
                // Not kept alive while it sleeps.
                drop(inner);
                if !more {
                    let _ = tokio::time::timeout(EVERY, wake.notified()).await;
                }
            }
        });
    }

    /// Try some of what is due. Whether there may be more that can be tried now.
    pub(crate) async fn deliver_due(self: &Arc<Self>) -> Result<bool, CallError> {
        let due = self.journal.store.due_deliveries(AT_ONCE).await?;
        let all = due.len() as u64 >= u64::from(AT_ONCE);
        let mut trying = JoinSet::new();
        for row in due {
            let inner = Arc::clone(self);
            trying.spawn(async move {
                let tried = inner.try_delivery(&row).await;
                (row, tried)
            });
        }
        let mut tried = false;
        while let Some(joined) = trying.join_next().await {
            match joined {
                Ok((_, Ok(one))) => tried |= one,
                // Its claim lapses, and it is tried again.
                Ok((row, Err(error))) => {
                    let why = format!("{} of {}: {error}", row.name, row.item);
                    self.task_failed(&row.tenant, Task::Deliver, &why).await;
                }
                Err(panic) => tracing::error!(%panic, "a delivery's work panicked"),
            }
        }
        Ok(all && tried)
    }

    /// Try one delivery. Whether this host was the one to try it.
    async fn try_delivery(self: &Arc<Self>, row: &DeliveryRow) -> Result<bool, CallError> {
        let claim = Change::ClaimDelivery {
            item: row.item.clone(),
            name: row.name.clone(),
            attempts: row.attempts,
            owner: self.owner.to_string(),
            for_ms: CLAIM_MS,
        };
        match self
            .journal
            .append(&row.tenant, Vec::new(), vec![claim])
            .await
        {
            Ok(()) => fail::fail_point!("queue::claimed"),
            Err(fault) if fault.rejected().is_some() => return Ok(false),
            Err(fault) => return Err(fault.into()),
        }
        // Decided before it was sent: nobody needs to hear that they are asked.
        let Some(matter) = self.matter(row).await? else {
            let settle = settled(row, Tried::NotNeeded, None);
            self.end_try(row, Vec::new(), vec![settle]).await?;
            return Ok(true);
        };
        let definition = self.backends.queues.definition(&row.tenant, &row.name);
        let input = self.composed(&matter, &row.name).await?;
        let came = match definition.zip(input) {
            Some((definition, input)) => self.send(row, input, definition).await?,
            // The operator took it away since.
            None => Came {
                tried: Tried::Dead,
                run: None,
                why: Some("not_configured".to_owned()),
            },
        };
        fail::fail_point!("queue::sent");
        self.settle_delivery(row, &matter, came).await?;
        Ok(true)
    }

    /// The tool's run, and what its end means for the delivery.
    async fn send(
        self: &Arc<Self>,
        row: &DeliveryRow,
        input: Value,
        delivery: Definition<'_>,
    ) -> Result<Came, CallError> {
        let call = ToolCall {
            connector: delivery.connector.to_owned(),
            tool: delivery.tool.to_owned(),
            input,
            trigger: Some(trigger(delivery)),
            request_key: Some(format!(
                "{DELIVERY}{}/{}/{}",
                row.attempts, row.item, row.name
            )),
            ..ToolCall::default()
        };
        let who = Principal {
            identified: Default::default(),
            tenant: row.tenant.clone(),
            name: SERVICE.to_owned(),
            kind: PrincipalKind::Service,
            groups: Vec::new(),
        };
        let request = Request {
            call,
            undoes: None,
            accepted: None,
        };
        let again = |why: String, run| Came {
            tried: match row.attempts.saturating_add(1) >= delivery.attempts {
                true => Tried::Dead,
                false => Tried::Again {
                    after_ms: backoff_ms(row.attempts),
                },
            },
            run,
            why: Some(why),
        };
        let report = match self.call(&who, request).await {
            Ok(report) => report,
            // The same try is made again when the store is back.
            Err(error @ (CallError::Unavailable(_) | CallError::Unsettled(_))) => {
                return Err(error);
            }
            Err(error) => return Ok(again(error.kind().to_owned(), None)),
        };
        let run = Some(report.run);
        Ok(match report.state {
            RunState::Done => Came {
                tried: Tried::Delivered,
                run,
                why: None,
            },
            RunState::Open | RunState::Held => Came {
                tried: Tried::Waits { after_ms: WAIT_MS },
                run,
                why: None,
            },
            // It may have arrived. A person looks; it is not sent once more.
            RunState::InDoubt => Came {
                tried: Tried::Dead,
                run,
                why: Some("in_doubt".to_owned()),
            },
            // Another run goes on with what a person made of it.
            RunState::Edited => Came {
                tried: Tried::Dead,
                run,
                why: Some("edited".to_owned()),
            },
            RunState::Failed | RunState::Denied | RunState::Undone => {
                let kind = report.failure.map(|failure| failure.kind);
                again(
                    kind.unwrap_or_else(|| report.state.as_str().to_owned()),
                    run,
                )
            }
        })
    }

    /// Record what a try came to, with a dead letter where it was the last one.
    async fn settle_delivery(
        &self,
        row: &DeliveryRow,
        matter: &Matter,
        came: Came,
    ) -> Result<(), CallError> {
        let settle = settled(row, came.tried, came.run.clone());
        let stage = match came.tried {
            Tried::Delivered => Some(Stage::QueueDelivered),
            Tried::Again { .. } | Tried::Dead => Some(Stage::QueueDeliveryFailed),
            Tried::Waits { .. } | Tried::NotNeeded => None,
        };
        let (mut records, mut changes) = (Vec::new(), vec![settle]);
        if let Some(stage) = stage {
            let (case, run) = matter.whose();
            let about = self.about_delivery(&row.tenant, case, run).await?;
            let saying = matter
                .facts(Saying::new(stage))
                .fact("delivery", row.name.as_str())
                .fact("attempt", row.attempts.saturating_add(1))
                .maybe("delivered_by", came.run.as_deref())
                .maybe("why", came.why.as_deref());
            let dead = came.tried == Tried::Dead;
            let letter = dead && matter.may_have_letter();
            let queues = self.backends.queues.of(&row.tenant);
            let queue = queues
                .of_class(FailureClass::DeliveryFailed)
                .filter(|_| letter);
            let id = dead_letter(row);
            let saying = match queue {
                Some(queue) => saying
                    .fact("last", dead)
                    .fact("queue", queue.name.as_str())
                    .fact("dead_letter", id.as_str()),
                None => saying.fact("last", dead),
            };
            let record = self.journal.record(&about, saying)?;
            if let Some(queue) = queue {
                let letter = matter.letter(id, &queue.name, record.hash, self.journal.now_ms());
                // Not through the delivery that has just failed.
                changes.extend(filing::put_but(queues, letter, &row.name));
            }
            records.push(record);
        }
        self.end_try(row, records, changes).await
    }

    async fn end_try(
        &self,
        row: &DeliveryRow,
        records: Vec<Prepared>,
        changes: Vec<Change>,
    ) -> Result<(), CallError> {
        fail::fail_point!("queue::before_settle");
        let appended = self.journal.append(&row.tenant, records, changes).await;
        fail::fail_point!("queue::after_settle");
        match appended {
            // Another host was faster with the same try.
            Err(fault) if fault.rejected().is_some() => Ok(()),
            settled => {
                settled?;
                self.changed();
                Ok(())
            }
        }
    }

    /// Whom the records of an item's way are about. They have no sealed values, so
    /// its subject may be erased.
    pub(super) async fn about_item(&self, item: &QueueRow) -> Result<About, JournalFault> {
        self.about_delivery(&item.tenant, &item.case, &item.run)
            .await
    }

    async fn about_delivery(
        &self,
        tenant: &Tenant,
        case: &str,
        run: &str,
    ) -> Result<About, JournalFault> {
        let run = Some(run).filter(|run| !run.is_empty());
        let subject = format!("day:{}", time::day(self.journal.now_ms()));
        let journal = &self.journal;
        journal
            .about(tenant, case, run, SERVICE, None, &subject)
            .await
    }
}

/// What the dead letter of a delivery is called: one, whoever writes it.
fn dead_letter(row: &DeliveryRow) -> String {
    let digest = Sha256::digest(format!("{}/{}", row.item, row.name).as_bytes());
    format!("dead-{}", hex::encode(&digest[..16]))
}

/// How long until the next try: twice as long each time, and of that something
/// between the half and the whole, so that what failed together does not come back
/// together.
fn backoff_ms(attempts: u32) -> u64 {
    let longest = BACKOFF_MS
        .saturating_mul(2_u64.saturating_pow(attempts))
        .min(BACKOFF_MS_MAX);
    let mut random = [0; 8];
    // Without randomness it is the whole.
    let part = match getrandom::fill(&mut random) {
        Ok(()) => u64::from_be_bytes(random) % (longest / 2 + 1),
        Err(_) => longest / 2,
    };
    longest / 2 + part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_later_each_time_and_not_all_at_once() {
        for (attempts, longest) in [(0, 10_000), (1, 20_000), (3, 80_000), (60, 3_600_000)] {
            let times: Vec<u64> = (0..64).map(|_| backoff_ms(attempts)).collect();
            assert!(times.iter().all(|ms| (longest / 2..=longest).contains(ms)));
            assert!(times.iter().any(|ms| *ms != times[0]), "{attempts}");
        }
    }

    #[test]
    fn only_the_hosts_own_runs_are_deliveries() {
        assert!(is_delivery(SERVICE, Some("queue:0/item-1/a/b")));
        assert!(!is_delivery("agent-7", Some("queue:0/item-1/a/b")));
        assert!(!is_delivery(SERVICE, Some("order-7")));
        assert!(!is_delivery(SERVICE, None));
    }
}
