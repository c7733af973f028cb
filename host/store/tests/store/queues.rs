//! Work for people, what is due, and what others are told.

use tollgate_store::{
    ApprovalState, Change, ConnectorRow, EventKind, QueuePlace, QueueRow, QueueState, Rejected,
    RunRow, RunState, Verdict,
};

use crate::support::{Bench, NOW, approval_row, named, on_each_store, run_row, submission};

fn item(id: &str) -> QueueRow {
    QueueRow {
        tenant: named("acme"),
        id: id.into(),
        queue: "operations".into(),
        kind: "in_doubt".into(),
        run: "r1".into(),
        case: "case-1".into(),
        connector: "database".into(),
        tool: "execute".into(),
        principal: "agent:a".into(),
        position: 3,
        state: QueueState::Open,
        created_ms: NOW,
        record: Some([7; 32]),
        resolved_by: None,
        resolved_ms: None,
        resolution: None,
        fold: None,
        times: 1,
        last_ms: NOW,
    }
}

fn put(row: QueueRow) -> Change {
    Change::PutQueueItem(Box::new(row))
}

fn resolve(id: &str, by: &str, resolution: &str) -> Change {
    Change::ResolveQueueItem {
        id: id.into(),
        resolution: resolution.into(),
        by: by.into(),
        at_ms: NOW + 5,
    }
}

async fn an_item_is_resolved_once_and_never_by_who_asked(bench: Bench) {
    bench.change(put(item("q1"))).await.unwrap();
    let read = bench.store.queue_item(&named("acme"), "q1").await.unwrap();
    assert_eq!(read, Some(item("q1")));
    assert_eq!(
        bench.store.queue_item(&named("other"), "q1").await.unwrap(),
        None
    );
    let own = bench.refused(resolve("q1", "agent:a", "done")).await;
    assert_eq!(own, Rejected::OwnRequest);
    bench
        .change(resolve("q1", "person:mira", "done"))
        .await
        .unwrap();
    let again = bench
        .refused(resolve("q1", "person:noor", "not_done"))
        .await;
    let already = Rejected::AlreadyResolved {
        by: "person:mira".into(),
        resolution: "done".into(),
    };
    assert_eq!(again, already);
    // Found in doubt once more, it stays resolved.
    bench.change(put(item("q1"))).await.unwrap();
    let read = bench
        .store
        .queue_item(&named("acme"), "q1")
        .await
        .unwrap()
        .unwrap();
    let resolved = QueueRow {
        state: QueueState::Resolved,
        resolved_by: Some("person:mira".into()),
        resolved_ms: Some(NOW + 5),
        resolution: Some("done".into()),
        ..item("q1")
    };
    assert_eq!(read, resolved);
    let unknown = bench.refused(resolve("q9", "person:mira", "done")).await;
    assert_eq!(unknown, Rejected::NoSuchQueueItem("q9".into()));
}

async fn an_item_cannot_be_born_resolved_or_in_another_tenant(bench: Bench) {
    let mut born = item("q1");
    born.state = QueueState::Resolved;
    assert!(bench.change(put(born)).await.is_err());
    let mut foreign = item("q1");
    foreign.tenant = named("other");
    assert!(bench.change(put(foreign)).await.is_err());
    assert_eq!(
        bench.store.queue_item(&named("acme"), "q1").await.unwrap(),
        None
    );
}

