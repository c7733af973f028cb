//! Records as lines for a reader.

use serde_json::{Map, Value};

use crate::api::LogLine;
use crate::journal::OpenRecord;
use crate::time::rfc3339;

/// What stands in place of a value that is kept no longer.
const GONE: &str = "[erased]";

pub(crate) fn line(record: OpenRecord) -> LogLine {
    let values: Map<String, Value> = if record.gone {
        let names = record.leaf.values.keys();
        names
            .map(|name| (name.clone(), Value::from(GONE)))
            .collect()
    } else {
        let values = record.values.iter();
        values
            .map(|(name, bytes)| (name.clone(), readable(bytes)))
            .collect()
    };
    LogLine {
        seq: record.seq,
        at: rfc3339(record.leaf.at),
        stage: record.leaf.stage.as_str().to_owned(),
        case: record.leaf.case,
        run: record.leaf.run,
        principal: record.leaf.principal,
        position: record.leaf.position,
        facts: Value::Object(record.leaf.facts),
        values: Value::Object(values),
    }
}

/// JSON where it is JSON, else text.
fn readable(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
