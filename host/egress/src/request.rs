//! What is sent where, and what comes back.

use std::time::Duration;

use ipnet::IpNet;
pub use reqwest::Method;
use thiserror::Error;
use url::Url;

/// Where requests may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Scheme, host, port and the path that all requests begin with.
    pub base: Url,
    /// Special-purpose addresses that this destination may have all the same.
    pub addresses: Vec<IpNet>,
    /// Certificates (PEM) to trust instead of the platform's.
    pub roots: Option<Vec<u8>>,
    /// Longest time to connect, TLS included.
    pub connect_within: Duration,
    /// Most connections at once.
    pub connections: u32,
    /// Most requests in a time; none is unlimited.
    pub rate: Option<(u32, Duration)>,
}

/// Whose connections these are. Requests share a connection only where all of it
/// is the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// The tenant.
    pub tenant: String,
    /// The connector's installed name.
    pub connector: String,
    /// The destination's name in the manifest.
    pub destination: String,
    /// The credential slot's name; none where there is none.
    pub credential: Option<String>,
}

/// A request, ready but for the connection.
#[derive(Debug)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Path and query below the base, encoded.
    pub target: String,
    /// Headers, credential included.
    pub headers: reqwest::header::HeaderMap,
    /// The content.
    pub body: Option<Vec<u8>>,
    /// Longest time from here to the last byte of the answer.
    pub within: Duration,
    /// Longest time until it is taken up for sending, where that matters: what is
    /// later is not sent.
    pub begin_within: Option<Duration>,
    /// Most bytes of content that are read, after decompression.
    pub max_response: u64,
}

/// An answer.
#[derive(Debug)]
pub struct Incoming {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The content, or its beginning.
    pub body: Vec<u8>,
    /// Whether there was more content than was read.
    pub truncated: bool,
}

/// Why there is no answer. No message has a part of the request in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The request or the destination cannot be used as it is. Nothing was sent.
    #[error("{0}")]
    Invalid(String),
    /// An address is not one that may be reached. Nothing was sent.
    #[error(
        "{host} has the address {address}, which is {range}; only an `addresses` entry of the manifest allows that"
    )]
    Forbidden {
        /// The host's name.
        host: String,
        /// The address that it has.
        address: String,
        /// What the address is for.
        range: &'static str,
    },
    /// No connection was made. Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The rate or the connections are used up. Nothing was sent.
    #[error("the destination is busy")]
    Busy {
        /// When to try again.
        after: Duration,
    },
    /// Something was sent, or may have been, and no answer can be used.
    #[error("{0}")]
    NoAnswer(String),
}
