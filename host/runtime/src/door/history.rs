//! The calls of a run as its journal tells them: what is answered on replay.

use std::collections::BTreeSet;

use serde_json::Value;
use tollgate_journal::Stage;

use super::outcome::CUT;
use super::{Prior, WRITTEN};
use crate::error::Ending;
use crate::journal::OpenRecord;

/// One import call that the journal knows of.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedCall {
    pub(crate) call: String,
    pub(crate) destination: String,
    pub(crate) arguments: Vec<u8>,
    pub(crate) fuel: Option<u64>,
    /// Missing where only the intent was recorded.
    pub(crate) reply: Option<Vec<u8>>,
    /// Whether the call was admitted, so that it may have had an effect.
    pub(crate) intent: bool,
    /// Whether that used an approval up.
    pub(crate) approved: bool,
    /// Whether a later call of the same run, or an undo, can put it back.
    pub(crate) prior: Option<Value>,
    pub(crate) prior_version: Option<String>,
    /// Digest of what its destination was when it was admitted; older records have
    /// none.
    pub(crate) identity: Option<String>,
    /// What it allowed then where its outcome is not known, by name.
    pub(crate) recovery: Option<String>,
    pub(crate) written: Option<Value>,
    /// Until when it may be taken back, Unix milliseconds.
    pub(crate) undo_until: Option<u64>,
    /// Whether it was said that the call is in doubt.
    pub(crate) marked: bool,
    /// How often it was sent again since.
    pub(crate) resent: u32,
    /// What a person found out about it.
    pub(crate) settled: Option<Settled>,
    /// What is not in its records, because a secret was in it.
    pub(crate) withheld: Option<String>,
}

/// A person's word on a call in doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Whether it happened.
    pub(crate) happened: bool,
    /// Who said so.
    pub(crate) by: String,
    /// That person's words.
    pub(crate) note: String,
    /// The call's reply, where the person gave one.
    pub(crate) answer: Option<Vec<u8>>,
}

impl Settled {
    /// How a run ends that does not come to the call again, for the reason given:
    /// what a person said stands, and nobody is asked twice.
    pub(crate) fn ending(&self, position: u32, call: &str, why: &str) -> Ending {
        if self.happened {
            return Ending::SettledDone {
                position,
                call: call.to_owned(),
                by: self.by.clone(),
            };
        }
        Ending::Diverged {
            position,
            difference: format!("{} found that it did not happen, and {why}", self.by),
        }
    }
}

/// Recorded calls by position, without a gap from 0.
pub(crate) fn recorded_calls(records: &[OpenRecord]) -> Vec<RecordedCall> {
    let mut calls: Vec<RecordedCall> = Vec::new();
    for record in records {
        let Some(position) = record.leaf.position else {
            continue;
        };
        if !matches!(
            record.leaf.stage,
            Stage::CallIntent
                | Stage::CallOutcome
                | Stage::CallDenied
                | Stage::LimitHit
                | Stage::SecretBlocked
                | Stage::CallInDoubt
                | Stage::CallResent
                | Stage::CallSettled
        ) {
            continue;
        }
        let index = position as usize;
        if index >= calls.len() {
            calls.resize_with(index + 1, RecordedCall::default);
        }
        calls[index].add(record);
    }
    calls
}

/// The first call that neither an outcome nor a person says anything of, though it
/// may have happened. Leaves tell, so values may be gone.
pub(crate) fn in_doubt(records: &[OpenRecord]) -> Option<u32> {
    let mut unknown = BTreeSet::new();
    for leaf in records.iter().map(|record| &record.leaf) {
        match (leaf.stage, leaf.position) {
            (Stage::CallIntent, Some(position)) => {
                unknown.insert(position);
            }
            // A limit after the intent: it was not sent.
            (
                Stage::CallOutcome
                | Stage::CallDenied
                | Stage::LimitHit
                | Stage::SecretBlocked
                | Stage::CallSettled,
                Some(position),
            ) => {
                unknown.remove(&position);
            }
            _ => {}
        }
    }
    unknown.first().copied()
}

impl RecordedCall {
    /// Whether it is not known what became of the call.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.intent && self.reply.is_none()
    }

    /// How a run ended, or waits, at a call whose answer nobody knows.
    pub(super) fn without_reply(&self, position: u32) -> Ending {
        let call = self.call.clone();
        match self.settled.as_ref().filter(|settled| settled.happened) {
            Some(settled) => Ending::SettledDone {
                position,
                call,
                by: settled.by.clone(),
            },
            None => Ending::InDoubt { position, call },
        }
    }

    /// What was captured of what the call replaces.
    pub(crate) fn prior(&self) -> Option<Prior> {
        Some(Prior {
            version: self.prior_version.clone()?,
            value: self.prior.clone()?,
        })
    }

    fn add(&mut self, record: &OpenRecord) {
        let text = |name: &str| {
            record
                .leaf
                .facts
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        if self.call.is_empty() {
            self.call = text("call");
            self.destination = text("destination");
            self.fuel = record.leaf.facts.get("fuel").and_then(Value::as_u64);
        }
        if let Some(what) = record.fact("withheld") {
            self.withheld = Some(what.to_owned());
        }
        // What was written is not there, for another reason.
        if record.fact(CUT) == Some(WRITTEN) {
            self.withheld = Some(WRITTEN.to_owned());
        }
        match record.leaf.stage {
            Stage::CallIntent => {
                self.intent = true;
                self.approved = record.fact("approval").is_some();
                self.prior_version = record.fact("prior_version").map(str::to_owned);
                self.identity = record.fact("identity").map(str::to_owned);
                self.recovery = record.fact("recovery").map(str::to_owned);
                self.undo_until = record.leaf.facts.get("undo_until").and_then(Value::as_u64);
            }
            Stage::CallInDoubt => self.marked = true,
            Stage::CallResent => self.resent += 1,
            Stage::CallSettled => {
                let answer = record.values.iter().find(|(name, _)| name == "answer");
                self.settled = Some(Settled {
                    happened: record.fact("resolution") == Some("done"),
                    by: record.leaf.principal.clone(),
                    note: record.text("note").unwrap_or_default().to_owned(),
                    answer: answer.map(|(_, bytes)| bytes.clone()),
                });
            }
            _ => {}
        }
        for (name, bytes) in &record.values {
            match name.as_str() {
                "arguments" => self.arguments.clone_from(bytes),
                "reply" => self.reply = Some(bytes.clone()),
                "prior" => self.prior = serde_json::from_slice(bytes).ok(),
                "written" => self.written = serde_json::from_slice(bytes).ok(),
                _ => {}
            }
        }
    }
}
