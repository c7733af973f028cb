use axum::http::StatusCode;

use super::{Answer, Server};
use serde_json::json;
use tollgate_runtime::{LogLine, LogLink, Resolution};

use crate::double::{AGENT, DIGEST, MIRA, PAUL, doubtful, line};

const OURS: (&str, &str) = ("origin", "http://127.0.0.1:8642");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Server {
    pub(super) async fn form(&self, path: &str, cookie: &str, body: &str) -> Answer {
        self.send("POST", path, &[OURS, FORM, ("cookie", cookie)], body)
            .await
    }

    pub(super) async fn page(&self, path: &str, cookie: &str) -> Answer {
        self.send("GET", path, &[("cookie", cookie)], "").await
    }

    /// The cookie of somebody who signed in.
    pub(super) async fn sign_in(&self, token: &str) -> String {
        let answer = self
            .form("/login", "", &format!("token={token}&next="))
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap()
            .to_owned()
    }

    pub(super) async fn word(&self, cookie: &str) -> String {
        let page = self.page("/", cookie).await.text;
        let (_, rest) = page.split_once("name=\"word\" value=\"").unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

#[tokio::test]
async fn without_a_session_every_page_leads_to_the_sign_in() {
    let server = Server::new();
    for (path, next) in [
        ("/", "/login"),
        ("/approvals/a-1", "/login?next=%2Fapprovals%2Fa-1"),
    ] {
        let answer = server.page(path, "tollgate=made-up").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("location"), next);
    }
}

#[tokio::test]
async fn a_session_cookie_is_strict_and_carries_no_token() {
    let server = Server::at("https://gate.example");
    let headers = [
        ("host", "gate.example"),
        ("origin", "https://gate.example"),
        FORM,
    ];
    let body = format!("token={MIRA}&next=%2Fapprovals%2Fa-1");
    let answer = server.send("POST", "/login", &headers, &body).await;
    assert_eq!(answer.header("location"), "/approvals/a-1");
    let cookie = answer.header("set-cookie");
    for flag in [
        "__Host-tollgate=",
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/",
        "; Secure",
    ] {
        assert!(cookie.contains(flag), "{flag} in {cookie}");
    }
    assert!(!cookie.contains(MIRA) && !cookie.contains("mira"));
}

#[tokio::test]
async fn an_agents_token_does_not_sign_in() {
    let answer = Server::new()
        .form("/login", "", &format!("token={AGENT}"))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("belongs to an agent"));
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let server = Server::new();
    for _ in 0..10 {
        let answer = server.form("/login", "", "token=guess").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let answer = server.form("/login", "", "token=guess").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_revoked_token_ends_its_session_at_once() {
    let server = Server::new();
    let cookie = server.sign_in(MIRA).await;
    assert_eq!(server.page("/", &cookie).await.status, StatusCode::OK);
    server.host.revoke(MIRA);
    assert_eq!(
        server.page("/", &cookie).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = Server::new();
    let cookie = server.sign_in(MIRA).await;
    let refused = server.form("/logout", &cookie, "word=").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let word = server.word(&cookie).await;
    let answer = server
        .form("/logout", &cookie, &format!("word={word}"))
        .await;
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        server.page("/", &cookie).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn an_empty_inbox_says_so() {
    let server = Server::new();
    let cookie = server.sign_in(MIRA).await;
    let page = server.page("/", &cookie).await.text;
    assert!(page.contains("Nothing waits for you."));
}

#[tokio::test]
async fn a_card_shows_what_is_beside_what_would_be() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    assert!(
        server
            .page("/", &cookie)
            .await
            .text
            .contains(&format!("/approvals/{id}"))
    );
    let page = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    for shown in [
        "There now",
        "&#34;refunded&#34;: 0",
        "Would be sent",
        "UPDATE orders",
        "1 January 2099, 00:00 UTC",
        "refunds over 50.00 need finance",
        "group:finance",
        DIGEST,
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
}

#[tokio::test]
async fn an_approval_goes_through_and_the_run_is_shown() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let body = format!("word={word}&digest={DIGEST}");
    let answer = server
        .form(&format!("/approvals/{id}/approve"), &cookie, &body)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let page = server.page(answer.header("location"), &cookie).await.text;
    assert!(page.contains("approved and carried out"));
    assert!(page.contains("The run is complete."));
    assert!(!page.contains("Approve this call"));
}

#[tokio::test]
async fn a_denial_needs_a_reason_and_shows_it() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let path = format!("/approvals/{id}/deny");
    let body = format!("word={word}&digest={DIGEST}&reason=");
    let answer = server.form(&path, &cookie, &body).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("a denial needs a reason"));
    assert_eq!(server.host.card_state(), "pending");
    let answer = server
        .form(&path, &cookie, &format!("{body}not+this+%3Cb%3E"))
        .await;
    let page = server.page(answer.header("location"), &cookie).await.text;
    assert!(page.contains("not this &#60;b&#62;"), "{page}");
    assert!(page.contains("The run ended because of a no."));
}

#[tokio::test]
async fn a_form_of_another_site_decides_nothing() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    let other = server.sign_in(PAUL).await;
    let (word, foreign_word) = (server.word(&cookie).await, server.word(&other).await);
    let path = format!("/approvals/{id}/approve");
    let good = format!("word={word}&digest={DIGEST}");
    let with_cookie = ("cookie", cookie.as_str());
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[OURS, FORM, with_cookie], "digest=sha256:5f"),
        (
            &[OURS, FORM, with_cookie],
            &format!("word={foreign_word}&digest={DIGEST}"),
        ),
        (
            &[("origin", "https://attacker.test"), FORM, with_cookie],
            &good,
        ),
        (&[("origin", "null"), FORM, with_cookie], &good),
        (
            &[OURS, ("sec-fetch-site", "cross-site"), FORM, with_cookie],
            &good,
        ),
        (&[FORM, with_cookie], &good),
    ];
    for (headers, body) in cases {
        let answer = server.send("POST", &path, headers, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?} {body}");
    }
    let login = format!("token={MIRA}");
    let answer = server.send("POST", "/login", &[FORM], &login).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(server.host.card_state(), "pending");
}

