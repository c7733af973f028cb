//! A person's password, and their end: on the program itself, against a host that
//! serves all the while.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{LOCATION, SET_COOKIE};
use serde_json::json;

use crate::program::{self, Ended};
use crate::shop::{Open, Shop, approval};
use crate::web::{Browser, hidden};

const PASSWORD: &str = "the orchard behind the mill";

/// Failures of one address or name that are answered in a minute (`web/attempts.rs`).
const TRIES: usize = 10;

/// How long a host believes a token without asking the store
/// (ARCHITECTURE: "Principals are believed for a second").
const BELIEVED_FOR: Duration = Duration::from_secs(1);

fn password(shop: &Shop, name: &str, typed: &str) -> Ended {
    let mut command = program::command(["principal", "password", name, "--home"]);
    let ended = program::run_with_input(command.arg(shop.home()), typed.as_bytes());
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!said.contains(typed.trim()), "the password was said again");
    ended
}

fn fields<'a>(name: &'a str, password: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", name), ("password", password), ("next", "")]
}

async fn signed_in<'a>(host: &'a Open, name: &str) -> Browser<'a> {
    Browser::sign_in_with(host, PASSWORD, &fields(name, PASSWORD)).await
}

/// What a sign-in that is refused is answered.
async fn refused(host: &Open, name: &str, password: &str) -> (StatusCode, String) {
    let nobody = Browser::new(host);
    let answer = nobody.post("/login", &fields(name, password)).await;
    assert!(!answer.headers().contains_key(SET_COOKIE));
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_from_standard_input_signs_in_on_a_host_that_serves_already() {
    let shop = Shop::new();
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let card = format!("/approvals/{}", approval(&held));
    for (name, typed, why) in [
        ("mira", "too short", "at least 12 characters"),
        ("nobody", PASSWORD, "nobody"),
        // An agent decides nothing, so there is nothing to sign in for.
        ("desk-agent", PASSWORD, "desk-agent"),
    ] {
        let ended = password(&shop, name, typed).exits(1);
        assert!(ended.stderr.contains(why), "{ended:?}");
    }
    let (before, _) = refused(&host, "mira", PASSWORD).await;
    assert_eq!(before, StatusCode::UNAUTHORIZED);

    password(&shop, "mira", &format!("{PASSWORD}\n")).exits(0);
    let mira = signed_in(&host, "mira").await;
    assert!(mira.page("/").await.contains(&card));
    signed_in(&host, "default/mira").await;
    // It is a way to sign in at the pages, and no token.
    let answer = host.get(PASSWORD, "/v1/approvals").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);

    let page = mira.page(&card).await;
    let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
    let form = [("word", word.as_str()), ("digest", digest.as_str())];
    let done = mira.post(&format!("{card}/approve"), &form).await;
    assert_eq!(done.status(), StatusCode::SEE_OTHER);
    assert_eq!(shop.refunds(), 1);
    let run = held["run"].as_str().unwrap();
    let log = shop.run(&["log", "--run", run, "--json"]).exits(0);
    let log = log.json_lines();
    let decided = log.iter().find(|line| line["stage"] == "approval.decided");
    let facts = &decided.unwrap()["facts"];
    assert_eq!(facts["identified"], "password", "{facts}");

    // Another password ends the sessions of the one before.
    password(&shop, "mira", "another sentence altogether").exits(0);
    assert_eq!(mira.get("/").await.status(), StatusCode::SEE_OTHER);
    let (status, _) = refused(&host, "mira", PASSWORD).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

/// The attack: whether there is such a person is told by the answer; and a password is
/// guessed by trying.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_one_answer_and_guessing_is_slowed() {
    let shop = Shop::new();
    let host = shop.open();
    password(&shop, "mira", PASSWORD).exits(0);
    let mira = signed_in(&host, "mira").await;
    let wrong = refused(&host, "mira", "the orchard behind the mill.").await;
    assert_eq!(wrong.0, StatusCode::UNAUTHORIZED);
    let names = [
        "nobody",
        "omar",
        "desk-agent",
        "other/mira",
        "../mira",
        "\u{202e}",
    ];
    for name in names {
        assert_eq!(refused(&host, name, PASSWORD).await, wrong, "{name}");
    }
    for _ in names.len() + 1..TRIES {
        assert_eq!(refused(&host, "mira", "").await.0, StatusCode::UNAUTHORIZED);
    }
    // From now on not even the right one, so that nobody learns by it which it is.
    let slowed = refused(&host, "mira", PASSWORD).await;
    assert_eq!(slowed.0, StatusCode::TOO_MANY_REQUESTS);
    assert!(slowed.1.contains("Wait a minute"), "{}", slowed.1);
    // Whoever is in, stays in.
    mira.page("/").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_revoked_is_out_at_once_also_where_a_host_serves() {
    let shop = Shop::new();
    let host = shop.open();
    password(&shop, "mira", PASSWORD).exits(0);
    let held = host.hold(&shop.people.agent, 12_900).await;
    let card = format!("/approvals/{}", approval(&held));
    let by_password = signed_in(&host, "mira").await;
    let by_token = Browser::sign_in(&host, &shop.people.mira).await;
    let page = by_password.page(&card).await;
    let (word, digest) = (hidden(&page, "word"), hidden(&page, "digest"));
    by_token.page(&card).await;

    shop.run(&["principal", "revoke", "nobody"]).exits(1);
    shop.run(&["principal", "revoke", "mira"]).exits(0);
    let revoked = Instant::now();

    // Who signed in by a password is looked up for each request.
    let form = [("word", word.as_str()), ("digest", digest.as_str())];
    for answer in [
        by_password.get(&card).await,
        by_password.post(&format!("{card}/approve"), &form).await,
    ] {
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let to = answer.headers()[LOCATION].to_str().unwrap();
        assert!(to.starts_with("/login"), "{to}");
    }
    let (status, _) = refused(&host, "mira", PASSWORD).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    // A token is believed for a second, and not for longer.
    loop {
        let asked = revoked.elapsed();
        let answer = host.get(&shop.people.mira, "/v1/approvals").await;
        if answer.status == StatusCode::UNAUTHORIZED {
            break;
        }
        assert!(asked < BELIEVED_FOR, "{asked:?} after: {answer:?}");
    }
    let out = by_token.get(&card).await;
    assert_eq!(out.status(), StatusCode::SEE_OTHER);
    assert!(
        out.headers()[LOCATION]
            .to_str()
            .unwrap()
            .starts_with("/login")
    );
    let decision = json!({ "digest": digest });
    let approve = format!("/v1{card}/approve");
    let no = host.post(&shop.people.mira, &approve, &decision).await;
    assert_eq!(no.status, StatusCode::UNAUTHORIZED);
    assert_eq!(shop.refunds(), 0);
    // Nobody gives a revoked person a password; a new registration is the way back,
    // and the old password is none of it.
    password(&shop, "mira", PASSWORD).exits(1);
    let anew = shop.register("mira", "person", "finance");
    assert_eq!(
        host.get(&anew, "/v1/approvals").await.status,
        StatusCode::OK
    );
    let (status, _) = refused(&host, "mira", PASSWORD).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let done = host.post(&shop.people.omar, &approve, &decision).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    shop.verifies();
}
