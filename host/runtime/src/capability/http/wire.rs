//! Requests and answers as guests see them, and answers as they are recorded.
//! Mirrors `wit/http.wit`.

use serde::{Deserialize, Serialize};
use tollgate_policy::http::HttpMethod;
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::door::Refusal;
use crate::exact::Base64;

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make these values; they arrive by lifting")]
pub(crate) enum Method {
    #[component(name = "get")]
    Get,
    #[component(name = "head")]
    Head,
    #[component(name = "post")]
    Post,
    #[component(name = "put")]
    Put,
    #[component(name = "patch")]
    Patch,
    #[component(name = "delete")]
    Delete,
}

impl From<Method> for HttpMethod {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::Get,
            Method::Head => Self::Head,
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

/// A name and a value.
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What is sent as content.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Body {
    #[component(name = "content-type")]
    pub(crate) content_type: String,
    pub(crate) bytes: Vec<u8>,
}

/// One request.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: Vec<String>,
    pub(crate) query: Vec<Field>,
    pub(crate) headers: Vec<Field>,
    pub(crate) body: Option<Body>,
}

/// What the server answered.
#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct Response {
    status: u16,
    headers: Vec<Field>,
    body: Vec<u8>,
    truncated: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HttpError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "invalid-request")]
    InvalidRequest(String),
    #[component(name = "unreachable")]
    Unreachable(String),
    #[component(name = "no-answer")]
    NoAnswer(String),
    #[component(name = "busy")]
    Busy(u32),
}

/// An answer as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<Field>,
    pub(crate) body: Content,
    pub(crate) truncated: bool,
    /// How often the request was sent.
    #[serde(default)]
    pub(crate) attempts: u32,
}

/// Content as it is recorded: text where it is text, so that a person can read
/// the record and what looks for secrets sees them unbroken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Content {
    Text(String),
    Base64(Base64),
}

impl Content {
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Base64(Base64(error.into_bytes())),
        }
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.into_bytes(),
            Self::Base64(bytes) => bytes.0,
        }
    }

    /// The content where it is text, as JSON is.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Base64(_) => None,
        }
    }
}

impl Answer {
    /// Whether the status says that all is well.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of that name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|header| header.name == name)?;
        Some(&found.value)
    }
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            headers: answer.headers,
            body: answer.body.into_bytes(),
            truncated: answer.truncated,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn content_is_recorded_without_loss_as_text_where_it_is_text() {
        for (bytes, recorded) in [
            (b"{\"a\":1}".to_vec(), r#"{"text":"{\"a\":1}"}"#),
            (vec![0xff, 0x00], r#"{"base64":"/wA="}"#),
            (Vec::new(), r#"{"text":""}"#),
        ] {
            let text = serde_json::to_string(&Content::of(bytes.clone())).unwrap();
            assert_eq!(text, recorded);
            let back: Content = serde_json::from_str(&text).unwrap();
            assert_eq!(back.into_bytes(), bytes);
        }
    }
}
