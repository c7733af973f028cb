//! What a verified request says: whose account decided what of which announcement.
//! Everything else of it is dropped, and nothing of it is quoted.
//!
//! In Slack (<https://docs.slack.dev/reference/interaction-payloads/block_actions-payload>)
//! a button's `value` is the operator's template, with what the announcement filled in:
//!
//! ```text
//! approve {id} {digest}
//! deny {id} {digest} This order was paid already.
//! ```
//!
//! The words after it are the reason. Where the message has a field to write one, its
//! `action_id` is `reason`, and what the person wrote counts before them.
//!
//! A program sends `{"approval", "digest", "decision", "reason", "person"}`.

use serde::Deserialize;
use serde_json::Value;
use tollgate_policy::{Digest, parse_exact};
use tollgate_store::Verdict;
use url::form_urlencoded;

use super::CallbackScheme;
use super::answer::CallbackError;
use crate::triggers::Delivery;

/// The longest value of a button (Slack's limit, and more than any of ours needs).
const VALUE_BYTES_MAX: usize = 2_000;

/// The `action_id` of a field for the reason.
const REASON: &str = "reason";

/// A decision as it was sent, by an account that is verified and not yet known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Pressed {
    /// Whose account, as the chat names it.
    pub(super) account: String,
    pub(super) approval: String,
    /// As it was announced.
    pub(super) digest: String,
    pub(super) verdict: Verdict,
    pub(super) reason: Option<String>,
    /// What the request is called: the same for whoever sends it again.
    pub(super) request: String,
}

/// Read a request whose signature holds.
pub(super) fn read(scheme: &CallbackScheme, request: &Delivery) -> Result<Pressed, CallbackError> {
    match scheme {
        CallbackScheme::Slack { team } => slack(team, request),
        CallbackScheme::Webhook => webhook(request),
    }
}

fn slack(team: &str, request: &Delivery) -> Result<Pressed, CallbackError> {
    if content_type(request) != "application/x-www-form-urlencoded" {
        return Err(malformed("", "the content is no form"));
    }
    // The attack: two payloads, of which Slack meant one.
    let mut members = form_urlencoded::parse(&request.body);
    let payload = match (members.next(), members.next()) {
        (Some((name, payload)), None) if name == "payload" => payload,
        _ => return Err(malformed("", "the form is not one `payload`")),
    };
    let payload = json(&payload)?;
    if payload["type"] != "block_actions" {
        return Err(malformed("/type", "this is no `block_actions`"));
    }
    // The attack: an app that several workspaces have installed, with one secret. The
    // ids of accounts are a workspace's own.
    if payload["team"]["id"] != team {
        return Err(CallbackError::UnknownPerson);
    }
    let account = text(&payload, "/user/id")?;
    if payload["actions"].as_array().map_or(0, Vec::len) != 1 {
        return Err(malformed("/actions", "one button is pressed at a time"));
    }
    let value = text(&payload, "/actions/0/value")?;
    let said = said(value).ok_or_else(|| {
        malformed(
            "/actions/0/value",
            "this button decides nothing here: its value is not `approve` or `deny`, an \
             approval and its digest",
        )
    })?;
    let (verdict, approval, digest, words) = said;
    let at = header(request, "x-slack-request-timestamp");
    let reason = written(&payload).or(words).map(str::to_owned);
    Ok(Pressed {
        account: account.to_owned(),
        approval: approval.to_owned(),
        digest: digest.to_owned(),
        verdict,
        reason,
        request: named(&[b"slack", at.as_bytes(), &request.body]),
    })
}

/// What a button's value says.
fn said(value: &str) -> Option<(Verdict, &str, &str, Option<&str>)> {
    if value.len() > VALUE_BYTES_MAX {
        return None;
    }
    let mut parts = value.splitn(4, ' ');
    let verdict = verdict(parts.next()?)?;
    let (approval, digest) = (parts.next()?, parts.next()?);
    let fits = !approval.is_empty() && !digest.is_empty();
    fits.then(|| (verdict, approval, digest, parts.next()))
}

fn verdict(word: &str) -> Option<Verdict> {
    match word {
        "approve" => Some(Verdict::Approved),
        "deny" => Some(Verdict::Denied),
        _ => None,
    }
}

