//! Access tokens: asked for over the same way out as every other request, with the
//! same addresses and certificates as the grant's.

use std::sync::Arc;
use std::time::Duration;

use oauth2::{HttpRequest, HttpResponse};
use thiserror::Error;
use tollgate_egress::{Destination, Egress, EgressError, Outgoing, Pool};
use tollgate_policy::http::{HttpGrant, OAuthClient};
use tollgate_secrets::Secret;

use super::credential::{resource, unusable};
use super::destination;
use super::wire::HttpError;
use crate::capability::Backends;
use crate::door::Scope;

/// Most bytes of a token server's answer.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Why a token's server has no answer. Nothing of the request is in it.
#[derive(Debug, Error)]
enum NotAsked {
    #[error(transparent)]
    Egress(#[from] EgressError),
    #[error("its answer has no status")]
    Status,
}

/// How a token's server is asked.
struct Asking {
    egress: Arc<Egress>,
    to: Destination,
    target: String,
    pool: Pool,
    within: Duration,
}

/// An access token for a client.
pub(super) async fn of(
    client: &OAuthClient,
    secret: &Secret,
    grant: &HttpGrant,
    scope: &Scope<'_>,
    backends: &Backends,
) -> Result<Secret, HttpError> {
    let mut base = client.token_url.clone();
    let target = base.query().map(|query| format!("?{query}"));
    base.set_query(None);
    let asking = Arc::new(Asking {
        egress: Arc::clone(&backends.egress),
        to: Destination {
            base,
            rate: None,
            ..destination::of(grant, backends)?
        },
        target: target.unwrap_or_default(),
        pool: Pool {
            tenant: scope.tenant.to_string(),
            connector: scope.connector.to_owned(),
            // No grant's name has a space.
            destination: format!("{} token", grant.name),
            credential: Some(secret.name().to_owned()),
        },
        within: grant.timeout,
    });
    let send = move |request| {
        let asking = Arc::clone(&asking);
        async move { asking.ask(request).await }
    };
    let scanner = backends.secrets.scanner();
    let token = backends
        .tokens
        .token(
            scope.tenant,
            client,
            secret,
            &resource(grant),
            scanner,
            send,
        )
        .await;
    token.map_err(|error| unusable(grant, &error))
}

impl Asking {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, NotAsked> {
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        // The connection's to say.
        headers.remove(reqwest::header::CONTENT_LENGTH);
        let outgoing = Outgoing {
            method: head.method,
            target: self.target.clone(),
            headers,
            body: Some(body),
            within: self.within,
            begin_within: None,
            max_response: ANSWER_BYTES_MAX,
        };
        let incoming = self.egress.send(&self.to, &self.pool, outgoing).await?;
        let status = reqwest::StatusCode::from_u16(incoming.status);
        let mut response = HttpResponse::new(incoming.body);
        *response.status_mut() = status.map_err(|_| NotAsked::Status)?;
        *response.headers_mut() = incoming.headers;
        Ok(response)
    }
}
