//! A call in doubt: its intent is recorded, its outcome is not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_runtime::{
    Clock as _, Erase, EraseError, Host, HostOptions, LogFilter, Principal, PrincipalKind,
    QueueItem, Resolution, Role, RunReport, RunState, ToolCall,
};
use tollgate_store::{Change, Expected, Submission};
use tollgate_tests::named;

use crate::faulty::Faulty;
use crate::house::{
    House, agent, call, column, copy, database, failure, hostile, hostile_manifest, mira, options,
    output, principal,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A call whose effect happens and whose outcome is not recorded.
async fn lost(house: &House, store: &Faulty, call: ToolCall) -> RunReport {
    house.answers().await;
    store.allow_records(1);
    let report = house.host.call(&agent(), call).await.unwrap();
    assert_eq!(report.state, RunState::Open, "{report:?}");
    report
}

/// What becomes of it once the store is back.
async fn settled(house: &House, store: &Faulty, run: &str) -> RunReport {
    store.repair();
    house.host.expire_due().await.unwrap();
    house.host.wait(&agent(), run, PATIENCE).await.unwrap()
}

async fn fact(house: &House, run: &str, stage: &str, fact: &str) -> Value {
    let lines = house.log(run).await;
    let line = lines.iter().rfind(|line| line.stage == stage);
    let line = line.unwrap_or_else(|| panic!("no {stage}: {lines:?}"));
    line.facts[fact].clone()
}

fn increment() -> ToolCall {
    call("hostile", "increment", json!({"key": "n"}))
}

fn write_file(text: &str) -> ToolCall {
    call(
        "hostile",
        "try_file",
        json!({"verb": "write", "directory": "box", "path": "n.txt", "text": text}),
    )
}

fn execute(statement: &str) -> ToolCall {
    call(
        "hostile",
        "try_sql",
        json!({"database": "orders", "execute": true, "statement": statement}),
    )
}

fn insert() -> ToolCall {
    execute("INSERT INTO orders (customer, status) VALUES ('new', 'open')")
}

async fn item(house: &House) -> QueueItem {
    let mut items = house.host.queue(&mira(), false).await.unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_written_is_found_and_the_run_goes_on() {
    let (house, store) = House::on("", Faulty::new).await;
    let report = lost(&house, &store, increment()).await;
    let done = settled(&house, &store, &report.run).await;
    assert_eq!(output(done)["count"], 1);
    assert!(house.kv("n").await.contains("[49]"));
    let run = &report.run;
    let recovery = fact(&house, run, "call.in_doubt", "recovery").await;
    assert_eq!(recovery, "conditional");
    let recovered = fact(&house, run, "call.outcome", "recovered").await;
    assert_eq!(recovered, "found");
    assert!(!house.stages(run).await.contains(&"call.resent".to_owned()));
    // Found as exactly as if it had answered: it can be taken back.
    let undo = house.host.undo(&agent(), run, false).await.unwrap();
    assert_eq!(undo.outcome, "undone", "{undo:?}");
    assert_eq!(house.kv("n").await, "None");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_did_not_happen_is_sent_again_under_its_condition() {
    let (house, store) = House::on("", Faulty::new).await;
    house.answers().await;
    // The key lies in the same store, so its write fails too.
    store.allow(1);
    let report = house.host.call(&agent(), increment()).await.unwrap();
    assert_eq!(report.state, RunState::Open, "{report:?}");
    let done = settled(&house, &store, &report.run).await;
    assert_eq!(output(done)["count"], 1);
    let recovered = fact(&house, &report.run, "call.outcome", "recovered").await;
    assert_eq!(recovered, "resent");
    let stages = house.stages(&report.run).await;
    let resent = stages.iter().filter(|stage| *stage == "call.resent");
    assert_eq!(resent.count(), 1, "{stages:?}");
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_else_changed_since_is_a_persons() {
    let mut inner = None;
    let (house, store) = House::on("", |store| {
        inner = Some(Arc::clone(&store));
        Faulty::new(store)
    })
    .await;
    let report = lost(&house, &store, increment()).await;
    let change = Change::SetKv {
        connector: "hostile".to_owned(),
        store: "scratch".to_owned(),
        key: "n".to_owned(),
        value: b"77".to_vec(),
        version: "somebody's".to_owned(),
        expected: Expected::Anything,
        quota: 1_000,
    };
    let submission = Submission {
        tenant: named("default"),
        records: Vec::new(),
        changes: vec![change],
    };
    inner.unwrap().append(submission).await.unwrap();
    let doubt = settled(&house, &store, &report.run).await;
    assert_eq!(doubt.state, RunState::InDoubt);
    let item = item(&house).await;
    assert_eq!((&item.run, &*item.call), (&report.run, "kv.set"));
    assert_eq!(item.recovery, "conditional");
    assert_eq!(item.found.unwrap()["version"], "somebody's");
    assert!(house.kv("n").await.contains("[55, 55]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_written_is_found_and_one_that_was_edited_is_a_persons() {
    let (house, store) = House::on("", Faulty::new).await;
    let report = lost(&house, &store, write_file("ours")).await;
    let done = settled(&house, &store, &report.run).await;
    assert_eq!(done.state, RunState::Done);
    assert_eq!(house.file("n.txt").as_deref(), Some("ours"));

    let report = lost(&house, &store, write_file("ours again")).await;
    std::fs::write(house.path("data/box/n.txt"), "a person's").unwrap();
    let doubt = settled(&house, &store, &report.run).await;
    assert_eq!(doubt.state, RunState::InDoubt);
    assert_eq!(item(&house).await.call, "files.write");
    assert_eq!(house.file("n.txt").as_deref(), Some("a person's"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_happened_is_never_made_twice() {
    let (house, store) = House::on("", Faulty::new).await;
    house
        .sql("UPDATE orders SET status = '1' WHERE id = 1")
        .await;
    let update = execute("UPDATE orders SET status = status + 1 WHERE id = 1");
    // The grant lets nobody read and add in one statement unless it is granted.
    let report = lost(&house, &store, update).await;
    let doubt = settled(&house, &store, &report.run).await;
    assert_eq!(doubt.state, RunState::InDoubt);
    let found = item(&house).await.found.unwrap();
    assert!(found.to_string().contains("orders"), "{found}");
    let status = house
        .look("SELECT status AS v FROM orders WHERE id = 1")
        .await;
    assert_eq!(status, ["'2'"]);
}

/// The process dies between intent and effect: the home is copied while the
/// database makes the statement wait, and another host opens the copy.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_did_not_happen_is_made_once_by_the_next_host() {
    let house = Arc::new(House::hostile("", "").await);
    let mut lock = database(&house.path("data/orders.db")).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let calling = {
        let house = Arc::clone(&house);
        let update = execute("UPDATE orders SET status = 'sent' WHERE id = 1");
        tokio::spawn(async move { house.host.call(&agent(), update).await })
    };
    let run = loop {
        let lines = house
            .host
            .log(&named("default"), LogFilter::default())
            .await;
        let intent = lines
            .unwrap()
            .into_iter()
            .find(|line| line.stage == "call.intent");
        match intent {
            Some(line) => break line.run.unwrap(),
            None => tokio::task::yield_now().await,
        }
    };
    let crashed = TempDir::new().unwrap();
    copy(house.home.path(), crashed.path());
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    output(calling.await.unwrap().unwrap());

    let host = Host::open(options(crashed.path(), &house.clock))
        .await
        .unwrap();
    let done = host.wait(&agent(), &run, PATIENCE).await.unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let path = crashed.path().join("data/orders.db");
    let status = column(&path, "SELECT status AS v FROM orders WHERE id = 1").await;
    assert_eq!(status, ["'sent'"]);
    let filter = LogFilter {
        run: Some(run),
        ..LogFilter::default()
    };
    let lines = host.log(&named("default"), filter).await.unwrap();
    let stages: Vec<&str> = lines.iter().map(|line| line.stage.as_str()).collect();
    assert!(stages.contains(&"call.resent"), "{stages:?}");
    assert_eq!(host.verify(&named("default")).await.unwrap().problem, None);
}

async fn inserted(house: &House) -> Vec<String> {
    house
        .look("SELECT count(*) AS v FROM orders WHERE customer = 'new'")
        .await
}

/// A host with an insert that nobody can tell the fate of.
async fn doubtful() -> (House, RunReport, QueueItem) {
    let (house, store) = House::on("", Faulty::new).await;
    let report = lost(&house, &store, insert()).await;
    let doubt = settled(&house, &store, &report.run).await;
    assert_eq!(doubt.state, RunState::InDoubt);
    assert_eq!(failure(&doubt).0, "in_doubt");
    let item = item(&house).await;
    (house, report, item)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_person_who_did_not_ask_says_what_became_of_a_call() {
    let (house, report, item) = doubtful().await;
    assert!(item.arguments.to_string().contains("INSERT"), "{item:?}");
    assert_eq!(item.state, "open");
    let host = &house.host;
    assert!(host.queue(&agent(), false).await.is_err());
    let other_agent = principal("agent-8", PrincipalKind::Agent, &["boss"]);
    let requester = principal("agent-7", PrincipalKind::Person, &["operators"]);
    let not_an_owner = principal("paul", PrincipalKind::Person, &["boss"]);
    let stranger = Principal {
        identified: Default::default(),
        tenant: named("acme"),
        ..mira()
    };
    for (who, kind) in [
        (other_agent, "not_a_person"),
        (requester, "requester"),
        (not_an_owner, "unknown_approval"),
        (stranger, "unknown_approval"),
    ] {
        let error = host
            .resolve(&who, &item.id, Resolution::NotDone, "no", None)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), kind);
    }
    assert_eq!(
        host.run(&agent(), &report.run).await.unwrap().state,
        RunState::InDoubt
    );
    assert_eq!(inserted(&house).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_person_found_undone_is_refused_to_the_guest_and_not_sent() {
    let (house, report, item) = doubtful().await;
    // The person is told wrongly on purpose: nothing is sent all the same.
    let done = house
        .host
        .resolve(
            &mira(),
            &item.id,
            Resolution::NotDone,
            "not in the list",
            None,
        )
        .await
        .unwrap();
    let answer = output(done)["answer"].as_str().unwrap().to_owned();
    assert!(
        answer.contains("mira found that it did not happen"),
        "{answer}"
    );
    assert_eq!(inserted(&house).await, ["1"]);
    let again = house
        .host
        .resolve(&mira(), &item.id, Resolution::Done, "", None)
        .await
        .unwrap_err();
    assert_eq!(again.kind(), "already_decided");
    let item = house.host.queue_item(&mira(), &item.id).await.unwrap();
    assert_eq!(item.resolution.as_deref(), Some("not_done"));
    assert_eq!(item.note.as_deref(), Some("not in the list"));
    assert!(house.host.queue(&mira(), false).await.unwrap().is_empty());
    let stages = house.stages(&report.run).await;
    for stage in ["call.in_doubt", "handoff", "call.settled", "run.closed"] {
        assert_eq!(
            stages.iter().filter(|found| *found == stage).count(),
            1,
            "{stages:?}"
        );
    }
    let replay = house
        .host
        .replay(&named("default"), &report.run)
        .await
        .unwrap();
    assert!(replay.identical, "{replay:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_knows_the_answer_gives_it_to_the_guest() {
    let (house, report, item) = doubtful().await;
    let misfit = house
        .host
        .resolve(
            &mira(),
            &item.id,
            Resolution::Done,
            "",
            Some(json!({"Ok": "yes"})),
        )
        .await
        .unwrap_err();
    assert_eq!(misfit.kind(), "reply_unfit");
    let reply = json!({"Ok": {"rows_affected": 1, "inserted_id": 4}});
    let done = house
        .host
        .resolve(&mira(), &item.id, Resolution::Done, "row 4", Some(reply))
        .await
        .unwrap();
    assert!(output(done)["answer"].as_str().unwrap().contains('4'));
    assert_eq!(inserted(&house).await, ["1"]);
    // What it left is not known to a machine, so no machine takes it back.
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "irreversible", "{undo:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_happened_with_an_answer_that_nobody_knows_ends_its_run_honestly() {
    let (house, _, item) = doubtful().await;
    let ended = house
        .host
        .resolve(&mira(), &item.id, Resolution::Done, "it is there", None)
        .await
        .unwrap();
    assert_eq!(ended.state, RunState::Failed);
    let (kind, message) = failure(&ended);
    assert_eq!(kind, "settled_done");
    assert!(message.contains("mira"), "{message}");
    assert_eq!(inserted(&house).await, ["1"]);
    let replayed = house.host.replay(&named("default"), &ended.run).await;
    assert_eq!(replayed.unwrap().difference, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_in_doubt_differs_from_nothing() {
    let (house, report, _) = doubtful().await;
    let replayed = house.host.replay(&named("default"), &report.run).await;
    let replayed = replayed.unwrap();
    assert_eq!((replayed.difference, replayed.calls > 0), (None, true));
}

/// A call that a person has settled and that its run does not come to again.
async fn settled_and_not_reached(resolution: Resolution) -> (House, RunReport) {
    let (house, report, item) = doubtful().await;
    // The guest is stopped before it calls anything.
    let manifest = hostile_manifest("fuel = 1000", "");
    house.install(&manifest, &hostile()).await;
    let ended = house
        .host
        .resolve(&mira(), &item.id, resolution, "looked", None)
        .await
        .unwrap();
    assert_eq!(ended.run, report.run);
    (house, ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_not_asked_again_about_a_call_that_its_run_does_not_come_to() {
    for (resolution, kind, said) in [
        (Resolution::Done, "settled_done", "mira"),
        (Resolution::NotDone, "diverged", "fuel"),
    ] {
        let (house, ended) = settled_and_not_reached(resolution).await;
        assert_eq!(ended.state, RunState::Failed, "{ended:?}");
        let failed = failure(&ended);
        assert_eq!(failed.0, kind);
        assert!(failed.1.contains(said), "{}", failed.1);
        // Nobody is asked about the call again; that the run failed is told.
        assert_eq!(item(&house).await.kind, kind);
        assert_eq!(inserted(&house).await, ["1"]);
        let seen = house.host.run(&agent(), &ended.run).await.unwrap();
        assert_eq!(seen.state, RunState::Failed);
    }
}

/// The component of the run is damaged in the store, so nothing can execute it.
#[tokio::test(flavor = "multi_thread")]
async fn a_settled_call_whose_connector_cannot_be_started_ends_its_run() {
    let (house, report, item) = doubtful().await;
    let House { home, clock, host } = house;
    host.shutdown().await;
    drop(host);
    let mut store = database(&home.path().join("tollgate.db")).await;
    sqlx::raw_sql("DELETE FROM connectors; DELETE FROM components")
        .execute(&mut store)
        .await
        .unwrap();
    drop(store);
    let host = opened(home.path(), options(home.path(), &clock)).await;
    let ended = host
        .resolve(&mira(), &item.id, Resolution::Done, "it is there", None)
        .await
        .unwrap();
    assert_eq!((&ended.run, ended.state), (&report.run, RunState::Failed));
    assert_eq!(failure(&ended).0, "settled_done");
    assert_eq!(host.verify(&named("default")).await.unwrap().problem, None);
}

/// The next host of a home, once the one before has let it go.
async fn opened(home: &std::path::Path, options: HostOptions) -> Host {
    assert!(home.exists());
    loop {
        match Host::open(options.clone()).await {
            Ok(host) => break host,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

// ── erasing ─────────────────────────────────────────────────────────────────

/// The server was killed between intent and outcome, and nobody serves.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_recovered_yet_is_not_erased() {
    let (house, store) = House::on("", Faulty::new).await;
    let report = lost(&house, &store, insert()).await;
    let House { home, clock, host } = house;
    drop(host);
    store.repair();
    clock.set(clock.now_ms() + 20_000);
    let serve = options(home.path(), &clock);
    let operate = HostOptions {
        role: Role::Operate,
        ..serve.clone()
    };
    let host = opened(home.path(), operate.clone()).await;
    let what = Erase::Run(report.run.clone());
    let refused = host.erase(&named("default"), &what, "ops", "asked").await;
    assert!(
        matches!(&refused, Err(EraseError::InDoubt { runs }) if *runs == [report.run.clone()]),
        "{refused:?}"
    );
    host.shutdown().await;
    drop(host);
    // It was let go: whoever serves takes it over at once, and asks a person.
    let host = opened(home.path(), serve).await;
    let doubt = host.wait(&agent(), &report.run, PATIENCE).await.unwrap();
    assert_eq!(doubt.state, RunState::InDoubt);
    let refused = host.erase(&named("default"), &what, "ops", "asked").await;
    assert!(matches!(refused, Err(EraseError::InDoubt { .. })));
    let item = host.queue(&mira(), false).await.unwrap().remove(0);
    host.resolve(&mira(), &item.id, Resolution::Done, "there", None)
        .await
        .unwrap();
    host.erase(&named("default"), &what, "ops", "asked")
        .await
        .unwrap();
    assert_eq!(host.verify(&named("default")).await.unwrap().problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_inside_a_serving_process_waits_for_what_it_works_on() {
    let (house, store) = House::on("", Faulty::new).await;
    let house = Arc::new(house);
    let mut lock = database(&house.path("data/orders.db")).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let calling = {
        let house = Arc::clone(&house);
        tokio::spawn(async move { house.host.call(&agent(), insert()).await })
    };
    let run = loop {
        let lines = house
            .host
            .log(&named("default"), LogFilter::default())
            .await;
        let mut lines = lines.unwrap().into_iter();
        match lines.find(|line| line.stage == "call.intent") {
            Some(line) => break line.run.unwrap(),
            None => tokio::task::yield_now().await,
        }
    };
    let erasing = {
        let (house, what) = (Arc::clone(&house), Erase::Run(run));
        tokio::spawn(async move {
            house
                .host
                .erase(&named("default"), &what, "ops", "asked")
                .await
        })
    };
    while store.claims() == 0 {
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    let done = calling.await.unwrap().unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let erased = erasing.await.unwrap().unwrap();
    assert_eq!(erased.ended, Vec::<String>::new());
    assert_eq!(inserted(&house).await, ["1"]);
}
