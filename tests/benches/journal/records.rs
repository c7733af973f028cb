//! Records like those of a run that reads once.

use serde_json::json;
use tollgate_journal::{BlobKeys, Closing, Entry, KeyRing, Prepared, Stage, SubjectKey, prepare};

/// When the first run of the measured log was, Unix milliseconds.
pub(crate) const BEGAN_MS: u64 = 1_790_000_000_000;

/// Tools, by how often they are called.
pub(crate) const TOOLS: [&str; 8] = [
    "crm.lookup",
    "crm.lookup",
    "crm.lookup",
    "crm.lookup",
    "desk.read",
    "desk.read",
    "sheet.rows",
    "shop.refund",
];

/// What makes records.
pub(crate) struct Maker {
    key: SubjectKey,
    blobs: BlobKeys,
}

impl Maker {
    pub(crate) fn new() -> Self {
        Self {
            key: SubjectKey::generate().unwrap(),
            blobs: KeyRing::generate().unwrap().blob_keys("default"),
        }
    }

    /// The three records of run `number`, which ended well unless the number is
    /// a multiple of 1 000.
    pub(crate) fn run(&self, number: u64) -> Vec<Prepared> {
        let at_ms = BEGAN_MS + number * 10;
        let tool = TOOLS[(number % 8) as usize];
        let outcome = if number.is_multiple_of(1_000) {
            "failed"
        } else {
            "done"
        };
        let opened = json!({
            "connector": tool.split('.').next(), "tool": tool.split('.').nth(1),
            "component": format!("sha256:{:064x}", 7), "manifest": format!("sha256:{:064x}", 9),
            "engine": "wasmtime-48",
        });
        let call = json!({
            "call": "sql.query", "destination": "orders", "effect": "read", "fuel": 4_210,
            "rule": "read-orders",
        });
        let closed = json!({ "state": outcome, "fuel": 9_120, "calls": 1 });
        let mut records = [
            (
                Stage::RunOpened,
                None,
                opened,
                vec![("input", vec![b'i'; 60])],
            ),
            (
                Stage::CallOutcome,
                Some(0),
                call,
                vec![("arguments", vec![b'a'; 90]), ("reply", vec![b'r'; 300])],
            ),
            (
                Stage::RunClosed,
                None,
                closed,
                vec![("output", vec![b'o'; 120])],
            ),
        ]
        .map(|(stage, position, facts, values)| {
            let entry = Entry {
                tenant: "default".into(),
                case: format!("auto-{number:032x}"),
                run: Some(format!("run-{number:032x}")),
                principal: "desk-agent".into(),
                workflow: number.is_multiple_of(100).then(|| "refunds".to_owned()),
                stage,
                position,
                at_ms,
                facts: facts.as_object().unwrap().clone(),
                values,
                subject: "day:2026-11-22".into(),
            };
            prepare(&entry, &self.key, &self.blobs).unwrap()
        });
        records[2].closing = Some(Closing {
            tool: tool.to_owned(),
            outcome: outcome.to_owned(),
            workflow: number.is_multiple_of(100).then(|| "refunds".to_owned()),
        });
        records.into()
    }
}
