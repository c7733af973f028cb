//! After the gate: the intent, durable before the effect; the effect; the
//! outcome.

use std::time::Duration;

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_secrets::Found;
use tollgate_store::{ApprovalState, Change, Rejected, RunState};

use super::flush::repeats;
use super::gate::Admission;
use super::operation::Sending;
use super::recover::Doubtful;
use super::{Door, Operation, Passing, Performed, Prior, Recovery, Refusal, Scope};
use crate::error::Ending;
use crate::failure::FailureKind;
use crate::journal::Saying;
use crate::runs::awake_ms;

/// How long after its intent a call may be sent: what is later is not sent, so
/// that another host that takes the run over never meets a late call.
pub(crate) const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Until when a call may be sent.
#[derive(Clone, Copy)]
pub(super) struct SendBy {
    /// By [`awake_ms`]; never after the lease.
    at: u64,
    /// For the record, Unix milliseconds by this host's clock.
    pub(super) at_ms: u64,
}

/// What became of an intent.
pub(super) enum Intent {
    /// The call may be sent, until then.
    Durable(SendBy),
    /// Its approval ran out between decision and use, or the same was denied.
    Refused(Refusal),
    /// Another host took from a budget that it takes from.
    Overtaken,
}

impl Door {
    /// Until when a call may be sent whose intent is made now.
    pub(super) fn send_by(&self) -> Result<SendBy, Ending> {
        let now = awake_ms();
        let remaining = self.lease_ms(now);
        if remaining == 0 {
            return Err(self.end(Ending::LeaseLost));
        }
        let within = remaining.min(SEND_WITHIN.as_secs() * 1_000);
        Ok(SendBy {
            at: now.saturating_add(within),
            at_ms: self.journal.now_ms().saturating_add(within),
        })
    }

    /// Whether a call may still be sent: asked last, immediately before.
    pub(super) fn may_send(&self, send_by: SendBy) -> Result<bool, Ending> {
        let now = awake_ms();
        if self.lease_ms(now) == 0 {
            return Err(self.end(Ending::LeaseLost));
        }
        Ok(now < send_by.at)
    }

