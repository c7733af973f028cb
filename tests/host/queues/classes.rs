//! Every class of failure arrives in its owner's queue and at its owner's desk, with
//! the record that tells of it.

use serde_json::json;
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{
    Erase, LogFilter, Resolution, RunState, SecretEntry, SecretSource, Slot, ToolCall,
};
use tollgate_tests::{component, named};

use super::{STANDING, end, ending, house, notes, of, only, over};
use crate::house::{AT, House, agent, asks_for, call, hostile, hostile_manifest, mira};
use crate::http::{Desk, Fault};

/// The workflow of cases that fail.
const FAILING: &str = r#"
name = "failing"
owner = "group:support"
purpose = "End in every way."
handoff = "data_entry"
starts = ["person", "agent"]
agents = ["agent-7"]
queue = "work"
mode = "normal"

[tools]
ending = ["end"]

[stop]
duration = "1h"
failures = 1
"#;

async fn ended_simply(house: House, how: &str) -> House {
    let report = end(&house, how).await;
    assert_ne!(report.state, RunState::Done, "{report:?}");
    house
}

/// Fail in this way. There is no rest: a class that nobody injects does not compile.
async fn fail(class: FailureClass, house: House, desk: &Desk) -> House {
    let elsewhere = || {
        let input = json!({"path": ["elsewhere"], "note": {}});
        call("ending", "deliver", input)
    };
    match class {
        FailureClass::Conflict => ended_simply(house, "conflict").await,
        FailureClass::NotFound => ended_simply(house, "not_found").await,
        FailureClass::InvalidInput => ended_simply(house, "invalid_input").await,
        FailureClass::Limited => ended_simply(house, "limited").await,
        FailureClass::Unavailable => ended_simply(house, "unavailable").await,
        FailureClass::Failed => ended_simply(house, "failed").await,
        FailureClass::ConnectorFault => ended_simply(house, "panic").await,
        FailureClass::Denied => ended_simply(house, "denied").await,
        FailureClass::InDoubt | FailureClass::SettledDone => {
            let rows = "[[grant.http.desk.route]]\ncall = \"POST /tickets\"\neffect = \"write\"\nundo = \"inverse\"\n";
            let caller = component("tests/guests/caller");
            let manifest = crate::http::manifest(desk, "", rows);
            house.install(&manifest, &caller).await;
            desk.order([Fault::DoesAndBreaks]);
            let input = crate::http::ask("POST", &["tickets"], json!({"json": {}}));
            let report = house.call_of("caller", "create", input).await;
            assert_eq!(report.state, RunState::InDoubt, "{report:?}");
            if class == FailureClass::SettledDone {
                let item = only(&house.host, "support", FailureClass::InDoubt).await;
                let who = of("support");
                let settled =
                    house
                        .host
                        .resolve(&who, &item.id, Resolution::Done, "it is there", None);
                assert_eq!(settled.await.unwrap().state, RunState::Failed);
            }
            house
        }
        FailureClass::Escalation => {
            let manifest = "connector = \"handover\"\ncomponent = \"here\"\n[grant.handoff.refunds]\n\
                [[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n";
            house
                .install(manifest, &component("tests/guests/handover"))
                .await;
            let input = json!({"queue": "refunds", "summary": "s", "reason": "r", "details": {}});
            let report = house.call_of("handover", "hand_over", input).await;
            assert_eq!(report.state, RunState::Done, "{report:?}");
            house
        }
        FailureClass::Rejected | FailureClass::ApprovalExpired => {
            let held = house.host.call(&agent(), elsewhere()).await.unwrap();
            let approval = held.pending.unwrap().approval;
            if class == FailureClass::Rejected {
                let digest = house.host.card(&mira(), &approval).await.unwrap().digest;
                let who = mira();
                let denied = house.host.deny(&who, &approval, &digest, "not now");
                assert_eq!(denied.await.unwrap().state, RunState::Denied);
            } else {
                house.clock.set(AT + 3_600_001);
                house.host.expire_due().await.unwrap();
            }
            house
        }
        FailureClass::SecretBlocked => {
            let slot = Slot {
                name: "desk-token".to_owned(),
                tenant: "default".to_owned(),
                origin: "https://desk.example".to_owned(),
                place: tollgate_policy::Place::Header("authorization".to_owned()),
                resources: Vec::new(),
            };
            let file = house.path("canary");
            std::fs::write(&file, "canary-9f27-value").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&file, mode).unwrap();
            let source = tollgate_secrets::FileSource::new(file);
            let entry = SecretEntry {
                slot,
                source: SecretSource::Of(std::sync::Arc::new(source)),
            };
            let house = house
                .reopened(|options| options.secrets = vec![entry])
                .await;
            let report = end(&house, json!({"says": ["canary-9f2", "7-value"]})).await;
            assert_eq!(report.state, RunState::Failed, "{report:?}");
            house
        }
        FailureClass::Diverged => {
            let manifest = hostile_manifest("", &asks_for("increment"));
            house.install(&manifest, &hostile()).await;
            let first = house.call("increment", json!({"key": "n"})).await;
            let second = house.call("increment", json!({"key": "m"})).await;
            let mut store = crate::house::database(&house.path("tollgate.db")).await;
            let text = format!(
                "UPDATE records SET run = CASE run WHEN '{0}' THEN '{1}' ELSE '{0}' END WHERE run IN ('{0}', '{1}') AND stage = (SELECT stage FROM records WHERE run = '{0}' AND CAST(leaf AS TEXT) LIKE '%kv.get%')",
                first.run, second.run
            );
            let exchange = sqlx::raw_sql(sqlx::AssertSqlSafe(text));
            exchange.execute(&mut store).await.unwrap();
            let approval = first.pending.unwrap().approval;
            let digest = house.host.card(&mira(), &approval).await.unwrap().digest;
            let stopped = house.host.approve(&mira(), &approval, &digest).await;
            assert_eq!(stopped.unwrap().state, RunState::Failed);
            house
        }
        FailureClass::Erased => {
            let call = ToolCall {
                subject: Some("customer-4711".to_owned()),
                ..elsewhere()
            };
            let held = house.host.call(&agent(), call).await.unwrap();
            assert_eq!(held.state, RunState::Held, "{held:?}");
            let what = Erase::Subject("customer-4711".to_owned());
            let tenant = named("default");
            let erased = house.host.erase(&tenant, &what, "ops", "asked for it");
            assert_eq!(erased.await.unwrap().ended, [held.run]);
            house
        }
        FailureClass::DeliveryFailed => {
            let no = || Fault::Answers(422, Vec::new(), "{}".to_owned());
            // The first note has one try; its letter goes to another place.
            desk.order([no()]);
            end(&house, "failed").await;
            let item = only(&house.host, "support", FailureClass::Failed).await;
            let delivery = over(&house.host, "support", &item.id).await;
            assert_eq!((delivery.state.as_str(), delivery.attempts), ("dead", 1));
            house
        }
        FailureClass::HostTask => {
            end(&house, "well").await;
            // A database that is not the one that was signed.
            house.host.keep_house().await.unwrap();
            end(&house, "well").await;
            let mut store = crate::house::database(&house.path("tollgate.db")).await;
            let text = "UPDATE records SET hash = zeroblob(32) WHERE rowid = (SELECT min(rowid) FROM records)";
            sqlx::raw_sql(text).execute(&mut store).await.unwrap();
            house.host.keep_house().await.unwrap();
            house
        }
        FailureClass::CaseExpired | FailureClass::CaseFailed => {
            let installed = house
                .host
                .install_workflow("failing", FAILING, "ops", false);
            installed.await.unwrap();
            let how = match class {
                FailureClass::CaseFailed => "failed",
                _ => "well",
            };
            let of_case = ToolCall {
                case: Some("c-1".to_owned()),
                ..call("ending", "end", json!({ "how": how }))
            };
            house.host.call(&agent(), of_case).await.unwrap();
            if class == FailureClass::CaseExpired {
                house.clock.set(AT + 3_600_000);
                house.host.expire_due().await.unwrap();
            }
            house
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_class_reaches_its_owner_with_the_record_that_tells_of_it() {
    let mut reached = Vec::new();
    for class in FailureClass::ALL.iter().copied() {
        let attempts = match class {
            FailureClass::DeliveryFailed => "attempts = 1\n",
            _ => "",
        };
        let (house, desk) = house(&format!("{attempts}{STANDING}")).await;
        let house = fail(class, house, &desk).await;
        let (group, path, queue) = match class {
            FailureClass::DeliveryFailed => ("postmasters", "letters", "letters"),
            FailureClass::Escalation => ("support", "notes", "refunds"),
            _ => ("support", "notes", "work"),
        };
        let item = only(&house.host, group, class).await;
        let delivery = over(&house.host, group, &item.id).await;
        assert_eq!(delivery.state, "delivered", "{class}: {delivery:?}");

        // The record says the same, and is the one that the item names.
        let record = item
            .record
            .clone()
            .unwrap_or_else(|| panic!("{class}: no record"));
        let filter = LogFilter {
            limit: Some(10_000),
            ..LogFilter::default()
        };
        let lines = house.host.log(&named("default"), filter).await.unwrap();
        let line = lines.iter().find(|line| Some(line.seq) == item.place);
        let line = line.unwrap_or_else(|| panic!("{class}: no place"));
        let names_item = line.facts["item"] == *item.id
            || line.facts["dead_letter"] == *item.id
            || class == FailureClass::Escalation && line.stage == "call.intent";
        assert!(names_item, "{class}: {line:?}");
        match class {
            // Told of the case; the item names its last run beside.
            FailureClass::CaseExpired | FailureClass::CaseFailed => {
                assert_eq!(line.facts["case"], *item.case, "{class}");
            }
            _ => assert_eq!(line.run.as_deref().unwrap_or_default(), item.run, "{class}"),
        }
        assert_eq!((item.queue.as_str(), item.state.as_str()), (queue, "open"));

        // And so does what arrived, once.
        let arrived: Vec<_> = notes(&desk, path)
            .into_iter()
            .filter(|note| note["item"] == *item.id)
            .collect();
        let owner = format!("group:{group}");
        let expected = json!({
            "item": item.id, "class": class.as_str(), "queue": queue, "owner": owner,
            "run": item.run, "record": record,
        });
        assert_eq!(arrived, [expected], "{class}");
        reached.push(class);
    }
    assert_eq!(reached, FailureClass::ALL);
}

/// A person who resolves it is in the journal with it, and the item ends.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_ended_by_its_owner_and_touches_no_run() {
    let (house, _desk) = house(STANDING).await;
    let report = end(&house, "unavailable").await;
    let item = only(&house.host, "support", FailureClass::Unavailable).await;
    assert_eq!(item.why, "as it was told");
    assert_eq!((&item.run, &*item.tool), (&report.run, "end"));
    let who = of("support");
    let resolve = house
        .host
        .resolve(&who, &item.id, Resolution::Done, "called them", None);
    assert_eq!(resolve.await.unwrap().state, RunState::Failed);
    let done = house
        .host
        .queue_item(&of("support"), &item.id)
        .await
        .unwrap();
    assert_eq!(done.resolution.as_deref(), Some("done"));
    assert_eq!(done.note.as_deref(), Some("called them"));
    let stages = house.stages(&report.run).await;
    assert!(
        stages.contains(&"handoff.resolved".to_owned()),
        "{stages:?}"
    );
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

/// What an operator calls nobody's is nowhere, and only that.
#[tokio::test(flavor = "multi_thread")]
async fn a_class_that_is_nobodys_makes_no_item() {
    let desk = Desk::open().await;
    let text = super::settings(STANDING).replacen("\"denied\", ", "", 1)
        + "[[queue]]\nnone = true\nclasses = [\"denied\"]\n";
    let house = House::with_settings(&text).await;
    house
        .install(&ending(&desk, ""), &component("tests/guests/ending"))
        .await;
    let denied = end(&house, "denied").await;
    assert_eq!(denied.state, RunState::Denied);
    end(&house, "conflict").await;
    let items = house.host.queue(&of("operators"), true).await.unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["conflict"]);
}
