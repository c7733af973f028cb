//! What a run came to, from its records and its row.

use tollgate_journal::{Stage, Tenant};
use tollgate_store::RunState as StoredState;

use super::rebuild::{closing, opening};
use crate::api::{Failure, RunReport, RunState};
use crate::error::CallError;
use crate::host::Inner;
use crate::journal::OpenRecord;
use crate::runs::execute::in_doubt_failure;

impl Inner {
    /// What a run came to, from its records.
    pub(crate) async fn report(&self, tenant: &Tenant, run: &str) -> Result<RunReport, CallError> {
        let records = self.journal.run_records(tenant, run).await?;
        let opened = opening(&records).ok_or_else(|| CallError::UnknownRun(run.to_owned()))?;
        let row = self.journal.store.run(tenant, run).await?;
        let closed = closing(&records);
        let state = match (&row, closed) {
            (Some(row), _) => public(row.state),
            (None, Some(closed)) => state_named(closed.fact("state")),
            (None, None) => RunState::Open,
        };
        let pending = match row.as_ref().and_then(|row| row.approval.as_ref()) {
            Some(id) if state == RunState::Held => self
                .journal
                .store
                .approval(tenant, id)
                .await?
                .map(|approval| crate::approvals::pending(&approval, &records)),
            _ => None,
        };
        let doubtful = records
            .iter()
            .rfind(|record| record.leaf.stage == Stage::CallInDoubt)
            .filter(|_| state == RunState::InDoubt);
        let text = |name: &str| opened.fact(name).unwrap_or_default().to_owned();
        Ok(RunReport {
            run: run.to_owned(),
            case: opened.leaf.case.clone(),
            connector: text("connector"),
            tool: text("tool"),
            principal: opened.leaf.principal.clone(),
            state,
            output: closed.and_then(|record| record.json("output")),
            failure: match doubtful {
                Some(record) => Some(in_doubt_failure(
                    record.leaf.position.unwrap_or_default(),
                    record.fact("call").unwrap_or_default(),
                )),
                None => closed.and_then(|record| erased(run, record)).or_else(|| {
                    closed
                        .and_then(|record| record.json("failure"))
                        .and_then(|failure| serde_json::from_value(failure).ok())
                }),
            },
            pending,
            continued_as: closed
                .and_then(|record| record.fact("continued_as"))
                .map(str::to_owned),
        })
    }
}

/// Why a run that has ended has nothing to show, where its values were erased
/// before or after its end.
pub(super) fn erased(run: &str, closing: &OpenRecord) -> Option<Failure> {
    let ended_for_it = closing.fact("failure") == Some(crate::destruction::ERASED);
    (closing.gone || ended_for_it).then(|| (&CallError::Erased(run.to_owned())).into())
}

pub(crate) fn public(state: StoredState) -> RunState {
    match state {
        StoredState::Open => RunState::Open,
        StoredState::Held => RunState::Held,
        StoredState::InDoubt => RunState::InDoubt,
        StoredState::Done => RunState::Done,
        StoredState::Denied => RunState::Denied,
        StoredState::Undone => RunState::Undone,
        StoredState::Edited => RunState::Edited,
        _ => RunState::Failed,
    }
}

pub(crate) fn state_named(name: Option<&str>) -> RunState {
    match name {
        Some("done") => RunState::Done,
        Some("denied") => RunState::Denied,
        Some("undone") => RunState::Undone,
        Some("edited") => RunState::Edited,
        _ => RunState::Failed,
    }
}
