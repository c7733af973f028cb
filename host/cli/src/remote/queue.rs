//! What waits for a person: they look, and say what became of it, with their own
//! token and the running host.

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_runtime::{QueueItem, QueueSummary, Resolution, RunReport};

use super::{Client, segment};
use crate::arguments::{Queue, QueueCommand, Resolve, Server};
use crate::exit::Exit;
use crate::output;

impl Client {
    pub(crate) async fn queue(&self, all: bool, dead: bool) -> anyhow::Result<Vec<QueueItem>> {
        let path = format!("/v1/queue?all={all}&dead={dead}");
        self.send(Method::GET, &path, None).await
    }

    async fn queues(&self) -> anyhow::Result<Vec<QueueSummary>> {
        self.send(Method::GET, "/v1/queues", None).await
    }

    async fn queue_item(&self, id: &str) -> anyhow::Result<QueueItem> {
        let path = format!("/v1/queue/{}", segment(id)?);
        self.send(Method::GET, &path, None).await
    }

    pub(crate) async fn resolve(
        &self,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> anyhow::Result<RunReport> {
        let path = format!("/v1/queue/{}/resolve", segment(id)?);
        let mut body = json!({ "resolution": resolution, "note": note });
        if let Some(reply) = reply {
            body["reply"] = reply;
        }
        self.send(Method::POST, &path, Some(body)).await
    }
}

pub(crate) async fn queue(server: &Server, queue: Queue, as_json: bool) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    match queue.command {
        None => {
            let items = client.queue(queue.all, queue.dead).await?;
            if as_json {
                output::json(&items);
            } else {
                output::queue::items(&items);
            }
            Ok(Exit::Success)
        }
        Some(QueueCommand::Summary) => {
            let queues = client.queues().await?;
            if as_json {
                output::json(&queues);
            } else {
                output::queue::summary(&queues);
            }
            Ok(Exit::Success)
        }
        Some(QueueCommand::Show { id }) => {
            let item = client.queue_item(&id).await?;
            if as_json {
                output::json(&item);
            } else {
                output::queue::item(&item);
            }
            Ok(Exit::Success)
        }
        Some(QueueCommand::Resolve(resolve)) => settle(&client, &resolve, as_json).await,
    }
}

/// What was said counts, whatever the run came to afterwards.
async fn settle(client: &Client, resolve: &Resolve, as_json: bool) -> anyhow::Result<Exit> {
    let resolution = match resolve.done {
        true => Resolution::Done,
        false => Resolution::NotDone,
    };
    let reply = resolve
        .reply
        .as_deref()
        .map(|text| tollgate_policy::parse_exact(text).context("the reply cannot be used"))
        .transpose()?;
    let report = client
        .resolve(&resolve.id, resolution, &resolve.note, reply)
        .await?;
    output::report(&report, as_json);
    Ok(Exit::Success)
}
