//! A deputy decides in one person's place, in a time, and is one vote with it.

use tollgate_runtime::{
    DecideError, Delegation, LogFilter, NewDelegation, Principal, PrincipalKind, RunState,
};
use tollgate_tests::named;

use super::{effects, held, on_each_store, person, yes};
use crate::house::{AT, House, principal};

const HOUR: u64 = 3_600_000;

/// People as the store knows them: mira and anna are bosses, ben and carl are not.
async fn people(house: &House) {
    for (name, kind, groups) in [
        ("mira", PrincipalKind::Person, &["boss"][..]),
        ("anna", PrincipalKind::Person, &["boss"]),
        ("ben", PrincipalKind::Person, &[]),
        ("carl", PrincipalKind::Person, &[]),
        ("agent-7", PrincipalKind::Agent, &[]),
    ] {
        let who = principal(name, kind, groups);
        house.host.add_principal(&who).await.unwrap();
    }
}

fn plain(name: &str) -> Principal {
    principal(name, PrincipalKind::Person, &[])
}

fn to(deputy: &str) -> NewDelegation {
    NewDelegation {
        deputy: deputy.to_owned(),
        approver: "group:boss".to_owned(),
        from_ms: None,
        until_ms: AT + HOUR / 2,
    }
}

async fn delegate(house: &House, from: &str, deputy: &str) -> Delegation {
    let given = house.host.delegate(&person(from), &to(deputy)).await;
    given.unwrap()
}

