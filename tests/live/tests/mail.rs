//! The connector `mail` with its sample manifest, through a real host to a real
//! mail server; what arrived is read from that server's own pages.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_live::{MailSink, live};
use tollgate_runtime::{
    Compiler, Host, HostOptions, Principal, PrincipalKind, Role, RunReport, RunState, ToolCall,
};
use tollgate_tests::{component, pinned, workspace};
use toml::Table;

/// The sample manifest, at a sink on loopback.
fn manifest(sink: &MailSink, login: bool) -> String {
    let path = workspace().join("plugins/mail/manifest.toml");
    let mut manifest: Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    let grant = manifest["grant"]["mail"]["mail"].as_table_mut().unwrap();
    grant.insert(
        "server".to_owned(),
        format!("127.0.0.1:{}", sink.smtp()).into(),
    );
    grant.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
    grant.insert("tls".to_owned(), "none".into());
    grant.insert("attachments".to_owned(), true.into());
    grant.insert("html".to_owned(), true.into());
    if !login {
        grant.remove("credential");
    }
    pinned(&manifest.to_string(), &component("plugins/mail"))
}

fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: vec!["support".to_owned()],
    }
}

/// A host with the connector.
async fn opened(manifest: &str) -> (TempDir, Host) {
    let home = TempDir::new().unwrap();
    let options = HostOptions::new(home.path(), Compiler::InProcess, Role::Serve);
    let host = Host::open(options).await.unwrap();
    let bytes = &component("plugins/mail").bytes;
    let installed = host
        .install("manifest.toml", manifest, bytes, "operator")
        .await;
    installed.unwrap_or_else(|error| panic!("{error}"));
    (home, host)
}

async fn send(host: &Host, input: Value) -> RunReport {
    let agent = principal("agent", PrincipalKind::Agent);
    let call = ToolCall {
        connector: "mail".to_owned(),
        tool: "send_mail".to_owned(),
        input,
        ..ToolCall::default()
    };
    host.call(&agent, call).await.unwrap()
}

live! {
    "live: needs MailDev from npm",
    async fn an_approved_message_arrives_as_it_was_shown() {
        let sink = MailSink::start().await?;
        let judge = sink.client()?;
        let (_home, host) = opened(&manifest(&sink, false)).await;
        let held = send(&host, json!({
            "to": ["ada@customer.example"],
            "cc": ["desk@example.com"],
            "bcc": ["audit@example.com"],
            "subject": "Ihre Bestellung ist unterwegs: Grüße 📦",
            "text": "Dear Ada,\n.\nit is on its way.\n",
            "html": "<p>Dear Ada, it is on its way.</p>",
            "reply_to": "support@example.com",
            "attachments": [{"name": "Übersicht.csv", "content_type": "text/csv", "content": "aWQsbmFtZQo="}],
        })).await;
        assert_eq!(held.state, RunState::Held, "{held:?}");
        assert!(judge.messages().await?.is_empty(), "it waits for a person");

        let person = principal("mira", PrincipalKind::Person);
        let card = host.card(&person, &held.pending.as_ref().unwrap().approval).await.unwrap();
        assert_eq!(card.arguments["bcc"], json!(["audit@example.com"]));
        let done = host.approve(&person, &card.approval, &card.digest).await.unwrap();
        assert_eq!(done.state, RunState::Done, "{done:?}");
        let output = done.output.unwrap();

        let messages = judge.messages().await?;
        assert_eq!(messages.len(), 1);
        let mail = &messages[0];
        assert_eq!(mail["subject"], "Ihre Bestellung ist unterwegs: Grüße 📦");
        assert_eq!(mail["from"][0]["address"], "support@example.com");
        assert_eq!(mail["to"][0]["address"], "ada@customer.example");
        assert_eq!(mail["cc"][0]["address"], "desk@example.com");
        assert_eq!(mail["text"].as_str().unwrap().trim_end(), "Dear Ada,\n.\nit is on its way.");
        assert!(mail["html"].as_str().unwrap().contains("on its way"));
        assert_eq!(mail["attachments"][0]["fileName"], "Übersicht.csv");
        let receivers: Vec<&str> = mail["envelope"]["to"].as_array().unwrap().iter()
            .map(|one| one["address"].as_str().unwrap())
            .collect();
        assert_eq!(receivers, ["ada@customer.example", "desk@example.com", "audit@example.com"]);
        let source = judge.source(mail).await?;
        let id = output["message_id"].as_str().unwrap();
        assert!(source.contains(&format!("Message-ID: {id}")), "{source}");
        let head = source.split("\r\n\r\n").next().unwrap().to_lowercase();
        assert!(!head.contains("\nbcc:") && !head.contains("audit@"), "{head}");

        let refused = send(&host, json!({"to": ["eve@evil.example"], "subject": "x", "text": "x"})).await;
        assert_eq!(refused.failure.unwrap().kind, "denied");
        let undo = host.undo(&person, &held.run, false).await.unwrap();
        assert_eq!(undo.outcome, "irreversible");
        assert_eq!(judge.messages().await?.len(), 1);
        let needs = sink.needs();
        tell(&format!(
            "LIVE mail MailDev {} tools=1/1 undo=0/1 start={:.2} memory={}",
            sink.version(),
            needs.start.as_secs_f64(),
            needs.resident_bytes.div_ceil(1 << 20),
        ));
        host.shutdown().await;
        Ok(())
    }
}

live! {
    "live: needs MailDev from npm",
    async fn a_password_is_not_sent_to_a_server_without_tls() {
        let sink = MailSink::start_with(Some(("support@example.com", "live-test-password"))).await?;
        let judge = sink.client()?;
        let input = json!({"to": ["ada@customer.example"], "subject": "x", "text": "x"});
        let (_home, host) = opened(&manifest(&sink, true)).await;
        let failure = send(&host, input).await.failure.unwrap();
        assert_eq!(failure.kind, "denied");
        assert!(failure.message.contains("TLS only"), "{}", failure.message);
        assert!(judge.messages().await?.is_empty());
        host.shutdown().await;
        Ok(())
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
fn tell(line: &str) {
    eprintln!("{line}");
}
