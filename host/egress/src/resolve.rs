//! Names become addresses once, and every address is judged before any is used.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use crate::{EgressError, judge};

/// Where the addresses of a name come from.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of a name.
    ///
    /// # Errors
    /// The name has none, or nobody answers.
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// The addresses of a host, all of them judged. The caller connects to these and
/// does not look the name up again: a second answer could be another one (DNS
/// rebinding).
///
/// # Errors
/// `Forbidden` if any of the addresses is; `Unreachable` if there is none.
pub async fn checked_addresses(
    host: &str,
    port: u16,
    exceptions: &[IpNet],
    resolver: &dyn Resolver,
) -> Result<Vec<SocketAddr>, EgressError> {
    // Parsed as a URL's host is: 0x7f000001, 017700000001 and 127.1 are 127.0.0.1,
    // and not names for the system's resolver to see it so.
    let found = match Host::parse(host) {
        Ok(Host::Ipv4(address)) => vec![address.into()],
        Ok(Host::Ipv6(address)) => vec![address.into()],
        Ok(Host::Domain(name)) => lookup(&name, resolver).await?,
        Err(_) => return Err(EgressError::Invalid("the host is not a name".to_owned())),
    };
    judge_all(host, &found, exceptions)?;
    Ok(found
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect())
}

async fn lookup(host: &str, resolver: &dyn Resolver) -> Result<Vec<IpAddr>, EgressError> {
    match resolver.lookup(host).await {
        Ok(found) if !found.is_empty() => Ok(found),
        // The resolver's own words are not needed: it says no more than this.
        Ok(_) | Err(_) => Err(EgressError::Unreachable(format!(
            "no address is known for {host}"
        ))),
    }
}

/// One forbidden address refuses the host: who mixes a public and a private address
/// in one answer waits for the client to fall back to the second.
pub(crate) fn judge_all(
    host: &str,
    found: &[IpAddr],
    exceptions: &[IpNet],
) -> Result<(), EgressError> {
    for address in found {
        judge(*address, exceptions).map_err(|range| EgressError::Forbidden {
            host: host.to_owned(),
            address: address.to_string(),
            range,
        })?;
    }
    Ok(())
}

/// The resolver of one client. It knows one name and gives out judged addresses;
/// the connector uses what it is given.
pub(crate) struct CheckedResolver {
    pub(crate) host: String,
    pub(crate) exceptions: Vec<IpNet>,
    pub(crate) resolver: Arc<dyn Resolver>,
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = self.host.clone();
        let exceptions = self.exceptions.clone();
        let resolver = Arc::clone(&self.resolver);
        Box::pin(async move {
            if name.as_str() != host {
                return Err(
                    EgressError::Invalid("another host than the granted one".to_owned()).into(),
                );
            }
            // Port 0: the connector puts in the port of the URL.
            let addresses = checked_addresses(&host, 0, &exceptions, &*resolver).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
