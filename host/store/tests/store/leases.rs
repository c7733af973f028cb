//! Leases: a run is worked on by one host at a time, and who lost it can write
//! nothing more.

use tollgate_store::{Change, Rejected, RunRow, RunState, StoreError, Verdict};

use crate::support::{
    Bench, NOW, approval_row, named, on_each_store, records, run_row, submission,
};

fn put(row: RunRow) -> Change {
    Change::PutRun(Box::new(row))
}

/// A run as its host inserts it, with its lease.
fn leased(run: &str, owner: &str, until_ms: u64) -> RunRow {
    RunRow {
        lease_owner: Some(owner.into()),
        lease_until_ms: until_ms,
        lease_token: 1,
        ..run_row(run, run)
    }
}

fn held(run: &str, approval: &str) -> RunRow {
    RunRow {
        state: RunState::Held,
        approval: Some(approval.into()),
        ..run_row(run, run)
    }
}

fn holds(run: &str, owner: &str, token: u64) -> Change {
    Change::HoldsRun {
        run: run.into(),
        owner: owner.into(),
        token,
    }
}

fn release(run: &str, owner: &str, token: u64) -> Change {
    Change::ReleaseRun {
        run: run.into(),
        owner: owner.into(),
        token,
    }
}

async fn claim(bench: &Bench, run: &str, owner: &str) -> Result<RunRow, Rejected> {
    let claimed = bench.store.claim_run(&named("acme"), run, owner, 100).await;
    claimed.map_err(|error| error.rejected().cloned().unwrap())
}

async fn lapsed(bench: &Bench, owner: &str, limit: u32) -> Vec<String> {
    let rows = bench.store.claim_lapsed(owner, 100, limit).await.unwrap();
    let mut runs: Vec<_> = rows.into_iter().map(|row| row.run).collect();
    runs.sort();
    runs
}

async fn renewed(bench: &Bench, owner: &str) -> Vec<String> {
    let leases = bench.store.renew_leases(owner, 100).await.unwrap();
    assert!(leases.iter().all(|l| l.tenant == "acme" && l.token == 1));
    let mut runs: Vec<_> = leases.into_iter().map(|lease| lease.run).collect();
    runs.sort();
    runs
}

async fn a_lease_is_one_hosts_until_it_lapses_by_the_stores_clock(bench: Bench) {
    bench
        .change(put(leased("r1", "h1", NOW + 100)))
        .await
        .unwrap();
    let taken = Rejected::Leased {
        owner: "h1".into(),
        until_ms: NOW + 100,
    };
    assert_eq!(claim(&bench, "r1", "h2").await, Err(taken.clone()));
    bench.clock.set(NOW + 100);
    assert_eq!(claim(&bench, "r1", "h2").await, Err(taken));
    bench.change(holds("r1", "h1", 1)).await.unwrap();
    bench.clock.set(NOW + 101);
    let lost = bench.refused(holds("r1", "h1", 1)).await;
    assert_eq!(lost, Rejected::LeaseLost);
    let row = claim(&bench, "r1", "h2").await.unwrap();
    assert_eq!(row.lease_owner.as_deref(), Some("h2"));
    assert_eq!((row.lease_token, row.lease_until_ms), (2, NOW + 201));
    assert_eq!(
        bench.store.run(&named("acme"), "r1").await.unwrap(),
        Some(row)
    );
    let unknown = claim(&bench, "r9", "h2").await;
    assert_eq!(unknown, Err(Rejected::NoSuchRun("r9".into())));
    let elsewhere = bench
        .store
        .claim_run(&named("other"), "r1", "h2", 100)
        .await;
    assert_eq!(
        elsewhere.unwrap_err().rejected(),
        Some(&Rejected::NoSuchRun("r1".into()))
    );
}

/// A host whose clock is wrong would else have its first lease lapse before it has
/// sent anything, or keep a run from everybody for an hour after it died.
async fn the_first_lease_of_a_run_counts_from_the_stores_time_not_the_hosts(bench: Bench) {
    let (behind, ahead) = (NOW - 15_000, NOW + 3_600_000);
    for (run, hosts_now) in [("behind", behind), ("ahead", ahead)] {
        let row = RunRow {
            opened_ms: hosts_now,
            updated_ms: hosts_now,
            ..leased(run, "h1", hosts_now + 100)
        };
        bench.change(put(row)).await.unwrap();
        bench.change(holds(run, "h1", 1)).await.unwrap();
        let row = bench.store.run(&named("acme"), run).await.unwrap().unwrap();
        assert_eq!(row.lease_until_ms, NOW + 100, "{run}");
    }
    bench.clock.set(NOW + 101);
    assert_eq!(lapsed(&bench, "h2", 9).await, ["ahead", "behind"]);
}

