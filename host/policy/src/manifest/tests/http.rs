//! `[grant.http.NAME]`, to the last key and with everything that can be wrong.

mod base_url;
mod destination;
mod route;

use super::*;
use crate::{
    Place, SignatureScheme,
    http::{HttpMethod, KeyPlace, Kind, PathPart, QueryParameter, QueryValues, RouteUndo},
};

const DESK: &str = r#"
[grant.http.desk]
base_url = "https://desk.example:8443/api/v2"
addresses = ["10.1.0.0/16", "127.0.0.1", "fd00::/8"]
roots = "tls/office.pem"
headers = ["if-match", "prefer"]
response_headers = ["x-total"]
own_origin = true
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
partial = true
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
    assert!(desk.own_origin);
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
    let values = QueryValues::Kind(Kind::Flag);
    let flag = QueryParameter { values, times: 1 };
    assert_eq!(get.query["filter[open]"], flag);
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
    assert_eq!(
        (desk.max_request, desk.max_response),
        (256 << 10, 512 << 10)
    );
    assert_eq!(
        (desk.timeout, desk.connections),
        (Duration::from_secs(30), 8)
    );
    assert!(desk.addresses.is_empty() && desk.roots.is_none() && desk.rate.is_none());
    assert!(!desk.own_origin);
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

#[test]
fn a_query_parameter_says_once_what_it_holds() {
    let row = |query: &str| rows(&[&format!("call = \"GET /\"\nquery = {{ a = {query} }}")]);
    all_told(&[
        (
            row("{ kind = \"int\", times = 65 }"),
            "`times` is the number 65",
        ),
        (row("{ kind = \"nit\" }"), "no kind `nit`"),
        (row("{ times = 2 }"), "`query.a` says not what it may hold"),
        (
            row("{ kind = \"int\", one_of = [\"1\"] }"),
            "`query.a` says not what it may hold, or twice",
        ),
        (row("{ one_of = [] }"), "`one_of` names no value"),
        (row("{ one_of = [\"a\\nb\"] }"), "a control character"),
        (row("{ one_of = [\"a\"], time = 2 }"), "`time`"),
    ]);
}
