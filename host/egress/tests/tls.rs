//! TLS to the granted name only, and HTTP/2 over it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use rcgen::{CertificateParams, date_time_ymd};
use support::tls::{Authority, Tls};
use support::{Answers, Server, destination, get, ok, pool, post};
use tokio::io::AsyncWriteExt;
use tollgate_egress::{Destination, Egress, EgressError, Limits, Outgoing};

/// A server by TLS and HTTP/1.1; the names that clients asked for are kept.
async fn server(tls: Tls) -> (Server, Arc<Mutex<Vec<Option<String>>>>) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&names);
    let server = Server::script(move |_, stream, requests| {
        let (tls, log) = (tls.clone(), Arc::clone(&log));
        async move {
            let mut stream = tls.accept(stream).await?;
            let name = stream.get_ref().1.server_name().map(str::to_owned);
            log.lock().unwrap().push(name);
            while requests.read(&mut stream).await? {
                stream.write_all(ok("secret").as_bytes()).await?;
                stream.flush().await?;
            }
            Ok(())
        }
    })
    .await;
    (server, names)
}

fn to(server: &Server, roots: Option<&Authority>) -> Destination {
    Destination {
        roots: roots.map(Authority::pem),
        ..destination(&format!("https://desk.test:{}", server.address.port()))
    }
}

fn egress() -> Egress {
    Egress::with(Limits::default(), Answers::new(&[&["127.0.0.1"]]))
}

