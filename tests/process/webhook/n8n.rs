//! n8n on the other side: the two workflows of the connector's folder, as its README
//! has them imported.

mod house;

use serde_json::json;
use tollgate_live::{Execution, StandardWebhooks};

use house::{House, OTHER_KEY, came, node, renamed_key, workflow};

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "live: needs n8n from npm and TOLLGATE_LIVE_HEAVY=1"]
#[expect(
    clippy::print_stderr,
    reason = "a measurement is for whoever runs the test"
)]
async fn n8n_gets_signed_events_and_opens_runs() {
    let house = House::open().await;
    let agent = &house.shop.people.agent;
    let listed = call(&house.open, agent, "endpoints", json!({})).await;
    assert_eq!(listed["output"]["endpoints"][1]["name"], "erp", "{listed}");
    events_are_taken_once(&house).await;
    forged_ones_are_refused(&house).await;
    a_lost_answer_is_asked_for_again(&house).await;
    an_agent_is_told_what_to_do(&house).await;
    returns_open_runs(&house).await;
    let (version, needs) = (house.n8n.version(), house.n8n.needs());
    drop(house.open);
    house.shop.verifies();
    eprintln!(
        "LIVE webhook n8n {version} (standardwebhooks {}) tools=2/2 undo=0/0 start={:.1}s memory={}MiB",
        house.reference.version(),
        needs.start.as_secs_f64(),
        needs.resident_bytes >> 20,
    );
}

