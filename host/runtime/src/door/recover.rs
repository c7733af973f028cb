//! Calls in doubt: an intent is in the journal, and no outcome. The process was
//! stopped between the two, or the receiver's answer was lost. Unknown is not
//! failure: nothing is repeated unless the operation declared that repeating
//! cannot double it.
//!
//! ```text
//! idempotency key   sent again under the same key
//! readable          looked for; found: that is the outcome; else a person
//! conditional       looked for; still as before: sent again, under its condition
//! repeatable        a read: made again
//! none              a person
//! ```
//!
//! Whatever is done is in the journal before it is done. A look that fails, or
//! finds what it cannot explain, is a person's.

use std::time::Duration;

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::{Effect, Outcome};
use tollgate_store::{Change, RunState};

use super::replay::decode;
use super::{
    Door, Looked, NextOf, Operation, Passing, Performed, Prior, RecordedCall, Recovery, Refusal,
    Scope, Settled,
};
use crate::door::Next;
use crate::error::Ending;
use crate::journal::Saying;
use crate::queue::Handover;

/// How often a call in doubt is sent again before a person is asked.
const RESENDS_MAX: u32 = 3;

/// How long a run is left alone after the first, the second... time that its call
/// was sent again and no answer came: a receiver that is away for a moment must not
/// use all attempts up.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(25)];

/// A call in doubt, as it is recorded.
pub(crate) struct Doubtful<'a> {
    position: u32,
    call: &'a str,
    destination: &'a str,
    recovery: Recovery,
    /// Whether the journal says already that it is in doubt.
    marked: bool,
}

impl<'a> Doubtful<'a> {
    pub(super) fn of(passing: &'a Passing, recovery: Recovery, marked: bool) -> Self {
        Self {
            position: passing.position,
            call: passing.call,
            destination: &passing.destination,
            recovery,
            marked,
        }
    }

    fn saying(&self) -> Saying {
        Saying::new(Stage::CallInDoubt)
            .at(self.position)
            .fact("call", self.call)
            .fact("destination", self.destination)
            .fact("recovery", self.recovery.as_str())
    }
}

/// Why what the manifest in force says of a call is nothing to recover it by:
/// it was sent under another one. Older intents do not say.
fn sent_otherwise(
    recorded: &RecordedCall,
    passing: &Passing,
    recovery: Recovery,
) -> Option<&'static str> {
    let identity = recorded.identity.as_deref();
    if identity.is_some_and(|then| then != passing.identity_digest()) {
        return Some("the manifest in force sends it elsewhere than it was sent");
    }
    // Looking repeats nothing. Everything else must hold for the first sending too.
    let then = recorded.recovery.as_deref()?;
    let holds = match recovery {
        Recovery::None => true,
        Recovery::Readable => then != Recovery::None.as_str(),
        Recovery::IdempotencyKey | Recovery::Conditional | Recovery::Repeatable => {
            then == recovery.as_str()
        }
    };
    (!holds).then_some("the manifest in force recovers it by what it was not sent with")
}

impl Door {
    /// Find out what became of a recorded call, or have a person find out.
    pub(super) async fn doubtful<O: Operation>(
        &self,
        passing: &mut Passing,
        next: NextOf<O>,
        scope: &Scope<'_>,
    ) -> Result<O::Reply, Ending> {
        let recorded = &self.recorded[passing.position as usize];
        let prior = recorded.prior();
        if passing.effect > Effect::Read {
            passing.effect = passing.effect.max(self.run.tool.effect);
        }
        let plan = match next {
            Next::Perform(plan) => Some(plan),
            _ => None,
        };
        passing.egress =
            passing.effect == Effect::Read && plan.as_ref().is_some_and(|plan| O::egress(plan));
        if let Some(settled) = &recorded.settled {
            return self
                .settled::<O>(passing, plan.as_ref(), prior.as_ref(), settled)
                .await;
        }
        let recovery = plan
            .as_ref()
            .map_or(O::RECOVERY, |plan| passing.recovery::<O>(plan));
        let position = passing.position;
        let destination = passing.destination.clone();
        let doubtful = |marked| Doubtful {
            position,
            call: O::CALL,
            destination: &destination,
            recovery,
            marked,
        };
        let Some(plan) = plan else {
            let why = "the manifest in force does not grant the call any more";
            let doubtful = doubtful(recorded.marked);
            return Err(self.give_to_person(doubtful, why, None).await);
        };
        // The attack, or the accident: between the two sendings the manifest names
        // another server, or a key that the first one did not have.
        if let Some(why) = sent_otherwise(recorded, passing, recovery) {
            let doubtful = doubtful(recorded.marked);
            return Err(self.give_to_person(doubtful, why, None).await);
        }
        if recovery == Recovery::None {
            let why = "nothing can show whether it happened, and it cannot be repeated";
            let doubtful = doubtful(recorded.marked);
            return Err(self.give_to_person(doubtful, why, None).await);
        }
        if !recorded.marked {
            fail::fail_point!("recover::before_mark");
            let record = self
                .journal
                .record(&self.about, doubtful(false).saying())
                .map_err(|fault| self.end(fault.into()))?;
            self.flush(vec![record], Vec::new())
                .await
                .map_err(|fault| self.end(fault.into()))?;
            fail::fail_point!("recover::after_mark");
        }
        if matches!(recovery, Recovery::IdempotencyKey | Recovery::Repeatable) {
            return self.resend::<O>(passing, plan, prior, recorded).await;
        }
        if !self.may_look::<O>(&plan) {
            let why = "the rules in force do not allow to look for it";
            return Err(self.give_to_person(doubtful(true), why, None).await);
        }
        let look = O::look(&plan, prior.as_ref(), scope, &self.backends);
        let looked = tokio::time::timeout_at(self.deadline.into(), look).await;
        fail::fail_point!("recover::after_look");
        match looked.unwrap_or_else(|_| Looked::unclear("looking took too long")) {
            Looked::Happened { reply, written } => {
                let (reply, saying) = self.outcome::<O>(passing, reply, written.as_ref()).await;
                let saying = saying.fact("recovered", "found");
                self.write_outcome(passing, recovery, saying).await?;
                Ok(reply)
            }
            Looked::NotHappened if recovery == Recovery::Conditional => {
                self.resend::<O>(passing, plan, prior, recorded).await
            }
            Looked::NotHappened => {
                let why = "it was looked for and not found; it may still arrive";
                Err(self.give_to_person(doubtful(true), why, None).await)
            }
            Looked::Unclear { found, why } => {
                let found = Some(found).filter(|found| !found.is_null());
                Err(self.give_to_person(doubtful(true), &why, found).await)
            }
        }
    }

