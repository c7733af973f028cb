//! Queues with how much waits in each: what a person looks at first, and what a
//! metric counts.

use serde::{Deserialize, Serialize};
use tollgate_policy::queue::FailureClass;
use tollgate_store::QueueState;

use super::may_see;
use crate::api::{Principal, PrincipalKind};
use crate::error::{CallError, DecideError};
use crate::host::Host;
use crate::time::rfc3339;

/// One queue of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueSummary {
    /// Its name.
    pub name: String,
    /// Who owns it: `group:…` or `person:…`.
    pub owner: String,
    /// The classes of failure that go there.
    pub classes: Vec<String>,
    /// Where its items are sent: `connector.tool`.
    pub deliveries: Vec<String>,
    /// Open items, of the thousand oldest open ones of the tenant.
    pub open: u64,
    /// Dead letters among them.
    pub dead: u64,
    /// When the oldest open item was put there, RFC 3339.
    pub oldest: Option<String>,
}

impl Host {
    /// The queues that are this person's, with what is open in them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or the principal is not a person.
    pub async fn queues(&self, who: &Principal) -> Result<Vec<QueueSummary>, CallError> {
        if who.kind != PrincipalKind::Person {
            return Err(CallError::NotAllowed(DecideError::NotAPerson.to_string()));
        }
        let inner = self.inner();
        let store = &inner.journal.store;
        let rows = store
            .queue_items(&who.tenant, Some(QueueState::Open))
            .await?;
        let queues = inner.backends.queues.of(&who.tenant).all().iter();
        let theirs = queues.filter(|queue| may_see(who, Some(queue)));
        Ok(theirs
            .map(|queue| {
                let of_it = |row: &&tollgate_store::QueueRow| {
                    let responsible = inner.responsible(row);
                    responsible.is_some_and(|found| found.name == queue.name)
                };
                let open: Vec<_> = rows.iter().filter(of_it).collect();
                let dead = |kind: &str| kind == FailureClass::DeliveryFailed.as_str();
                QueueSummary {
                    name: queue.name.clone(),
                    owner: queue.owner.to_string(),
                    classes: queue.classes.iter().map(ToString::to_string).collect(),
                    deliveries: queue
                        .deliveries
                        .iter()
                        .map(|delivery| format!("{}.{}", delivery.connector, delivery.tool))
                        .collect(),
                    open: open.len() as u64,
                    dead: open.iter().filter(|row| dead(&row.kind)).count() as u64,
                    oldest: open.iter().map(|row| row.created_ms).min().map(rfc3339),
                }
            })
            .collect())
    }
}
