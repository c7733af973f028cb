//! The connector `mail` with its sample manifest, through a real host to a real
//! mail server; what arrived is read from that server's own pages.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::time::Duration;

use serde_json::{Value, json};
use tollgate_live::{Error, MailSink, MailSinkClient, live, tell, until};
use tollgate_runtime::RunState;
use tollgate_tests::installed::Installed;

/// The connector with its sample manifest, at a sink on loopback.
async fn opened(sink: &MailSink, login: bool) -> Installed {
    Installed::open("mail", "manifest.toml", |manifest, _| {
        let grant = manifest["grant"]["mail"]["mail"].as_table_mut().unwrap();
        let server = format!("127.0.0.1:{}", sink.smtp());
        grant.insert("server".to_owned(), server.into());
        grant.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
        grant.insert("tls".to_owned(), "none".into());
        grant.insert("attachments".to_owned(), true.into());
        grant.insert("html".to_owned(), true.into());
        if !login {
            grant.remove("credential");
        }
    })
    .await
}

/// What arrived. The server takes a message before it shows it, and has no way to
/// say when it does.
async fn arrived(judge: &MailSinkClient) -> Result<Vec<Value>, Error> {
    let ask = async || match judge.messages().await {
        Ok(messages) if messages.is_empty() => None,
        asked => Some(asked),
    };
    let shown = until(Duration::from_secs(20), ask).await;
    shown.unwrap_or_else(|| panic!("the message is not shown"))
}

live! {
    "live: needs MailDev from npm",
    async fn an_approved_message_arrives_as_it_was_shown() {
        let sink = MailSink::start().await?;
        let judge = sink.client()?;
        let house = opened(&sink, false).await;
        let held = house.call("send_mail", json!({
            "to": ["ada@customer.example"],
            "cc": ["desk@example.com"],
            "bcc": ["audit@example.com"],
            "subject": "Ihre Bestellung ist unterwegs: Grüße 📦",
            "text": "Dear Ada,\n.\nit is on its way.\n",
            "html": "<p>Dear Ada, it is on its way.</p>",
            "reply_to": "support@example.com",
            "attachments": [{"name": "Übersicht.csv", "content_type": "text/csv", "content": "aWQsbmFtZQo="}],
        })).await;
        let card = house.card(&held).await;
        assert!(judge.messages().await?.is_empty(), "it waits for a person");
        assert_eq!(card.arguments["bcc"], json!(["audit@example.com"]));
        let done = house.approve(&held).await;
        assert_eq!(done.state, RunState::Done, "{done:?}");
        let output = done.output.unwrap();

        let messages = arrived(&judge).await?;
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

        let elsewhere = json!({"to": ["eve@evil.example"], "subject": "x", "text": "x"});
        assert_eq!(house.fails("send_mail", elsewhere).await.0, "denied");
        assert_eq!(house.undo(&held.run).await, "irreversible");
        assert_eq!(judge.messages().await?.len(), 1);
        let system = format!("MailDev {}", sink.version());
        tell(&system, &house.proved(), Some(sink.needs()));
        house.close().await;
        Ok(())
    }
}

live! {
    "live: needs MailDev from npm",
    async fn a_password_is_not_sent_to_a_server_without_tls() {
        let sink = MailSink::start_with(Some(("support@example.com", "live-test-password"))).await?;
        let judge = sink.client()?;
        let input = json!({"to": ["ada@customer.example"], "subject": "x", "text": "x"});
        let house = opened(&sink, true).await;
        let (kind, message) = house.fails("send_mail", input).await;
        assert_eq!(kind, "denied");
        assert!(message.contains("TLS only"), "{message}");
        assert!(judge.messages().await?.is_empty());
        house.close().await;
        Ok(())
    }
}
