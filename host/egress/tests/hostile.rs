//! Answers that are meant to do harm, and servers that go away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::{Answers, Server, destination, get, ok, pool, post};
use tokio::io::AsyncWriteExt;
use tollgate_egress::{Egress, EgressError, Incoming, Limits, Method, Outgoing, SystemResolver};

async fn ask(server: &Server, request: Outgoing) -> Result<Incoming, EgressError> {
    Egress::new()
        .send(&server.destination(), &pool(), request)
        .await
}

/// Asks a server that gives these bytes, and expects that they are no answer.
async fn unusable(answer: impl Into<Vec<u8>>) -> String {
    let server = Server::once(answer).await;
    match ask(&server, get("/?token=hidden")).await {
        Err(EgressError::NoAnswer(reason)) => {
            assert!(!reason.contains("hidden"), "{reason}");
            reason
        }
        other => panic!("{other:?}"),
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn coded(codings: &str, content: &[u8]) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 200 OK\r\n{codings}content-length: {}\r\n\r\n",
        content.len()
    )
    .into_bytes();
    answer.extend(content);
    answer
}

const GZIP: &str = "content-encoding: gzip\r\n";

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let other = Server::answering(ok("")).await;
    for status in [301, 302, 303, 307, 308] {
        let server = Server::once(format!(
            "HTTP/1.1 {status} Go\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
            other.address
        ))
        .await;
        let answer = ask(&server, post("/", "x")).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(answer.headers.contains_key("location"));
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(other.accepted(), 0);
}

#[tokio::test]
async fn no_variable_sends_requests_elsewhere() {
    let trap = Server::answering(ok("trap")).await;
    let proxy = format!("http://{}", trap.address);
    // Another process: the environment of this one is shared by all tests.
    let child = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
            "HTTPS_PROXY",
        ] {
            command.env(name, &proxy);
        }
        command.env_remove("NO_PROXY").env_remove("no_proxy");
        command
            .args(["--exact", "a_name_is_asked_directly"])
            .output()
    });
    let output = child.await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    assert_eq!(trap.accepted(), 0);
}

#[tokio::test]
async fn a_name_is_asked_directly() {
    let server = Server::answering(ok("direct")).await;
    let egress = Egress::with(Limits::default(), Answers::new(&[&["127.0.0.1"]]));
    let to = destination(&format!("http://desk.test:{}", server.address.port()));
    let answer = egress.send(&to, &pool(), get("/")).await.unwrap();
    assert_eq!(answer.body, b"direct");
}

#[tokio::test]
async fn floods_of_headers_are_refused() {
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    unusable(format!(
        "HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"
    ))
    .await;
    let long = "y".repeat(70_000);
    unusable(format!(
        "HTTP/1.1 200 OK\r\nx: {long}\r\ncontent-length: 0\r\n\r\n"
    ))
    .await;
    // One line that does not end.
    unusable(format!("HTTP/1.1 200 OK\r\nx: {}", "z".repeat(1_000_000))).await;
    // As many as allowed.
    let many: String = (0..99).map(|n| format!("x-{n}: 1\r\n")).collect();
    let server = Server::once(format!(
        "HTTP/1.1 200 OK\r\n{many}content-length: 0\r\n\r\n"
    ))
    .await;
    assert_eq!(ask(&server, get("/")).await.unwrap().headers.len(), 100);
}

#[tokio::test]
async fn answers_that_can_be_read_in_two_ways_are_refused() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\nok",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nokno\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx y: z\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : z\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/3.7 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\ncontent-length: 0\r\n\r\n",
        "<html>no HTTP at all</html>",
        "\0\0\0",
    ] {
        unusable(answer).await;
    }
}

#[tokio::test]
async fn floods_in_chunks_are_refused() {
    let extension = "e".repeat(100_000);
    unusable(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;{extension}\r\nok\r\n0\r\n\r\n"
    ))
    .await;
    let trailers: String = (0..2000)
        .map(|n| format!("x-{n}: 0123456789\r\n"))
        .collect();
    unusable(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n{trailers}\r\n"
    ))
    .await;
    // Small chunks are only slow: content is read up to its limit.
    let server = Server::once(format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}",
        "1\r\nx\r\n".repeat(70_000)
    ))
    .await;
    let answer = ask(&server, get("/")).await.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (64 * 1024, true));
}

