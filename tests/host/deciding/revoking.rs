//! A yes is taken back until the call is made, and not after.

use std::sync::Arc;
use std::time::Duration;

use tollgate_runtime::{DecideError, PrincipalKind, RunState};
use tollgate_tests::named;

use super::{asks, effects, held, on_each_store, person, yes};
use crate::faulty::Faulty;
use crate::house::{House, agent, principal};

async fn a_vote_is_taken_back_and_given_again(house: House) {
    let (report, shown) = held(&house, "n").await;
    yes(&house, "mira", &shown).await.unwrap();
    let none = house.host.revoke(&person("noor"), &shown.approval).await;
    assert!(matches!(none, Err(DecideError::NoVote)), "{none:?}");
    let bot = principal("mira", PrincipalKind::Agent, &["boss"]);
    let none = house.host.revoke(&bot, &shown.approval).await;
    assert!(matches!(none, Err(DecideError::NotAPerson)), "{none:?}");
    let back = house.host.revoke(&person("mira"), &shown.approval).await;
    assert_eq!(back.unwrap().pending.unwrap().votes, 0);
    let waits = yes(&house, "noor", &shown).await.unwrap();
    assert_eq!(waits.state, RunState::Held);
    let done = yes(&house, "mira", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    let late = house.host.revoke(&person("mira"), &shown.approval).await;
    assert!(matches!(late, Err(DecideError::AlreadyUsed)), "{late:?}");
    assert_eq!(effects(&house, "n").await, 1);
    let stages = house.stages(&report.run).await;
    assert!(
        stages.contains(&"approval.revoked".to_owned()),
        "{stages:?}"
    );
}

on_each_store! {
    "increment", "quorum = 2";
    a_vote_is_taken_back_and_given_again,
}

/// The host is about to send, and the last thing that it asks the store for is the
/// use of the approval: a revocation before that counts.
async fn revoked_at_the_last_moment(house: House) {
    let (house, store) = house.onto(Faulty::new).await;
    let house = Arc::new(house);
    let (report, shown) = held(&house, "n").await;
    store.let_uses_through(false);
    let approving = {
        let (house, shown) = (Arc::clone(&house), shown.clone());
        tokio::spawn(async move { yes(&house, "mira", &shown).await })
    };
    store.is_used().await;
    let back = house.host.revoke(&person("mira"), &shown.approval).await;
    back.unwrap();
    store.let_uses_through(true);
    let came = approving.await.unwrap().unwrap();
    assert_eq!(came.state, RunState::Held, "{came:?}");
    assert_eq!(effects(&house, "n").await, 0);
    // It waits under the same approval, and another yes counts.
    assert_eq!(came.pending.unwrap().approval, shown.approval);
    house.host.take_over().await.unwrap();
    let still = house.host.run(&agent(), &report.run).await.unwrap();
    assert_eq!(still.state, RunState::Held);
    let done = yes(&house, "noor", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(effects(&house, "n").await, 1);
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_about_to_be_sent_is_not_sent_after_a_revocation() {
    revoked_at_the_last_moment(House::hostile("", &asks("increment", "")).await).await;
}

/// Whoever wins: the effect is there if and only if the revocation was refused.
async fn approve_and_revoke_at_once(house: House) {
    for round in 0..20 {
        let key = format!("n{round}");
        let (report, shown) = held(&house, &key).await;
        let mira = person("mira");
        let revoke = async {
            // Now and then a moment later: both orders happen.
            for _ in 0..round * 3 {
                tokio::task::yield_now().await;
            }
            loop {
                match house.host.revoke(&mira, &shown.approval).await {
                    Err(DecideError::NoVote) => tokio::task::yield_now().await,
                    other => break other,
                }
            }
        };
        let (approved, revoked) = tokio::join!(yes(&house, "mira", &shown), revoke);
        let came = approved.unwrap();
        let wait = Duration::from_secs(20);
        let effect = effects(&house, &key).await;
        match revoked {
            Ok(_) => {
                assert_eq!((came.state, effect), (RunState::Held, 0), "{came:?}");
            }
            Err(DecideError::AlreadyUsed) => {
                let done = house.host.wait(&agent(), &report.run, wait).await.unwrap();
                assert_eq!((done.state, effect), (RunState::Done, 1));
            }
            Err(other) => panic!("{other}"),
        }
    }
}

mod races {
    use super::{House, approve_and_revoke_at_once, asks};

    #[tokio::test(flavor = "multi_thread")]
    async fn of_a_revocation_and_an_effect_at_once_one_happens() {
        approve_and_revoke_at_once(House::hostile("", &asks("increment", "")).await).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_same_on_postgres() {
        if let Some(house) = House::hostile_on_postgres(&asks("increment", "")).await {
            approve_and_revoke_at_once(house).await;
        }
    }
}
