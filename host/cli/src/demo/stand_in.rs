//! A server of the demo's own on loopback, in the place of a system that a team has.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::scene;

/// Start it, with a token that it alone knows. Answers its URL, the token, and the
/// file that holds it.
pub(super) async fn start(
    folder: &Path,
    name: &str,
    router: impl FnOnce(&str) -> Router,
    serving: &mut Vec<JoinHandle<()>>,
) -> anyhow::Result<(String, String, PathBuf)> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).context("the system gives no randomness")?;
    let token = hex::encode(bytes);
    let file = folder.join(format!("{name}.token"));
    scene::write_private(&file, &token)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = router(&token);
    serving.push(tokio::spawn(async move {
        // Its error is that of a listener that is gone, with the demo.
        let _ = axum::serve(listener, router).await;
    }));
    Ok((url, token, file))
}

/// The time as such systems write it.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    tollgate_runtime::rfc3339(u64::try_from(ms).unwrap_or_default())
}
