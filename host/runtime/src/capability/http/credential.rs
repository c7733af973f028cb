//! The credential, put into a request. Nothing before this file has its value,
//! and nothing after it but the connection.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;

use tollgate_egress::Outgoing;
use tollgate_policy::http::HttpGrant;

use super::exchange::{Message, method};
use super::wire::HttpError;
use crate::capability::Backends;
use crate::door::{Refusal, Scope};

/// A request with everything in it. It prints nothing: a value is in it.
pub(super) struct Ready {
    method: reqwest::Method,
    target: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Ready {
    /// One more attempt.
    pub(super) fn outgoing(&self, within: Duration, max_response: u64) -> Outgoing {
        Outgoing {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            within,
            max_response,
        }
    }
}

/// The request with its credential, where the grant has one.
pub(super) async fn put_in(
    message: &Message,
    grant: &HttpGrant,
    _scope: &Scope<'_>,
    _backends: &Backends,
) -> Result<Ready, HttpError> {
    let mut headers = HeaderMap::with_capacity(message.headers.len() + 1);
    for (name, value) in &message.headers {
        let pair = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_str(value).ok());
        let (name, value) = pair.ok_or_else(|| {
            HttpError::InvalidRequest("a header has a name or value that cannot be sent".to_owned())
        })?;
        headers.insert(name, value);
    }
    if grant.credential.is_some() {
        return Err(HttpError::Refused(Refusal::outside("no credential yet")));
    }
    Ok(Ready {
        method: method(message.method),
        target: message.target.clone(),
        headers,
        body: message.body.clone(),
    })
}
