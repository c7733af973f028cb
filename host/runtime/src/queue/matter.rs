//! What a delivery is about: an item of a queue, or a call that waits for a person's
//! decision. Of both only typed fields leave the host; nothing of them is sealed.

use serde_json::Value;
use tollgate_journal::{Hash, Stage, Tenant};
use tollgate_policy::queue::{
    ANNOUNCEMENT, ApprovalField, FailureClass, ItemField, Notifications, Queue,
};
use tollgate_store::{
    ApprovalRow, ApprovalState, Change, DeliveryRow, DeliveryState, QueueRow, QueueState,
};

use super::item::{self, ItemDelivery};
use crate::api::Principal;
use crate::error::{CallError, DecideError};
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::time;

/// What is told.
pub(super) enum Matter {
    Item(Box<QueueRow>),
    Approval(Box<ApprovalRow>),
}

/// The announcements of an approval, with its hold.
pub(crate) fn announce(notifications: &Notifications, row: &ApprovalRow) -> Vec<Change> {
    let names = notifications.of_approval(&row.approval);
    let deliveries = names.map(|name| pending(&row.tenant, &row.id, name));
    deliveries
        .map(|delivery| Change::PutDelivery(Box::new(delivery)))
        .collect()
}

/// A new delivery, due at once.
pub(super) fn pending(tenant: &Tenant, about: &str, name: String) -> DeliveryRow {
    DeliveryRow {
        tenant: tenant.to_owned(),
        item: about.to_owned(),
        name,
        state: DeliveryState::Pending,
        attempts: 0,
        due_ms: 0,
        claimed_by: None,
        claimed_until_ms: 0,
        run: None,
    }
}

impl Matter {
    /// Its hand-off and its run; no run where it is about none.
    pub(super) fn whose(&self) -> (&str, &str) {
        match self {
            Self::Item(row) => (&row.case, &row.run),
            Self::Approval(row) => (&row.case, &row.run),
        }
    }

    /// What the record of a try says of it.
    pub(super) fn facts(&self, saying: Saying) -> Saying {
        match self {
            Self::Item(row) => saying
                .fact("item", row.id.as_str())
                .fact("class", row.kind.as_str()),
            Self::Approval(row) => saying.fact("approval", row.id.as_str()),
        }
    }

    /// Whether it may have a dead letter. One of a dead letter would not end.
    pub(super) fn may_have_letter(&self) -> bool {
        match self {
            Self::Item(row) => row.kind != FailureClass::DeliveryFailed.as_str(),
            Self::Approval(_) => true,
        }
    }

    /// The item that tells that it did not arrive.
    pub(super) fn letter(&self, id: String, queue: &str, record: Hash, now: u64) -> QueueRow {
        let (tenant, connector, tool, principal, position) = match self {
            Self::Item(row) => (
                &row.tenant,
                &row.connector,
                &row.tool,
                &row.principal,
                row.position,
            ),
            Self::Approval(row) => (
                &row.tenant,
                &row.connector,
                &row.tool,
                &row.principal,
                row.position,
            ),
        };
        let (case, run) = self.whose();
        QueueRow {
            tenant: tenant.clone(),
            id,
            queue: queue.to_owned(),
            kind: FailureClass::DeliveryFailed.as_str().to_owned(),
            run: run.to_owned(),
            case: case.to_owned(),
            connector: connector.clone(),
            tool: tool.clone(),
            principal: principal.clone(),
            position,
            state: QueueState::Open,
            created_ms: now,
            record: Some(record),
            resolved_by: None,
            resolved_ms: None,
            resolution: None,
            fold: None,
            times: 1,
            last_ms: now,
        }
    }
}

impl Host {
    /// Where the announcements of an approval stand.
    ///
    /// # Errors
    ///
    /// When there is no such approval, or the principal is not a person.
    pub async fn announcements(
        &self,
        who: &Principal,
        approval: &str,
    ) -> Result<Vec<ItemDelivery>, DecideError> {
        let inner = self.inner();
        let ids = [inner.approval(who, approval).await?.id];
        let rows = inner.journal.store.deliveries(&who.tenant, &ids).await?;
        Ok(rows.iter().map(ItemDelivery::from).collect())
    }
}

