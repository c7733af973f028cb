//! The host's log, which is one for all tenants, searched as it is written.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::canary::{Detector, Kind};

/// Ours in full; of others what `tollgate -v` shows.
const FILTER: &str = "info,tollgate_runtime=trace,tollgate_server=trace,tollgate_store=trace,\
    tollgate_egress=trace,tollgate_secrets=trace,tollgate_journal=trace,tollgate_policy=trace";

#[derive(Clone)]
pub(crate) struct Logged(Arc<Inner>);

struct Inner {
    detector: Detector,
    bytes: AtomicU64,
    crossings: Mutex<Vec<String>>,
}

impl Logged {
    /// All that this process logs from now on.
    pub(crate) fn capture(detector: Detector) -> Self {
        let logged = Self(Arc::new(Inner {
            detector,
            bytes: AtomicU64::new(0),
            crossings: Mutex::default(),
        }));
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(FILTER))
            .with_ansi(false)
            .with_writer(logged.clone())
            .init();
        logged
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Lines that have somebody's word, and whose.
    pub(crate) fn crossings(&self) -> Vec<String> {
        self.0.crossings.lock().unwrap().clone()
    }
}

/// One call for each line.
impl io::Write for Logged {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Inner {
            detector,
            bytes,
            crossings,
        } = &*self.0;
        bytes.fetch_add(line.len() as u64, Ordering::Relaxed);
        if let Some(found) = detector.first(line) {
            let line = String::from_utf8_lossy(line);
            crossings
                .lock()
                .unwrap()
                .push(format!("{found:?} in: {line}"));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Logged {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The tenant's name is there for the operator; nothing else of a tenant is.
pub(crate) fn is_private(kind: Kind) -> bool {
    kind != Kind::Name
}
