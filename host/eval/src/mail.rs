//! The mail servers of a scenario: one for each destination, on loopback. A
//! message goes no further than here.
//!
//! - `session`: what is said to a client (RFC 5321)
//! - `letter`: a message that came, against what was expected

mod letter;
mod session;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::report::Finding;
use crate::scenario::ExpectMail;

/// The servers of one scenario. They end with this value.
pub(crate) struct Offices {
    script: Arc<Script>,
    serving: Vec<JoinHandle<()>>,
}

impl Offices {
    /// Servers for these messages. None listens yet.
    pub(crate) fn new(expected: Vec<ExpectMail>) -> Self {
        let used = vec![false; expected.len()];
        Self {
            script: Arc::new(Script {
                expected,
                state: Mutex::new(State {
                    used,
                    findings: Vec::new(),
                }),
            }),
            serving: Vec::new(),
        }
    }

    /// A server for a destination, at an address that the system chooses.
    pub(crate) async fn serve(&mut self, destination: &str) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (script, name) = (Arc::clone(&self.script), destination.to_owned());
        self.serving.push(tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, name) = (Arc::clone(&script), name.clone());
                tokio::spawn(async move {
                    // Its error is that of a connection that the host has closed.
                    let _ = session::talk(stream, &script, &name).await;
                });
            }
        }));
        Ok(address)
    }

    /// Messages that name a destination without a server.
    pub(crate) fn unknown_destinations<'a>(&'a self, known: &'a [String]) -> Vec<&'a str> {
        let named = self.script.expected.iter();
        named
            .filter_map(|one| one.destination.as_deref())
            .filter(|name| !known.iter().any(|one| one == name))
            .collect()
    }

    /// What came and was not expected, and what was expected and never came.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let state = self.script.state();
        let mut findings = state.findings.clone();
        let missing = state.used.iter().enumerate().filter(|(_, used)| !**used);
        findings
            .extend(missing.map(|(at, _)| Finding::says(format!("mail {} never came", at + 1))));
        findings
    }
}

impl Drop for Offices {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

/// The messages of a scenario and what came of them.
struct Script {
    expected: Vec<ExpectMail>,
    state: Mutex<State>,
}

struct State {
    used: Vec<bool>,
    findings: Vec<Finding>,
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next message that this destination expects, which is used up.
    fn next(&self, destination: &str) -> Option<(usize, &ExpectMail)> {
        let mut state = self.state();
        let is_here = |one: &ExpectMail| {
            let here = one.destination.as_deref();
            here.is_none_or(|here| here == destination)
        };
        let at =
            (0..self.expected.len()).find(|at| !state.used[*at] && is_here(&self.expected[*at]))?;
        state.used[at] = true;
        Some((at, &self.expected[at]))
    }

    fn note(&self, findings: impl IntoIterator<Item = Finding>) {
        self.state().findings.extend(findings);
    }
}
