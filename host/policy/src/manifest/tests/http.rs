//! `[grant.http.NAME]`, to the last key and with everything that can be wrong.

use super::*;
use crate::{
    Place, SignatureScheme,
    http::{HttpMethod, KeyPlace, Kind, PathPart, RouteUndo},
};

const DESK: &str = r#"
[grant.http.desk]
base_url = "https://desk.example:8443/api/v2"
addresses = ["10.1.0.0/16", "127.0.0.1", "fd00::/8"]
roots = "tls/office.pem"
headers = ["if-match", "prefer"]
response_headers = ["x-total"]
max_request = "1MiB"
max_response = "2MiB"
timeout = "10s"
connections = 2
rate = "60/min"

[grant.http.desk.credential]
secret = "desk-token"
header = "Authorization"
format = "Bearer {}"

[[grant.http.desk.route]]
call = "GET /tickets/{id:int}"
query = { include = "id", "filter[open]" = "flag" }

[[grant.http.desk.route]]
call = "PUT /tickets/{number:int}"
effect = "write"
undo = "restore"
at = "/ticket"
conditional = true

[[grant.http.desk.route]]
call = "PUT /payments/{number:key}"
idempotency = "path"

[[grant.http.desk.route]]
call = "POST /tickets"
effect = "write"
undo = "inverse"
idempotency = "header:Idempotency-Key"

[[grant.http.desk.route]]
call = "POST /search"
effect = "read"

[[grant.http.desk.route]]
call = "GET /v{major:int}.json/{rest:path}"
effect = "irreversible"

[[grant.http.desk.route]]
call = "PATCH /notes/"
idempotency = "body:/request_id"
"#;

/// A grant with these keys and the route `GET /`.
fn keys(keys: &str) -> String {
    format!(
        "[grant.http.d]\nbase_url = \"https://desk.example\"\n{keys}\n[[grant.http.d.route]]\ncall = \"GET /\""
    )
}

/// A grant with these routes.
fn rows(rows: &[&str]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| format!("[[grant.http.d.route]]\n{row}\n"))
        .collect();
    format!(
        "[grant.http.d]\nbase_url = \"https://desk.example\"\nheaders = [\"prefer\"]\n{}",
        rows.concat()
    )
}

fn all_told(cases: &[(String, &str)]) {
    for (text, message) in cases {
        let told = faults(&with(text));
        assert!(
            told.contains(message),
            "{text}\n--- wanted: {message}\n--- got: {told}"
        );
        assert!(told.contains("\n  help: "), "{told}");
    }
}

#[test]
fn a_destination_is_read_to_the_last_key() {
    let manifest = Manifest::parse("m.toml", &with(DESK)).unwrap();
    let desk = &manifest.grant.http["desk"];
    assert_eq!(desk.base_url.as_str(), "https://desk.example:8443/api/v2");
    let addresses: Vec<_> = desk.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.1.0.0/16", "127.0.0.1/32", "fd00::/8"]);
    assert_eq!(desk.roots.as_deref(), Some("tls/office.pem"));
    assert!(desk.headers.contains("prefer") && desk.response_headers.contains("x-total"));
    assert_eq!((desk.max_request, desk.max_response), (1 << 20, 2 << 20));
    assert_eq!(
        (desk.timeout, desk.connections),
        (Duration::from_secs(10), 2)
    );
    assert_eq!(desk.rate, Some((60, Duration::from_secs(60))));
    let credential = desk.credential.as_ref().unwrap();
    assert_eq!(credential.place, Place::Header("authorization".to_owned()));
    assert_eq!(credential.format.as_deref(), Some("Bearer {}"));
    let [get, put, pay, post, search, rest, notes] = &desk.routes[..] else {
        panic!("seven routes")
    };
    assert_eq!(get.query["filter[open]"], Kind::Flag);
    assert_eq!((get.effect, &get.undo), (Effect::Read, &RouteUndo::None));
    let at = "/ticket".to_owned();
    assert_eq!(
        (put.effect, &put.undo),
        (Effect::Write, &RouteUndo::Restore { at })
    );
    assert!(put.conditional && !get.conditional);
    assert_eq!(
        (pay.effect, &pay.idempotency),
        (Effect::Irreversible, &Some(KeyPlace::Path))
    );
    assert_eq!(
        (post.effect, &post.undo),
        (Effect::Write, &RouteUndo::Inverse)
    );
    let header = KeyPlace::Header("idempotency-key".to_owned());
    assert_eq!(post.idempotency, Some(header));
    assert_eq!(
        (search.method, search.effect),
        (HttpMethod::Post, Effect::Read)
    );
    assert_eq!(rest.effect, Effect::Irreversible);
    assert_eq!(
        rest.path[1],
        PathPart::Rest {
            name: "rest".to_owned()
        }
    );
    assert_eq!(notes.path[1], PathPart::Literal(String::new()));
    let calls: Vec<_> = desk.routes.iter().map(ToString::to_string).collect();
    assert_eq!(calls[5], "GET /v{major:int}.json/{rest:path}");
    assert_eq!(calls[6], "PATCH /notes/");
}

