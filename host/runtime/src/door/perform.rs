//! After the gate: the intent, durable before the effect; the effect; the
//! outcome.

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::Effect;
use tollgate_store::{ApprovalState, Change, Rejected, RunState};

use super::gate::Admission;
use super::{Door, Operation, Passing, Performed, Prior, Refusal, encode, last_words};
use crate::error::{Ending, JournalFault};

impl Door {
    /// Record that a call is about to be made. A refusal means that its approval
    /// ran out between decision and use.
    pub(super) async fn intent(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
        admission: &Admission,
    ) -> Result<Option<Refusal>, Ending> {
        let mut saying = passing
            .saying(Stage::CallIntent)
            .maybe("rule", admission.rule.as_deref())
            .maybe("prior_version", prior.map(|prior| prior.version.as_str()))
            .value("arguments", passing.text.clone().into_bytes());
        if let Some(prior) = prior {
            saying = saying.json("prior", &prior.value);
        }
        self.state().bytes += passing.text.len() as u64;
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
        let record = self
            .journal
            .record(&self.about, saying)
            .map_err(|fault| self.end(fault.into()))?;
        match self.flush(vec![record], changes).await {
            Ok(()) => {
                self.state().committed = true;
                Ok(None)
            }
            Err(JournalFault::Store(error)) => match error.rejected() {
                // Expired by the store's clock, or by the watch a moment ago.
                Some(
                    Rejected::Expired { .. }
                    | Rejected::NotApproved {
                        state: ApprovalState::Expired,
                        ..
                    },
                ) => {
                    self.state().rejected = true;
                    Ok(Some(Refusal::rejected(
                        "it was approved, and not executed in the time the manifest gives",
                    )))
                }
                Some(Rejected::RunExists { run, .. }) => {
                    Err(self.end(Ending::Repeats { run: run.clone() }))
                }
                Some(rejected) => Err(self.end(Ending::NotAdmitted(rejected.to_string()))),
                None => Err(self.end(JournalFault::Store(error).into())),
            },
            Err(fault) => Err(self.end(fault.into())),
        }
    }

    pub(super) async fn perform<O: Operation>(
        &self,
        passing: &Passing,
        plan: O::Plan,
        prior: Option<Prior>,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        if passing.call == "log.panic" {
            self.state().panic = Some(last_words(&passing.arguments));
        }
        let scope = self.scope(passing.position);
        let work = O::perform(plan, prior.as_ref(), &scope, &self.backends);
        if passing.effect == Effect::Read {
            // A read may be given up; a write is never left half observed.
            let Ok(performed) = tokio::time::timeout_at(self.deadline.into(), work).await else {
                let reply = O::refuse(Refusal::limited(
                    "deadline",
                    self.manifest.limits.deadline.as_secs(),
                ));
                self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
                return Ok(reply);
            };
            return self.read_outcome::<O>(passing, performed, admission);
        }
        match work.await {
            Performed::Known { reply, written } => {
                self.write_outcome::<O>(passing, reply, written, admission)
                    .await
            }
            Performed::Unknown(why) => {
                tracing::warn!(run = %self.run.run, call = passing.call, why, "outcome unknown");
                Err(self.end(Ending::InDoubt {
                    position: passing.position,
                    call: passing.call.to_owned(),
                }))
            }
        }
    }

    pub(super) fn read_outcome<O: Operation>(
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
        let limit = self.manifest.limits.reply_bytes;
        if bytes.len() as u64 > limit {
            let reply = O::refuse(Refusal::limited("reply_bytes", limit));
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(reply);
        }
        self.push(
            passing,
            Stage::CallOutcome,
            bytes,
            admission.rule.as_deref(),
        )?;
        Ok(reply)
    }

    pub(super) async fn write_outcome<O: Operation>(
        &self,
        passing: &Passing,
        reply: O::Reply,
        written: Option<Value>,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        let mut saying = passing
            .saying(Stage::CallOutcome)
            .maybe("rule", admission.rule.as_deref())
            .fact("changed", written.is_some())
            .value("reply", encode(&reply));
        if let Some(written) = &written {
            saying = saying.json("written", written);
        }
        // The effect is done: an outcome that cannot be recorded is in doubt.
        let record = self.journal.record(&self.about, saying).map_err(|fault| {
            tracing::error!(run = %self.run.run, %fault, "an outcome cannot be recorded");
            self.end(Ending::InDoubt {
                position: passing.position,
                call: passing.call.to_owned(),
            })
        })?;
        // The effect is done. If this cannot be recorded now the call is in
        // doubt, which is the truth.
        match self.flush(vec![record], Vec::new()).await {
            Ok(()) => Ok(reply),
            Err(fault) => Err(self.end(fault.into())),
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
        self.push(passing, stage, encode(reply), rule)
    }

    pub(super) fn push(
        &self,
        passing: &Passing,
        stage: Stage,
        reply: Vec<u8>,
        rule: Option<&str>,
    ) -> Result<(), Ending> {
        let size = (passing.text.len() + reply.len()) as u64;
        let limits = &self.manifest.limits;
        let most = limits
            .journal_bytes
            .saturating_add(2 * limits.host_call_bytes);
        if self.state().bytes.saturating_add(size) > most {
            return Err(self.end(Ending::OverBudget {
                name: "journal_bytes",
                allowed: limits.journal_bytes,
            }));
        }
        let saying = passing
            .saying(stage)
            .maybe("rule", rule)
            .value("arguments", passing.text.clone().into_bytes())
            .value("reply", reply);
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
