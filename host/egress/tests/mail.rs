//! Mail to servers that follow a script.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use support::tls::{Authority, Tls};
use support::{Answers, Requests, Server};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tollgate_egress::{Egress, Envelope, Limits, Mail, MailError, MailSecurity, MailServer};
use tollgate_secrets::Secret;

const CONTENT: &str = "From: a@us.test\r\nSubject: x\r\n\r\nHello\r\n.\r\nstill here\r\n";

/// Whether the server's script goes on after a line.
type Reply = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Answers each line of a client by the script, which may end the connection.
async fn talk<S>(stream: S, log: &Requests, reply: &Reply) -> io::Result<Option<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        log.add(line.trim_end());
        let Some(answer) = reply(line.trim_end()) else {
            return Ok(None);
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        if line.starts_with("STARTTLS") && answer.starts_with("220") {
            return Ok(Some(stream.into_inner()));
        }
        if answer.starts_with("354") {
            let mut content = Vec::new();
            while !content.ends_with(b"\r\n.\r\n") {
                content.push(stream.read_u8().await?);
            }
            log.add(&String::from_utf8_lossy(&content));
            let Some(answer) = reply("<content>") else {
                return Ok(None);
            };
            stream.write_all(answer.as_bytes()).await?;
            stream.flush().await?;
        }
    }
}

/// A server by script; by TLS at once, or after STARTTLS, where it has a certificate.
async fn server(tls: Option<(MailSecurity, Tls)>, reply: Reply) -> Server {
    Server::script(move |_, mut stream, log| {
        let (tls, reply) = (tls.clone(), Arc::clone(&reply));
        async move {
            match tls {
                Some((MailSecurity::Tls, tls)) => {
                    let mut stream = tls.accept(stream).await?;
                    stream.write_all(b"220 mail.test\r\n").await?;
                    talk(stream, &log, &reply).await?;
                }
                upgrade => {
                    stream.write_all(b"220 mail.test\r\n").await?;
                    if let Some(stream) = talk(stream, &log, &reply).await?
                        && let Some((_, tls)) = upgrade
                    {
                        let stream = tls.accept(stream).await?;
                        log.add("<TLS>");
                        talk(stream, &log, &reply).await?;
                    }
                }
            }
            Ok(())
        }
    })
    .await
}

/// What a usual server says, unless a script says otherwise.
fn usual(line: &str) -> Option<String> {
    let answer = match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mail.test\r\n250-STARTTLS\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN\r\n",
        "STARTTLS" => "220 go\r\n",
        "AUTH" => "235 in\r\n",
        "DATA" => "354 go on\r\n",
        "<content>" => "250 taken as 77\r\n",
        "QUIT" => "221 bye\r\n",
        _ => "250 ok\r\n",
    };
    Some(answer.to_owned())
}

/// The usual script, but for the lines that begin so.
fn but(beginning: &'static str, answer: Option<&'static str>) -> Reply {
    Arc::new(move |line| {
        if line.starts_with(beginning) {
            answer.map(str::to_owned)
        } else {
            usual(line)
        }
    })
}

fn to(server: &Server, security: MailSecurity, roots: Option<&Authority>) -> MailServer {
    MailServer {
        host: "mail.test".to_owned(),
        port: server.address.port(),
        security,
        addresses: vec!["127.0.0.1/32".parse().unwrap()],
        roots: roots.map(Authority::pem),
        hello: "tollgate.test".to_owned(),
        connect_within: Duration::from_secs(5),
        within: Duration::from_secs(10),
    }
}

fn mail() -> Mail {
    let receivers = ["one@them.test", "two@them.test"].map(|text| text.parse().unwrap());
    Mail {
        envelope: Envelope::new(Some("a@us.test".parse().unwrap()), receivers.to_vec()).unwrap(),
        content: CONTENT.as_bytes().to_vec(),
    }
}

fn egress() -> Egress {
    Egress::with(Limits::default(), Answers::new(&[&["127.0.0.1"]]))
}

/// Sends without TLS to a server of this script.
async fn send(reply: Reply) -> (Result<String, MailError>, Vec<String>) {
    let server = server(None, reply).await;
    let to = to(&server, MailSecurity::None, None);
    let answer = egress().send_mail(&to, &mail(), None).await;
    (answer, server.requests())
}

#[tokio::test]
async fn a_message_is_sent_whole_and_the_answer_given() {
    let (answer, log) = send(Arc::new(usual)).await;
    assert_eq!(answer, Ok("250 taken as 77".to_owned()));
    let expected = [
        "EHLO tollgate.test",
        "MAIL FROM:<a@us.test>",
        "RCPT TO:<one@them.test>",
        "RCPT TO:<two@them.test>",
        "DATA",
        // The lone dot is doubled (RFC 5321, 4.5.2).
        "From: a@us.test\r\nSubject: x\r\n\r\nHello\r\n..\r\nstill here\r\n\r\n.\r\n",
    ];
    assert_eq!(log[..6], expected);
}

