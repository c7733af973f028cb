//! What may be reached: hosts in every spelling, names with mixed or changing
//! answers, targets that point elsewhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use support::{Answers, Server, destination, get, ok, pool};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tollgate_egress::{
    Egress, EgressError, Limits, Method, Outgoing, SystemResolver, checked_addresses,
};

#[tokio::test]
async fn a_literal_host_is_refused_in_every_spelling() {
    let egress = Egress::new();
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "017700000001",
        "0177.0.0.01",
        "127.0x1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:808:808::80ff:fffe]",
        "169.254.169.254",
        "0xa9fea9fe",
        "[fe80::1]",
        "１２７.０.０.１",
        "127。0。0。1",
        "①②⑦.0.0.1",
    ] {
        let mut to = destination("http://placeholder.test");
        to.addresses.clear();
        to.base = format!("http://{host}:9/").parse().expect(host);
        let refused = egress.send(&to, &pool(), get("/")).await.unwrap_err();
        assert!(
            matches!(refused, EgressError::Forbidden { .. }),
            "{host}: {refused}"
        );
        let bare = host.trim_end_matches('.');
        let refused = checked_addresses(bare, 9, &[], &SystemResolver)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, EgressError::Forbidden { .. }),
            "{host}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_base_that_hides_its_host_is_refused() {
    // A zone would choose an interface.
    assert!("http://[fe80::1%25eth0]/".parse::<url::Url>().is_err());
    let egress = Egress::new();
    for base in [
        "http://good.test@127.0.0.1/",
        "http://good.test:pass@127.0.0.1/",
        "http://localhost./",
        "http://127.0.0.1:0/",
        "http://127.0.0.1/?q",
        "http://127.0.0.1/#f",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "unix:/run/docker.sock",
    ] {
        let refused = egress
            .send(&destination(base), &pool(), get("/"))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, EgressError::Invalid(_)),
            "{base}: {refused}"
        );
    }
}

#[tokio::test]
async fn one_forbidden_address_refuses_the_name() {
    for mixed in [
        &["1.1.1.1", "10.0.0.1"][..],
        &["10.0.0.1", "1.1.1.1"],
        &["2a00::1", "::ffff:169.254.169.254"],
        &["1.1.1.1", "::1"],
    ] {
        let egress = Egress::with(Limits::default(), Answers::new(&[mixed]));
        let mut to = destination("http://mixed.test");
        to.addresses.clear();
        let refused = egress.send(&to, &pool(), get("/")).await.unwrap_err();
        let EgressError::Forbidden { host, .. } = refused else {
            panic!("{mixed:?}: {refused}");
        };
        assert_eq!(host, "mixed.test");
    }
}

