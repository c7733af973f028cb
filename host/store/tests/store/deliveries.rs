//! What is sent of items to where their owners look: tried by one host at a time,
//! by the store's clock, and its end told once.

use tollgate_store::{Change, DeliveryRow, DeliveryState, Rejected, Tried};

use crate::support::{Bench, NOW, named, on_each_store};

fn delivery(item: &str, name: &str) -> DeliveryRow {
    DeliveryRow {
        tenant: named("acme"),
        item: item.into(),
        name: name.into(),
        state: DeliveryState::Pending,
        attempts: 0,
        // Hostile: the store gives its own time.
        due_ms: NOW + 1_000_000,
        claimed_by: None,
        claimed_until_ms: 0,
        run: None,
    }
}

fn put(item: &str, name: &str) -> Change {
    Change::PutDelivery(Box::new(delivery(item, name)))
}

fn claim(attempts: u32, owner: &str) -> Change {
    Change::ClaimDelivery {
        item: "i1".into(),
        name: "ops/chat".into(),
        attempts,
        owner: owner.into(),
        for_ms: 100,
    }
}

fn settle(attempts: u32, tried: Tried, run: Option<&str>) -> Change {
    Change::SettleDelivery {
        item: "i1".into(),
        name: "ops/chat".into(),
        attempts,
        tried,
        run: run.map(str::to_owned),
    }
}

fn taken() -> Rejected {
    Rejected::DeliveryTaken {
        item: "i1".into(),
        name: "ops/chat".into(),
    }
}

async fn due(bench: &Bench) -> Vec<String> {
    let rows = bench.store.due_deliveries(9).await.unwrap();
    rows.into_iter().map(|row| row.item).collect()
}

async fn of_two_hosts_that_find_it_due_one_tries_it(bench: Bench) {
    bench.change(put("i1", "ops/chat")).await.unwrap();
    assert_eq!(due(&bench).await, ["i1"]);
    let (one, two) = tokio::join!(
        bench.change(claim(0, "host-1")),
        bench.change(claim(0, "host-2"))
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1);
    assert!(due(&bench).await.is_empty());
    // A host that died lets go of it when its time is over, and not before.
    bench.clock.set(NOW + 100);
    assert_eq!(bench.refused(claim(0, "host-3")).await, taken());
    bench.clock.set(NOW + 101);
    assert_eq!(due(&bench).await, ["i1"]);
    bench.change(claim(0, "host-3")).await.unwrap();
}

async fn a_try_ends_once_and_the_next_one_waits_by_the_stores_clock(bench: Bench) {
    bench.change(put("i1", "ops/chat")).await.unwrap();
    bench.change(claim(0, "host-1")).await.unwrap();
    let again = Tried::Again { after_ms: 500 };
    bench.change(settle(0, again, Some("run-1"))).await.unwrap();
    // The slower host of two that tried the same says nothing any more.
    let late = bench.refused(settle(0, Tried::Dead, None)).await;
    assert_eq!(late, taken());
    assert!(due(&bench).await.is_empty());
    assert_eq!(bench.refused(claim(1, "host-1")).await, taken());
    bench.clock.set(NOW + 500);
    assert_eq!(due(&bench).await, ["i1"]);
    assert_eq!(bench.refused(claim(0, "host-1")).await, taken());
    bench.change(claim(1, "host-1")).await.unwrap();
    let waits = Tried::Waits { after_ms: 10 };
    bench.change(settle(1, waits, None)).await.unwrap();
    bench.clock.set(NOW + 510);
    bench.change(claim(1, "host-1")).await.unwrap();
    let delivered = settle(1, Tried::Delivered, Some("run-2"));
    bench.change(delivered).await.unwrap();
    let rows = bench.store.deliveries(&named("acme"), &["i1".into()]).await;
    let row = rows.unwrap().remove(0);
    assert_eq!((row.state, row.attempts), (DeliveryState::Delivered, 2));
    assert_eq!((row.run.as_deref(), row.claimed_by), (Some("run-2"), None));
    // What is not needed was no try, and is not due any more.
    bench.change(put("i1", "ops/mail")).await.unwrap();
    bench
        .change(Change::SettleDelivery {
            item: "i1".into(),
            name: "ops/mail".into(),
            attempts: 0,
            tried: Tried::NotNeeded,
            run: None,
        })
        .await
        .unwrap();
    let rows = bench.store.deliveries(&named("acme"), &["i1".into()]).await;
    let row = rows.unwrap().pop().unwrap();
    assert_eq!((row.state, row.attempts), (DeliveryState::NotNeeded, 0));
    // Put once more by a host that repeats its last step, it stays delivered.
    bench.change(put("i1", "ops/chat")).await.unwrap();
    assert!(due(&bench).await.is_empty());
}

async fn deliveries_are_a_tenants_own_and_begin_at_the_beginning(bench: Bench) {
    for (item, name) in [("i2", "ops/mail"), ("i1", "ops/chat"), ("i1", "ops/a")] {
        bench.change(put(item, name)).await.unwrap();
    }
    let items = ["i1".to_owned(), "i9".to_owned()];
    let names = async |tenant: &str| -> Vec<String> {
        let tenant = named(tenant);
        let rows = bench.store.deliveries(&tenant, &items).await.unwrap();
        rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(names("acme").await, ["ops/a", "ops/chat"]);
    assert!(names("other").await.is_empty());
    let foreign = DeliveryRow {
        tenant: named("other"),
        ..delivery("i3", "ops/chat")
    };
    let born = DeliveryRow {
        state: DeliveryState::Delivered,
        ..delivery("i3", "ops/chat")
    };
    for row in [foreign, born] {
        let put = Change::PutDelivery(Box::new(row));
        assert!(bench.change(put).await.is_err());
    }
}

on_each_store! {
    of_two_hosts_that_find_it_due_one_tries_it,
    a_try_ends_once_and_the_next_one_waits_by_the_stores_clock,
    deliveries_are_a_tenants_own_and_begin_at_the_beginning,
}