#[tokio::test]
async fn interim_answers_without_end_are_over_with_the_time() {
    let server = Server::script(|_, mut stream, requests| async move {
        requests.read(&mut stream).await?;
        loop {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
    })
    .await;
    let request = Outgoing {
        within: Duration::from_millis(300),
        ..get("/")
    };
    let begun = Instant::now();
    let refused = ask(&server, request).await.unwrap_err();
    assert!(matches!(refused, EgressError::NoAnswer(_)), "{refused}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn one_interim_answer_is_skipped() {
    let server = Server::once(format!(
        "HTTP/1.1 103 Early\r\nlink: x\r\n\r\n{}",
        ok("final")
    ))
    .await;
    assert_eq!(ask(&server, get("/")).await.unwrap().body, b"final");
}

#[tokio::test]
async fn an_answer_that_ends_early_is_none() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ] {
        unusable(answer).await;
    }
    // Without a length the end of the connection is the end (RFC 9112, 6.3).
    let server = Server::once("HTTP/1.1 200 OK\r\n\r\nall").await;
    assert_eq!(ask(&server, get("/")).await.unwrap().body, b"all");
}

#[tokio::test]
async fn a_connection_that_is_closed_leaves_it_open_what_happened() {
    let before = Server::script(|_, stream, _| async move {
        drop(stream);
        Ok(())
    })
    .await;
    let after = Server::script(|_, mut stream, requests| async move {
        requests.read(&mut stream).await?;
        Ok(())
    })
    .await;
    for request in [get("/"), post("/", "content")] {
        let refused = ask(&after, request).await.unwrap_err();
        assert!(matches!(refused, EgressError::NoAnswer(_)), "{refused}");
    }
    assert_eq!(after.requests().len(), 2, "nothing is sent twice");
    // Closed at once: whether the request was on the wire is a race, but there is
    // no answer, and no second attempt.
    for request in [get("/"), post("/", "content")] {
        let refused = ask(&before, request).await.unwrap_err();
        let known = matches!(
            refused,
            EgressError::NoAnswer(_) | EgressError::Unreachable(_)
        );
        assert!(known, "{refused}");
    }
    assert_eq!(before.accepted(), 2);
}

