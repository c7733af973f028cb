//! What a server says.

use std::convert::Infallible;
use std::io;
use std::path::Path;

use axum::body::Body as Content;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use super::script::Seen;
use crate::scenario::{Body, Exchange};
use crate::value;

/// One piece of a flood, bytes.
const FLOOD_PIECE_BYTES: usize = 64 << 10;

/// Where a flood ends after all, so that a host that reads on and on ends the
/// scenario and not the machine: 4 GiB.
const FLOOD_PIECES: usize = 65_536;

/// An answer, ready to be given.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    content: Bytes,
}

impl Answer {
    /// What an exchange says. The error is a sentence.
    pub(super) fn of(folder: &Path, exchange: &Exchange) -> Result<Self, String> {
        let wrong = |what: String| format!("the exchange `{}` {what}", exchange.request);
        let status = StatusCode::from_u16(exchange.status)
            .ok()
            .filter(|status| status.as_u16() >= 200)
            .ok_or_else(|| wrong(format!("has no final status: {}", exchange.status)))?;
        let (content, media_type) = match exchange.content()? {
            Body::None => (Bytes::new(), None),
            Body::Json(json) => {
                let json = value::resolve(json, &[]).map_err(wrong)?;
                (json.to_string().into(), Some("application/json"))
            }
            Body::Text(text) => (text.to_owned().into(), Some("text/plain; charset=utf-8")),
            Body::File(file) => {
                let path = folder.join(file);
                let read = std::fs::read(&path);
                let content =
                    read.map_err(|error| wrong(format!("answers {}: {error}", path.display())))?;
                (content.into(), Some("application/octet-stream"))
            }
        };
        let mut headers = HeaderMap::new();
        if let Some(media_type) = exchange.content_type.as_deref().or(media_type) {
            let value = HeaderValue::from_str(media_type);
            let value = value.map_err(|error| wrong(format!("has a content type: {error}")))?;
            headers.insert(CONTENT_TYPE, value);
        }
        for (name, value) in &exchange.answer_headers {
            let header = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = HeaderValue::from_str(value).ok();
            let Some((name, value)) = header.zip(value) else {
                return Err(wrong(format!("answers `{name}`, which is no header")));
            };
            headers.append(name, value);
        }
        Ok(Self {
            status,
            headers,
            content,
        })
    }

    /// As it should be.
    pub(super) fn whole(self) -> Response<Content> {
        self.with(Content::from)
    }

    /// Its first half, and then silence until the other side has enough.
    pub(super) fn half_then_nothing(self) -> Response<Content> {
        self.announced(|half| {
            let half = stream::iter([Ok::<_, Infallible>(half)]);
            Content::from_stream(half.chain(stream::pending()))
        })
    }

    /// Its first half, and then the end of the connection.
    pub(super) fn half_then_closed(self) -> Response<Content> {
        self.announced(|half| {
            let lost = stream::once(async {
                // What was said so far is sent while the rest is waited for.
                tokio::task::yield_now().await;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            });
            Content::from_stream(stream::iter([Ok(half)]).chain(lost))
        })
    }

    /// Itself, followed by more and more.
    pub(super) fn without_end(self) -> Response<Content> {
        let piece = Bytes::from(vec![b'x'; FLOOD_PIECE_BYTES]);
        self.with(|content| {
            let pieces = stream::iter(std::iter::repeat_n(piece, FLOOD_PIECES));
            let all = stream::iter([content]).chain(pieces);
            Content::from_stream(all.map(Ok::<_, Infallible>))
        })
    }

    /// The whole length said, and what `rest` makes of the first half.
    fn announced(mut self, rest: impl FnOnce(Bytes) -> Content) -> Response<Content> {
        // An answer without content has something to be lost as well.
        if self.content.is_empty() {
            self.content = Bytes::from_static(b"{}");
        }
        let length = HeaderValue::from(self.content.len());
        self.headers.insert(CONTENT_LENGTH, length);
        self.with(|content| rest(content.slice(..content.len() / 2)))
    }

    fn with(self, content: impl FnOnce(Bytes) -> Content) -> Response<Content> {
        let mut response = Response::new(content(self.content));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// What a request is told that the scenario does not have.
pub(super) fn unmatched(seen: &Seen) -> Response<Content> {
    let text = format!("no exchange of the scenario is {}", seen.line());
    let mut response = Response::new(Content::from(text));
    *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
    response
}
