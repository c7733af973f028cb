//! The calls of a run as its journal tells them: what is answered on replay.

use serde_json::Value;
use tollgate_journal::Stage;

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
    /// Whether a later call of the same run, or an undo, can put it back.
    pub(crate) prior: Option<Value>,
    pub(crate) written: Option<Value>,
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
            Stage::CallIntent | Stage::CallOutcome | Stage::CallDenied | Stage::LimitHit
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

impl RecordedCall {
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
        self.intent |= record.leaf.stage == Stage::CallIntent;
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