#[tokio::test]
async fn a_login_goes_by_tls_to_the_granted_name_only() {
    let authority = Authority::new("authority");
    let secret = Secret::new("mail", b"hunter2".to_vec());
    let login = Some(("user", &secret));
    for security in [MailSecurity::Tls, MailSecurity::StartTls] {
        let tls = authority.server("mail.test", &[]);
        let good = server(Some((security, tls)), Arc::new(usual)).await;
        let to_good = to(&good, security, Some(&authority));
        let answer = egress().send_mail(&to_good, &mail(), login).await;
        assert_eq!(answer, Ok("250 taken as 77".to_owned()));
        let log = good.requests();
        let auth = log.iter().position(|line| line.starts_with("AUTH PLAIN "));
        let tls_at = log.iter().position(|line| line == "<TLS>");
        assert!(auth.is_some(), "{log:?}");
        assert_eq!(tls_at.is_some(), security == MailSecurity::StartTls);
        assert!(tls_at < auth, "{log:?}");

        let stranger = Authority::new("stranger");
        for tls in [
            authority.server("other.test", &[]),
            stranger.server("mail.test", &[]),
        ] {
            let bad = server(Some((security, tls)), Arc::new(usual)).await;
            let to_bad = to(&bad, security, Some(&authority));
            let refused = egress().send_mail(&to_bad, &mail(), login).await;
            let Err(MailError::Unreachable(reason)) = refused else {
                panic!("{refused:?}");
            };
            assert!(reason.starts_with("TLS: the certificate"), "{reason}");
            assert!(!bad.requests().iter().any(|line| line.starts_with("AUTH")));
        }
    }
    let plain = server(None, Arc::new(usual)).await;
    let to = to(&plain, MailSecurity::None, None);
    let refused = egress().send_mail(&to, &mail(), login).await;
    assert!(matches!(refused, Err(MailError::Invalid(_))), "{refused:?}");
    assert_eq!(plain.accepted(), 0);
}

#[tokio::test]
async fn starttls_that_was_stripped_or_refused_ends_it() {
    for reply in [
        but("EHLO", Some("250-mail.test\r\n250 AUTH PLAIN\r\n")),
        but("STARTTLS", Some("454 not now\r\n")),
        but("STARTTLS", Some("502 no\r\n")),
        but("STARTTLS", Some("250 pretended\r\n")),
        // Answers for what will be asked by TLS, said before there is any.
        but("STARTTLS", Some("220 go\r\n250 AUTH PLAIN\r\n250 ok\r\n")),
    ] {
        let server = server(None, reply).await;
        let to = to(&server, MailSecurity::StartTls, None);
        let secret = Secret::new("mail", b"hunter2".to_vec());
        let refused = egress()
            .send_mail(&to, &mail(), Some(("user", &secret)))
            .await
            .unwrap_err();
        assert!(!matches!(refused, MailError::Unknown(_)), "{refused}");
        let log = server.requests().join("\n");
        assert!(!log.contains("AUTH") && !log.contains("MAIL"), "{log}");
    }
}

#[tokio::test]
async fn answers_injected_before_tls_are_not_believed() {
    let authority = Authority::new("authority");
    // The certificate is right: without the wall the session would go on, with
    // an answer that came plain.
    let tls = authority.server("mail.test", &[]);
    let reply = but(
        "STARTTLS",
        Some("220 go\r\n250-mail.test\r\n250 8BITMIME\r\n"),
    );
    let server = server(Some((MailSecurity::StartTls, tls)), reply).await;
    let to = to(&server, MailSecurity::StartTls, Some(&authority));
    let refused = egress().send_mail(&to, &mail(), None).await;
    assert!(
        matches!(refused, Err(MailError::Unreachable(_))),
        "{refused:?}"
    );
    assert!(!server.requests().join("\n").contains("MAIL"));
}