async fn of_two_people_who_resolve_at_once_one_does(bench: Bench) {
    bench.change(put(item("q1"))).await.unwrap();
    let (one, two) = tokio::join!(
        bench.change(resolve("q1", "person:mira", "done")),
        bench.change(resolve("q1", "person:noor", "not_done"))
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
}

fn with_room(id: &str, most: u64) -> Vec<Change> {
    let room = Change::QueueHasRoom {
        queue: "operations".into(),
        id: id.into(),
        most,
    };
    vec![room, put(item(id))]
}

/// The attack: many runs escalate at once, and each has counted before any has put.
async fn a_queue_takes_as_many_as_it_may_however_many_come_at_once(bench: Bench) {
    let puts = async |id: &str| {
        let changes = with_room(id, 3);
        bench.store.append(submission(Vec::new(), changes)).await
    };
    let (a, b, c, d, e) = tokio::join!(puts("q1"), puts("q2"), puts("q3"), puts("q4"), puts("q5"));
    let mut put = 0;
    for done in [a, b, c, d, e] {
        match done {
            Ok(_) => put += 1,
            Err(error) => assert_eq!(
                error.rejected(),
                Some(&Rejected::QueueFull {
                    queue: "operations".into(),
                    most: 3
                })
            ),
        }
    }
    assert_eq!(put, 3);
    let open = bench
        .store
        .queue_items(&named("acme"), Some(QueueState::Open))
        .await;
    let open = open.unwrap();
    assert_eq!(open.len(), 3);
    // One that is there is there, and puts nothing.
    let again = with_room(&open[0].id, 3);
    let again = bench.store.append(submission(Vec::new(), again)).await;
    again.unwrap();
    // A place that a person made is one.
    bench
        .change(resolve(&open[0].id, "person:mira", "done"))
        .await
        .unwrap();
    let next = bench
        .store
        .append(submission(Vec::new(), with_room("q9", 3)));
    next.await.unwrap();
}

async fn items_are_listed_oldest_first_by_state(bench: Bench) {
    for (id, created_ms) in [("q1", NOW + 2), ("q2", NOW), ("q3", NOW + 1)] {
        let row = QueueRow {
            created_ms,
            ..item(id)
        };
        bench.change(put(row)).await.unwrap();
    }
    bench
        .change(resolve("q3", "person:mira", "done"))
        .await
        .unwrap();
    let listed = async |state| -> Vec<String> {
        let rows = bench
            .store
            .queue_items(&named("acme"), state)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert_eq!(listed(None).await, ["q2", "q3", "q1"]);
    assert_eq!(listed(Some(QueueState::Open)).await, ["q2", "q1"]);
    assert_eq!(listed(Some(QueueState::Resolved)).await, ["q3"]);
    let other = bench
        .store
        .queue_items(&named("other"), None)
        .await
        .unwrap();
    assert!(other.is_empty());
}

/// What repeats is found while it is open, and counted; the next one after a person has
/// resolved it is new.
async fn what_repeats_is_counted_in_one_open_item(bench: Bench) {
    let same = |fold: &'static str, most| {
        let store = bench.store.clone();
        async move {
            store
                .queue_place(&named("acme"), Some(fold), most)
                .await
                .unwrap()
        }
    };
    assert_eq!(same("denied/a", 1).await, QueuePlace::default());
    let row = QueueRow {
        fold: Some("denied/a".into()),
        ..item("q1")
    };
    bench.change(put(row.clone())).await.unwrap();
    let found = same("denied/a", 2).await;
    assert_eq!((found.same.as_deref(), found.is_full), (Some("q1"), false));
    assert_eq!(same("denied/b", 1).await.same, None);
    assert!(same("denied/b", 1).await.is_full);
    let repeat = |id: &str| Change::RepeatQueueItem {
        id: id.into(),
        at_ms: NOW + 9,
    };
    for _ in 0..2 {
        bench.change(repeat("q1")).await.unwrap();
    }
    let read = bench
        .store
        .queue_item(&named("acme"), "q1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (read.times, read.last_ms, read.created_ms),
        (3, NOW + 9, NOW)
    );
    assert_eq!(
        bench.refused(repeat("q7")).await,
        Rejected::NoSuchQueueItem("q7".into())
    );
    let mira = resolve("q1", "person:mira", "done");
    bench.change(mira).await.unwrap();
    assert_eq!(same("denied/a", 1).await, QueuePlace::default());
}

/// What an approval was asked for is over before its time: nobody decides on it any
/// more, and it is withdrawn once.
async fn a_withdrawn_approval_takes_no_decision(bench: Bench) {
    let asked = Change::PutApproval(Box::new(approval_row("a1")));
    bench.change(asked).await.unwrap();
    let withdraw = || Change::WithdrawApproval { id: "a1".into() };
    bench.change(withdraw()).await.unwrap();
    let row = bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.state, ApprovalState::Expired);
    let again = bench.refused(withdraw()).await;
    assert!(
        matches!(
            again,
            Rejected::AlreadyDecided {
                state: ApprovalState::Expired,
                by: None
            }
        ),
        "{again:?}"
    );
}

