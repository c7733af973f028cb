//! The gate: what the rules say of a call, and what a person has said.

use std::sync::PoisonError;

use tollgate_policy::{
    Approval, CallFacts, CaseFacts, Decision, Effect, Outcome, Rule, ToolFacts, unforeseen_argument,
};
use tollgate_store::{ApprovalState, Change, RunState};

use super::budget::Spending;
use super::flush::repeats;
use super::refusal::Denial;
use super::{Door, Operation, Passing, Prior, Refusal};
use crate::approvals::{self, Hold, HoldRequest};
use crate::error::{Ending, JournalFault};
use crate::failure::FailureKind;
use crate::queue::{announce, is_delivery};
use crate::runs::Read;
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
    /// The standing approval that counts for it, for the record.
    pub(super) standing: Option<String>,
    /// What it takes from budgets.
    pub(super) spending: Spending,
}

impl Admission {
    /// Of a call that no rule was asked about.
    pub(super) fn none() -> Self {
        Self {
            approval: None,
            rule: None,
            standing: None,
            spending: Spending::default(),
        }
    }
}

impl Door {
    fn tool_facts<'a>(&'a self, case: Option<&'a CaseFacts>) -> ToolFacts<'a> {
        ToolFacts {
            tool: &self.run.tool.name,
            input: &self.run.input,
            workflow: self.run.workflow.as_deref(),
            principal: &self.run.principal,
            undo: self.run.undoes.is_some(),
            case,
        }
    }

