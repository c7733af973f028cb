//! More than one person has to say yes, to exactly what is sent.

use serde_json::json;
use tollgate_runtime::{DecideError, PrincipalKind, RunState};

use super::{asks, card, effects, held, on_each_store, person, yes};
use crate::house::{House, agent, hostile, hostile_manifest, principal};

async fn two_different_people_let_a_call_through_and_one_does_not(house: House) {
    let (report, shown) = held(&house, "n").await;
    assert_eq!((shown.quorum, shown.votes.len()), (2, 0));
    let waits = yes(&house, "mira", &shown).await.unwrap();
    assert_eq!(waits.state, RunState::Held);
    let pending = waits.pending.unwrap();
    assert_eq!((pending.votes, pending.quorum), (1, 2));
    // What waits for others waits for her no longer, and says who has voted.
    let hers = house.host.cards(&person("mira"), false).await.unwrap();
    assert!(hers.is_empty(), "{hers:?}");
    let theirs = house.host.cards(&person("noor"), false).await.unwrap();
    assert_eq!(theirs[0].votes[0].to_string(), "mira");
    let twice = yes(&house, "mira", &shown).await.unwrap_err();
    assert!(
        matches!(&twice, DecideError::AlreadyVoted { person, .. } if person == "mira"),
        "{twice}"
    );
    for kind in [PrincipalKind::Agent, PrincipalKind::Service] {
        let who = principal("noor", kind, &["boss"]);
        let no = house
            .host
            .approve(&who, &shown.approval, &shown.digest)
            .await;
        assert!(matches!(no, Err(DecideError::NotAPerson)), "{no:?}");
    }
    let other = shown.digest.replace(['a', '1'], "b");
    let no = house
        .host
        .approve(&person("noor"), &shown.approval, &other)
        .await;
    assert!(matches!(no, Err(DecideError::Changed)), "{no:?}");
    assert_eq!(effects(&house, "n").await, 0);
    let done = yes(&house, "noor", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(effects(&house, "n").await, 1);
    let stages = house.stages(&report.run).await;
    let decided: Vec<_> = stages
        .iter()
        .filter(|stage| stage.starts_with("approval."))
        .collect();
    assert_eq!(
        decided,
        ["approval.requested", "approval.voted", "approval.decided"]
    );
    let votes = house.log(&report.run).await;
    let last = votes
        .iter()
        .find(|line| line.stage == "approval.decided")
        .unwrap();
    assert_eq!(
        (&last.facts["votes"], &last.facts["quorum"]),
        (&json!(2), &json!(2))
    );
}

async fn who_asked_is_none_of_them(house: House) {
    let call = crate::house::call("hostile", "increment", json!({"key": "n"}));
    let report = house.host.call(&person("mira"), call).await.unwrap();
    let shown = card(&house, &report).await;
    yes(&house, "noor", &shown).await.unwrap();
    let own = yes(&house, "mira", &shown).await.unwrap_err();
    assert!(matches!(own, DecideError::Requester), "{own}");
    assert_eq!(effects(&house, "n").await, 0);
}

async fn one_no_ends_it_whatever_the_votes(house: House) {
    let (_, shown) = held(&house, "n").await;
    yes(&house, "mira", &shown).await.unwrap();
    let denied = house
        .host
        .deny(&person("noor"), &shown.approval, &shown.digest, "not now")
        .await
        .unwrap();
    assert_eq!(denied.state, RunState::Denied);
    assert_eq!(effects(&house, "n").await, 0);
}

/// The attack: two people approve a quorum of one, or a quorum that was lowered
/// after the card was shown.
async fn another_quorum_asks_anew_and_the_old_votes_are_void(house: House) {
    let (report, shown) = held(&house, "n").await;
    yes(&house, "mira", &shown).await.unwrap();
    let manifest = hostile_manifest("", &asks("increment", "quorum = 3"));
    house.install(&manifest, &hostile()).await;
    let again = yes(&house, "noor", &shown).await.unwrap();
    let anew = card(&house, &again).await;
    assert_eq!((anew.quorum, anew.votes.len()), (3, 0));
    assert_ne!(anew.digest, shown.digest);
    let old = house.host.card(&person("mira"), &shown.approval).await;
    assert_eq!(old.unwrap().state, "void");
    yes(&house, "mira", &anew).await.unwrap();
    yes(&house, "noor", &anew).await.unwrap();
    assert_eq!(effects(&house, "n").await, 0);
    let done = yes(&house, "olaf", &anew).await.unwrap();
    assert_eq!((done.state, &done.run), (RunState::Done, &report.run));
    assert_eq!(effects(&house, "n").await, 1);
}

/// Two at once: the store says which is the last, and neither is lost.
async fn two_who_vote_at_once_are_two_votes(house: House) {
    for round in 0..6 {
        let key = format!("n{round}");
        let (report, shown) = held(&house, &key).await;
        let (first, second) =
            tokio::join!(yes(&house, "mira", &shown), yes(&house, "noor", &shown));
        first.unwrap();
        second.unwrap();
        let wait = std::time::Duration::from_secs(20);
        let done = house.host.wait(&agent(), &report.run, wait).await.unwrap();
        assert_eq!(done.state, RunState::Done);
        assert_eq!(effects(&house, &key).await, 1);
    }
}

on_each_store! {
    "increment", "quorum = 2";
    two_different_people_let_a_call_through_and_one_does_not,
    who_asked_is_none_of_them,
    one_no_ends_it_whatever_the_votes,
    another_quorum_asks_anew_and_the_old_votes_are_void,
    two_who_vote_at_once_are_two_votes,
}

/// The attack: the value is changed after the first vote.
#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_voids_the_votes_and_asks_anew() {
    let house = House::hostile("", &asks("try_sql", "quorum = 2")).await;
    let input = json!({"database": "orders", "statement": "UPDATE orders SET status = 'paid' WHERE id = 1", "execute": true});
    let report = house.call("try_sql", input).await;
    let first = card(&house, &report).await;
    yes(&house, "mira", &first).await.unwrap();
    house
        .sql("UPDATE orders SET status = 'disputed' WHERE id = 1")
        .await;
    let again = yes(&house, "noor", &first).await.unwrap();
    let anew = card(&house, &again).await;
    assert!(anew.votes.is_empty() && anew.digest != first.digest);
    yes(&house, "mira", &anew).await.unwrap();
    let done = yes(&house, "noor", &anew).await.unwrap();
    assert_eq!(done.state, RunState::Done);
}
