//! What approvers do beside a yes or a no, over REST and on the pages; and that no
//! agent does it.

use axum::http::StatusCode;
use serde_json::json;
use tollgate_runtime::{Deputy, Vote};

use super::Server;
use crate::double::{AGENT, DIGEST, MIRA, PAUL, SERVICE};

/// Every route that decides something, with a body that a person could send.
fn routes(id: &str) -> Vec<(&'static str, String, String)> {
    let decision = json!({"approval": "finance", "items": [id], "digest": DIGEST});
    let delegation = json!({"deputy": "paul", "approver": "group:finance", "until_ms": 9});
    vec![
        ("POST", format!("/v1/approvals/{id}/revoke"), String::new()),
        (
            "POST",
            format!("/v1/approvals/{id}/edit"),
            json!({"digest": DIGEST, "input": {"order": "8"}}).to_string(),
        ),
        ("GET", "/v1/batch?approval=finance".into(), String::new()),
        ("POST", "/v1/batch".into(), decision.to_string()),
        ("GET", "/v1/delegations".into(), String::new()),
        ("POST", "/v1/delegations".into(), delegation.to_string()),
        ("POST", "/v1/delegations/dep-1/end".into(), String::new()),
    ]
}

#[tokio::test]
async fn no_agent_and_no_service_takes_part_in_decisions() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    for token in [AGENT, SERVICE] {
        for (method, path, body) in routes(&id) {
            let answer = server.rest(token, method, &path, &body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
            assert_eq!(answer.json()["kind"], "not_a_person", "{method} {path}");
        }
    }
    assert!(server.host.said().is_empty());
    for (method, path, body) in routes(&id) {
        let answer = server.send(method, &path, &[], &body).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
}

#[tokio::test]
async fn a_first_vote_of_two_leaves_the_call_held_and_can_be_taken_back() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    server.host.edit_card(|card| card.quorum = 2);
    let approve = format!("/v1/approvals/{id}/approve");
    let body = json!({"digest": DIGEST, "reason": "paid twice"}).to_string();
    let answer = server.rest(MIRA, "POST", &approve, &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);
    assert_eq!(answer.json()["state"], "held");
    let card = server
        .rest(MIRA, "GET", &format!("/v1/approvals/{id}"), "")
        .await
        .json();
    assert_eq!(
        (&card["votes"][0]["by"], &card["quorum"]),
        (&json!("mira"), &json!(2))
    );
    assert!(server.host.said()[0].contains("paid twice"));
    let revoke = format!("/v1/approvals/{id}/revoke");
    let other = server.rest(PAUL, "POST", &revoke, "").await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.json()["kind"], "no_vote");
    let back = server.rest(MIRA, "POST", &revoke, "").await;
    assert_eq!(back.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_edit_answers_with_the_run_that_goes_on() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let path = format!("/v1/approvals/{id}/edit");
    let body = json!({"digest": DIGEST, "input": {"order": "8"}}).to_string();
    let answer = server.rest(MIRA, "POST", &path, &body).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text);
    assert_eq!(answer.header("location"), "/v1/runs/run-edited");
    assert!(server.host.said()[0].ends_with("signed None"));
    let id = server.hold(AGENT).await;
    let signed = format!("/v1/approvals/{id}/edit");
    let with = json!({"digest": DIGEST, "input": {"order": "8"}, "signature": "c2ln"});
    server.rest(MIRA, "POST", &signed, &with.to_string()).await;
    assert!(server.host.said()[1].ends_with(r#"signed Some("c2ln")"#));
    // The attack: a number that a lenient reader rounds.
    let rounded = format!(r#"{{"digest":"{DIGEST}","input":{{"order":9007199254740993}}}}"#);
    let answer = server.rest(MIRA, "POST", &path, &rounded).await;
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_batch_is_listed_with_its_total_and_decided_on_item_by_item() {
    let server = Server::new();
    let (one, two) = (server.hold(AGENT).await, server.hold(AGENT).await);
    let path = "/v1/batch?approval=finance&sum=input.cents";
    let batch = server.rest(MIRA, "GET", path, "").await.json();
    assert_eq!(batch["sum"]["total"], "16000");
    let decision = json!({
        "approval": "finance",
        "sum": "input.cents",
        "items": [one, two],
        "digest": batch["digest"],
        "veto": {two.as_str(): "too much"},
    });
    let answer = server
        .rest(MIRA, "POST", "/v1/batch", &decision.to_string())
        .await;
    let items = &answer.json()["items"];
    assert_eq!(
        (&items[0]["outcome"], &items[1]["outcome"]),
        (&json!("approved"), &json!("denied"))
    );
    let more = json!({"approval": "finance", "items": [], "digest": "x", "everything": true});
    let answer = server
        .rest(MIRA, "POST", "/v1/batch", &more.to_string())
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_deputy_is_named_listed_and_ended() {
    let server = Server::new();
    let new = json!({"deputy": "paul", "approver": "group:finance", "until_ms": 9}).to_string();
    let answer = server.rest(MIRA, "POST", "/v1/delegations", &new).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let own = json!({"deputy": "mira", "approver": "group:finance", "until_ms": 9}).to_string();
    let answer = server.rest(MIRA, "POST", "/v1/delegations", &own).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let end = "/v1/delegations/dep-1/end";
    let answer = server.rest(MIRA, "POST", end, "").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let listed = server
        .rest(MIRA, "GET", "/v1/delegations?all=true", "")
        .await;
    assert_eq!(listed.json()[0]["state"], "ended");
}

// ── pages ──────────────────────────────────────────────────────────────────

#[tokio::test]
async fn a_card_shows_votes_deputies_and_who_changed_the_input() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    server.host.edit_card(|card| {
        card.quorum = 3;
        card.votes = vec![Vote {
            by: "ben\u{202e}".into(),
            on_behalf: Some("<b>noor".into()),
            at: "2026-11-22T14:05:00.123Z".into(),
        }];
        card.deputies = vec![Deputy {
            deputy: "ben".into(),
            delegator: "noor".into(),
            approver: "group:finance".into(),
            until: "2026-11-30T00:00:00.000Z".into(),
        }];
        card.edited_by = vec!["olaf".into()];
        card.edits = Some("run-0".into());
        card.exception = true;
    });
    let cookie = server.sign_in(MIRA).await;
    let page = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    for shown in [
        "1 of 3",
        "ben⟨U+202E⟩ for &#60;b&#62;noor",
        "ben for noor",
        "olaf",
        "/runs/run-0",
        "This is an exception",
        "when 3 people have said yes",
        "Change the input instead",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(!page.contains("Take my vote back"));
    // Who wrote the input has no button for a yes.
    server
        .host
        .edit_card(|card| card.edited_by = vec!["mira".into()]);
    let page = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    assert!(!page.contains("Approve this call") && page.contains("Deny this call"));
}

#[tokio::test]
async fn the_forms_of_deciding_people_work_without_script() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    server.host.edit_card(|card| card.quorum = 2);
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let own = format!("word={word}&digest={DIGEST}");
    let path = |what: &str| format!("/approvals/{id}/{what}");
    let yes = format!("{own}&reason=counter+waits");
    server.form(&path("approve"), &cookie, &yes).await;
    let card = server.page(&format!("/approvals/{id}"), &cookie).await.text;
    assert!(card.contains("Take my vote back") && card.contains("1 of 2"));
    let back = server.form(&path("revoke"), &cookie, &own).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER, "{}", back.text);
    let bad = format!("{own}&input=%7Bnot+json");
    let bad = server.form(&path("edit"), &cookie, &bad).await;
    assert_eq!(bad.status, StatusCode::UNPROCESSABLE_ENTITY);
    let edit = format!("{own}&input=%7B%22order%22%3A%228%22%7D");
    let edited = server.form(&path("edit"), &cookie, &edit).await;
    assert_eq!(edited.header("location"), "/runs/run-edited");
    let said = server.host.said().join("; ");
    for told in [
        r#"because Some("counter waits")"#,
        "back",
        r#"{"order":"8"}"#,
    ] {
        assert!(said.contains(told), "{told} in {said}");
    }
}

#[tokio::test]
async fn a_page_decides_on_many_and_a_reason_beside_one_is_a_no_to_it() {
    let server = Server::new();
    let (one, two) = (server.hold(AGENT).await, server.hold(AGENT).await);
    let cookie = server.sign_in(MIRA).await;
    let inbox = server.page("/", &cookie).await.text;
    assert!(inbox.contains("/batch?approval=finance"), "{inbox}");
    let page = server
        .page("/batch?approval=finance&sum=input.cents", &cookie)
        .await
        .text;
    for shown in ["16000", "without 1", &one, &two, DIGEST] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    let word = server.word(&cookie).await;
    let body = format!(
        "word={word}&approval=finance&sum=input.cents&digest={DIGEST}&items={one}+{two}&veto-{two}=too+much&veto-other=x"
    );
    let report = server.form("/batch", &cookie, &body).await.text;
    assert!(
        report.contains("approved") && report.contains("denied"),
        "{report}"
    );
    let said = server.host.said().join("; ");
    assert!(
        said.contains("too much") && !said.contains("other"),
        "{said}"
    );
}

/// A page has no private key: it asks for none, and says what does.
#[tokio::test]
async fn who_signs_is_told_the_command_in_place_of_every_form() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    server.host.edit_card(|card| {
        card.exception = true;
        card.votes = vec![Vote {
            by: "paul".into(),
            on_behalf: None,
            at: "2026-11-22T14:05:00.123Z".into(),
        }];
    });
    let cookie = server.sign_in(MIRA).await;
    server.host.register_keys();
    let batch = server.page("/batch?approval=finance&sum=input.cents", &cookie);
    let batch = batch.await.text;
    let command = format!(
        "tollgate approve --batch finance --sum input.cents --digest {DIGEST} --reason TEXT --key KEY_FILE"
    );
    assert!(batch.contains(&command), "{batch}");
    assert!(
        !batch.contains("deny the others") && batch.contains(&id),
        "{batch}"
    );
    let path = format!("/approvals/{id}");
    let page = server.page(&path, &cookie).await.text;
    for command in [
        format!("tollgate approve {id} --digest {DIGEST} --reason TEXT --key KEY_FILE"),
        format!("tollgate deny {id} --reason TEXT --key KEY_FILE"),
        format!("tollgate edit {id} --digest {DIGEST} --input FILE --key KEY_FILE"),
    ] {
        assert!(page.contains(&command), "{command} in {page}");
    }
    assert!(!page.contains(&format!("action=\"{path}")), "{page}");
    server
        .host
        .edit_card(|card| card.votes[0].by = "mira".into());
    let page = server.page(&path, &cookie).await.text;
    let revoke = format!("tollgate revoke {id} --key KEY_FILE");
    assert!(
        page.contains(&revoke) && !page.contains("tollgate approve"),
        "{page}"
    );
}

#[tokio::test]
async fn a_deputy_is_named_on_a_page_by_days() {
    let server = Server::new();
    let cookie = server.sign_in(MIRA).await;
    let word = server.word(&cookie).await;
    let form = format!("word={word}&deputy=paul&approver=group%3Afinance&from=&until=");
    let no_day = server.form("/deputies", &cookie, &form).await;
    assert_eq!(no_day.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(no_day.text.contains("this is no day"));
    let named = server
        .form("/deputies", &cookie, &format!("{form}2026-12-24"))
        .await;
    assert_eq!(named.status, StatusCode::SEE_OTHER, "{}", named.text);
    let page = server.page("/deputies", &cookie).await.text;
    assert!(page.contains("paul") && page.contains("in force"), "{page}");
    let end = server
        .form("/deputies/dep-1/end", &cookie, &format!("word={word}"))
        .await;
    assert_eq!(end.status, StatusCode::SEE_OTHER);
}

/// The attack: a page of another site posts our forms from this person's browser.
#[tokio::test]
async fn none_of_the_forms_can_be_sent_from_elsewhere() {
    let server = Server::new();
    let id = server.hold(AGENT).await;
    let cookie = server.sign_in(MIRA).await;
    for path in [
        format!("/approvals/{id}/revoke"),
        format!("/approvals/{id}/edit"),
        "/batch".into(),
        "/deputies".into(),
        "/deputies/dep-1/end".into(),
    ] {
        let body = format!("word=guess&digest={DIGEST}&input=%7B%7D");
        let answer = server.form(&path, &cookie, &body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        let without = server.form(&path, "", &body).await;
        assert_eq!(without.header("location"), "/login", "{path}");
    }
    assert!(server.host.said().is_empty());
}
