//! An undo that stopped goes on later, from where it stopped, and never doubles.

use serde_json::json;
use tollgate_runtime::RunState;
use tollgate_tests::named;

use super::{edit_key, outcomes, planned, several, status, three, undo};
use crate::house::{House, agent};

#[tokio::test(flavor = "multi_thread")]
async fn after_a_conflict_is_settled_the_rest_is_taken_back_and_nothing_twice() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    let first = undo(&house, &run).await;
    assert_eq!(outcomes(&first), ["undone", "conflict", "not_reached"]);
    assert_eq!(status(&house).await, "'open'");
    // The attack on the person: work goes on, and the row gets the very value that
    // the run had left.
    house
        .sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    let still = undo(&house, &run).await;
    assert_eq!(outcomes(&still), ["undone", "conflict", "not_reached"]);
    assert_eq!(status(&house).await, "'paid'");
    // The person settles it.
    std::fs::write(house.path("data/box/n.txt"), "ours").unwrap();
    let by = first.undo_run.unwrap().run;
    let plan = planned(&house, &run, false).await;
    assert_eq!(outcomes(&plan), ["undone", "planned", "planned"]);
    assert_eq!(plan.steps[0].undone_by.as_deref(), Some(by.as_str()));
    let rest = undo(&house, &run).await;
    assert_eq!(
        (rest.outcome.as_str(), outcomes(&rest)),
        ("undone", vec!["undone"; 3])
    );
    assert_eq!(
        status(&house).await,
        "'paid'",
        "a person's edit was taken back"
    );
    assert_eq!(
        (house.file("n.txt"), house.kv("n").await),
        (None, "None".to_owned())
    );
    let report = house.host.run(&agent(), &run).await.unwrap();
    assert_eq!(report.state, RunState::Undone);
    assert_eq!(undo(&house, &run).await.outcome, "nothing");
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_stands_over_a_restart() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    undo(&house, &run).await;
    house
        .sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    let house = house.restart().await;
    let still = undo(&house, &run).await;
    assert_eq!(outcomes(&still), ["undone", "conflict", "not_reached"]);
    assert_eq!(status(&house).await, "'paid'");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_was_itself_taken_back_counts_no_more() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    let part = undo(&house, &run).await.undo_run.unwrap().run;
    assert_eq!(status(&house).await, "'open'");
    // The part that was done is done again by taking the undo back.
    let back = undo(&house, &part).await;
    assert_eq!(back.outcome, "undone", "{back:?}");
    assert_eq!(status(&house).await, "'paid'");
    std::fs::write(house.path("data/box/n.txt"), "ours").unwrap();
    let whole = undo(&house, &run).await;
    assert_eq!(
        (whole.outcome.as_str(), outcomes(&whole)),
        ("undone", vec!["undone"; 3])
    );
    assert_eq!(status(&house).await, "'open'");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_stops_it_in_the_middle_loses_no_account_of_what_was_done() {
    let house = House::hostile("", "").await;
    let run = three(&house).await.run;
    let denies =
        "[[rule]]\nname = \"files-stay\"\ncall = \"files.*\"\nundo = true\nthen = \"deny\"\n";
    let install = async |more: &str| {
        let manifest = crate::house::hostile_manifest("", more);
        house.install(&manifest, &crate::house::hostile()).await;
    };
    install(denies).await;
    let stopped = undo(&house, &run).await;
    assert_eq!(stopped.outcome, "failed", "{stopped:?}");
    assert_eq!(outcomes(&stopped), ["undone", "failed", "not_reached"]);
    assert_eq!(stopped.undo_run.unwrap().state, RunState::Denied);
    house
        .sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    install("").await;
    let rest = undo(&house, &run).await;
    assert_eq!(outcomes(&rest), ["undone"; 3]);
    assert_eq!(status(&house).await, "'paid'");
    assert_eq!(house.file("n.txt"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_back_stops_it_with_an_exact_account() {
    // A file that is too large to keep is irreversible, so a person was asked.
    let house = House::hostile("", crate::house::BOSS).await;
    house
        .sql("CREATE TABLE bare (id INTEGER PRIMARY KEY, v TEXT) WITHOUT ROWID; INSERT INTO bare VALUES (1, 'a')")
        .await;
    let grant = "[[grant.sql.orders.table]]\nname = \"bare\"\nread = [\"id\"]\nupdate = [\"v\"]\n";
    let manifest = crate::house::hostile_manifest("", &format!("{grant}{}", crate::house::BOSS));
    house.install(&manifest, &crate::house::hostile()).await;
    let writes = json!([
        {"key": "n", "text": "ours"},
        {"statement": "UPDATE bare SET v = 'b' WHERE id = 1"},
        {"path": "n.txt", "text": "ours"},
    ]);
    let report = house.call("several", json!({"writes": writes})).await;
    let approval = report.pending.unwrap().approval;
    let mira = crate::house::mira();
    let card = house.host.card(&mira, &approval).await.unwrap();
    let done = house
        .host
        .approve(&mira, &approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(done.state, RunState::Done, "{done:?}");
    let plan = planned(&house, &done.run, false).await;
    assert_eq!(
        outcomes(&plan),
        ["planned", "irreversible", "not_reached"],
        "{plan:?}"
    );
    assert_eq!(plan.outcome, "irreversible");
    let undone = undo(&house, &done.run).await;
    assert_eq!(outcomes(&undone), ["undone", "irreversible", "not_reached"]);
    assert_eq!(undone.outcome, "irreversible");
    assert_eq!(house.file("n.txt"), None);
    assert_ne!(house.kv("n").await, "None");
    // Nothing more can be done, and nothing is.
    let again = undo(&house, &done.run).await;
    assert_eq!(outcomes(&again), ["undone", "irreversible", "not_reached"]);
    assert!(again.undo_run.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_somebody_set_again_to_the_same_is_theirs() {
    let house = House::hostile("", "").await;
    let run = several(&house, json!([{"key": "n", "text": "ours"}]))
        .await
        .run;
    edit_key(&house, "n", "ours").await;
    assert_eq!(undo(&house, &run).await.outcome, "conflict");
}
