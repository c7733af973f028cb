//! A drill looks like any other request until somebody decides, and never does
//! anything.

use serde_json::{Value, json};
use tollgate_report::{Load, Period};
use tollgate_runtime::{
    CallError, Card, DecideError, DrillTemplate, LogFilter, NewDrill, PlantedDrill, Principal,
    PrincipalKind, RunReport, RunState, Tenant,
};
use tollgate_store::{Change, Rejected, SqliteOptions, SqliteStore, Store, Submission};

use crate::deciding::{asks, effects, held, on_each_store, person};
use crate::house::{AT, House, agent, principal};

fn olga() -> Principal {
    principal("olga", PrincipalKind::Person, &["operators"])
}

/// The agent, known to the host: only who is can seem to ask.
async fn known(house: &House) {
    house.host.add_principal(&agent()).await.unwrap();
}

fn template() -> DrillTemplate {
    serde_json::from_value(json!({
        "connector": "hostile", "tool": "increment", "input": {"key": "n"},
        "call": "kv.set", "destination": "scratch",
        "arguments": {"key": "n", "value": "MQ==", "expected": "absent"},
        "effect": "write", "requester": "agent-7", "reason": "the customer insists",
    }))
    .unwrap()
}

fn of_template() -> NewDrill {
    NewDrill {
        approval: Some("boss".to_owned()),
        template: Some(template()),
        ..NewDrill::default()
    }
}

async fn planted(house: &House) -> (PlantedDrill, Card) {
    known(house).await;
    let drill = house.host.plant_drill(&olga(), of_template()).await;
    let drill = drill.unwrap_or_else(|error| panic!("{error}"));
    let card = house.host.card(&person("mira"), &drill.approval).await;
    (drill, card.unwrap())
}

async fn load(house: &House) -> Load {
    let period = Period {
        since_ms: 0,
        until_ms: u64::MAX,
    };
    let report = house
        .host
        .figures(&Tenant::default(), period)
        .await
        .unwrap();
    let found = report.approvals.iter().find(|one| one.approval == "boss");
    found.map(|one| one.total.clone()).unwrap_or_default()
}

fn told(report: &RunReport) -> &str {
    let failure = report.failure.as_ref().unwrap();
    assert_eq!(failure.kind, "drill");
    &failure.message
}

/// The names of everything that a value says, at every depth.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        other => other.clone(),
    }
}

async fn a_drill_that_is_approved_does_nothing_and_is_told(house: House) {
    let (drill, card) = planted(&house).await;
    assert_eq!(card.drill, None);
    let done = house
        .host
        .approve(&person("mira"), &drill.approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Denied);
    assert!(told(&done).contains("this was a drill, planted by olga"));
    assert!(told(&done).contains("should not have been"));
    assert_eq!(effects(&house, "n").await, 0);
    let after = house.host.card(&person("mira"), &drill.approval).await;
    let after = after.unwrap();
    assert_eq!(after.state, "void");
    let result = after.drill.unwrap();
    assert_eq!(
        (&*result.planted_by, &*result.decision),
        ("olga", "approved")
    );
    let stages = house.stages(&drill.run).await;
    assert_eq!(
        stages,
        [
            "run.opened",
            "approval.requested",
            "drill.decided",
            "run.closed"
        ]
    );
    let load = load(&house).await;
    assert_eq!((load.drills.sent, load.drills.missed), (1, 1));
    assert_eq!(
        (load.requested, load.approved, load.latency.count),
        (0, 0, 0)
    );
    // Nothing goes on with it, whoever tries.
    house.host.take_over().await.unwrap();
    house.clock.set(AT + 100 * 3_600_000);
    house.host.expire_due().await.unwrap();
    assert_eq!(house.stages(&drill.run).await, stages);
    let undo = house.host.undo(&person("mira"), &drill.run, false).await;
    assert!(matches!(undo, Err(CallError::NotAllowed(_))), "{undo:?}");
    let replay = house.host.replay(&Tenant::default(), &drill.run).await;
    assert!(matches!(replay, Err(CallError::NotAllowed(_))));
    let revoked = house.host.revoke(&person("mira"), &drill.approval).await;
    assert!(revoked.is_err());
    assert_eq!(effects(&house, "n").await, 0);
}

