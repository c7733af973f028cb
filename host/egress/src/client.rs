//! A client for one destination: reqwest with everything off that would go
//! elsewhere, or do more than was asked.

use std::sync::Arc;

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, redirect, retry};

use crate::resolve::{CheckedResolver, Resolver};
use crate::target::invalid;
use crate::{Destination, EgressError, Limits};

/// Who asks.
const USER_AGENT: &str = concat!("tollgate/", env!("CARGO_PKG_VERSION"));

/// HTTP/2 flow control: what a server may send before it is read. The frame size
/// is the smallest there is (RFC 9113, 4.2).
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
const FRAME_SIZE: u32 = 16 * 1024;

pub(crate) fn build(
    to: &Destination,
    limits: &Limits,
    resolver: Arc<dyn Resolver>,
) -> Result<Client, EgressError> {
    let host = to.base.host_str().unwrap_or_default().to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let mut builder = Client::builder()
        .user_agent(USER_AGENT)
        .default_headers(headers)
        // Content is decoded by `answer`, where it is counted before and after.
        .no_gzip()
        // Environment variables would send everything to somebody else.
        .no_proxy()
        // A redirect is an answer. Followed, it would leave the grant.
        .redirect(redirect::Policy::none())
        .referer(false)
        // Sending again is decided where it is known what the request does.
        .retry(retry::never())
        .tcp_nodelay(true)
        .connect_timeout(to.connect_within)
        .pool_idle_timeout(limits.idle)
        .pool_max_idle_per_host(to.connections as usize)
        .http1_max_headers(limits.headers)
        .http2_max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_max_frame_size(FRAME_SIZE)
        .dns_resolver(CheckedResolver {
            host,
            exceptions: to.addresses.clone(),
            resolver,
        });
    builder = match (to.base.scheme(), &to.roots) {
        ("https", Some(pem)) => builder.tls_certs_only(certificates(pem)?).https_only(true),
        ("https", None) => builder.https_only(true),
        // No TLS: no root is needed, nor looked for.
        _ => builder.tls_certs_only([]),
    };
    builder
        .build()
        .map_err(|_| invalid("TLS cannot be set up with these roots"))
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, EgressError> {
    match Certificate::from_pem_bundle(pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(invalid("the roots are not certificates in PEM")),
    }
}
