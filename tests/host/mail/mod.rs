//! Mail: nothing to whom the manifest does not name, nothing without a person who
//! saw it, nothing twice.

mod office;

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tollgate_policy::{Digest, Place};
use tollgate_runtime::{
    Card, Resolution, RunReport, RunState, SecretEntry, SecretSource, Slot, Source,
};
use tollgate_secrets::SourceError;
use tollgate_tests::component;
use zeroize::Zeroizing;

use crate::house::{BOSS, House, agent, failure, mira, output};
use office::Office;

const PASSWORD: &str = "pass/9f+word=value";

/// Everything that is granted is allowed: the host holds it all the same.
const RULES: &str = r#"
[[rule]]
name = "everything"
tool = "*"
then = "allow"
"#;

fn manifest(office: &Office, keys: &str, rules: &str) -> String {
    let tls = match office.pem {
        Some(_) => "tls = \"implicit\"\nroots = \"mail.pem\"",
        None => "tls = \"none\"",
    };
    format!(
        r#"
connector = "mail"
component = "here"

[limits]
deadline = "10s"

[grant.mail.mail]
server = "{}"
addresses = ["127.0.0.1"]
{tls}
from = "desk@example.com"
reply_to = ["support@example.com"]
to = ["*@example.com", "ada@customer.example"]
{keys}

{rules}
{BOSS}
"#,
        office.address
    )
}

/// A host whose connector may write to customers of an office.
async fn opened(other: Option<(&'static str, Option<&'static str>)>) -> (House, Office) {
    let office = Office::open(other).await;
    let house = House::new().await;
    install(&house, &office, "").await;
    (house, office)
}

async fn install(house: &House, office: &Office, keys: &str) {
    house
        .install(&manifest(office, keys, RULES), &component("plugins/mail"))
        .await;
}

/// A message with other members.
fn message(more: Value) -> Value {
    let mut message = json!({
        "to": ["ada@customer.example"],
        "subject": "Your order",
        "text": "It is on its way.",
    });
    for (name, value) in more.as_object().unwrap() {
        message[name] = value.clone();
    }
    message
}

async fn send(house: &House, more: Value) -> RunReport {
    house.call_of("mail", "send_mail", message(more)).await
}

async fn card(house: &House, report: &RunReport) -> Card {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = &report.pending.as_ref().unwrap().approval;
    house.host.card(&mira(), approval).await.unwrap()
}

async fn approve(house: &House, report: &RunReport) -> RunReport {
    let card = card(house, report).await;
    house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
        .unwrap()
}

