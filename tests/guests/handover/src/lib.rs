//! Hands over to people what it is told to, so that tests can see the queue.

use serde_json::Value;
use tollgate_sdk::handoff::{Item, Urgency};
use tollgate_sdk::prelude::*;

#[derive(Deserialize, JsonSchema)]
struct HandOver {
    queue: String,
    summary: String,
    reason: String,
    details: Value,
    #[serde(default)]
    urgent: bool,
    /// How often, in one call.
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Serialize, JsonSchema)]
struct HandedOver {
    items: Vec<String>,
}

/// Puts work into a queue of people.
#[tool(effect = "write", undo = "restore")]
fn hand_over(input: HandOver) -> Result<HandedOver, ToolError> {
    let item = Item {
        summary: &input.summary,
        reason: &input.reason,
        details: &input.details,
        urgency: if input.urgent {
            Urgency::High
        } else {
            Urgency::Normal
        },
    };
    let items = (0..input.times).map(|_| handoff::escalate(&input.queue, &item));
    Ok(HandedOver {
        items: items.collect::<Result<_, _>>()?,
    })
}

connector!(hand_over);
