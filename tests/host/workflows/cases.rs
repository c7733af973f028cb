//! A case begins with typed inputs and ends, and never just fades away.

use std::time::Duration;

use serde_json::json;
use tollgate_runtime::{CallError, Resolution, RunState, Tenant};

use super::{COUNTING, counting, key, of_case};
use crate::house::{AT, House, agent, asks_for, call, mira};

const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_inputs_are_typed_and_trusted_and_show_whether_it_is_correct() {
    let house = House::with_workflow(COUNTING).await;
    for (inputs, at) in [
        (json!({}), "/inputs/key"),
        (json!({"key": "N1"}), "/inputs/key"),
        (json!({"key": "n", "day": "2027-02-30"}), "/inputs/day"),
        (json!({"key": "n", "amount": 7}), "/inputs/amount"),
    ] {
        let refused = house.opened(&mira(), inputs).await.unwrap_err();
        let CallError::InvalidInput { pointer, .. } = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(pointer, at);
    }
    let first = house.opened(&mira(), key("m")).await.unwrap();
    assert_eq!(
        (first.state.as_str(), first.started_by.as_str()),
        ("open", "person")
    );
    assert_eq!(first.inputs, Some(key("m")));
    house
        .in_case(&first.case, "increment", key("n"))
        .await
        .unwrap();
    let early = house
        .said(&agent(), &first.case, "completed")
        .await
        .unwrap();
    assert_eq!(
        (early.state.as_str(), early.correct),
        ("completed", Some(false))
    );
    let second = house.opened(&mira(), key("n")).await.unwrap();
    house
        .in_case(&second.case, "increment", key("n"))
        .await
        .unwrap();
    let done = house
        .said(&agent(), &second.case, "completed")
        .await
        .unwrap();
    assert_eq!(
        (done.state.as_str(), done.correct),
        ("completed", Some(true))
    );
    assert_eq!((done.runs, done.done), (1, 1));
    // The look is a run of the case, by the host, with a record.
    assert_eq!(done.run_list.len(), 2);
    assert_eq!(done.run_list[1].tool, "hostile.config_value");
    assert_eq!(done.run_list[1].principal, "tollgate");
    let closed = house.records_of("case.closed").await;
    let facts = |at: usize| {
        (
            closed[at].facts["state"].clone(),
            closed[at].facts["correct"].clone(),
        )
    };
    assert_eq!(facts(0), (json!("completed"), json!(false)));
    assert_eq!(facts(1), (json!("completed"), json!(true)));
    assert_eq!(closed[1].facts["workflow"], "counting");
    assert_eq!(closed[1].principal, "agent-7");
    let opened = house.records_of("case.opened").await;
    assert_eq!(opened[0].values["inputs"], key("m"));
}

