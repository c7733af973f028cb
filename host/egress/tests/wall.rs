//! What may be reached: addresses in every spelling, names with mixed or changing
//! answers, targets that point elsewhere.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use support::{Answers, Server, destination, get, ok, pool};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tollgate_egress::{
    Egress, EgressError, Limits, Method, Outgoing, SystemResolver, checked_addresses, judge,
};

fn verdict(address: &str, exceptions: &[&str]) -> Result<(), &'static str> {
    let exceptions: Vec<IpNet> = exceptions.iter().map(|net| net.parse().unwrap()).collect();
    judge(address.parse::<IpAddr>().unwrap(), &exceptions)
}

#[test]
fn special_addresses_are_refused_with_their_purpose() {
    // The first and the last address of each range.
    for (first, last, purpose) in [
        ("0.0.0.0", "0.255.255.255", "this network"),
        ("10.0.0.0", "10.255.255.255", "private"),
        ("100.64.0.0", "100.127.255.255", "shared"),
        ("127.0.0.0", "127.255.255.255", "loopback"),
        ("169.254.0.0", "169.254.255.255", "link-local"),
        ("172.16.0.0", "172.31.255.255", "private"),
        ("192.0.0.0", "192.0.0.255", "protocol assignments"),
        ("192.0.2.0", "192.0.2.255", "documentation"),
        ("192.31.196.0", "192.31.196.255", "AS112"),
        ("192.52.193.0", "192.52.193.255", "multicast tunneling"),
        ("192.88.99.0", "192.88.99.255", "6to4"),
        ("192.168.0.0", "192.168.255.255", "private"),
        ("192.175.48.0", "192.175.48.255", "AS112"),
        ("198.18.0.0", "198.19.255.255", "benchmarking"),
        ("198.51.100.0", "198.51.100.255", "documentation"),
        ("203.0.113.0", "203.0.113.255", "documentation"),
        ("224.0.0.0", "239.255.255.255", "multicast"),
        ("240.0.0.0", "255.255.255.254", "reserved"),
        ("255.255.255.255", "255.255.255.255", "broadcast"),
        ("168.63.129.16", "168.63.129.16", "Azure"),
        ("::", "::", "unspecified"),
        ("::1", "::1", "loopback"),
        ("::2", "::ffff:ffff", "IPv4-compatible"),
        ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "NAT64"),
        ("100::", "100::ffff:ffff:ffff:ffff", "discard"),
        ("100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", "dummy"),
        ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"),
        (
            "2001:2::",
            "2001:2:0:ffff:ffff:ffff:ffff:ffff",
            "benchmarking",
        ),
        (
            "2001:3::",
            "2001:3:ffff:ffff:ffff:ffff:ffff:ffff",
            "multicast",
        ),
        (
            "2001:4:112::",
            "2001:4:112:ffff:ffff:ffff:ffff:ffff",
            "AS112",
        ),
        (
            "2001:10::",
            "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff",
            "ORCHID",
        ),
        (
            "2001:20::",
            "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff",
            "ORCHIDv2",
        ),
        (
            "2001:30::",
            "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff",
            "drone",
        ),
        (
            "2001:1::",
            "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
            "protocol",
        ),
        (
            "2001:db8::",
            "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
            "documentation",
        ),
        ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "6to4"),
        (
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            "AS112",
        ),
        (
            "3fff::",
            "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
            "documentation",
        ),
        (
            "5f00::",
            "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "segment",
        ),
        (
            "fc00::",
            "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "unique local",
        ),
        (
            "fe80::",
            "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "link-local",
        ),
        (
            "fec0::",
            "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "site-local",
        ),
        (
            "ff00::",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "multicast",
        ),
        // Given out to nobody.
        ("4000::", "5eff::", "not global unicast"),
        ("6000::", "fbff::", "not global unicast"),
        ("64:ff9b:0:1::", "64:ff9b:2::", "not global unicast"),
    ] {
        for address in [first, last] {
            let found = verdict(address, &[]).expect_err(address);
            assert!(found.contains(purpose), "{address}: {found}");
        }
    }
}

#[test]
fn public_addresses_beside_them_are_not() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "168.63.129.15",
        "2000::1",
        "2001:200::1",
        "2001:db7::1",
        "2001:db9::1",
        "2003::1",
        "2620:4f:8001::1",
        "2a00::1",
        "3ffe::1",
        "64:ff9b::8.8.8.8",
        "::ffff:8.8.8.8",
        "2a00::5efe:8.8.8.8",
    ] {
        assert_eq!(verdict(address, &[]), Ok(()), "{address}");
    }
}

#[test]
fn an_embedded_address_is_judged_as_itself() {
    for (address, purpose) in [
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:169.254.169.254", "link-local"),
        ("::ffff:10.1.2.3", "private"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::169.254.169.254", "link-local"),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("2a00::5efe:10.0.0.1", "private"),
        ("2a00::200:5efe:127.0.0.1", "loopback"),
    ] {
        let found = verdict(address, &[]).expect_err(address);
        assert!(found.contains(purpose), "{address}: {found}");
    }
}

#[test]
fn an_exception_opens_what_it_names_and_nothing_else() {
    for (address, exceptions, open) in [
        ("127.0.0.1", &["127.0.0.1/32"][..], true),
        ("127.0.0.2", &["127.0.0.1/32"], false),
        ("::1", &["::1/128"], true),
        ("::1", &["127.0.0.1/32"], false),
        // The kernel makes IPv4 of it: the exception is about the same host.
        ("::ffff:127.0.0.1", &["127.0.0.1/32"], true),
        ("::ffff:169.254.169.254", &["127.0.0.1/32"], false),
        ("::ffff:127.0.0.1", &["::/0"], false),
        ("::ffff:127.0.0.1", &["::ffff:0:0/96"], false),
        ("127.0.0.1", &["::/0"], false),
        // Both the tunnel and its inside have to be named.
        ("64:ff9b::10.0.0.1", &["64:ff9b::/96"], false),
        ("64:ff9b::10.0.0.1", &["10.0.0.0/8"], true),
        ("64:ff9b:1::10.0.0.1", &["10.0.0.0/8"], false),
        ("64:ff9b:1::10.0.0.1", &["64:ff9b:1::/96"], false),
        (
            "64:ff9b:1::10.0.0.1",
            &["64:ff9b:1::/96", "10.0.0.1/32"],
            true,
        ),
        ("64:ff9b:1::8.8.8.8", &["64:ff9b:1::/96"], true),
        ("2002:a00:1::1", &["2002::/16"], false),
        ("2002:a00:1::1", &["10.0.0.1/32"], false),
        ("2002:a00:1::1", &["2002::/16", "10.0.0.1/32"], true),
        ("2002:808:808::1", &["2002::/16"], true),
        ("::10.0.0.1", &["::/96"], false),
        // Teredo: server 8.8.8.8 and client 10.0.0.1; server 10.0.0.1 and client 8.8.8.8.
        ("2001:0:808:808::f5ff:fffe", &["2001::/32"], false),
        ("2001:0:a00:1::f7f7:f7f7", &["2001::/32"], false),
        ("2001:0:808:808::f7f7:f7f7", &["2001::/32"], true),
        ("fd00::5efe:10.0.0.1", &["fd00::/8"], false),
        ("fd00::1", &["fd00::/8"], true),
    ] {
        assert_eq!(
            verdict(address, exceptions).is_ok(),
            open,
            "{address} {exceptions:?}"
        );
    }
}

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
