//! A person's decision on a held call: who may take it, what it is recorded as,
//! and the run that goes on with it. No decision is taken any other way.

use std::sync::Arc;

use tollgate_journal::{Prepared, Stage};
use tollgate_store::{ApprovalRow, Change, Rejected, Verdict};

use crate::api::{Card, Principal, PrincipalKind, RunReport};
use crate::approvals;
use crate::error::{CallError, DecideError, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;

impl Inner {
    pub(crate) async fn approval(
        &self,
        who: &Principal,
        id: &str,
    ) -> Result<ApprovalRow, DecideError> {
        if who.kind != PrincipalKind::Person {
            return Err(DecideError::NotAPerson);
        }
        self.journal
            .store
            .approval(&who.tenant, id)
            .await?
            .ok_or_else(|| DecideError::NotFound(id.to_owned()))
    }

    pub(crate) async fn card(&self, row: &ApprovalRow) -> Result<Card, CallError> {
        let rebuilt = self.rebuild(&row.tenant, &row.run).await?;
        Ok(approvals::card(row, &rebuilt.run, &rebuilt.records))
    }

    pub(crate) async fn decide(
        self: &Arc<Self>,
        who: &Principal,
        id: &str,
        digest: &str,
        verdict: Verdict,
        reason: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let row = self.approval(who, id).await?;
        may_decide(who, &row)?;
        if row.digest != digest {
            return Err(DecideError::Changed);
        }
        let record = self.decision_record(who, &row, reason).await?;
        let decide = Change::DecideApproval {
            id: id.to_owned(),
            decision: verdict,
            by: who.name.clone(),
            at_ms: self.journal.now_ms(),
        };
        fail::fail_point!("decide::before");
        let appended = self
            .journal
            .append(&row.tenant, vec![record], vec![decide])
            .await;
        fail::fail_point!("decide::after");
        if let Err(JournalFault::Store(error)) = &appended {
            match error.rejected() {
                Some(Rejected::AlreadyDecided { state, by }) => {
                    return Err(DecideError::AlreadyDecided {
                        state: state.to_string(),
                        by: by.clone(),
                    });
                }
                Some(Rejected::Expired { .. }) => return Err(DecideError::Expired),
                Some(Rejected::OwnRequest) => return Err(DecideError::Requester),
                _ => {}
            }
        }
        appended?;
        // Where this one fails, the decision is there for the watch of any host.
        let report = self.resume(&row.tenant, &row.run).await;
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }

    pub(crate) async fn decision_record(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        denied: Option<&str>,
    ) -> Result<Prepared, DecideError> {
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        let about = self.about_recorded(&row.tenant, &row.run).await;
        let mut about = about.map_err(unavailable)?;
        about.principal.clone_from(&who.name);
        let mut saying = Saying::new(Stage::ApprovalDecided)
            .at(row.position)
            .fact("approval", row.id.as_str())
            .fact("digest", row.digest.as_str());
        saying = match denied {
            None => saying.fact("decision", "approved"),
            Some(reason) => saying
                .fact("decision", "denied")
                .value("reason", reason.as_bytes().to_vec()),
        };
        Ok(self.journal.record(&about, saying)?)
    }
}

/// Whether this person may decide on this.
pub(crate) fn may_decide(who: &Principal, row: &ApprovalRow) -> Result<(), DecideError> {
    if who.kind != PrincipalKind::Person {
        return Err(DecideError::NotAPerson);
    }
    if who.name == row.principal {
        return Err(DecideError::Requester);
    }
    let named = row
        .approvers
        .iter()
        .any(|approver| match approver.split_once(':') {
            Some(("group", group)) => who.groups.iter().any(|member| member == group),
            Some(("person", name)) => who.name == name,
            _ => false,
        });
    if named {
        Ok(())
    } else {
        Err(DecideError::NotAnApprover(row.approvers.join(", ")))
    }
}