/// A message that a person lets go.
async fn approved(house: &House, more: Value) -> RunReport {
    let held = send(house, more).await;
    approve(house, &held).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_who_gets_what_before_anything_leaves() {
    let (house, office) = opened(None).await;
    let held = send(
        &house,
        json!({
            "cc": ["bo@EXAMPLE.com"], "bcc": ["boss@example.com"], "subject": "Grüße",
            "reply_to": "support@example.com", "in_reply_to": "<1@customer.example>",
        }),
    )
    .await;
    let card = card(&house, &held).await;
    let shown = &card.arguments;
    assert_eq!(shown["from"], "desk@example.com");
    assert_eq!(shown["to"], json!(["ada@customer.example"]));
    assert_eq!(shown["cc"], json!(["bo@example.com"]));
    assert_eq!(shown["bcc"], json!(["boss@example.com"]));
    assert_eq!(shown["subject"], "Grüße");
    assert_eq!(shown["text"], "It is on its way.");
    assert_eq!(shown["reply_to"], "support@example.com");
    assert_eq!(card.effect.as_str(), "irreversible");
    assert_eq!(office.connections(), 0);

    let sent = output(approve(&house, &held).await);
    let id = format!("<{}.1@example.com>", held.run);
    assert_eq!(sent, json!({"message_id": id, "answer": "250 taken as 77"}));
    assert_eq!(
        office.lines("RCPT"),
        ["ada@customer.example", "bo@example.com", "boss@example.com"]
            .map(|one| format!("RCPT TO:<{one}>"))
    );
    let [mail] = &office.messages()[..] else {
        panic!("{:?}", office.messages())
    };
    for line in [
        "From: desk@example.com",
        "To: ada@customer.example",
        "Cc: bo@example.com",
        "Reply-To: support@example.com",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "In-Reply-To: <1@customer.example>",
        "References: <1@customer.example>",
        "Date: Fri, 15 Jan 2027 08:00:00 +0000",
        &format!("Message-ID: {id}"),
    ] {
        assert!(mail.lines().any(|found| found == line), "{line}: {mail}");
    }
    let lower = mail.to_lowercase();
    assert!(!lower.contains("bcc") && !lower.contains("boss@"), "{mail}");
    // What has left is not taken back.
    let undo = house.host.undo(&agent(), &held.run, false).await.unwrap();
    assert_eq!(undo.outcome, "irreversible", "{undo:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_manifest_does_not_name_gets_nothing() {
    let (house, office) = opened(None).await;
    for (more, words) in [
        (json!({"to": ["eve@evil.example"]}), "eve@evil.example"),
        (json!({"bcc": ["eve@evil.example"]}), "eve@evil.example"),
        (
            json!({"cc": ["eve@sub.example.com"]}),
            "eve@sub.example.com",
        ),
        (json!({"reply_to": "eve@evil.example"}), "answers"),
        (json!({"html": "<b>x</b>"}), "plain text only"),
        (
            json!({"attachments": [{"name": "a.csv", "content_type": "text/csv", "content": "YQ=="}]}),
            "no attachments",
        ),
    ] {
        let report = send(&house, more).await;
        let (kind, message) = failure(&report);
        assert_eq!(kind, "denied", "{message}");
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(office.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_within_a_value_is_refused() {
    let (house, office) = opened(None).await;
    for more in [
        json!({"subject": "hello\r\nBcc: eve@evil.example"}),
        json!({"subject": "hello\nBcc: eve@evil.example"}),
        json!({"subject": "hello\u{2028}Bcc: eve@evil.example"}),
        json!({"to": ["ada@customer.example\r\nBcc: eve@evil.example"]}),
        json!({"to": ["ada@customer.example, eve@evil.example"]}),
        json!({"to": ["\"Ada\" <ada@customer.example>"]}),
        json!({"reply_to": "support@example.com\r\nBcc: eve@evil.example"}),
        json!({"in_reply_to": "<1@x>\r\nBcc: eve@evil.example"}),
    ] {
        let report = send(&house, more.clone()).await;
        assert_eq!(failure(&report).0, "invalid_input", "{more}");
    }
    assert_eq!(office.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_stays_text_whatever_it_looks_like() {
    let (house, office) = opened(None).await;
    let text = "one\r\n.\r\nMAIL FROM:<eve@evil.example>\n.\nQUIT\rBcc: eve@evil.example\n";
    let done = approved(&house, json!({"text": text})).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let [mail] = &office.messages()[..] else {
        panic!("{:?}", office.messages())
    };
    assert!(
        mail.contains("\r\n..\r\nMAIL FROM:<eve@evil.example>\r\n..\r\nQUIT\r\n"),
        "{mail:?}"
    );
    assert_eq!(office.lines("MAIL").len(), 1);
    assert!(office.lines("QUIT").len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_approved_are_these_very_files() {
    let office = Office::open(None).await;
    let house = House::new().await;
    install(&house, &office, "attachments = true\nhtml = true").await;
    let bytes = b"id,name\n1,\x00\xff";
    let file = json!({"name": "Übersicht.csv", "content_type": "text/csv", "content": STANDARD.encode(bytes)});
    let more = json!({"html": "<p>It is on its way.</p>", "attachments": [file]});
    let held = send(&house, more).await;
    let card = card(&house, &held).await;
    assert_eq!(
        card.arguments["with_files"],
        json!([{
            "name": "Übersicht.csv", "content_type": "text/csv", "size": bytes.len(),
            "digest": Digest::of(bytes).to_string(), "base64": STANDARD.encode(bytes),
        }])
    );
    assert_eq!(card.arguments["with_html"], "<p>It is on its way.</p>");
    let names: Vec<_> = card
        .arguments
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    let first_long = names.iter().position(|name| name.starts_with("with_"));
    assert_eq!(first_long, Some(names.len() - 2), "what is long comes last");
    let done = approve(&house, &held).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let mail = &office.messages()[0];
    for part in [
        "multipart/mixed",
        "multipart/alternative",
        "Content-Type: text/csv\r\n",
        "filename*0*=utf-8''%C3%9Cbersicht.csv",
        &STANDARD.encode(bytes),
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_is_lost_is_never_sent_twice() {
    let (house, office) = opened(Some(("<content>", None))).await;
    let doubtful = approved(&house, json!({})).await;
    assert_eq!(doubtful.state, RunState::InDoubt, "{doubtful:?}");
    assert_eq!(office.messages().len(), 1);
    // Another process finds the run and sends nothing either.
    let house = house.restart().await;
    let run = &doubtful.run;
    let found = house.host.run(&agent(), run).await.unwrap();
    assert_eq!(found.state, RunState::InDoubt);
    let items = house.host.queue(&mira(), false).await.unwrap();
    let [item] = &items[..] else {
        panic!("{items:?}")
    };
    assert_eq!(item.arguments["to"], json!(["ada@customer.example"]));
    let done = house
        .host
        .resolve(&mira(), &item.id, Resolution::Done, "it is in `sent`", None)
        .await
        .unwrap();
    let id = format!("<{run}.1@example.com>");
    assert_eq!(output(done)["message_id"], json!(id));
    assert!(office.messages()[0].contains(&id));
    assert_eq!((office.messages().len(), office.connections()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_servers_no_is_told_and_nothing_is_in_doubt() {
    for (line, said, kind, words) in [
        (
            "RCPT",
            "550 no such user here",
            "denied",
            "no such user here",
        ),
        (
            "RCPT",
            "450 come again later",
            "unavailable",
            "come again later",
        ),
        (
            "<content>",
            "554 looks like spam",
            "denied",
            "looks like spam",
        ),
        ("MAIL", "421 shutting down", "unavailable", "shutting down"),
    ] {
        let (house, office) = opened(Some((line, Some(said)))).await;
        let report = approved(&house, json!({})).await;
        let known = [RunState::Failed, RunState::Denied];
        assert!(known.contains(&report.state), "{report:?}");
        let (found, message) = failure(&report);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(words), "{message}");
        assert_eq!(office.connections(), 1);
    }
    let (house, office) = opened(Some(("DATA", None))).await;
    let report = approved(&house, json!({})).await;
    assert_eq!(failure(&report).0, "unavailable");
    assert!(office.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_messages_leave_than_the_manifest_gives() {
    let office = Office::open(None).await;
    let house = House::new().await;
    install(&house, &office, "rate = \"2/h\"").await;
    for _ in 0..2 {
        let done = approved(&house, json!({})).await;
        assert_eq!(done.state, RunState::Done, "{done:?}");
    }
    let (kind, message) = failure(&approved(&house, json!({})).await);
    assert_eq!(kind, "unavailable");
    assert!(message.contains("too many messages"), "{message}");
    assert_eq!(office.messages().len(), 2);
}

/// A password from the host's settings.
struct Known;

#[async_trait]
impl Source for Known {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        Ok(Zeroizing::new(PASSWORD.as_bytes().to_vec()))
    }

    fn describe(&self) -> String {
        "a test".to_owned()
    }
}

const LOGIN: &str = "credential = { secret = \"mail-password\", user = \"desk@example.com\" }";

/// A host with the password, for this origin.
async fn with_password(origin: String) -> House {
    let entry = SecretEntry {
        slot: Slot {
            name: "mail-password".to_owned(),
            tenant: "default".to_owned(),
            origin,
            place: Place::Login,
            resources: Vec::new(),
        },
        source: SecretSource::Of(Arc::new(Known)),
    };
    let house = House::new().await;
    house
        .reopened(|options| options.secrets = vec![entry])
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_sent_by_tls_only() {
    let office = Office::open(None).await;
    let house = with_password(format!("smtp://{}", office.address)).await;
    install(&house, &office, LOGIN).await;
    let report = send(&house, json!({})).await;
    let (kind, message) = failure(&report);
    assert_eq!(kind, "denied");
    assert!(message.contains("TLS only"), "{message}");
    assert_eq!(office.connections(), 0);

    let office = Office::by_tls(None).await;
    let house = with_password(format!("smtp://{}", office.address)).await;
    std::fs::write(house.path("mail.pem"), office.pem.as_ref().unwrap()).unwrap();
    install(&house, &office, LOGIN).await;
    let done = approved(&house, json!({})).await;
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let login = STANDARD.encode(format!("\0desk@example.com\0{PASSWORD}"));
    assert_eq!(office.lines("AUTH"), [format!("AUTH PLAIN {login}")]);
    assert_eq!(office.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_goes_nowhere_else_and_comes_back_to_nobody() {
    let said = "535 wrong: pass/9f+word=value";
    let office = Office::by_tls(Some(("AUTH", Some(said)))).await;
    let house = with_password(format!("smtp://{}", office.address)).await;
    std::fs::write(house.path("mail.pem"), office.pem.as_ref().unwrap()).unwrap();
    install(&house, &office, LOGIN).await;
    let report = approved(&house, json!({})).await;
    let (kind, message) = failure(&report);
    assert_eq!(kind, "denied", "{message}");
    assert!(message.contains("535 wrong: "), "{message}");
    let lines = house.log(&report.run).await;
    let all = format!("{report:?} {}", serde_json::to_string(&lines).unwrap());
    assert!(!all.contains(PASSWORD), "{all}");

    // The operator gave it for another server.
    let house = with_password("smtp://mail.example:587".to_owned()).await;
    std::fs::write(house.path("mail.pem"), office.pem.as_ref().unwrap()).unwrap();
    install(&house, &office, LOGIN).await;
    let (kind, message) = failure(&approved(&house, json!({})).await);
    assert_eq!(kind, "denied");
    assert!(message.contains("cannot use the login"), "{message}");
    assert_eq!(office.connections(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_the_named_certificate_gets_nothing() {
    let office = Office::by_tls(None).await;
    let other = Office::by_tls(None).await;
    let house = House::new().await;
    std::fs::write(house.path("mail.pem"), other.pem.as_ref().unwrap()).unwrap();
    install(&house, &office, "").await;
    let (kind, message) = failure(&approved(&house, json!({})).await);
    assert_eq!(kind, "unavailable", "{message}");
    assert!(office.lines("EHLO").is_empty() && office.messages().is_empty());
}
