//! Everything that can be wrong with a route.

use super::*;

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
            rows(&["call = \"PUT /b\"\neffect = \"write\"\nundo = \"restore\""]),
            "replaces the whole resource",
        ),
        (
            rows(&["call = \"PATCH /b\"\neffect = \"write\"\nundo = \"restore\"\npartial = true"]),
            "`partial` belongs to a PUT",
        ),
        (
            rows(&["call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\"\npartial = true"]),
            "add a route with call = \"GET /a\"",
        ),
        (
            rows(&[
                "call = \"PUT /a/{id:id}\"\neffect = \"write\"\nundo = \"restore\"\npartial = true",
                "call = \"GET /a/{id:int}\"",
            ]),
            "no route reads it",
        ),
        (
            rows(&[
                "call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\"\npartial = true",
                "call = \"GET /a\"\neffect = \"irreversible\"",
            ]),
            "no route reads it",
        ),
        (
            rows(&[
                "call = \"PUT /{x:key}\"\neffect = \"write\"\nundo = \"restore\"\npartial = true\nidempotency = \"path\"",
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
                "call = \"PUT /a\"\neffect = \"write\"\nundo = \"restore\"\npartial = true\nat = \"a\"",
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
            rows(&["call = \"POST /a\"\nidempotency = \"signature\""]),
            "no signature that has the idempotency key",
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
