//! A host that is told by a file what to do, and when to die.

use anyhow::Context as _;
use tollgate_crash_tests::life;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .context("name the file that says what to do")?;
    life::live(serde_json::from_slice(&std::fs::read(path)?)?).await
}
