//! Web servers that the manifest names. A request names a destination and a
//! path below it; the host adds the credential, checks the address, and follows
//! no redirect.
//!
//! ```no_run
//! # use tollgate_sdk::{http, ToolError};
//! # fn ticket(id: u64) -> Result<serde_json::Value, ToolError> {
//! let id = id.to_string();
//! let answer = http::get("desk", ["api", "v2", "tickets", &id]).send()?;
//! answer.success()?.json()
//! # }
//! ```
//!
//! Whatever the server answers is a [`Response`], an error status too.
//! [`Response::success`] makes a [`ToolError`] of those, with the server's own
//! words and what a caller can do next.

mod problem;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bindings::tollgate::connector::http as wire;
use crate::refusal::from_wire;
use crate::{Refusal, ToolError};

#[doc(inline)]
pub use crate::bindings::tollgate::connector::http::Method;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {0}")]
    InvalidRequest(String),
    /// Nothing was sent.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// A read was sent, and there is no answer to it.
    #[error("the server did not answer: {0}")]
    NoAnswer(String),
    /// The destination's own rate is used up: try again after so many seconds.
    #[error("too many requests to this server; try again in {0} s")]
    Busy(u32),
}

/// A request that is being put together.
#[derive(Debug, Clone)]
#[must_use = "nothing happens before `send`"]
pub struct Request {
    destination: String,
    request: wire::Request,
    failed: Option<String>,
}

/// A request with this method. Each segment of the path is one value, not yet
/// encoded: `["tickets", "a/b"]` is `/tickets/a%2Fb`.
pub fn request<S: AsRef<str>>(
    method: Method,
    destination: &str,
    path: impl IntoIterator<Item = S>,
) -> Request {
    let path = path.into_iter().map(|part| part.as_ref().to_owned());
    Request {
        destination: destination.to_owned(),
        request: wire::Request {
            method,
            path: path.collect(),
            query: Vec::new(),
            headers: Vec::new(),
            body: None,
        },
        failed: None,
    }
}

/// A `GET`.
pub fn get<S: AsRef<str>>(destination: &str, path: impl IntoIterator<Item = S>) -> Request {
    request(Method::Get, destination, path)
}

/// A `POST`.
pub fn post<S: AsRef<str>>(destination: &str, path: impl IntoIterator<Item = S>) -> Request {
    request(Method::Post, destination, path)
}

/// A `PUT`.
pub fn put<S: AsRef<str>>(destination: &str, path: impl IntoIterator<Item = S>) -> Request {
    request(Method::Put, destination, path)
}

/// A `PATCH`.
pub fn patch<S: AsRef<str>>(destination: &str, path: impl IntoIterator<Item = S>) -> Request {
    request(Method::Patch, destination, path)
}

/// A `DELETE`.
pub fn delete<S: AsRef<str>>(destination: &str, path: impl IntoIterator<Item = S>) -> Request {
    request(Method::Delete, destination, path)
}

impl Request {
    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.request.query.push(field(name, value.to_string()));
        self
    }

    /// Adds a query parameter where there is a value.
    pub fn query_some(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. The manifest must list it.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.request.headers.push(field(name, value.into()));
        self
    }

    /// Sets the content, as JSON.
    pub fn json(mut self, content: &impl Serialize) -> Self {
        match serde_json::to_vec(content) {
            Ok(bytes) => self.content("application/json", bytes),
            Err(error) => {
                self.failed = Some(format!("the content cannot be written as JSON: {error}"));
                self
            }
        }
    }

    /// Sets the content.
    pub fn content(mut self, content_type: &str, bytes: Vec<u8>) -> Self {
        self.request.body = Some(wire::Body {
            content_type: content_type.to_owned(),
            bytes,
        });
        self
    }

    /// Sends it and waits for the answer, whatever its status.
    ///
    /// # Errors
    /// The host refused the request, or there is no answer.
    pub fn send(self) -> Result<Response, Error> {
        match self.failed {
            Some(why) => Err(Error::InvalidRequest(why)),
            None => Ok(Response(wire::send(&self.destination, &self.request)?)),
        }
    }
}

fn field(name: &str, value: String) -> wire::Field {
    wire::Field {
        name: name.to_owned(),
        value,
    }
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Response(wire::Response);

impl Response {
    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// Whether the status says that all is well (200 to 299).
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.0.status)
    }

    /// The first header of that name, upper or lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.0.headers.iter();
        let found = headers.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(&found.value)
    }

    /// The content.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Whether the content was longer than the grant's `max_response`.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.0.truncated
    }

    /// The answer, if its status says that all is well.
    ///
    /// # Errors
    /// What the status means for a caller, with the server's own words.
    pub fn success(self) -> Result<Self, ToolError> {
        if self.is_success() {
            Ok(self)
        } else {
            Err(self.problem())
        }
    }

    /// What this answer means for a caller, where it is an error.
    #[must_use]
    pub fn problem(&self) -> ToolError {
        problem::of(self, problem::words(self).as_deref())
    }

    /// The same with words that the connector found in the answer itself, for
    /// servers that put them where nobody else does.
    #[must_use]
    pub fn problem_said(&self, words: &str) -> ToolError {
        problem::of(self, Some(&problem::readable(words)))
    }

    /// The content as JSON.
    ///
    /// # Errors
    /// It is not JSON, not of the expected shape, or only its beginning.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ToolError> {
        if self.is_truncated() {
            return Err(ToolError::limited(
                "the server's answer is larger than the manifest allows",
            )
            .hint("ask for less, or have the operator raise `max_response`"));
        }
        serde_json::from_slice(self.body()).map_err(|error| {
            ToolError::failed(format!(
                "the server answered {} with something else than expected: {error}",
                self.status()
            ))
        })
    }
}

from_wire!(
    InvalidRequest(why),
    Unreachable(why),
    NoAnswer(why),
    Busy(seconds)
);

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Refused(refusal) => refusal.into(),
            Error::InvalidRequest(_) => Self::failed(message),
            Error::Unreachable(_) => Self::unavailable(message).hint("nothing was sent; try later"),
            Error::NoAnswer(_) => Self::unavailable(message).hint("try again later"),
            Error::Busy(_) => Self::unavailable(message),
        }
    }
}
