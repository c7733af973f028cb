//! Approvals: decided once, in time, by somebody else; used once, in time, for
//! exactly what was approved.

use tollgate_store::{ApprovalState, Change, Rejected, RunState, Verdict};

use crate::support::{
    Bench, NOW, approval_row, named, on_each_store, records, run_row, submission,
};

fn approve(by: &str) -> Change {
    decide(Verdict::Approved, by)
}

fn decide(decision: Verdict, by: &str) -> Change {
    Change::DecideApproval {
        id: "a1".into(),
        decision,
        by: by.into(),
        on_behalf: None,
        at_ms: NOW,
    }
}

fn consume(digest: &str) -> Change {
    Change::ConsumeApproval {
        id: "a1".into(),
        digest: digest.into(),
        at_ms: NOW,
    }
}

async fn pending(bench: Bench) -> Bench {
    bench
        .change(Change::PutApproval(Box::new(approval_row("a1"))))
        .await
        .unwrap();
    bench
}

async fn approved(bench: Bench) -> Bench {
    let bench = pending(bench).await;
    bench.change(approve("person:mira")).await.unwrap();
    bench
}

async fn an_approval_reads_back_as_it_was_asked_for(bench: Bench) {
    let bench = pending(bench).await;
    let read = bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read, approval_row("a1"));
    let everything = bench.store.approvals(&named("acme"), None).await.unwrap();
    assert_eq!(everything, std::slice::from_ref(&read));
    let waiting = bench
        .store
        .approvals(&named("acme"), Some(ApprovalState::Pending))
        .await
        .unwrap();
    assert_eq!(waiting, [read]);
    assert!(
        bench
            .store
            .approvals(&named("acme"), Some(ApprovalState::Denied))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        bench.store.approval(&named("other"), "a1").await.unwrap(),
        None
    );
    let again = bench
        .refused(Change::PutApproval(Box::new(approval_row("a1"))))
        .await;
    assert_eq!(again, Rejected::ApprovalExists("a1".into()));
}

async fn a_new_approval_cannot_be_born_decided(bench: Bench) {
    let mut born = approval_row("a1");
    born.state = ApprovalState::Approved;
    assert!(
        bench
            .change(Change::PutApproval(Box::new(born)))
            .await
            .is_err()
    );
}

async fn an_approval_is_decided_once(bench: Bench) {
    let bench = approved(bench).await;
    let decided = bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(decided.state, ApprovalState::Approved);
    assert_eq!(decided.decided_by.as_deref(), Some("person:mira"));
    assert_eq!(
        (decided.decided_ms, decided.execute_by_ms),
        (Some(NOW), Some(NOW + 500))
    );
    let denied = Verdict::Denied;
    let refused = bench.refused(decide(denied, "person:noor")).await;
    let by = Some("person:mira".into());
    assert_eq!(
        refused,
        Rejected::AlreadyDecided {
            state: ApprovalState::Approved,
            by
        }
    );
}

async fn a_denied_approval_cannot_be_used(bench: Bench) {
    let bench = pending(bench).await;
    let denied = Verdict::Denied;
    bench.change(decide(denied, "person:mira")).await.unwrap();
    let read = bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.execute_by_ms, None);
    let refused = bench.refused(consume("sha256:bound")).await;
    assert_eq!(
        refused,
        Rejected::NotApproved {
            state: ApprovalState::Denied
        }
    );
}

async fn the_requester_cannot_decide(bench: Bench) {
    let bench = pending(bench).await;
    assert_eq!(
        bench.refused(approve("agent:a")).await,
        Rejected::OwnRequest
    );
}

async fn a_late_decision_is_refused_by_the_stores_clock(bench: Bench) {
    let bench = pending(bench).await;
    bench.clock.set(NOW + 1_001);
    let refused = bench.refused(approve("person:mira")).await;
    assert_eq!(
        refused,
        Rejected::Expired {
            limit_ms: NOW + 1_000,
            now_ms: NOW + 1_001
        }
    );
    bench.clock.set(NOW + 1_000);
    bench.change(approve("person:mira")).await.unwrap();
}

