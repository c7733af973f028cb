//! The attack: an agent fails a thousand times, and what matters drowns in its items.

use serde_json::json;
use tollgate_policy::queue::FailureClass;
use tollgate_runtime::{LogFilter, QueueItem, Resolution, RunState, Tenant, ToolCall};

use super::{STANDING, end, house, notes, of, only, over};
use crate::house::{House, agent, call};

async fn items(house: &House, class: FailureClass) -> Vec<QueueItem> {
    let items = house.host.queue(&of("support"), false).await.unwrap();
    let of_class = items.into_iter().filter(|item| item.kind == class.as_str());
    of_class.collect()
}

/// Each in a case of another name, which costs the agent nothing.
async fn denied(house: &House, number: u32) {
    let denied = ToolCall {
        case: Some(format!("case-{number}")),
        ..call("ending", "end", json!({ "how": "denied" }))
    };
    let report = house.host.call(&agent(), denied).await.unwrap();
    assert_eq!(report.state, RunState::Denied, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn denials_of_the_same_are_one_item_with_a_count() {
    let (house, desk) = house(STANDING).await;
    for number in 0..60 {
        denied(&house, number).await;
    }
    end(&house, "not_found").await;
    let item = only(&house.host, "support", FailureClass::Denied).await;
    assert_eq!((item.times, item.overflow), (60, false));
    assert!(item.why.contains("60 times"), "{}", item.why);
    // Another class is other work.
    let other = only(&house.host, "support", FailureClass::NotFound).await;
    assert_eq!(other.times, 1);
    // The owner hears of it once.
    over(&house.host, "support", &item.id).await;
    over(&house.host, "support", &other.id).await;
    house.host.deliver_due().await.unwrap();
    let arrived = notes(&desk, "notes").into_iter();
    assert_eq!(arrived.filter(|note| note["item"] == *item.id).count(), 1);
    // Each run says where it is counted.
    let filter = LogFilter {
        limit: Some(10_000),
        ..LogFilter::default()
    };
    let lines = house.host.log(&Tenant::default(), filter).await.unwrap();
    let named = lines
        .iter()
        .filter(|line| line.stage == "run.closed" && line.facts["item"] == *item.id);
    assert_eq!(named.count(), 60);
    // What comes after somebody looked is new.
    let who = of("support");
    let seen = house
        .host
        .resolve(&who, &item.id, Resolution::Done, "told the agent", None);
    seen.await.unwrap();
    denied(&house, 60).await;
    let next = only(&house.host, "support", FailureClass::Denied).await;
    assert_eq!(next.times, 1);
    assert_ne!(next.id, item.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_as_many_open_items_as_people_can_see_and_one_for_the_rest() {
    let (house, _desk) = house(STANDING).await;
    let house = house
        .reopened(|options| options.queues.open_max = Some(3))
        .await;
    for _ in 0..7 {
        end(&house, "conflict").await;
    }
    // The class that nobody can bring about at will has its own place for the rest.
    end(&house, "failed").await;
    let conflicts = items(&house, FailureClass::Conflict).await;
    let (rest, own): (Vec<_>, Vec<_>) = conflicts.into_iter().partition(|item| item.overflow);
    assert_eq!((own.len(), rest.len()), (3, 1));
    assert_eq!(rest[0].times, 4);
    assert!(rest[0].why.contains("no room"), "{}", rest[0].why);
    assert!(rest[0].record.is_some());
    let failed = only(&house.host, "support", FailureClass::Failed).await;
    assert!(failed.overflow);
    // Somebody works them off: the next one has room again.
    let who = of("support");
    for item in own.iter().chain(&rest) {
        let settled = house
            .host
            .resolve(&who, &item.id, Resolution::Done, "seen", None);
        settled.await.unwrap();
    }
    end(&house, "conflict").await;
    let next = only(&house.host, "support", FailureClass::Conflict).await;
    assert!(!next.overflow);
    assert_eq!(
        house.host.verify(&Tenant::default()).await.unwrap().problem,
        None
    );
}
