//! What a caller sends, before anything is done with it.

use serde_json::Value;
use tollgate_policy::{CanonicalError, canonical};

use crate::api::{Principal, ToolCall};
use crate::connectors::{Installed, Tool};
use crate::error::CallError;
use crate::host::Inner;

impl Inner {
    /// The attack: an agent that learnt a secret elsewhere has it recorded in the
    /// clear, shown on cards, or written where others read.
    pub(super) fn carries_no_secret(
        &self,
        who: &Principal,
        call: &ToolCall,
    ) -> Result<(), CallError> {
        let input = call.input.to_string();
        let words = [
            ("the input", Some(&input)),
            ("`case`", call.case.as_ref()),
            ("`workflow`", call.workflow.as_ref()),
            ("`trigger`", call.trigger.as_ref()),
            ("`context`", call.context.as_ref()),
            ("`reason`", call.reason.as_ref()),
            ("`request_key`", call.request_key.as_ref()),
            ("`subject`", call.subject.as_ref()),
        ];
        let scanner = self.backends.secrets.scanner();
        for (what, words) in words {
            let words = words.map_or("", String::as_str);
            if let Some(found) = scanner.find(&who.tenant, words.as_bytes()) {
                return Err(CallError::InvalidInput {
                    pointer: String::new(),
                    message: format!(
                        "{what} has {found} in it; the host puts secrets in by itself, leave it out"
                    ),
                });
            }
        }
        Ok(())
    }
}

/// Canonical input that fits the tool's schema, or why not.
pub(super) fn input(
    value: &Value,
    installed: &Installed,
    tool: &Tool,
) -> Result<String, CallError> {
    let text = canonical(value).map_err(|error| CallError::InvalidInput {
        pointer: pointer(&error),
        message: error.to_string(),
    })?;
    let limit = installed.manifest.limits.input_bytes;
    if text.len() as u64 > limit {
        return Err(CallError::InvalidInput {
            pointer: String::new(),
            message: format!("the input has {} bytes, the limit is {limit}", text.len()),
        });
    }
    if tool.input.is_valid(value) {
        return Ok(text);
    }
    match tool.input.iter_errors(value).next() {
        None => Ok(text),
        Some(error) => Err(CallError::InvalidInput {
            pointer: error.instance_path().to_string(),
            message: format!("the input does not fit the schema: {error}"),
        }),
    }
}

fn pointer(error: &CanonicalError) -> String {
    match error {
        CanonicalError::InexactNumber { pointer, .. }
        | CanonicalError::DuplicateKey { pointer }
        | CanonicalError::TooDeep { pointer, .. } => pointer.clone(),
        _ => String::new(),
    }
}