async fn a_late_use_is_refused_by_the_stores_clock_whatever_the_caller_says(bench: Bench) {
    let bench = approved(bench).await;
    bench.clock.set(NOW + 501);
    let refused = bench.refused(consume("sha256:bound")).await;
    assert_eq!(
        refused,
        Rejected::Expired {
            limit_ms: NOW + 500,
            now_ms: NOW + 501
        }
    );
    bench.clock.set(NOW);
    let ahead = Change::ConsumeApproval {
        id: "a1".into(),
        digest: "sha256:bound".into(),
        at_ms: NOW + 501,
    };
    assert!(matches!(
        bench.refused(ahead).await,
        Rejected::Expired { .. }
    ));
    bench.change(consume("sha256:bound")).await.unwrap();
}

async fn an_approval_serves_only_what_was_approved_and_only_after_it(bench: Bench) {
    let bench = pending(bench).await;
    let early = bench.refused(consume("sha256:bound")).await;
    assert_eq!(
        early,
        Rejected::NotApproved {
            state: ApprovalState::Pending
        }
    );
    bench.change(approve("person:mira")).await.unwrap();
    assert_eq!(
        bench.refused(consume("sha256:other")).await,
        Rejected::DigestMismatch
    );
    bench.change(consume("sha256:bound")).await.unwrap();
    assert_eq!(
        bench.refused(consume("sha256:bound")).await,
        Rejected::AlreadyConsumed
    );
    let unknown = Change::VoidApproval { id: "a2".into() };
    assert_eq!(
        bench.refused(unknown).await,
        Rejected::NoSuchApproval("a2".into())
    );
}

async fn of_fifty_uses_at_once_one_succeeds_and_only_its_intent_is_recorded(bench: Bench) {
    let bench = approved(bench).await;
    let other = bench.another().await;
    let mut tasks = Vec::new();
    for n in 0..50 {
        let store = if n % 2 == 0 {
            bench.store.clone()
        } else {
            other.clone()
        };
        tasks.push(tokio::spawn(async move {
            let intent = records("acme", &format!("r{n}"), 1);
            let mut row = run_row(&format!("r{n}"), &format!("i{n}"));
            row.state = RunState::Open;
            let changes = vec![Change::PutRun(Box::new(row)), consume("sha256:bound")];
            store.append(submission(intent, changes)).await
        }));
    }
    let mut succeeded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(appended) => {
                succeeded += 1;
                assert_eq!(appended.first_seq, 0);
            }
            Err(error) => assert_eq!(error.rejected(), Some(&Rejected::AlreadyConsumed)),
        }
    }
    assert_eq!(succeeded, 1);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        1
    );
    assert_eq!(
        bench.store.runs(&named("acme"), &[]).await.unwrap().len(),
        1
    );
}

async fn expiry_needs_the_time_to_have_passed(bench: Bench) {
    let bench = pending(bench).await;
    let expire = |at_ms| Change::ExpireApproval {
        id: "a1".into(),
        at_ms,
    };
    let early = bench.refused(expire(NOW + 9_999)).await;
    assert_eq!(
        early,
        Rejected::NotExpired {
            limit_ms: NOW + 1_000
        }
    );
    bench.clock.set(NOW + 1_001);
    bench.change(expire(NOW + 1_001)).await.unwrap();
    let refused = bench.refused(approve("person:mira")).await;
    assert!(matches!(refused, Rejected::Expired { .. }));
    assert!(matches!(
        bench.refused(expire(NOW + 1_001)).await,
        Rejected::AlreadyDecided { .. }
    ));
}

async fn a_voided_approval_cannot_be_used(bench: Bench) {
    let bench = approved(bench).await;
    let void = Change::VoidApproval { id: "a1".into() };
    bench.change(void).await.unwrap();
    let refused = bench.refused(consume("sha256:bound")).await;
    assert_eq!(
        refused,
        Rejected::NotApproved {
            state: ApprovalState::Voided
        }
    );
}

on_each_store! {
    an_approval_reads_back_as_it_was_asked_for,
    a_new_approval_cannot_be_born_decided,
    an_approval_is_decided_once,
    a_denied_approval_cannot_be_used,
    the_requester_cannot_decide,
    a_late_decision_is_refused_by_the_stores_clock,
    a_late_use_is_refused_by_the_stores_clock_whatever_the_caller_says,
    an_approval_serves_only_what_was_approved_and_only_after_it,
    of_fifty_uses_at_once_one_succeeds_and_only_its_intent_is_recorded,
    expiry_needs_the_time_to_have_passed,
    a_voided_approval_cannot_be_used,
}
