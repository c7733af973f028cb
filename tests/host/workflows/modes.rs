//! Judged and not done, held for the owner, or as the rules say.

use serde_json::json;
use tollgate_runtime::RunState;
use tollgate_tests::named;

use super::{COUNTING, counting, key, other_agent};
use crate::house::{House, asks_for, call, failure, mira, output};

async fn count(house: &House) -> serde_json::Value {
    let kv = json!({"verb": "get", "store": "scratch", "key": "n"});
    let found = house.by(other_agent(), call("hostile", "try_kv", kv));
    output(found.await.unwrap())["answer"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_a_write_is_judged_and_not_done_and_a_read_is() {
    let house = House::hostile("", &asks_for("send")).await;
    house
        .workflow(&counting("mode = \"normal\"", "mode = \"shadow\""))
        .await;
    let read = house
        .in_case("c-1", "echo", json!({"value": 7}))
        .await
        .unwrap();
    assert_eq!(output(read)["value"], 7);
    let report = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(report.state, RunState::Denied);
    let (kind, message) = failure(&report);
    assert_eq!(kind, "shadow");
    assert_eq!(
        message,
        "not done; `kv.set` on `scratch` would have been made"
    );
    assert_eq!(count(&house).await, "None");
    let note = json!({"key": "n", "path": "a.txt", "text": "hello"});
    let held = house.in_case("c-1", "send", note).await.unwrap();
    let (kind, message) = failure(&held);
    assert_eq!(kind, "shadow");
    assert!(
        message.contains("would have been held for `boss`"),
        "{message}"
    );
    assert_eq!(house.file("a.txt"), None);
    assert!(house.host.cards(&mira(), true).await.unwrap().is_empty());
    for (run, would) in [(&report.run, "allow"), (&held.run, "require")] {
        let lines = house.log(run).await;
        let closed = lines
            .iter()
            .find(|line| line.stage == "run.closed")
            .unwrap();
        assert_eq!(closed.facts["shadow"], would);
        assert!(
            lines.iter().all(|line| line.stage != "call.intent"),
            "{lines:?}"
        );
        // It is the same again from its records.
        let replayed = house.host.replay(&named("default"), run).await.unwrap();
        assert!(replayed.identical, "{replayed:?}");
    }
    // What was only judged is nobody's denial.
    let case = house.case("c-1").await;
    assert_eq!((case.runs, case.done, case.denials), (3, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_a_no_is_a_no() {
    let no = "[[rule]]\nname = \"no\"\ncall = \"kv.set\"\nthen = \"deny\"\nreason = \"not here\"\n";
    let house = House::hostile("", no).await;
    house
        .workflow(&counting("mode = \"normal\"", "mode = \"shadow\""))
        .await;
    let report = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(report.state, RunState::Denied, "{report:?}");
    assert_eq!(failure(&report).0, "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_supervision_the_owner_holds_what_the_rules_allow() {
    let house = House::hostile("", "").await;
    house
        .workflow(&counting("mode = \"normal\"", "mode = \"supervised\""))
        .await;
    let read = house
        .in_case("c-1", "echo", json!({"value": 7}))
        .await
        .unwrap();
    assert_eq!(read.state, RunState::Done);
    let held = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(held.state, RunState::Held);
    assert_eq!(held.pending.unwrap().approvers, ["group:boss"]);
    assert_eq!(count(&house).await, "None");
    let card = house.host.cards(&mira(), false).await.unwrap().remove(0);
    assert_eq!(card.rule, "supervised");
    let done = house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await;
    assert_eq!(output(done.unwrap()), json!({"count": 1}));
    assert_ne!(count(&house).await, "None");
    // The next step is another file, and only then the rules alone decide.
    house.workflow(COUNTING).await;
    let done = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(output(done), json!({"count": 2}));
}
