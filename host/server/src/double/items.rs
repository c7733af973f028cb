//! Items of a queue for tests of the faces.

use serde_json::json;
use tollgate_runtime::QueueItem;

/// A call in doubt of a run that somebody asked for.
pub(crate) fn doubtful(principal: &str) -> QueueItem {
    QueueItem {
        id: "que-1".into(),
        queue: "in_doubt".into(),
        owner: "group:operators".into(),
        kind: "in_doubt".into(),
        record: Some("ab".repeat(32)),
        place: Some(11),
        deliveries: Vec::new(),
        state: "open".into(),
        run: "run-1".into(),
        case: "case-1".into(),
        connector: "database".into(),
        tool: "refund".into(),
        principal: principal.into(),
        position: 2,
        call: "sql.execute".into(),
        destination: "orders".into(),
        arguments: json!({"statement": "UPDATE orders SET refunded = ?"}),
        prior: Some(json!({"refunded": 0})),
        found: Some(json!({"refunded": 0})),
        recovery: "readable".into(),
        why: "somebody else may have changed it since".into(),
        created: "2026-11-22T00:00:00Z".into(),
        times: 1,
        last: "2026-11-22T00:00:00Z".into(),
        overflow: false,
        resolved_by: None,
        resolution: None,
        note: None,
    }
}