#[test]
fn what_a_destination_leaves_out_is_safe() {
    let manifest = Manifest::parse("m.toml", &with(&rows(&["call = \"DELETE /a\""]))).unwrap();
    let desk = &manifest.grant.http["d"];
    assert_eq!((desk.max_request, desk.max_response), (256 << 10, 1 << 20));
    assert_eq!(
        (desk.timeout, desk.connections),
        (Duration::from_secs(30), 8)
    );
    assert!(desk.addresses.is_empty() && desk.roots.is_none() && desk.rate.is_none());
    assert_eq!(desk.routes[0].effect, Effect::Irreversible);
}

#[test]
fn a_credential_has_every_place_that_there_is() {
    for (place, expected) in [
        ("query = \"api_key\"", Place::Query("api_key".to_owned())),
        (
            "signature = \"standard-webhooks\"",
            Place::Signature(SignatureScheme::StandardWebhooks),
        ),
        (
            "signature = \"http-message\"",
            Place::Signature(SignatureScheme::HttpMessage),
        ),
        ("user = \"mira\"", Place::Header("authorization".to_owned())),
        (
            "oauth = { token_url = \"https://login.example/o/token/\", client_id = \"c\", scopes = [\"a:b\"] }",
            Place::OAuthClient,
        ),
    ] {
        let text = with(&keys(&format!(
            "[grant.http.d.credential]\nsecret = \"s\"\n{place}"
        )));
        let manifest = Manifest::parse("m.toml", &text).unwrap_or_else(|told| panic!("{told}"));
        let credential = manifest.grant.http["d"].credential.clone().unwrap();
        assert_eq!(credential.place, expected);
        assert_eq!(credential.user.is_some(), place.starts_with("user"));
        assert_eq!(credential.oauth.is_some(), place.starts_with("oauth"));
    }
    let text = "[grant.http.d]\nbase_url = \"https://desk.example\"\n[grant.http.d.credential]\nsecret = \"s\"\nbody = \"/token\"\n[[grant.http.d.route]]\ncall = \"POST /\"";
    let manifest = Manifest::parse("m.toml", &with(text)).unwrap();
    let credential = manifest.grant.http["d"].credential.as_ref().unwrap();
    assert_eq!(credential.place, Place::Body("/token".to_owned()));
}

#[test]
fn the_faults_of_a_destination_are_told_at_once_with_their_places() {
    let text = "connector = \"c\"\ncomponent = \"DIGEST\"\n[grant.http.desk]\nbase_url = \"https://0x7f.1/api\"\nheaders = [\"host\", \"If-Match\"]\ntimeout = \"2h\"\nconnections = 1000\nrate = \"60/m\"\n\n[grant.http.desk.credential]\nsecret = \"desk-token\"\nheader = \"authorization\"\nquery = \"key\"\n\n[[grant.http.desk.route]]\ncall = \"GET /tickets/{id:number}\"\n\n[[grant.http.desk.route]]\ncall = \"GET /a/{x:id}\"\n\n[[grant.http.desk.route]]\ncall = \"GET /a/{y:int}\"\n\n[[grant.http.desk.route]]\ncall = \"PATCH /b\"\neffect = \"write\"\nundo = \"restore\"\n";
    let expected = r#"m.toml:4:12: `base_url` is not written canonically: `https://0x7f.1/api`
  help: write "https://127.0.0.1/api"
m.toml:5:12: the header `host` is the host's own, so no connector can set it
  help: remove it
m.toml:5:20: `If-Match` is no header's name in lower case
  help: write a name such as "if-match"
m.toml:6:11: `timeout` is "2h", which is out of range
  help: write a positive value within the documented bound
m.toml:7:15: `connections` is the number 1000, which is out of range
  help: write at most 256
m.toml:8:8: `rate` is a text
  help: write 1 to 100000 and a unit, s, min or h, for example "60/min"
m.toml:13:9: `query` is a second place for the secret
  help: write exactly one of header, query, body, signature, user or oauth
m.toml:16:8: there is no kind `number`
  help: write one of `int`, `id`, `uuid`, `date`, `flag`, `text`, `key`, `path`
m.toml:21:1: the route `GET /a/{y:int}` can never decide: `GET /a/{x:id}` before it takes all its requests
  help: remove one of them, or put the narrower one first
m.toml:24:1: `PATCH /b` is to be restored, and no route reads it before
  help: add a route with call = "GET /b""#;
    assert_eq!(faults(&text.replace("DIGEST", DIGEST)), expected);
}

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