    /// The same for the operation to ask: it may wait before it sends.
    pub(super) fn sending(&self, send_by: SendBy) -> Option<Sending<'_>> {
        let lease = self.lease.as_deref()?;
        Some(Sending {
            at: send_by.at,
            lease,
        })
    }

    /// How long this host has the run at least.
    fn lease_ms(&self, now: u64) -> u64 {
        self.lease
            .as_ref()
            .map_or(0, |lease| lease.remaining_ms(now))
    }

    /// Record that a call is about to be made.
    pub(super) async fn intent(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
        recovery: Recovery,
        admission: &Admission,
    ) -> Result<Intent, Ending> {
        fail::fail_point!("door::before_intent");
        let send_by = self.send_by()?;
        let mut saying = passing
            .saying(Stage::CallIntent)
            .maybe("rule", admission.rule.as_deref())
            .maybe("standing", admission.standing.as_deref())
            .maybe("charges", admission.spending.charges.clone())
            .fact("send_by", send_by.at_ms)
            .fact("identity", passing.identity_digest())
            .fact("recovery", recovery.as_str())
            .maybe("undo", passing.undo.way)
            .maybe("undo_until", passing.undo.until_ms)
            .maybe("prior_version", prior.map(|prior| prior.version.as_str()))
            .value("arguments", passing.text.clone().into_bytes());
        let mut prior_bytes = 0;
        if let Some(prior) = prior {
            let bytes = prior.value.to_string().into_bytes();
            prior_bytes = bytes.len() as u64;
            saying = saying.value("prior", bytes);
        }
        let now = self.journal.now_ms();
        let mut changes = vec![Change::PutRun(Box::new(self.row(
            RunState::Open,
            None,
            now,
        )))];
        if let Some((id, digest)) = &admission.approval {
            saying = saying.fact("approval", id.as_str());
            changes.push(Change::ConsumeApproval {
                id: id.clone(),
                digest: digest.clone(),
                at_ms: now,
            });
        }
        changes.extend(admission.spending.conditions());
        let record = self
            .journal
            .record(&self.about, saying)
            .map_err(|fault| self.end(fault.into()))?;
        let Err(fault) = self.flush(vec![record], changes).await else {
            let mut state = self.state();
            state.committed = true;
            state.bytes += passing.text.len() as u64 + prior_bytes;
            return Ok(Intent::Durable(send_by));
        };
        if let Some(ending) = repeats(&fault) {
            return Err(self.end(ending));
        }
        match fault.rejected() {
            // Expired by the store's clock, or by the watch a moment ago.
            Some(
                Rejected::Expired { .. }
                | Rejected::NotApproved {
                    state: ApprovalState::Expired,
                    ..
                },
            ) => {
                self.state().rejected = Some(FailureKind::Unanswered);
                Ok(Intent::Refused(Refusal::rejected(
                    "it was approved, and not executed in the time the manifest gives",
                )))
            }
            // Taken back since the gate looked: it waits for people again.
            Some(Rejected::NotApproved {
                state: ApprovalState::Pending,
            }) => {
                let approval = admission.approval.clone().unwrap_or_default();
                Err(self.held_on(approval.0).await)
            }
            // Denied elsewhere since the gate asked.
            Some(Rejected::DenialStands { approval }) => {
                self.state().rejected = Some(FailureKind::Rejected);
                let why = format!("the same was denied as {approval}, and that stands");
                Ok(Intent::Refused(Refusal::rejected(why)))
            }
            Some(Rejected::BudgetMoved(_)) => Ok(Intent::Overtaken),
            Some(Rejected::LeaseLost) | None => Err(self.end(fault.into())),
            Some(rejected) => Err(self.end(Ending::NotAdmitted(rejected.to_string()))),
        }
    }

    /// A read may be given up.
    pub(super) async fn read<O: Operation>(
        &self,
        passing: &Passing,
        plan: O::Plan,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        if passing.call == "log.panic" {
            self.state().panic = Some(last_words(&passing.arguments));
        }
        let scope = self.scope(passing.position);
        let work = O::perform(plan, None, &scope, &self.backends);
        let Ok(performed) = tokio::time::timeout_at(self.deadline.into(), work).await else {
            let reply = O::refuse(Refusal::limited(
                "deadline",
                self.manifest.limits.deadline.as_secs(),
            ));
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(reply);
        };
        self.read_outcome::<O>(passing, performed, admission).await
    }

    /// A read whose intent is durable: what it carries out is out, and what it came
    /// to is recorded before anything else happens. It may be given up all the same.
    pub(super) async fn read_with_intent<O: Operation>(
        &self,
        passing: &Passing,
        plan: O::Plan,
        admission: &Admission,
        send_by: SendBy,
    ) -> Result<O::Reply, Ending> {
        fail::fail_point!("door::after_intent");
        let recovery = Recovery::Repeatable;
        if !self.may_send(send_by)? {
            return self.not_sent::<O>(passing, recovery).await;
        }
        fail::fail_point!("door::before_send");
        let reply = self
            .answer_to_read::<O>(passing, plan, send_by, false)
            .await;
        fail::fail_point!("door::after_send");
        let (reply, saying) = self.outcome::<O>(passing, reply, None).await;
        let saying = saying.maybe("rule", admission.rule.as_deref());
        self.write_outcome(passing, recovery, saying).await?;
        fail::fail_point!("door::after_outcome");
        Ok(reply)
    }

    /// What a read with an intent is answered, within the run's time.
    pub(super) async fn answer_to_read<O: Operation>(
        &self,
        passing: &Passing,
        plan: O::Plan,
        send_by: SendBy,
        in_doubt: bool,
    ) -> O::Reply {
        let scope = Scope {
            in_doubt,
            sending: self.sending(send_by),
            ..self.scope(passing.position)
        };
        let work = O::perform(plan, None, &scope, &self.backends);
        match tokio::time::timeout_at(self.deadline.into(), work).await {
            Ok(Performed::Known { reply, .. }) => reply,
            Ok(Performed::Unknown(why)) => O::refuse(Refusal::outside(why)),
            Err(_) => O::refuse(Refusal::limited(
                "deadline",
                self.manifest.limits.deadline.as_secs(),
            )),
        }
    }

    /// A write is never left half observed.
    pub(super) async fn write<O: Operation>(
        &self,
        passing: &Passing,
        plan: O::Plan,
        prior: Option<Prior>,
        admission: &Admission,
        send_by: SendBy,
    ) -> Result<O::Reply, Ending> {
        fail::fail_point!("door::after_intent");
        let recovery = O::recovery(&plan);
        if !self.may_send(send_by)? {
            return self.not_sent::<O>(passing, recovery).await;
        }
        fail::fail_point!("door::before_send");
        let scope = Scope {
            sending: self.sending(send_by),
            ..self.scope(passing.position)
        };
        let performed = O::perform(plan, prior.as_ref(), &scope, &self.backends).await;
        fail::fail_point!("door::after_send");
        match performed {
            Performed::Known { reply, written } => {
                let (reply, saying) = self.outcome::<O>(passing, reply, written.as_ref()).await;
                let saying = saying.maybe("rule", admission.rule.as_deref());
                self.write_outcome(passing, recovery, saying).await?;
                fail::fail_point!("door::after_outcome");
                Ok(reply)
            }
            Performed::Unknown(why) => {
                let why = self.clean(&why);
                tracing::warn!(run = %self.run.run, call = passing.call, why, "outcome unknown");
                Err(self.end(Ending::Doubt))
            }
        }
    }

    /// The host was stopped between intent and sending, for longer than anybody
    /// would wait: recorded as not sent, which is known.
    async fn not_sent<O: Operation>(
        &self,
        passing: &Passing,
        recovery: Recovery,
    ) -> Result<O::Reply, Ending> {
        let reply = O::refuse(Refusal::limited("send_by", SEND_WITHIN.as_secs()));
        let saying = passing
            .saying(Stage::LimitHit)
            .fact("limit", "send_by")
            .fact("sent", false)
            .value("reply", encode(&reply));
        self.write_outcome(passing, recovery, saying).await?;
        Ok(reply)
    }

    pub(super) async fn read_outcome<O: Operation>(
        &self,
        passing: &Passing,
        performed: Performed<O::Reply>,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        let reply = match performed {
            Performed::Known { reply, .. } => reply,
            Performed::Unknown(why) => O::refuse(Refusal::outside(why)),
        };
        let bytes = encode(&reply);
        let (bytes, found) = if bytes.len() as u64 > self.manifest.limits.reply_bytes {
            (bytes, None)
        } else {
            self.scanned(bytes).await
        };
        self.answer_read::<O>(passing, reply, bytes, found, admission)
    }

    /// Record a read's reply, where it is within its limit and has no secret.
    pub(super) fn answer_read<O: Operation>(
        &self,
        passing: &Passing,
        reply: O::Reply,
        bytes: Vec<u8>,
        found: Option<Found>,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        let limit = self.manifest.limits.reply_bytes;
        if bytes.len() as u64 > limit {
            let reply = O::refuse(Refusal::limited("reply_bytes", limit));
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(reply);
        }
        if let Some(found) = found {
            return self.withhold_reply::<O>(passing, &found, admission);
        }
        self.learn(passing, &bytes);
        let saying = with_facts::<O>(passing.saying(Stage::CallOutcome), &reply)
            .maybe("charges", admission.spending.charges.clone());
        self.push(passing, saying, bytes, admission.rule.as_deref())?;
        Ok(reply)
    }

    /// Make the outcome of a call with an intent durable. One that cannot be a
    /// record leaves the call in doubt, which is the truth; one that cannot be
    /// recorded now is in doubt until the store is back.
    pub(super) async fn write_outcome(
        &self,
        passing: &Passing,
        recovery: Recovery,
        saying: Saying,
    ) -> Result<(), Ending> {
        let recorded = match self.journal.record(&self.about, saying) {
            Ok(record) => self.flush(vec![record], Vec::new()).await,
            Err(fault) => Err(fault),
        };
        match recorded.map_err(Ending::from) {
            Ok(()) => Ok(()),
            Err(Ending::HostFault(why)) => {
                tracing::error!(run = %self.run.run, why, "an outcome cannot be recorded");
                let why = format!("its outcome cannot be recorded: {why}");
                let doubtful = Doubtful::of(passing, recovery, false);
                Err(self.give_to_person(doubtful, &why, None).await)
            }
            Err(ending) => Err(self.end(ending)),
        }
    }

    /// A record with a reply, for a call that had no intent.
    pub(super) fn record_reply<O: Operation>(
        &self,
        passing: &Passing,
        stage: Stage,
        reply: &O::Reply,
        rule: Option<&str>,
    ) -> Result<(), Ending> {
        self.push(passing, passing.saying(stage), encode(reply), rule)
    }

    pub(super) fn push(
        &self,
        passing: &Passing,
        saying: Saying,
        reply: Vec<u8>,
        rule: Option<&str>,
    ) -> Result<(), Ending> {
        let size = (passing.text.len() + reply.len()) as u64;
        let saying = saying
            .maybe("rule", rule)
            .value("arguments", passing.text.clone().into_bytes())
            .value("reply", reply);
        self.push_saying(size, saying)
    }

    /// How many bytes of values the run may still record: what it has, and something
    /// beyond for the answers to the last calls.
    pub(super) fn bytes_left(&self) -> u64 {
        let limits = &self.manifest.limits;
        let most = limits
            .journal_bytes
            .saturating_add(limits.host_call_bytes.saturating_mul(2));
        most.saturating_sub(self.state().bytes)
    }

    /// Buffer a record, if the run may still have one of this size.
    pub(super) fn push_saying(&self, size: u64, saying: Saying) -> Result<(), Ending> {
        let limits = &self.manifest.limits;
        if size > self.bytes_left() {
            return Err(self.end(Ending::OverBudget {
                name: "journal_bytes",
                allowed: limits.journal_bytes,
            }));
        }
        match self.journal.record(&self.about, saying) {
            Ok(record) => {
                let mut state = self.state();
                state.bytes += size;
                state.buffer.push(record);
                Ok(())
            }
            Err(fault) => Err(self.end(fault.into())),
        }
    }
}

/// What the operation says of its reply in numbers.
pub(super) fn with_facts<O: Operation>(saying: Saying, reply: &O::Reply) -> Saying {
    O::facts(reply)
        .into_iter()
        .fold(saying, |saying, (name, number)| saying.fact(name, number))
}

/// A panic's message and place in one line.
fn last_words(arguments: &Value) -> String {
    let text = |name: &str| arguments[name].as_str().unwrap_or_default().to_owned();
    format!("{} at {}", text("message"), text("place"))
}

pub(super) fn encode<T: serde::Serialize>(reply: &T) -> Vec<u8> {
    // Replies are plain data of this crate: no map with keys that are no text.
    serde_json::to_vec(reply).unwrap_or_default()
}
