//! Who sent a delivery, before anything of it is read, and what it is called.
//!
//! | scheme | signed | the delivery's id |
//! |---|---|---|
//! | Standard Webhooks | id, time, content | `webhook-id` |
//! | GitHub | content | `x-github-delivery`, which is not signed |
//! | Slack | time, content | `event_id` of the content, else a digest of what is signed |
//!
//! GitHub signs neither time nor id: who has seen one of its deliveries can repeat
//! it under another id. A trigger whose payload has an id of its own names it
//! (`id = "/…"`), which is signed.

use serde_json::{Map, Value};
use tollgate_policy::{Digest, SignatureScheme, parse_exact};
use tollgate_secrets::Secret;
use tollgate_secrets::signature::{SignatureError, verify_github, verify_slack, verify_webhook};
use url::form_urlencoded;

use super::{Delivery, DeliveryError};

/// The longest word that Slack is answered with, bytes.
const CHALLENGE_BYTES_MAX: usize = 256;

/// A payload is not what it should be.
#[derive(Debug)]
pub(super) struct Untrue {
    pub(super) pointer: String,
    pub(super) message: String,
}

impl Untrue {
    pub(super) fn missing(at: &str) -> Self {
        Self {
            pointer: at.to_owned(),
            message: format!("the payload has no `{at}`"),
        }
    }

    pub(super) fn other(at: &str, kind: &str) -> Self {
        Self {
            pointer: at.to_owned(),
            message: format!("the payload's `{at}` is no {kind}"),
        }
    }

    fn whole(message: impl Into<String>) -> Self {
        Self {
            pointer: String::new(),
            message: message.into(),
        }
    }
}

/// Who was verified: the scheme, with the id that stood beside the content.
pub(crate) struct Sender {
    scheme: SignatureScheme,
    id: Option<String>,
}

/// Whether a delivery is its sender's, and not an old one.
pub(crate) fn verify(
    scheme: SignatureScheme,
    keys: &[Secret],
    delivery: &Delivery,
    now_s: u64,
) -> Result<Sender, SignatureError> {
    let header = |name: &str| delivery.headers.get(name).map_or("", String::as_str);
    let body = &delivery.body;
    let id = match scheme {
        SignatureScheme::StandardWebhooks => {
            let id = header("webhook-id");
            let (at, signed) = (header("webhook-timestamp"), header("webhook-signature"));
            verify_webhook(keys, id, at, signed, body, now_s)?;
            Some(id)
        }
        SignatureScheme::GitHub => {
            verify_github(keys, header("x-hub-signature-256"), body)?;
            Some(header("x-github-delivery"))
        }
        SignatureScheme::Slack => {
            let (at, signed) = (
                header("x-slack-request-timestamp"),
                header("x-slack-signature"),
            );
            verify_slack(keys, at, signed, body, now_s)?;
            None
        }
        SignatureScheme::HttpMessage => {
            return Err(SignatureError::Unfit("its scheme is of what is sent"));
        }
    };
    Ok(Sender {
        scheme,
        id: id.map(str::to_owned),
    })
}

/// The work of a verification, for a trigger that there is none of.
pub(crate) fn pretend(delivery: &Delivery, now_s: u64) {
    let nobodys = [Secret::new("nobody", b"no trigger has this key".to_vec())];
    for scheme in [SignatureScheme::StandardWebhooks, SignatureScheme::GitHub] {
        // Whatever comes of it is no leave.
        drop(verify(scheme, &nobodys, delivery, now_s));
    }
}

/// What a verified delivery says. A form is read for Slack alone, whose commands
/// are forms: each member is a text.
pub(super) fn payload(
    scheme: SignatureScheme,
    delivery: &Delivery,
) -> Result<Value, DeliveryError> {
    let kind = delivery.headers.get("content-type");
    let kind = kind.map_or("", String::as_str).split(';').next();
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" if scheme == SignatureScheme::Slack => {
            Ok(form(&delivery.body)?)
        }
        "application/json" => Ok(json(&delivery.body)?),
        _ if kind.starts_with("application/") && kind.ends_with("+json") => {
            Ok(json(&delivery.body)?)
        }
        _ => Err(Untrue::whole(
            "the content is not application/json, which is what this trigger takes",
        )
        .into()),
    }
}

fn json(body: &[u8]) -> Result<Value, Untrue> {
    let text = std::str::from_utf8(body).map_err(|_| Untrue::whole("the payload is no UTF-8"))?;
    // The attack: a member that stands twice, of which the sender means one and
    // the tool gets the other.
    let payload = parse_exact(text).map_err(|error| {
        let said = error.to_string();
        Untrue::whole(format!("the payload is no JSON that can be taken: {said}"))
    })?;
    match payload.is_object() {
        true => Ok(payload),
        false => Err(Untrue::whole("the payload is no JSON object")),
    }
}

