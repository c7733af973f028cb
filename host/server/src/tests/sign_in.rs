//! Signing in without a token, and what an attacker tries on the way.

use axum::http::StatusCode;

use super::{Answer, Server};
use crate::double::{CODE, PASSWORD, STATE};

const CALLBACK: &str = "/login/oidc/callback";

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> Vec<String> {
    let set = answer.headers.get_all("set-cookie").iter();
    let pairs = set.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    pairs.map(str::to_owned).collect()
}

fn good() -> String {
    format!("{CALLBACK}?state={STATE}&code={CODE}&iss=https%3A%2F%2Flogin.example")
}

impl Server {
    /// The cookie of a browser that was sent to the provider.
    async fn begun(&self, next: &str) -> String {
        let answer = self.page(&format!("/login/oidc?next={next}"), "").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        let to = answer.header("location");
        assert_eq!(to, format!("https://login.example/authorize?state={STATE}"));
        cookies(&answer).remove(0)
    }
}

#[tokio::test]
async fn a_person_comes_back_from_the_provider_with_a_session() {
    let server = Server::new();
    assert!(
        server
            .page("/login", "")
            .await
            .text
            .contains("Sign in at login.example")
    );
    let browser = server.begun("%2Fapprovals%2Fa-1").await;
    assert!(!browser.contains(STATE), "the cookie tells nothing");
    let answer = server.page(&good(), &browser).await;
    // Not a redirect: to the browser it would come from the provider, and the session's
    // cookie, which is strict, would stay behind.
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(
        answer.text.contains("content=\"0; url=/approvals/a-1\""),
        "{}",
        answer.text
    );
    let set = cookies(&answer);
    assert_eq!(set[0], "tollgate-oidc=", "what waited is forgotten");
    assert!(set[1].starts_with("tollgate="));
    let inbox = server.page("/", &set[1]).await;
    assert_eq!(inbox.status, StatusCode::OK);
    assert!(inbox.text.contains("mira"));
}

