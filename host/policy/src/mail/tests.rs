//! Messages, and what a grant says to them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::{Digest, Manifest};

fn grant(rest: &str) -> MailGrant {
    let text = format!(
        "connector = \"c\"\ncomponent = \"{}\"\n[grant.mail.office]\nserver = \"smtp.example:587\"\nfrom = \"desk@example.com\"\n{rest}",
        Digest::of(b"")
    );
    let mut manifest = Manifest::parse("m.toml", &text).unwrap_or_else(|faults| panic!("{faults}"));
    manifest.grant.mail.remove("office").unwrap()
}

fn office() -> MailGrant {
    grant(
        "to = [\"*@example.com\", \"billing@partner.example\"]\nreply_to = [\"help@example.com\"]\nmax_recipients = 3\nmax_size = \"1KiB\"",
    )
}

const MESSAGE: MailRequest<'static> = MailRequest {
    to: &["mira@example.com"],
    cc: &[],
    bcc: &[],
    reply_to: None,
    subject: "Refund of 80.00 €",
    text_bytes: 100,
    html_bytes: None,
    attachments: &[],
    in_reply_to: None,
};

#[test]
fn a_granted_message_has_its_addresses_checked() {
    let judged = office().judge(&MailRequest {
        to: &["Mira@EXAMPLE.com", "billing@partner.example"],
        bcc: &["mira@example.com"],
        reply_to: Some("help@example.com"),
        in_reply_to: Some("<a.1@example.com>"),
        ..MESSAGE
    });
    let judged = judged.unwrap();
    let to: Vec<_> = judged.to.iter().map(MailAddress::as_str).collect();
    assert_eq!(to, ["Mira@example.com", "billing@partner.example"]);
    assert_eq!(judged.bcc[0].domain(), "example.com");
    assert_eq!(judged.reply_to.unwrap().as_str(), "help@example.com");
    let own = MailRequest {
        reply_to: Some("desk@example.com"),
        ..MESSAGE
    };
    assert!(office().judge(&own).is_ok());
}

#[test]
fn what_is_not_granted_is_denied_with_the_line_to_add() {
    let file = [MailAttachment {
        name: "a.csv",
        content_type: "text/csv",
        bytes: 1,
    }];
    for (request, line) in [
        (
            MailRequest {
                to: &["eve@evil.example"],
                ..MESSAGE
            },
            "to = [\"eve@evil.example\"]",
        ),
        (
            MailRequest {
                bcc: &["x@sub.example.com"],
                ..MESSAGE
            },
            "to = [\"x@sub.example.com\"]",
        ),
        (
            MailRequest {
                cc: &["Billing@partner.example"],
                ..MESSAGE
            },
            "to = [\"Billing@partner.example\"]",
        ),
        (
            MailRequest {
                to: &["a@example.com", "b@example.com"],
                cc: &["c@example.com"],
                bcc: &["d@example.com"],
                ..MESSAGE
            },
            "max_recipients = 4",
        ),
        (
            MailRequest {
                reply_to: Some("eve@evil.example"),
                ..MESSAGE
            },
            "reply_to = [\"eve@evil.example\"]",
        ),
        (
            MailRequest {
                html_bytes: Some(1),
                ..MESSAGE
            },
            "html = true",
        ),
        (
            MailRequest {
                attachments: &file,
                ..MESSAGE
            },
            "attachments = true",
        ),
        (
            MailRequest {
                text_bytes: 1_025,
                ..MESSAGE
            },
            "max_size = \"2KiB\"",
        ),
        (
            MailRequest {
                text_bytes: u64::MAX,
                ..MESSAGE
            },
            "max_size = \"18014398509481984KiB\"",
        ),
    ] {
        let refusal = office().judge(&request).unwrap_err();
        assert!(refusal.is_denial(), "{refusal}");
        assert_eq!(
            refusal.hint().unwrap(),
            format!("under [grant.mail.office] write {line}")
        );
    }
}

