//! What others are told after a commit: that there is something to look at.

use tokio::sync::broadcast;

use crate::{Change, Event, EventKind, RunState};

/// Tell of the changes of a submission that was committed.
pub(super) fn tell(events: &broadcast::Sender<Event>, tenant: &str, changes: &[Change]) {
    if events.receiver_count() == 0 {
        return;
    }
    for what in changes.iter().filter_map(kind) {
        let tenant = tenant.to_owned();
        // Whoever listened may be gone by now.
        events.send(Event { tenant, what }).ok();
    }
}

fn kind(change: &Change) -> Option<EventKind> {
    match change {
        // Nobody waits for a run to be worked on, only for what comes of it.
        Change::PutRun(row) if row.state != RunState::Open => Some(EventKind::Run(row.run.clone())),
        Change::DecideApproval { id, .. }
        | Change::ExpireApproval { id, .. }
        | Change::VoidApproval { id } => Some(EventKind::Approval(id.clone())),
        Change::PutConnector(row) => Some(EventKind::Connector(row.name.clone())),
        Change::RemoveConnector { name } => Some(EventKind::Connector(name.clone())),
        Change::PutQueueItem(row) => Some(EventKind::Queue(row.id.clone())),
        Change::ResolveQueueItem { id, .. } => Some(EventKind::Queue(id.clone())),
        _ => None,
    }
}
