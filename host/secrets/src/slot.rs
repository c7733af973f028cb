//! Where a secret may go.

/// A credential slot: one secret, bound to a tenant, an origin and a place. The
/// manifest says where a connector's credential goes; the host's settings say
/// where the secret may go. Both must agree, so that whoever writes a manifest
/// cannot have a secret sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The name that manifests use.
    pub name: String,
    /// The tenant whose connectors may use it.
    pub tenant: String,
    /// The only origin that it is sent to: scheme, host and port, as
    /// `https://desk.example` or `smtp://mail.example:587`.
    pub origin: String,
    /// The only place in a request that it is put into.
    pub place: Place,
}

/// A place in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A header; the name in lower case.
    Header(String),
    /// A query parameter.
    Query(String),
    /// A member of a JSON or form body, by JSON Pointer (RFC 6901).
    Body(String),
    /// The key of a signature over the request.
    Signature(Signature),
    /// The client secret of OAuth 2.0 client credentials (RFC 6749, 4.4); the
    /// origin is that of the token's server.
    OAuthClient,
    /// The password of a login, as for SMTP (RFC 4954).
    Login,
}

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Standard Webhooks, symmetric: headers `webhook-id`, `webhook-timestamp`,
    /// `webhook-signature` (<https://www.standardwebhooks.com>).
    StandardWebhooks,
    /// HTTP Message Signatures with `hmac-sha256` (RFC 9421).
    HttpMessage,
}
