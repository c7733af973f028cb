//! NocoDB: tables and records. Heavy: it needs 1.5 GB of disk and some minutes to
//! install, so only who sets `TOLLGATE_LIVE_HEAVY=1` gets it.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::Result;
use crate::install;
use crate::judge::{Answer, Judge, encoded};
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "0.301.3";
const START: &str = include_str!("start.js");
const EMAIL: &str = "admin@example.com";
const PASSWORD: &str = "Live-Test-Passw0rd";

/// A private NocoDB with one table `Orders`: `Name` (text), `Amount` (number),
/// `Status` (`open` or `done`), `Key` (text).
#[derive(Debug)]
pub struct NocoDb {
    process: Process,
    origin: String,
    token: String,
    table: String,
}

impl NocoDb {
    /// Install it if it is not, and start a new one; refused without
    /// `TOLLGATE_LIVE_HEAVY=1`.
    pub async fn start() -> Result<Self> {
        install::wished("NocoDB", "1.5 GB")?;
        let (process, origin) = Process::serve("NocoDB", prepare, "/api/v1/health").await?;
        let judge = Judge::new(&origin, Vec::new())?;
        let (token, table) = set_up(&judge, &origin).await?;
        Ok(Self {
            process,
            origin,
            token,
            table,
        })
    }

    /// `http://127.0.0.1:port`; records are at `/api/v2/tables/<table>/records`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The token, for the header `xc-token`.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The id of the table `Orders`.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The pinned version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        VERSION
    }

    /// What it needed.
    #[must_use]
    pub fn needs(&self) -> Needs {
        self.process.needs()
    }

    /// The judge.
    pub fn client(&self) -> Result<NocoDbClient> {
        let judge = Judge::new(&self.origin, vec![("xc-token", self.token.clone())])?;
        let path = format!("/api/v2/tables/{}/records", self.table);
        Ok(NocoDbClient { judge, path })
    }
}

fn prepare() -> Result<(Folder, Command, u16)> {
    let node = install::node()?;
    let installed = install::npm_with_sqlite("nocodb", VERSION)?;
    let (folder, port) = (Folder::new()?, free_port()?);
    let script = folder.write("start.js", START)?;
    let mut server = folder.command(node);
    server.arg(script).env("PORT", port.to_string());
    server.env("NODE_PATH", installed.join("node_modules"));
    server.env("NC_TOOL_DIR", folder.path());
    server.env("NC_DISABLE_TELE", "true");
    server
        .env("NC_ADMIN_EMAIL", EMAIL)
        .env("NC_ADMIN_PASSWORD", PASSWORD);
    server.env("NC_AUTH_JWT_SECRET", "live-test-secret");
    server.env_remove("DATABASE_URL").env_remove("NC_DB");
    Ok((folder, server, port))
}

/// Make a base with a table, and a token.
async fn set_up(judge: &Judge, origin: &str) -> Result<(String, String)> {
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let session = text(judge, "/api/v1/auth/user/signin", &login, "token").await?;
    let admin = Judge::new(origin, vec![("xc-auth", session)])?;
    let base = json!({ "title": "Live" });
    let base = text(&admin, "/api/v2/meta/bases", &base, "id").await?;
    let table = json!({ "title": "Orders", "table_name": "orders", "columns": [
        { "title": "Id", "column_name": "id", "uidt": "ID" },
        { "title": "Name", "column_name": "name", "uidt": "SingleLineText", "pv": true },
        { "title": "Amount", "column_name": "amount", "uidt": "Number" },
        { "title": "Status", "column_name": "status", "uidt": "SingleSelect",
          "dtxp": "'open','done'" },
        { "title": "Key", "column_name": "key", "uidt": "SingleLineText" },
    ] });
    let path = format!("/api/v2/meta/bases/{base}/tables");
    let table = text(&admin, &path, &table, "id").await?;
    let path = format!("/api/v2/meta/bases/{base}/api-tokens");
    let body = json!({ "description": "live tests" });
    let token = text(&admin, &path, &body, "token").await?;
    Ok((token, table))
}

/// `POST`, and one text of the answer.
async fn text(judge: &Judge, path: &str, body: &Value, field: &str) -> Result<String> {
    let answer = judge.send(Method::POST, path, Some(body)).await?;
    let found = answer.json()?[field].as_str().map(str::to_owned);
    found.ok_or_else(|| answer.unfit())
}

/// Asks NocoDB directly.
#[derive(Debug, Clone)]
pub struct NocoDbClient {
    judge: Judge,
    path: String,
}

impl NocoDbClient {
    /// Any request to the records of `Orders`; `more` is the rest of the path.
    pub async fn send(&self, method: Method, more: &str, body: Option<&Value>) -> Result<Answer> {
        let path = format!("{}{more}", self.path);
        self.judge.send(method, &path, body).await
    }

    /// Make a record; the answer is its id.
    pub async fn create(&self, record: &Value) -> Result<i64> {
        let answer = self.send(Method::POST, "", Some(record)).await?;
        let id = answer.json()?["Id"].as_i64();
        id.ok_or_else(|| answer.unfit())
    }

    /// A record, if there is one.
    pub async fn record(&self, id: i64) -> Result<Option<Value>> {
        let answer = self.send(Method::GET, &format!("/{id}"), None).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        answer.json().map(Some)
    }

    /// The records with this `Key`.
    pub async fn with_key(&self, key: &str) -> Result<Vec<Value>> {
        let condition = encoded(&format!("(Key,eq,{key})"));
        let more = format!("?limit=100&where={condition}");
        let found = self.send(Method::GET, &more, None).await?.json()?;
        Ok(found["list"].as_array().cloned().unwrap_or_default())
    }
}
