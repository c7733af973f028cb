//! Access tokens: asked for over the same way out as every other request, with the
//! same addresses and certificates as the grant's.

use oauth2::{HttpRequest, HttpResponse};
use thiserror::Error;
use tollgate_egress::{Destination, EgressError, Outgoing, Pool};
use tollgate_policy::http::{HttpGrant, OAuthClient};
use tollgate_secrets::Secret;
use tollgate_secrets::oauth::OAuthError;

use super::destination;
use crate::capability::Backends;
use crate::door::Scope;

/// Most bytes of a token server's answer.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Why a token's server has no answer. Nothing of the request is in it.
#[derive(Debug, Error)]
enum NotAsked {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("its certificates cannot be read")]
    Roots,
    #[error("its answer cannot be understood")]
    Answer,
}

/// An access token for a client.
pub(super) async fn of(
    client: &OAuthClient,
    secret: &Secret,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Secret, OAuthError> {
    let send = |request| ask(request, client, grant, scope, backends);
    let scanner = backends.secrets.scanner();
    backends
        .tokens
        .token(scope.tenant, client, secret, scanner, send)
        .await
}

async fn ask(
    request: HttpRequest,
    client: &OAuthClient,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<HttpResponse, NotAsked> {
    let mut base = client.token_url.clone();
    let query = base.query().map(|query| format!("?{query}"));
    base.set_query(None);
    let to = Destination {
        base,
        rate: None,
        ..destination::of(grant, backends).map_err(|_| NotAsked::Roots)?
    };
    let pool = Pool {
        tenant: scope.tenant.to_owned(),
        connector: scope.connector.to_owned(),
        // No grant's name has a space.
        destination: format!("{} token", grant.name),
        credential: grant
            .credential
            .as_ref()
            .map(|credential| credential.secret.clone()),
    };
    let (head, body) = request.into_parts();
    let mut headers = head.headers;
    headers.remove(reqwest::header::CONTENT_LENGTH);
    let outgoing = Outgoing {
        method: head.method,
        target: query.unwrap_or_default(),
        headers,
        body: Some(body),
        within: grant.timeout,
        max_response: ANSWER_BYTES_MAX,
    };
    let incoming = backends.egress.send(&to, &pool, outgoing).await?;
    let mut response = HttpResponse::new(incoming.body);
    *response.status_mut() =
        reqwest::StatusCode::from_u16(incoming.status).map_err(|_| NotAsked::Answer)?;
    *response.headers_mut() = incoming.headers;
    Ok(response)
}
