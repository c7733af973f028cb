//! Which addresses may be reached, and what an exception opens.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::IpAddr;

use ipnet::IpNet;
use tollgate_egress::judge;

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
