//! A web server on loopback that counts connections and requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Rows of the long answer, and what they cost together.
pub(crate) const ROWS: u64 = 10_000;
pub(crate) const CENTS: u64 = ROWS * (ROWS - 1) / 2;

/// How long `/slow` takes to answer: an application that asks its database.
pub(crate) const DELAY: Duration = Duration::from_millis(10);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start() -> Self {
        let accepted = Arc::new(AtomicU64::new(0));
        let requests = Arc::new(AtomicU64::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::clone(&accepted);
        let listener = listener.tap_io(move |io| {
            io.set_nodelay(true).unwrap();
            count.fetch_add(1, Ordering::Relaxed);
        });
        let ticket = json!({"id": 1, "status": "open", "subject": "printer"});
        let rows = (0..ROWS).map(|id| json!({"id": id, "customer": "ada", "cents": id}));
        let app = Router::new()
            .route("/tickets/{id}", answers(&ticket, None, &requests))
            .route("/slow/{id}", answers(&ticket, Some(DELAY), &requests))
            .route(
                "/rows",
                answers(&Value::Array(rows.collect()), None, &requests),
            );
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self {
            address,
            accepted,
            requests,
            task,
        }
    }

    /// Connections that were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Requests that were answered.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

fn answers(
    value: &Value,
    after: Option<Duration>,
    requests: &Arc<AtomicU64>,
) -> axum::routing::MethodRouter {
    let content = Bytes::from(value.to_string());
    let requests = Arc::clone(requests);
    get(move || {
        requests.fetch_add(1, Ordering::Relaxed);
        let content = content.clone();
        async move {
            if let Some(after) = after {
                tokio::time::sleep(after).await;
            }
            ([(CONTENT_TYPE, "application/json")], content)
        }
    })
}
