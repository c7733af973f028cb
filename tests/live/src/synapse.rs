//! Matrix Synapse: a chat server whose transaction ids are idempotency keys.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::Needs;
use crate::error::Result;
use crate::install;
use crate::judge::{Answer, Judge, encoded};
use crate::process::{Folder, Process, free_port};

const VERSION: &str = "1.163.2";
const SECRET: &str = "live-test-secret";
const PASSWORD: &str = "live-test-password";

/// How many messages a user may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As many as a test sends.
    Free,
    /// Three at once, then one in five seconds: more are answered 429.
    Slow,
}

/// A private server `live.example`: a room of `@alice` and `@bob`, and `@mallory`,
/// who is not in it.
#[derive(Debug)]
pub struct Synapse {
    process: Process,
    origin: String,
    room: String,
    alice: String,
    bob: String,
    mallory: String,
}

impl Synapse {
    /// Install it if it is not, and start a new one that limits no one.
    pub async fn start() -> Result<Self> {
        Self::start_with(Pace::Free).await
    }

    /// Install it if it is not, and start a new one.
    pub async fn start_with(pace: Pace) -> Result<Self> {
        let (folder, command, port, register) = crate::blocking(move || prepare(pace)).await?;
        let origin = format!("http://127.0.0.1:{port}");
        let judge = Judge::new(&origin, Vec::new())?;
        let is_ready = || judge.is_up("/_matrix/client/versions");
        let process = Process::start("Synapse", folder, &command, is_ready).await?;
        let mut server = Self {
            process,
            room: String::new(),
            alice: register.token(&judge, "alice").await?,
            bob: register.token(&judge, "bob").await?,
            mallory: register.token(&judge, "mallory").await?,
            origin,
        };
        server.room = server.make_room().await?;
        Ok(server)
    }

    async fn make_room(&self) -> Result<String> {
        let alice = self.client()?;
        let body = json!({
            "name": "Support", "preset": "private_chat", "invite": ["@bob:live.example"],
            "room_alias_name": "support",
        });
        let answer = alice.send(Method::POST, "createRoom", Some(&body)).await?;
        let room = answer.json()?["room_id"].as_str().map(str::to_owned);
        let room = room.ok_or_else(|| answer.unfit())?;
        let bob = SynapseClient::new(&self.origin, &self.bob, &room)?;
        let path = format!("rooms/{}/join", encoded(&room));
        bob.send(Method::POST, &path, Some(&json!({})))
            .await?
            .json()?;
        Ok(room)
    }

    /// `http://127.0.0.1:port`; the client API is at `/_matrix/client/v3`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The id of the room; its alias is `#support:live.example`.
    #[must_use]
    pub fn room(&self) -> &str {
        &self.room
    }

    /// The token of `@alice:live.example`, who made the room.
    #[must_use]
    pub fn alice(&self) -> &str {
        &self.alice
    }

    /// The token of `@bob:live.example`, a member of the room.
    #[must_use]
    pub fn bob(&self) -> &str {
        &self.bob
    }

