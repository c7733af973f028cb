//! Requests to the provider: through the host's way out, and no other.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::{StatusCode, header};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tollgate_egress::{Destination, Egress, EgressError, Outgoing, Pool};
use url::Url;

use super::Provider;

/// Longest time of one request. A person waits.
const WITHIN: Duration = Duration::from_secs(10);

/// Longest time to connect, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Most bytes of an answer: key sets and tokens of large providers are some ten KiB.
const ANSWER_BYTES_MAX: u64 = 256 << 10;

/// Connections at once, to each address.
const CONNECTIONS: u32 = 4;

/// What the way out calls these requests. No connector's name has a space, so no
/// connector shares their connections.
const NAME: &str = "sign in";

pub(super) struct Wire {
    pub(super) egress: Arc<Egress>,
    pub(super) provider: Arc<Provider>,
}

impl Wire {
    /// The attack: a discovery document that names an address inside the operator's
    /// network, or one without TLS. An exception, and certificates of one's own, count
    /// for the issuer's own origin only.
    fn to(&self, url: &Url) -> Result<Destination, EgressError> {
        let ours = url.origin() == self.provider.issuer.origin();
        if url.scheme() != "https" && !ours {
            let problem = "the provider names an address without TLS";
            return Err(EgressError::Invalid(problem.to_owned()));
        }
        let mut base = url.clone();
        base.set_path("/");
        base.set_query(None);
        base.set_fragment(None);
        let provider = &self.provider;
        Ok(Destination {
            base,
            addresses: if ours {
                provider.addresses.clone()
            } else {
                Vec::new()
            },
            roots: provider.roots.clone().filter(|_| ours),
            connect_within: CONNECT_WITHIN,
            connections: CONNECTIONS,
            rate: None,
        })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, EgressError> {
        let (head, body) = request.into_parts();
        let broken = || EgressError::Invalid("the provider names what is no address".to_owned());
        let url = Url::parse(&head.uri.to_string()).map_err(|_| broken())?;
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut headers = head.headers;
        // The connection's to say.
        headers.remove(header::CONTENT_LENGTH);
        let outgoing = Outgoing {
            method: head.method,
            target,
            headers,
            body: Some(body),
            within: WITHIN,
            begin_within: None,
            max_response: ANSWER_BYTES_MAX,
        };
        let pool = Pool {
            tenant: self.provider.tenant.clone(),
            connector: NAME.to_owned(),
            destination: url.origin().ascii_serialization(),
            credential: None,
        };
        let incoming = self.egress.send(&self.to(&url)?, &pool, outgoing).await?;
        if incoming.truncated {
            return Err(EgressError::NoAnswer("the answer is too long".to_owned()));
        }
        let status = StatusCode::from_u16(incoming.status);
        let no_status = |_| EgressError::NoAnswer("the answer has no status".to_owned());
        let mut response = HttpResponse::new(incoming.body);
        *response.status_mut() = status.map_err(no_status)?;
        *response.headers_mut() = incoming.headers;
        Ok(response)
    }
}

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = EgressError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, EgressError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
