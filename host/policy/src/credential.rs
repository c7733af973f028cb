//! Where in a request a credential goes. The value itself is never here.

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
    Signature(SignatureScheme),
    /// The client secret of OAuth 2.0 client credentials (RFC 6749, 4.4); the
    /// origin is that of the token's server.
    OAuthClient,
    /// The password of a login, as for SMTP (RFC 4954).
    Login,
}

/// How a request is signed: one that is sent, or one that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureScheme {
    /// Standard Webhooks, symmetric: headers `webhook-id`, `webhook-timestamp`,
    /// `webhook-signature` (<https://www.standardwebhooks.com>).
    StandardWebhooks,
    /// HTTP Message Signatures with `hmac-sha256` (RFC 9421).
    HttpMessage,
    /// GitHub's `x-hub-signature-256`. Only of what comes in.
    GitHub,
    /// Slack's `x-slack-signature`, version 0. Only of what comes in.
    Slack,
}

impl SignatureScheme {
    /// The name that settings and manifests use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StandardWebhooks => "standard-webhooks",
            Self::HttpMessage => "http-message",
            Self::GitHub => "github",
            Self::Slack => "slack",
        }
    }
}
