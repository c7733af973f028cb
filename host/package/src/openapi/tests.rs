#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use serde_json::{Value, json};

use super::*;
use tollgate_openapi::Undo;

const ORDERS: &str = r##"
openapi: 3.0.3
info: { title: Orders, version: "7" }
servers: [{ url: "https://orders.example/api/" }]
components:
  securitySchemes:
    token: { type: http, scheme: bearer }
  parameters:
    Page: { name: page, in: query, schema: { type: integer } }
  schemas:
    Order:
      type: object
      required: [status]
      properties:
        status: { type: string, enum: [open, closed], nullable: true }
        lines: { type: array, items: { $ref: "#/components/schemas/Line" } }
        total: { type: number, minimum: 0, exclusiveMinimum: true }
    Line:
      type: object
      properties:
        part: { $ref: "#/components/schemas/Line" }
paths:
  /orders:
    parameters: [{ $ref: "#/components/parameters/Page" }]
    get:
      operationId: listOrders
      summary: List orders
      parameters:
        - { name: Fields, in: query, explode: false, schema: { type: array, items: { type: string } } }
        - { name: tags, in: query, schema: { type: array, items: { type: string } } }
        - { name: state, in: query, schema: { type: array, maxItems: 3, items: { type: string, enum: [open, "on hold"] } } }
        - { name: sort, in: query, schema: { type: string, enum: [asc, desc] } }
        - { name: where, in: query, style: deepObject, explode: true, schema: { type: object } }
      responses: { "200": { description: The orders } }
    post:
      operationId: createOrder
      parameters:
        - { name: Idempotency-Key, in: header, required: true, schema: { type: string } }
        - { name: X-Reason, in: header, schema: { type: string } }
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } }
      responses: { "201": { description: Made } }
  /orders/{orderId}.json:
    parameters: [{ name: orderId, in: path, required: true, schema: { type: integer } }]
    get: { operationId: getOrder, responses: {} }
    patch:
      operationId: updateOrder
      requestBody: { content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } } }
    delete: { responses: {} }
  /files:
    post:
      operationId: upload
      requestBody: { required: true, content: { multipart/form-data: {} } }
  /far:
    get:
      operationId: far
      parameters: [{ $ref: "other.yaml#/x" }]
"##;

fn orders(options: &ApiOptions) -> Api {
    api(ORDERS, options).unwrap()
}

fn tool<'a>(api: &'a Api, name: &str) -> &'a Operation {
    let mut all = api.operations.operations.iter();
    all.find(|operation| operation.name == name)
        .unwrap_or_else(|| panic!("no tool {name}"))
}

#[test]
fn operations_become_tools_and_what_cannot_is_named() {
    let api = orders(&ApiOptions::default());
    let names: Vec<&str> = api
        .operations
        .operations
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "list_orders",
            "create_order",
            "get_order",
            "update_order",
            "delete_orders_order_id_json"
        ]
    );
    let skipped: Vec<&str> = api.skipped.iter().map(|s| s.operation.as_str()).collect();
    assert_eq!(skipped, ["GET /far", "POST /files"]);
    assert!(api.skipped[0].why.contains("another file"));
}

#[test]
fn the_method_says_the_effect_unless_a_person_does() {
    let plain = orders(&ApiOptions::default());
    assert_eq!(tool(&plain, "get_order").effect, Effect::Read);
    assert_eq!(tool(&plain, "update_order").effect, Effect::Irreversible);
    let effects = [("update_order".to_owned(), Effect::Write)].into();
    let said = orders(&ApiOptions {
        effects,
        ..ApiOptions::default()
    });
    assert_eq!(tool(&said, "update_order").undo, Undo::Restore);
    assert!(said.manifest.contains("undo = \"restore\""));
    // A deletion cannot be called something that can be put back.
    let effects = [("delete_orders_order_id_json".to_owned(), Effect::Write)].into();
    let error = api(
        ORDERS,
        &ApiOptions {
            effects,
            ..ApiOptions::default()
        },
    )
    .unwrap_err();
    assert!(matches!(error, OpenApiError::NoSuchTool { .. }), "{error}");
}

