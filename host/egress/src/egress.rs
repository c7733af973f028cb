//! Sending a request.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::{Body, Client, Response};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

use crate::answer::{self, no_answer};
use crate::outbound::{Outbound, TakenUp};
use crate::pools::{Entry, Pools};
use crate::resolve::{Resolver, SystemResolver, judge_all};
use crate::{
    Destination, EgressError, Incoming, Limits, Outgoing, Pool, failure, judge, retry, target,
};

/// The way out: all requests of a host pass here.
pub struct Egress {
    limits: Limits,
    resolver: Arc<dyn Resolver>,
    pools: Pools,
}

impl Default for Egress {
    fn default() -> Self {
        Self::new()
    }
}

impl Egress {
    /// With the usual limits and the system's resolver.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Limits::default(), Arc::new(SystemResolver))
    }

    /// With limits and a resolver of one's own.
    #[must_use]
    pub fn with(limits: Limits, resolver: Arc<dyn Resolver>) -> Self {
        Self {
            pools: Pools::new(limits.pools, limits.tenant_pools),
            limits,
            resolver,
        }
    }

    /// The resolver that all names are looked up with.
    pub(crate) fn resolver(&self) -> &dyn Resolver {
        &*self.resolver
    }

    /// Sends one request, once, and reads its answer. A redirect is an answer.
    ///
    /// # Errors
    /// `NoAnswer` where the server may have seen the request; with all others it has
    /// not.
    pub async fn send(
        &self,
        to: &Destination,
        pool: &Pool,
        request: Outgoing,
    ) -> Result<Incoming, EgressError> {
        let deadline = Instant::now() + request.within;
        let begin = request
            .begin_within
            .map_or(deadline, |within| deadline.min(Instant::now() + within));
        let url = check(to, &request)?;
        let entry = self.pools.entry(pool, to)?;
        let _place = timeout_at(begin, entry.places.acquire())
            .await
            .map_err(|_| BUSY)?
            .map_err(|_| BUSY)?;
        let client = timeout_at(begin, entry.client(&self.limits, &self.resolver))
            .await
            .map_err(|_| EgressError::Unreachable("the time is over".to_owned()))??;
        // Last of all: who waited for a place does not overtake a hold.
        entry.admit(Instant::now())?;
        let most = request.max_response;
        let response = exchange(client, url, request, begin, deadline).await?;
        check_peer(&response, &to.addresses)?;
        self.note(&entry, &response);
        answer::read(response, &self.limits, most, deadline).await
    }

    /// Remembers that a server wants no requests for a time. A hostile one gets
    /// minutes, not a year.
    fn note(&self, entry: &Entry, response: &Response) {
        if let Some(time) = retry::hold(response.status(), response.headers()) {
            let time = time.min(self.limits.hold);
            entry.pace().hold(Instant::now(), time);
        }
    }
}

/// All places are taken; nobody knows for how long.
const BUSY: EgressError = EgressError::Busy {
    after: Duration::from_secs(1),
};

/// Everything that can be judged without a connection.
fn check(to: &Destination, request: &Outgoing) -> Result<Url, EgressError> {
    target::check_method(&request.method)?;
    target::check_headers(&request.headers)?;
    // The connector looks up no name that is an address, so nobody else would look.
    let literal = match target::check_base(&to.base)? {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    };
    if let Some(address) = literal {
        judge_all(
            to.base.host_str().unwrap_or_default(),
            &[address],
            &to.addresses,
        )?;
    }
    target::compose(&to.base, &request.target)
}

/// Sends, and waits for the head of the answer.
async fn exchange(
    client: &Client,
    url: Url,
    request: Outgoing,
    begin: Instant,
    deadline: Instant,
) -> Result<Response, EgressError> {
    let taken_up = TakenUp::default();
    let body = Outbound {
        content: request.body.filter(|body| !body.is_empty()).map(Into::into),
        taken_up: taken_up.clone(),
    };
    let mut sent = reqwest::Request::new(request.method, url);
    *sent.headers_mut() = request.headers;
    *sent.body_mut() = Some(Body::wrap(body));
    let mut answer = std::pin::pin!(client.execute(sent));
    let came = match timeout_at(begin, &mut answer).await {
        // On its way in time.
        Err(_) if taken_up.get() => timeout_at(deadline, answer).await,
        came => came,
    };
    match came {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(failure::classify(&error, taken_up.get())),
        Err(_) if taken_up.get() => Err(no_answer("the time was over before an answer")),
        Err(_) => Err(EgressError::Unreachable(
            "the time was over before a connection".to_owned(),
        )),
    }
}

/// The other end of the connection is judged once more, whatever led there.
fn check_peer(response: &Response, exceptions: &[IpNet]) -> Result<(), EgressError> {
    let peer = response.remote_addr().map(|peer| peer.ip());
    match peer.map(|peer| judge(peer, exceptions)) {
        Some(Ok(())) => Ok(()),
        // It has seen the request.
        Some(Err(_)) | None => Err(no_answer("the answer came from a forbidden address")),
    }
}
