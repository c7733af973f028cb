//! The servers of a scenario: one for each destination, on loopback, that says
//! what the scenario's exchanges say and nothing else.
//!
//! - `script`: which exchange a request is, and what remains
//! - `answer`: what is said to it
//! - `wire`: a connection that can be made to fail

mod answer;
mod script;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::response::Response;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::report::Finding;
use crate::scenario::{Exchange, Fault};
use answer::Answer;
use script::{Script, Seen};
use wire::{Faulty, Trouble};

/// The longest request content that is read, bytes.
const REQUEST_BYTES_MAX: usize = 64 << 20;

/// The servers of one scenario. They end with this value.
pub(crate) struct Servers {
    script: Arc<Script>,
    serving: Vec<JoinHandle<()>>,
    refusing: Vec<TcpSocket>,
}

impl Servers {
    /// Servers for these exchanges; `folder` is where their files are. None
    /// listens yet.
    pub(crate) fn new(folder: &Path, exchanges: Vec<Exchange>) -> Result<Self, String> {
        let answers = exchanges
            .iter()
            .map(|exchange| Answer::of(folder, exchange));
        let answers = answers.collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            script: Arc::new(Script::new(exchanges, answers)),
            serving: Vec::new(),
            refusing: Vec::new(),
        })
    }

    /// A server for a destination, at an address that the system chooses.
    pub(crate) async fn serve(&mut self, destination: &str) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let place = Place {
            destination: destination.into(),
            script: Arc::clone(&self.script),
        };
        let service = Router::new()
            .fallback(answer)
            .with_state(place)
            .into_make_service_with_connect_info::<Trouble>();
        self.serving.push(tokio::spawn(async move {
            // Its error is that of a listener that is gone, with the scenario.
            let _ = axum::serve(Faulty(listener), service).await;
        }));
        Ok(address)
    }

    /// An address at which nobody listens. It stays taken, so that no other
    /// program of this machine gets what was meant for nobody.
    pub(crate) fn refuse(&mut self) -> std::io::Result<SocketAddr> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = socket.local_addr()?;
        self.refusing.push(socket);
        Ok(address)
    }

    /// Exchanges that name a destination without a server.
    pub(crate) fn unknown_destinations<'a>(&'a self, known: &'a [String]) -> Vec<&'a str> {
        let named = self.script.destinations();
        named
            .filter(|name| !known.iter().any(|one| one == name))
            .collect()
    }

    /// Requests that were no exchange, and exchanges that never came.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.script.findings()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for serving in &self.serving {
            serving.abort();
        }
    }
}

#[derive(Clone)]
struct Place {
    destination: Arc<str>,
    script: Arc<Script>,
}

async fn answer(
    State(place): State<Place>,
    ConnectInfo(trouble): ConnectInfo<Trouble>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut seen = Seen::new(
        &place.destination,
        head.method.as_str(),
        target,
        head.headers,
    );
    if place.script.closes(&seen) {
        trouble.reset();
        return Response::default();
    }
    match axum::body::to_bytes(body, REQUEST_BYTES_MAX).await {
        Ok(content) => seen.content = content,
        Err(error) => return place.script.unreadable(&seen, &error.to_string()),
    }
    let Some((answer, fault)) = place.script.take(&seen) else {
        return answer::unmatched(&seen);
    };
    match fault {
        None => answer.whole(),
        Some(Fault::Close | Fault::CloseAfterRequest) => {
            trouble.reset();
            Response::default()
        }
        Some(Fault::Garbage) => {
            trouble.garbage();
            Response::default()
        }
        Some(Fault::Slow) => answer.half_then_nothing(),
        Some(Fault::Truncate) => answer.half_then_closed(),
        Some(Fault::Flood) => answer.without_end(),
    }
}

#[cfg(test)]
mod tests;