#[tokio::test]
async fn a_card_that_changed_meanwhile_is_not_approved() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let body = format!("word={word}&digest=sha256:00");
    let answer = server
        .form(&format!("/approvals/{id}/approve"), &cookie, &body)
        .await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.text.contains("the call is not what was shown"));
    assert_eq!(server.host.card_state(), "pending");
}

#[tokio::test]
async fn whoever_asked_is_told_that_somebody_else_decides() {
    let server = Server::new();
    let id = server.hold(PAUL).await;
    let cookie = server.sign_in(PAUL).await;
    let page = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    assert!(page.contains("somebody else must decide"));
    assert!(!page.contains("Approve this call"));
    let word = server.word(&cookie).await;
    let body = format!("word={word}&digest={DIGEST}");
    let answer = server
        .form(&format!("/approvals/{id}/approve"), &cookie, &body)
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(
        answer
            .text
            .contains("whoever asked for a call cannot decide on it")
    );
}

#[tokio::test]
async fn no_text_of_an_agent_or_a_guest_becomes_markup_or_hides() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let evil = "<script>x</script>\"'\u{202e}\u{200b}\u{1b}";
    server.host.edit_card(|card| {
        let text = || evil.to_owned();
        card.title = text();
        card.call = text();
        card.destination = text();
        card.requester = text();
        card.agent_reason = Some(text());
        card.agent_trigger = Some(text());
        card.agent_context = Some(text());
        card.rule_reason = Some(text());
        card.approvers = vec![text()];
        card.input = serde_json::json!({ evil: evil });
        card.arguments = serde_json::json!([evil]);
        card.prior = Some(serde_json::json!(evil));
        card.connector = text();
        card.tool = text();
        card.case = text();
        card.decide_by = text();
    });
    let cookie = server.sign_in(MIRA).await;
    for path in ["/".to_owned(), format!("/approvals/{id}")] {
        let page = server.page(&path, &cookie).await.text;
        assert!(!page.contains("<script"), "{path}");
        assert!(!page.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{path}");
        assert!(
            page.contains("&#60;script&#62;x&#60;/script&#62;"),
            "{path}"
        );
        assert!(page.contains("⟨U+202E⟩⟨U+200B⟩⟨U+001B⟩"), "{path}");
    }
    let page = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    let (facts, words) = page.split_once("Unverified, written by the agent").unwrap();
    assert!(facts.contains("Established by Tollgate."));
    assert!(words.contains("Nobody has checked this."));
}

