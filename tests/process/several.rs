//! Several hosts on one PostgreSQL, as an operator sets them up: a home each, one
//! key ring, one store.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;
use tempfile::TempDir;
use tollgate_test_postgres::PrivatePostgres;

use crate::program::{self, Running};
use crate::shop::{Open, Shop, approval, refund};

/// Homes on one store.
struct Street {
    folder: TempDir,
    store: String,
}

impl Street {
    /// A home with the shop's orders, on the common store.
    fn home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        let url_file = self.folder.path().join("store.url");
        fs::create_dir_all(home.join("data")).unwrap();
        fs::copy(
            Shop::new().home().join("data/orders.db"),
            home.join("data/orders.db"),
        )
        .unwrap();
        fs::write(&url_file, &self.store).unwrap();
        restrict(&url_file);
        let settings = format!("[store]\nurl_file = {:?}\n", url_file.display().to_string());
        fs::write(home.join("tollgate.toml"), settings).unwrap();
        home
    }

    fn operate(&self, home: &Path, arguments: &[&str]) -> program::Ended {
        program::run(program::command(arguments).arg("--home").arg(home))
    }

    fn open(&self, home: &Path) -> Open {
        let mut command = program::command(["serve", "--listen", "127.0.0.1:0", "--home"]);
        let mut process = Running::start(command.arg(home));
        let url = process.url();
        Open { process, url }
    }
}

fn restrict(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

fn share_keys(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("keys")).unwrap();
    for entry in fs::read_dir(from.join("keys")).unwrap() {
        let entry = entry.unwrap();
        let target = to.join("keys").join(entry.file_name());
        fs::copy(entry.path(), &target).unwrap();
        restrict(&target);
    }
}

fn refunds(home: &Path) -> i64 {
    crate::shop::refunds_in(&home.join("data/orders.db"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_one_host_holds_is_approved_and_made_on_another() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let street = Street {
        folder: tempfile::tempdir().unwrap(),
        store: server.create_database().await,
    };
    let (first, second) = (street.home("first"), street.home("second"));
    let manifest = street.folder.path().join("database.toml");
    fs::write(&manifest, crate::shop::MANIFEST).unwrap();
    let component = tollgate_tests::component("plugins/database").path.clone();
    let (manifest, component) = (manifest.to_str().unwrap(), component.to_str().unwrap());
    street
        .operate(&first, &["install", "--pin", manifest, component])
        .exits(0);
    share_keys(&first, &second);
    let token = |name: &str, kind: &str| {
        let arguments = ["principal", name, "--kind", kind, "--group", "finance"];
        let made = street.operate(&first, &arguments).exits(0);
        made.stdout.trim().to_owned()
    };
    let (agent, mira) = (token("desk-agent", "agent"), token("mira", "person"));
    let (one, other) = (street.open(&first), street.open(&second));

    let held = one.hold(&agent, 12_900).await;
    let card = other.card(&mira, &held).await;
    let digest = card["digest"].as_str().unwrap();
    let decided = other.run(
        &mira,
        &["approve", approval(&held), "--digest", digest, "--json"],
    );
    assert_eq!(decided.exits(0).json()["state"], "done");
    // Asked again at the first, the agent is told of the run that it has.
    let run = held["run"].as_str().unwrap();
    let shown = one.get(&agent, &format!("/v1/runs/{run}")).await;
    assert_eq!(shown.body["state"], "done", "{shown:?}");
    assert_eq!(refunds(&first) + refunds(&second), 1);

    // The same key on the other host is the same request.
    let call = json!({
        "connector": "database", "tool": "execute", "input": refund(1_200), "request_key": "k-1",
    });
    let here = one.post(&agent, "/v1/calls", &call).await;
    let there = other.post(&agent, "/v1/calls", &call).await;
    assert_eq!(here.body["run"], there.body["run"], "{here:?} {there:?}");
    assert_eq!(refunds(&first) + refunds(&second), 2);

    assert_eq!(one.process.stop(), 0);
    assert_eq!(other.process.stop(), 0);
    street.operate(&second, &["verify"]).exits(0);
    street.operate(&second, &["replay", "--all"]).exits(0);
    server.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_key_ring_is_refused_and_a_password_is_never_shown() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let street = Street {
        folder: tempfile::tempdir().unwrap(),
        store: server.create_database().await,
    };
    let (first, stranger) = (street.home("first"), street.home("stranger"));
    let one = street.open(&first);
    let refused = street
        .operate(&stranger, &["serve", "--listen", "127.0.0.1:0"])
        .exits(1);
    assert!(refused.stderr.contains("key ring"), "{refused:?}");
    assert_eq!(one.process.stop(), 0);
    server.shut_down().await;
    let gone = street.operate(&first, &["verify"]);
    assert_ne!(gone.code, 0);
    assert!(!gone.stderr.contains(&street.store), "{gone:?}");
}
