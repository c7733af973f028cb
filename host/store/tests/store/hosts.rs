//! Several hosts on one database.

use std::collections::BTreeSet;
use std::sync::Arc;

use tollgate_store::{Change, Event, EventKind, Rejected, RunState, Store, StoreError};

use crate::support::{
    Bench, NOW, approval_row, named, on_each_store, records, run_row, submission,
};

fn open_run(run: &str) -> Change {
    Change::PutRun(Box::new(run_row(run, run)))
}

async fn two_hosts_append_to_one_tenant_without_gap_or_fork(bench: Bench) {
    let other = bench.another().await;
    let tasks = (0..24).map(|task| {
        let store = [&bench.store, &other][task % 2].clone();
        tokio::spawn(async move {
            for round in 0..6 {
                let records = records("acme", &format!("run-{task}-{round}"), 2);
                store.append(submission(records, vec![])).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    for store in [&bench.store, &other] {
        let verified = store.verify(&named("acme")).await.unwrap().unwrap();
        assert_eq!(verified.count, 24 * 6 * 2);
    }
}

async fn hosts_that_ask_for_work_at_the_same_time_get_different_runs(bench: Bench) {
    for n in 0..60 {
        bench.change(open_run(&format!("r{n}"))).await.unwrap();
    }
    let asking = (0..6).map(|host| {
        let bench_store = bench.store.clone();
        tokio::spawn(async move {
            let owner = format!("h{host}");
            let mut mine = Vec::new();
            loop {
                let claimed = bench_store.claim_lapsed(&owner, 1_000, 7).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                let own = |row: &tollgate_store::RunRow| {
                    row.lease_owner.as_deref() == Some(owner.as_str()) && row.lease_token == 1
                };
                assert!(claimed.iter().all(own));
                mine.extend(claimed.into_iter().map(|row| row.run));
            }
        })
    });
    let (mut all, mut count) = (BTreeSet::new(), 0);
    for task in asking.collect::<Vec<_>>() {
        let mine = task.await.unwrap();
        count += mine.len();
        all.extend(mine);
    }
    assert_eq!((all.len(), count), (60, 60));
}

async fn a_host_whose_run_was_taken_over_writes_nothing_more(bench: Bench) {
    let other = bench.another().await;
    bench.change(open_run("r1")).await.unwrap();
    let first = bench
        .store
        .claim_run(&named("acme"), "r1", "h1", 100)
        .await
        .unwrap();
    bench.clock.set(NOW + 101);
    let second = other
        .claim_run(&named("acme"), "r1", "h2", 100)
        .await
        .unwrap();
    assert!(second.lease_token > first.lease_token);
    let late = |owner: &str, token| Change::HoldsRun {
        run: "r1".into(),
        owner: owner.into(),
        token,
    };
    for stale in [late("h1", first.lease_token), late("h2", first.lease_token)] {
        let refused = bench
            .store
            .append(submission(records("acme", "r1", 1), vec![stale]))
            .await;
        assert_eq!(refused.unwrap_err().rejected(), Some(&Rejected::LeaseLost));
    }
    let holds = late("h2", second.lease_token);
    let kept = other
        .append(submission(records("acme", "r1", 1), vec![holds]))
        .await;
    assert_eq!(kept.unwrap().first_seq, 0);
}

on_each_store! {
    two_hosts_append_to_one_tenant_without_gap_or_fork,
    hosts_that_ask_for_work_at_the_same_time_get_different_runs,
    a_host_whose_run_was_taken_over_writes_nothing_more,
}

async fn heard(store: &Arc<dyn Store>, act: impl Future<Output = ()>) -> Event {
    let mut events = store.events();
    act.await;
    events.recv().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_commits_wakes_the_other() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    let other = bench.another().await;
    let told = |what: EventKind| Event {
        tenant: "acme".into(),
        what,
    };
    let row = approval_row("a1");
    let changes = vec![open_run("run-1"), Change::PutApproval(Box::new(row))];
    let opening = submission(records("acme", "run-1", 1), changes);
    bench.store.append(opening).await.unwrap();
    let decide = async {
        let decision = Change::DecideApproval {
            id: "a1".into(),
            decision: tollgate_store::Verdict::Approved,
            by: "person:mira".into(),
            on_behalf: None,
            at_ms: NOW,
        };
        bench.change(decision).await.unwrap();
    };
    let decided = heard(&other, decide).await;
    assert_eq!(decided, told(EventKind::Approval("a1".into())));
    let mut row = run_row("run-1", "run-1");
    row.state = RunState::Done;
    let end = async {
        let done = Change::PutRun(Box::new(row));
        bench.change(done).await.unwrap();
    };
    let ended = heard(&other, end).await;
    assert_eq!(ended, told(EventKind::Run("run-1".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_too_long_to_be_told_are_told_as_something_to_look_for() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    let other = bench.another().await;
    // Random enough that the database cannot make its index entry small.
    let long = hex::encode((0..4_000).map(|n: u32| (n * n) as u8).collect::<Vec<_>>());
    let connector = tollgate_store::ConnectorRow {
        tenant: named("acme"),
        name: "x".into(),
        manifest_text: String::new(),
        component_digest: "sha256:c".into(),
        installed_ms: NOW,
    };
    let told = heard(&other, async {
        let mut named = connector.clone();
        named.name = long;
        let change = Change::PutConnector(Box::new(named));
        // Whether an index can hold the name is the database's business.
        let _either = bench.change(change).await;
        let change = Change::PutConnector(Box::new(connector));
        bench.change(change).await.unwrap();
    })
    .await;
    assert!(
        matches!(&told.what, EventKind::Missed)
            || matches!(&told.what, EventKind::Connector(name) if name == "x"),
        "{told:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_the_database_cannot_hold_harms_only_who_wrote_it() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    let tasks = (0..40).map(|n| {
        let store = bench.store.clone();
        tokio::spawn(async move {
            let run = format!("r{n}");
            let mut row = run_row(&run, &run);
            if n % 10 == 3 {
                row.case = "a\0b".into();
            }
            let changes = vec![Change::PutRun(Box::new(row))];
            store
                .append(submission(records("acme", &run, 1), changes))
                .await
        })
    });
    let mut kept = 0;
    for (n, task) in tasks.collect::<Vec<_>>().into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(_) => kept += 1,
            Err(error) => {
                assert!(matches!(error, StoreError::Invalid(_)), "{error}");
                assert_eq!(n % 10, 3);
            }
        }
    }
    assert_eq!(kept, 36);
    assert_eq!(
        bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap()
            .count,
        36
    );
}

/// Somebody erases all of a large tenant, and writes a run of it for as long.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_transaction_of_one_tenant_costs_nobody_else_a_lease() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    for tenant in ["acme", "other"] {
        for run in ["r1", "r2"] {
            let mut row = run_row(run, run);
            row.tenant = named(tenant);
            row.lease_owner = Some("h1".into());
            row.lease_until_ms = NOW + 100;
            let put = tollgate_store::Submission {
                tenant: named(tenant),
                records: Vec::new(),
                changes: vec![Change::PutRun(Box::new(row))],
            };
            bench.store.append(put).await.unwrap();
        }
    }
    use sqlx::{Connection, Executor};
    let mut long = sqlx::PgConnection::connect(bench.url()).await.unwrap();
    let begin = "BEGIN; SELECT FROM tenants WHERE tenant = 'acme' FOR UPDATE; \
                 SELECT FROM runs JOIN tenants USING (tenant_id) \
                 WHERE tenant = 'acme' AND run = 'r1' FOR UPDATE OF runs";
    long.execute(begin).await.unwrap();
    let renewed = async || {
        let leases = bench.store.renew_leases("h1", 1_000).await.unwrap();
        let mut names: Vec<_> = leases.into_iter().map(|l| (l.tenant, l.run)).collect();
        names.sort();
        names
    };
    let all_of = |names: &[(&str, &str)]| {
        let names = names
            .iter()
            .map(|(tenant, run)| (named(tenant), (*run).to_owned()));
        names.collect::<Vec<_>>()
    };
    let free = [("acme", "r2"), ("other", "r1"), ("other", "r2")];
    assert_eq!(renewed().await, all_of(&free));
    let (all, ()) = tokio::join!(renewed(), async {
        long.execute("COMMIT").await.unwrap();
    });
    assert_eq!(all, all_of(&[&[("acme", "r1")], &free[..]].concat()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_databases_own_clock_judges_where_no_other_is_given() {
    let Some(bench) = Bench::on_postgres().await else {
        return;
    };
    let options = tollgate_store::PostgresOptions::default();
    let store = tollgate_store::PostgresStore::open(bench.url(), options).await;
    let store = store.unwrap();
    bench.change(open_run("r1")).await.unwrap();
    let hour = 3_600_000;
    let row = store
        .claim_run(&named("acme"), "r1", "h1", hour)
        .await
        .unwrap();
    // Far from the clock that stands still, which the other handle has.
    assert!(row.lease_until_ms > NOW + 10 * hour);
    let holds = Change::HoldsRun {
        run: "r1".into(),
        owner: "h1".into(),
        token: row.lease_token,
    };
    store.append(submission(vec![], vec![holds])).await.unwrap();
    let refused = store
        .claim_run(&named("acme"), "r1", "h2", hour)
        .await
        .unwrap_err();
    assert!(matches!(refused.rejected(), Some(Rejected::Leased { .. })));
    // A decision that comes after its time by the database is late, whatever the
    // caller's clock says.
    let put = Change::PutApproval(Box::new(approval_row("a1")));
    store.append(submission(vec![], vec![put])).await.unwrap();
    let due = store.due_approvals(10).await.unwrap();
    assert_eq!(due.len(), 1);
}