#[tokio::test]
async fn a_call_in_doubt_is_in_the_inbox_with_its_evidence() {
    let server = Server::new();
    server.host.doubt(doubtful("bot"));
    let cookie = server.sign_in(MIRA).await;
    assert!(
        server
            .page("/", &cookie)
            .await
            .text
            .contains("/queue/que-1")
    );
    let page = server.page("/queue/que-1", &cookie).await.text;
    for shown in [
        "Did this happen?",
        "UPDATE orders SET refunded = ?",
        "There before",
        "Found afterwards",
        "somebody else may have changed it since",
        "Its effect can be looked for",
        "/runs/run-1",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
}

#[tokio::test]
async fn what_is_said_of_a_call_counts_only_after_its_consequence_was_read() {
    let server = Server::new();
    server.host.doubt(doubtful("bot"));
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let path = "/queue/que-1/resolve";
    let missing = format!("word={word}&resolution=done&note=");
    let answer = server.form(path, &cookie, &missing).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (resolution, consequence) in [
        ("done", "If it did not happen, it never will."),
        ("not_done", "If it did happen, it could then happen twice."),
    ] {
        let body = format!("word={word}&resolution={resolution}&note=a+%3Cb%3E");
        let page = server.form(path, &cookie, &body).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text.contains(consequence), "{}", page.text);
        assert!(page.text.contains("a &#60;b&#62;") && !page.text.contains("a <b>"));
        assert!(
            server.host.resolutions().is_empty(),
            "nothing is settled yet"
        );
    }
    let broken = format!("word={word}&resolution=done&note=x&reply=%7B&confirmed=true");
    let answer = server.form(path, &cookie, &broken).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = format!("word={word}&resolution=not_done&note=seen&confirmed=true");
    let answer = server.form(path, &cookie, &body).await;
    assert_eq!(answer.header("location"), "/queue/que-1");
    let expected = (Resolution::NotDone, "seen".to_owned(), None);
    assert_eq!(server.host.resolutions(), [expected]);
    let page = server.page("/queue/que-1", &cookie).await.text;
    assert!(page.contains("it did not happen") && page.contains("seen"));
    assert!(!page.contains("name=\"resolution\""));
}

#[tokio::test]
async fn a_form_of_another_site_settles_nothing() {
    let server = Server::new();
    server.host.doubt(doubtful("bot"));
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let path = "/queue/que-1/resolve";
    let body = format!("word={word}&resolution=done&note=x&confirmed=true");
    let foreign = ("origin", "https://attacker.test");
    let headers = [foreign, FORM, ("cookie", cookie.as_str())];
    let answer = server.send("POST", path, &headers, &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let without_word = "resolution=done&note=x&confirmed=true";
    let answer = server.form(path, &cookie, without_word).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(server.host.resolutions().is_empty());
}

#[tokio::test]
async fn a_run_has_a_page_that_tells_its_story_and_that_of_its_undo() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let evil = "<script>x</script>\u{202e}";
    server.host.record(LogLine {
        facts: json!({"connector": "database", "tool": "refund", "component": "sha256:00"}),
        values: json!({"trigger": evil, "input": {"order": evil}}),
        ..line(3, "run.opened")
    });
    server.host.record(LogLine {
        principal: "mira".into(),
        facts: json!({"decision": "approved"}),
        ..line(4, "approval.decided")
    });
    server.host.record(LogLine {
        run: Some("run-9".into()),
        facts: json!({"connector": "database", "tool": "refund", "undoes": "run-1"}),
        linked: Some(LogLink::Undoes),
        ..line(9, "run.opened")
    });
    let cookie = server.sign_in(MIRA).await;
    let card = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    assert!(card.contains("href=\"/runs/run-1\""));
    let page = server.page("/runs/run-1", &cookie).await.text;
    for shown in [
        "14:05:00.123Z",
        "asked for database.refund",
        "trigger (unverified)",
        "<bdi>approved the call</bdi>",
        "record 4, approval.decided",
        "href=\"/runs/run-9\"",
        "to take back run-1",
        "&#60;script&#62;x&#60;/script&#62;⟨U+202E⟩",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains('\u{202e}'));
    let asked = server.host.asked();
    assert!(asked.linked && asked.run.as_deref() == Some("run-1"));
    let none = server.page("/runs/run-7", &cookie).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let signed_out = server.page("/runs/run-1", "").await;
    assert_eq!(signed_out.header("location"), "/login?next=%2Fruns%2Frun-1");
}

#[tokio::test]
async fn taking_back_is_read_before_it_is_done() {
    let server = Server::new();
    server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    let plan = server.page("/runs/run-1/undo?fields=true", &cookie).await;
    assert_eq!(plan.status, StatusCode::OK, "{}", plan.text);
    for shown in [
        "would be taken back",
        "Call 2: ",
        "finance (group:finance)",
        "&#60;b&#62;by fields&#60;/b&#62;",
        "action=\"/runs/run-1/undo\"",
        "name=\"fields\" value=\"true\"",
    ] {
        assert!(plan.text.contains(shown), "{shown} in {}", plan.text);
    }
    // A form that another site sends does nothing.
    let forged = server
        .form("/runs/run-1/undo", &cookie, "word=guessed")
        .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let word = plan.text.split("name=\"word\" value=\"").nth(1).unwrap();
    let word = word.split('"').next().unwrap();
    let body = format!("word={word}&fields=true");
    let done = server.form("/runs/run-1/undo", &cookie, &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert!(
        done.text.contains("<strong>taken back</strong>"),
        "{}",
        done.text
    );
    assert!(!done.text.contains("action=\"/runs/run-1/undo\""));
    let signed_out = server.page("/runs/run-1/undo", "").await;
    assert_eq!(signed_out.status, StatusCode::SEE_OTHER);
}
