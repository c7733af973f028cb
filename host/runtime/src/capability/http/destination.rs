//! A granted destination as the egress knows it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tollgate_egress::Destination;
use tollgate_policy::http::HttpGrant;

use super::wire::HttpError;
use crate::capability::Backends;
use crate::door::Refusal;

/// Longest time to connect, TLS included.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How long a file of certificates is believed without reading it again.
const ROOTS_FOR: Duration = Duration::from_secs(60);

/// The longest such file, bytes.
const ROOTS_BYTES_MAX: u64 = 1 << 20;

/// Certificates to trust, by the file that a manifest names. A relative path
/// begins in the host's home.
#[derive(Debug)]
pub(crate) struct Roots {
    home: PathBuf,
    read: Mutex<HashMap<String, (Instant, Vec<u8>)>>,
}

impl Roots {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self {
            home,
            read: Mutex::default(),
        }
    }

    /// The file's content. One that cannot be read means that nobody is trusted,
    /// never everybody.
    pub(crate) fn of(&self, file: &str) -> Result<Vec<u8>, std::io::Error> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, content)) = read.get(file)
            && at.elapsed() < ROOTS_FOR
        {
            return Ok(content.clone());
        }
        let path = self.home.join(file);
        if std::fs::metadata(&path)?.len() > ROOTS_BYTES_MAX {
            return Err(std::io::Error::other("it has more than 1 MiB"));
        }
        let content = std::fs::read(path)?;
        read.insert(file.to_owned(), (Instant::now(), content.clone()));
        Ok(content)
    }
}

/// Where requests under this grant go.
pub(super) fn of(grant: &HttpGrant, backends: &Backends) -> Result<Destination, HttpError> {
    let roots = match &grant.roots {
        Some(file) => Some(backends.roots.of(file).map_err(|error| {
            tracing::warn!(destination = grant.name, file, %error, "certificates cannot be read");
            HttpError::Refused(Refusal::outside(format!(
                "the certificates of `{}` cannot be read by the host",
                grant.name
            )))
        })?),
        None => None,
    };
    Ok(Destination {
        base: grant.base_url.clone(),
        addresses: grant.addresses.clone(),
        roots,
        connect_within: CONNECT_WITHIN.min(grant.timeout),
        connections: grant.connections,
        rate: grant.rate,
    })
}
