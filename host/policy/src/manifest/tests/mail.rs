//! `[grant.mail.NAME]` and `[grant.handoff.NAME]`.

use super::*;
use crate::mail::MailTls;

const OFFICE: &str = r#"
[grant.mail.office]
server = "smtp.example:465"
tls = "implicit"
addresses = ["10.0.0.5"]
roots = "tls/office.pem"
from = "desk@example.com"
reply_to = ["help@example.com"]
to = ["*@Example.com", "billing@partner.example"]
max_recipients = 3
max_size = "2MiB"
attachments = true
html = true
rate = "10/h"
[grant.mail.office.credential]
secret = "smtp-password"
user = "desk@example.com"

[grant.handoff.refunds]
max_open = 5
max_bytes = "1KiB"
[grant.handoff.other]
"#;

fn mail(rest: &str) -> String {
    let base = "server = \"smtp.example:587\"\nfrom = \"desk@example.com\"\n";
    format!("[grant.mail.m]\n{base}{rest}")
}

#[test]
fn a_mail_server_is_read_to_the_last_key() {
    let manifest = Manifest::parse("m.toml", &with(OFFICE)).unwrap();
    let office = &manifest.grant.mail["office"];
    assert_eq!((office.host.as_str(), office.port), ("smtp.example", 465));
    assert_eq!(office.tls, MailTls::Implicit);
    assert_eq!(office.addresses.len(), 1);
    assert_eq!(office.roots.as_deref(), Some("tls/office.pem"));
    assert_eq!(office.from.as_str(), "desk@example.com");
    assert_eq!(office.reply_to[0].as_str(), "help@example.com");
    let to: Vec<_> = office.to.iter().map(ToString::to_string).collect();
    assert_eq!(to, ["*@example.com", "billing@partner.example"]);
    assert_eq!((office.max_recipients, office.max_size), (3, 2 << 20));
    assert!(office.attachments && office.html && !office.anyone);
    assert_eq!(office.rate, Some((10, Duration::from_secs(3_600))));
    let login = office.credential.as_ref().unwrap();
    assert_eq!(
        (login.secret.as_str(), login.user.as_str()),
        ("smtp-password", "desk@example.com")
    );
    let imports = ["mail.send", "handoff.escalate"].map(str::to_owned);
    assert_eq!(manifest.missing_grants(&imports), []);
}

#[test]
fn a_queue_has_its_bounds() {
    let manifest = Manifest::parse("m.toml", &with(OFFICE)).unwrap();
    let queue = |name: &str| {
        let queue = &manifest.grant.handoff[name];
        assert_eq!(queue.name, name);
        (queue.max_open, queue.max_bytes)
    };
    assert_eq!(queue("refunds"), (5, 1 << 10));
    assert_eq!(queue("other"), (100, 16 << 10));
}

#[test]
fn what_a_mail_server_leaves_out_is_safe() {
    let manifest = Manifest::parse("m.toml", &with(&mail("to = [\"a@b.example\"]"))).unwrap();
    let mail = &manifest.grant.mail["m"];
    assert_eq!(
        (mail.tls, mail.max_recipients, mail.max_size),
        (MailTls::StartTls, 10, 1 << 20)
    );
    assert!(!mail.attachments && !mail.html && !mail.anyone && mail.credential.is_none());
}

#[test]
fn each_mistake_in_a_mail_server_has_its_own_advice() {
    let to = |rest: &str| mail(&format!("to = [\"a@b.example\"]\n{rest}"));
    let server = |server: &str| to("").replace("smtp.example:587", server);
    for (text, message) in [
        ("[grant.mail.m]\n".to_owned(), "has no `server`"),
        (
            "[grant.mail.m]\nserver = \"a:1\"".to_owned(),
            "has no `from`",
        ),
        (server("smtp.example"), "a name and a port"),
        (server("smtp.example:0"), "a name and a port"),
        (server("smtp.example:0587"), "a name and a port"),
        (server("smtp.example:99999"), "a name and a port"),
        (server("smtp://smtp.example:587"), "no registered name"),
        (server("Smtp.example:587"), "no registered name"),
        (server("smtp.example.:587"), "ends with a dot"),
        (server("127.1:587"), "no registered name"),
        (server("0x7f.0.0.1:587"), "no registered name"),
        (server("0x7f000001:587"), "no registered name"),
        (server("2130706433:587"), "no registered name"),
        (server("127.0.0.1:587"), "add addresses = [\"127.0.0.1\"]"),
        (server("[::1]:587"), "add addresses = [\"::1\"]"),
        (server("[0:0::1]:587"), "no registered name"),
        (to("tls = \"none\""), "can be read on the way"),
        (to("tls = \"tls\""), "there is no `tls` here"),
        (
            to("tls = \"none\"\naddresses = [\"127.0.0.1\"]\nroots = \"a.pem\""),
            "without TLS",
        ),
        (
            to("reply_to = [\"Mira <a@b.example>\"]"),
            "no plain address",
        ),
        (
            to("").replace("desk@example.com", "\\\"d\\\"@example.com"),
            "no plain address",
        ),
        (mail(""), "names nobody"),
        (mail("to = [\"*\"]"), "write anyone = true"),
        (mail("to = [\"*@*\"]"), "everybody in the world"),
        (
            mail("to = [\"*@*.example\"]"),
            "no address and no whole domain",
        ),
        (
            mail("to = [\"a*@b.example\"]"),
            "no address and no whole domain",
        ),
        (
            mail("to = [\"@b.example\"]"),
            "no address and no whole domain",
        ),
        (mail("to = \"a@b.example\""), "a list of texts"),
        (to("anyone = true"), "and `to` names some"),
        (to("max_recipients = 101"), "write at most 100"),
        (to("max_size = \"26MiB\""), "out of range"),
        (to("html = 1"), "write true or false"),
        (to("rate = \"1/d\""), "s, min or h"),
        (to("subject = \"x\""), "unknown key `subject`"),
        (to("[grant.mail.m.credential]"), "has no `secret`"),
        (
            to("[grant.mail.m.credential]\nsecret = \"s\""),
            "has no `user`",
        ),
        (
            to("[grant.mail.m.credential]\nsecret = \"s\"\nuser = \"a\\r\\nb\""),
            "plain characters",
        ),
        (
            "[grant.handoff.q]\nmax_open = 0".to_owned(),
            "whole number above 0",
        ),
        (
            "[grant.handoff.in_doubt]\nmax_open = 1".to_owned(),
            "the host's own",
        ),
        (
            "[grant.handoff.q]\nmax_open = 10001".to_owned(),
            "write at most 10000",
        ),
        (
            "[grant.handoff.q]\nmax_bytes = \"2MiB\"".to_owned(),
            "out of range",
        ),
        (
            "[grant.handoff.q]\nowner = \"x\"".to_owned(),
            "unknown key `owner`",
        ),
    ] {
        let told = faults(&with(&text));
        assert!(
            told.contains(message),
            "{text}\n--- wanted: {message}\n--- got: {told}"
        );
        assert!(told.contains("\n  help: "), "{told}");
    }
    for good in [
        mail("anyone = true"),
        to("tls = \"none\"\naddresses = [\"127.0.0.1\"]"),
        server("[::1]:25").replace("from", "addresses = [\"::1\"]\nfrom"),
    ] {
        assert_eq!(faults(&with(&good)), "no fault");
    }
}
