//! What HubSpot's errors mean to a caller (HubSpot, "Error handling" and "API
//! usage guidelines"): `message`, `category`, `errors`, `policyName`, all of them
//! optional.

use serde::Deserialize;
use tollgate_sdk::ToolError;
use tollgate_sdk::http::Response;
use tollgate_sdk::text;

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    message: String,
    #[serde(default)]
    category: String,
    #[serde(default, rename = "policyName")]
    policy: String,
    #[serde(default)]
    errors: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    #[serde(default)]
    message: String,
    #[serde(default)]
    context: Context,
}

#[derive(Debug, Default, Deserialize)]
struct Context {
    #[serde(default, rename = "propertyName")]
    property: Vec<String>,
    #[serde(default, rename = "requiredGranularScopes")]
    scopes: Vec<String>,
}

/// What an answer that is no success means.
pub(super) fn of(answer: &Response) -> ToolError {
    let problem = serde_json::from_slice(answer.body()).unwrap_or_default();
    special(answer.status(), &problem).unwrap_or_else(|| answer.problem())
}

/// Where HubSpot says more than its status does.
fn special(status: u16, problem: &Problem) -> Option<ToolError> {
    let said = || {
        let first = problem.errors.first().map_or("", |detail| &detail.message);
        let words = if first.is_empty() {
            &problem.message
        } else {
            first
        };
        text::shortened(words, 300)
    };
    let context = |list: fn(&Context) -> &Vec<String>| {
        let all = problem
            .errors
            .iter()
            .flat_map(|detail| list(&detail.context));
        all.take(10)
            .map(|text| text::shortened(text, 80))
            .collect::<Vec<_>>()
    };
    match status {
        400 if problem.category == "VALIDATION_ERROR" => {
            let property = context(|c| &c.property).into_iter().next();
            let pointer = property.map(|name| format!("/properties/{}", escaped(&name)));
            Some(ToolError::invalid_input(
                pointer.unwrap_or_default(),
                format!("HubSpot does not accept it: {}", said()),
            ))
        }
        403 => {
            let scopes = context(|c| &c.scopes);
            (!scopes.is_empty()).then(|| {
                ToolError::denied(format!("HubSpot does not allow it: {}", said())).hint(format!(
                    "asking again does not help; the operator must give the app one of the scopes {}",
                    scopes.join(", ")
                ))
            })
        }
        // A lock of two seconds while much is written, no conflict.
        423 => Some(
            ToolError::unavailable(format!("HubSpot has locked it for a moment: {}", said()))
                .hint("try again in 2 s"),
        ),
        429 if problem.policy == "DAILY" => Some(
            ToolError::unavailable(format!(
                "HubSpot's limit of this day is reached: {}",
                said()
            ))
            .hint("try again tomorrow; it begins at midnight in the account's time zone"),
        ),
        // The account moves to another data centre.
        477 => Some(
            ToolError::unavailable("HubSpot is moving this account, which may take a day")
                .hint("try again later"),
        ),
        _ => None,
    }
}

/// A member's name in a JSON Pointer (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn problem(status: u16, body: serde_json::Value) -> Option<ToolError> {
        special(status, &serde_json::from_value(body).unwrap())
    }

    #[test]
    fn a_value_that_is_not_valid_is_pointed_at() {
        let body = json!({
            "status": "error", "category": "VALIDATION_ERROR", "message": "Property values were not valid",
            "errors": [{"message": "Email address x is invalid", "code": "INVALID_EMAIL",
                        "context": {"propertyName": ["email"]}}],
        });
        let Some(ToolError::InvalidInput { pointer, message }) = problem(400, body) else {
            panic!("the input is at fault");
        };
        assert_eq!(pointer, "/properties/email");
        assert!(message.ends_with("Email address x is invalid"), "{message}");
    }

    #[test]
    fn limits_say_when_to_ask_again() {
        let daily = json!({"policyName": "DAILY", "message": "You have reached your daily limit."});
        let Some(ToolError::Unavailable(failure)) = problem(429, daily) else {
            panic!("a limit is temporary");
        };
        assert!(failure.hint.unwrap().contains("tomorrow"));
        let burst = json!({"policyName": "TEN_SECONDLY_ROLLING"});
        assert!(problem(429, burst).is_none(), "Retry-After says it");
        assert!(matches!(
            problem(423, json!({})),
            Some(ToolError::Unavailable(_))
        ));
        assert!(matches!(
            problem(477, json!({})),
            Some(ToolError::Unavailable(_))
        ));
    }

    #[test]
    fn a_missing_scope_is_named() {
        let body = json!({
            "category": "MISSING_SCOPES", "message": "no",
            "errors": [{"message": "One or more of the following scopes are required.",
                        "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]}}],
        });
        let Some(ToolError::Denied(failure)) = problem(403, body) else {
            panic!("the account is at fault");
        };
        assert!(failure.hint.unwrap().contains("crm.objects.contacts.write"));
        assert!(problem(403, json!({})).is_none());
    }

    #[test]
    fn what_is_no_problem_of_hubspot_is_left_to_its_status() {
        assert!(problem(409, json!({"category": "CONFLICT"})).is_none());
        assert!(problem(500, json!({})).is_none());
    }
}