    /// Why a call is not sent again, where it is not: everything that was asked
    /// before the first sending is asked once more, by what is in force now. The
    /// attack: a manifest is narrowed, or a key comes to the host, between a crash and
    /// the resend.
    async fn not_again<O: Operation>(
        &self,
        passing: &mut Passing,
        plan: &O::Plan,
        prior: Option<&Prior>,
        recorded: &RecordedCall,
    ) -> Option<String> {
        if let Some(found) = self.secret_in_arguments(passing).await {
            return Some(format!("its arguments have {found} in them"));
        }
        if self.raise(passing).is_some() {
            return Some(format!(
                "the tool `{}` declares itself `{}` now",
                self.run.tool.name,
                self.run.tool.effect.as_str()
            ));
        }
        if passing.effect == Effect::Write && !self.can_be_taken_back::<O>(plan, prior) {
            passing.effect = Effect::Irreversible;
        }
        if let Some(Refusal::Limited(limit)) = self.over_budget(passing) {
            return Some(format!("the run's limit `{}` is reached", limit.name));
        }
        // Admitted once is not admitted for ever.
        let decision = self.decide(passing);
        match decision.outcome {
            // What the operator approved once for all still stands.
            Outcome::Require(_) if decision.rule.is_none() && self.stands_for(passing) => None,
            Outcome::Deny => {
                Some("a rule of the manifest in force denies sending it again".to_owned())
            }
            Outcome::Require(_) if !recorded.approved => Some(
                "the manifest in force has it approved first, and it was sent without that"
                    .to_owned(),
            ),
            Outcome::Require(_) | Outcome::Allow => None,
        }
    }

    /// Send a call again, in a way that cannot double it.
    async fn resend<O: Operation>(
        &self,
        passing: &mut Passing,
        plan: O::Plan,
        prior: Option<Prior>,
        recorded: &RecordedCall,
    ) -> Result<O::Reply, Ending> {
        let recovery = passing.recovery::<O>(&plan);
        let refused = self.not_again::<O>(passing, &plan, prior.as_ref(), recorded);
        let refused = refused.await;
        let passing = &*passing;
        let resent = recorded.resent;
        let doubtful = Doubtful::of(passing, recovery, true);
        if let Some(why) = refused {
            return Err(self.give_to_person(doubtful, &why, None).await);
        }
        if resent >= RESENDS_MAX {
            let why = format!("it was sent again {resent} times, and its outcome is not known");
            return Err(self.give_to_person(doubtful, &why, None).await);
        }
        let send_by = self.send_by()?;
        let scope = Scope {
            in_doubt: true,
            sending: self.sending(send_by),
            ..self.scope(passing.position)
        };
        let saying = passing
            .saying(Stage::CallResent)
            .fact("recovery", recovery.as_str())
            .fact("key", scope.idempotency_key())
            .fact("send_by", send_by.at_ms);
        let record = self
            .journal
            .record(&self.about, saying)
            .map_err(|fault| self.end(fault.into()))?;
        self.flush(vec![record], Vec::new())
            .await
            .map_err(|fault| self.end(fault.into()))?;
        fail::fail_point!("recover::before_resend");
        // Not sent, and still not known whether the first one was.
        if !self.may_send(send_by)? {
            return Err(self.end(Ending::Doubt));
        }
        if recovery == Recovery::Repeatable {
            let reply = self.answer_to_read::<O>(passing, plan, send_by, true).await;
            let (reply, saying) = self.outcome::<O>(passing, reply, None).await;
            let saying = saying.fact("recovered", "resent");
            self.write_outcome(passing, recovery, saying).await?;
            return Ok(reply);
        }
        match O::perform(plan, prior.as_ref(), &scope, &self.backends).await {
            // Its condition did not hold: the first one may have come late. Look again.
            Performed::Known { written: None, .. } if recovery == Recovery::Conditional => {
                Err(self.end(Ending::Doubt))
            }
            Performed::Known { reply, written } => {
                let (reply, saying) = self.outcome::<O>(passing, reply, written.as_ref()).await;
                let saying = saying.fact("recovered", "resent");
                self.write_outcome(passing, recovery, saying).await?;
                Ok(reply)
            }
            Performed::Unknown(why) => {
                let why = self.clean(&why);
                tracing::warn!(run = %self.run.run, call = passing.call, why, "still unknown");
                let pause = PAUSES.get(resent as usize).copied().unwrap_or_default();
                if let Some(lease) = &self.lease {
                    lease.pause(pause);
                }
                Err(self.end(Ending::Doubt))
            }
        }
    }

