//! The calls of a run, as an undo goes through them: the last one first.

use crate::api::{UndoField, UndoStep};
use crate::capability::restore::Restoring;
use crate::door::{RecordedCall, WRITTEN};
use crate::time;

use super::account::Taken;

/// A recorded write, as a restore would take it back.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) position: u32,
    pub(super) call: String,
    /// Nothing where nothing was captured.
    pub(super) restoring: Option<Restoring>,
    /// Whether it changed anything, as far as is known.
    needed: bool,
    /// Until when it is offered, Unix milliseconds.
    until: Option<u64>,
    /// How an earlier undo took it back.
    taken: Option<Taken>,
}

impl Step {
    /// Why there is nothing to do for it, where there is nothing.
    pub(super) fn settled(&self) -> Option<&'static str> {
        match &self.taken {
            Some(taken) if taken.partly => Some("partly"),
            Some(_) => Some("undone"),
            None => (!self.needed).then_some("not_needed"),
        }
    }

    /// Why it cannot be taken back at that time, whatever is there.
    pub(super) fn obstacle(&self, at_ms: u64) -> Option<&'static str> {
        if self.until.is_some_and(|until| until < at_ms) {
            Some("window_closed")
        } else if self.restoring.is_none() {
            Some("irreversible")
        } else {
            None
        }
    }

    fn action(&self) -> String {
        match &self.restoring {
            Some(restoring) => format!(
                "put back what `{}` replaced on `{}`",
                self.call, restoring.destination
            ),
            None if !self.needed => format!("`{}` changed nothing", self.call),
            None => format!("`{}` cannot be taken back: nothing was captured", self.call),
        }
    }

    pub(super) fn report(&self, outcome: &str) -> UndoStep {
        UndoStep {
            position: Some(self.position),
            action: self.action(),
            outcome: outcome.to_owned(),
            way: self.restoring.as_ref().map(|_| "restore".to_owned()),
            until: self.until.map(time::rfc3339),
            undone_by: self.taken.as_ref().map(|taken| taken.by.clone()),
            ..UndoStep::default()
        }
    }

    /// The report of a step that was done, with the members that were left.
    pub(super) fn done(&self, fields: Vec<UndoField>) -> UndoStep {
        let partly = fields.iter().any(|field| field.outcome == "left");
        UndoStep {
            fields,
            ..self.report(if partly { "partly" } else { "undone" })
        }
    }
}

/// The writes of a run, last first. One that was refused, or that changed
/// nothing, needs no undo; one that a person found to have happened cannot be
/// taken back by a machine, which does not know what it left.
pub(super) fn steps(recorded: &[RecordedCall], taken: &[Taken]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, call) in recorded.iter().enumerate() {
        if !call.intent {
            continue;
        }
        let position = u32::try_from(index).unwrap_or(u32::MAX);
        let said = call.settled.as_ref().map(|settled| settled.happened);
        let is_withheld = call.withheld.as_deref() == Some(WRITTEN);
        let is_unwritten = call.written.is_none() && !is_withheld;
        let unchanged = call.reply.is_some() && is_unwritten && said != Some(true);
        let needed = !unchanged && said != Some(false);
        let restoring = match (&call.prior, &call.written) {
            (Some(before), Some(written)) if needed => Some(Restoring {
                destination: call.destination.clone(),
                before: before.clone(),
                written: written.clone(),
            }),
            _ => None,
        };
        steps.push(Step {
            position,
            call: call.call.clone(),
            restoring,
            needed,
            until: call.undo_until,
            taken: taken.iter().find(|one| one.position == position).cloned(),
        });
    }
    steps.reverse();
    steps
}