#[tokio::test]
async fn an_answer_that_this_browser_did_not_ask_for_is_refused() {
    let server = Server::new();
    let attackers = server.begun("").await;
    // Login CSRF: the victim's browser has no cookie, or one of its own.
    for victims in ["", "tollgate-oidc=made-up", "tollgate=made-up"] {
        let answer = server.page(&good(), victims).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{victims}");
        assert!(!answer.headers.contains_key("set-cookie"));
        assert!(answer.text.contains("was not begun in this browser"));
    }
    // Another state, or none.
    for state in ["state=another&", "state=&", ""] {
        let path = format!("{CALLBACK}?{state}code={CODE}");
        let answer = server.page(&path, &attackers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{state}");
    }
    // Two of one parameter: which counts?
    let twice = format!("{}&code=another", good());
    let answer = server.page(&twice, &attackers).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    // None of it ended the sign-in of the browser that began it.
    assert_eq!(
        server.page(&good(), &attackers).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_answer_counts_once() {
    let server = Server::new();
    let browser = server.begun("").await;
    assert_eq!(server.page(&good(), &browser).await.status, StatusCode::OK);
    let again = server.page(&good(), &browser).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    // One that the provider refused is used up as well.
    let browser = server.begun("").await;
    let refused = format!("{CALLBACK}?state={STATE}&error=access_denied&error_description=call+us");
    let answer = server.page(&refused, &browser).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.text.contains("call us"));
    assert_eq!(
        server.page(&good(), &browser).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn an_agent_does_not_sign_in_at_a_provider() {
    let server = Server::new();
    let browser = server.begun("").await;
    let path = format!("{CALLBACK}?state={STATE}&code=code-of-a-bot");
    let answer = server.page(&path, &browser).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn another_sites_page_begins_no_sign_in() {
    let server = Server::new();
    for (site, begins) in [("cross-site", false), ("same-site", false), ("none", true)] {
        let headers = [("sec-fetch-site", site)];
        let answer = server.send("GET", "/login/oidc", &headers, "").await;
        assert_eq!(answer.status == StatusCode::SEE_OTHER, begins, "{site}");
        assert_eq!(answer.headers.contains_key("set-cookie"), begins, "{site}");
    }
}

#[tokio::test]
async fn signing_in_at_a_provider_leads_nowhere_else() {
    let server = Server::new();
    let browser = server.begun("https%3A%2F%2Fevil.example").await;
    let answer = server.page(&good(), &browser).await;
    assert!(
        answer.text.contains("content=\"0; url=/\""),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn the_cookies_of_a_sign_in_are_for_this_host_alone() {
    let server = Server::at("https://gate.example");
    let host = [("host", "gate.example")];
    let begun = server.send("GET", "/login/oidc", &host, "").await;
    let cookie = begun.header("set-cookie");
    assert!(cookie.starts_with("__Host-tollgate-oidc="), "{cookie}");
    let flags = "; HttpOnly; SameSite=Lax; Path=/; Max-Age=600; Secure";
    assert!(cookie.ends_with(flags), "{cookie}");
    let browser = cookies(&begun).remove(0);
    // A cookie that a sibling domain could plant has another name.
    let planted = browser.replace("__Host-", "");
    let headers = [("host", "gate.example"), ("cookie", planted.as_str())];
    let answer = server.send("GET", &good(), &headers, "").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let headers = [("host", "gate.example"), ("cookie", browser.as_str())];
    let answer = server.send("GET", &good(), &headers, "").await;
    let session = answer.headers.get_all("set-cookie").iter().nth(1).unwrap();
    let session = session.to_str().unwrap();
    assert!(session.starts_with("__Host-tollgate=") && session.contains("SameSite=Strict"));
}

#[tokio::test]
async fn a_revoked_person_is_out_at_once_however_they_came_in() {
    let server = Server::new();
    let browser = server.begun("").await;
    let session = cookies(&server.page(&good(), &browser).await).remove(1);
    assert_eq!(server.page("/", &session).await.status, StatusCode::OK);
    let waiting = server.begun("").await;
    server.host.revoke("mira");
    assert_eq!(
        server.page("/", &session).await.status,
        StatusCode::SEE_OTHER
    );
    let answer = server.page(&good(), &waiting).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_provider_that_is_away_is_told_and_not_asked_for_ever() {
    let server = Server::new();
    server.host.revoke("provider");
    for _ in 0..10 {
        let answer = server.page("/login/oidc", "").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.text.contains("gives no answer"));
    }
    let answer = server.page("/login/oidc", "").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_person_signs_in_by_a_password() {
    let server = Server::new();
    for name in ["mira", "default%2Fmira"] {
        let body = format!("name={name}&password={PASSWORD}&next=%2Fapprovals%2Fa-1");
        let answer = server.form("/login", "", &body).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        assert_eq!(answer.header("location"), "/approvals/a-1");
        let session = cookies(&answer).remove(0);
        assert!(!session.contains("mira") && !session.contains("horse"));
        assert_eq!(server.page("/", &session).await.status, StatusCode::OK);
    }
    for wrong in [
        "name=mira&password=another",
        "name=acme%2Fmira&password=correct+horse+battery",
    ] {
        let answer = server.form("/login", "", wrong).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert!(answer.text.contains("do not belong together"));
        assert!(!answer.text.contains("horse"));
    }
    // Not from a page of another site.
    let body = format!("name=mira&password={PASSWORD}");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("origin", "http://127.0.0.1:8642"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = server.send("POST", "/login", &headers, &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn guessing_a_password_is_slowed_down_for_one_name_whatever_the_way_it_is_written() {
    let server = Server::new();
    for number in 0..10 {
        let name = if number % 2 == 0 {
            "mira"
        } else {
            "default%2Fmira"
        };
        let answer = server
            .form("/login", "", &format!("name={name}&password=guess"))
            .await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let right = format!("name=mira&password={PASSWORD}");
    let answer = server.form("/login", "", &right).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}