#[tokio::test]
async fn the_servers_no_is_told_in_its_words() {
    for command in ["EHLO", "MAIL", "RCPT TO:<two", "DATA", "<content>"] {
        let (answer, _) = send(but(command, Some("550-no\x07\r\n550 never\r\n"))).await;
        let Err(MailError::Rejected(words)) = answer else {
            panic!("{command}: {answer:?}");
        };
        assert!(words.starts_with("550 no"), "{words}");
        assert!(!words.chars().any(char::is_control), "{words:?}");
        let (answer, log) = send(but(command, Some("451 later\r\n"))).await;
        assert_eq!(
            answer,
            Err(MailError::Deferred("451 later".to_owned())),
            "{command}"
        );
        // One refused receiver is enough: nobody gets it.
        let sent = log.iter().any(|line| line.contains("Subject"));
        assert_eq!(sent, command == "<content>", "{command}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_certain_before_the_content_and_not_after() {
    for command in ["EHLO", "MAIL", "RCPT", "DATA"] {
        let (answer, _) = send(but(command, None)).await;
        assert!(
            matches!(answer, Err(MailError::Unreachable(_))),
            "{command}: {answer:?}"
        );
    }
    for words in [None, Some("garbage\r\n"), Some("354 again\r\n")] {
        let (answer, log) = send(but("<content>", words)).await;
        assert!(
            matches!(answer, Err(MailError::Unknown(_))),
            "{words:?}: {answer:?}"
        );
        assert_eq!(
            log.iter().filter(|line| line.contains("Subject")).count(),
            1
        );
    }
}

#[tokio::test]
async fn silence_is_certain_before_the_content_and_not_after() {
    for (command, unknown) in [("MAIL", false), ("<content>", true)] {
        // An answer without its end.
        let server = server(None, but(command, Some("250-"))).await;
        let to = MailServer {
            within: Duration::from_millis(300),
            ..to(&server, MailSecurity::None, None)
        };
        let answer = egress().send_mail(&to, &mail(), None).await.unwrap_err();
        assert_eq!(matches!(answer, MailError::Unknown(_)), unknown, "{answer}");
        assert_eq!(
            matches!(answer, MailError::Unreachable(_)),
            !unknown,
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_line_without_end_is_not_kept() {
    let server = Server::script(|_, mut stream, _| async move {
        while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
        Ok(())
    })
    .await;
    let to = to(&server, MailSecurity::None, None);
    let refused = egress().send_mail(&to, &mail(), None).await;
    // Refused for what it is, and not by the time's end.
    let expected = MailError::Unreachable("invalid data".to_owned());
    assert_eq!(refused, Err(expected));
}

#[tokio::test]
async fn what_would_smuggle_is_refused_before_connecting() {
    let server = server(None, Arc::new(usual)).await;
    let good = to(&server, MailSecurity::None, None);
    for content in [
        "a\n.\nMAIL FROM:<x@y.test>\n",
        "a\r\n.\nMAIL\r\n",
        "a\r.\r",
        "a\r\n.\r",
        "a\r\r\n",
        "\n",
        "a\0b\r\n",
    ] {
        let mail = Mail {
            content: content.as_bytes().to_vec(),
            ..mail()
        };
        let refused = egress().send_mail(&good, &mail, None).await;
        assert!(
            matches!(refused, Err(MailError::Invalid(_))),
            "{content:?}: {refused:?}"
        );
    }
    for hello in ["", "a b", "a\r\nMAIL", "ä"] {
        let to = MailServer {
            hello: hello.to_owned(),
            ..good.clone()
        };
        let refused = egress().send_mail(&to, &mail(), None).await;
        assert!(
            matches!(refused, Err(MailError::Invalid(_))),
            "{hello:?}: {refused:?}"
        );
    }
    for address in [
        "a@b.test>\r\nRCPT TO:<c@d.test",
        "a b\r\n@c.test",
        "a@b.test\r\nDATA",
    ] {
        assert!(address.parse::<tollgate_egress::Address>().is_err());
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn the_wall_stands_before_mail_servers_too() {
    let server = server(None, Arc::new(usual)).await;
    for addresses in [&["10.0.0.1"][..], &["127.0.0.1", "1.1.1.1"]] {
        let egress = Egress::with(Limits::default(), Answers::new(&[addresses]));
        let to = MailServer {
            addresses: Vec::new(),
            ..to(&server, MailSecurity::None, None)
        };
        let refused = egress.send_mail(&to, &mail(), None).await;
        assert!(
            matches!(refused, Err(MailError::Forbidden(_))),
            "{refused:?}"
        );
    }
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn what_the_server_cannot_carry_is_not_sent() {
    let reply = but("EHLO", Some("250 mail.test\r\n"));
    let server = server(None, reply).await;
    let to = to(&server, MailSecurity::None, None);
    let eight = Mail {
        content: "ä\r\n".as_bytes().to_vec(),
        ..mail()
    };
    let refused = egress().send_mail(&to, &eight, None).await;
    assert!(matches!(refused, Err(MailError::Invalid(_))), "{refused:?}");
    assert!(!server.requests().join("\n").contains("MAIL"));
}
