//! Where a request goes is written in one way.

use super::*;

#[test]
fn a_base_url_has_one_spelling() {
    let base = |url: &str| {
        format!("[grant.http.d]\nbase_url = \"{url}\"\n[[grant.http.d.route]]\ncall = \"GET /\"")
    };
    let cases = [
        ("desk.example", "is no URL"),
        ("ftp://desk.example", "neither https nor http"),
        ("https://", "is no URL"),
        ("http://desk.example", "has no TLS"),
        ("https://user@desk.example", "has a login"),
        ("https://:x@desk.example", "has a login"),
        ("https://@desk.example", "has a login"),
        ("https://desk.example@evil.example", "has a login"),
        ("https://desk.example/?a=1", "query or fragment"),
        ("https://desk.example/#a", "query or fragment"),
        ("https://desk.example:0", "port 0"),
        (
            "https://desk.example:443",
            "write \\\"https://desk.example\\\"",
        ),
        ("https://Desk.example", "write \\\"https://desk.example\\\""),
        ("HTTPS://desk.example", "write \\\"https://desk.example\\\""),
        ("https:desk.example", "write \\\"https://desk.example\\\""),
        (
            "https:\\\\\\\\desk.example",
            "write \\\"https://desk.example\\\"",
        ),
        (
            "https://desk.example\\\\evil",
            "write \\\"https://desk.example/evil\\\"",
        ),
        (
            "https://desk\\t.example",
            "write \\\"https://desk.example\\\"",
        ),
        ("https://2130706433", "write \\\"https://127.0.0.1\\\""),
        ("https://0177.0.0.1", "write \\\"https://127.0.0.1\\\""),
        ("https://127.1", "write \\\"https://127.0.0.1\\\""),
        ("https://127.0.0.1.", "write \\\"https://127.0.0.1\\\""),
        ("https://%31%32%37.0.0.1", "write \\\"https://127.0.0.1\\\""),
        ("https://１２７.0.0.1", "write \\\"https://127.0.0.1\\\""),
        ("https://[0:0::1]", "write \\\"https://[::1]\\\""),
        (
            "https://[::ffff:127.0.0.1]",
            "write \\\"https://[::ffff:7f00:1]\\\"",
        ),
        ("https://[fe80::1%25eth0]", "is no URL"),
        ("https://127.0.0.1", "has the address 127.0.0.1"),
        ("https://[::1]", "has the address ::1"),
        ("https://169.254.169.254", "has the address 169.254.169.254"),
        ("https://desk.example.", "ends with a dot"),
        ("https://desk..example", "no registered name"),
        ("https://desk_x.example", "no registered name"),
        ("https://-desk.example", "no registered name"),
        (
            "https://d%65sk.example",
            "write \\\"https://desk.example\\\"",
        ),
        // A Cyrillic `е`, as it is and as it goes over the wire.
        ("https://d\u{435}sk.example", "mixes scripts"),
        ("https://xn--dsk-qdd.example", "mixes scripts"),
        (
            "https://bücher.example",
            "write \\\"https://xn--bcher-kva.example\\\"",
        ),
        ("https://xn--.example", "is no URL"),
        ("https://xn--desk-.example", "is no URL"),
        (
            "https://XN--bcher-kva.example",
            "write \\\"https://xn--bcher-kva.example\\\"",
        ),
        ("https://desk.example/api/", "ends with `/`"),
        ("https://desk.example//api", "path that is not plain"),
        (
            "https://desk.example/a/../b",
            "write \\\"https://desk.example/b\\\"",
        ),
        (
            "https://desk.example/a/%2e%2e/b",
            "write \\\"https://desk.example/b\\\"",
        ),
        ("https://desk.example/a%2fb", "path that is not plain"),
        ("https://desk.example/a;b", "path that is not plain"),
        (
            "https://desk.example/a b",
            "write \\\"https://desk.example/a%20b\\\"",
        ),
    ];
    let cases: Vec<_> = cases
        .map(|(url, told)| (base(url), told.replace("\\\"", "\"")))
        .into();
    for (text, told) in &cases {
        all_told(&[(text.clone(), told)]);
    }
    for url in [
        "https://desk.example",
        "https://desk.example/",
        "https://desk.example:8443/api/v2",
        "https://xn--bcher-kva.example",
        "https://desk",
    ] {
        assert_eq!(faults(&with(&base(url))), "no fault", "{url}");
    }
    for (url, listed) in [
        ("http://desk.example", "127.0.0.0/8"),
        ("http://127.0.0.1:8080", "127.0.0.1"),
        ("https://[fd00::1]", "fd00::/8"),
    ] {
        let text = base(url).replace("\n[[", &format!("\naddresses = [\"{listed}\"]\n[["));
        assert_eq!(faults(&with(&text)), "no fault", "{url}");
    }
    let text = base("http://127.0.0.1").replace("\n[[", "\naddresses = [\"10.0.0.0/8\"]\n[[");
    all_told(&[(text, "has the address 127.0.0.1")]);
}
