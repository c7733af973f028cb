//! An approver changes what was asked for. The held run ends without an effect,
//! and another one is opened with the changed input: the rules judge that anew,
//! and everybody votes anew. Who wrote the input is one who asked, and has no vote.

use std::sync::Arc;

use serde_json::Value;
use tollgate_journal::{Closing, Prepared, Stage};
use tollgate_store::{ApprovalRow, ApprovalState, Change, Rejected, RunState as StoredState};

use super::signing::{Signed, told};
use super::{not_taken, refused};
use crate::api::{Failure, Principal, RunReport, RunState};
use crate::drills::Came;
use crate::error::{CallError, DecideError};
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::runs::{Lease, Rebuilt, Run, awake_ms};

impl Host {
    /// Change the input of a held call. `digest` is the card's, as the person saw
    /// it. The answer is the run that goes on with the changed input.
    ///
    /// # Errors
    ///
    /// When the person may not decide on it, the run has had an effect already, or
    /// the input cannot be used.
    pub async fn edit(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        input: &Value,
    ) -> Result<RunReport, DecideError> {
        self.edit_signed(who, approval, digest, input, None).await
    }

    /// The same with the person's signature, which one with a registered key needs.
    ///
    /// # Errors
    ///
    /// As [`edit`](Self::edit), and when the signature does not fit.
    pub async fn edit_signed(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let inner = self.inner();
        inner.edit(who, approval, digest, input, signature).await
    }
}

impl Inner {
    async fn edit(
        self: &Arc<Self>,
        who: &Principal,
        id: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let row = self.approval(who, id).await?;
        self.deputies(who).await?.seat(who, &row)?;
        if row.digest != digest {
            return Err(DecideError::Changed);
        }
        let signed = self.signed_edit(who, &row, input, signature).await?;
        if let Some(planter) = self.planter(&row).await? {
            return self.edit_drill(who, &row, signed.as_ref(), &planter).await;
        }
        // Whoever works on it may look at the decision: look again after.
        let lease = loop {
            match self.live.take_up(&row.tenant, &row.run) {
                Some(lease) => break lease,
                None => self.live.settled(&row.run).await,
            }
        };
        let edited = self
            .edit_under(who, &row, input, signed.as_ref(), &lease)
            .await;
        if edited.is_err()
            && let Some(release) = lease.release(&row.run)
        {
            let changes = vec![release];
            // One that stays is given up when it lapses.
            if let Err(error) = self.journal.append(&row.tenant, Vec::new(), changes).await {
                tracing::warn!(run = row.run, %error, "a lease could not be given back");
            }
        }
        self.live.lay_down(&row.run);
        self.changed();
        let next = edited?;
        let report = self.resume(&row.tenant, &next).await;
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }

    /// A drill that somebody would change was noticed. No other run is opened.
    async fn edit_drill(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        signed: Option<&Signed>,
        planter: &str,
    ) -> Result<RunReport, DecideError> {
        if who.name == planter {
            return Err(DecideError::Planted);
        }
        let about = self.about_decision(who, row).await?;
        let decided = told(Self::drill_decided(row, planter, Came::Edited), signed);
        let decided = self.journal.record(&about, decided)?;
        let ends = Change::VoidApproval { id: row.id.clone() };
        let ended = self.drill_ended(&about, row, planter, Came::Edited, ends);
        let (closed, changes) = ended.await?;
        let records = vec![decided, closed];
        let appended = self.journal.append(&row.tenant, records, changes).await;
        appended.map_err(not_taken)?;
        self.changed();
        let report = self.report(&row.tenant, &row.run).await;
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }

    /// Close the held run and open the other one, in one transaction. The answer
    /// is the other one's name.
    async fn edit_under(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        input: &Value,
        signed: Option<&Signed>,
        lease: &Lease,
    ) -> Result<String, DecideError> {
        let unavailable = |error: CallError| DecideError::Unavailable(error.to_string());
        let store = &self.journal.store;
        let asked = awake_ms();
        let claim = store.claim_run(&row.tenant, &row.run, lease.owner(), lease.length_ms());
        let held = match claim.await {
            Ok(held) => held,
            Err(error) => {
                return Err(match error.rejected() {
                    Some(Rejected::Leased { .. }) => {
                        DecideError::NotEditable("another host works on its run now".to_owned())
                    }
                    _ => error.into(),
                });
            }
        };
        lease.taken(held.lease_token, asked);
        let waits = held.state == StoredState::Held && held.approval.as_ref() == Some(&row.id);
        let now = store.approval(&row.tenant, &row.id).await?;
        if !waits || !now.is_some_and(|now| now.state == ApprovalState::Pending) {
            return Err(DecideError::NotEditable("it was decided on".to_owned()));
        }
        let rebuilt = self.rebuild(&row.tenant, &row.run).await;
        let rebuilt = rebuilt.map_err(unavailable)?;
        may_be_edited(&rebuilt)?;
        let next = self.edited_run(&rebuilt.run, &who.name, input).await?;
        let next = self.with_look(next).await.map_err(unavailable)?;
        let mut records = self
            .ended_by_edit(who, row, signed, &rebuilt, &next)
            .await?;
        let about = self.about(&next).await?;
        records.extend(self.opening(&next, &about).await?);
        let now = self.journal.now_ms();
        let closed = rebuilt
            .run
            .row(StoredState::Edited, Some(row.id.clone()), now);
        let opened = next.row(StoredState::Open, None, now);
        let mut changes: Vec<Change> = lease.condition(&row.run).into_iter().collect();
        changes.extend([
            Change::VoidApproval { id: row.id.clone() },
            Change::PutRun(Box::new(closed)),
            // Nobody's: whoever comes first goes on with it.
            Change::PutRun(Box::new(opened)),
        ]);
        let appended = self.journal.append(&row.tenant, records, changes).await;
        match appended {
            Ok(()) => {
                lease.given_back();
                Ok(next.run)
            }
            Err(fault) => Err(match refused(&fault) {
                Some(Rejected::RunExists { run, .. }) => {
                    DecideError::NotEditable(format!("{run} asks for exactly that already"))
                }
                _ => not_taken(fault),
            }),
        }
    }

    /// The last records of a run whose input was changed.
    async fn ended_by_edit(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        signed: Option<&Signed>,
        rebuilt: &Rebuilt,
        next: &Run,
    ) -> Result<Vec<Prepared>, DecideError> {
        let run = &rebuilt.run;
        let mut about = rebuilt.about.clone();
        about.principal.clone_from(&who.name);
        let patch = json_patch::diff(&run.input, &next.input);
        let patch = serde_json::to_value(&patch)
            .map_err(|error| DecideError::Unavailable(error.to_string()))?;
        let edited = Saying::new(Stage::RunEdited)
            .at(row.position)
            .fact("approval", row.id.as_str())
            .fact("digest", row.digest.as_str())
            .fact("continued_as", next.run.as_str())
            .maybe("decision", signed.map(|_| "edited"))
            .json("patch", &patch);
        let edited = told(edited, signed);
        let failure = Failure {
            kind: "edited".to_owned(),
            message: format!("{} changed the input; it goes on as {}", who.name, next.run),
            hint: Some("look at that run; do not ask for the first input again".to_owned()),
            pointer: None,
        };
        let closing = Closing {
            outcome: RunState::Edited.as_str().to_owned(),
            ..run.closing(RunState::Edited)
        };
        let closed = Saying::new(Stage::RunClosed)
            .fact("tool", closing.tool.as_str())
            .fact("state", closing.outcome.as_str())
            .fact("continued_as", next.run.as_str())
            .json("failure", &serde_json::json!(failure));
        let mut closed = self.journal.record(&rebuilt.about, closed)?;
        closed.closing = Some(closing);
        Ok(vec![self.journal.record(&about, edited)?, closed])
    }
}

/// Nothing of the run has left the host yet.
fn may_be_edited(rebuilt: &Rebuilt) -> Result<(), DecideError> {
    let no = |why: &str| Err(DecideError::NotEditable(why.to_owned()));
    if rebuilt.run.undoes.is_some() {
        return no("what an undo does is not for anybody to change");
    }
    if rebuilt.recorded().iter().any(|call| call.intent) {
        return no("the run has had an effect already");
    }
    Ok(())
}
