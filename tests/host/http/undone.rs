//! Taking a write back: exactly, or not at all; and nobody's edit is lost.

use serde_json::json;
use tollgate_runtime::RunState;

use super::{Fault, ROWS, ask, came, manifest, opened, run};
use crate::house::{agent, mira, output};

fn patch(content: serde_json::Value) -> serde_json::Value {
    ask("PATCH", &["tickets", "1"], json!({"json": content}))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_patch_replaced_is_put_back_and_other_edits_stay() {
    let (house, desk) = opened("", ROWS).await;
    let before = desk.ticket(1).unwrap();
    let change = patch(json!({"status": "closed", "custom": {"tier": 2}}));
    let report = run(&house, "change", change).await;
    assert_eq!(output(report.clone())["status"], 200);
    assert_eq!(
        desk.ticket(1).unwrap()["custom"],
        json!({"tier": 2, "vip": true})
    );
    let lines = [
        "GET /api/tickets/1",
        "PATCH /api/tickets/1",
        "GET /api/tickets/1",
    ];
    assert_eq!(desk.lines(), lines);
    desk.edit(1, "subject", json!("scanner"));
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "undone", "{undo:?}");
    let mut after = before;
    after["subject"] = json!("scanner");
    assert_eq!(desk.ticket(1).unwrap(), after);
    let undo_run = undo.undo_run.unwrap().run;
    assert!(
        house
            .stages(&undo_run)
            .await
            .contains(&"call.intent".to_owned())
    );
    let again = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(again.outcome, "nothing");
    assert_eq!(desk.effects(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_since_is_a_conflict_with_three_values() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(
        &house,
        "change",
        patch(json!({"status": "closed", "subject": "x"})),
    )
    .await;
    desk.edit(1, "status", json!("escalated"));
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "conflict", "{undo:?}");
    let conflict = undo.steps[0].conflict.as_ref().unwrap();
    assert_eq!(
        conflict.before["members"],
        json!({"status": "open", "subject": "printer"})
    );
    assert_eq!(
        conflict.written["members"],
        json!({"status": "closed", "subject": "x"})
    );
    assert_eq!(
        conflict.now["members"],
        json!({"status": "escalated", "subject": "x"})
    );
    assert_eq!(desk.ticket(1).unwrap()["status"], "escalated");
    assert_eq!(desk.effects(), 1);
}

/// The attack: what is to be carried out stands in the path of a write that a person
/// would refuse, and the host's own look before it has sent it already.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_looked_at_before_a_person_where_the_tool_may_not_read_it() {
    let free = ROWS.replace("{id:int}", "{id:text}");
    let deny = "[[rule]]\nname = \"no-reads\"\ntool = \"change\"\ncall = \"http.send\"\nwhen = { \"args.method\" = { eq = \"GET\" } }\nthen = \"deny\"\n";
    for rows in [free, format!("{ROWS}\n{deny}")] {
        let (house, desk) = opened("", &rows).await;
        let report = run(&house, "change", patch(json!({"status": "closed"}))).await;
        assert_eq!(report.state, RunState::Held, "{report:?}");
        assert_eq!((desk.lines().len(), desk.connections()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_be_put_back_asks_a_person() {
    let (house, desk) = opened("", ROWS).await;
    for input in [
        patch(json!({"status": "closed", "unknown": 1})),
        patch(json!([{"op": "replace", "path": "/status", "value": "closed"}])),
        ask(
            "PATCH",
            &["tickets", "99"],
            json!({"json": {"status": "closed"}}),
        ),
        ask(
            "PATCH",
            &["tickets", "1"],
            json!({"text": ["text/plain", "closed"]}),
        ),
    ] {
        let report = run(&house, "change", input.clone()).await;
        assert_eq!(report.state, RunState::Held, "{input}: {report:?}");
    }
    assert_eq!(desk.effects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_refused_needs_no_undo() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(&house, "change", patch(json!({"status": "refused"}))).await;
    assert_eq!(output(report.clone())["status"], 422);
    desk.order([
        Fault::Nothing,
        Fault::Answers(500, Vec::new(), String::new()),
    ]);
    let failed = run(&house, "change", patch(json!({"status": "closed"}))).await;
    assert_eq!(output(failed.clone())["status"], 500);
    for run in [&report.run, &failed.run] {
        let undo = house.host.undo(&agent(), run, false).await.unwrap();
        assert_eq!(undo.outcome, "nothing", "{undo:?}");
    }
    assert_eq!(desk.effects(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inverse_that_the_operator_accepted_takes_a_write_back() {
    let (house, desk) = opened("", ROWS).await;
    let back = ask("DELETE", &["tickets", "3"], json!({}));
    let create = ask(
        "POST",
        &["tickets"],
        json!({"json": {"subject": "new"}, "back": back}),
    );
    let report = run(&house, "create", create).await;
    assert_eq!(output(report.clone())["status"], 201);
    let lines = house.log(&report.run).await;
    let intent = lines
        .iter()
        .find(|line| line.stage == "call.intent")
        .unwrap();
    assert_eq!(intent.facts["effect"], "write");
    assert!(desk.ticket(3).is_some());
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "undone", "{undo:?}");
    assert!(desk.ticket(3).is_none());
    assert_eq!(desk.lines(), ["POST /api/tickets", "DELETE /api/tickets/3"]);
}

/// The operator accepted an inverse for the row; the connector's tool has none.
#[tokio::test(flavor = "multi_thread")]
async fn a_connector_without_an_inverse_does_not_get_the_class_of_one_that_has_it() {
    let (house, desk) = opened("", ROWS).await;
    let create = ask("POST", &["tickets"], json!({"json": {"subject": "new"}}));
    let report = run(&house, "change", create).await;
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = report.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    assert_eq!(card.effect.as_str(), "irreversible");
    assert_eq!(desk.lines(), Vec::<String>::new());
}

/// It declares one, and then returns none: nobody claims that it was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn an_inverse_that_was_declared_and_not_returned_is_no_undo() {
    let (house, desk) = opened("", ROWS).await;
    let create = ask("POST", &["tickets"], json!({"json": {"subject": "new"}}));
    let report = run(&house, "create", create).await;
    assert_eq!(report.state, RunState::Done);
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "irreversible", "{undo:?}");
    assert!(desk.ticket(3).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_row_refuses_a_blind_write_and_binds_the_restore_too() {
    let rows = ROWS.replace(
        "undo = \"restore\"",
        "undo = \"restore\"\nconditional = true",
    );
    let (house, desk) = opened("headers = [\"if-match\"]", &rows).await;
    let blind = came(&house, "change", patch(json!({"status": "closed"}))).await;
    assert!(
        blind["error"].as_str().unwrap().contains("if-match"),
        "{blind}"
    );
    let change = |tag: &str| {
        let mut change = patch(json!({"status": "closed"}));
        change["headers"] = json!({"if-match": tag});
        change
    };
    let stale = came(&house, "change", change("\"v0\"")).await;
    assert_eq!(stale["status"], 412);
    let report = run(&house, "change", change("\"v1\"")).await;
    assert_eq!(output(report.clone())["status"], 200);
    // Another member is edited: the restore is bound to what is there now.
    desk.edit(1, "subject", json!("scanner"));
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "undone", "{undo:?}");
    let patches: Vec<_> = desk
        .seen()
        .into_iter()
        .filter(|seen| seen.method == "PATCH")
        .collect();
    assert_eq!(patches.last().unwrap().headers["if-match"], "\"v3\"");
    assert_eq!(desk.ticket(1).unwrap()["status"], "open");
}

/// The attack, or the accident: somebody edits between the write and the look after
/// it. The edit is not the write's, so the undo must not overwrite it.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_right_after_the_write_is_not_taken_for_the_write() {
    let (house, desk) = opened("", ROWS).await;
    desk.order([Fault::Nothing, Fault::ThenEdited(1, "escalated")]);
    let report = run(&house, "change", patch(json!({"status": "closed"}))).await;
    assert_eq!(output(report.clone())["status"], 200);
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "conflict", "{undo:?}");
    let conflict = undo.steps[0].conflict.as_ref().unwrap();
    assert_eq!(conflict.written["members"], json!({"status": "closed"}));
    assert_eq!(conflict.now["members"], json!({"status": "escalated"}));
    assert_eq!(desk.ticket(1).unwrap()["status"], "escalated");
}

/// The same between the undo's look and its write: the version that was seen goes
/// with it, though the row asks for no condition.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_between_the_undos_look_and_its_write_stays() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(&house, "change", patch(json!({"status": "closed"}))).await;
    desk.order([Fault::ThenEdited(1, "escalated")]);
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undo.outcome, "conflict", "{undo:?}");
    let sent = desk.seen().into_iter().rfind(|seen| seen.method == "PATCH");
    assert_eq!(sent.unwrap().headers["if-match"], "\"v2\"");
    assert_eq!(desk.ticket(1).unwrap()["status"], "escalated");
}

/// The undo's look is a request like any other: what the rules in force deny is not
/// sent, and nothing is put back unseen.
#[tokio::test(flavor = "multi_thread")]
async fn an_undo_does_not_look_where_the_rules_deny_it() {
    let (house, desk) = opened("", ROWS).await;
    let report = run(&house, "change", patch(json!({"status": "closed"}))).await;
    let sent = desk.lines().len();
    let narrower = manifest(&desk, "", ROWS)
        + "\n[[rule]]\nname = \"unread\"\ntool = \"*\"\ncall = \"http.send\"\nthen = \"deny\"\n";
    let guest = tollgate_tests::component("tests/guests/caller");
    house.install(&narrower, &guest).await;
    let undo = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_ne!(undo.outcome, "undone", "{undo:?}");
    assert_eq!(desk.lines().len(), sent, "nothing was sent");
    assert_eq!(desk.ticket(1).unwrap()["status"], "closed");
}
