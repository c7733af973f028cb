//! The same strictness as everywhere ([`crate::exact`]) in front of the
//! official SDK, which reads messages with a lenient parser: over HTTP as a
//! layer, over stdio line by line.
//!
//! Changing the SDK's parser was refused: it has none to choose from, and an
//! arbitrary-precision switch would change every crate of the process.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream,
};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::MESSAGE_MAX_BYTES;
use crate::exact;
use crate::gatekeeper::Refusal;
use crate::problem::Problem;

/// Where a tool's input stands in a message.
const INPUT_AT: &str = "/params/arguments";

/// Bytes under way between the wall and the SDK.
const PIPE_BYTES: usize = 64 * 1024;

const PARSE_ERROR: i32 = -32700;
const INVALID_PARAMS: i32 = -32602;

/// Over HTTP: pass a message on, or answer it here.
pub(crate) async fn wall(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MESSAGE_MAX_BYTES).await else {
        let long = format!("a message is at most {MESSAGE_MAX_BYTES} bytes");
        return Problem::from(Refusal::new("too_large", long)).into_response();
    };
    match refused(&bytes) {
        None => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
        Some(answer) if answer["id"].is_null() => {
            (StatusCode::BAD_REQUEST, Json(answer)).into_response()
        }
        Some(answer) => Json(answer).into_response(),
    }
}

/// The answer to a message that would not be read as it was written.
fn refused(message: &[u8]) -> Option<Value> {
    let refusal = exact::read(message, INPUT_AT).err()?;
    let code = match refusal.kind.as_ref() {
        "malformed" => PARSE_ERROR,
        _ => INVALID_PARAMS,
    };
    Some(json!({
        "jsonrpc": "2.0",
        "id": id(message),
        "error": {
            "code": code,
            "message": refusal.message,
            "data": { "kind": refusal.kind, "pointer": refusal.pointer },
        },
    }))
}

/// All but the name is skipped unread: what is wrong may stand there.
#[derive(Deserialize)]
struct Named {
    id: Value,
}

/// The message's own name for itself, where that can be repeated exactly.
fn id(message: &[u8]) -> Value {
    let Ok(Named { id }) = serde_json::from_slice(message) else {
        return Value::Null;
    };
    match tollgate_policy::canonical(&id) {
        Ok(_) if id.is_string() || id.is_number() => id,
        _ => Value::Null,
    }
}

/// Over stdio: stand between a client and the SDK. The answer is what the SDK
/// reads, what it writes to, and the tasks below.
pub(crate) fn lines<R, W>(reader: R, writer: W) -> (DuplexStream, DuplexStream, Under)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (to_sdk, sdk_reader) = tokio::io::duplex(PIPE_BYTES);
    let (sdk_writer, from_sdk) = tokio::io::duplex(PIPE_BYTES);
    let client = Arc::new(Mutex::new(writer));
    let under = Under {
        incoming: tokio::spawn(incoming(reader, to_sdk, Arc::clone(&client))),
        outgoing: tokio::spawn(outgoing(from_sdk, client)),
    };
    (sdk_reader, sdk_writer, under)
}

/// The tasks below a conversation.
pub(crate) struct Under {
    incoming: JoinHandle<()>,
    outgoing: JoinHandle<()>,
}

impl Under {
    /// Wait until the last answer is with the client. The SDK has ended.
    pub(crate) async fn drained(self) {
        let _ = self.outgoing.await;
        self.incoming.abort();
    }
}

async fn incoming<R, W>(reader: R, mut to_sdk: DuplexStream, client: Arc<Mutex<W>>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut reader = BufReader::new(reader);
    while let Some(line) = line(&mut reader).await {
        let passed = match refused(&line) {
            _ if line.iter().all(u8::is_ascii_whitespace) => Ok(()),
            None => to_sdk.write_all(&line).await,
            Some(answer) => say(&client, format!("{answer}\n").as_bytes()).await,
        };
        if passed.is_err() {
            return;
        }
    }
}

async fn outgoing<W: AsyncWrite + Unpin>(from_sdk: DuplexStream, client: Arc<Mutex<W>>) {
    let mut reader = BufReader::new(from_sdk);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        if say(&client, &line).await.is_err() {
            return;
        }
        line.clear();
    }
}

/// One line, or nothing at the end of the input. The attack: a line that never
/// ends fills the memory; it ends the conversation instead.
async fn line<R: AsyncRead + Unpin>(reader: &mut BufReader<R>) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut bounded = reader.take(MESSAGE_MAX_BYTES as u64 + 1);
    let read = bounded.read_until(b'\n', &mut line).await.ok()?;
    if line.len() > MESSAGE_MAX_BYTES {
        tracing::warn!("a message is longer than {MESSAGE_MAX_BYTES} bytes; the conversation ends");
        return None;
    }
    (read > 0).then_some(line)
}

/// Whole lines only: an answer of ours never lands inside one of the SDK's.
async fn say<W: AsyncWrite + Unpin>(client: &Mutex<W>, line: &[u8]) -> std::io::Result<()> {
    let mut client = client.lock().await;
    client.write_all(line).await?;
    client.flush().await
}
