//! What would become of a restore: the same steps as [`Door::pass`] up to the gate,
//! and nothing after it. Nothing is changed, held or recorded.
//!
//! The look is the one that a restore begins with, under the same rules: where the
//! tool may not read what it wrote, the host does not look for it either.

use serde_json::Value;
use tollgate_policy::{Decision, Effect, Outcome};

use super::{Door, Next, Operation, Passing};
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::error::Ending;

/// What was found where a restore would put something back.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Still what the write left.
    Unchanged(Value),
    /// Something else; null where it is not there, or not to be shown.
    Changed(Value),
    /// It could not be looked at, for this reason; when the restore is made it is
    /// looked at again.
    Unclear(String),
    /// The restore is outside of the grant, or of what its tool may do.
    Refused(String),
}

/// What the rules say of a restore.
#[derive(Clone, Debug, Default)]
pub(crate) struct Judged {
    /// The rule that decides, or what stands for one.
    pub(crate) rule: Option<String>,
    /// The approval it would wait for.
    pub(crate) approval: Option<String>,
    /// Who may give it.
    pub(crate) approvers: Vec<String>,
    /// It would not be made.
    pub(crate) denied: bool,
}

/// What would become of a restore.
#[derive(Clone, Debug)]
pub(crate) struct Foreseen {
    pub(crate) seen: Seen,
    pub(crate) judged: Judged,
}

impl Foreseen {
    /// Of a restore that would not be made.
    pub(crate) fn refused(why: String) -> Self {
        Self {
            seen: Seen::Refused(why),
            judged: Judged::default(),
        }
    }
}

impl Door {
    /// What would become of a restore now.
    pub(crate) async fn foresee<O>(&self, restoring: Restoring) -> Result<Foreseen, Ending>
    where
        O: Operation<Arguments = Restoring, Reply = Restored>,
    {
        let scope = self.scope(0);
        let described = O::describe(restoring, &scope);
        let (mut passing, next) = Passing::new::<O>(0, None, described)?;
        let plan = match next {
            Next::Perform(plan) => plan,
            Next::Refuse(refusal) => return Ok(Foreseen::refused(format!("{refusal:?}"))),
            Next::Answer(answer) => return Ok(answered(answer)),
        };
        if let Some(refusal) = self.raise(&mut passing) {
            return Ok(Foreseen::refused(format!("{refusal:?}")));
        }
        let judged = self.judged(&self.decide(&passing));
        // Denied whatever is there, as in a call of the guest's (CWE-203).
        if judged.denied {
            return Ok(Foreseen {
                seen: Seen::Unclear("a rule denies it".to_owned()),
                judged,
            });
        }
        let looked = if self.may_look::<O>(&plan) {
            let look = O::prior(&plan, &scope, &self.backends);
            tokio::time::timeout_at(self.deadline.into(), look).await
        } else {
            Ok(Ok(None))
        };
        let seen = match looked {
            Ok(Ok(Some(prior))) => Seen::Unchanged(prior.value),
            Ok(Ok(None)) => {
                passing.effect = Effect::Irreversible;
                Seen::Unclear("what is there now cannot be looked at".to_owned())
            }
            Ok(Err(Err(RestoreFailure::Conflict(now)))) => Seen::Changed(now),
            Ok(Err(answer)) => return Ok(answered(answer)),
            Err(_) => Seen::Unclear("what is there now could not be read in time".to_owned()),
        };
        Ok(Foreseen {
            judged: self.judged(&self.decide(&passing)),
            seen: self.without_secrets(seen),
        })
    }

    /// What a decision means for whoever plans.
    pub(crate) fn judged(&self, decision: &Decision) -> Judged {
        let approval = match decision.outcome {
            Outcome::Require(index) => self.manifest.approvals.get(index),
            Outcome::Allow => self.boundary.supervision(),
            Outcome::Deny => None,
        };
        let is_plain =
            decision.outcome == Outcome::Allow && decision.rule.is_none() && approval.is_none();
        Judged {
            rule: (!is_plain).then(|| self.manifest.decided_by(decision).to_owned()),
            approval: approval.map(|approval| approval.name.clone()),
            approvers: approval
                .map(|approval| approval.approvers.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            denied: decision.outcome == Outcome::Deny,
        }
    }

    /// The attack: a secret that somebody wrote where the run wrote, shown to whoever
    /// plans its undo.
    fn without_secrets(&self, seen: Seen) -> Seen {
        let (Seen::Unchanged(value) | Seen::Changed(value)) = &seen else {
            return seen;
        };
        match self.secret_in(value.to_string().as_bytes()) {
            Some(found) => Seen::Refused(format!("what is there now has {found} in it")),
            None => seen,
        }
    }

    /// What the run recorded as the arguments of the call that it comes to next,
    /// where it goes on after a hold or a crash.
    pub(crate) fn recorded_next(&self) -> Option<Value> {
        let position = self.state().position as usize;
        let recorded = self.recorded.get(position)?;
        serde_json::from_slice(&recorded.arguments).ok()
    }
}

fn answered(answer: Restored) -> Foreseen {
    let seen = match answer {
        Ok(()) => Seen::Unclear("there is nothing to do".to_owned()),
        Err(RestoreFailure::Conflict(now)) => Seen::Changed(now),
        Err(RestoreFailure::Refused(refusal)) => Seen::Refused(format!("{refusal:?}")),
        Err(RestoreFailure::Failed(why)) => Seen::Unclear(why),
    };
    Foreseen {
        seen,
        judged: Judged::default(),
    }
}
