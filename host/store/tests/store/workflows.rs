//! Workflows, and the cases in them: counted and ended once, whoever asks.

use tollgate_store::{
    CaseFilter, CaseRow, CaseRun, CaseState, Change, Rejected, StoreError, WorkflowRow,
};

use crate::support::{Bench, NOW, named, on_each_store, submission};

fn workflow(name: &str, text: &str) -> WorkflowRow {
    WorkflowRow {
        tenant: named("acme"),
        name: name.into(),
        text: text.into(),
        installed_ms: NOW,
    }
}

fn case(name: &str) -> CaseRow {
    CaseRow {
        tenant: named("acme"),
        case: name.into(),
        workflow: "refunds".into(),
        state: CaseState::Open,
        opened_by: "agent-7".into(),
        started_by: "agent".into(),
        single: false,
        opened_ms: NOW,
        due_ms: NOW + 1_000,
        closed_ms: None,
        runs: 0,
        done: 0,
        failures: 0,
        denials: 0,
        runs_max: 3,
        failures_max: 2,
        denials_max: 1,
    }
}

fn open(name: &str) -> Change {
    Change::OpenCase(Box::new(case(name)))
}

fn enter(name: &str) -> Change {
    Change::EnterCase {
        case: name.into(),
        at_ms: NOW,
    }
}

fn leave(name: &str, run: CaseRun) -> Change {
    Change::LeaveCase {
        case: name.into(),
        run,
    }
}

fn close(name: &str, state: CaseState) -> Change {
    Change::CloseCase {
        case: name.into(),
        state,
        at_ms: NOW + 7,
    }
}

fn not_open(name: &str, state: CaseState, runs: u64) -> Rejected {
    Rejected::CaseNotOpen {
        case: name.into(),
        state,
        runs,
    }
}

async fn read(bench: &Bench, name: &str) -> CaseRow {
    bench
        .store
        .case(&named("acme"), name)
        .await
        .unwrap()
        .unwrap()
}

async fn a_workflow_is_replaced_by_name_and_is_its_tenants(bench: Bench) {
    let put = |row| Change::PutWorkflow(Box::new(row));
    bench.change(put(workflow("refunds", "one"))).await.unwrap();
    bench.change(put(workflow("leads", "two"))).await.unwrap();
    bench
        .change(put(workflow("refunds", "three")))
        .await
        .unwrap();
    let all = bench.store.workflows(None).await.unwrap();
    assert_eq!(
        all,
        [workflow("leads", "two"), workflow("refunds", "three")]
    );
    assert_eq!(
        bench.store.workflows(Some(&named("other"))).await.unwrap(),
        []
    );
    let remove = |name: &str| Change::RemoveWorkflow { name: name.into() };
    bench.change(remove("leads")).await.unwrap();
    let again = bench.refused(remove("leads")).await;
    assert_eq!(again, Rejected::NoSuchWorkflow("leads".into()));
    let left = bench.store.workflows(Some(&named("acme"))).await.unwrap();
    assert_eq!(left, [workflow("refunds", "three")]);
}

async fn a_case_counts_its_runs_and_takes_no_more_than_it_may_have(bench: Bench) {
    bench.change(open("c-1")).await.unwrap();
    let twice = bench.refused(open("c-1")).await;
    assert_eq!(twice, Rejected::CaseExists("c-1".into()));
    for _ in 0..3 {
        bench.change(enter("c-1")).await.unwrap();
    }
    let fourth = bench.refused(enter("c-1")).await;
    assert_eq!(fourth, not_open("c-1", CaseState::Open, 3));
    bench.change(leave("c-1", CaseRun::Done)).await.unwrap();
    bench.change(leave("c-1", CaseRun::Failed)).await.unwrap();
    let row = read(&bench, "c-1").await;
    assert_eq!(
        (row.runs, row.done, row.failures, row.denials),
        (3, 1, 1, 0)
    );
    assert_eq!(
        bench.refused(enter("c-2")).await,
        Rejected::NoSuchCase("c-2".into())
    );
    // One that is not there is no error: the run has ended in any case.
    bench.change(leave("c-2", CaseRun::Done)).await.unwrap();
}