#[test]
fn each_mistake_in_a_destination_has_its_own_advice() {
    let credential = |rest: &str| keys(&format!("[grant.http.d.credential]\n{rest}"));
    let secret = |rest: &str| credential(&format!("secret = \"s\"\n{rest}"));
    all_told(&[
        ("[grant.http.d]\n".to_owned(), "has no `base_url`"),
        (
            "[grant.http.d]\nbase_url = \"https://a.example\"".to_owned(),
            "grants no request",
        ),
        (
            "[grant.http.d]\nbase_url = 5".to_owned(),
            "`base_url` is the number 5",
        ),
        (keys("bas = 1"), "unknown key `bas`"),
        (
            keys("route = 5").replace("[[grant.http.d.route]]\ncall = \"GET /\"", ""),
            "not a list of tables",
        ),
        (keys("addresses = [\"localhost\"]"), "no address or network"),
        (
            keys("addresses = [\"10.1.2.3/8\"]"),
            "write the network's own address: 10.0.0.0/8",
        ),
        (
            keys("addresses = [\"0.0.0.0/0\"]"),
            "prefix of /8 or longer",
        ),
        (keys("addresses = [\"::/0\"]"), "prefix of /7 or longer"),
        (
            keys("addresses = [\"::ffff:127.0.0.1\"]"),
            "as an address of version 4",
        ),
        (keys("addresses = [\"0:0::1\"]"), "write ::1/128"),
        (keys("addresses = [\"010.0.0.1\"]"), "no address or network"),
        (keys("roots = \"../a.pem\""), "goes up"),
        (
            keys("roots = \"a.pem\"\naddresses = [\"127.0.0.1\"]").replace("https", "http"),
            "without TLS",
        ),
        (keys("max_request = \"65MiB\""), "out of range"),
        (keys("max_response = 5"), "unit"),
        (keys("timeout = \"0s\""), "out of range"),
        (keys("connections = 0"), "whole number above 0"),
        (keys("rate = \"0/s\""), "1 to 100000"),
        (keys("rate = \"+5/s\""), "1 to 100000"),
        (keys("rate = \"5\""), "1 to 100000"),
        (keys("rate = \"100001/h\""), "1 to 100000"),
        (keys("rate = 5"), "`rate` is the number 5"),
        (keys("headers = [\"transfer-encoding\"]"), "the host's own"),
        (keys("headers = [\"content-length\"]"), "the host's own"),
        (
            keys("headers = [\"proxy-authorization\"]"),
            "the host's own",
        ),
        (keys("headers = [\"x-forwarded-host\"]"), "the host's own"),
        (keys("headers = [\"sec-fetch-mode\"]"), "the host's own"),
        (keys("headers = [\"cookie\"]"), "the host's own"),
        (
            keys("headers = [\"x-http-method-override\"]"),
            "the host's own",
        ),
        (keys("headers = [\"a b\"]"), "no header's name"),
        (keys("headers = [\"a\", \"a\"]"), "stands twice"),
        (
            keys(
                "headers = [\"authorization\"]\n[grant.http.d.credential]\nsecret = \"s\"\nquery = \"key\"",
            ),
            "belongs to the credential",
        ),
        (
            keys(
                "headers = [\"x-key\"]\n[grant.http.d.credential]\nsecret = \"s\"\nheader = \"X-Key\"",
            ),
            "belongs to the credential",
        ),
        (
            keys(
                "headers = [\"webhook-id\"]\n[grant.http.d.credential]\nsecret = \"s\"\nsignature = \"standard-webhooks\"",
            ),
            "belongs to the credential",
        ),
        (
            keys("response_headers = [\"set-cookie\"]"),
            "never passed on",
        ),
        (
            keys("response_headers = [\"set-cookie2\"]"),
            "never passed on",
        ),
        (
            keys("response_headers = [\"content-encoding\"]"),
            "never passed on",
        ),
        (credential("header = \"authorization\""), "has no `secret`"),
        (
            credential("secret = \"https://a b\"\nheader = \"authorization\""),
            "cannot be the name of a secret",
        ),
        (secret(""), "does not say where"),
        (secret("header = \"a\"\nuser = \"b\""), "second place"),
        (secret("header = \"host\""), "`header` cannot be \"host\""),
        (secret("header = \"a b\""), "`header` cannot be"),
        (secret("query = \"a&b\""), "`query` cannot be"),
        (secret("body = \"token\""), "`body` cannot be"),
        (secret("body = \"\""), "`body` cannot be"),
        (secret("body = \"/a~2\""), "`body` cannot be"),
        (secret("body = \"/token\""), "a GET has none"),
        (secret("signature = \"http\""), "`signature` cannot be"),
        (secret("user = \"a:b\""), "`user` cannot be"),
        (
            secret("user = \"a\"\nformat = \"{}\""),
            "of no use with `user`",
        ),
        (
            secret("header = \"a\"\nformat = \"Bearer\""),
            "with `{}` once",
        ),
        (
            secret("header = \"a\"\nformat = \"{} {}\""),
            "with `{}` once",
        ),
        (
            secret("header = \"a\"\nformat = \"{}\\r\\nx: y\""),
            "with `{}` once",
        ),
        (
            secret("oauth = 5"),
            "`[….credential.oauth]` is the number 5",
        ),
        (secret("oauth = {}"), "has no `token_url`"),
        (
            secret("oauth = { token_url = \"http://a.example/t\", client_id = \"c\" }"),
            "a URL with https",
        ),
        (
            secret("oauth = { token_url = \"https://a.example/t?x\", client_id = \"c\" }"),
            "`token_url` has a query",
        ),
        (
            secret("oauth = { token_url = \"https://a.example/t\", client_id = \"\" }"),
            "`client_id` is a text",
        ),
        (
            secret(
                "oauth = { token_url = \"https://a.example/t\", client_id = \"c\", scopes = [\"a b\"] }",
            ),
            "no scope",
        ),
        (
            secret(
                "oauth = { token_url = \"https://a.example/t\", client_id = \"c\", scope = \"a\" }",
            ),
            "did you mean `scopes`?",
        ),
        (
            secret("query = \"key\"").replace("\"GET /\"", "\"GET /\"\nquery = { Key = \"id\" }"),
            "`key` belongs to the credential",
        ),
        (
            secret("header = \"x-key\"")
                .replace("\"GET /\"", "\"POST /\"\nidempotency = \"header:X-Key\""),
            "the same place",
        ),
        (
            secret("body = \"/a\"").replace("\"GET /\"", "\"POST /\"\nidempotency = \"body:/a\""),
            "the same place",
        ),
    ]);
}

