//! The walk of one call through the door, in the order that the door's own
//! documentation gives.

use tollgate_journal::Stage;
use tollgate_policy::{Effect, Outcome, UndoDecl};

use super::gate::{Admission, Gate};
use super::perform::{Intent, encode};
use super::replay::{Differs, Found, decode};
use super::state::OnTheWay;
use super::{Door, Immediate, Operation, Passing, Performed, Prior, Refusal, Scope, WayBack};
use crate::error::Ending;

/// How often a call looks at its budgets again because another host took from them
/// since. Each time one of the hosts has got on.
const LOOKS_AT_BUDGETS: u32 = 100;

impl Door {
    /// One call through the door. An `Err` ends the run; a refusal is a reply.
    pub(crate) async fn pass<O: Operation>(
        &self,
        arguments: O::Arguments,
        fuel: Option<u64>,
    ) -> Result<O::Reply, Ending> {
        let _on_the_way = OnTheWay::new(&self.passing);
        let position = self.next_position()?;
        let scope = self.scope(position);
        let described = O::describe(arguments, &scope);
        let (mut passing, next) = Passing::new::<O>(position, fuel, described)?;
        match self.replay(&passing).await? {
            Found::Reply(bytes) => return decode::<O>(position, &bytes),
            Found::Doubt => return self.doubtful::<O>(&mut passing, next, &scope).await,
            Found::New => {}
        }
        let found = self.secret_in_arguments(&passing).await;
        if let Some(found) = found {
            return self.withhold_arguments::<O>(&passing, &found);
        }
        let plan = match self.grant_and_meter::<O>(&mut passing, next)? {
            Ok(plan) => plan,
            Err(reply) => return Ok(reply),
        };
        // Denied whatever is there: looking would tell the guest what it expected
        // rightly and what not (CWE-203). A person's decision is the gate's.
        if passing.effect > Effect::Read && self.state().approval.is_none() {
            let decision = self.decide(&passing);
            if decision.outcome == Outcome::Deny {
                let rule = self.rule_name(decision.rule);
                let reply = O::refuse(self.denied_by(&passing, decision.rule));
                self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
                return Ok(reply);
            }
        }
        // A person said no: nothing is looked at for it any more.
        if let Some(refusal) = self.refused_by_person(position) {
            let rule = self.rule_name(self.decide(&passing).rule);
            let reply = O::refuse(refusal);
            self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
            return Ok(reply);
        }
        let prior = if passing.effect > Effect::Read && self.may_look::<O>(&plan) {
            match O::prior(&plan, &scope, &self.backends).await {
                Ok(prior) => prior,
                Err(reply) => {
                    let performed = Performed::answered(reply);
                    return self
                        .read_outcome::<O>(&passing, performed, &Admission::none())
                        .await;
                }
            }
        } else {
            None
        };
        if let Some(reply) = self.withhold_prior::<O>(&passing, prior.as_ref()).await? {
            return Ok(reply);
        }
        // A write that cannot be taken back is irreversible, whatever it is called.
        if passing.effect == Effect::Write && !self.can_be_taken_back::<O>(&plan, prior.as_ref()) {
            passing.effect = Effect::Irreversible;
        }
        passing.undo = self.undo_facts::<O>(&plan, prior.as_ref());
        let decided = self.state().approval.clone();
        for _ in 0..LOOKS_AT_BUDGETS {
            let mut admission = match self.gate(&passing, prior.as_ref()).await? {
                Gate::Admitted(admission) => admission,
                Gate::Refused(refusal, rule) => {
                    let reply = O::refuse(refusal);
                    self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
                    return Ok(reply);
                }
            };
            // The attack: a guest is stopped after an approved read, and the run that
            // goes on reads under the same approval as often as it likes.
            if !passing.needs_intent() && admission.approval.is_none() {
                self.took(&admission.spending);
                admission.spending.settled();
                return self.read::<O>(&passing, plan, &admission).await;
            }
            let recovery = passing.recovery::<O>(&plan);
            let intent = self.intent(&passing, prior.as_ref(), recovery, &admission);
            match intent.await? {
                Intent::Durable(send_by) => {
                    self.took(&admission.spending);
                    admission.spending.settled();
                    return match passing.effect {
                        Effect::Read => {
                            self.read_with_intent::<O>(&passing, plan, &admission, send_by)
                                .await
                        }
                        _ => {
                            self.write::<O>(&passing, plan, prior, &admission, send_by)
                                .await
                        }
                    };
                }
                Intent::Refused(refusal) => {
                    let reply = O::refuse(refusal);
                    self.record_reply::<O>(&passing, Stage::CallDenied, &reply, None)?;
                    return Ok(reply);
                }
                // Another host took: a person's decision, where there is one, still
                // counts, and what is left may not be enough any more.
                Intent::Overtaken => self.state().approval.clone_from(&decided),
            }
        }
        let reply = O::refuse(Refusal::outside(
            "others take from the same budget faster than this host can look at it; call again",
        ));
        self.record_reply::<O>(&passing, Stage::CallDenied, &reply, None)?;
        Ok(reply)
    }