fn form(body: &[u8]) -> Result<Value, Untrue> {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(body) {
        let value = Value::String(value.into_owned());
        if members.insert(name.into_owned(), value).is_some() {
            return Err(Untrue::whole("the form has a member twice"));
        }
    }
    Ok(Value::Object(members))
}

/// The word that Slack wants to hear when its operator enters the address
/// (<https://docs.slack.dev/reference/events/url_verification>).
pub(super) fn challenge(scheme: SignatureScheme, payload: &Value) -> Option<String> {
    if scheme != SignatureScheme::Slack || payload["type"] != "url_verification" {
        return None;
    }
    let word = payload["challenge"].as_str()?;
    let fits = (1..=CHALLENGE_BYTES_MAX).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| word.to_owned())
}

impl Sender {
    /// What the delivery is called by its sender: the same for every attempt at it.
    pub(super) fn id(&self, payload: &Value, delivery: &Delivery) -> Result<String, Untrue> {
        match (&self.id, payload["event_id"].as_str()) {
            (Some(id), _) if !id.is_empty() => Ok(id.clone()),
            (Some(_), _) => Err(Untrue::whole(
                "the delivery has no id: `x-github-delivery` is missing",
            )),
            (None, Some(id)) if !id.is_empty() => Ok(id.to_owned()),
            (None, _) => {
                let at = delivery.headers.get("x-slack-request-timestamp");
                let mut signed = at.cloned().unwrap_or_default().into_bytes();
                signed.push(b':');
                signed.extend_from_slice(&delivery.body);
                debug_assert_eq!(self.scheme, SignatureScheme::Slack);
                Ok(Digest::of(&signed).to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    fn delivery(headers: &[(&str, &str)], body: &str) -> Delivery {
        let headers = headers.iter();
        Delivery {
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }

    fn slack(kind: &str, body: &str) -> Value {
        payload(
            SignatureScheme::Slack,
            &delivery(&[("content-type", kind)], body),
        )
        .unwrap_or_else(|error| json!(error.to_string()))
    }

    #[test]
    fn content_is_read_as_what_it_says_and_without_loss() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            slack(form, "text=a+b&user=U1"),
            json!({"text": "a b", "user": "U1"})
        );
        assert!(
            slack(form, "text=a&text=b")
                .as_str()
                .unwrap()
                .contains("twice")
        );
        assert_eq!(
            slack("application/json; charset=utf-8", "{\"a\":1}"),
            json!({"a": 1})
        );
        for bad in ["{\"a\":1,\"a\":2}", "[1]", "{", "{\"a\":9007199254740993}"] {
            assert!(slack("application/json", bad).is_string(), "{bad}");
        }
        let github = delivery(&[("content-type", form)], "payload={}");
        assert!(payload(SignatureScheme::GitHub, &github).is_err());
    }

    #[test]
    fn slack_is_answered_only_with_a_plain_word() {
        let ask = |word: &str| json!({"type": "url_verification", "challenge": word});
        let answer = |payload: &Value| challenge(SignatureScheme::Slack, payload);
        assert_eq!(answer(&ask("3eZbrw1a")).as_deref(), Some("3eZbrw1a"));
        assert_eq!(answer(&ask("a b")), None);
        assert_eq!(answer(&ask(&"a".repeat(257))), None);
        assert_eq!(challenge(SignatureScheme::GitHub, &ask("a")), None);
    }

    #[test]
    fn a_delivery_has_the_senders_own_name_or_that_of_what_it_signed() {
        let named = |scheme, id: Option<&str>| Sender {
            scheme,
            id: id.map(str::to_owned),
        };
        let none = delivery(&[("x-slack-request-timestamp", "5")], "{}");
        let id = |sender: &Sender, payload: &Value| sender.id(payload, &none);
        let github = named(SignatureScheme::GitHub, Some("d-1"));
        assert_eq!(id(&github, &json!({"event_id": "e"})).unwrap(), "d-1");
        assert!(id(&named(SignatureScheme::GitHub, Some("")), &json!({})).is_err());
        let slack = named(SignatureScheme::Slack, None);
        assert_eq!(id(&slack, &json!({"event_id": "Ev1"})).unwrap(), "Ev1");
        let digest = id(&slack, &json!({})).unwrap();
        let later = delivery(&[("x-slack-request-timestamp", "6")], "{}");
        assert_ne!(slack.id(&json!({}), &later).unwrap(), digest);
    }
}
