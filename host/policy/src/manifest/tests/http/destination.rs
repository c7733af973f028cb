//! Everything that can be wrong with a destination.

use super::*;

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
        (
            secret("signature = \"http-message\"")
                .replace("\"GET /\"", "\"POST /\"\nidempotency = \"signature\""),
            "no signature that has the idempotency key",
        ),
        // What comes in is verified so; nothing is sent so.
        (secret("signature = \"github\""), "`signature` cannot be"),
    ]);
}