    /// Whether there is a way back for a write. The attack: a connector that has no
    /// inverse calls what the operator accepted one for, and its write passes for
    /// one that can be taken back.
    pub(super) fn can_be_taken_back<O: Operation>(
        &self,
        plan: &O::Plan,
        prior: Option<&Prior>,
    ) -> bool {
        match O::way_back(plan) {
            WayBack::Captured => prior.is_some() && self.extensions().can_restore(O::CALL),
            WayBack::Inverse => matches!(self.run.tool.undo, UndoDecl::Inverse(_)),
        }
    }

    /// One call whose answer needs no waiting, in the same order. Reads only:
    /// there is no intent to wait for.
    pub(crate) fn pass_now<O: Immediate>(
        &self,
        arguments: O::Arguments,
    ) -> Result<O::Reply, Ending> {
        let position = self.next_position()?;
        let scope = self.scope(position);
        let described = O::describe(arguments, &scope);
        let (mut passing, next) = Passing::new::<O>(position, None, described)?;
        debug_assert_eq!(
            passing.effect,
            Effect::Read,
            "only reads pass without waiting"
        );
        match self.compare(&passing) {
            Ok(Found::Reply(bytes)) => return decode::<O>(position, &bytes),
            Ok(Found::New) => {}
            // A read has no intent: the journal is of another component.
            Ok(Found::Doubt) | Err(Differs::Doubtful(_)) => {
                return Err(self.end(Ending::HostFault(
                    "a read has an intent in the journal".to_owned(),
                )));
            }
            Err(Differs::Known(ending)) => return Err(self.end(ending)),
        }
        if let Some(found) = self.secret_in(passing.text.as_bytes()) {
            return self.withhold_arguments::<O>(&passing, &found);
        }
        let plan = match self.grant_and_meter::<O>(&mut passing, next)? {
            Ok(plan) => plan,
            Err(reply) => return Ok(reply),
        };
        let decision = self.decide(&passing);
        if decision.outcome != Outcome::Allow {
            let rule = self.rule_name(decision.rule);
            let reply = O::refuse(self.denied_by(&passing, decision.rule));
            self.record_reply::<O>(&passing, Stage::CallDenied, &reply, rule.as_deref())?;
            return Ok(reply);
        }
        let reply = O::perform_now(plan, &scope, &self.backends);
        let (bytes, none) = (encode(&reply), Admission::none());
        let found = self.secret_in(&bytes);
        self.answer_read::<O>(&passing, reply, bytes, found, &none)
    }

    pub(super) fn scope(&self, position: u32) -> Scope<'_> {
        Scope {
            tenant: &self.run.tenant,
            run: &self.run.run,
            case: &self.run.case,
            principal: &self.run.principal,
            connector: &self.run.connector,
            tool: &self.run.tool.name,
            position,
            manifest: &self.manifest,
            opened_under: &self.run.opened_under,
            deadline: self.deadline,
            in_doubt: false,
            sending: None,
        }
    }
}
