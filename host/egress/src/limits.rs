//! What a host allows itself and servers, whatever a manifest says.

use std::time::Duration;

/// Limits of all destinations.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most pools of connections that are kept. The one unused for longest goes; one
    /// in use stays, so that there are more while more are needed.
    pub pools: usize,
    /// Most pools of one tenant, and most rates that are kept for one. Above it a
    /// tenant waits for its own, and nobody else does.
    pub tenant_pools: usize,
    /// Longest time that an unused connection is kept. Shorter than the five
    /// seconds after which Node.js and Apache close theirs by default: a request
    /// that meets the closing is in doubt.
    pub idle: Duration,
    /// Longest time without a byte of content, within a request's time.
    pub stall: Duration,
    /// Most response headers.
    pub headers: usize,
    /// Most bytes of response headers, names and values.
    pub header_bytes: usize,
    /// Longest time for which a server's `Retry-After` holds requests back.
    pub hold: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pools: 512,
            tenant_pools: 64,
            idle: Duration::from_secs(4),
            stall: Duration::from_secs(15),
            headers: 100,
            header_bytes: 64 * 1024,
            hold: Duration::from_secs(300),
        }
    }
}