#[test]
fn each_mistake_in_a_route_has_its_own_advice() {
    let many: Vec<_> = (0..501).map(|i| format!("call = \"GET /r{i}\"")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    all_told(&[
        (rows(&[""]), "has no `call`"),
        (rows(&["call = \"/a\""]), "is no call"),
        (rows(&["call = \"GET a\""]), "is no call"),
        (rows(&["call = \"GET\""]), "is no call"),
        (rows(&["call = \"get /a\""]), "did you mean `GET`?"),
        (rows(&["call = \"TRACE /a\""]), "there is no method `TRACE`"),
        (
            rows(&["call = \"CONNECT /a\""]),
            "there is no method `CONNECT`",
        ),
        (rows(&["call = \"GET /a//b\""]), "empty segment"),
        (rows(&["call = \"GET //evil.example\""]), "empty segment"),
        (rows(&["call = \"GET /../a\""]), "`..` is not plain"),
        (rows(&["call = \"GET /a%2fb\""]), "is not plain"),
        (rows(&["call = \"GET /a?b=1\""]), "is not plain"),
        (rows(&["call = \"GET /a b\""]), "is not plain"),
        (rows(&["call = \"GET /a;b\""]), "is not plain"),
        (
            rows(&["call = \"GET /*\"", "call = \"GET /{x}\""]),
            "`{x}` is no segment",
        ),
        (rows(&["call = \"GET /{x:int\""]), "is no segment"),
        (rows(&["call = \"GET /x:int}\""]), "is not plain"),
        (rows(&["call = \"GET /{a:int}{b:int}\""]), "is not plain"),
        (rows(&["call = \"GET /{X:int}\""]), "name of a parameter"),
        (rows(&["call = \"GET /{0:int}\""]), "name of a parameter"),
        (rows(&["call = \"GET /{x:itn}\""]), "did you mean `int`?"),
        (
            rows(&["call = \"GET /{x:int}/{x:id}\""]),
            "`x` stands twice",
        ),
        (rows(&["call = \"GET /{x:path}/a\""]), "something follows"),
        (rows(&["call = \"GET /a{x:path}\""]), "something beside it"),
        (
            rows(&["call = \"PUT /a{x:key}\"\nidempotency = \"path\""]),
            "something beside it",
        ),
        (
            rows(&["call = \"PUT /{x:key}/{y:key}\"\nidempotency = \"path\""]),
            "two places",
        ),
        (
            rows(&["call = \"PUT /{x:key}\""]),
            "`idempotency` is not \"path\"",
        ),
        (rows(&["call = \"GET /a\"\nquery = 5"]), "a table such as"),
        (
            rows(&["call = \"GET /a\"\nquery = { a = \"path\" }"]),
            "has no kind `path`",
        ),
        (
            rows(&["call = \"GET /a\"\nquery = { a = \"key\" }"]),
            "has no kind `key`",
        ),
        (
            rows(&["call = \"GET /a\"\nquery = { a = 5 }"]),
            "`a` is the number 5",
        ),
        (
            rows(&["call = \"GET /a\"\nquery = { \"a&b\" = \"int\" }"]),
            "cannot be granted as a query parameter",
        ),
        (
            rows(&["call = \"POST /a\"\nquery = { _method = \"id\" }"]),
            "cannot be granted as a query parameter",
        ),
        (
            rows(&["call = \"GET /a\"\neffect = \"reed\""]),
            "did you mean `read`?",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"read\""]),
            "a PUT is never a read",
        ),
        (
            rows(&["call = \"DELETE /a\"\neffect = \"read\""]),
            "a DELETE is never a read",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"write\""]),
            "names no undo",
        ),
        (
            rows(&["call = \"GET /a\"\neffect = \"write\""]),
            "names no undo",
        ),
        (
            rows(&["call = \"PUT /a\"\nundo = \"inverse\""]),
            "does not say that it is one",
        ),
        (
            rows(&["call = \"POST /a\"\neffect = \"read\"\nundo = \"inverse\""]),
            "does not say that it is one",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"irreversible\"\nundo = \"inverse\""]),
            "does not say that it is one",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"write\"\nundo = \"inverted\""]),
            "did you mean `inverse`?",
        ),
        (
            rows(&["call = \"DELETE /a\"\neffect = \"write\"\nundo = \"restore\""]),
            "this is a DELETE",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\""]),
            "add a route with call = \"GET /a\"",
        ),
        (
            rows(&[
                "call = \"PUT /a/{id:id}\"\neffect = \"write\"\nundo = \"restore\"",
                "call = \"GET /a/{id:int}\"",
            ]),
            "no route reads it",
        ),
        (
            rows(&[
                "call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\"",
                "call = \"GET /a\"\neffect = \"irreversible\"",
            ]),
            "no route reads it",
        ),
        (
            rows(&[
                "call = \"PUT /{x:key}\"\neffect = \"write\"\nundo = \"restore\"\nidempotency = \"path\"",
            ]),
            "nothing to put back",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"write\"\nundo = \"inverse\"\nat = \"/a\""]),
            "`at` belongs to",
        ),
        (rows(&["call = \"PUT /a\"\nat = \"/a\""]), "`at` belongs to"),
        (
            rows(&[
                "call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\"\nat = \"a\"",
                "call = \"GET /a\"",
            ]),
            "a JSON Pointer",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"path\""]),
            "no place for the idempotency key",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"header:host\""]),
            "no idempotency key",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"header:a b\""]),
            "no idempotency key",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"header:Prefer\""]),
            "remove it from `headers`",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"body:id\""]),
            "no JSON Pointer",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"body:\""]),
            "no JSON Pointer",
        ),
        (
            rows(&["call = \"DELETE /a\"\nidempotency = \"body:/id\""]),
            "content of a DELETE",
        ),
        (
            rows(&["call = \"POST /a\"\nidempotency = \"query:id\""]),
            "`idempotency` is a text",
        ),
        (
            rows(&["call = \"GET /a\"\nidempotency = \"header:x-id\""]),
            "a read changes nothing",
        ),
        (
            rows(&["call = \"POST /a\"\nconditional = true"]),
            "a POST replaces nothing",
        ),
        (
            rows(&["call = \"PUT /a\"\nconditional = true"]),
            "add headers = [\"if-match\"]",
        ),
        (
            rows(&["call = \"GET /a\"\nconditional = 1"]),
            "write true or false",
        ),
        (
            rows(&["call = \"GET /a\"\nquerry = {}"]),
            "did you mean `query`?",
        ),
        (
            rows(&["call = \"GET /a\"", "call = \"GET /a\""]),
            "can never decide",
        ),
        (
            rows(&["call = \"GET /{x:text}\"", "call = \"GET /a\""]),
            "can never decide",
        ),
        (
            rows(&["call = \"GET /{x:path}\"", "call = \"GET /a/{y:id}\""]),
            "can never decide",
        ),
        (
            rows(&[
                "call = \"GET /a/{x:text}\"",
                "call = \"GET /a/v{y:int}.json\"",
            ]),
            "can never decide",
        ),
        (rows(&many), "write at most 500"),
    ]);
    for good in [
        &["call = \"GET /a\"", "call = \"PUT /a\""][..],
        &[
            "call = \"GET /{x:int}\"",
            "call = \"GET /{x:id}\"",
            "call = \"GET /{x:date}\"",
            "call = \"GET /{x:path}\"",
        ],
        &["call = \"GET /{x:id}\"", "call = \"GET /{x:id}/\""],
        &[
            "call = \"GET /{x:text}\"",
            "call = \"PATCH /{x:int}\"\neffect = \"write\"\nundo = \"restore\"",
        ],
        &["call = \"GET /a\"\neffect = \"read\""],
        &["call = \"DELETE /a\"\neffect = \"write\"\nundo = \"inverse\""],
    ] {
        assert_eq!(faults(&with(&rows(good))), "no fault");
    }
}

