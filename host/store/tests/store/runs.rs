//! Runs: found again by a repeated call, worked on by one host at a time.

use tollgate_store::{Change, Rejected, RunRow, RunState};

use crate::support::{Bench, NOW, named, on_each_store, records, run_row, submission};

fn put(run: &str, input: &str) -> Change {
    Change::PutRun(Box::new(run_row(run, input)))
}

async fn a_run_reads_back_and_follows_its_changes(bench: Bench) {
    bench.change(put("r1", "i1")).await.unwrap();
    assert_eq!(
        bench
            .store
            .run(&named("acme"), "r1")
            .await
            .unwrap()
            .unwrap(),
        run_row("r1", "i1")
    );
    let mut held = run_row("r1", "i1");
    held.state = RunState::Held;
    held.approval = Some("a1".into());
    held.sealed = None;
    bench
        .change(Change::PutRun(Box::new(held.clone())))
        .await
        .unwrap();
    assert_eq!(
        bench
            .store
            .run(&named("acme"), "r1")
            .await
            .unwrap()
            .unwrap(),
        held
    );
    let by_state =
        async |states: &[RunState]| bench.store.runs(&named("acme"), states).await.unwrap();
    assert_eq!(by_state(&[RunState::Held, RunState::InDoubt]).await, [held]);
    assert!(by_state(&[RunState::Done]).await.is_empty());
    assert_eq!(by_state(&[]).await.len(), 1);
    assert_eq!(bench.store.run(&named("other"), "r1").await.unwrap(), None);
}

async fn a_repeated_request_is_the_first_one_while_that_is_active_or_its_key_counts(bench: Bench) {
    let mut first = run_row("r1", "i1");
    first.request_key = Some("k1".into());
    bench
        .change(Change::PutRun(Box::new(first.clone())))
        .await
        .unwrap();
    let exists = Rejected::RunExists {
        run: "r1".into(),
        state: RunState::Open,
        input_digest: "i1".into(),
    };
    assert_eq!(bench.refused(put("r2", "i1")).await, exists);
    let found = async |same: &str, ended_since_ms| {
        let acme = named("acme");
        let found = bench.store.run_of_request(&acme, same, ended_since_ms);
        found.await.unwrap().first.map(|row| row.run)
    };
    assert_eq!(found("same-i1", None).await.as_deref(), Some("r1"));
    assert_eq!(found("same-i9", Some(0)).await, None);
    first.state = RunState::Done;
    first.updated_ms = NOW + 10;
    bench.change(Change::PutRun(Box::new(first))).await.unwrap();
    assert_eq!(found("same-i1", None).await, None);
    let at_the_end = found("same-i1", Some(NOW + 10)).await;
    assert_eq!(at_the_end.as_deref(), Some("r1"));
    assert_eq!(found("same-i1", Some(NOW + 11)).await, None);
    let mut second = run_row("r2", "i1");
    second.opened_ms = NOW + 10;
    bench
        .change(Change::PutRun(Box::new(second)))
        .await
        .unwrap();
    let active = found("same-i1", Some(0)).await;
    assert_eq!(active.as_deref(), Some("r2"));
}

/// Two hosts are asked at once, look, find nothing, and the first is through
/// before the second comes to its write. Whether that was so is told by the
/// journal, not by the clocks of the two.
async fn a_request_that_was_asked_before_an_equal_one_ended_is_that_one(bench: Bench) {
    let look = async || {
        let acme = named("acme");
        let looked = bench.store.run_of_request(&acme, "same-i1", None);
        let looked = looked.await.unwrap();
        assert_eq!(looked.first, None);
        Some(looked.count)
    };
    let asked = |run: &str, looked_at, hosts_now| RunRow {
        looked_at,
        opened_ms: hosts_now,
        updated_ms: hosts_now,
        ..run_row(run, "i1")
    };
    let put = |row: &RunRow| Change::PutRun(Box::new(row.clone()));
    let (one, two) = (look().await, look().await);
    // The clock of the host that is through first is behind.
    let mut first = asked("r1", one, NOW - 500_000);
    for state in [RunState::Open, RunState::Done] {
        first.state = state;
        let written = submission(records("acme", "r1", 1), vec![put(&first)]);
        bench.store.append(written).await.unwrap();
    }
    let second = asked("r2", two, NOW);
    let done = Rejected::RunExists {
        run: "r1".into(),
        state: RunState::Done,
        input_digest: "i1".into(),
    };
    assert_eq!(bench.refused(put(&second)).await, done);
    // Who looked after the end asks anew, however far its clock is behind.
    let mut third = asked("r3", look().await, NOW - 900_000);
    bench.change(put(&third)).await.unwrap();
    third.state = RunState::Failed;
    let ended = submission(records("acme", "r3", 1), vec![put(&third)]);
    bench.store.append(ended).await.unwrap();
    // What was taken back may be asked for again.
    for mut row in [first, third] {
        row.state = RunState::Undone;
        bench.change(put(&row)).await.unwrap();
    }
    bench.change(put(&second)).await.unwrap();
}

