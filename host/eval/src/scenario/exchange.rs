//! `[[exchange]]`: one request that a server expects, and what it says.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::Value;

use crate::fit::like;

/// One exchange.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// Method, path and query.
    pub(crate) request: RequestLine,
    /// The destination, where several have servers; any of them by default.
    pub(crate) destination: Option<String>,
    /// Headers that must be there; `*` in a value is any text.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// What must be in the JSON content.
    pub(crate) body: Option<Value>,
    /// The content's shape, where it is no JSON; `*` is any text.
    pub(crate) body_text: Option<String>,
    /// How often it comes.
    #[serde(default)]
    pub(crate) times: Times,
    /// The answer's status.
    #[serde(default = "ok")]
    pub(crate) status: u16,
    /// The answer's content, as JSON.
    pub(crate) answer: Option<Value>,
    /// The answer's content, as text.
    pub(crate) text: Option<String>,
    /// The answer's content, from a file beside the scenario.
    pub(crate) file: Option<PathBuf>,
    /// The answer's media type; `application/json` for `answer`.
    pub(crate) content_type: Option<String>,
    /// More headers of the answer.
    #[serde(default)]
    pub(crate) answer_headers: BTreeMap<String, String>,
    /// What goes wrong.
    pub(crate) fault: Option<Fault>,
}

fn ok() -> u16 {
    200
}

/// The content of an answer.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    None,
    Json(&'a Value),
    Text(&'a str),
    File(&'a PathBuf),
}

impl Exchange {
    /// What the answer holds: one of three keys, or nothing.
    pub(crate) fn content(&self) -> Result<Body<'_>, String> {
        match (&self.answer, &self.text, &self.file) {
            (None, None, None) => Ok(Body::None),
            (Some(json), None, None) => Ok(Body::Json(json)),
            (None, Some(text), None) => Ok(Body::Text(text)),
            (None, None, Some(file)) => Ok(Body::File(file)),
            _ => Err(format!(
                "the exchange `{}` has more than one of `answer`, `text` and `file`",
                self.request
            )),
        }
    }
}

/// What goes wrong on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// The connection is reset once the request's head is there, before its
    /// content is read.
    Close,
    /// The whole request is read, and the connection is reset without an answer.
    CloseAfterRequest,
    /// Half of the answer comes, and then nothing, for as long as the host waits.
    Slow,
    /// Half of the answer comes, and the connection is closed.
    Truncate,
    /// What comes is no HTTP.
    Garbage,
    /// The answer's content does not end.
    Flood,
}

/// How often a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// So many times, no more and no less.
    Exactly(u32),
    /// As often as it comes, or never.
    Any,
}

impl Default for Times {
    fn default() -> Self {
        Self::Exactly(1)
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Count;

        impl Visitor<'_> for Count {
            type Value = Times;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number from 1 on, or \"any\"")
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Times, E> {
                match u32::try_from(count) {
                    Ok(count) if count > 0 => Ok(Times::Exactly(count)),
                    _ => Err(E::invalid_value(de::Unexpected::Signed(count), &self)),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Times, E> {
                match text {
                    "any" => Ok(Times::Any),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(Count)
    }
}

/// `METHOD /path?query`, in a form in which equal requests are equal: segments
/// and parameters decoded, parameters in order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine {
    method: String,
    path: Vec<Vec<u8>>,
    query: Vec<(String, String)>,
    written: String,
}

impl RequestLine {
    /// A request's line; nothing where the target is no path.
    pub(crate) fn new(method: &str, target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix('/')?;
        let decoded = |segment: &str| percent_decode_str(segment).collect();
        let mut query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        query.sort();
        Some(Self {
            method: method.to_owned(),
            path: path.split('/').map(decoded).collect(),
            query,
            written: format!("{method} {target}"),
        })
    }

    /// Whether a request that came is this one. A segment with `*` in it stands for
    /// any text there: the host makes some, such as keys that hold the run's id.
    pub(crate) fn is(&self, came: &Self) -> bool {
        (&self.method, &self.query) == (&came.method, &came.query)
            && self.path.len() == came.path.len()
            && self
                .path
                .iter()
                .zip(&came.path)
                .all(|(written, came)| segment_is(written, came))
    }

    /// How much two requests have in common, for a message.
    pub(crate) fn likeness(&self, other: &Self) -> usize {
        let segments = self.path.iter().zip(&other.path);
        let same = segments.filter(|(one, other)| one == other).count();
        same * 2 + usize::from(self.method == other.method)
    }
}

fn segment_is(written: &[u8], came: &[u8]) -> bool {
    match (std::str::from_utf8(written), std::str::from_utf8(came)) {
        (Ok(pattern), Ok(came)) => like(pattern, came),
        _ => written == came,
    }
}

impl fmt::Display for RequestLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl<'de> Deserialize<'de> for RequestLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        let text = String::deserialize(deserializer)?;
        let line = text
            .split_once(' ')
            .filter(|(method, _)| METHODS.contains(method))
            .and_then(|(method, target)| Self::new(method, target));
        line.ok_or_else(|| {
            de::Error::custom(format!(
                "`{text}` is no request; write METHOD /path?query, with one of {}",
                METHODS.join(", ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn line(target: &str) -> RequestLine {
        RequestLine::new("GET", target).unwrap()
    }

    #[test]
    fn encoding_and_order_of_parameters_make_no_difference() {
        assert!(line("/a%20b/c?x=1&y=a+b").is(&line("/a b/c?y=a%20b&x=1")));
        assert!(line("/a:b").is(&line("/a%3Ab")));
    }

    #[test]
    fn a_star_is_any_text_of_one_segment() {
        assert!(line("/send/*").is(&line("/send/run-1:1")));
        assert!(line("/send/run-*").is(&line("/send/run-1%3A1")));
        assert!(!line("/send/*").is(&line("/send/a/b")));
        assert!(!line("/send/run-*").is(&line("/send/other")));
        assert!(!line("/send/*").is(&line("/send/a?x=1")));
        // Only what the scenario has is a pattern.
        assert!(!line("/send/a").is(&line("/send/*")));
    }

    #[test]
    fn what_is_another_request_stays_another() {
        // A slash inside a segment is not a border between two.
        assert!(!line("/a%2Fb").is(&line("/a/b")));
        assert!(!line("/a/").is(&line("/a")));
        assert!(!line("/a?x=1").is(&line("/a?x=1&x=1")));
        assert!(!line("/a").is(&RequestLine::new("POST", "/a").unwrap()));
        assert!(RequestLine::new("GET", "http://host/a").is_none());
    }
}