async fn a_drill_that_is_denied_was_noticed_and_denies_nothing_else(house: House) {
    let (drill, card) = planted(&house).await;
    let done = house
        .host
        .deny(
            &person("mira"),
            &drill.approval,
            &card.digest,
            "who is that?",
        )
        .await
        .unwrap();
    assert!(told(&done).contains("noticed"));
    let load = load(&house).await;
    assert_eq!((load.drills.sent, load.drills.caught), (1, 1));
    assert_eq!((load.requested, load.denied), (0, 0));
    // The attack on a real call: the drill's denial stands for the same input.
    let (report, shown) = held(&house, "n").await;
    assert_ne!(report.run, drill.run);
    let done = house
        .host
        .approve(&person("mira"), &shown.approval, &shown.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(effects(&house, "n").await, 1);
}

/// The attack on a real call: it is answered with a run that never does anything.
async fn who_asks_for_the_same_as_a_drill_has_a_run_of_its_own(house: House) {
    let (drill, card) = planted(&house).await;
    let (report, shown) = held(&house, "n").await;
    assert_ne!(report.run, drill.run);
    assert_ne!(shown.digest, card.digest);
}

async fn changing_a_drill_notices_it_and_opens_no_other_run(house: House) {
    let (drill, card) = planted(&house).await;
    let input = json!({"key": "m"});
    let done = house
        .host
        .edit(&person("mira"), &drill.approval, &card.digest, &input)
        .await
        .unwrap();
    assert!(told(&done).contains("noticed"));
    assert_eq!(done.continued_as, None);
    let load = load(&house).await;
    assert_eq!((load.drills.caught, load.edited), (1, 0));
    let waits = house.host.cards(&person("mira"), true).await.unwrap();
    assert_eq!(waits.len(), 1);
    assert_eq!(effects(&house, "m").await, 0);
}

async fn a_drill_that_nobody_decides_on_ends_with_its_time(house: House) {
    let (drill, _) = planted(&house).await;
    house.clock.set(AT + 2 * 3_600_000);
    house.host.expire_due().await.unwrap();
    let stages = house.stages(&drill.run).await;
    assert_eq!(stages[2..], ["drill.decided", "run.closed"]);
    let load = load(&house).await;
    assert_eq!((load.drills.sent, load.drills.unanswered), (1, 1));
    assert_eq!((load.expired, load.drills.caught_rate.of), (0, 0));
    assert!(house.host.queue(&olga(), false).await.unwrap().is_empty());
}

/// Until somebody decides nothing that a person can read tells a drill from a call:
/// not the card, not the run, not the log, not a leaf.
async fn before_a_decision_nothing_tells_a_drill_from_a_call(house: House) {
    let (drill, fake) = planted(&house).await;
    let (report, real) = held(&house, "n").await;
    let card = |card: &Card| shape(&json!(card));
    let mut real_card = card(&real);
    // What only says that this template gives a reason, and no look at what is there.
    let fake_card = card(&fake);
    for name in ["agent_reason", "prior"] {
        if let Some(value) = fake_card.get(name) {
            real_card[name] = value.clone();
        } else if let Some(fields) = real_card.as_object_mut() {
            fields.remove(name);
        }
    }
    assert_eq!(fake_card, real_card);
    let looked = |report: &RunReport| {
        let mut shown = json!(report);
        shown["pending"]["title"] = json!("");
        shape(&shown)
    };
    let shown = house.host.run(&person("mira"), &drill.run).await.unwrap();
    assert_eq!(shown.state, RunState::Held);
    assert_eq!(looked(&shown), looked(&report));
    let lines = async |run: &str| {
        let filter = LogFilter {
            run: Some(run.to_owned()),
            ..LogFilter::default()
        };
        let lines = house.host.log(&Tenant::default(), filter).await.unwrap();
        let of = |stage: &str| {
            let line = lines.iter().find(|line| line.stage == stage).unwrap();
            (
                line.principal.clone(),
                shape(&line.facts),
                line.values.clone(),
            )
        };
        (of("run.opened"), of("approval.requested"))
    };
    let (fake, real) = (lines(&drill.run).await, lines(&report.run).await);
    assert_eq!((&fake.0.0, &fake.0.1), (&real.0.0, &real.0.1));
    assert_eq!((&fake.1.0, &fake.1.1), (&real.1.0, &real.1.1));
    for (_, _, values) in [&fake.1, &real.1] {
        assert!(values.get("nature").is_none(), "{values}");
        assert!(values.get("card").is_some());
    }
    let undo = async |run: &str| {
        let refused = house.host.undo(&person("mira"), run, true).await;
        refused.unwrap_err().to_string()
    };
    assert_eq!(undo(&drill.run).await, undo(&report.run).await);
}

async fn who_planted_a_drill_does_not_decide_on_it(house: House) {
    known(&house).await;
    let both = principal("olga", PrincipalKind::Person, &["operators", "boss"]);
    let drill = house.host.plant_drill(&both, of_template()).await.unwrap();
    let card = house.host.card(&both, &drill.approval).await.unwrap();
    let (id, digest) = (&card.approval, &card.digest);
    let refused = [
        house.host.approve(&both, id, digest).await,
        house.host.deny(&both, id, digest, "I know").await,
        house
            .host
            .edit(&both, id, digest, &json!({"key": "m"}))
            .await,
    ];
    for refused in refused {
        assert!(matches!(refused, Err(DecideError::Planted)), "{refused:?}");
    }
}

async fn what_cannot_come_up_cannot_be_planted(house: House) {
    known(&house).await;
    house.host.add_principal(&person("paul")).await.unwrap();
    let with = |change: &dyn Fn(&mut NewDrill)| {
        let mut new = of_template();
        change(&mut new);
        new
    };
    let template =
        |change: &dyn Fn(&mut DrillTemplate)| with(&|new| change(new.template.as_mut().unwrap()));
    for (what, new) in [
        ("an unknown tool", template(&|t| t.tool = "refund".into())),
        ("an unfit input", template(&|t| t.input = json!({"key": 7}))),
        (
            "an unfit argument",
            template(&|t| t.arguments = json!({"key": 7})),
        ),
        ("no arguments", template(&|t| t.arguments = json!([]))),
        ("nobody asks", template(&|t| t.requester = "agent-8".into())),
        ("a person asks", template(&|t| t.requester = "paul".into())),
        (
            "what rules allow",
            template(&|t| {
                t.tool = "echo".into();
                t.input = json!({"value": 1});
            }),
        ),
        (
            "another approval",
            with(&|new| new.approval = Some("finance".into())),
        ),
        ("nothing", with(&|new| new.template = None)),
        (
            "no such approval",
            with(&|new| {
                new.template = None;
                new.like = Some("apr-0".into());
                new.set.insert("/input/key".into(), json!("m"));
            }),
        ),
    ] {
        let refused = house.host.plant_drill(&olga(), new).await;
        assert!(refused.is_err(), "{what}: {refused:?}");
    }
    for kind in [PrincipalKind::Agent, PrincipalKind::Service] {
        let who = principal("bot", kind, &["operators"]);
        let refused = house.host.plant_drill(&who, of_template()).await;
        assert!(matches!(refused, Err(CallError::NotAllowed(_))));
    }
    let waits = house.host.cards(&person("mira"), true).await.unwrap();
    assert!(waits.is_empty(), "{waits:?}");
}

async fn a_drill_is_made_of_a_former_call_with_a_field_changed(house: House) {
    known(&house).await;
    let (_, real) = held(&house, "n").await;
    let mut new = NewDrill {
        like: Some(real.approval.clone()),
        ..NewDrill::default()
    };
    assert!(house.host.plant_drill(&olga(), new.clone()).await.is_err());
    new.set.insert("/input/key".to_owned(), json!("everything"));
    let drill = house.host.plant_drill(&olga(), new).await.unwrap();
    let card = house.host.card(&person("mira"), &drill.approval).await;
    let card = card.unwrap();
    assert_eq!(card.input["key"], "everything");
    assert_eq!(card.arguments, real.arguments);
    assert_eq!((&card.call, &card.rule), (&real.call, &real.rule));
}

async fn a_drill_waits_across_a_restart(house: House) {
    let (drill, card) = planted(&house).await;
    let house = house.restart().await;
    let done = house
        .host
        .deny(&person("mira"), &drill.approval, &card.digest, "no")
        .await
        .unwrap();
    assert!(told(&done).contains("olga"));
}

mod one_vote {
    use super::*;

    on_each_store! {
        "increment", "";
        a_drill_that_is_approved_does_nothing_and_is_told,
        a_drill_that_is_denied_was_noticed_and_denies_nothing_else,
        who_asks_for_the_same_as_a_drill_has_a_run_of_its_own,
        changing_a_drill_notices_it_and_opens_no_other_run,
        a_drill_that_nobody_decides_on_ends_with_its_time,
        before_a_decision_nothing_tells_a_drill_from_a_call,
        who_planted_a_drill_does_not_decide_on_it,
        what_cannot_come_up_cannot_be_planted,
        a_drill_is_made_of_a_former_call_with_a_field_changed,
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_drill_waits() {
        a_drill_waits_across_a_restart(House::hostile("", &asks("increment", "")).await).await;
    }
}

/// Who votes first is not told: the others would hear of it.
async fn with_a_quorum_only_the_last_vote_tells(house: House) {
    let (drill, card) = planted(&house).await;
    let vote = async |who: &str| {
        house
            .host
            .approve(&person(who), &drill.approval, &card.digest)
            .await
            .unwrap()
    };
    let first = vote("mira").await;
    assert_eq!((first.state, first.failure), (RunState::Held, None));
    assert_eq!(load(&house).await.drills.sent, 0);
    assert!(told(&vote("noor").await).contains("drill"));
    assert_eq!(load(&house).await.drills.missed, 1);
    assert_eq!(effects(&house, "n").await, 0);
}

mod two_votes {
    use super::*;

    on_each_store! {
        "increment", "quorum = 2";
        with_a_quorum_only_the_last_vote_tells,
    }
}

/// Even a store that were made to say that a drill's approval is a yes admits no call
/// by it: no call has its digest.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_can_use_the_approval_of_a_drill() {
    let house = House::hostile("", &asks("increment", "")).await;
    let (drill, card) = planted(&house).await;
    let options = SqliteOptions {
        clock: house.clock.clone(),
        ..SqliteOptions::default()
    };
    let path = house.home.path().join("tollgate.db");
    // The attack: somebody with the database decides past the host.
    let store = SqliteStore::open(&path, options).await.unwrap();
    let decided = Change::DecideApproval {
        id: drill.approval.clone(),
        decision: tollgate_store::Verdict::Approved,
        by: "mira".to_owned(),
        on_behalf: None,
        at_ms: AT,
    };
    let submission = |change| Submission {
        tenant: Tenant::default(),
        records: Vec::new(),
        changes: vec![change],
    };
    store.append(submission(decided)).await.unwrap();
    store.close().await;
    house.host.take_over().await.unwrap();
    let house = house.restart().await;
    house.host.take_over().await.unwrap();
    assert_eq!(effects(&house, "n").await, 0);
    assert_eq!(
        house.stages(&drill.run).await,
        ["run.opened", "approval.requested"]
    );
    // What a call of the same would be bound to is not what the drill is bound to.
    let (_, real) = held(&house, "n").await;
    let options = SqliteOptions {
        clock: house.clock.clone(),
        ..SqliteOptions::default()
    };
    let store = SqliteStore::open(&path, options).await.unwrap();
    let consumed = Change::ConsumeApproval {
        id: drill.approval,
        digest: real.digest,
        at_ms: AT,
    };
    let refused = store.append(submission(consumed)).await.unwrap_err();
    assert!(
        !matches!(refused.rejected(), None | Some(Rejected::Expired { .. })),
        "{refused}"
    );
    assert_ne!(card.digest, "");
    store.close().await;
}