    /// The token of `@mallory:live.example`, who is not in the room.
    #[must_use]
    pub fn mallory(&self) -> &str {
        &self.mallory
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

    /// The judge: asks as `@bob`, to whom messages of others come.
    pub fn client(&self) -> Result<SynapseClient> {
        let token = if self.room.is_empty() {
            &self.alice
        } else {
            &self.bob
        };
        SynapseClient::new(&self.origin, token, &self.room)
    }
}

/// Makes accounts by the server's own program.
struct Register {
    program: std::path::PathBuf,
    origin: String,
}

impl Register {
    /// Make an account and log in.
    async fn token(&self, judge: &Judge, name: &'static str) -> Result<String> {
        let (program, origin) = (self.program.clone(), self.origin.clone());
        crate::blocking(move || {
            let folder = Folder::new()?;
            let mut register = folder.command(program);
            register.args(["--no-admin", "-u", name, "-p", PASSWORD, "-k", SECRET]);
            folder.run(register.arg(origin))
        })
        .await?;
        let path = "/_matrix/client/v3/login";
        let body = json!({
            "type": "m.login.password", "password": PASSWORD,
            "identifier": { "type": "m.id.user", "user": name },
        });
        let answer = judge.send(Method::POST, path, Some(&body)).await?;
        let token = answer.json()?["access_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| answer.unfit())
    }
}

fn prepare(pace: Pace) -> Result<(Folder, Command, u16, Register)> {
    let pin = format!("matrix-synapse=={VERSION}");
    let installed = install::python(&format!("synapse-{VERSION}"), &[&pin])?;
    let (folder, port) = (Folder::new()?, free_port()?);
    let settings = settings(&folder, port, pace);
    // JSON is YAML.
    let settings = folder.write("homeserver.yaml", settings.to_string())?;
    let mut server = folder.command(installed.join("venv/bin/python"));
    server.args(["-m", "synapse.app.homeserver", "--config-path"]);
    server.arg(&settings);
    // It writes its signing key and ends.
    let mut keys = folder.command(installed.join("venv/bin/python"));
    keys.args([
        "-m",
        "synapse.app.homeserver",
        "--generate-keys",
        "--config-path",
    ]);
    folder.run(keys.arg(&settings))?;
    let register = Register {
        program: installed.join("venv/bin/register_new_matrix_user"),
        origin: format!("http://127.0.0.1:{port}"),
    };
    Ok((folder, server, port, register))
}

fn settings(folder: &Folder, port: u16, pace: Pace) -> Value {
    let free = json!({ "per_second": 1000, "burst_count": 1000 });
    let messages = match pace {
        Pace::Free => free.clone(),
        Pace::Slow => json!({ "per_second": 0.2, "burst_count": 3 }),
    };
    json!({
        "server_name": "live.example",
        "pid_file": folder.join("pid"),
        "listeners": [{
            "bind_addresses": ["127.0.0.1"], "port": port, "tls": false, "type": "http",
            "resources": [{ "names": ["client"], "compress": false }],
        }],
        "database": { "name": "sqlite3", "args": { "database": folder.join("homeserver.db") } },
        "media_store_path": folder.join("media"),
        "signing_key_path": folder.join("signing.key"),
        "registration_shared_secret": SECRET,
        "macaroon_secret_key": SECRET,
        "form_secret": SECRET,
        "report_stats": false,
        // Nobody else is asked about anything.
        "trusted_key_servers": [],
        "bcrypt_rounds": 4,
        "presence": { "enabled": false },
        "rc_message": messages,
        "rc_login": { "address": free, "account": free },
        "rc_joins": { "local": free },
        "rc_registration": free,
    })
}

/// Asks Synapse directly.
#[derive(Debug, Clone)]
pub struct SynapseClient {
    judge: Judge,
    room: String,
}

impl SynapseClient {
    fn new(origin: &str, token: &str, room: &str) -> Result<Self> {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        Ok(Self {
            judge: Judge::new(origin, headers)?,
            room: encoded(room),
        })
    }

    /// Any request below `/_matrix/client/v3/`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let path = format!("/_matrix/client/v3/{path}");
        self.judge.send(method, &path, body).await
    }

    /// Send a text to the room; the answer is the event's id.
    pub async fn say(&self, transaction: &str, text: &str) -> Result<String> {
        let body = json!({ "msgtype": "m.text", "body": text });
        let path = format!("rooms/{}/send/m.room.message/{transaction}", self.room);
        let answer = self.send(Method::PUT, &path, Some(&body)).await?;
        let event = answer.json()?["event_id"].as_str().map(str::to_owned);
        event.ok_or_else(|| answer.unfit())
    }

    /// One event as the server has it.
    pub async fn event(&self, id: &str) -> Result<Value> {
        let path = format!("rooms/{}/event/{}", self.room, encoded(id));
        self.send(Method::GET, &path, None).await?.json()
    }

    /// The newest hundred messages of the room, oldest first: sender and text, and
    /// no text where a message was taken back.
    pub async fn messages(&self) -> Result<Vec<(String, Option<String>)>> {
        let filter = encoded(r#"{"types":["m.room.message"]}"#);
        let path = format!(
            "rooms/{}/messages?dir=b&limit=100&filter={filter}",
            self.room
        );
        let found = self.send(Method::GET, &path, None).await?.json()?;
        let chunk = found["chunk"].as_array().cloned().unwrap_or_default();
        let messages = chunk.iter().rev().map(|event| {
            let sender = event["sender"].as_str().unwrap_or_default();
            let text = event["content"]["body"].as_str();
            (sender.to_owned(), text.map(str::to_owned))
        });
        Ok(messages.collect())
    }
}