/// What the person wrote into the message's field.
fn written(payload: &Value) -> Option<&str> {
    let blocks = payload.pointer("/state/values")?.as_object()?;
    let mut fields = blocks
        .values()
        .filter_map(|block| block[REASON]["value"].as_str());
    let words = fields.next()?.trim();
    (!words.is_empty()).then_some(words)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    approval: String,
    digest: String,
    decision: String,
    reason: Option<String>,
    person: String,
}

fn webhook(request: &Delivery) -> Result<Pressed, CallbackError> {
    if content_type(request) != "application/json" {
        return Err(malformed("", "the content is not application/json"));
    }
    let body = std::str::from_utf8(&request.body);
    let body = json(body.map_err(|_| malformed("", "the payload is no UTF-8"))?)?;
    let sent: Sent = serde_json::from_value(body).map_err(|_| {
        malformed(
            "",
            "the payload is not `approval`, `digest`, `decision` and `person`, with `reason` \
             or without, all texts",
        )
    })?;
    let verdict = verdict(&sent.decision)
        .ok_or_else(|| malformed("/decision", "the decision is `approve` or `deny`"))?;
    // Both are signed, and the same for every attempt to send it. An id that comes with
    // another decision is another request: it is not said to be the first one's.
    let id = header(request, "webhook-id");
    Ok(Pressed {
        account: sent.person,
        approval: sent.approval,
        digest: sent.digest,
        verdict,
        reason: sent.reason,
        request: named(&[b"webhook", id.as_bytes(), &request.body]),
    })
}

/// The attack: a member that stands twice, of which the person meant one and another
/// one is taken.
fn json(text: &str) -> Result<Value, CallbackError> {
    let payload = parse_exact(text).map_err(|_| malformed("", "the payload is no JSON"))?;
    match payload.is_object() {
        true => Ok(payload),
        false => Err(malformed("", "the payload is no JSON object")),
    }
}

fn text<'a>(payload: &'a Value, at: &str) -> Result<&'a str, CallbackError> {
    let found = payload.pointer(at).and_then(Value::as_str);
    found.ok_or_else(|| malformed(at, "the payload has no such text"))
}

fn content_type(request: &Delivery) -> String {
    let kind = header(request, "content-type").split(';').next();
    kind.unwrap_or_default().trim().to_ascii_lowercase()
}

fn header<'a>(request: &'a Delivery, name: &str) -> &'a str {
    request.headers.get(name).map_or("", String::as_str)
}

fn named(parts: &[&[u8]]) -> String {
    Digest::of_parts("tollgate callback v1", parts).to_string()
}

