//! A request to be judged, and what came of it.

use serde_json::{Map, Value, json};

use super::{HttpMethod, Route, Target};
use crate::Effect;

/// A request as a guest asks for it.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// The method.
    pub method: HttpMethod,
    /// Segments below the base URL, not encoded.
    pub path: &'a [&'a str],
    /// Query parameters, not encoded, in this order.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is known of the content.
    pub body: Option<HttpBody<'a>>,
}

/// What a judgement needs to know of the content.
#[derive(Clone, Copy, Debug)]
pub struct HttpBody<'a> {
    /// Its media type.
    pub content_type: &'a str,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A request that may be sent.
#[derive(Clone, Debug)]
pub struct Judged<'g> {
    /// The row that granted it.
    pub route: &'g Route,
    /// The path and query to send.
    pub target: Target,
    /// The class of effect.
    pub effect: Effect,
    /// Whether the guest's own words travel with it: a free text in path or
    /// query, a header of its own, or content. A read that does is no plain read.
    pub egress: bool,
    /// Parameters of the path by name, without that of the idempotency key.
    pub path: Map<String, Value>,
    /// Parameters of the query by name.
    pub query: Map<String, Value>,
}

impl Judged<'_> {
    /// The parameters as rules see them: `args.path.id`, `args.query.page`.
    #[must_use]
    pub fn args(&self) -> Value {
        json!({ "path": self.path, "query": self.query })
    }
}