/// The attack: an agent says that it works on what is done already, so that its case
/// is found correct.
#[tokio::test(flavor = "multi_thread")]
async fn an_agents_inputs_are_its_own_words() {
    let house = House::with_workflow(COUNTING).await;
    let case = house.opened(&agent(), key("n")).await.unwrap();
    assert_eq!(case.started_by, "agent");
    assert_eq!(case.inputs, Some(json!({})));
    assert_eq!(case.claimed, Some(key("n")));
    house
        .in_case(&case.case, "echo", json!({"value": 1}))
        .await
        .unwrap();
    let done = house.said(&agent(), &case.case, "completed").await.unwrap();
    assert_eq!((done.state.as_str(), done.correct), ("completed", None));
    let closed = house.records_of("case.closed").await;
    assert!(closed[0].facts.get("correct").is_none(), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_workflow_names_opens_a_case() {
    let by_person = counting("starts = [\"person\", \"agent\"]", "starts = [\"person\"]");
    let house = House::with_workflow(&by_person).await;
    let refused = house
        .in_case("c-1", "increment", key("n"))
        .await
        .unwrap_err();
    assert!(matches!(refused, CallError::NotAllowed(_)), "{refused:?}");
    let refused = house.opened(&agent(), key("n")).await.unwrap_err();
    assert!(matches!(refused, CallError::NotAllowed(_)), "{refused:?}");
    let case = house.opened(&mira(), key("n")).await.unwrap();
    house
        .in_case(&case.case, "increment", key("n"))
        .await
        .unwrap();
    let by_agent = counting("starts = [\"person\", \"agent\"]", "starts = [\"agent\"]");
    house.workflow(&by_agent).await;
    let refused = house.opened(&mira(), key("n")).await.unwrap_err();
    assert!(matches!(refused, CallError::NotAllowed(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_that_is_over_takes_no_more_runs() {
    let house = House::with_workflow(COUNTING).await;
    house.in_case("c-1", "increment", key("n")).await.unwrap();
    house.said(&agent(), "c-1", "completed").await.unwrap();
    let refused = house
        .in_case("c-1", "increment", key("m"))
        .await
        .unwrap_err();
    let CallError::CaseClosed { case, state } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((case.as_str(), state.as_str()), ("c-1", "completed"));
    let again = house.said(&agent(), "c-1", "failed").await.unwrap_err();
    assert!(matches!(again, CallError::CaseClosed { .. }), "{again:?}");
    assert_eq!(house.case("c-1").await.runs, 1);
    let anew = house.opened(&mira(), key("n")).await.unwrap();
    assert_ne!(anew.case, "c-1");
    assert_eq!(house.records_of("case.closed").await.len(), 1);
}

/// The attack: an agent whose calls all failed says that it is done.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_does_not_make_a_completion_of_failures() {
    let house = House::with_workflow(COUNTING).await;
    let failed = house
        .in_case("c-1", "panics", json!({"message": "no"}))
        .await
        .unwrap();
    assert_eq!(failed.state, RunState::Failed);
    let case = house.said(&agent(), "c-1", "completed").await.unwrap();
    assert_eq!(
        (case.state.as_str(), case.why.as_deref()),
        ("failed", Some("failures"))
    );
    let denied = house.said(&agent(), "c-1", "denied").await.unwrap_err();
    assert!(
        matches!(denied, CallError::InvalidInput { .. }),
        "{denied:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stop_condition_ends_the_case_into_the_failure_queue() {
    let no = "[[rule]]\nname = \"no\"\ntool = \"send\"\nthen = \"deny\"\n";
    let house = House::hostile("", no).await;
    house.workflow(COUNTING).await;
    let note = |n: u32| json!({"key": format!("k{n}"), "path": "a", "text": "t"});
    for n in 0..2 {
        let message = json!({"message": format!("no {n}")});
        house.in_case("failing", "panics", message).await.unwrap();
        house.in_case("denied", "send", note(n)).await.unwrap();
    }
    for n in 0..6 {
        house
            .in_case("many", "echo", json!({"value": n}))
            .await
            .unwrap();
    }
    let seventh = house.in_case("many", "echo", json!({"value": 7})).await;
    assert!(
        matches!(seventh, Err(CallError::CaseClosed { .. })),
        "{seventh:?}"
    );
    for (case, why) in [
        ("failing", "failures"),
        ("denied", "denials"),
        ("many", "runs"),
    ] {
        let report = house.case(case).await;
        assert_eq!(
            (report.state.as_str(), report.why.as_deref()),
            ("escalated", Some(why))
        );
    }
    let items = house.host.queue(&mira(), false).await.unwrap();
    // The runs that failed in them have items of their own.
    let items: Vec<_> = items
        .iter()
        .filter(|item| item.kind == "case_failed")
        .collect();
    assert_eq!(items.len(), 3);
    for item in items {
        assert_eq!(
            (item.queue.as_str(), item.kind.as_str()),
            ("counting-failures", "case_failed")
        );
        assert!(item.why.contains(&format!(
            "the case `{}` of `counting` is escalated",
            item.case
        )));
        let note = "looked at it";
        house.settle(&item.id, Resolution::Done, note).await;
    }
    let left = house.host.queue(&mira(), false).await.unwrap();
    assert!(left.iter().all(|item| item.kind != "case_failed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_time_passes_is_expired_and_somebody_is_told() {
    let house = House::hostile("", &asks_for("increment")).await;
    house.workflow(COUNTING).await;
    let held = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(held.state, RunState::Held);
    // Not while a call of it waits.
    let early = house.said(&agent(), "c-1", "completed").await.unwrap_err();
    assert!(early.to_string().contains("is held"), "{early}");
    // One without any run, too.
    let empty = house.opened(&mira(), key("n")).await.unwrap();
    house.clock.set(AT + 3_600_000 - 1);
    house.host.expire_due().await.unwrap();
    assert_eq!(house.case("c-1").await.state, "open");
    let card = house.host.cards(&mira(), false).await.unwrap().remove(0);
    house.clock.set(AT + 3_600_000);
    house.host.expire_due().await.unwrap();
    for case in ["c-1", &empty.case] {
        let report = house.case(case).await;
        assert_eq!(
            (report.state.as_str(), report.why.as_deref()),
            ("expired", Some("duration"))
        );
    }
    // What waited is withdrawn with the case, and its run ends with a word.
    let over = house.host.wait(&agent(), &held.run, PATIENCE).await;
    let over = over.unwrap();
    assert_eq!(over.state, RunState::Denied, "{over:?}");
    assert!(house.host.cards(&mira(), false).await.unwrap().is_empty());
    let items = house.host.queue(&mira(), false).await.unwrap();
    let (unanswered, items): (Vec<_>, Vec<_>) = items
        .into_iter()
        .partition(|item| item.kind == "approval_expired");
    let runs: Vec<_> = unanswered.iter().map(|item| &item.run).collect();
    assert_eq!(runs, [&held.run]);
    let mut cases: Vec<_> = items.iter().map(|item| item.case.clone()).collect();
    cases.sort();
    assert_eq!(cases, ["c-1".to_owned(), empty.case.clone()]);
    for item in &items {
        house.settle(&item.id, Resolution::NotDone, "late").await;
    }
    // The attack: a yes that comes late makes the call in a case that is over.
    let after = house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await;
    assert!(after.is_err(), "{after:?}");
    let again = house.host.expire_due().await;
    again.unwrap();
    assert_eq!(house.records_of("case.closed").await.len(), 2);
}

/// A case that stops for another reason leaves nothing in the inbox, and says why.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_case_that_stops_is_withdrawn_with_a_record() {
    let house = House::hostile("", &asks_for("increment")).await;
    house.workflow(COUNTING).await;
    let mut waiting = Vec::new();
    for name in ["n", "m"] {
        let held = house.in_case("c-1", "increment", key(name)).await.unwrap();
        assert_eq!(held.state, RunState::Held);
        waiting.push(held.run);
    }
    let beside = house.in_case("c-2", "increment", key("n")).await.unwrap();
    for n in 0..2 {
        let message = json!({"message": format!("no {n}")});
        house.in_case("c-1", "panics", message).await.unwrap();
    }
    assert_eq!(house.case("c-1").await.state, "escalated");
    for run in &waiting {
        let over = house.host.wait(&agent(), run, PATIENCE).await.unwrap();
        assert_eq!(over.state, RunState::Denied, "{over:?}");
        let lines = house.log(run).await;
        let decided: Vec<_> = lines
            .iter()
            .filter(|line| line.stage == "approval.decided")
            .collect();
        assert_eq!(decided.len(), 1, "{decided:?}");
        assert_eq!(decided[0].facts["decision"], "withdrawn");
        assert_eq!(decided[0].facts["why"], "case_escalated");
        assert_eq!(decided[0].principal, "tollgate");
        assert!(lines.iter().any(|line| line.stage == "run.closed"));
    }
    // Another case's waits as it did.
    let cards = house.host.cards(&mira(), false).await.unwrap();
    let runs: Vec<_> = cards.iter().map(|card| &card.run).collect();
    assert_eq!(runs, [&beside.run]);
    assert_eq!(
        house.host.verify(&Tenant::default()).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_case_is_a_case_of_its_own_that_ends_with_it() {
    let house = House::with_workflow(COUNTING).await;
    let done = house
        .by(agent(), call("hostile", "increment", key("n")))
        .await
        .unwrap();
    let message = json!({"message": "no"});
    let failed = house
        .by(agent(), call("hostile", "panics", message))
        .await
        .unwrap();
    for (run, state) in [(&done, "completed"), (&failed, "failed")] {
        assert!(run.case.starts_with("auto-"));
        let case = house.case(&run.case).await;
        assert_eq!((case.state.as_str(), case.runs), (state, 1));
    }
    // Asked again it is the same one, and no second case.
    let held = House::hostile("", &asks_for("increment")).await;
    held.workflow(COUNTING).await;
    let first = held
        .by(agent(), call("hostile", "increment", key("n")))
        .await
        .unwrap();
    let second = held
        .by(agent(), call("hostile", "increment", key("n")))
        .await
        .unwrap();
    assert_eq!(
        (first.run.as_str(), first.case.as_str()),
        (second.run.as_str(), second.case.as_str())
    );
    let case = held.case(&first.case).await;
    assert_eq!((case.state.as_str(), case.runs), ("open", 1));
    let card = held.host.cards(&mira(), false).await.unwrap().remove(0);
    held.host
        .deny(&mira(), &card.approval, &card.digest, "no")
        .await
        .unwrap();
    assert_eq!(held.case(&first.case).await.state, "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_survives_a_restart_and_is_shown_to_its_agents_only() {
    let house = House::with_workflow(COUNTING).await;
    house.in_case("c-1", "increment", key("n")).await.unwrap();
    let house = house.restart().await;
    let second = house
        .by(agent(), of_case("c-1", "increment", key("n")))
        .await;
    assert_eq!(second.unwrap().output, Some(json!({"count": 2})));
    assert_eq!(house.case("c-1").await.runs, 2);
    let query = Default::default();
    assert_eq!(house.host.cases(&agent(), &query).await.unwrap().len(), 1);
    let other = super::other_agent();
    assert!(house.host.cases(&other, &query).await.unwrap().is_empty());
    let refused = house.host.case(&other, "c-1").await.unwrap_err();
    assert!(matches!(refused, CallError::UnknownCase(_)), "{refused:?}");
    let refused = house.said(&other, "c-1", "completed").await.unwrap_err();
    assert!(matches!(refused, CallError::UnknownCase(_)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_completed_case_of_which_all_is_taken_back_is_undone() {
    let house = House::with_workflow(COUNTING).await;
    let one = house.in_case("c-1", "increment", key("n")).await.unwrap();
    let two = house.in_case("c-1", "increment", key("m")).await.unwrap();
    house.said(&agent(), "c-1", "completed").await.unwrap();
    let taken = house.host.undo(&mira(), &one.run, false).await.unwrap();
    assert_eq!(taken.outcome, "undone", "{taken:?}");
    assert_eq!(house.case("c-1").await.state, "completed");
    let taken = house.host.undo(&mira(), &two.run, false).await.unwrap();
    assert_eq!(taken.outcome, "undone", "{taken:?}");
    assert_eq!(house.case("c-1").await.state, "undone");
    let closed = house.records_of("case.closed").await;
    assert_eq!(closed.len(), 2);
    assert_eq!(closed[1].facts["state"], "undone");
    assert_eq!(closed[1].principal, "mira");
}