async fn of_two_hosts_that_race_for_a_run_one_gets_it(bench: Bench) {
    for round in 0..10 {
        let run = format!("r{round}");
        bench
            .change(put(leased(&run, "h0", NOW - 1)))
            .await
            .unwrap();
        let acme = named("acme");
        let (one, two) = tokio::join!(
            bench.store.claim_run(&acme, &run, "h1", 100),
            bench.store.claim_run(&acme, &run, "h2", 100)
        );
        let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
        let owner = won.unwrap().lease_owner.unwrap();
        let refused = lost.unwrap_err().rejected().cloned();
        let until_ms = NOW + 100;
        assert_eq!(refused, Some(Rejected::Leased { owner, until_ms }));
    }
}

async fn an_old_token_writes_nothing_even_for_the_same_host(bench: Bench) {
    bench
        .change(put(leased("r1", "h1", NOW + 100)))
        .await
        .unwrap();
    let again = claim(&bench, "r1", "h1").await.unwrap();
    assert_eq!(again.lease_token, 2);
    let late = records("acme", "r1", 1);
    let late = bench
        .store
        .append(submission(late, vec![holds("r1", "h1", 1)]))
        .await;
    assert_eq!(late.unwrap_err().rejected(), Some(&Rejected::LeaseLost));
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        0
    );
    bench.change(release("r1", "h1", 1)).await.unwrap();
    bench.change(holds("r1", "h1", 2)).await.unwrap();
    bench.change(release("r1", "h1", 2)).await.unwrap();
    let given_back = bench.refused(holds("r1", "h1", 2)).await;
    assert_eq!(given_back, Rejected::LeaseLost);
    assert_eq!(claim(&bench, "r1", "h2").await.unwrap().lease_token, 3);
}

async fn a_lease_that_was_lost_and_won_by_another_inside_one_transaction_fences(bench: Bench) {
    bench
        .change(put(leased("r1", "h1", NOW + 100)))
        .await
        .unwrap();
    // Whoever has the row at the moment is not waited for: it is asked for again.
    let claimed = async {
        loop {
            let claimed = bench.store.claim_run(&named("acme"), "r1", "h2", 100).await;
            let rejected = claimed.as_ref().err().and_then(|error| error.rejected());
            if !matches!(rejected, Some(Rejected::Leased { .. })) {
                return claimed;
            }
        }
    };
    // All of these may share one transaction: each sees those before it.
    let (released, claimed, written) = tokio::join!(
        bench.change(release("r1", "h1", 1)),
        claimed,
        bench.change(holds("r1", "h1", 1)),
    );
    released.unwrap();
    assert_eq!(claimed.unwrap().lease_token, 2);
    let refused = written.unwrap_err().rejected().cloned();
    assert_eq!(refused, Some(Rejected::LeaseLost));
}

async fn a_submission_that_gives_its_lease_away_cannot_go_on_under_it(bench: Bench) {
    for n in 0..2 {
        let run = format!("r{n}");
        let ends = match n {
            0 => release(&run, "h1", 1),
            _ => put(RunRow {
                state: RunState::Done,
                ..leased(&run, "h1", NOW + 100)
            }),
        };
        bench
            .change(put(leased(&run, "h1", NOW + 100)))
            .await
            .unwrap();
        let changes = vec![holds(&run, "h1", 1), ends, holds(&run, "h1", 1)];
        let late = submission(records("acme", &run, 1), changes);
        let refused = bench.store.append(late).await.unwrap_err();
        assert_eq!(refused.rejected(), Some(&Rejected::LeaseLost));
        // Nothing of it happened.
        bench.change(holds(&run, "h1", 1)).await.unwrap();
    }
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        0
    );
}

async fn many_hosts_append_at_once_each_under_its_own_lease(bench: Bench) {
    for n in 0..20 {
        let row = leased(&format!("r{n}"), &format!("h{n}"), NOW + 100);
        bench.change(put(row)).await.unwrap();
    }
    let appends = (0..40).map(|n| {
        let run = format!("r{}", n % 20);
        // Half of them with a token that was never given out.
        let changes = vec![holds(&run, &format!("h{}", n % 20), 1 + n / 20)];
        bench
            .store
            .append(submission(records("acme", &run, 1), changes))
    });
    let mut accepted = 0;
    let tasks: Vec<_> = appends.collect();
    for answer in futures_together(tasks).await {
        match answer {
            Ok(_) => accepted += 1,
            Err(error) => assert_eq!(error.rejected(), Some(&Rejected::LeaseLost)),
        }
    }
    assert_eq!(accepted, 20);
    let verified = bench.store.verify(&named("acme")).await.unwrap().unwrap();
    assert_eq!(verified.count, 20);
}

