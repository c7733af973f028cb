//! The host's tool with which an agent says that its case is over.

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use tollgate_runtime::{CaseClaim, Failure, Principal};

use super::answer::Answer;
use crate::gatekeeper::Gatekeeper;

/// As the list of tools shows it.
pub(super) fn described(name: String) -> Tool {
    let annotations = ToolAnnotations::with_title("Say that a case is over")
        .read_only(false)
        .destructive(false)
        .idempotent(true)
        .open_world(false);
    let input = json!({
        "type": "object",
        "properties": {
            "case": {"type": "string", "description": "The case that your calls named, or an answer did."},
            "state": {
                "enum": ["completed", "failed", "escalated"], "default": "completed",
                "description": "`failed`: it cannot be done. `escalated`: a person has to take it.",
            },
            "note": {"type": "string", "description": "In a sentence, for the people who look at it."},
        },
        "required": ["case"],
        "additionalProperties": false,
    });
    let output = json!({
        "type": "object",
        "properties": {
            "case": {"type": "string"},
            "workflow": {"type": "string"},
            "state": {"type": "string"},
        },
        "required": ["case", "workflow", "state"],
    });
    Tool::new(
        name,
        "Ends a case when its work is done, or cannot be. What you say is a claim: the host looks for itself. A case with a held call does not end.",
        Arc::new(object(&input)),
    )
    .with_title("Say that a case is over")
    .with_raw_output_schema(Arc::new(object(&output)))
    .with_annotations(annotations)
}

/// Its answer: where the case stands. Whether the completion was found correct is for
/// people: an agent that is told could try until it is.
pub(super) async fn answer(
    gatekeeper: &Arc<dyn Gatekeeper>,
    who: &Principal,
    input: &JsonObject,
) -> CallToolResult {
    let asked = match asked(input) {
        Ok(asked) => asked,
        Err(failure) => return Answer::of_failure(&failure).into_result(),
    };
    match gatekeeper.close_case(who, &asked.0, asked.1).await {
        Ok(case) => {
            let told = json!({
                "case": case.case, "workflow": case.workflow, "state": case.state,
            });
            let mut result = CallToolResult::structured(told.clone());
            result.content = vec![ContentBlock::text(told.to_string())];
            result
        }
        Err(refusal) => Answer::of_failure(&refusal.into()).into_result(),
    }
}

fn asked(input: &JsonObject) -> Result<(String, CaseClaim), Failure> {
    let text = |name: &str| match input.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(name, "is not text")),
    };
    let case = text("case")?.ok_or_else(|| invalid("case", "is missing"))?;
    let state = text("state")?.unwrap_or_else(|| "completed".to_owned());
    let claim = CaseClaim {
        state,
        note: text("note")?,
    };
    Ok((case, claim))
}

fn invalid(name: &str, what: &str) -> Failure {
    Failure {
        kind: "invalid_input".into(),
        message: format!("`{name}` {what}"),
        hint: Some("Give the case, and how it ended.".into()),
        pointer: Some(format!("/{name}")),
    }
}

fn object(value: &Value) -> JsonObject {
    value.as_object().cloned().unwrap_or_default()
}