async fn many_that_enter_at_once_are_counted_one_by_one(bench: Bench) {
    let row = CaseRow {
        runs_max: 20,
        ..case("c-1")
    };
    bench.change(Change::OpenCase(Box::new(row))).await.unwrap();
    let mut entering = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let store = bench.store.clone();
        entering.spawn(async move { store.append(submission(vec![], vec![enter("c-1")])).await });
    }
    let entered = entering.join_all().await;
    assert_eq!(entered.iter().filter(|one| one.is_ok()).count(), 20);
    assert_eq!(read(&bench, "c-1").await.runs, 20);
}

async fn a_case_ends_once_and_only_a_completed_one_is_undone(bench: Bench) {
    bench.change(open("c-1")).await.unwrap();
    bench
        .change(close("c-1", CaseState::Completed))
        .await
        .unwrap();
    let late = bench.refused(close("c-1", CaseState::Failed)).await;
    assert_eq!(late, not_open("c-1", CaseState::Completed, 0));
    let late = bench.refused(enter("c-1")).await;
    assert_eq!(late, not_open("c-1", CaseState::Completed, 0));
    bench.change(close("c-1", CaseState::Undone)).await.unwrap();
    let row = read(&bench, "c-1").await;
    assert_eq!(
        (row.state, row.closed_ms),
        (CaseState::Undone, Some(NOW + 7))
    );
    bench.change(open("c-2")).await.unwrap();
    bench.change(close("c-2", CaseState::Denied)).await.unwrap();
    let undone = bench.refused(close("c-2", CaseState::Undone)).await;
    assert_eq!(undone, not_open("c-2", CaseState::Denied, 0));
    let opened = bench
        .store
        .append(submission(vec![], vec![close("c-2", CaseState::Open)]))
        .await;
    assert!(matches!(opened, Err(StoreError::Invalid(_))), "{opened:?}");
}

async fn what_is_due_is_found_by_its_time_and_by_its_stops(bench: Bench) {
    for name in ["fresh", "failing", "denied", "old"] {
        bench.change(open(name)).await.unwrap();
    }
    for _ in 0..2 {
        bench
            .change(leave("failing", CaseRun::Failed))
            .await
            .unwrap();
    }
    bench.change(leave("fresh", CaseRun::Failed)).await.unwrap();
    bench
        .change(leave("denied", CaseRun::Denied))
        .await
        .unwrap();
    let names = |rows: Vec<CaseRow>| {
        let mut names: Vec<String> = rows.into_iter().map(|row| row.case).collect();
        names.sort();
        names
    };
    let due = names(bench.store.due_cases(10).await.unwrap());
    assert_eq!(due, ["denied", "failing"]);
    let stopped = bench.refused(enter("failing")).await;
    assert_eq!(stopped, not_open("failing", CaseState::Open, 0));
    bench
        .change(close("denied", CaseState::Escalated))
        .await
        .unwrap();
    bench.clock.set(NOW + 1_000);
    let due = names(bench.store.due_cases(10).await.unwrap());
    assert_eq!(due, ["failing", "fresh", "old"]);
    assert_eq!(bench.store.due_cases(2).await.unwrap().len(), 2);
    let late = bench.refused(enter("fresh")).await;
    assert_eq!(late, not_open("fresh", CaseState::Open, 0));
    let escalated = CaseFilter {
        state: Some(CaseState::Escalated),
        workflow: Some("refunds".into()),
    };
    let found = bench.store.cases(&named("acme"), &escalated).await.unwrap();
    assert_eq!(names(found), ["denied"]);
    let all = bench
        .store
        .cases(&named("acme"), &CaseFilter::default())
        .await;
    assert_eq!(all.unwrap().len(), 4);
    let others = bench
        .store
        .cases(&named("other"), &CaseFilter::default())
        .await;
    assert_eq!(others.unwrap(), []);
}

on_each_store!(
    a_workflow_is_replaced_by_name_and_is_its_tenants,
    a_case_counts_its_runs_and_takes_no_more_than_it_may_have,
    many_that_enter_at_once_are_counted_one_by_one,
    a_case_ends_once_and_only_a_completed_one_is_undone,
    what_is_due_is_found_by_its_time_and_by_its_stops,
);