/// Poll all of them in turn until all are done.
async fn futures_together<T>(
    mut futures: Vec<std::pin::Pin<Box<dyn Future<Output = T> + Send + '_>>>,
) -> Vec<T> {
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

async fn leases_are_renewed_together_and_lapsed_ones_are_not_brought_back(bench: Bench) {
    for (run, owner, until_ms) in [
        ("r1", "h1", NOW + 10),
        ("r2", "h1", NOW + 500),
        ("r3", "h1", NOW - 1),
        ("r4", "h2", NOW + 10),
    ] {
        bench
            .change(put(leased(run, owner, until_ms)))
            .await
            .unwrap();
    }
    assert_eq!(renewed(&bench, "h1").await, ["r1", "r2"]);
    let mut until = Vec::new();
    for run in ["r1", "r2", "r3", "r4"] {
        let row = bench.store.run(&named("acme"), run).await.unwrap().unwrap();
        until.push(row.lease_until_ms);
    }
    assert_eq!(until, [NOW + 100, NOW + 500, NOW - 1, NOW + 10]);
    assert!(renewed(&bench, "h9").await.is_empty());
}

async fn runs_that_nobody_works_on_are_taken_up_once(bench: Bench) {
    for n in 0..6 {
        bench
            .change(put(leased(&format!("r{n}"), "gone", NOW + n)))
            .await
            .unwrap();
    }
    bench
        .change(put(leased("busy", "h0", NOW + 1_000)))
        .await
        .unwrap();
    bench.clock.set(NOW + 10);
    assert_eq!(lapsed(&bench, "h1", 2).await, ["r0", "r1"]);
    let (one, two) = tokio::join!(lapsed(&bench, "h1", 3), lapsed(&bench, "h2", 3));
    let mut both = [one, two].concat();
    both.sort();
    assert_eq!(both, ["r2", "r3", "r4", "r5"]);
    assert!(lapsed(&bench, "h3", 9).await.is_empty());
    bench.clock.set(NOW + 111);
    assert_eq!(lapsed(&bench, "h3", 9).await.len(), 6);
}

async fn a_held_run_is_taken_up_when_nobody_is_waited_for_any_more(bench: Bench) {
    for (run, approval) in [("r1", "a1"), ("r2", "a2"), ("r3", "a3"), ("r4", "a4")] {
        let asked = vec![
            put(held(run, approval)),
            Change::PutApproval(Box::new(tollgate_store::ApprovalRow {
                run: run.into(),
                ..approval_row(approval)
            })),
        ];
        let asked = bench.store.append(submission(Vec::new(), asked)).await;
        asked.unwrap();
    }
    assert!(lapsed(&bench, "h1", 9).await.is_empty());
    for (id, decision) in [("a1", Verdict::Approved), ("a2", Verdict::Denied)] {
        let decide = Change::DecideApproval {
            id: id.into(),
            decision,
            by: "person:mira".into(),
            on_behalf: None,
            at_ms: NOW,
        };
        bench.change(decide).await.unwrap();
    }
    assert_eq!(lapsed(&bench, "h1", 9).await, ["r1", "r2"]);
    // Somebody has them now.
    assert!(lapsed(&bench, "h2", 9).await.is_empty());
    let row = bench
        .store
        .run(&named("acme"), "r1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.state, row.lease_token), (RunState::Held, 1));
    bench.change(holds("r1", "h1", 1)).await.unwrap();
    // It goes on, and its host dies: it is open and lapsed.
    bench
        .change(put(RunRow {
            state: RunState::Open,
            ..held("r1", "a1")
        }))
        .await
        .unwrap();
    let open = bench
        .store
        .run(&named("acme"), "r1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(open.lease_owner.as_deref(), Some("h1"));
    bench.clock.set(NOW + 1_001);
    let expire = Change::ExpireApproval {
        id: "a3".into(),
        at_ms: NOW + 1_001,
    };
    bench.change(expire).await.unwrap();
    assert_eq!(lapsed(&bench, "h2", 9).await, ["r1", "r2", "r3"]);
    // What ended needs nobody, and has no lease.
    bench
        .change(put(RunRow {
            state: RunState::Done,
            ..held("r1", "a1")
        }))
        .await
        .unwrap();
    bench.clock.set(NOW + 9_999);
    assert_eq!(lapsed(&bench, "h3", 9).await, ["r2", "r3"]);
    let done = bench
        .store
        .run(&named("acme"), "r1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((done.lease_owner, done.lease_until_ms), (None, 0));
}

async fn a_run_held_again_on_a_decided_approval_is_not_forgotten(bench: Bench) {
    let approval = tollgate_store::ApprovalRow {
        run: "r1".into(),
        ..approval_row("a1")
    };
    bench
        .change(Change::PutApproval(Box::new(approval)))
        .await
        .unwrap();
    let decide = Change::DecideApproval {
        id: "a1".into(),
        decision: Verdict::Approved,
        by: "person:mira".into(),
        on_behalf: None,
        at_ms: NOW,
    };
    bench.change(decide).await.unwrap();
    bench.change(put(held("r1", "a1"))).await.unwrap();
    assert_eq!(lapsed(&bench, "h1", 9).await, ["r1"]);
}

async fn a_held_run_is_born_without_a_lease(bench: Bench) {
    let row = RunRow {
        lease_owner: Some("h1".into()),
        lease_until_ms: NOW + 100,
        ..held("r1", "a1")
    };
    bench.change(put(row)).await.unwrap();
    let read = bench
        .store
        .run(&named("acme"), "r1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((read.lease_owner, read.lease_until_ms), (None, 0));
}

async fn lapsed_runs_of_all_tenants_are_found_with_their_tenants(bench: Bench) {
    for tenant in ["acme", "other"] {
        let row = RunRow {
            tenant: named(tenant),
            ..leased("r1", "gone", NOW - 1)
        };
        let put = tollgate_store::Submission {
            tenant: named(tenant),
            records: Vec::new(),
            changes: vec![put(row)],
        };
        bench.store.append(put).await.unwrap();
    }
    let rows = bench.store.claim_lapsed("h1", 100, 9).await.unwrap();
    let mut tenants: Vec<_> = rows.into_iter().map(|row| row.tenant).collect();
    tenants.sort();
    assert_eq!(tenants, ["acme", "other"]);
}

async fn a_closed_store_leases_nothing(bench: Bench) {
    bench.store.close().await;
    let refused = bench.store.claim_lapsed("h1", 100, 1).await;
    assert!(matches!(refused, Err(StoreError::Closed)));
}

async fn however_many_runs_wait_the_newest_thousand_are_listed(bench: Bench) {
    let runs: Vec<_> = (0..1_100).map(|n| (format!("r{n:04}"), n)).collect();
    for some in runs.chunks(100) {
        let changes = some.iter().map(|(run, n)| {
            let state = [RunState::Held, RunState::Done][n % 2];
            let opened_ms = NOW + *n as u64;
            put(RunRow {
                state,
                opened_ms,
                ..run_row(run, run)
            })
        });
        let rows = submission(Vec::new(), changes.collect());
        bench.store.append(rows).await.unwrap();
    }
    let all = bench.store.runs(&named("acme"), &[]).await.unwrap();
    let names: Vec<_> = all.iter().map(|row| row.run.as_str()).collect();
    let expected = runs.iter().rev().take(1_000).map(|(run, _)| run.as_str());
    assert_eq!(names, expected.collect::<Vec<_>>());
    let twice = [RunState::Held, RunState::Held];
    let held = bench.store.runs(&named("acme"), &twice).await.unwrap();
    assert_eq!(held.len(), 550);
    assert!(held.iter().all(|row| row.state == RunState::Held));
}

on_each_store! {
    a_lease_is_one_hosts_until_it_lapses_by_the_stores_clock,
    the_first_lease_of_a_run_counts_from_the_stores_time_not_the_hosts,
    of_two_hosts_that_race_for_a_run_one_gets_it,
    an_old_token_writes_nothing_even_for_the_same_host,
    a_lease_that_was_lost_and_won_by_another_inside_one_transaction_fences,
    a_submission_that_gives_its_lease_away_cannot_go_on_under_it,
    many_hosts_append_at_once_each_under_its_own_lease,
    however_many_runs_wait_the_newest_thousand_are_listed,
    leases_are_renewed_together_and_lapsed_ones_are_not_brought_back,
    runs_that_nobody_works_on_are_taken_up_once,
    a_held_run_is_taken_up_when_nobody_is_waited_for_any_more,
    a_run_held_again_on_a_decided_approval_is_not_forgotten,
    a_held_run_is_born_without_a_lease,
    lapsed_runs_of_all_tenants_are_found_with_their_tenants,
    a_closed_store_leases_nothing,
}
