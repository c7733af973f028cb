//! Before the gate: the grant, what the tool declared, and the run's budgets.

use std::time::Instant;

use tollgate_journal::Stage;
use tollgate_policy::Effect;

use super::{Door, Next, Operation, Passing, Refusal};
use crate::error::Ending;

/// Calls beyond the limit that are answered with a refusal, so that a guest can
/// end in order. One that goes on calling is stopped: each answer is a record.
const CALLS_REFUSED_MAX: u64 = 100;

impl Door {
    /// The position of the next call, where the guest may still make one.
    pub(super) fn next_position(&self) -> Result<u32, Ending> {
        let mut state = self.state();
        if let Some(ending) = &state.ending {
            return Err(ending.clone());
        }
        let position = state.position;
        state.position += 1;
        drop(state);
        let allowed = self.manifest.limits.calls;
        if u64::from(position) >= allowed.saturating_add(CALLS_REFUSED_MAX) {
            return Err(self.end(Ending::OverBudget {
                name: "calls",
                allowed,
            }));
        }
        Ok(position)
    }

    /// The plan of a call inside its grant and the run's budgets, or the reply
    /// to one that is not.
    pub(super) fn grant_and_meter<O: Operation>(
        &self,
        passing: &mut Passing,
        next: Next<O::Plan, O::Reply>,
    ) -> Result<Result<O::Plan, O::Reply>, Ending> {
        let plan = match next {
            Next::Perform(plan) => plan,
            Next::Refuse(refusal) => {
                let reply = O::refuse(refusal);
                self.record_reply::<O>(passing, Stage::CallDenied, &reply, None)?;
                return Ok(Err(reply));
            }
            Next::Answer(reply) => {
                self.record_reply::<O>(passing, Stage::CallOutcome, &reply, None)?;
                return Ok(Err(reply));
            }
        };
        passing.egress = passing.effect == Effect::Read && O::egress(&plan);
        if let Some(refusal) = self.raise(passing) {
            let reply = O::refuse(refusal);
            self.record_reply::<O>(passing, Stage::CallDenied, &reply, None)?;
            return Ok(Err(reply));
        }
        if let Some(refusal) = self.over_budget(passing) {
            let reply = O::refuse(refusal);
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(Err(reply));
        }
        Ok(Ok(plan))
    }

    /// Raise a call to its tool's class, or say why the tool may not make it.
    pub(super) fn raise(&self, passing: &mut Passing) -> Option<Refusal> {
        if let Some(refusal) = self.above_its_tool(passing) {
            return Some(refusal);
        }
        // A tool may claim more than a call is: that raises the call's class.
        if passing.effect > Effect::Read {
            passing.effect = passing.effect.max(self.run.tool.effect);
            // What leaves a trace cannot be put back, whatever the tool that makes it
            // says of itself.
            let undoes = self.run.undoes.as_ref();
            if undoes.is_some_and(|undoes| undoes.compensates) {
                passing.effect = Effect::Irreversible;
            }
        }
        None
    }

    /// The refusal of a call of another class than its tool declares. What an
    /// operator's row raises above that is gated, and is no lie of the tool: only
    /// reading against writing is compared.
    fn above_its_tool(&self, passing: &Passing) -> Option<Refusal> {
        (passing.effect.min(Effect::Write) > self.run.tool.effect).then(|| {
            Refusal::not_granted(
                format!(
                    "the tool `{}` declares itself `{}`, and `{}` is `{}`",
                    self.run.tool.name,
                    self.run.tool.effect.as_str(),
                    passing.call,
                    passing.effect.as_str()
                ),
                "the connector's author must declare the tool's effect",
            )
        })
    }

    pub(super) fn over_budget(&self, passing: &Passing) -> Option<Refusal> {
        let limits = &self.manifest.limits;
        let mut state = self.state();
        state.calls += 1;
        if state.calls > limits.calls {
            return Some(Refusal::limited("calls", limits.calls));
        }
        if state.bytes + passing.text.len() as u64 > limits.journal_bytes {
            return Some(Refusal::limited("journal_bytes", limits.journal_bytes));
        }
        if passing.call == "log.emit" {
            state.log_lines += 1;
            if state.log_lines > limits.log_lines {
                return Some(Refusal::limited("log_lines", limits.log_lines));
            }
        }
        (Instant::now() >= self.deadline)
            .then(|| Refusal::limited("deadline", limits.deadline.as_secs()))
    }
}
