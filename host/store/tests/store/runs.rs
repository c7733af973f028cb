//! Runs: found again by a repeated call, worked on by one host at a time.

use tollgate_store::{Change, Rejected, RunKey, RunState, Store};

use crate::support::{Bench, NOW, records, run_row, submission};

fn put(run: &str, input: &str) -> Change {
    Change::PutRun(Box::new(run_row(run, input)))
}

fn key<'a>(input: &'a str, request_key: Option<&'a str>) -> RunKey<'a> {
    RunKey {
        tenant: "acme",
        principal: "agent:a",
        case: "case-1",
        connector: "database",
        tool: "execute",
        request_key,
        input_digest: input,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_reads_back_and_follows_its_changes() {
    let bench = Bench::new().await;
    bench.change(put("r1", "i1")).await.unwrap();
    assert_eq!(
        bench.store.run("acme", "r1").await.unwrap().unwrap(),
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
    assert_eq!(bench.store.run("acme", "r1").await.unwrap().unwrap(), held);
    let by_state = async |states: &[RunState]| bench.store.runs("acme", states).await.unwrap();
    assert_eq!(by_state(&[RunState::Held, RunState::InDoubt]).await, [held]);
    assert!(by_state(&[RunState::Done]).await.is_empty());
    assert_eq!(by_state(&[]).await.len(), 1);
    assert_eq!(bench.store.run("other", "r1").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_call_is_the_first_one_until_that_is_over() {
    let bench = Bench::new().await;
    let mut first = run_row("r1", "i1");
    first.request_key = Some("k1".into());
    bench
        .change(Change::PutRun(Box::new(first.clone())))
        .await
        .unwrap();
    let exists = Rejected::RunExists {
        run: "r1".into(),
        state: RunState::Open,
    };
    assert_eq!(bench.refused(put("r2", "i1")).await, exists);
    let mut same_key = run_row("r3", "i3");
    same_key.request_key = Some("k1".into());
    assert_eq!(
        bench.refused(Change::PutRun(Box::new(same_key))).await,
        exists
    );
    let found = async |key: RunKey<'_>| {
        bench
            .store
            .open_run_by_key(&key)
            .await
            .unwrap()
            .map(|row| row.run)
    };
    assert_eq!(found(key("i1", None)).await.as_deref(), Some("r1"));
    assert_eq!(found(key("i9", Some("k1"))).await.as_deref(), Some("r1"));
    assert_eq!(found(key("i9", None)).await, None);
    first.state = RunState::Done;
    bench.change(Change::PutRun(Box::new(first))).await.unwrap();
    assert_eq!(found(key("i1", Some("k1"))).await, None);
    bench.change(put("r2", "i1")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_equal_calls_at_once_one_becomes_a_run() {
    let bench = Bench::new().await;
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
    assert_eq!(bench.store.verify("acme").await.unwrap().unwrap().count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_host_at_a_time_holds_a_run() {
    let bench = Bench::new().await;
    bench.change(put("r1", "i1")).await.unwrap();
    let claim = |owner: &str, until_ms| Change::ClaimRun {
        run: "r1".into(),
        owner: owner.into(),
        until_ms,
    };
    let holds = |owner: &str| Change::HoldsRun {
        run: "r1".into(),
        owner: owner.into(),
    };
    bench.change(claim("h1", NOW + 100)).await.unwrap();
    bench.change(claim("h1", NOW + 200)).await.unwrap();
    let leased = Rejected::Leased {
        owner: "h1".into(),
        until_ms: NOW + 200,
    };
    assert_eq!(bench.refused(claim("h2", NOW + 300)).await, leased);
    bench.change(holds("h1")).await.unwrap();
    assert_eq!(bench.refused(holds("h2")).await, Rejected::LeaseLost);
    bench.clock.set(NOW + 201);
    assert_eq!(bench.refused(holds("h1")).await, Rejected::LeaseLost);
    bench.change(claim("h2", NOW + 300)).await.unwrap();
    let release = |owner: &str| Change::ReleaseRun {
        run: "r1".into(),
        owner: owner.into(),
    };
    bench.change(release("h1")).await.unwrap();
    bench.change(holds("h2")).await.unwrap();
    bench.change(release("h2")).await.unwrap();
    bench.change(claim("h3", NOW + 300)).await.unwrap();
    let unknown = Change::ClaimRun {
        run: "r9".into(),
        owner: "h".into(),
        until_ms: NOW,
    };
    assert_eq!(
        bench.refused(unknown).await,
        Rejected::NoSuchRun("r9".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_keeps_the_intent_out_of_the_journal() {
    let bench = Bench::new().await;
    bench.change(put("r1", "i1")).await.unwrap();
    let changes = vec![Change::HoldsRun {
        run: "r1".into(),
        owner: "h1".into(),
    }];
    let refused = bench
        .store
        .append(submission(records("acme", "r1", 1), changes))
        .await;
    assert_eq!(refused.unwrap_err().rejected(), Some(&Rejected::LeaseLost));
    assert_eq!(bench.store.verify("acme").await.unwrap().unwrap().count, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_submission_leaves_nothing_and_disturbs_nobody() {
    let bench = Bench::new().await;
    let tasks = (0..40).map(|n| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let run = format!("r{n}");
            let mut changes = vec![put(&run, &run)];
            if n % 4 == 0 {
                changes.push(Change::HoldsRun {
                    run: run.clone(),
                    owner: "nobody".into(),
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
    assert_eq!(bench.store.verify("acme").await.unwrap().unwrap().count, 60);
    assert_eq!(bench.store.runs("acme", &[]).await.unwrap().len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_run_has_no_lease() {
    let bench = Bench::new().await;
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
        })
        .await
        .unwrap();
    row.state = RunState::Done;
    bench.change(Change::PutRun(Box::new(row))).await.unwrap();
    assert_eq!(
        bench
            .store
            .run("acme", "r1")
            .await
            .unwrap()
            .unwrap()
            .lease_owner,
        None
    );
}
