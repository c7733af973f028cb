//! A connector made of our own description, in one host, that reads another one.

use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;
use tollgate_tests::workspace;

use crate::journey::alone_from_the_network;
use crate::program::{self, Running};
use crate::session::Session;
use crate::shop::Shop;

/// A file that its owner alone reads.
fn secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_connector_made_of_a_description_reads_a_real_server_with_a_credential() {
    let shop = Shop::new();
    let far = shop.open();
    let mut session = Session::new();
    let sdk = workspace().join("sdk");
    let document = workspace().join("host/server/src/rest/openapi.json");
    let only = ["list_tools", "list_approvals", "get_run"];
    let mut new = vec!["new", "far", "--openapi", document.to_str().unwrap()];
    new.extend(["--server", &far.url, "--sdk", sdk.to_str().unwrap()]);
    for tool in only {
        new.extend(["--only", tool]);
    }
    session.run(&new).exits(0);
    alone_from_the_network(&session.path("far"));
    session.run(&["build", "far"]).exits(0);

    // The operator adds the credential; the address of this machine is listed.
    let text = fs::read_to_string(session.path("far/manifest.toml")).unwrap();
    assert!(
        text.contains(&format!("base_url = \"{}\"\n", far.url)),
        "{text}"
    );
    assert!(text.contains("addresses = [\"127.0.0.1\"]\n"), "{text}");
    let install = [
        "install",
        "far/manifest.toml",
        "far/target/tollgate/far.component.wasm",
        "--pin",
        "--home",
        "home",
    ];
    session.run(&install).exits(0);
    let token = session.path("token");
    secret(&token, &shop.people.mira);
    secret(
        &session.path("home/tollgate.toml"),
        &format!(
            "[[secret]]\nname = \"api\"\norigin = \"{}\"\nheader = \"authorization\"\nfile = {token:?}\n",
            far.url
        ),
    );
    let principal = ["principal", "near", "--kind", "agent", "--home", "home"];
    let near = session.run(&principal).exits(0).stdout.trim().to_owned();
    let mut serve = program::command(["serve", "--listen", "127.0.0.1:0", "--home", "home"]);
    let mut host = Running::start(serve.current_dir(session.folder.path()));
    let url = host.url();
    let mut call = |tool: &str, input: &str| {
        let call = ["call", "far", tool, input, "--json", "--url", &url];
        session.run_as(Some(&near), &call)
    };
    let tools: Value = call("list_tools", "{}").exits(0).json();
    assert_eq!(tools["output"]["status"], 200, "{tools}");
    let listed = tools["output"]["body"].to_string();
    assert!(listed.contains("database"), "{listed}");
    // A person's token: it may look at approvals, and there are none.
    let approvals: Value = call("list_approvals", r#"{"all": true}"#).exits(0).json();
    assert_eq!(approvals["output"]["body"], serde_json::json!([]));
    let unknown = call("get_run", r#"{"run": "run-none"}"#).exits(1);
    assert!(unknown.stdout.contains("not_found"), "{unknown:?}");
    // Nothing that the description has beside these can be asked for.
    let other = call("call", "{}");
    assert_ne!(other.code, 0, "{other:?}");
    assert!(!session.said.contains(&shop.people.mira));
    assert_eq!(host.stop(), 0);
}