    /// Judged by the manifest in force now: a run that goes on after a hold may
    /// find its tool no longer allowed.
    pub(super) fn decide(&self, passing: &Passing) -> Decision {
        // What rules were compared with when the manifest was read.
        debug_assert_eq!(
            unforeseen_argument(passing.call, &passing.arguments),
            None,
            "an argument of `{}` that rules do not know",
            passing.call
        );
        self.decide_on(&CallFacts {
            call: passing.call,
            destination: &passing.destination,
            identity: Some(&passing.identity),
            effect: passing.effect,
            egress: passing.egress,
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
                identity: None,
                effect: Effect::Read,
                // One that would carry words out is no look.
                egress: false,
                args: look.arguments,
            };
            self.decide_on(&facts).outcome == Outcome::Allow
        })
    }

    /// Keep what a read told of the case, for the rules of later calls.
    pub(super) fn learn(&self, passing: &Passing, reply: &[u8]) {
        let Some(case) = &self.case else {
            return;
        };
        if passing.effect != Effect::Read {
            return;
        }
        let Ok(reply) = serde_json::from_slice(reply) else {
            return;
        };
        let read = Read {
            call: passing.call,
            destination: &passing.destination,
            arguments: &passing.arguments,
            reply: &reply,
        };
        let mut case = case.write().unwrap_or_else(PoisonError::into_inner);
        read.tell(&self.run.connector, &self.manifest, &mut case);
    }

    /// Ask something of the tool call as rules see it.
    pub(super) fn with_facts<T>(&self, ask: impl FnOnce(&ToolFacts<'_>) -> T) -> T {
        let case = self.case.as_ref();
        let case = case.map(|case| case.read().unwrap_or_else(PoisonError::into_inner));
        ask(&self.tool_facts(case.as_deref()))
    }

    fn decide_on(&self, facts: &CallFacts<'_>) -> Decision {
        self.with_facts(|tool| self.decide_by(tool, facts))
    }

    fn decide_by(&self, of_tool: &ToolFacts<'_>, facts: &CallFacts<'_>) -> Decision {
        if self.boundary.refusal().is_some() {
            return Decision {
                outcome: Outcome::Deny,
                rule: None,
                budget: None,
            };
        }
        let by_host = self
            .run
            .undoes
            .as_ref()
            .is_some_and(|undoes| undoes.by_host);
        if self.resumed && !by_host {
            let tool = self.manifest.compiled.decide_tool(of_tool);
            if tool.outcome == Outcome::Deny {
                return tool;
            }
        }
        self.manifest.compiled.decide_call(of_tool, facts)
    }

    pub(super) fn rule_name(&self, rule: Option<usize>) -> Option<String> {
        rule.and_then(|index| self.manifest.rules.get(index))
            .map(|rule| rule.name.clone())
    }

    /// The rule or budget that decided.
    fn decided_row(&self, decision: &Decision) -> Option<&Rule> {
        let budgets = self.manifest.budgets.as_slice();
        let budget = decision.budget.and_then(|index| budgets.get(index));
        let rule = || {
            decision
                .rule
                .and_then(|index| self.manifest.rules.get(index))
        };
        budget.map(|budget| &budget.row).or_else(rule)
    }

    pub(super) fn denied_by(&self, passing: &Passing, rule: Option<usize>) -> Refusal {
        if let Some(why) = self.boundary.refusal() {
            return Refusal::outside(why);
        }
        let found = rule.and_then(|index| self.manifest.rules.get(index));
        refused_by(found, not_allowed(passing))
    }

    /// A no, or a time that ran out, stands, whatever the rules say since.
    pub(super) fn refused_by_person(&self, position: u32) -> Option<Refusal> {
        let mut state = self.state();
        let row = state
            .approval
            .as_ref()
            .filter(|row| row.position == position)?;
        let kind = match row.state {
            ApprovalState::Denied => FailureKind::Rejected,
            _ => FailureKind::Unanswered,
        };
        let refusal = match row.state {
            ApprovalState::Denied => Refusal::rejected(format!(
                "{} denied it: {}",
                row.decided_by.as_deref().unwrap_or_default(),
                self.denial.as_deref().unwrap_or_default()
            )),
            ApprovalState::Expired if row.decided_by.is_some() => Refusal::rejected(
                "it was approved, and not executed in the time the manifest gives",
            ),
            // Withdrawn: its case ended before anybody decided.
            ApprovalState::Expired if self.denial.is_some() => {
                Refusal::rejected(self.denial.clone().unwrap_or_default())
            }
            ApprovalState::Expired => {
                Refusal::rejected("nobody decided in the time the manifest gives")
            }
            _ => return None,
        };
        state.approval = None;
        state.rejected = Some(kind);
        Some(refusal)
    }

    pub(super) async fn gate(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
    ) -> Result<Gate, Ending> {
        let decision = self.decide(passing);
        if let Some(refusal) = self.refused_by_person(passing.position) {
            return Ok(Gate::Refused(refusal, self.rule_name(decision.rule)));
        }
        let facts = CallFacts {
            call: passing.call,
            destination: &passing.destination,
            identity: Some(&passing.identity),
            effect: passing.effect,
            egress: passing.egress,
            args: &passing.arguments,
        };
        let (decision, spending) = self.spend(&facts, decision).await?;
        let row = self.decided_row(&decision);
        let rule = row.map(|row| row.name.clone());
        let writes = passing.effect > Effect::Read;
        if writes && self.boundary.is_shadow() && decision.outcome != Outcome::Deny {
            return Ok(Gate::Refused(self.only_judged(passing, &decision), rule));
        }
        let supervision = self.boundary.supervision().filter(|_| writes);
        let (approval, decided_by) = match (decision.outcome, supervision) {
            (Outcome::Deny, _) => {
                let refusal = match (row, decision.budget) {
                    (Some(row), Some(_)) => {
                        let said = format!("the budget `{}` has no room for it", row.name);
                        refused_by(Some(row), said)
                    }
                    _ => self.denied_by(passing, decision.rule),
                };
                return Ok(Gate::Refused(refusal, rule));
            }
            (Outcome::Allow, None) => {
                return Ok(Gate::Admitted(Admission {
                    approval: None,
                    rule,
                    standing: None,
                    spending,
                }));
            }
            // What no row asks an approval for, and its class alone does.
            (Outcome::Require(_), None)
                if decision.rule.is_none()
                    && decision.budget.is_none()
                    && self.stands_for(passing) =>
            {
                return Ok(Gate::Admitted(Admission {
                    approval: None,
                    rule,
                    standing: self.standing.as_ref().map(|standing| standing.said.clone()),
                    spending,
                }));
            }
            (Outcome::Allow, Some(supervision)) => (supervision, SUPERVISED),
            (Outcome::Require(approval), _) => (
                self.approval(approval)?,
                self.manifest.decided_by(&decision),
            ),
        };
        if let Some(refusal) = self.denied_before().await? {
            return Ok(Gate::Refused(refusal, rule));
        }
        let request = HoldRequest {
            run: &self.run,
            approval,
            rule: decided_by.to_owned(),
            rule_reason: row.and_then(|row| row.reason.clone()),
            position: passing.position,
            call: passing.call,
            destination: &passing.destination,
            identity: &passing.identity,
            effect: passing.effect,
            arguments: &passing.arguments,
            arguments_text: &passing.text,
            prior,
        };
        let gate = self.hold_or_admit(request.prepare(), rule).await?;
        Ok(match gate {
            Gate::Admitted(admission) => Gate::Admitted(Admission {
                spending,
                ..admission
            }),
            refused @ Gate::Refused(..) => refused,
        })
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
    pub(crate) fn not_done(&self) -> Vec<Judged> {
        self.state().judged.clone()
    }

    /// What would have become of the run, in a word: where any write would have been
    /// held, it would have been. Nothing where none was judged in shadow.
    pub(crate) fn shadow(&self) -> Option<&'static str> {
        let state = self.state();
        let held = state.judged.iter().any(|judged| judged.held_for.is_some());
        (!state.judged.is_empty()).then_some(if held { "require" } else { "allow" })
    }

    pub(super) fn stands_for(&self, passing: &Passing) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|standing| standing.covers(passing.call, &passing.destination))
    }

    /// A denial of the same in another run stands: nobody is asked again.
    ///
    /// The attack: an agent that was told no asks again, under another name or in
    /// two runs at once, until somebody says yes.
    async fn denied_before(&self) -> Result<Option<Refusal>, Ending> {
        let (tenant, run) = (&self.run.tenant, &self.run.run);
        let store = &self.journal.store;
        let found = store.standing_denial(tenant, &self.run.asked(), run).await;
        let found = found.map_err(|error| self.end(JournalFault::from(error).into()))?;
        let Some(row) = found else {
            return Ok(None);
        };
        let records = self.journal.run_records(tenant, &row.run).await;
        let records = records.map_err(|fault| self.end(fault.into()))?;
        let mut state = self.state();
        state.approval = None;
        state.rejected = Some(FailureKind::Rejected);
        Ok(Some(Refusal::rejected(approvals::stands(&row, &records))))
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
                        standing: None,
                        spending: Spending::default(),
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

    /// A yes was taken back after it admitted this call: the run waits on, under
    /// the same approval.
    pub(super) async fn held_on(&self, approval: String) -> Ending {
        let row = self.row(
            RunState::Held,
            Some(approval.clone()),
            self.journal.now_ms(),
        );
        let held = vec![Change::PutRun(Box::new(row))];
        match self.flush(Vec::new(), held).await {
            Ok(()) => self.end(Ending::Held { approval }),
            Err(fault) => self.end(fault.into()),
        }
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
                // With the hold, so that no death comes between. The attack, or the
                // oversight: what announces is held, announces that, and so on.
                if !is_delivery(&self.run.principal, self.run.request_key.as_deref()) {
                    let notifications = self.backends.queues.notifications(&self.run.tenant);
                    changes.extend(announce(notifications, &row));
                }
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

fn not_allowed(passing: &Passing) -> String {
    format!(
        "`{}` on `{}` is {} and no rule of the manifest allows it",
        passing.call,
        passing.destination,
        passing.effect.as_str()
    )
}

/// A denial by a row, in its own words where it has some.
fn refused_by(row: Option<&Rule>, said: String) -> Refusal {
    Refusal::Denied(Denial {
        reason: row.and_then(|row| row.reason.clone()).unwrap_or(said),
        rule: row.map(|row| row.name.clone()),
        hint: None,
    })
}