async fn a_deputy_votes_in_the_place_of_one_person(house: House) {
    people(&house).await;
    let (report, shown) = held(&house, "n").await;
    let ben = plain("ben");
    let approve = |who: Principal| {
        let (host, shown) = (house.host.clone(), shown.clone());
        async move { host.approve(&who, &shown.approval, &shown.digest).await }
    };
    let no = approve(ben.clone()).await.unwrap_err();
    assert!(matches!(no, DecideError::NotAnApprover(_)), "{no}");
    delegate(&house, "mira", "ben").await;
    let his = house.host.cards(&ben, false).await.unwrap();
    let deputy = &his[0].deputies[0];
    assert_eq!(
        (deputy.deputy.as_str(), deputy.delegator.as_str()),
        ("ben", "mira")
    );
    let waits = approve(ben.clone()).await.unwrap();
    assert_eq!(waits.state, RunState::Held);
    let now = house.host.card(&person("anna"), &shown.approval).await;
    assert_eq!(now.unwrap().votes[0].to_string(), "ben for mira");
    // Deputy and delegator are one vote.
    let twice = yes(&house, "mira", &shown).await.unwrap_err();
    assert!(
        matches!(&twice, DecideError::AlreadyVoted { person, voter } if person == "mira" && voter == "ben"),
        "{twice}"
    );
    // One human does not fill two places, as whoever's deputy.
    delegate(&house, "anna", "ben").await;
    let twice = approve(ben).await.unwrap_err();
    assert!(matches!(twice, DecideError::AlreadyVoted { .. }), "{twice}");
    assert_eq!(effects(&house, "n").await, 0);
    let done = yes(&house, "anna", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    let log = house.log(&report.run).await;
    let vote = log.iter().find(|line| line.stage == "approval.voted");
    let vote = vote.unwrap();
    assert_eq!(
        (vote.principal.as_str(), &vote.facts["on_behalf"]),
        ("ben", &"mira".into())
    );
}

/// The attacks: a chain, a deputy that is an agent or nobody, a right that one does
/// not have, a time without end, the own request through somebody else.
async fn what_cannot_be_given_is_refused(house: House) {
    people(&house).await;
    let refused = async |who: &Principal, new: NewDelegation| {
        let no = house.host.delegate(who, &new).await.unwrap_err();
        assert!(matches!(no, DecideError::NoDeputy(_)), "{new:?}: {no}");
        assert!(no.hint().is_some());
    };
    let mira = person("mira");
    for deputy in ["mira", "agent-7", "nobody"] {
        refused(&mira, to(deputy)).await;
    }
    for approver in ["group:other", "person:anna", "boss", "agent:x"] {
        let new = NewDelegation {
            approver: approver.to_owned(),
            ..to("ben")
        };
        refused(&mira, new).await;
    }
    let month = 30 * 24 * HOUR;
    for (from_ms, until_ms) in [
        (None, AT),
        (None, AT + month + 1),
        (Some(AT + 5), AT + 5),
        (Some(AT + 20 * month), AT + 20 * month + 1),
    ] {
        let new = NewDelegation {
            from_ms,
            until_ms,
            ..to("ben")
        };
        refused(&mira, new).await;
    }
    let bot = principal("mira", PrincipalKind::Agent, &["boss"]);
    let no = house.host.delegate(&bot, &to("ben")).await.unwrap_err();
    assert!(matches!(no, DecideError::NotAPerson), "{no}");
    // No chains: ben has nothing of his own to give.
    delegate(&house, "mira", "ben").await;
    refused(&plain("ben"), to("carl")).await;
    let (_, shown) = held(&house, "n").await;
    let no = house
        .host
        .approve(&plain("carl"), &shown.approval, &shown.digest)
        .await;
    assert!(matches!(no, Err(DecideError::NotAnApprover(_))), "{no:?}");
}

async fn who_asked_does_not_decide_through_a_deputy_nor_as_one(house: House) {
    people(&house).await;
    delegate(&house, "mira", "ben").await;
    for who in [person("mira"), plain("ben")] {
        let call = crate::house::call("hostile", "increment", serde_json::json!({"key": who.name}));
        let report = house.host.call(&who, call).await.unwrap();
        let shown = super::card(&house, &report).await;
        assert!(shown.deputies.is_empty(), "{:?}", shown.deputies);
        let no = house
            .host
            .approve(&plain("ben"), &shown.approval, &shown.digest)
            .await;
        assert!(
            matches!(
                no,
                Err(DecideError::NotAnApprover(_) | DecideError::Requester)
            ),
            "{no:?}"
        );
    }
}

async fn a_delegation_ends_with_its_time_by_hand_and_with_the_delegators_right(house: House) {
    people(&house).await;
    let (_, shown) = held(&house, "n").await;
    let given = delegate(&house, "mira", "ben").await;
    assert_eq!(given.state, "in_force");
    let may = async || {
        let found = house.host.cards(&plain("ben"), false).await.unwrap();
        !found.is_empty()
    };
    assert!(may().await);
    let stranger = house.host.end_delegation(&plain("carl"), &given.id).await;
    assert!(matches!(stranger, Err(DecideError::NotFound(_))));
    house
        .host
        .end_delegation(&person("mira"), &given.id)
        .await
        .unwrap();
    assert!(!may().await);
    let no = house
        .host
        .approve(&plain("ben"), &shown.approval, &shown.digest)
        .await;
    assert!(matches!(no, Err(DecideError::NotAnApprover(_))), "{no:?}");
    // Mira leaves the group: what she gave is worth nothing.
    delegate(&house, "mira", "ben").await;
    assert!(may().await);
    house.host.add_principal(&plain("mira")).await.unwrap();
    assert!(!may().await);
    delegate(&house, "anna", "ben").await;
    assert!(may().await);
    house.clock.set(AT + HOUR / 2 + 1);
    assert!(!may().await);
    let all = house.host.delegations(&plain("ben"), true).await.unwrap();
    let mut states: Vec<_> = all.iter().map(|one| one.state.as_str()).collect();
    states.sort_unstable();
    assert_eq!(states, ["ended", "over", "over"]);
    let changed = LogFilter {
        stage: Some("delegation.changed".to_owned()),
        ..LogFilter::default()
    };
    let records = house.host.log(&named("default"), changed).await.unwrap();
    let said: Vec<_> = records.iter().map(|line| &line.facts["change"]).collect();
    assert_eq!(said, ["given", "ended", "given", "given"]);
    assert_eq!(effects(&house, "n").await, 0);
}

on_each_store! {
    "increment", "quorum = 2";
    a_deputy_votes_in_the_place_of_one_person,
    what_cannot_be_given_is_refused,
    who_asked_does_not_decide_through_a_deputy_nor_as_one,
    a_delegation_ends_with_its_time_by_hand_and_with_the_delegators_right,
}
