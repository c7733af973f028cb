//! Starts one server, says where it is and who may enter, and keeps it until its
//! input ends: for requests by hand.
//!
//! `cargo run -p tollgate-live -- roundup`

use std::io::Read;

use serde_json::{Value, json};
use tollgate_live::{
    Error, MailSink, N8n, NocoDb, NodeRed, RequestTracker, Result, Roundup, Synapse, Tryton,
};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let system = std::env::args().nth(1).unwrap_or_default();
    match keep(&system).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            say(&error.to_string());
            std::process::ExitCode::FAILURE
        }
    }
}

async fn keep(system: &str) -> Result<()> {
    match system {
        "roundup" => {
            let server = Roundup::start().await?;
            let users = json!([server.agent(), server.guest(), server.admin()]);
            wait(server.origin(), server.version(), users);
        }
        "mail-sink" => {
            let server = MailSink::start().await?;
            wait(
                server.origin(),
                server.version(),
                json!({ "smtp": server.smtp() }),
            );
        }
        "n8n" => {
            let key = "whsec_bGl2ZSB0ZXN0cyBzaWduIGFuZCB2ZXJpZnk=";
            let server = N8n::with_keys(key, key).await?;
            let users = json!({ "api_key": server.api_key(), "key": key });
            wait(server.origin(), server.version(), users);
        }
        "nocodb" => {
            let server = NocoDb::start().await?;
            let users = json!({ "token": server.token(), "table": server.table() });
            wait(server.origin(), server.version(), users);
        }
        "node-red" => {
            let server = NodeRed::start().await?;
            wait(server.origin(), server.version(), json!([]));
        }
        "request-tracker" => {
            let server = RequestTracker::start().await?;
            let users = json!([server.agent(), server.reader(), server.root()]);
            wait(server.origin(), server.version(), users);
        }
        "synapse" => {
            let server = Synapse::start().await?;
            let users = json!([
                server.alice(),
                server.bob(),
                server.mallory(),
                server.room()
            ]);
            wait(server.origin(), server.version(), users);
        }
        "tryton" => {
            let server = Tryton::start().await?;
            let users = json!([server.agent(), server.reader(), server.guest()]);
            wait(server.origin(), server.version(), users);
        }
        _ => {
            return Err(Error::Missing {
                what: format!("a server called `{system}`"),
                help: "name one of: mail-sink, n8n, nocodb, node-red, request-tracker, roundup, synapse, tryton"
                    .to_owned(),
            });
        }
    }
    Ok(())
}

fn wait(origin: &str, version: &str, users: Value) {
    let server = json!({ "origin": origin, "version": version, "users": users });
    say(&server.to_string());
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
}

#[expect(clippy::print_stdout, reason = "whoever started this reads it")]
fn say(line: &str) {
    println!("{line}");
}