/// The index of active runs would end the transaction of everybody in it.
async fn a_run_that_ended_does_not_become_active_beside_another(bench: Bench) {
    let mut first = run_row("r1", "i1");
    first.state = RunState::Done;
    bench
        .change(Change::PutRun(Box::new(first.clone())))
        .await
        .unwrap();
    bench.change(put("r2", "i1")).await.unwrap();
    first.state = RunState::Open;
    let open = Rejected::RunExists {
        run: "r2".into(),
        state: RunState::Open,
        input_digest: "i1".into(),
    };
    assert_eq!(bench.refused(Change::PutRun(Box::new(first))).await, open);
}

async fn of_equal_calls_at_once_one_becomes_a_run(bench: Bench) {
    let tasks = (0..30).map(|n| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let records = records("acme", &format!("r{n}"), 1);
            store
                .append(submission(records, vec![put(&format!("r{n}"), "same")]))
                .await
        })
    });
    let mut opened = 0;
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(_) => opened += 1,
            Err(error) => assert!(matches!(error.rejected(), Some(Rejected::RunExists { .. }))),
        }
    }
    assert_eq!(opened, 1);
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
}

async fn a_lost_lease_keeps_the_intent_out_of_the_journal(bench: Bench) {
    bench.change(put("r1", "i1")).await.unwrap();
    let changes = vec![Change::HoldsRun {
        run: "r1".into(),
        owner: "h1".into(),
        token: 0,
    }];
    let refused = bench
        .store
        .append(submission(records("acme", "r1", 1), changes))
        .await;
    assert_eq!(refused.unwrap_err().rejected(), Some(&Rejected::LeaseLost));
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

async fn a_refused_submission_leaves_nothing_and_disturbs_nobody(bench: Bench) {
    let tasks = (0..40).map(|n| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let run = format!("r{n}");
            let mut changes = vec![put(&run, &run)];
            if n % 4 == 0 {
                changes.push(Change::HoldsRun {
                    run: run.clone(),
                    owner: "nobody".into(),
                    token: 0,
                });
            }
            store
                .append(submission(records("acme", &run, 2), changes))
                .await
                .is_ok()
        })
    });
    let mut accepted = 0;
    for task in tasks.collect::<Vec<_>>() {
        accepted += u64::from(task.await.unwrap());
    }
    assert_eq!(accepted, 30);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        60
    );
    assert_eq!(
        bench.store.runs(&named("acme"), &[]).await.unwrap().len(),
        30
    );
}

async fn a_finished_run_has_no_lease(bench: Bench) {
    let mut row = run_row("r1", "i1");
    row.lease_owner = Some("h1".into());
    row.lease_until_ms = NOW + 100;
    bench
        .change(Change::PutRun(Box::new(row.clone())))
        .await
        .unwrap();
    bench
        .change(Change::HoldsRun {
            run: "r1".into(),
            owner: "h1".into(),
            token: 0,
        })
        .await
        .unwrap();
    row.state = RunState::Done;
    bench.change(Change::PutRun(Box::new(row))).await.unwrap();
    assert_eq!(
        bench
            .store
            .run(&named("acme"), "r1")
            .await
            .unwrap()
            .unwrap()
            .lease_owner,
        None
    );
}

on_each_store! {
    a_run_reads_back_and_follows_its_changes,
    a_repeated_request_is_the_first_one_while_that_is_active_or_its_key_counts,
    a_request_that_was_asked_before_an_equal_one_ended_is_that_one,
    a_run_that_ended_does_not_become_active_beside_another,
    of_equal_calls_at_once_one_becomes_a_run,
    a_lost_lease_keeps_the_intent_out_of_the_journal,
    a_refused_submission_leaves_nothing_and_disturbs_nobody,
    a_finished_run_has_no_lease,
}