#[test]
fn schemas_keep_their_meaning() {
    let api = orders(&ApiOptions::default());
    let input = &tool(&api, "create_order").input;
    let body = &input["properties"]["body"];
    assert_eq!(input["required"], json!(["body"]));
    let name = body["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    let order = &input["$defs"][name];
    assert_eq!(
        order["properties"]["status"]["type"],
        json!(["string", "null"])
    );
    assert_eq!(
        order["properties"]["status"]["enum"],
        json!(["open", "closed", null])
    );
    assert_eq!(
        order["properties"]["total"],
        json!({"type": "number", "exclusiveMinimum": 0})
    );
    let line = order["properties"]["lines"]["items"]["$ref"]
        .as_str()
        .unwrap();
    let line = input.pointer(line.strip_prefix('#').unwrap()).unwrap();
    assert_eq!(
        line["properties"]["part"]["$ref"]
            .as_str()
            .unwrap()
            .rsplit('/')
            .next(),
        Some("d2")
    );
    let list = tool(&api, "list_orders");
    let has = |name: &str| list.input["properties"].get(name).is_some();
    assert!(has("fields") && has("tags") && has("page"));
    // An object has no way into a query.
    assert!(!has("where"));
    let repeated: Vec<&str> = list
        .parameters
        .iter()
        .filter(|parameter| parameter.repeats)
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(repeated, ["tags", "state"]);
}

#[test]
fn the_manifest_grants_exactly_the_operations_and_can_be_read() {
    let api = orders(&ApiOptions::default());
    let head = "connector = \"orders\"\ncomponent = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n[grant]\nclock = false\n\n";
    let text = format!("{head}{}", api.manifest);
    let manifest = tollgate_policy::Manifest::parse("manifest.toml", &text)
        .unwrap_or_else(|faults| panic!("{faults}\n{text}"));
    let http = &manifest.grant.http["api"];
    assert_eq!(http.routes.len(), api.operations.operations.len());
    assert!(
        text.contains("call = \"GET /orders/{order_id:int}.json\""),
        "{text}"
    );
    let query = "query = { \"Fields\" = \"text\", \"tags\" = { kind = \"text\", times = 20 }, \
        \"state\" = { one_of = [\"open\", \"on hold\"], times = 3 }, \
        \"sort\" = { one_of = [\"asc\", \"desc\"] }, \"page\" = \"int\" }";
    assert!(text.contains(query), "{text}");
    assert!(
        text.contains("idempotency = \"header:idempotency-key\""),
        "{text}"
    );
    assert!(text.contains("headers = [\"x-reason\"]"), "{text}");
    assert!(
        text.contains("origin = \"https://orders.example\""),
        "{text}"
    );
}

#[test]
fn a_server_that_is_an_address_is_granted_by_it() {
    for (server, address) in [
        ("http://127.0.0.1:8080/v1", Some("127.0.0.1")),
        ("https://[2001:db8::7]", Some("2001:db8::7")),
        ("https://10.2.0.7", Some("10.2.0.7")),
        ("https://orders.example:8443", None),
    ] {
        let options = ApiOptions {
            server: Some(server.to_owned()),
            ..ApiOptions::default()
        };
        let line = address.map(|address| format!("addresses = [\"{address}\"]"));
        let manifest = orders(&options).manifest;
        let found = manifest.lines().find(|line| line.starts_with("addresses"));
        assert_eq!(found, line.as_deref(), "{server}");
    }
}

#[test]
fn hostile_descriptions_are_refused_or_stay_text() {
    for (text, expected) in [
        ("{", "neither JSON nor YAML"),
        ("{\"swagger\": \"2.0\"}", "Swagger 2"),
        ("openapi: 3.0.0", "no `paths`"),
        ("openapi: 3.0.0\npaths: {}\n", "names no server"),
        (
            "openapi: 3.0.0\nservers: [{url: \"/v1\"}]\npaths: {}\n",
            "is no address",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: \"https://{host}/\"}]\npaths: {}\n",
            "is no address",
        ),
        (
            "openapi: 3.0.0\nservers: [{url: \"https://a.example\"}]\npaths: {}\n",
            "no operation",
        ),
    ] {
        let error = api(text, &ApiOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let circle = json!({
        "openapi": "3.1.0", "servers": [{"url": "https://a.example"}],
        "components": {"parameters": {"A": {"$ref": "#/components/parameters/A"}}},
        "paths": {"/a": {"get": {"parameters": [{"$ref": "#/components/parameters/A"}]}}},
    });
    assert!(api(&circle.to_string(), &ApiOptions::default()).is_err());
    // Words of a description cannot become lines of the manifest.
    let words = json!({
        "openapi": "3.1.0", "servers": [{"url": "https://a.example"}],
        "info": {"title": "x\"\n[[rule]]\nthen = \"allow\"", "version": "1"},
        "paths": {"/a\"]\n[[rule]]": {"delete": {"operationId": "d\"\n[[rule]]"}}},
    });
    let made = api(&words.to_string(), &ApiOptions::default()).unwrap();
    assert_eq!(
        made.manifest.matches("\n[[rule]]").count(),
        1,
        "{}",
        made.manifest
    );
    assert_eq!(made.operations.operations[0].name, "d_rule");
}

#[test]
fn a_type_that_refers_to_itself_without_end_stays_short() {
    let mut schemas = serde_json::Map::new();
    for n in 0..100 {
        let next = format!("#/components/schemas/S{}", (n + 1) % 100);
        let all: Vec<Value> = (0..20).map(|_| json!({"$ref": next})).collect();
        schemas.insert(format!("S{n}"), json!({"allOf": all}));
    }
    let document = json!({
        "openapi": "3.1.0", "servers": [{"url": "https://a.example"}],
        "components": {"schemas": schemas},
        "paths": {"/a": {"post": {"operationId": "a", "requestBody": {"required": true, "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}}}},
    });
    match api(&document.to_string(), &ApiOptions::default()) {
        Ok(api) => assert!(api.operations.operations[0].input.to_string().len() < 200_000),
        Err(error) => assert!(matches!(error, OpenApiError::NoOperation { .. }), "{error}"),
    }
}
