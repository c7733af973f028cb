//! A quorum: distinct people, one vote each, none by who asked; votes can be taken
//! back until the call is made; deputies vote in the place of who sent them.

use tollgate_store::{
    ApprovalRow, ApprovalState, Change, DelegationRow, OnBehalf, Rejected, RunRow, RunState,
    Verdict,
};

use crate::support::{
    Bench, NOW, approval_row, named, on_each_store, records, run_row, submission,
};

fn vote(by: &str, delegator: Option<&str>) -> Change {
    Change::VoteApproval {
        id: "a1".into(),
        by: by.into(),
        on_behalf: delegator.map(behalf),
        at_ms: NOW,
    }
}

fn decide(decision: Verdict, by: &str, delegator: Option<&str>) -> Change {
    Change::DecideApproval {
        id: "a1".into(),
        decision,
        by: by.into(),
        on_behalf: delegator.map(behalf),
        at_ms: NOW,
    }
}

fn behalf(delegator: &str) -> OnBehalf {
    OnBehalf {
        delegator: delegator.into(),
        delegation: format!("d-{delegator}"),
    }
}

fn last(by: &str) -> Change {
    decide(Verdict::Approved, by, None)
}

fn consume() -> Change {
    Change::ConsumeApproval {
        id: "a1".into(),
        digest: "sha256:bound".into(),
        at_ms: NOW,
    }
}

fn revoke(by: &str) -> Change {
    Change::RevokeVote {
        id: "a1".into(),
        by: by.into(),
    }
}

fn delegation(delegator: &str, deputy: &str, until_ms: u64) -> Change {
    Change::PutDelegation(Box::new(DelegationRow {
        tenant: named("acme"),
        id: format!("d-{delegator}"),
        delegator: delegator.into(),
        deputy: deputy.into(),
        approver: "group:finance".into(),
        from_ms: NOW,
        until_ms,
        created_ms: NOW,
        ended_ms: None,
        ended_by: None,
    }))
}

/// A held run whose call needs so many people.
async fn needs(bench: Bench, quorum: u32) -> Bench {
    let row = ApprovalRow {
        quorum,
        excluded: vec!["ed".into()],
        ..approval_row("a1")
    };
    let run = RunRow {
        state: RunState::Held,
        approval: Some("a1".into()),
        ..run_row("run-1", "i1")
    };
    let changes = vec![
        Change::PutApproval(Box::new(row)),
        Change::PutRun(Box::new(run)),
    ];
    let put = submission(Vec::new(), changes);
    bench.store.append(put).await.unwrap();
    bench
}

async fn row(bench: &Bench) -> ApprovalRow {
    bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap()
}

async fn voters(bench: &Bench) -> Vec<(String, Option<String>)> {
    let votes = row(bench).await.votes.into_iter();
    votes.map(|vote| (vote.voter, vote.on_behalf)).collect()
}

async fn a_quorum_needs_distinct_people(bench: Bench) {
    let bench = needs(bench, 2).await;
    let changed = |votes| Rejected::VotesChanged { votes, quorum: 2 };
    assert_eq!(bench.refused(last("mira")).await, changed(0));
    bench.change(vote("mira", None)).await.unwrap();
    assert_eq!(row(&bench).await.state, ApprovalState::Pending);
    assert_eq!(voters(&bench).await, [("mira".to_owned(), None)]);
    let twice = Rejected::AlreadyVoted {
        person: "mira".into(),
        voter: "mira".into(),
    };
    assert_eq!(bench.refused(vote("mira", None)).await, twice);
    assert_eq!(bench.refused(last("mira")).await, twice);
    assert_eq!(bench.refused(last("agent:a")).await, Rejected::OwnRequest);
    // Who wrote the input asked for it too.
    assert_eq!(bench.refused(last("ed")).await, Rejected::OwnRequest);
    assert_eq!(bench.refused(vote("noor", None)).await, changed(1));
    let early = bench.refused(consume()).await;
    let state = ApprovalState::Pending;
    assert_eq!(early, Rejected::NotApproved { state });
    bench.change(last("noor")).await.unwrap();
    assert_eq!(voters(&bench).await.len(), 2);
    bench.change(consume()).await.unwrap();
}

