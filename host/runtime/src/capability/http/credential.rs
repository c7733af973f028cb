//! The credential, put into a request. Nothing before this file has its value,
//! and nothing after it but the connection.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tollgate_egress::{Method, Outgoing};
use tollgate_policy::http::{Credential, HttpGrant, OAuthClient};
use tollgate_policy::{Place, visible};
use tollgate_secrets::{Manner, RequestParts, Secret, SecretError};

use super::exchange::{Message, method};
use super::token;
use super::wire::HttpError;
use crate::capability::Backends;
use crate::door::{Refusal, Scope};

/// A request with everything in it. It is not printed: a value is in it.
pub(super) struct Ready {
    method: Method,
    target: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
    /// The access token in it, if it has one.
    token: Option<Secret>,
}

impl Ready {
    /// One more attempt.
    pub(super) fn outgoing(
        &self,
        within: Duration,
        begin_within: Option<Duration>,
        max_response: u64,
    ) -> Outgoing {
        Outgoing {
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            within,
            begin_within,
            max_response,
        }
    }
}

/// The request with its credential, where the grant has one.
pub(super) async fn put_in(
    message: &Message,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Ready, HttpError> {
    let mut ready = Ready {
        method: method(message.method),
        target: message.target.clone(),
        headers: headers(message)?,
        body: message.body.clone(),
        token: None,
    };
    let Some(credential) = &grant.credential else {
        return Ok(ready);
    };
    let secret = secret(credential, grant, scope, backends).await?;
    let key = scope.idempotency_key();
    // How an access token is handed over (RFC 6750, 2.1).
    let bearer = Place::Header("authorization".to_owned());
    let (place, format) = match &credential.oauth {
        Some(_) => (&bearer, Some("Bearer {}")),
        None => (&credential.place, credential.format.as_deref()),
    };
    let manner = Manner {
        format,
        user: credential.user.as_deref(),
        id: &key,
        now_s: backends.clock.now_ms() / 1_000,
    };
    let mut parts = RequestParts {
        method: ready.method.as_str(),
        base: grant.base_url.as_str().trim_end_matches('/'),
        target: &mut ready.target,
        headers: &mut ready.headers,
        body: &mut ready.body,
    };
    tollgate_secrets::put_in(place, manner, &secret, &mut parts)
        .map_err(|error| unusable(grant, &error))?;
    ready.token = credential.oauth.is_some().then_some(secret);
    Ok(ready)
}

/// The value: a secret of the host's, or a token that was got with one.
async fn secret(
    credential: &Credential,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Secret, HttpError> {
    let Some(client) = &credential.oauth else {
        let origin = resource(grant);
        let secrets = &backends.secrets;
        return secrets
            .get(scope.tenant, &credential.secret, &origin, &credential.place)
            .await
            .map_err(|error| unusable(grant, &error));
    };
    let secret = client_secret(credential, client, grant, scope, backends)
        .await
        .map_err(|error| unusable(grant, &error))?;
    token::of(client, &secret, grant, scope, backends).await
}

async fn client_secret(
    credential: &Credential,
    client: &OAuthClient,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Secret, SecretError> {
    let origin = client.token_url.origin().ascii_serialization();
    backends
        .secrets
        .client(scope.tenant, &credential.secret, &origin, &resource(grant))
        .await
}

/// The origin that the grant's requests go to, and what is in them.
pub(super) fn resource(grant: &HttpGrant) -> String {
    grant.base_url.origin().ascii_serialization()
}

/// Get another token for the next call, where this request had one. Nothing is
/// waited for here: a write's outcome is not recorded yet.
pub(super) fn forget_token(
    sent: &Ready,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) {
    let credential = grant.credential.as_ref();
    let client = credential.and_then(|credential| credential.oauth.as_ref());
    if let Some((client, token)) = client.zip(sent.token.as_ref()) {
        let tokens = &backends.tokens;
        tokens.forget(scope.tenant, client, &resource(grant), token);
    }
}

/// Why it cannot be used is the operator's to know: where a secret may go, and
/// where it comes from, is nothing for a guest.
pub(super) fn unusable(grant: &HttpGrant, error: &dyn std::fmt::Display) -> HttpError {
    let destination = &grant.name;
    tracing::warn!(destination, %error, "a credential cannot be used");
    HttpError::Refused(Refusal::outside(format!(
        "the host cannot use the credential of `{}` now; its log says why",
        visible(destination)
    )))
}

fn headers(message: &Message) -> Result<HeaderMap, HttpError> {
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
    Ok(headers)
}