#[tokio::test]
async fn the_addresses_that_were_judged_are_the_ones_connected_to() {
    let server = Server::once(ok("one")).await;
    // What a second lookup would reach: same port, an address without exception.
    let port = server.address.port();
    let trap = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    let trap = Server::on(trap, |_, mut stream, requests| async move {
        requests.read(&mut stream).await?;
        stream.write_all(ok("trap").as_bytes()).await
    });
    let resolver = Answers::new(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let egress = Egress::with(Limits::default(), Arc::clone(&resolver) as _);
    let to = destination(&format!("http://rebinding.test:{port}"));

    let answer = egress.send(&to, &pool(), get("/")).await.unwrap();
    assert_eq!(answer.body, b"one");
    assert_eq!(resolver.lookups(), 1, "no second lookup before connecting");

    // The connection was closed, so the next request needs another one.
    let refused = egress.send(&to, &pool(), get("/")).await.unwrap_err();
    assert!(
        matches!(refused, EgressError::Forbidden { .. }),
        "{refused}"
    );
    assert_eq!((server.accepted(), trap.accepted()), (1, 0));
}

#[tokio::test]
async fn checked_addresses_are_given_once() {
    let resolver = Answers::new(&[&["1.1.1.1", "2a00::1"], &["127.0.0.1"], &[]]);
    let found = checked_addresses("mail.test", 587, &[], &*resolver).await;
    let expected = ["1.1.1.1:587", "[2a00::1]:587"].map(|text| text.parse().unwrap());
    assert_eq!(found.unwrap(), expected);
    let found = checked_addresses("mail.test", 587, &[], &*resolver).await;
    assert!(matches!(found, Err(EgressError::Forbidden { .. })));
    let found = checked_addresses("mail.test", 587, &[], &*resolver).await;
    assert!(matches!(found, Err(EgressError::Unreachable(_))));
}

#[tokio::test]
async fn a_name_in_other_letters_is_its_punycode() {
    let server = Server::answering(ok("")).await;
    let egress = Egress::with(Limits::default(), Answers::new(&[&["127.0.0.1"]]));
    let to = destination(&format!("http://bücher.test:{}", server.address.port()));
    egress.send(&to, &pool(), get("/")).await.unwrap();
    let request = &server.requests()[0];
    let host = format!("host: xn--bcher-kva.test:{}\r\n", server.address.port());
    assert!(request.contains(&host), "{request}");
}

#[tokio::test]
async fn a_target_stays_below_its_base() {
    let server = Server::answering(ok("")).await;
    let egress = Egress::new();
    let to = destination(&format!("http://{}/api/v2", server.address));
    for target in [
        "http://other.test/",
        "//other.test/",
        "@other.test/",
        "other",
        ":80/",
        "/a b",
        "/a\r\nx: y",
        "/a\tb",
        "/a\0b",
        "/ä",
        "/a#b",
        "/a\\b",
        "\\\\other.test",
        "/..",
        "/../x",
        "/a/../../x",
        "/%2e%2e/x",
        "/.%2E/x",
        "/..%2fx",
        "/a%2f..%2f..%2fx",
        "/..%5cx",
        "/.",
        "/a/%2e/b",
        "/\"",
        "/{id}",
    ] {
        let refused = egress.send(&to, &pool(), get(target)).await.unwrap_err();
        assert!(
            matches!(refused, EgressError::Invalid(_)),
            "{target:?}: {refused}"
        );
    }
    assert_eq!(server.accepted(), 0);
    for (target, line) in [
        (
            "/tickets/1?include=a%20b",
            "GET /api/v2/tickets/1?include=a%20b HTTP/1.1",
        ),
        ("", "GET /api/v2 HTTP/1.1"),
        ("?x=//y/../z", "GET /api/v2?x=//y/../z HTTP/1.1"),
        ("/a%2Fb/..c//d", "GET /api/v2/a%2Fb/..c//d HTTP/1.1"),
    ] {
        egress.send(&to, &pool(), get(target)).await.unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!(request.lines().next(), Some(line));
    }
}

#[tokio::test]
async fn headers_that_say_how_a_message_travels_are_the_hosts() {
    let server = Server::answering(ok("")).await;
    let egress = Egress::new();
    for name in [
        "Host",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "Accept-Encoding",
        "HTTP2-Settings",
    ] {
        let mut request = get("/");
        let name: reqwest::header::HeaderName = name.parse().unwrap();
        request.headers.insert(name.clone(), "x".parse().unwrap());
        let refused = egress
            .send(&server.destination(), &pool(), request)
            .await
            .unwrap_err();
        assert!(
            matches!(refused, EgressError::Invalid(_)),
            "{name}: {refused}"
        );
    }
    for value in ["a\r\nx: y", "a\nb", "a\rb", "a\0b"] {
        assert!(value.parse::<reqwest::header::HeaderValue>().is_err());
    }
    for method in [Method::CONNECT, Method::TRACE] {
        let request = Outgoing { method, ..get("/") };
        let refused = egress
            .send(&server.destination(), &pool(), request)
            .await
            .unwrap_err();
        assert!(matches!(refused, EgressError::Invalid(_)), "{refused}");
    }
    assert_eq!(server.accepted(), 0);

    let mut request = get("/");
    request.headers.insert("x-token", "t".parse().unwrap());
    egress
        .send(&server.destination(), &pool(), request)
        .await
        .unwrap();
    let request = server.requests()[0].to_ascii_lowercase();
    let host = format!("host: {}\r\n", server.address);
    let agent = concat!("user-agent: tollgate/", env!("CARGO_PKG_VERSION"), "\r\n");
    for line in [
        host.as_str(),
        agent,
        "x-token: t\r\n",
        "accept-encoding: gzip\r\n",
    ] {
        assert_eq!(request.matches(line).count(), 1, "{line}: {request}");
    }
    for absent in ["cookie", "referer", "proxy"] {
        assert!(!request.contains(absent), "{request}");
    }
}
