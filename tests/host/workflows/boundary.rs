//! What is outside of its workflows does not exist for an agent.

use serde_json::json;
use tollgate_runtime::{CallError, RunState, ToolCall};

use tollgate_tests::named;

use super::{COUNTING, counting, key, of_case, other_agent};
use crate::house::{House, agent, asks_for, call, failure, mira, output};

fn names(house: &House, who: &tollgate_runtime::Principal) -> Vec<String> {
    let tools = house.host.tools(who).into_iter();
    tools.map(|tool| tool.name).collect()
}

fn unknown(error: CallError) -> (String, Option<String>) {
    let CallError::UnknownTool { name, suggestion } = error else {
        panic!("not unknown: {error:?}")
    };
    (name, suggestion)
}

/// The attack: an agent finds out by the words of a refusal, or by a suggestion, what
/// else there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_outside_is_one_that_there_is_not() {
    let house = House::with_workflow(COUNTING).await;
    let mut seen = names(&house, &agent());
    seen.sort();
    assert_eq!(seen, ["echo", "increment", "panics", "send", "try_kv"]);
    assert!(names(&house, &mira()).len() > 20);
    let there = house.by(agent(), call("hostile", "surroundings", json!({})));
    let there = unknown(there.await.unwrap_err());
    let not_there = house.by(agent(), call("hostile", "surrounding5", json!({})));
    let not_there = unknown(not_there.await.unwrap_err());
    assert_eq!(there, ("hostile.surroundings".to_owned(), not_there.1));
    // Nothing outside is suggested: `incremen` is near to one inside.
    let near = house.by(agent(), call("hostile", "incremen", key("n")));
    let near = unknown(near.await.unwrap_err());
    assert_eq!(near.1.as_deref(), Some("hostile.increment"));
    let hidden = house.by(agent(), call("hostile", "read_write_rea", key("n")));
    let offered = unknown(hidden.await.unwrap_err()).1.unwrap_or_default();
    assert!(!offered.contains("read_write"), "{offered}");
    // Inside it works, also where no workflow is named: there is but one.
    let report = house.by(agent(), call("hostile", "increment", key("n")));
    assert_eq!(output(report.await.unwrap()), json!({"count": 1}));
    assert_eq!(house.records_of("run.opened").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_in_no_list_is_bound_by_manifests_alone_and_gets_into_no_workflow() {
    let house = House::with_workflow(COUNTING).await;
    let free = house.by(other_agent(), call("hostile", "surroundings", json!({})));
    assert_eq!(free.await.unwrap().state, RunState::Done);
    let named = ToolCall {
        workflow: Some("counting".to_owned()),
        ..call("hostile", "increment", key("n"))
    };
    let refused = house.by(other_agent(), named).await.unwrap_err();
    assert!(
        matches!(
            &refused,
            CallError::UnknownWorkflow {
                suggestion: None,
                ..
            }
        ),
        "{refused:?}"
    );
    // Nor by naming its case.
    house.in_case("c-1", "increment", key("n")).await.unwrap();
    let into = house.by(other_agent(), of_case("c-1", "increment", key("n")));
    let refused = into.await.unwrap_err();
    assert!(
        matches!(refused, CallError::UnknownWorkflow { .. }),
        "{refused:?}"
    );
    assert_eq!(house.case("c-1").await.runs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_in_two_says_in_which_and_each_has_its_own_tools() {
    let house = House::with_workflow(COUNTING).await;
    let reading = counting("name = \"counting\"", "name = \"reading\"");
    let tools = "hostile = [\"echo\", \"increment\", \"send\", \"try_kv\", \"panics\"]";
    house
        .workflow(&reading.replace(tools, "hostile = [\"echo\"]"))
        .await;
    let call_in = |workflow: Option<&str>, tool: &str| ToolCall {
        workflow: workflow.map(str::to_owned),
        ..call("hostile", tool, json!({"key": "n", "value": 1}))
    };
    let refused = house.by(agent(), call_in(None, "echo")).await;
    let Err(CallError::InvalidInput { message, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert!(message.contains("`counting`, `reading`"), "{message}");
    let refused = house.by(agent(), call_in(Some("readin"), "echo")).await;
    let Err(CallError::UnknownWorkflow { suggestion, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(suggestion.as_deref(), Some("reading"));
    // Seen, because the other workflow has it, and not there in this one.
    let refused = house.by(agent(), call_in(Some("reading"), "increment"));
    unknown(refused.await.unwrap_err());
    house
        .in_case("c-1", "increment", key("n"))
        .await
        .unwrap_err();
    let first = ToolCall {
        case: Some("c-1".to_owned()),
        workflow: Some("counting".to_owned()),
        ..call("hostile", "increment", key("n"))
    };
    house.by(agent(), first).await.unwrap();
    // From then on the case says it; and another workflow cannot take it over.
    house.in_case("c-1", "increment", key("m")).await.unwrap();
    let over = ToolCall {
        case: Some("c-1".to_owned()),
        ..call_in(Some("reading"), "echo")
    };
    let refused = house.by(agent(), over).await;
    assert!(
        matches!(refused, Err(CallError::NotAllowed(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_grants_nothing_that_the_manifest_does_not() {
    let no =
        "[[rule]]\nname = \"no\"\ntool = \"increment\"\nthen = \"deny\"\nreason = \"not here\"\n";
    let house = House::hostile("", no).await;
    house.workflow(COUNTING).await;
    let report = house.in_case("c-1", "increment", key("n")).await.unwrap();
    assert_eq!(report.state, RunState::Denied);
    assert_eq!(failure(&report), ("denied".into(), "not here".into()));
    assert_eq!(house.case("c-1").await.denials, 1);
}

/// The attack: a call is held, the operator takes its tool out, and then it is
/// approved.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_held_is_not_made_where_its_tool_or_its_workflow_is_gone() {
    for gone in ["tool", "workflow"] {
        let house = House::hostile("", &asks_for("increment")).await;
        house.workflow(COUNTING).await;
        let held = house.in_case("c-1", "increment", key("n")).await.unwrap();
        assert_eq!(held.state, RunState::Held);
        match gone {
            "tool" => {
                house.workflow(&counting("\"increment\", ", "")).await;
            }
            _ => {
                let (host, tenant) = (&house.host, named("default"));
                let removed = host.remove_workflow(&tenant, "counting", "ops", true);
                removed.await.unwrap();
            }
        }
        let card = house.host.cards(&mira(), false).await.unwrap().remove(0);
        let after = house
            .host
            .approve(&mira(), &card.approval, &card.digest)
            .await;
        let after = after.unwrap();
        assert_eq!(after.state, RunState::Denied, "{after:?}");
        assert!(failure(&after).1.contains("any more"), "{after:?}");
        let kv = json!({"verb": "get", "store": "scratch", "key": "n"});
        let left = house.by(other_agent(), call("hostile", "try_kv", kv)).await;
        assert_eq!(output(left.unwrap())["answer"], "None");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_says_what_started_it_why_and_in_which_workflow() {
    let house = House::with_workflow(COUNTING).await;
    let said = ToolCall {
        trigger: Some("ticket 93".to_owned()),
        reason: Some("the customer asked".to_owned()),
        ..of_case("c-1", "increment", key("n"))
    };
    let report = house.by(agent(), said).await.unwrap();
    let lines = house.log(&report.run).await;
    let opened = lines
        .iter()
        .find(|line| line.stage == "run.opened")
        .unwrap();
    assert_eq!(opened.workflow.as_deref(), Some("counting"));
    assert_eq!(
        (opened.case.as_str(), opened.principal.as_str()),
        ("c-1", "agent-7")
    );
    assert_eq!(opened.values["trigger"], "ticket 93");
    assert_eq!(opened.values["reason"], "the customer asked");
    assert_eq!(opened.values["input"], key("n"));
    let calls = lines.iter().filter(|line| line.stage.starts_with("call."));
    assert!(calls.count() >= 2, "{lines:?}");
    let closed = lines
        .iter()
        .find(|line| line.stage == "run.closed")
        .unwrap();
    assert_eq!(closed.values["output"], json!({"count": 1}));
    let case = house.records_of("case.opened").await.remove(0);
    assert_eq!(case.facts["workflow"], "counting");
    assert_eq!(case.facts["started_by"], "agent");
    assert_eq!(case.facts["opened_by"], "agent-7");
    let digest = house
        .host
        .workflow(&named("default"), "counting")
        .await
        .unwrap()
        .digest;
    assert_eq!(case.facts["workflow_digest"], digest.as_str());
}
