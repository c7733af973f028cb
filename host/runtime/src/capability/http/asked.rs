//! What a guest asks for: judged, and written down for rules, record and card.

use serde_json::{Map, Value, json};
use tollgate_policy::Digest;
use tollgate_policy::http::{HttpBody, HttpGrant, HttpMethod, HttpRefusal, HttpRequest, Judged};

use super::content;
use super::exchange::Message;
use super::wire::{Body, Field, Request};

/// A request as a guest asks for it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: HttpMethod,
    pub(super) path: Vec<String>,
    pub(super) query: Vec<Field>,
    pub(super) headers: Vec<Field>,
    pub(super) body: Option<Body>,
}

impl From<Request> for Asked {
    fn from(request: Request) -> Self {
        Self {
            method: request.method.into(),
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
        }
    }
}

impl Asked {
    /// A `GET` of the same resource, without anything that is sent.
    pub(super) fn to_read(&self) -> Self {
        Self {
            method: HttpMethod::Get,
            path: self.path.clone(),
            query: self.query.clone(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Whether a grant has a row for it.
    pub(super) fn judge<'g>(&self, grant: &'g HttpGrant) -> Result<Judged<'g>, HttpRefusal> {
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let query: Vec<(&str, &str)> = self.query.iter().map(pair).collect();
        let headers: Vec<(&str, &str)> = self.headers.iter().map(pair).collect();
        grant.judge(&HttpRequest {
            method: self.method,
            path: &path,
            query: &query,
            headers: &headers,
            body: self.body.as_ref().map(|body| HttpBody {
                content_type: &body.content_type,
                bytes: body.bytes.len() as u64,
            }),
        })
    }

    /// The entity tag that a write is bound to: one, not `*`, not a list.
    pub(super) fn if_match(&self) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case("if-match"))?;
        let tag = found.value.trim();
        let opaque = tag.strip_prefix("W/").unwrap_or(tag);
        let inner = opaque.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('"')).then_some(tag)
    }

    /// The request as JSON. A parameter is there only where the request was
    /// granted: nothing else says what its name is.
    pub(super) fn arguments(&self, judged: Option<(&Judged<'_>, &Message)>) -> Value {
        let mut arguments = Map::new();
        let mut put = |name: &str, value: Value| arguments.insert(name.to_owned(), value);
        put("method", json!(self.method.to_string()));
        if let Some((judged, message)) = judged {
            put("target", json!(message.target));
            put("path", Value::Object(judged.path.clone()));
            put("query", Value::Object(judged.query.clone()));
            put("egress", json!(judged.egress));
        } else {
            put("segments", json!(self.path));
            put("query", fields(&self.query));
        }
        if !self.headers.is_empty() {
            put("headers", fields(&self.headers));
        }
        if let Some(body) = &self.body {
            put("content_type", json!(body.content_type));
            // The attack: content that a person reads one way and a server another,
            // as JSON with a member twice. What is approved is the very bytes that are
            // sent, with the idempotency key in them where the row puts it there. (A
            // credential that goes there comes later, and is no public fact.)
            let sent = judged.and_then(|(_, message)| message.body.as_ref());
            let sent = sent.unwrap_or(&body.bytes);
            put("size", json!(sent.len()));
            put("digest", json!(Digest::of(sent).to_string()));
            let (name, value) = content::shown(body);
            put(name, value);
        }
        Value::Object(arguments)
    }
}

fn pair(field: &Field) -> (&str, &str) {
    (&field.name, &field.value)
}

/// Names and values as a list: of a refused request, names may stand twice.
fn fields(fields: &[Field]) -> Value {
    let mut named = Map::new();
    for field in fields {
        let name = field.name.to_ascii_lowercase();
        if named.insert(name, json!(field.value)).is_some() {
            return fields
                .iter()
                .map(|field| json!([field.name, field.value]))
                .collect();
        }
    }
    Value::Object(named)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// The attack: the host writes its key into JSON, the whole is written anew, and
    /// what arrives is not what was approved.
    #[test]
    fn the_digest_is_of_the_bytes_that_are_sent() {
        let manifest = tollgate_policy::Manifest::parse(
            "test.toml",
            &format!(
                r#"
            connector = "desk"
            component = "{}"
            [grant.http.desk]
            base_url = "https://desk.example"
            [[grant.http.desk.route]]
            call = "POST /notes"
            idempotency = "body:/key"
            "#,
                Digest::of(b"desk"),
            ),
        );
        let manifest = manifest.unwrap();
        let grant = &manifest.grant.http["desk"];
        let asked = Asked {
            method: HttpMethod::Post,
            path: vec!["notes".to_owned()],
            query: Vec::new(),
            headers: Vec::new(),
            body: Some(Body {
                content_type: "application/json".to_owned(),
                bytes: br#"{ "z": 1, "a": 2 }"#.to_vec(),
            }),
        };
        let judged = asked.judge(grant).unwrap();
        let message = super::super::message::of(&asked, &judged, grant, "KEY").unwrap();
        let sent = message.body.clone().unwrap();
        assert_eq!(sent, br#"{"a":2,"key":"KEY","z":1}"#);
        let arguments = asked.arguments(Some((&judged, &message)));
        assert_eq!(arguments["digest"], json!(Digest::of(&sent).to_string()));
        assert_eq!(arguments["size"], json!(sent.len()));
        assert_eq!(arguments["body"], json!({ "a": 2, "z": 1 }));
    }

    fn with_if_match(value: &str) -> Asked {
        Asked {
            method: HttpMethod::Put,
            path: vec!["a".to_owned()],
            query: Vec::new(),
            headers: vec![Field {
                name: "If-Match".to_owned(),
                value: value.to_owned(),
            }],
            body: None,
        }
    }

    #[test]
    fn only_one_entity_tag_is_a_condition() {
        for (value, tag) in [
            ("\"a\"", Some("\"a\"")),
            (" \"a b\" ", Some("\"a b\"")),
            ("W/\"a\"", Some("W/\"a\"")),
            ("*", None),
            ("\"a\", \"b\"", None),
            ("a", None),
            ("\"", None),
            ("", None),
        ] {
            assert_eq!(with_if_match(value).if_match(), tag, "{value}");
        }
    }
}
