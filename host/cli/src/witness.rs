//! Asking an outside witness for its cosignature, as
//! <https://c2sp.org/tlog-witness> says: it is told what it saw last, the proof
//! that the new checkpoint continues it, and the checkpoint.
//!
//! The witness's answer is not believed here: the host verifies the cosignature
//! with the witness's key before it keeps it.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::{Response, StatusCode};
use tollgate_runtime::{Host, Tenant};

/// How long a witness may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Largest answer that is read: signature lines have about a hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How often the witness is told anew what it saw last. Once is enough, unless
/// somebody else anchors at the same time.
const TRIES: u32 = 3;

/// The signature lines of the witness at `url`.
pub(crate) async fn cosign(host: &Host, tenant: &Tenant, url: &str) -> anyhow::Result<String> {
    // A redirect could hand the log's head to somebody else than was named.
    let client = reqwest::Client::builder()
        .timeout(ANSWER_WITHIN)
        .redirect(reqwest::redirect::Policy::none())
        .build()?;
    let url = format!("{}/add-checkpoint", url.trim_end_matches('/'));
    let mut seen = 0;
    for _ in 0..TRIES {
        let body = host.witness_request(tenant, seen).await?;
        let answer = client.post(&url).body(body).send().await;
        let answer = answer.with_context(|| format!("the witness at {url} does not answer"))?;
        match answer.status() {
            StatusCode::OK => return text(answer).await,
            StatusCode::CONFLICT => seen = last_seen(answer).await?,
            StatusCode::NOT_FOUND => {
                anyhow::bail!("the witness does not know this log; give its operator the log's key")
            }
            StatusCode::FORBIDDEN => anyhow::bail!(
                "the witness has another key for this log; give its operator the one of `tollgate key`"
            ),
            StatusCode::UNPROCESSABLE_ENTITY => anyhow::bail!(
                "the witness says that this checkpoint does not continue what it saw: find out who changed the journal, or what the witness was shown"
            ),
            other => anyhow::bail!("the witness at {url} answers {other}"),
        }
    }
    anyhow::bail!("the witness at {url} says each time that it saw something else; try again")
}

/// The size that the witness saw last.
async fn last_seen(answer: Response) -> anyhow::Result<u64> {
    let said = text(answer).await?;
    let size = said.trim().parse();
    size.context("the witness does not say what it saw last")
}

async fn text(mut answer: Response) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        anyhow::ensure!(
            bytes.len() <= ANSWER_BYTES_MAX,
            "the witness's answer is too large"
        );
    }
    String::from_utf8(bytes).context("the witness's answer is no text")
}
