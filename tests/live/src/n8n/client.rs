//! Asks n8n directly: by its public API, and by what its own editor asks.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::error::Result;
use crate::judge::{Answer, Judge};
use crate::wait;

/// How long n8n may take to note the end of an execution.
const NOTED_WITHIN: Duration = Duration::from_secs(60);

/// Asks n8n directly.
#[derive(Debug, Clone)]
pub struct N8nClient {
    judge: Judge,
    /// The table's path below `/rest`.
    table: String,
}

impl N8nClient {
    pub(super) fn new(judge: Judge, table: &str) -> Self {
        let table = table.to_owned();
        Self { judge, table }
    }

    /// Import a workflow as n8n exports it, choose the Data table in each node that
    /// has none, and switch it on; the answer is its id.
    pub async fn import(&self, workflow: &Value) -> Result<String> {
        let mut workflow = workflow.clone();
        let table = self.table.rsplit('/').next().unwrap_or_default();
        let nodes = workflow["nodes"].as_array_mut().into_iter().flatten();
        for node in nodes {
            let chosen = node.pointer_mut("/parameters/dataTableId/value");
            if let Some(chosen) = chosen.filter(|chosen| **chosen == "") {
                *chosen = table.into();
            }
        }
        let path = "/api/v1/workflows";
        let made = self.judge.send(Method::POST, path, Some(&workflow)).await?;
        let id = made.json()?["id"].as_str().map(str::to_owned);
        let id = id.ok_or_else(|| made.unfit())?;
        self.switch(&id, true).await?;
        Ok(id)
    }

    /// Switch a workflow on or off: its webhooks are there, or not.
    pub async fn switch(&self, workflow: &str, on: bool) -> Result<()> {
        let what = if on { "activate" } else { "deactivate" };
        let path = format!("/api/v1/workflows/{workflow}/{what}");
        let nothing = json!({});
        self.judge.json(Method::POST, &path, Some(&nothing)).await?;
        Ok(())
    }

    /// The rows of the Data table, oldest first.
    pub async fn rows(&self) -> Result<Vec<Value>> {
        let path = format!("/rest/{}/rows?sortBy=id:asc", self.table);
        let found = self.judge.get(&path).await?;
        let rows = found["data"]["data"].as_array().cloned();
        Ok(rows.unwrap_or_default())
    }

    /// The executions of a workflow, oldest first, once there are so many and none
    /// goes on: n8n answers a webhook before it notes how the execution ended.
    pub async fn executions(&self, workflow: &str, count: usize) -> Result<Vec<Execution>> {
        let path = format!("/api/v1/executions?workflowId={workflow}&includeData=true&limit=250");
        let ended = async || {
            let found = self.judge.get(&path).await.ok()?;
            let mut all = found["data"].as_array()?.clone();
            all.reverse();
            let over = |one: &Value| !one["stoppedAt"].is_null();
            (all.len() >= count && all.iter().all(over)).then_some(all)
        };
        match wait::until(NOTED_WITHIN, ended).await {
            Some(all) => Ok(all.into_iter().map(Execution).collect()),
            None => Err(self.judge.send(Method::GET, &path, None).await?.unfit()),
        }
    }

    /// Call a production webhook.
    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer> {
        let path = format!("/webhook/{path}");
        let request = self.judge.request(&Method::POST, &path);
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let request = request.header("content-type", "application/json");
        let request = request.body(body.to_owned());
        self.judge.answer(&Method::POST, &path, request).await
    }
}

/// One execution, as n8n keeps it.
#[derive(Debug, Clone)]
pub struct Execution(Value);

impl Execution {
    /// `success`, `error` and others.
    #[must_use]
    pub fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }

    /// Whether a node ran.
    #[must_use]
    pub fn ran(&self, node: &str) -> bool {
        !self.0["data"]["resultData"]["runData"][node].is_null()
    }

    /// The first item that a node gave: its `json` and `binary`.
    #[must_use]
    pub fn item(&self, node: &str) -> &Value {
        &self.0["data"]["resultData"]["runData"][node][0]["data"]["main"][0][0]
    }

    /// What the execution ended with, where it failed.
    #[must_use]
    pub fn error(&self) -> &Value {
        &self.0["data"]["resultData"]["error"]
    }
}
