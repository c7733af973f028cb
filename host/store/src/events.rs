//! Of which changes others are told.

use crate::{Change, EventKind, RunState};

/// What others may wait for in a change.
pub(crate) fn told(change: &Change) -> Option<EventKind> {
    match change {
        // Nobody waits for a run to be worked on, only for what comes of it.
        Change::PutRun(row) if row.state != RunState::Open => Some(EventKind::Run(row.run.clone())),
        Change::DecideApproval { id, .. }
        | Change::VoteApproval { id, .. }
        | Change::RevokeVote { id, .. }
        | Change::ExpireApproval { id, .. }
        | Change::WithdrawApproval { id }
        | Change::VoidApproval { id } => Some(EventKind::Approval(id.clone())),
        Change::PutConnector(row) => Some(EventKind::Connector(row.name.clone())),
        Change::RemoveConnector { name } => Some(EventKind::Connector(name.clone())),
        Change::PutWorkflow(row) => Some(EventKind::Workflow(row.name.clone())),
        Change::RemoveWorkflow { name } => Some(EventKind::Workflow(name.clone())),
        Change::CloseCase { case, .. } => Some(EventKind::Case(case.clone())),
        Change::PutQueueItem(row) => Some(EventKind::Queue(row.id.clone())),
        Change::ResolveQueueItem { id, .. } => Some(EventKind::Queue(id.clone())),
        _ => None,
    }
}
