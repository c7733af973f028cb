//! All faces on one router, and the two ways to serve them.
//!
//! Order of the walls, outermost first: names and origins ([`crate::guard`]),
//! size of the body, and then per face a bearer token, a session or a signature. TLS is left
//! to the proxy in front; a session cookie is marked `Secure` when the public
//! address says that there is one.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use axum::serve::ListenerExt;
use rmcp::ServiceExt;
use rmcp::transport::io::stdio_pipes;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollgate_runtime::Principal;

use crate::gatekeeper::Gatekeeper;
use crate::guard::{self, Guard};
use crate::mcp::{Mcp, ToolNames, exact};
use crate::{bearer, callbacks, hooks, metrics, rest, web};

/// Longest body outside MCP, in bytes: as much as a tool input may be, and the
/// same again for escapes and the envelope. MCP has the same limit of its own.
const BODY_MAX_BYTES: usize = 2 * 1024 * 1024;

/// How long requests under way may go on after a stop was asked for. A client
/// that waits for a run would otherwise keep the process for a minute.
const DRAIN: Duration = Duration::from_secs(5);

/// How this server is reached.
#[derive(Clone, Debug)]
pub struct FaceOptions {
    /// Names it answers to: `name` at any port, or `name:port`. The authority
    /// of `public_url` is one of them already.
    pub allowed_hosts: Vec<String>,
    /// Its address as people open it, for example `https://gate.example`.
    pub public_url: String,
    /// How tools are named in MCP.
    pub tool_names: ToolNames,
}

impl FaceOptions {
    /// Reached at `public_url`, and at loopback names.
    pub fn at(public_url: impl Into<String>) -> Self {
        Self {
            allowed_hosts: ["localhost", "127.0.0.1", "[::1]"].map(String::from).into(),
            public_url: public_url.into(),
            tool_names: ToolNames::default(),
        }
    }
}

/// Why the faces cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FaceError {
    /// The operator's public address is none.
    #[error(
        "`{0}` is no address of this server; write it as `https://host[:port]` or `http://host[:port]`, without a path"
    )]
    PublicUrl(String),
    /// One of the operator's allowed hosts is no name.
    #[error("`{0}` is no host; write `name` or `name:port` in the list of allowed hosts")]
    AllowedHost(String),
    /// The socket failed.
    #[error("the server's socket failed")]
    Socket(#[from] std::io::Error),
    /// The client on stdio did not open a conversation.
    #[error("the client on standard input did not speak MCP: {0}")]
    Stdio(String),
}

/// A host and how it is reached: everything a router needs.
#[derive(Clone)]
pub struct Faces {
    gatekeeper: Arc<dyn Gatekeeper>,
    guard: Guard,
    secure: bool,
    tool_names: ToolNames,
}

impl Faces {
    /// Check the options.
    pub fn new(gatekeeper: Arc<dyn Gatekeeper>, options: &FaceOptions) -> Result<Self, FaceError> {
        let public = public_address(&options.public_url)
            .ok_or_else(|| FaceError::PublicUrl(options.public_url.clone()))?;
        let secure = public.scheme_str() == Some("https");
        let guard = Guard::new(&options.allowed_hosts, public).map_err(FaceError::AllowedHost)?;
        Ok(Self {
            gatekeeper,
            guard,
            secure,
            tool_names: options.tool_names,
        })
    }

    /// All routes.
    pub fn router(self) -> Router {
        let Self {
            gatekeeper,
            guard,
            secure,
            tool_names,
        } = self;
        let mcp = Mcp::per_request(Arc::clone(&gatekeeper), tool_names).http(guard.host_names());
        let with_token = Router::new()
            .route_service("/mcp", mcp)
            .layer(from_fn(exact::wall))
            .nest("/v1", rest::routes(Arc::clone(&gatekeeper)))
            .merge(metrics::routes(Arc::clone(&gatekeeper)))
            .layer(from_fn_with_state(
                Arc::clone(&gatekeeper),
                bearer::establish,
            ));
        Router::new()
            .merge(with_token)
            .route("/v1/openapi.json", get(rest::openapi))
            .route("/healthz", get(async || "ok\n"))
            .merge(hooks::routes(Arc::clone(&gatekeeper)))
            .merge(callbacks::routes(Arc::clone(&gatekeeper)))
            .merge(web::routes(gatekeeper, secure))
            .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
            .layer(from_fn_with_state(guard, guard::stand))
    }
}

/// All routes of `gatekeeper`'s host.
pub fn router(gatekeeper: Arc<dyn Gatekeeper>, options: &FaceOptions) -> Result<Router, FaceError> {
    Ok(Faces::new(gatekeeper, options)?.router())
}

/// Serve until `shutdown` is ready and the requests under way are answered, or
/// had five seconds for it.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), FaceError> {
    // Without this a small answer waits for the client's delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays without TCP_NODELAY");
        }
    });
    let (stopping, stopped) = oneshot::channel();
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        shutdown.await;
        let _ = stopping.send(());
    });
    let mut serving = pin!(serving.into_future());
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        _ = stopped => {}
    }
    match tokio::time::timeout(DRAIN, serving).await {
        Ok(ended) => Ok(ended?),
        Err(_) => {
            tracing::info!("stopped with requests still waiting");
            Ok(())
        }
    }
}

/// Speak MCP on standard input and output, as `principal`, until the client
/// closes them.
pub async fn serve_stdio(
    gatekeeper: Arc<dyn Gatekeeper>,
    principal: Principal,
) -> Result<(), FaceError> {
    let (stdin, stdout) = stdio_pipes();
    let (reader, writer, under) = exact::lines(stdin, stdout);
    let service = Mcp::fixed(gatekeeper, principal)
        .serve((reader, writer))
        .await
        .map_err(|error| FaceError::Stdio(error.to_string()))?;
    service
        .waiting()
        .await
        .map_err(|error| FaceError::Stdio(error.to_string()))?;
    under.drained().await;
    Ok(())
}

fn public_address(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let authority = uri.authority()?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
    (web && bare && !authority.as_str().contains('@')).then_some(uri)
}

#[cfg(test)]
mod tests {
    use super::public_address;

    #[test]
    fn a_public_address_is_a_bare_origin() {
        for good in ["http://127.0.0.1:8642", "https://gate.example/"] {
            assert!(public_address(good).is_some(), "{good}");
        }
        for bad in [
            "gate.example",
            "ftp://x",
            "https://x/y",
            "https://u@x",
            "https://x/?q",
        ] {
            assert!(public_address(bad).is_none(), "{bad}");
        }
    }
}