async fn events_are_taken_once(house: &House) {
    for before in 0..2 {
        assert_eq!(house.kept().await, before);
        let done = house.sent("erp").await;
        assert_eq!(done["output"]["status"], 200, "{done}");
        assert_eq!(done["output"]["answer"], r#"{"taken":true}"#, "{done}");
    }
    let rows = house.judge.rows().await.unwrap();
    assert_ne!(rows[0]["delivery"], rows[1]["delivery"]);
    for (execution, row) in house.executions(&house.receives, 2).await.iter().zip(&rows) {
        let (headers, content) = came(execution);
        assert!(execution.ran("Keep"));
        assert_eq!(row["delivery"], headers[0].1);
        assert_eq!(
            (&row["type"], &row["data"]),
            (&json!("order.paid"), &json!(r#"{"order":7}"#))
        );
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        assert!(house.reference.holds(&headers, &content).unwrap());
        // The same delivery again, as it came.
        let again = house.judge.call("tollgate", &headers, &content).await;
        let again = again.unwrap().json().unwrap();
        assert_eq!(again, json!({"taken": true, "before": true}));
    }
    assert_eq!(house.kept().await, 2);
}

/// The attacks: what was signed is altered, kept for later, or never was signed; and
/// what one way is signed is sent the other way.
async fn forged_ones_are_refused(house: &House) {
    let first = &house.executions(&house.receives, 4).await[0];
    let (headers, content) = came(first);
    let [(_, id), (_, at), (_, signed)] = &headers;
    let body = r#"{"type":"order.paid","data":{"order":8}}"#;
    let old = now_s() - 600;
    let fresh = house.reference.sign("msg_1", now_s(), body).unwrap();
    let stale = house.reference.sign("msg_2", old, body).unwrap();
    let stranger = StandardWebhooks::with_key(OTHER_KEY).await.unwrap();
    let other = stranger.sign("msg_3", now_s(), body).unwrap();
    let (now, old) = (now_s().to_string(), old.to_string());
    let altered = content.replace('7', "8");
    for (id, at, signed, body) in [
        (id.as_str(), at, signed, &altered),
        ("run-0/1", at, signed, &content),
        (id, &old, signed, &content),
        ("msg_2", &old, &stale, &body.to_owned()),
        ("msg_3", &now, &other, &body.to_owned()),
        ("msg_4", &now, &String::new(), &body.to_owned()),
        ("", &String::new(), &String::new(), &body.to_owned()),
    ] {
        let headers = [
            ("webhook-id", id),
            ("webhook-timestamp", at),
            ("webhook-signature", signed),
        ];
        let answer = house.judge.call("tollgate", &headers, body).await.unwrap();
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    assert_eq!(house.kept().await, 2);
    let all = house.executions(&house.receives, 11).await;
    assert!(
        all[4..]
            .iter()
            .all(|one| one.ran("Refused") && !one.ran("Keep"))
    );
    // Nobody has set the key: an empty one is everybody's.
    let mut unset = workflow("receive-events.json");
    node(&mut unset, "Event")["parameters"]["path"] = "unset".into();
    renamed_key(&mut unset, "Verify", "TOLLGATE_EVENTS_KEY", "NOT_SET");
    house.judge.import(&unset).await.unwrap();
    let empty = signature_by(b"", "msg_5", &now, body.as_bytes());
    let headers = [
        ("webhook-id", "msg_5"),
        ("webhook-timestamp", &now),
        ("webhook-signature", &empty),
    ];
    let answer = house.judge.call("unset", &headers, body).await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(house.kept().await, 2);
    // One that the reference library signed, among signatures of other versions.
    let both = format!("v2,AAAA {fresh}");
    let headers = [
        ("webhook-id", "msg_1"),
        ("webhook-timestamp", &now),
        ("webhook-signature", &both),
    ];
    let answer = house.judge.call("tollgate", &headers, body).await.unwrap();
    assert_eq!(answer.json().unwrap(), json!({"taken": true}));
    assert_eq!(house.kept().await, 3);

    let reflected = http().post(format!("{}/hooks/returns", house.open.url));
    let reflected = came(first)
        .0
        .iter()
        .fold(reflected, |request, (name, value)| {
            request.header(*name, value)
        });
    let reflected = reflected
        .header("content-type", "application/json")
        .body(content);
    let answer = answered(reflected).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert_eq!(house.shop.refunds(), 0);
}

/// n8n keeps the event and answers after nobody listens any more: the host asks again
/// under the same id, and n8n does not take it twice.
async fn a_lost_answer_is_asked_for_again(house: &House) {
    let mut late = workflow("receive-events.json");
    node(&mut late, "Event")["parameters"]["path"] = "late".into();
    let wait = json!({
        "id": "wait", "name": "Wait", "type": "n8n-nodes-base.wait", "typeVersion": 1.1,
        "position": [1320, -400], "parameters": {"resume": "timeInterval", "amount": 8, "unit": "seconds"},
    });
    late["nodes"].as_array_mut().unwrap().push(wait);
    late["connections"]["Wait"] = late["connections"]["Keep"].clone();
    late["connections"]["Keep"]["main"][0][0]["node"] = "Wait".into();
    let late = house.judge.import(&late).await.unwrap();
    let before = house.kept().await;
    let done = house.sent("late").await;
    assert_eq!(
        done["output"]["answer"], r#"{"taken":true,"before":true}"#,
        "{done}"
    );
    assert_eq!(house.kept().await, before + 1);
    let all = house.executions(&late, 2).await;
    assert!(all[0].ran("Keep") && all[1].ran("Known"), "{all:?}");
    assert_eq!(came(&all[0]).0[0], came(&all[1]).0[0], "one id");
}

async fn an_agent_is_told_what_to_do(house: &House) {
    let before = house.kept().await;
    let mut broken = workflow("receive-events.json");
    node(&mut broken, "Event")["parameters"]["path"] = "broken".into();
    node(&mut broken, "Look up")["parameters"]["dataTableId"]["value"] = "removed".into();
    let broken = house.judge.import(&broken).await.unwrap();
    let failed = house.sent("broken").await;
    // A person who leaves out the way of errors: n8n answers 200 and nothing.
    let mut mute = workflow("receive-events.json");
    node(&mut mute, "Event")["parameters"]["path"] = "mute".into();
    let keep = node(&mut mute, "Keep");
    keep["parameters"]["dataTableId"]["value"] = "removed".into();
    keep["onError"] = "stopWorkflow".into();
    let mute = house.judge.import(&mute).await.unwrap();
    let silent = house.sent("mute").await;
    let stranger = house.sent("stranger").await;
    house.judge.switch(&house.receives, false).await.unwrap();
    let off = house.sent("erp").await;
    house.judge.switch(&house.receives, true).await.unwrap();
    for (run, kind, words, hint) in [
        (
            &failed,
            "unavailable",
            "the workflow failed at this event",
            "may have done a part of it",
        ),
        (
            &stranger,
            "denied",
            "does not accept the signature",
            "compare the keys and clocks",
        ),
        (
            &silent,
            "unavailable",
            "did not say that it took",
            "must look there first",
        ),
        (&off, "not_found", "is not registered", "switched on"),
    ] {
        let failure = &run["failure"];
        assert_eq!(failure["kind"], kind, "{run}");
        for (part, words) in [("message", words), ("hint", hint)] {
            assert!(failure[part].as_str().unwrap().contains(words), "{run}");
        }
        assert!(
            !run.to_string().contains("node_modules"),
            "n8n's stack: {run}"
        );
    }
    for workflow in [&broken, &mute] {
        assert_eq!(house.executions(workflow, 1).await[0].status(), "error");
    }
    assert_eq!(house.kept().await, before);
    let done = house.sent("erp").await;
    assert_eq!(done["state"], "done", "{done}");
    assert_eq!(house.kept().await, before + 1);
}

async fn returns_open_runs(house: &House) {
    let url = format!("{}/hooks/returns", house.open.url);
    let mut sends = workflow("open-runs.json");
    node(&mut sends, "Send")["parameters"]["url"] = url.clone().into();
    let workflow = house.judge.import(&sends).await.unwrap();
    let ask = async |path: &str, number: &str, cents: u32| {
        let thing = json!({"number": number, "order": 1042, "cents": cents, "reason": "broken"});
        house
            .judge
            .call(path, &[], &thing.to_string())
            .await
            .unwrap()
    };
    let first = ask("return", "R-1", 900).await.json().unwrap();
    assert_eq!(first["statusCode"], 202, "{first}");
    let run = ended(&house.shop, &house.open, &first["body"]["run"]).await;
    assert_eq!(
        (&run["state"], &run["case"]),
        (&json!("done"), &json!("1042")),
        "{run}"
    );
    // n8n starts it again; and somebody sends what n8n signed.
    let again = ask("return", "R-1", 900).await.json().unwrap();
    assert_eq!(
        (&again["statusCode"], &again["body"]["run"]),
        (&json!(200), &first["body"]["run"])
    );
    let all = house.executions(&workflow, 2).await;
    let signed = &all[0].item("Sign")["json"];
    let [id, at, signature, content] =
        ["id", "at", "signature", "content"].map(|name| signed[name].as_str().unwrap());
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", signature),
    ];
    let hook_key = StandardWebhooks::with_key(KEY).await.unwrap();
    assert!(hook_key.holds(&headers, content).unwrap());
    let replay = async |content: &str| {
        let request = http().post(&url).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        answered(request.body(content.to_owned())).await
    };
    let replayed = replay(content).await;
    assert_eq!(
        (replayed.status, &replayed.body["run"]),
        (StatusCode::OK, &first["body"]["run"])
    );
    assert_eq!(
        replay(&content.replace("900", "9000")).await.status,
        StatusCode::UNAUTHORIZED
    );

    // Another content under the same number, and the other way's key: n8n's own list of
    // executions says that they were refused.
    assert_eq!(
        ask("return", "R-1", 901).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    renamed_key(
        &mut sends,
        "Sign",
        "TOLLGATE_HOOK_KEY",
        "TOLLGATE_EVENTS_KEY",
    );
    node(&mut sends, "Return")["parameters"]["path"] = "forged".into();
    let forges = house.judge.import(&sends).await.unwrap();
    assert_eq!(
        ask("forged", "R-2", 900).await.status,
        StatusCode::INTERNAL_SERVER_ERROR
    );
    let all = house.executions(&workflow, 3).await;
    assert_eq!(
        all.iter().map(Execution::status).collect::<Vec<_>>(),
        ["success", "success", "error"]
    );
    assert_eq!(all[2].error()["httpCode"], "409", "{}", all[2].error());
    let forged = house.executions(&forges, 1).await;
    assert_eq!(
        forged[0].error()["httpCode"],
        "401",
        "{}",
        forged[0].error()
    );
    assert_eq!(house.shop.refunds(), 1);
}
