//! Which requests a connector may send, as plain data. The manifest's
//! `[grant.http.NAME]`:
//!
//! ```toml
//! [grant.http.desk]
//! base_url = "https://desk.example/api/v2"
//! headers = ["if-match"]               # request headers that the connector may set
//! timeout = "10s"
//!
//! [grant.http.desk.credential]
//! secret = "desk-token"                # a slot of the host's settings
//! header = "authorization"
//! format = "Bearer {}"
//!
//! [[grant.http.desk.route]]
//! call = "GET /tickets/{id:int}"
//! query = { include = "id", state = { one_of = ["open", "new"] }, tag = { kind = "id", times = 9 } }
//!
//! [[grant.http.desk.route]]
//! call = "PATCH /tickets/{id:int}"
//! effect = "write"                     # irreversible, unless an undo is accepted here
//! undo = "restore"
//! ```

//!
//! A request names a destination and the parts of a path. [`HttpGrant::judge`]
//! finds the row that it fits, or says which line an operator who agrees would
//! add. What it gives back is everything the host needs to send it; nothing of a
//! guest's text reaches the request line but through [`Target`].

mod encode;
pub(crate) mod fields;
mod identity;
mod judge;
mod kind;
mod path;
mod query;
mod refusal;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use crate::{Effect, Place, SignatureScheme};

pub use encode::Target;
pub(crate) use judge::is_literal;
pub use query::{QueryParameter, QueryValues};
pub use refusal::HttpRefusal;
pub use request::{HttpBody, HttpRequest, Judged};

/// A named destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpGrant {
    /// The name that guests use.
    pub name: String,
    /// Scheme, host, port and the path that every request begins with. No user
    /// information, query or fragment; the path ends without `/`.
    pub base_url: Url,
    /// Special-purpose addresses (IANA registries) that the host of `base_url`
    /// may have all the same: loopback, private networks.
    pub addresses: Vec<IpNet>,
    /// A PEM file with the certificates to trust instead of the platform's.
    pub roots: Option<String>,
    /// Request headers that guests may set, in lower case.
    pub headers: BTreeSet<String>,
    /// Response headers that guests see beside the usual ones, in lower case.
    pub response_headers: BTreeSet<String>,
    /// Whether the host sends the origin of `base_url` as `Origin` with writes.
    /// Some servers refuse writes without it, as from a page of somebody else's
    /// (RFC 6454, 7.2). Guests can never set it: it would be a proof of theirs.
    pub own_origin: bool,
    /// Most bytes of content in a request.
    pub max_request: u64,
    /// Most bytes of content that are read of an answer.
    pub max_response: u64,
    /// Longest time for one request, answer included.
    pub timeout: Duration,
    /// Most connections at once.
    pub connections: u32,
    /// Most requests in a time.
    pub rate: Option<(u32, Duration)>,
    /// What the host puts in, that guests never see.
    pub credential: Option<Credential>,
    /// What may be asked for. The first row that fits decides.
    pub routes: Vec<Route>,
}

/// A credential of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The slot in the host's settings.
    pub secret: String,
    /// Where it goes.
    pub place: Place,
    /// What it is put into: `{}` stands for the value. `Basic` login where
    /// `user` is given.
    pub format: Option<String>,
    /// The user's name, for HTTP basic authentication (RFC 7617).
    pub user: Option<String>,
    /// OAuth 2.0 client credentials (RFC 6749, 4.4).
    pub oauth: Option<OAuthClient>,
}

impl Credential {
    /// Whether the host sets this header (in lower case) to hand it over.
    #[must_use]
    pub fn sets_header(&self, name: &str) -> bool {
        match &self.place {
            Place::Header(own) => own == name || name == "authorization",
            Place::Signature(SignatureScheme::StandardWebhooks) => {
                name.starts_with("webhook-") || name == "authorization"
            }
            Place::Signature(SignatureScheme::HttpMessage) => matches!(
                name,
                "signature" | "signature-input" | "content-digest" | "authorization"
            ),
            Place::Signature(SignatureScheme::GitHub | SignatureScheme::Slack)
            | Place::Query(_)
            | Place::Body(_)
            | Place::OAuthClient
            | Place::Login => name == "authorization",
        }
    }
}

/// How a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// The token endpoint.
    pub token_url: Url,
    /// The client's id.
    pub client_id: String,
    /// The scopes to ask for.
    pub scopes: Vec<String>,
}

/// One row: a kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: HttpMethod,
    /// The path below the base URL.
    pub path: Vec<PathPart>,
    /// Query parameters that may be there, and what they may hold.
    pub query: BTreeMap<String, QueryParameter>,
    /// The class of a request: reading for `GET` and `HEAD`, irreversible
    /// otherwise, unless the row says so.
    pub effect: Effect,
    /// The undo that makes it a write.
    pub undo: RouteUndo,
    /// Where the host puts the idempotency key; the receiver takes a second
    /// request under the same key for the first one.
    pub idempotency: Option<KeyPlace>,
    /// Whether a write without `If-Match` is refused.
    pub conditional: bool,
    /// For how long after the request it may be taken back.
    pub window: Option<Duration>,
}

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "their names are those of RFC 9110 and RFC 5789"
)]
pub enum HttpMethod {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
}

/// One segment of a route's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// This very segment.
    Literal(String),
    /// A value, between fixed beginnings and ends: `v{major:int}.json`.
    Parameter {
        /// Its name.
        name: String,
        /// What it may hold.
        kind: Kind,
        /// What stands before it in the segment.
        before: String,
        /// What stands after it in the segment.
        after: String,
    },
    /// One or more segments, at the end: `{rest:path}`. It can carry data out, as
    /// a text can.
    Rest {
        /// Its name.
        name: String,
    },
}

/// What a parameter may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decimal digits, at most 20.
    Int,
    /// 1 to 128 of `A-Z a-z 0-9 _ - . ~ : @ !`, not beginning with `.`. Where a
    /// server has methods such as `/orders/5:cancel`, an id can name one: use
    /// `int` or `uuid` there.
    Id,
    /// A UUID.
    Uuid,
    /// `YYYY-MM-DD`, or a date and time of RFC 3339.
    Date,
    /// `true` or `false`.
    Flag,
    /// Any text of 1 to 2048 bytes; in a query also none. It can carry data out.
    Text,
    /// The idempotency key of the call, which the host puts in.
    Key,
}

/// How a write is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteUndo {
    /// Not at all: it is irreversible.
    None,
    /// By the tool that the connector names. Accepted by the operator here.
    Inverse,
    /// By the host: it reads the resource with `GET` before, and puts the
    /// members that were written back. `at` is where they are in the answer to
    /// `GET`, as a JSON Pointer; the whole answer where it is empty.
    Restore {
        /// A JSON Pointer (RFC 6901).
        at: String,
    },
}

/// Where an idempotency key goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The path's parameter of kind [`Kind::Key`].
    Path,
    /// A header; the name in lower case.
    Header(String),
    /// A member of the JSON content, by JSON Pointer.
    Body(String),
    /// The signature of the credential: Standard Webhooks sign an id, and who
    /// receives them takes a second one with the same id for the first.
    Signature,
}