async fn unreachable(to: &Destination) -> String {
    match egress().send(to, &pool(), post("/?q=hidden", "x")).await {
        Err(EgressError::Unreachable(reason)) => {
            assert!(!reason.contains("hidden"), "{reason}");
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_granted_name_is_asked_for_and_compared() {
    let authority = Authority::new("authority");
    let (server, names) = server(authority.server("desk.test", &[])).await;
    let answer = egress()
        .send(&to(&server, Some(&authority)), &pool(), get("/"))
        .await
        .unwrap();
    assert_eq!(answer.body, b"secret");
    assert_eq!(*names.lock().unwrap(), [Some("desk.test".to_owned())]);
    let host = format!("host: desk.test:{}\r\n", server.address.port());
    assert!(server.requests()[0].contains(&host));
}

#[tokio::test]
async fn a_server_that_is_not_the_granted_one_sees_no_request() {
    let authority = Authority::new("authority");
    let old = {
        let mut params = CertificateParams::new(["desk.test".to_owned()]).unwrap();
        params.not_after = date_time_ymd(2020, 1, 1);
        params
    };
    let early = {
        let mut params = CertificateParams::new(["desk.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(3000, 1, 1);
        params.not_after = date_time_ymd(3001, 1, 1);
        params
    };
    let stranger = Authority::new("stranger");
    for (tls, expected) in [
        (authority.server("other.test", &[]), "for another name"),
        (authority.server("127.0.0.1", &[]), "for another name"),
        (authority.server_with(old, &[]), "has expired"),
        (authority.server_with(early, &[]), "not valid yet"),
        (stranger.server("desk.test", &[]), "not trusted"),
    ] {
        let (server, _) = server(tls).await;
        let reason = unreachable(&to(&server, Some(&authority))).await;
        assert!(reason.contains(expected), "{reason}");
        assert!(!reason.contains("other.test"), "a server's text: {reason}");
        assert_eq!(server.requests().len(), 0);
    }
    // The platform does not know this authority, if it knows any.
    let (server, _) = server(authority.server("desk.test", &[])).await;
    let refused = egress()
        .send(&to(&server, None), &pool(), get("/"))
        .await
        .unwrap_err();
    assert!(!matches!(refused, EgressError::NoAnswer(_)), "{refused}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn a_server_without_tls_sees_no_request() {
    let authority = Authority::new("authority");
    let server = Server::script(|_, mut stream, _| async move {
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await?;
        // Until the client goes.
        let mut seen = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut seen).await?;
        assert!(!seen.windows(4).any(|bytes| bytes == b"POST"));
        Ok(())
    })
    .await;
    let reason = unreachable(&to(&server, Some(&authority))).await;
    assert_eq!(reason, "TLS: the handshake failed");
}

#[tokio::test]
async fn a_handshake_without_end_is_certain_to_have_sent_nothing() {
    let authority = Authority::new("authority");
    let silent = Server::script(|_, mut stream, _| async move {
        let mut seen = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut seen).await?;
        Ok(())
    })
    .await;
    let patient = to(&silent, Some(&authority));
    let hasty = Destination {
        connect_within: Duration::from_millis(100),
        ..patient.clone()
    };
    assert_eq!(unreachable(&hasty).await, "the time is over");
    // The request's own time ends before the time to connect.
    for request in [get("/"), post("/", "x")] {
        let request = Outgoing {
            within: Duration::from_millis(100),
            ..request
        };
        let refused = egress().send(&patient, &pool(), request).await.unwrap_err();
        assert!(matches!(refused, EgressError::Unreachable(_)), "{refused}");
    }
}

#[tokio::test]
async fn bad_roots_are_told_before_anything_is_sent() {
    let authority = Authority::new("authority");
    let (server, _) = server(authority.server("desk.test", &[])).await;
    for pem in [
        "",
        "no PEM",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ] {
        let to = Destination {
            roots: Some(pem.as_bytes().to_vec()),
            ..to(&server, None)
        };
        let refused = egress().send(&to, &pool(), get("/")).await.unwrap_err();
        assert!(
            matches!(refused, EgressError::Invalid(_)),
            "{pem}: {refused}"
        );
    }
    assert_eq!(server.accepted(), 0);
}

/// What an HTTP/2 server does with a request.
#[derive(Clone, Copy)]
enum Answer {
    Content,
    Silence,
    ManyHeaders,
    EmptyFrames,
    Reset,
}

async fn http2(tls: Tls, answer: Answer) -> Server {
    Server::script(move |_, stream, _| {
        let tls = tls.clone();
        async move {
            let stream = tls.accept(stream).await?;
            let mut connection = h2::server::handshake(stream).await.map_err(other)?;
            let mut kept = Vec::new();
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                assert_eq!(request.uri().host(), Some("desk.test"));
                let mut head = http::Response::new(());
                match answer {
                    Answer::Content => {
                        let mut send = respond.send_response(head, false).map_err(other)?;
                        send.send_data(Bytes::from_static(b"two"), true)
                            .map_err(other)?;
                    }
                    Answer::Silence => kept.push((request, respond)),
                    Answer::ManyHeaders => {
                        for number in 0..90 {
                            let name = format!("x-{number}");
                            let name: http::HeaderName = name.parse().map_err(other)?;
                            let value = "v".repeat(1000).parse().map_err(other)?;
                            head.headers_mut().insert(name, value);
                        }
                        respond.send_response(head, true).map_err(other)?;
                    }
                    Answer::EmptyFrames => {
                        let mut send = respond.send_response(head, false).map_err(other)?;
                        tokio::spawn(async move {
                            let mut pace = tokio::time::interval(Duration::from_millis(20));
                            while send.send_data(Bytes::new(), false).is_ok() {
                                pace.tick().await;
                            }
                        });
                    }
                    Answer::Reset => respond.send_reset(h2::Reason::REFUSED_STREAM),
                }
            }
            Ok(())
        }
    })
    .await
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> std::io::Error {
    std::io::Error::other(error)
}

#[tokio::test]
async fn http2_is_used_where_the_server_has_it() {
    let authority = Authority::new("authority");
    let tls = authority.server("desk.test", &["h2", "http/1.1"]);
    let server = http2(tls, Answer::Content).await;
    let to = to(&server, Some(&authority));
    let egress = Arc::new(egress());
    egress.send(&to, &pool(), get("/first")).await.unwrap();
    let many: Vec<_> = (0..8)
        .map(|_| {
            let (egress, to) = (Arc::clone(&egress), to.clone());
            tokio::spawn(async move { egress.send(&to, &pool(), post("/", "x")).await })
        })
        .collect();
    for one in many {
        assert_eq!(one.await.unwrap().unwrap().body, b"two");
    }
    assert_eq!(server.accepted(), 1, "all on one connection");
}

#[tokio::test]
async fn hostile_http2_is_no_answer() {
    let authority = Authority::new("authority");
    for answer in [
        Answer::Silence,
        Answer::ManyHeaders,
        Answer::EmptyFrames,
        Answer::Reset,
    ] {
        let server = http2(authority.server("desk.test", &["h2"]), answer).await;
        let limits = Limits {
            stall: Duration::from_millis(200),
            ..Limits::default()
        };
        let egress = Egress::with(limits, Answers::new(&[&["127.0.0.1"]]));
        for request in [get("/"), post("/", "x")] {
            let request = Outgoing {
                within: Duration::from_millis(500),
                ..request
            };
            let refused = egress
                .send(&to(&server, Some(&authority)), &pool(), request)
                .await
                .unwrap_err();
            let EgressError::NoAnswer(reason) = refused else {
                panic!("{refused}");
            };
            // Frames without a byte are no sign of life.
            let stalled = reason == "the answer stalled";
            assert_eq!(stalled, matches!(answer, Answer::EmptyFrames), "{reason}");
        }
    }
}