#[test]
fn a_rule_names_a_request_and_its_destination() {
    let rule = "[[rule]]\nname = \"a\"\ncall = \"http.send\"\ndestination = \"d\"\nwhen = { \"args.path.id\" = { gt = 5 } }\nthen = \"deny\"\n";
    let good = format!("{}{rule}", rows(&["call = \"GET /{id:int}\""]));
    assert_eq!(faults(&with(&good)), "no fault");
    let bad = good.replace("destination = \"d\"", "destination = \"e\"");
    assert!(faults(&with(&bad)).contains("no grant is named `e`"));
    let manifest = Manifest::parse("m.toml", &with(&good)).unwrap();
    assert_eq!(manifest.missing_grants(&["http.send".to_owned()]), []);
}

proptest::proptest! {
    #[test]
    fn a_broken_destination_is_told_and_never_a_panic(at in 0..DESK.len(), length in 0..30_usize, put in "[\\[\\]{}=\".:/\\\\%@a-z0-9 é]{0,10}") {
        let mut text = DESK.to_owned();
        let end = (at + length).min(text.len());
        text.replace_range(at..end, &put);
        if let Err(faults) = Manifest::parse("m.toml", &with(&text)) {
            proptest::prop_assert!(!faults.as_slice().is_empty());
        }
    }
}
