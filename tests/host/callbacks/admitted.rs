//! Whose account it is, and what may be decided so: the rules of every decision, and
//! what the operator has named.

use serde_json::json;
use tollgate_policy::decision::PrivateKey;
use tollgate_runtime::{CallbackOutcome, RunState};
use zeroize::Zeroizing;

use super::{
    SLACK_KEY, announced, click, decisions, ended, held, held_for, house, now_s, refused, send,
    sent, slack_signed, told,
};
use crate::deciding::person;
use crate::house::call;

#[tokio::test(flavor = "multi_thread")]
async fn only_mapped_people_who_may_decide_do() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    let as_account = async |account: &str, decision: &str| {
        refused(&house, "program", &sent(&waits, account, decision)).await
    };
    for decision in ["approve", "deny"] {
        // Nobody mapped it; the name of a person is no account; nobody is registered.
        assert_eq!(as_account("U0STRANGER", decision).await, "unknown_person");
        assert_eq!(as_account("gone", decision).await, "unknown_person");
        // Registered, and in no group that decides.
        assert_eq!(as_account("eve", decision).await, "not_an_approver");
        // The attack: an agent gets itself an account that is mapped to it.
        assert_eq!(as_account("robot", decision).await, "not_a_person");
    }
    // The same account of another workspace that has installed the app.
    let mut payload = click(
        "U0MIRA",
        &format!("approve {} {}", waits.card.approval, waits.digest),
    );
    payload["team"]["id"] = json!("T0EVIL");
    let request = slack_signed(SLACK_KEY, now_s(&house), &payload);
    let words = told(house.host.call_back("slack", request).await);
    assert!(
        words.starts_with("Nothing was decided: this account is nobody's"),
        "{words}"
    );
    assert!(decisions(&house, &waits.run).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_on_the_own_request_or_alone_where_two_must() {
    let (house, desk) = house("quorum = 2").await;
    let own = held_for(&house, &desk, &person("mira"), "mine").await;
    let body = sent(&own, "mira", "approve");
    assert_eq!(refused(&house, "program", &body).await, "requester");
    let voted = send(&house, "program", "m-1", &sent(&own, "noor", "approve"))
        .await
        .unwrap();
    assert_eq!(
        (voted.outcome, voted.votes, voted.quorum),
        (CallbackOutcome::Voted, Some(1), 2)
    );
    let again = sent(&own, "noor", "approve");
    assert_eq!(refused(&house, "program", &again).await, "already_voted");
    assert_eq!(
        decisions(&house, &own.run).await[0].facts["channel"],
        "callback:program"
    );
    assert_eq!(
        house
            .host
            .run(&person("mira"), &own.run)
            .await
            .unwrap()
            .state,
        RunState::Held
    );
    // A reason is one, also for a program.
    let mut no = sent(&own, "noor", "deny");
    no["reason"] = json!("  ");
    assert_eq!(refused(&house, "program", &no).await, "reason_missing");
    let denied = send(&house, "program", "m-2", &sent(&own, "noor", "deny"))
        .await
        .unwrap();
    assert_eq!(
        (denied.decision.as_str(), denied.outcome),
        ("denied", CallbackOutcome::Decided)
    );
    assert_eq!(ended(&house, &own.run).await.state, RunState::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_time_is_not_decided() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    house.clock.set(crate::house::AT + 2 * 3_600_000);
    let late = refused(&house, "program", &sent(&waits, "mira", "approve")).await;
    assert!(["expired", "already_decided"].contains(&late), "{late}");
}

/// The attack: an approval that the operator did not mean for a chat, another tenant's
/// that happens to have people of the same name, and one that is outside of the usual.
#[tokio::test(flavor = "multi_thread")]
async fn only_named_approvals_of_the_own_tenant_are_decided_and_never_exceptions() {
    let (house, desk) = house("exception = true").await;
    let waits = held(&house, &desk).await;
    let body = sent(&waits, "mira", "approve");
    assert_eq!(refused(&house, "narrow", &body).await, "not_by_callback");
    assert_eq!(
        refused(&house, "elsewhere", &body).await,
        "unknown_approval"
    );
    let error = send(&house, "program", "m-1", &body).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "an exception is not decided from outside"
    );
    let deny = sent(&waits, "mira", "deny");
    assert_eq!(refused(&house, "program", &deny).await, "not_by_callback");
    assert!(decisions(&house, &waits.run).await.is_empty());
}

/// The attack: a stolen chat account decides for somebody who signs.
#[tokio::test(flavor = "multi_thread")]
async fn who_signs_decisions_does_not_decide_from_a_chat() {
    let (house, desk) = house("").await;
    let key = PrivateKey::from_seed(&Zeroizing::new([1; 32]));
    let (mira, public) = (person("mira"), key.public());
    let added = house.host.add_principal_with_key(&mira, Some(&public));
    added.await.unwrap();
    let waits = held(&house, &desk).await;
    let no = send(&house, "program", "m-1", &sent(&waits, "mira", "approve")).await;
    let no = no.unwrap_err();
    assert_eq!(no.kind(), "signature_missing");
    assert!(no.hint().unwrap().contains("--key"));
    // Who has none does.
    let yes = send(&house, "program", "m-2", &sent(&waits, "noor", "approve")).await;
    assert_eq!(yes.unwrap().outcome, CallbackOutcome::Decided);
}

/// A digest is of one approval: it opens no other one, equal as they may be.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_announced_of_one_approval_decides_no_other() {
    let (house, desk) = house("").await;
    let one = held_for(&house, &desk, &person("noor"), "same").await;
    let note = json!({"path": ["notes"], "note": {"text": "another"}});
    let report = house
        .host
        .call(&person("eve"), call("ending", "deliver", note))
        .await;
    let other = announced(&house, &desk, &report.unwrap()).await;
    let mut body = sent(&other, "mira", "approve");
    body["digest"] = json!(one.digest);
    assert_eq!(refused(&house, "program", &body).await, "changed");
    body["digest"] = json!(other.digest.to_uppercase());
    assert_eq!(refused(&house, "program", &body).await, "changed");
    body["digest"] = json!(&other.digest[..32]);
    assert_eq!(refused(&house, "program", &body).await, "changed");
    assert!(decisions(&house, &other.run).await.is_empty());
}
