//! The gate: what the rules say of a call, and what a person has said.

use tollgate_policy::{Approval, CallFacts, Decision, Effect, Outcome, ToolFacts};
use tollgate_store::{ApprovalState, Change, RunState};

use super::refusal::Denial;
use super::{Door, Operation, Passing, Prior, Refusal, repeats};
use crate::approvals::{Hold, HoldRequest};
use crate::error::Ending;
use crate::workflows::{Judged, SUPERVISED};

/// What the gate said.
pub(super) enum Gate {
    Admitted(Admission),
    Refused(Refusal, Option<String>),
}

/// Leave to go on, and what gave it.
pub(super) struct Admission {
    /// The approval that the intent uses up, and the digest it is bound to.
    pub(super) approval: Option<(String, String)>,
    pub(super) rule: Option<String>,
}

impl Admission {
    /// Of a call that no rule was asked about.
    pub(super) const fn none() -> Self {
        Self {
            approval: None,
            rule: None,
        }
    }
}

impl Door {
    pub(super) fn tool_facts(&self) -> ToolFacts<'_> {
        ToolFacts {
            tool: &self.run.tool.name,
            input: &self.run.input,
            workflow: self.run.workflow.as_deref(),
            principal: &self.run.principal,
        }
    }

    /// Judged by the manifest in force now: a run that goes on after a hold may
    /// find its tool no longer allowed.
    pub(super) fn decide(&self, passing: &Passing) -> Decision {
        self.decide_on(&CallFacts {
            call: passing.call,
            destination: &passing.destination,
            effect: passing.effect,
            args: &passing.arguments,
        })
    }

    /// Whether the host may look at what a call would replace: where the look leaves
    /// the host, only as the tool itself might without asking anybody.
    pub(super) fn may_look<O: Operation>(&self, plan: &O::Plan) -> bool {
        O::looks_by(plan).is_none_or(|look| {
            let facts = CallFacts {
                call: look.call,
                destination: look.destination,
                effect: Effect::Read,
                args: look.arguments,
            };
            self.decide_on(&facts).outcome == Outcome::Allow
        })
    }

    fn decide_on(&self, facts: &CallFacts<'_>) -> Decision {
        if self.boundary.refusal().is_some() {
            return Decision {
                outcome: Outcome::Deny,
                rule: None,
            };
        }
        let by_host = self
            .run
            .undoes
            .as_ref()
            .is_some_and(|undoes| undoes.by_host);
        if self.resumed && !by_host {
            let tool = self.manifest.compiled.decide_tool(&self.tool_facts());
            if tool.outcome == Outcome::Deny {
                return tool;
            }
        }
        self.manifest
            .compiled
            .decide_call(&self.tool_facts(), facts)
    }

    pub(super) fn rule_name(&self, rule: Option<usize>) -> Option<String> {
        rule.and_then(|index| self.manifest.rules.get(index))
            .map(|rule| rule.name.clone())
    }

    pub(super) fn rule_reason(&self, rule: Option<usize>) -> Option<String> {
        rule.and_then(|index| self.manifest.rules.get(index))
            .and_then(|rule| rule.reason.clone())
    }

    pub(super) fn denied_by(&self, passing: &Passing, rule: Option<usize>) -> Refusal {
        if let Some(why) = self.boundary.refusal() {
            return Refusal::outside(why);
        }
        let found = rule.and_then(|index| self.manifest.rules.get(index));
        Refusal::Denied(Denial {
            reason: found
                .and_then(|rule| rule.reason.clone())
                .unwrap_or_else(|| {
                    format!(
                        "`{}` on `{}` is {} and no rule of the manifest allows it",
                        passing.call,
                        passing.destination,
                        passing.effect.as_str()
                    )
                }),
            rule: found.map(|rule| rule.name.clone()),
            hint: None,
        })
    }

    /// A no, or a time that ran out, stands, whatever the rules say since.
    pub(super) fn refused_by_person(&self, position: u32) -> Option<Refusal> {
        let mut state = self.state();
        let row = state
            .approval
            .as_ref()
            .filter(|row| row.position == position)?;
        let refusal = match row.state {
            ApprovalState::Denied => Refusal::rejected(format!(
                "{} denied it: {}",
                row.decided_by.as_deref().unwrap_or_default(),
                self.denial.as_deref().unwrap_or_default()
            )),
            ApprovalState::Expired if row.decided_by.is_some() => Refusal::rejected(
                "it was approved, and not executed in the time the manifest gives",
            ),
            ApprovalState::Expired => {
                Refusal::rejected("nobody decided in the time the manifest gives")
            }
            _ => return None,
        };
        state.approval = None;
        state.rejected = true;
        Some(refusal)
    }

    pub(super) async fn gate(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
    ) -> Result<Gate, Ending> {
        let decision = self.decide(passing);
        let rule = self.rule_name(decision.rule);
        if let Some(refusal) = self.refused_by_person(passing.position) {
            return Ok(Gate::Refused(refusal, rule));
        }
        let writes = passing.effect > Effect::Read;
        if writes && self.boundary.is_shadow() && decision.outcome != Outcome::Deny {
            return Ok(Gate::Refused(self.only_judged(passing, &decision), rule));
        }
        let supervision = self.boundary.supervision().filter(|_| writes);
        let (approval, decided_by) = match (decision.outcome, supervision) {
            (Outcome::Deny, _) => {
                return Ok(Gate::Refused(self.denied_by(passing, decision.rule), rule));
            }
            (Outcome::Allow, None) => {
                return Ok(Gate::Admitted(Admission {
                    approval: None,
                    rule,
                }));
            }
            (Outcome::Allow, Some(supervision)) => (supervision, SUPERVISED),
            (Outcome::Require(approval), _) => (
                self.approval(approval)?,
                self.manifest.decided_by(&decision),
            ),
        };
        let request = HoldRequest {
            run: &self.run,
            approval,
            rule: decided_by.to_owned(),
            rule_reason: self.rule_reason(decision.rule),
            position: passing.position,
            call: passing.call,
            destination: &passing.destination,
            identity: &passing.identity,
            effect: passing.effect,
            arguments: &passing.arguments,
            arguments_text: &passing.text,
            prior,
        };
        self.hold_or_admit(request.prepare(), rule).await
    }

    fn approval(&self, index: usize) -> Result<&Approval, Ending> {
        self.manifest.approvals.get(index).ok_or_else(|| {
            Ending::HostFault("a rule requires an approval that the manifest lacks".to_owned())
        })
    }

    /// A write in shadow: what the rules say of it is kept, and it is not done.
    fn only_judged(&self, passing: &Passing, decision: &Decision) -> Refusal {
        let held_for = match decision.outcome {
            Outcome::Require(index) => self.manifest.approvals.get(index),
            _ => None,
        };
        let judged = Judged {
            call: passing.call,
            destination: passing.destination.clone(),
            held_for: held_for.map(|approval| approval.name.clone()),
            rule: self.rule_name(decision.rule),
        };
        let told = format!("shadow: not done; {}", judged.told());
        self.state().judged.push(judged);
        Refusal::outside(told)
    }

    /// The writes that were judged and not done.
    pub(crate) fn judged(&self) -> Vec<Judged> {
        self.state().judged.clone()
    }

    /// What would have become of the run, in a word: where any write would have been
    /// held, it would have been. Nothing where none was judged in shadow.
    pub(crate) fn shadow(&self) -> Option<&'static str> {
        let state = self.state();
        let held = state.judged.iter().any(|judged| judged.held_for.is_some());
        (!state.judged.is_empty()).then_some(if held { "require" } else { "allow" })
    }

    /// An approval that is bound to exactly this call admits it. Anything else
    /// holds the run, with a new approval to decide on.
    pub(super) async fn hold_or_admit(
        &self,
        hold: Hold,
        rule: Option<String>,
    ) -> Result<Gate, Ending> {
        let approval = self.state().approval.take();
        let mut changes = Vec::new();
        if let Some(row) = approval.filter(|row| row.position == hold.position) {
            match row.state {
                ApprovalState::Approved if row.digest == hold.digest => {
                    return Ok(Gate::Admitted(Admission {
                        approval: Some((row.id, hold.digest)),
                        rule,
                    }));
                }
                ApprovalState::Approved | ApprovalState::Pending => {
                    changes.push(Change::VoidApproval { id: row.id });
                }
                _ => {}
            }
        }
        Err(self.hold(hold, changes).await)
    }

    /// Make the hold durable; the instance ends with the returned value.
    pub(super) async fn hold(&self, hold: Hold, mut changes: Vec<Change>) -> Ending {
        fail::fail_point!("door::before_hold");
        let now = self.journal.now_ms();
        let approval = hold.id.clone();
        let record = self.journal.record(&self.about, hold.saying());
        let row = hold.row(&self.run, now);
        let result = match record {
            Ok(record) => {
                changes.push(Change::PutApproval(Box::new(row)));
                changes.push(Change::PutRun(Box::new(self.row(
                    RunState::Held,
                    Some(approval.clone()),
                    now,
                ))));
                self.flush(vec![record], changes).await
            }
            Err(fault) => Err(fault),
        };
        fail::fail_point!("door::after_hold");
        match result {
            Ok(()) => self.end(Ending::Held { approval }),
            Err(fault) => self.end(repeats(&fault).unwrap_or_else(|| fault.into())),
        }
    }
}