async fn what_is_due_is_found_by_the_stores_clock_soonest_first(bench: Bench) {
    for (id, decide_by_ms) in [("a1", NOW + 30), ("a2", NOW + 10), ("a3", NOW + 20)] {
        let row = tollgate_store::ApprovalRow {
            decide_by_ms,
            execute_within_ms: 5,
            ..approval_row(id)
        };
        bench
            .change(Change::PutApproval(Box::new(row)))
            .await
            .unwrap();
    }
    let decide = Change::DecideApproval {
        id: "a1".into(),
        decision: Verdict::Approved,
        by: "person:mira".into(),
        on_behalf: None,
        at_ms: NOW,
    };
    bench.change(decide).await.unwrap();
    let due = async |limit| -> Vec<String> {
        let rows = bench.store.due_approvals(limit).await.unwrap();
        rows.into_iter().map(|row| row.id).collect()
    };
    assert!(due(9).await.is_empty());
    bench.clock.set(NOW + 10);
    assert_eq!(due(9).await, ["a1"]);
    bench.clock.set(NOW + 21);
    assert_eq!(due(9).await, ["a1", "a2", "a3"]);
    assert_eq!(due(2).await, ["a1", "a2"]);
    let expire = Change::ExpireApproval {
        id: "a1".into(),
        at_ms: NOW + 21,
    };
    bench.change(expire).await.unwrap();
    let a1 = bench
        .store
        .approval(&named("acme"), "a1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(a1.state, ApprovalState::Expired);
    assert_eq!(due(9).await, ["a2", "a3"]);
}

async fn what_happened_is_told_after_it_is_durable_and_nothing_else_is(bench: Bench) {
    let mut events = bench.store.events();
    let row = |state| {
        Change::PutRun(Box::new(RunRow {
            state,
            ..run_row("r1", "i1")
        }))
    };
    let connector = ConnectorRow {
        tenant: named("acme"),
        name: "database".into(),
        manifest_text: String::new(),
        component_digest: "sha256:c".into(),
        installed_ms: NOW,
    };
    // Opening a run is no news, and what was refused did not happen.
    bench.change(row(RunState::Open)).await.unwrap();
    let refused = vec![
        row(RunState::Failed),
        Change::HoldsRun {
            run: "r1".into(),
            owner: "nobody".into(),
            token: 0,
        },
    ];
    let refused = bench.store.append(submission(Vec::new(), refused)).await;
    assert!(refused.is_err());
    let changes = vec![
        row(RunState::Done),
        Change::PutApproval(Box::new(approval_row("a1"))),
        Change::VoidApproval { id: "a1".into() },
        put(item("q1")),
        Change::PutConnector(Box::new(connector)),
    ];
    let told = bench.store.append(submission(Vec::new(), changes)).await;
    told.unwrap();
    for what in [
        EventKind::Run("r1".into()),
        EventKind::Approval("a1".into()),
        EventKind::Queue("q1".into()),
        EventKind::Connector("database".into()),
    ] {
        let event = events.recv().await.unwrap();
        assert_eq!((event.tenant.as_str(), event.what), ("acme", what));
    }
}

on_each_store! {
    an_item_is_resolved_once_and_never_by_who_asked,
    an_item_cannot_be_born_resolved_or_in_another_tenant,
    of_two_people_who_resolve_at_once_one_does,
    a_queue_takes_as_many_as_it_may_however_many_come_at_once,
    items_are_listed_oldest_first_by_state,
    what_repeats_is_counted_in_one_open_item,
    a_withdrawn_approval_takes_no_decision,
    what_is_due_is_found_by_the_stores_clock_soonest_first,
    what_happened_is_told_after_it_is_durable_and_nothing_else_is,
}