/// The attack: somebody who can write rows makes an approval an approved one.
async fn an_approval_without_its_votes_cannot_be_used(bench: Bench) {
    let bench = needs(bench, 2).await;
    bench.change(vote("mira", None)).await.unwrap();
    let approved = format!(
        "UPDATE approvals SET state = 'approved', decided_by = 'noor', decided_ms = {NOW}, \
         execute_by_ms = {} WHERE id = 'a1'",
        NOW + 500
    );
    bench.tamper(&approved).await;
    let missing = Rejected::QuorumMissing {
        votes: 1,
        quorum: 2,
    };
    assert_eq!(bench.refused(consume()).await, missing);
    // Votes for something else do not count.
    let bench = needs(bench.fresh().await, 1).await;
    bench.change(last("mira")).await.unwrap();
    bench
        .tamper("UPDATE approval_votes SET digest = 'sha256:other' WHERE approval = 'a1'")
        .await;
    let missing = Rejected::QuorumMissing {
        votes: 0,
        quorum: 1,
    };
    assert_eq!(bench.refused(consume()).await, missing);
}

async fn of_many_votes_at_once_exactly_the_quorum_counts(bench: Bench) {
    let bench = needs(bench, 3).await;
    let other = bench.another().await;
    let mut tasks = Vec::new();
    for n in 0..24 {
        let store = if n % 2 == 0 {
            bench.store.clone()
        } else {
            other.clone()
        };
        // Each person comes twice, with both kinds of vote.
        let by = format!("p{}", n / 2);
        tasks.push(tokio::spawn(async move {
            loop {
                for change in [vote(&by, None), last(&by)] {
                    let decides = matches!(change, Change::DecideApproval { .. });
                    let done = store.append(submission(Vec::new(), vec![change])).await;
                    match done.map_err(|error| error.rejected().cloned()) {
                        Ok(_) => return Some(decides),
                        Err(Some(Rejected::VotesChanged { .. })) => {}
                        Err(Some(
                            Rejected::AlreadyDecided { .. } | Rejected::AlreadyVoted { .. },
                        )) => return None,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
        }));
    }
    let mut cast = Vec::new();
    for task in tasks {
        cast.extend(task.await.unwrap());
    }
    cast.sort_unstable();
    assert_eq!(cast, [false, false, true]);
    assert_eq!(voters(&bench).await.len(), 3);
    assert_eq!(row(&bench).await.state, ApprovalState::Approved);
}

async fn a_vote_is_taken_back_until_the_call_is_made(bench: Bench) {
    let bench = needs(bench, 2).await;
    let none = bench.refused(revoke("mira")).await;
    assert_eq!(none, Rejected::NoVote("mira".into()));
    // Who may not vote has none to take back.
    assert_eq!(
        bench.refused(revoke("ed")).await,
        Rejected::NoVote("ed".into())
    );
    bench.change(vote("mira", None)).await.unwrap();
    bench.change(last("noor")).await.unwrap();
    bench.change(revoke("mira")).await.unwrap();
    let now = row(&bench).await;
    assert_eq!(
        (now.state, now.decided_by, now.decided_ms, now.execute_by_ms),
        (ApprovalState::Pending, None, None, None)
    );
    assert_eq!(voters(&bench).await, [("noor".to_owned(), None)]);
    let state = ApprovalState::Pending;
    assert_eq!(
        bench.refused(consume()).await,
        Rejected::NotApproved { state }
    );
    // Its run waits for people again: nobody takes it up.
    let taken = bench.store.claim_lapsed("h1", 10, 9).await.unwrap();
    assert!(taken.is_empty(), "{taken:?}");
    bench.change(last("mira")).await.unwrap();
    bench.change(consume()).await.unwrap();
    assert_eq!(
        bench.refused(revoke("mira")).await,
        Rejected::AlreadyConsumed
    );
}

/// One of them wins, whatever the order; never both.
async fn of_a_use_and_a_revocation_at_once_one_happens(bench: Bench) {
    for round in 0..12 {
        let bench = needs(bench.fresh().await, 1).await;
        bench.change(last("mira")).await.unwrap();
        let other = bench.another().await;
        let intent = submission(records("acme", "run-1", 1), vec![consume()]);
        let back = submission(records("acme", "run-1", 1), vec![revoke("mira")]);
        let (first, second) = if round % 2 == 0 {
            tokio::join!(bench.store.append(intent), other.append(back))
        } else {
            let (back, intent) = tokio::join!(other.append(back), bench.store.append(intent));
            (intent, back)
        };
        assert_ne!(first.is_ok(), second.is_ok(), "{first:?} {second:?}");
        let kept = bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count;
        assert_eq!(kept, 1, "only the winner is recorded");
    }
}

async fn a_deputy_votes_in_the_place_of_one_person(bench: Bench) {
    let bench = needs(bench, 2).await;
    let no = bench.refused(vote("ben", Some("mira"))).await;
    assert_eq!(no, Rejected::NoDelegation("d-mira".into()));
    bench
        .change(delegation("mira", "ben", NOW + 100))
        .await
        .unwrap();
    bench
        .change(delegation("anna", "ben", NOW + 100))
        .await
        .unwrap();
    // A delegation is to one person.
    let other = bench.refused(vote("carl", Some("mira"))).await;
    assert_eq!(other, Rejected::NoDelegation("d-mira".into()));
    bench.change(vote("ben", Some("mira"))).await.unwrap();
    let cast = [("ben".to_owned(), Some("mira".to_owned()))];
    assert_eq!(voters(&bench).await, cast);
    // One vote for both of them, and nobody in two votes.
    for change in [
        last("mira"),
        last("ben"),
        decide(Verdict::Approved, "ben", Some("anna")),
    ] {
        let refused = bench.refused(change).await;
        assert!(
            matches!(&refused, Rejected::AlreadyVoted { voter, .. } if voter == "ben"),
            "{refused}"
        );
    }
    // Who was voted for takes it back, too.
    bench.change(revoke("mira")).await.unwrap();
    assert!(voters(&bench).await.is_empty());
    bench.change(vote("mira", None)).await.unwrap();
    bench
        .change(decide(Verdict::Approved, "ben", Some("anna")))
        .await
        .unwrap();
    bench.change(consume()).await.unwrap();
}

async fn nobody_is_deputy_of_who_asked_nor_asks_and_decides(bench: Bench) {
    let bench = needs(bench, 1).await;
    for (delegator, deputy) in [("agent:a", "ben"), ("mira", "agent:a"), ("ed", "eva")] {
        bench
            .change(delegation(delegator, deputy, NOW + 100))
            .await
            .unwrap();
        let own = decide(Verdict::Approved, deputy, Some(delegator));
        assert_eq!(
            bench.refused(own).await,
            Rejected::OwnRequest,
            "{delegator}"
        );
    }
}

async fn a_delegation_counts_in_its_time_by_the_stores_clock(bench: Bench) {
    let bench = needs(bench, 1).await;
    let yes = || decide(Verdict::Approved, "ben", Some("mira"));
    bench
        .change(delegation("mira", "ben", NOW + 100))
        .await
        .unwrap();
    let again = bench.refused(delegation("mira", "ben", NOW + 900)).await;
    assert_eq!(again, Rejected::DelegationExists("d-mira".into()));
    bench.clock.set(NOW - 1);
    let at = |at_ms| {
        let mut change = yes();
        if let Change::DecideApproval { at_ms: at, .. } = &mut change {
            *at = at_ms;
        }
        change
    };
    assert!(matches!(
        bench.refused(at(NOW - 1)).await,
        Rejected::NoDelegation(_)
    ));
    bench.clock.set(NOW + 101);
    assert!(matches!(
        bench.refused(yes()).await,
        Rejected::NoDelegation(_)
    ));
    bench.clock.set(NOW + 50);
    let end = |at_ms| Change::EndDelegation {
        id: "d-mira".into(),
        by: "mira".into(),
        at_ms,
    };
    let listed = bench
        .store
        .delegations(&named("acme"), Some(NOW + 50))
        .await;
    assert_eq!(listed.unwrap().len(), 1);
    bench.change(end(NOW + 50)).await.unwrap();
    assert!(matches!(
        bench.refused(yes()).await,
        Rejected::NoDelegation(_)
    ));
    assert!(matches!(
        bench.refused(end(NOW + 50)).await,
        Rejected::NoDelegation(_)
    ));
    let now = bench
        .store
        .delegations(&named("acme"), Some(NOW + 50))
        .await;
    assert!(now.unwrap().is_empty());
    let all = bench.store.delegations(&named("acme"), None).await.unwrap();
    assert_eq!(
        (all[0].ended_ms, all[0].ended_by.as_deref()),
        (Some(NOW + 50), Some("mira"))
    );
    let other = bench
        .store
        .delegations(&named("other"), None)
        .await
        .unwrap();
    assert!(other.is_empty());
}

async fn a_denial_stands_for_the_same_in_other_runs_for_its_time(bench: Bench) {
    let bench = needs(bench, 1).await;
    let same = ApprovalRow {
        run: "run-2".into(),
        asked: "asked-a1".into(),
        ..approval_row("a2")
    };
    bench
        .change(Change::PutApproval(Box::new(same)))
        .await
        .unwrap();
    let of = async |asked: &str, run: &str| {
        let found = bench
            .store
            .standing_denial(&named("acme"), asked, run)
            .await;
        found.unwrap().map(|row| row.id)
    };
    assert_eq!(of("asked-a1", "run-2").await, None);
    bench
        .change(decide(Verdict::Denied, "mira", None))
        .await
        .unwrap();
    assert_eq!(row(&bench).await.denied_until_ms, Some(NOW + 1_000));
    assert_eq!(of("asked-a1", "run-2").await.as_deref(), Some("a1"));
    assert_eq!(of("asked-a1", "run-1").await, None);
    assert_eq!(of("asked-a2", "run-2").await, None);
    let other = bench
        .store
        .standing_denial(&named("other"), "asked-a1", "x")
        .await;
    assert_eq!(other.unwrap(), None);
    // The attack: ask twice, be denied once, and find somebody for the other one.
    let yes = Change::DecideApproval {
        id: "a2".into(),
        decision: Verdict::Approved,
        by: "noor".into(),
        on_behalf: None,
        at_ms: NOW,
    };
    bench.change(yes).await.unwrap();
    let consume = Change::ConsumeApproval {
        id: "a2".into(),
        digest: "sha256:bound".into(),
        at_ms: NOW,
    };
    let stands = Rejected::DenialStands {
        approval: "a1".into(),
    };
    assert_eq!(bench.refused(consume.clone()).await, stands);
    bench.clock.set(NOW + 1_001);
    assert_eq!(of("asked-a1", "run-2").await, None);
    assert!(matches!(
        bench.refused(consume).await,
        Rejected::Expired { .. }
    ));
}

on_each_store! {
    a_quorum_needs_distinct_people,
    an_approval_without_its_votes_cannot_be_used,
    of_many_votes_at_once_exactly_the_quorum_counts,
    a_vote_is_taken_back_until_the_call_is_made,
    of_a_use_and_a_revocation_at_once_one_happens,
    a_deputy_votes_in_the_place_of_one_person,
    nobody_is_deputy_of_who_asked_nor_asks_and_decides,
    a_delegation_counts_in_its_time_by_the_stores_clock,
    a_denial_stands_for_the_same_in_other_runs_for_its_time,
}