    /// Go on with what a person found out.
    async fn settled<O: Operation>(
        &self,
        passing: &Passing,
        plan: Option<&O::Plan>,
        prior: Option<&Prior>,
        settled: &Settled,
    ) -> Result<O::Reply, Ending> {
        let (reply, resolution) = if settled.happened {
            let given = settled.answer.as_deref();
            let given = given.and_then(|bytes| decode::<O>(passing.position, bytes).ok());
            let reply = given.or_else(|| plan.and_then(|plan| O::assumed(plan, prior)));
            let Some(reply) = reply else {
                return Err(self.end(Ending::SettledDone {
                    position: passing.position,
                    call: passing.call.to_owned(),
                    by: settled.by.clone(),
                }));
            };
            (reply, "done")
        } else {
            let refusal = Refusal::rejected(format!(
                "{} found that it did not happen: {}",
                settled.by, settled.note
            ));
            (O::refuse(refusal), "not_done")
        };
        let saying = passing
            .saying(Stage::CallOutcome)
            .fact("changed", settled.happened)
            .fact("settled", resolution);
        let (reply, saying) = self.answered::<O>(saying, reply, settled.happened).await;
        let recovery = plan.map_or(O::RECOVERY, |plan| passing.recovery::<O>(plan));
        self.write_outcome(passing, recovery, saying).await?;
        Ok(reply)
    }

    /// A recorded call in doubt that the connector does not make again is a
    /// person's, unless one has said already what became of it.
    pub(crate) async fn not_made_again(&self, position: u32, why: &str) -> Ending {
        let Some(recorded) = self.recorded.get(position as usize) else {
            return self.end(Ending::HostFault(format!("there is no call {position}")));
        };
        if let Some(settled) = &recorded.settled {
            return self.end_instead(settled.ending(position, &recorded.call, why));
        }
        let doubtful = Doubtful {
            position,
            call: &recorded.call,
            destination: &recorded.destination,
            recovery: Recovery::None,
            marked: recorded.marked,
        };
        self.give_to_person(doubtful, why, None).await
    }

    /// Put a call in doubt into a person's queue, with the run's state in one
    /// transaction. The instance ends with the answer.
    pub(super) async fn give_to_person(
        &self,
        doubtful: Doubtful<'_>,
        why: &str,
        found: Option<Value>,
    ) -> Ending {
        let found = match found {
            Some(found) => {
                let (_, secret) = self.scanned(found.to_string().into_bytes()).await;
                secret.is_none().then_some(found)
            }
            None => None,
        };
        let queues = self.backends.queues.of(&self.run.tenant);
        let why = self.clean(why);
        let handover = Handover::new(queues, doubtful.position, doubtful.call, &why, found);
        let marked = (!doubtful.marked).then(|| doubtful.saying());
        let records: Result<Vec<_>, _> = marked
            .into_iter()
            .chain([handover.saying()])
            .map(|saying| self.journal.record(&self.about, saying))
            .collect();
        let now = self.journal.now_ms();
        let row = self.row(RunState::InDoubt, None, now);
        let handed = match records {
            Ok(records) => {
                let told = records.last().map(|record| record.hash).unwrap_or_default();
                let mut changes = handover.changes(&row, told, now);
                changes.push(Change::PutRun(Box::new(row)));
                self.flush(records, changes).await
            }
            Err(fault) => Err(fault),
        };
        match handed {
            Ok(()) => self.end_instead(Ending::InDoubt {
                position: doubtful.position,
                call: doubtful.call.to_owned(),
            }),
            Err(fault) => self.end_instead(fault.into()),
        }
    }
}