impl Inner {
    /// What a delivery is about; nothing where there is nothing to tell any more: an
    /// approval that is decided, void or past its time.
    pub(super) async fn matter(&self, row: &DeliveryRow) -> Result<Option<Matter>, CallError> {
        let store = &self.journal.store;
        if row.name.starts_with(ANNOUNCEMENT) {
            let approval = store.approval(&row.tenant, &row.item).await?;
            let now = self.journal.now_ms();
            let waits = approval
                .filter(|row| row.state == ApprovalState::Pending && now <= row.decide_by_ms);
            return Ok(waits.map(|row| Matter::Approval(Box::new(row))));
        }
        match store.queue_item(&row.tenant, &row.item).await? {
            Some(item) => Ok(Some(Matter::Item(Box::new(item)))),
            None => Err(CallError::Unavailable(format!(
                "there is no item {}",
                row.item
            ))),
        }
    }

    /// The input of the delivery's tool; nothing where the operator took the delivery
    /// away since.
    pub(super) async fn composed(
        &self,
        matter: &Matter,
        name: &str,
    ) -> Result<Option<Value>, CallError> {
        let settings = &self.backends.queues;
        Ok(match matter {
            Matter::Item(row) => match settings.of(&row.tenant).delivery(name) {
                Some((_, delivery)) => Some(delivery.input.render(self.item_fields(row).await?)),
                None => None,
            },
            Matter::Approval(row) => match settings.notifications(&row.tenant).named(name) {
                Some(one) => {
                    let fields = self.approval_fields(row).await?;
                    Some(one.delivery.input.render(fields))
                }
                None => None,
            },
        })
    }

    async fn item_fields(
        &self,
        row: &QueueRow,
    ) -> Result<impl Fn(ItemField) -> String + use<>, CallError> {
        let record = match row.record {
            Some(hash) => Some(hash),
            None => {
                let records = self.journal.run_records(&row.tenant, &row.run).await?;
                item::record_of(row, &records).map(|record| record.hash)
            }
        };
        let queues = self.backends.queues.of(&row.tenant);
        let owner = queues.responsible(&row.queue, row.kind.parse().ok());
        let owner = owner.map(|queue: &Queue| queue.owner.to_string());
        let (row, owner) = (row.clone(), owner.unwrap_or_default());
        Ok(move |field| match field {
            ItemField::Id => row.id.clone(),
            ItemField::Tenant => row.tenant.to_string(),
            ItemField::Queue => row.queue.clone(),
            ItemField::Owner => owner.clone(),
            ItemField::Class => row.kind.clone(),
            ItemField::Run => row.run.clone(),
            ItemField::Case => row.case.clone(),
            ItemField::Connector => row.connector.clone(),
            ItemField::Tool => row.tool.clone(),
            ItemField::Principal => row.principal.clone(),
            ItemField::Record => record.map(hex::encode).unwrap_or_default(),
            ItemField::Created => time::rfc3339(row.created_ms),
        })
    }

    /// What an announcement says of an approval's digest. The digest itself is not
    /// told: the card has it, for who signed in.
    pub(crate) fn announced_digest(&self, row: &ApprovalRow) -> String {
        let ring = self.journal.ring();
        ring.announced_digest(&row.tenant, &row.id, &row.digest)
    }

    async fn approval_fields(
        &self,
        row: &ApprovalRow,
    ) -> Result<impl Fn(ApprovalField) -> String + use<>, CallError> {
        let records = self.journal.run_records(&row.tenant, &row.run).await?;
        let asked = records.iter().find(|record| {
            record.leaf.stage == Stage::ApprovalRequested
                && record.fact("approval") == Some(&row.id)
        });
        let effect = asked.and_then(|record| record.fact("effect"));
        let effect = effect.unwrap_or_default().to_owned();
        let link = self.backends.queues.link(&row.id);
        let digest = self.announced_digest(row);
        let row = row.clone();
        Ok(move |field| match field {
            ApprovalField::Id => row.id.clone(),
            ApprovalField::Approval => row.approval.clone(),
            ApprovalField::Tenant => row.tenant.to_string(),
            ApprovalField::Connector => row.connector.clone(),
            ApprovalField::Tool => row.tool.clone(),
            ApprovalField::Case => row.case.clone(),
            ApprovalField::Run => row.run.clone(),
            ApprovalField::Requester => row.principal.clone(),
            ApprovalField::Approvers => row.approvers.join("+"),
            ApprovalField::DecideBy => time::rfc3339(row.decide_by_ms),
            ApprovalField::Effect => effect.clone(),
            ApprovalField::Quorum => row.quorum.to_string(),
            ApprovalField::Link => link.clone(),
            ApprovalField::Digest => digest.clone(),
        })
    }
}