fn malformed(pointer: &str, message: &str) -> CallbackError {
    CallbackError::Malformed {
        pointer: pointer.to_owned(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";

    fn request(headers: &[(&str, &str)], body: &str) -> Delivery {
        let headers = headers.iter();
        Delivery {
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn form(payload: &Value) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("payload", &payload.to_string()).finish()
    }

    fn clicked(value: &str) -> Value {
        json!({
            "type": "block_actions",
            "team": {"id": "T1", "domain": "acme"},
            "user": {"id": "U1", "username": "mira", "team_id": "T1"},
            "actions": [{"type": "button", "action_id": "action-1", "value": value}],
            "state": {"values": {}},
            "response_url": "https://evil.example",
        })
    }

    fn of_slack(payload: &Value) -> Result<Pressed, CallbackError> {
        let team = "T1".to_owned();
        let request = request(
            &[("content-type", FORM), ("x-slack-request-timestamp", "5")],
            &form(payload),
        );
        read(&CallbackScheme::Slack { team }, &request)
    }

    fn of_program(body: &str) -> Result<Pressed, CallbackError> {
        let headers = [("content-type", "application/json"), ("webhook-id", "m-1")];
        read(&CallbackScheme::Webhook, &request(&headers, body))
    }

    #[test]
    fn a_button_says_who_decides_what_and_why() {
        let pressed = of_slack(&clicked("approve apr-1 ab12")).unwrap();
        assert_eq!(pressed.account, "U1");
        assert_eq!(
            (pressed.approval.as_str(), pressed.digest.as_str()),
            ("apr-1", "ab12")
        );
        assert_eq!((pressed.verdict, pressed.reason), (Verdict::Approved, None));
        let mut denied = clicked("deny apr-1 ab12 Paid already.");
        let words = |payload: &Value| of_slack(payload).unwrap().reason;
        assert_eq!(words(&denied).as_deref(), Some("Paid already."));
        denied["state"]["values"]["b"] = json!({"reason": {"value": "  "}});
        assert_eq!(words(&denied).as_deref(), Some("Paid already."));
        denied["state"]["values"]["b"] = json!({"reason": {"value": " Not ours "}});
        assert_eq!(words(&denied).as_deref(), Some("Not ours"));
    }

    #[test]
    fn what_is_no_button_of_ours_decides_nothing() {
        let long = format!("deny apr-1 ab12 {}", "x".repeat(2_000));
        for value in [
            "",
            "approve",
            "approve apr-1",
            "approve  ab12",
            "yes apr-1 ab12",
            &long,
        ] {
            let error = of_slack(&clicked(value)).unwrap_err();
            assert_eq!(error.kind(), "malformed", "{value}");
        }
        let with = |at: &str, value: Value| {
            let mut payload = clicked("approve apr-1 ab12");
            *payload.pointer_mut(at).unwrap() = value;
            of_slack(&payload).unwrap_err()
        };
        let two = json!([{"value": "approve a b"}, {"value": "deny a b c"}]);
        assert_eq!(with("/actions", two).kind(), "malformed");
        assert_eq!(with("/actions", json!([])).kind(), "malformed");
        assert_eq!(with("/type", json!("view_submission")).kind(), "malformed");
        assert_eq!(with("/user", json!({})).kind(), "malformed");
        // Another workspace, or one that cannot be told.
        assert_eq!(with("/team/id", json!("T2")), CallbackError::UnknownPerson);
        assert_eq!(with("/team", Value::Null), CallbackError::UnknownPerson);
    }

    #[test]
    fn a_form_has_one_payload_and_a_payload_has_each_member_once() {
        let scheme = CallbackScheme::Slack {
            team: "T1".to_owned(),
        };
        let good = form(&clicked("approve apr-1 ab12"));
        let refused = |kind: &str, body: &str| {
            let read = read(&scheme, &request(&[("content-type", kind)], body));
            assert_eq!(read.unwrap_err().kind(), "malformed", "{body}");
        };
        refused(FORM, &format!("{good}&{good}"));
        refused(FORM, &format!("{good}&a=b"));
        refused(FORM, "payload=%7B");
        refused(FORM, "payload=%7B%22user%22%3A1%2C%22user%22%3A2%7D");
        refused(FORM, "payload=%5B%5D");
        refused(
            "application/json",
            &clicked("approve apr-1 ab12").to_string(),
        );
    }

    #[test]
    fn a_program_says_the_same_and_not_a_word_more() {
        let body = json!({"approval": "apr-1", "digest": "ab12", "decision": "deny",
            "reason": "no", "person": "mira@acme.example"});
        let pressed = of_program(&body.to_string()).unwrap();
        assert_eq!(pressed.account, "mira@acme.example");
        assert_eq!(
            (pressed.verdict, pressed.reason.as_deref()),
            (Verdict::Denied, Some("no"))
        );
        let with = |name: &str, value: Value| {
            let mut body = body.clone();
            body[name] = value;
            of_program(&body.to_string()).unwrap_err().kind()
        };
        assert_eq!(with("decision", json!("approved")), "malformed");
        assert_eq!(with("as", json!("boss")), "malformed");
        assert_eq!(with("person", json!(7)), "malformed");
        assert!(of_program("{\"person\":\"a\",\"person\":\"b\"}").is_err());
    }

    #[test]
    fn a_request_that_is_sent_again_has_the_same_name() {
        let payload = clicked("approve apr-1 ab12");
        let one = of_slack(&payload).unwrap().request;
        assert_eq!(of_slack(&payload).unwrap().request, one);
        let mut later = clicked("approve apr-1 ab12");
        later["trigger_id"] = json!("13345224609.738474920");
        assert_ne!(of_slack(&later).unwrap().request, one);
        let program = |decision: &str| {
            let body = json!({"approval": "apr-1", "digest": "ab12", "decision": decision,
                "person": "mira"});
            of_program(&body.to_string()).unwrap().request
        };
        assert_eq!(program("deny"), program("deny"));
        assert_ne!(program("deny"), program("approve"));
    }
}
