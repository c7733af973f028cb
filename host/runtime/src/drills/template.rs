//! What a drill's card is made of: a template, or a former card with something
//! changed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api::{Card, DrillTemplate, NewDrill};
use crate::error::CallError;

/// Longest pointer told back in a message, characters.
const POINTER_CHARS_MAX: usize = 200;

/// Why a drill cannot be planted, at a place of what was handed in.
pub(super) fn unfit(pointer: &str, message: impl Into<String>) -> CallError {
    CallError::InvalidInput {
        pointer: pointer.to_owned(),
        message: message.into(),
    }
}

/// The template that a former card gives.
pub(super) fn of_card(card: Card, workflow: Option<String>, position: u32) -> DrillTemplate {
    DrillTemplate {
        connector: card.connector,
        tool: card.tool,
        input: card.input,
        call: card.call,
        destination: card.destination,
        arguments: card.arguments,
        effect: card.effect,
        prior: card.prior,
        requester: card.requester,
        reason: card.agent_reason,
        trigger: card.agent_trigger,
        context: card.agent_context,
        workflow,
        position,
    }
}

/// Whether exactly one source of the template is given, and something is different
/// from a former call.
pub(super) fn check(new: &NewDrill) -> Result<(), CallError> {
    match (&new.template, &new.like) {
        (Some(_), Some(_)) | (None, None) => Err(unfit(
            "/template",
            "give a `template`, or the approval that it is to be `like`",
        )),
        (None, Some(_)) if new.set.is_empty() => Err(unfit(
            "/set",
            "what is like a former call needs a field that is different: nobody is wrong to approve the same again",
        )),
        _ => Ok(()),
    }
}

/// A template with some of its values changed. Only what is there can be changed: a
/// misspelt pointer would plant what nobody is wrong to approve.
pub(super) fn changed(
    template: DrillTemplate,
    set: &BTreeMap<String, Value>,
) -> Result<DrillTemplate, CallError> {
    if set.is_empty() {
        return Ok(template);
    }
    let written = |error: serde_json::Error| unfit("/set", error.to_string());
    let mut value = serde_json::to_value(&template).map_err(written)?;
    for (pointer, new) in set {
        let place = format!("/set/{}", pointer.replace('~', "~0").replace('/', "~1"));
        let shown: String = pointer.chars().take(POINTER_CHARS_MAX).collect();
        let shown = tollgate_policy::visible(&shown);
        let old = value
            .pointer_mut(pointer)
            .ok_or_else(|| unfit(&place, format!("the template has nothing at `{shown}`")))?;
        if old == new {
            return Err(unfit(&place, format!("`{shown}` has that value already")));
        }
        old.clone_from(new);
    }
    serde_json::from_value(value).map_err(written)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    fn template() -> DrillTemplate {
        serde_json::from_value(json!({
            "connector": "bank", "tool": "pay", "input": {"cents": 5, "a/b": 1},
            "call": "http.send", "destination": "bank", "arguments": {}, "effect": "irreversible",
            "requester": "agent-7",
        }))
        .unwrap()
    }

    fn set(pointer: &str, value: Value) -> Result<DrillTemplate, CallError> {
        changed(template(), &BTreeMap::from([(pointer.to_owned(), value)]))
    }

    #[test]
    fn what_is_there_is_changed_and_nothing_else() {
        assert_eq!(
            set("/input/cents", json!(900_000)).unwrap().input["cents"],
            900_000
        );
        assert_eq!(set("/input/a~1b", json!(2)).unwrap().input["a/b"], 2);
        for (pointer, value) in [
            ("/input/euros", json!(1)),
            ("input/cents", json!(1)),
            ("/input/cents", json!(5)),
            ("/effect", json!("harmless")),
            ("", json!(7)),
        ] {
            let refused = set(pointer, value);
            assert!(
                matches!(refused, Err(CallError::InvalidInput { .. })),
                "{pointer}"
            );
        }
    }

    #[test]
    fn a_drill_has_one_source_and_differs_from_what_it_is_like() {
        let from = |template, like: Option<&str>, set| NewDrill {
            approval: None,
            template,
            like: like.map(str::to_owned),
            set,
        };
        let none = BTreeMap::new;
        let some = || BTreeMap::from([("/input/cents".to_owned(), json!(1))]);
        assert!(check(&from(None, None, some())).is_err());
        assert!(check(&from(Some(template()), Some("apr-1"), some())).is_err());
        assert!(check(&from(None, Some("apr-1"), none())).is_err());
        assert!(check(&from(None, Some("apr-1"), some())).is_ok());
        assert!(check(&from(Some(template()), None, none())).is_ok());
    }
}