#[tokio::test]
async fn nobody_there_is_certain() {
    let server = Server::answering("").await;
    let to = server.destination();
    drop(server);
    let egress = Egress::new();
    loop {
        // The port closes when the server's task has ended.
        let request = Outgoing {
            within: Duration::from_secs(2),
            ..post("/?token=hidden", "x")
        };
        match egress.send(&to, &pool(), request).await.unwrap_err() {
            EgressError::Unreachable(reason) => {
                assert_eq!(reason, "connection refused");
                break;
            }
            EgressError::NoAnswer(_) => tokio::task::yield_now().await,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn silence_after_the_request_is_not_certain() {
    let server = Server::script(|_, mut stream, requests| async move {
        while requests.read(&mut stream).await? {}
        Ok(())
    })
    .await;
    for request in [get("/"), post("/", "content")] {
        let request = Outgoing {
            within: Duration::from_millis(200),
            ..request
        };
        let refused = ask(&server, request).await.unwrap_err();
        assert!(matches!(refused, EgressError::NoAnswer(_)), "{refused}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_drip_is_over_with_the_time_and_a_stall_before_it() {
    let drip = Server::script(|_, mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
            .await?;
        // The attack is the pace itself: always a byte before the stall is noticed.
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        loop {
            pace.tick().await;
            stream.write_all(b".").await?;
        }
    })
    .await;
    let request = Outgoing {
        within: Duration::from_millis(400),
        ..get("/")
    };
    let refused = ask(&drip, request).await.unwrap_err();
    let EgressError::NoAnswer(reason) = refused else {
        panic!("{refused}");
    };
    assert_eq!(reason, "the time was over before the answer's end");

    let stall = Server::script(|_, mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
            .await?;
        // Stays open until the client goes.
        requests.read(&mut stream).await?;
        Ok(())
    })
    .await;
    let limits = Limits {
        stall: Duration::from_millis(200),
        ..Limits::default()
    };
    let egress = Egress::with(limits, std::sync::Arc::new(SystemResolver));
    let refused = egress
        .send(&stall.destination(), &pool(), get("/"))
        .await
        .unwrap_err();
    let EgressError::NoAnswer(reason) = refused else {
        panic!("{refused}");
    };
    assert_eq!(reason, "the answer stalled");
}

#[tokio::test]
async fn content_is_read_to_its_limit_and_no_further() {
    for (length, truncated) in [(9, false), (10, false), (11, true), (5_000_000, true)] {
        let content = "x".repeat(length);
        for answer in [
            ok(&content).into_bytes(),
            coded(GZIP, &gzip(content.as_bytes())),
            format!("HTTP/1.1 200 OK\r\n\r\n{content}").into_bytes(),
        ] {
            let server = Server::once(answer).await;
            let request = Outgoing {
                max_response: 10,
                ..get("/")
            };
            let answer = ask(&server, request).await.unwrap();
            assert_eq!(answer.body.len(), length.min(10));
            assert_eq!(answer.truncated, truncated, "{length}");
        }
    }
}

#[tokio::test]
async fn coded_content_is_decoded() {
    let server = Server::answering(coded(GZIP, &gzip(b"plain"))).await;
    let answer = ask(&server, get("/")).await.unwrap();
    assert_eq!(answer.body, b"plain");
    for about_the_wire in ["content-encoding", "content-length"] {
        assert!(!answer.headers.contains_key(about_the_wire));
    }
    // Members may follow each other (RFC 1952, 2.2).
    let members = [gzip(b"one "), gzip(b"two")].concat();
    let server = Server::answering(coded(GZIP, &members)).await;
    assert_eq!(ask(&server, get("/")).await.unwrap().body, b"one two");
    // The head of an answer without content.
    let server = Server::answering(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 77\r\n\r\n",
    )
    .await;
    let request = Outgoing {
        method: Method::HEAD,
        ..get("/")
    };
    assert_eq!(ask(&server, request).await.unwrap().body, b"");
}

#[tokio::test]
async fn a_bomb_does_not_go_off() {
    // Twenty megabytes in twenty kilobytes.
    let bomb = gzip(&vec![0; 20 << 20]);
    assert!(bomb.len() < 40_000);
    let server = Server::once(coded(GZIP, &bomb)).await;
    let answer = ask(&server, get("/")).await.unwrap();
    assert_eq!((answer.body.len(), answer.truncated), (64 * 1024, true));
    // A bomb in a bomb, in one header and in two, and codings not asked for.
    let nested = gzip(&bomb);
    for codings in [
        "content-encoding: gzip, gzip\r\n",
        "content-encoding: gzip\r\ncontent-encoding: gzip\r\n",
        "content-encoding: identity\r\ncontent-encoding: gzip\r\n",
        "content-encoding: br\r\n",
        "content-encoding: deflate\r\n",
        "content-encoding: zstd\r\n",
    ] {
        unusable(coded(codings, &nested)).await;
    }
    // Damaged, cut, and with something behind.
    let mut damaged = gzip(b"some content");
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    unusable(coded(GZIP, &damaged)).await;
    let whole = gzip(b"some content");
    unusable(coded(GZIP, &whole[..whole.len() - 4])).await;
    unusable(coded(GZIP, &[&whole[..], b"behind"].concat())).await;
    unusable(coded(GZIP, b"not coded")).await;
}

#[tokio::test]
async fn coding_without_content_has_an_end() {
    // Members of nothing, for ever: no content is ever there to be counted.
    let empty = gzip(b"");
    let server = Server::script(move |_, mut stream, requests| {
        let empty = empty.repeat(100);
        async move {
            requests.read(&mut stream).await?;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
                .await?;
            loop {
                stream.write_all(&empty).await?;
            }
        }
    })
    .await;
    let refused = ask(&server, get("/")).await.unwrap_err();
    let EgressError::NoAnswer(reason) = refused else {
        panic!("{refused}");
    };
    assert_eq!(reason, "the answer's coding holds nothing");
}