#[test]
fn no_text_begins_a_header_or_another_address() {
    let refused = |request: MailRequest<'_>, said: &str| {
        let refusal = office().judge(&request).unwrap_err();
        assert!(refusal.to_string().contains(said), "{refusal}");
        assert!(
            !refusal.is_denial() && refusal.hint().is_none(),
            "{refusal}"
        );
    };
    for address in [
        "",
        "@",
        "mira",
        "@example.com",
        "mira@",
        "mira@@example.com",
        "a@b@example.com",
        "\"mira\"@example.com",
        "\"a b\"@example.com",
        "Mira <mira@example.com>",
        "<mira@example.com>",
        "mira@example.com,eve@evil.example",
        "mira@example.com ",
        "mira@example.com\r\nBcc: eve@evil.example",
        "mira\n@example.com",
        "mira\0@example.com",
        ".mira@example.com",
        "mira.@example.com",
        "mi..ra@example.com",
        "mira@[127.0.0.1]",
        "mira@example.com.",
        "mira@-example.com",
        "mira@exa mple.com",
        "mira@exämple.com",
        "mirä@example.com",
        "mira(comment)@example.com",
        "@relay.example:mira@example.com",
        "eve%evil.example@example.com",
        "evil.example!eve@example.com",
        "-oQ/tmp@example.com",
        "*@example.com",
        "mira@xn--.",
        "mira@example.com>",
    ] {
        assert_eq!(MailAddress::parse(address), None, "{address:?}");
        refused(
            MailRequest {
                to: &[address],
                ..MESSAGE
            },
            "entry 1 of `to`",
        );
        refused(
            MailRequest {
                reply_to: Some(address),
                ..MESSAGE
            },
            "entry 1 of `reply-to`",
        );
    }
    let long = format!("{}@example.com", "a".repeat(65));
    refused(
        MailRequest {
            cc: &[&long],
            ..MESSAGE
        },
        "entry 1 of `cc`",
    );
    refused(MailRequest { to: &[], ..MESSAGE }, "no recipient");
    refused(
        MailRequest {
            bcc: &["mira@EXAMPLE.com"],
            ..MESSAGE
        },
        "`mira@example.com` is a recipient twice",
    );
    let long = "a".repeat(301);
    for subject in [
        "a\r\nBcc: eve@evil.example",
        "a\nb",
        "a\rb",
        "a\0",
        "a\u{2028}b",
        "a\u{85}b",
        &long,
    ] {
        refused(
            MailRequest { subject, ..MESSAGE },
            "`subject` cannot be sent",
        );
    }
    for id in [
        "",
        "a@b",
        "<a>",
        "<a@b",
        "<a@b>\r\nx: y",
        "<a@b> <c@d>",
        "<a b@c>",
        "<a@>",
        "<@b>",
    ] {
        refused(
            MailRequest {
                in_reply_to: Some(id),
                ..MESSAGE
            },
            "`in-reply-to` cannot be sent",
        );
    }
}

#[test]
fn a_file_is_a_plain_part_of_the_message() {
    let office = grant("anyone = true\nattachments = true\nhtml = true\nmax_size = \"1KiB\"");
    let judge = |name, content_type, bytes| {
        let files = [MailAttachment {
            name,
            content_type,
            bytes,
        }];
        office.judge(&MailRequest {
            attachments: &files,
            html_bytes: Some(24),
            ..MESSAGE
        })
    };
    assert!(judge("Übersicht 1.csv", "text/csv; charset=utf-8", 900).is_ok());
    assert!(matches!(
        judge("a.csv", "text/csv", 901),
        Err(MailRefusal::TooLarge { bytes: 1_025, .. })
    ));
    for name in [
        "",
        "../a",
        "a/b",
        "a\\b",
        "a\"; x=\"y",
        "a\r\nb",
        ".htaccess",
        "c:a",
    ] {
        let told = judge(name, "text/csv", 1);
        assert!(
            matches!(told, Err(MailRefusal::Attachment { .. })),
            "{name}"
        );
    }
    for kind in [
        "",
        "csv",
        "text/csv\r\nx: y",
        "multipart/mixed",
        "Message/RFC822",
    ] {
        let told = judge("a.csv", kind, 1);
        assert!(
            matches!(told, Err(MailRefusal::Attachment { .. })),
            "{kind}"
        );
    }
    let file = MailAttachment {
        name: "a",
        content_type: "text/csv",
        bytes: 0,
    };
    let told = office.judge(&MailRequest {
        attachments: &[file; 51],
        ..MESSAGE
    });
    assert!(matches!(
        told,
        Err(MailRefusal::Attachment { index: 51, .. })
    ));
}

#[test]
fn an_approval_is_bound_to_server_sender_and_login() {
    let login = "[grant.mail.office.credential]\nsecret = \"smtp\"\nuser = \"desk\"";
    let plain = grant("anyone = true");
    assert_eq!(
        plain.identity(),
        "smtp:smtp.example:587 by starttls from desk@example.com"
    );
    let all = [
        plain.identity(),
        grant("anyone = true\ntls = \"implicit\"").identity(),
        grant(&format!("anyone = true\n{login}")).identity(),
        grant(&format!(
            "anyone = true\n{}",
            login.replace("smtp", "other")
        ))
        .identity(),
        grant(&format!(
            "anyone = true\n{}",
            login.replace("desk", "other")
        ))
        .identity(),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(!all[i + 1..].contains(one), "{one}");
    }
}

proptest::proptest! {
    #[test]
    fn an_accepted_address_is_one_token_at_the_granted_domain(text in "[-a-z.%!@\"<> ,;:()\\\\\r\n]{0,12}@?(example\\.com|evil\\.example)?") {
        let request = [text.as_str()];
        if let Ok(judged) = office().judge(&MailRequest { to: &request, ..MESSAGE }) {
            let sent = judged.to[0].as_str();
            proptest::prop_assert_eq!(sent.matches('@').count(), 1);
            proptest::prop_assert!(sent.ends_with("@example.com") || sent == "billing@partner.example");
            proptest::prop_assert!(!sent.contains(|c: char| !c.is_ascii_graphic() || "\"<>,;:()\\%!".contains(c)));
        }
    }
}
