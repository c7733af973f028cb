//! Another version of a workflow is a step that was read and is recorded.

use tollgate_runtime::{CallError, Host, HostOptions, Role, WorkflowError};
use tollgate_tests::named;

use super::{COUNTING, counting, key};
use crate::house::{House, agent, options};

#[tokio::test(flavor = "multi_thread")]
async fn a_step_is_shown_before_it_is_taken_and_recorded_with_its_file() {
    let house = House::hostile("", "").await;
    let supervised = counting("mode = \"normal\"", "mode = \"supervised\"");
    let first = house.host.plan_workflow("w", &supervised).await.unwrap();
    assert!(first.widens() && first.replaces.is_none());
    assert!(
        house
            .host
            .workflows(&named("default"))
            .await
            .unwrap()
            .is_empty()
    );
    house.workflow(&supervised).await;
    let wider = COUNTING.replace("\"panics\"", "\"panics\", \"spinn\"");
    let plan = house.workflow(&wider).await;
    let told: Vec<_> = plan
        .changes
        .iter()
        .map(|change| format!("{} {}", change.widens, change.what))
        .collect();
    assert_eq!(
        told,
        [
            "wider tool added: hostile.spinn",
            "wider mode: supervised -> normal"
        ]
    );
    assert_eq!(plan.missing, ["hostile.spinn (did you mean hostile.spin?)"]);
    assert_eq!(plan.replaces, first.digest);
    let records = house.records_of("workflow.changed").await;
    let [installed, replaced] = records.as_slice() else {
        panic!("{records:?}")
    };
    assert_eq!(installed.facts["change"], "installed");
    assert_eq!(installed.principal, "ops");
    assert_eq!(installed.values["file"], supervised.as_str());
    assert_eq!(replaced.facts["change"], "replaced");
    assert_eq!(replaced.facts["wider"], 2);
    assert_eq!(
        replaced.facts["workflow_digest"],
        plan.digest.clone().unwrap()
    );
    assert_eq!(replaced.facts["replaces"], first.digest.unwrap());
    // The very same file is no step.
    assert!(house.workflow(&wider).await.changes.is_empty());
}

/// The attack: an operator takes a workflow away, and its agents get every tool of
/// the tenant.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_out_of_the_last_workflow_in_passing() {
    let house = House::with_workflow(COUNTING).await;
    let removed = house
        .host
        .remove_workflow(&named("default"), "counting", "ops", false)
        .await;
    let Err(WorkflowError::Unbinds(agents)) = removed else {
        panic!("{removed:?}")
    };
    assert_eq!(agents, ["agent-7"]);
    let without = counting("agents = [\"agent-7\"]", "agents = [\"agent-9\"]");
    let refused = house.try_workflow(&without, false).await;
    assert!(
        matches!(refused, Err(WorkflowError::Unbinds(_))),
        "{refused:?}"
    );
    // One that is in another workflow is not let out.
    house
        .workflow(&counting("name = \"counting\"", "name = \"other\""))
        .await;
    house.workflow(&without).await;
    let removed = house
        .host
        .remove_workflow(&named("default"), "other", "ops", true)
        .await;
    assert_eq!(removed.unwrap().unbinds, ["agent-7"]);
    let gone = house
        .host
        .remove_workflow(&named("default"), "othe", "ops", true)
        .await;
    let Err(WorkflowError::Unknown { suggestion, .. }) = gone else {
        panic!("{gone:?}")
    };
    assert_eq!(suggestion, None);
}

/// Another process installs it: it binds here within a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_another_process_installs_binds_here() {
    let house = House::hostile("", "").await;
    let free = house.call("surroundings", serde_json::json!({})).await;
    assert_eq!(free.state, tollgate_runtime::RunState::Done);
    let operator = HostOptions {
        role: Role::Operate,
        ..options(house.home.path(), &house.clock)
    };
    let other = Host::open(operator).await.unwrap();
    let installed = other.install_workflow("w", COUNTING, "ops", false).await;
    installed.unwrap();
    other.shutdown().await;
    let bound = async {
        loop {
            let call = crate::house::call("hostile", "surroundings", serde_json::json!({}));
            match house.by(agent(), call).await {
                Err(CallError::UnknownTool { .. }) => return,
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let minute = std::time::Duration::from_secs(60);
    tokio::time::timeout(minute, bound).await.unwrap();
    house.in_case("c-1", "increment", key("n")).await.unwrap();
    // And after a restart from the first call on.
    let house = house.restart().await;
    let tools = house.host.tools(&agent());
    assert_eq!(tools.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_mistake_changes_nothing() {
    let house = House::with_workflow(COUNTING).await;
    let wrong = counting("mode = \"normal\"", "mode = \"norml\"");
    let refused = house
        .try_workflow(&wrong, false)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("workflow.toml:9:8"), "{refused}");
    assert!(refused.contains("did you mean `normal`?"), "{refused}");
    assert_eq!(house.records_of("workflow.changed").await.len(), 1);
}
