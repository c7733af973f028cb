//! Real servers that nobody here wrote, for tests of connectors: installed once
//! from Debian, PyPI or npm into `target/live`, started on the loopback address in
//! a temporary folder, and stopped with the process that started them.
//!
//! ```no_run
//! # async fn test() -> tollgate_live::Result<()> {
//! let server = tollgate_live::Roundup::start().await?;
//! let issue = server.client()?.create_issue("it rains in").await?;
//! # Ok(())
//! # }
//! ```
//!
//! Each server has a client of its own that asks it directly: what Tollgate says
//! it did is judged by what is in the server, never by Tollgate.
//!
//! A test is written with [`live!`]; it is ignored unless it is asked for:
//! `cargo test -p tollgate-live --test roundup -- --ignored`.

mod agentdojo;
mod calc;
mod error;
mod install;
mod judge;
mod mail_sink;
mod n8n;
mod nocodb;
mod node_red;
mod oauth_server;
mod prism;
mod process;
mod request_tracker;
mod roundup;
mod schemathesis;
mod standard_webhooks;
mod synapse;
mod tryton;
mod wait;

pub use agentdojo::AgentDojo;
pub use calc::{Sheet, sheets};
pub use error::{Error, Result};
pub use judge::{Answer, Judge};
pub use mail_sink::{MailSink, MailSinkClient};
pub use n8n::{Execution, N8n, N8nClient};
pub use nocodb::{NocoDb, NocoDbClient};
pub use node_red::{NodeRed, NodeRedClient, Received};
pub use oauth_server::OAuthServer;
pub use prism::{Prism, google_sheets, slack};
pub use request_tracker::{RequestTracker, RequestTrackerClient};
pub use roundup::{Roundup, RoundupClient};
pub use schemathesis::Schemathesis;
pub use standard_webhooks::StandardWebhooks;
pub use synapse::{Pace, Synapse, SynapseClient};
pub use tryton::{Tryton, TrytonClient};
pub use wait::until;

/// A test that needs a real server, ignored by default with the reason given.
///
/// ```
/// tollgate_live::live! {
///     "live: needs Roundup from PyPI",
///     async fn an_issue_is_made() {
///         let server = tollgate_live::Roundup::start().await?;
///         assert!(server.origin().starts_with("http://127.0.0.1:"));
///         Ok(())
///     }
/// }
/// ```
#[macro_export]
macro_rules! live {
    ($reason:literal, async fn $name:ident() $body:block) => {
        #[test]
        #[ignore = $reason]
        fn $name() {
            $crate::run(async $body);
        }
    };
}

/// Run a test to its end; its error is the test's failure.
pub fn run(test: impl Future<Output = Result<()>>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap_or_else(|error| panic!("no runtime: {error}"));
    if let Err(error) = runtime.block_on(test) {
        panic!("{error}");
    }
}

/// Work that blocks, e.g. an installation, beside the runtime's own threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Tell what a test proved with a connector, for the table of systems.
#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
pub fn tell(system: &str, proved: &str, needs: Option<Needs>) {
    let needs = needs.map_or_else(String::new, |needs| {
        let mebibytes = needs.resident_bytes.div_ceil(1 << 20);
        format!("start={:.2} memory={mebibytes}", needs.start.as_secs_f64())
    });
    eprintln!("LIVE {system} {proved} {needs}");
}

/// What a server needed: printed by the test that proves it.
#[derive(Debug, Clone, Copy)]
pub struct Needs {
    /// From the start of the program to its first answer.
    pub start: std::time::Duration,
    /// The resident memory of its processes, right now.
    pub resident_bytes: u64,
}

impl Needs {
    /// Print, for the table of servers.
    #[expect(
        clippy::print_stderr,
        reason = "a measurement is for whoever runs the test"
    )]
    pub fn print(&self, system: &str, version: &str) {
        let (start, bytes) = (self.start, self.resident_bytes);
        let mebibytes = bytes.div_ceil(1 << 20);
        eprintln!("{system} {version}: {start:.2?} to start, {mebibytes} MiB resident");
    }
}
