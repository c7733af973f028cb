//! The connector `chat` with its sample manifest for Slack, through a real host and
//! through Prism, which refuses each request that does not fit the description of
//! the Web API that Slack publishes (`web-api/slack_web_openapi_v2.json` at
//! github.com/slackapi/slack-api-specs, of 2021). `TOLLGATE_SLACK_SPEC` names a copy.
//!
//! What the description cannot judge: answers, whose schemas are broken there, and
//! what is younger than it, namely `metadata` and `include_all_metadata`.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

mod channel;

use channel::{CHANNEL, Channel, TOKEN};
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_live::{Prism, live, slack, tell};
use tollgate_runtime::RunState;
use tollgate_tests::installed::{Installed, Secret, at};

/// All that the channel says, newest first, read two messages at a time.
async fn history(house: &Installed) -> Vec<Value> {
    let mut input = json!({ "channel": "support", "limit": 2 });
    let mut all = Vec::new();
    for _ in 0..20 {
        let (_, page) = house.done("channel_history", input.clone()).await;
        all.extend(page["messages"].as_array().unwrap().iter().cloned());
        if page["next"].is_null() {
            return all;
        }
        input["page"] = page["next"].clone();
    }
    panic!("there is always a next page");
}

live! {
    "live: needs Prism from npm, and TOLLGATE_SLACK_SPEC",
    async fn each_request_fits_slack_s_description_and_a_post_is_taken_back() {
        let Some(published) = std::env::var_os("TOLLGATE_SLACK_SPEC") else {
            tell("Slack", "SKIPPED: set TOLLGATE_SLACK_SPEC to web-api/slack_web_openapi_v2.json of github.com/slackapi/slack-api-specs", None);
            return Ok(());
        };
        let folder = tempfile::TempDir::new().unwrap();
        let document = slack(published.as_ref(), folder.path()).await?;
        let channel = Channel::default();
        let prism = Prism::proxy(&document, &channel.serve().await).await?;
        let question = channel.say("where is order 4711?");
        channel.say("and 4712?");
        channel.say("hello?");
        let secret = Secret { name: "slack-token", base_url: prism.origin(), place: "header = \"authorization\"", value: TOKEN };
        let house = Installed::open("chat", "manifest.toml", |manifest, home| {
            secret.keep(home);
            at(manifest, "chat", prism.origin());
        }).await;

        let (_, listed) = house.done("list_channels", json!({})).await;
        assert_eq!(listed["channels"].as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!((&listed["channels"][0]["id"], &listed["missing"]), (&json!(CHANNEL), &json!(["customers"])));
        let (_, found) = house.done("find_user", json!({ "email": "carol@example.com" })).await;
        assert_eq!(found["people"][0]["id"], "U0CAROL0001");
        assert_eq!(house.fails("find_user", json!({ "email": "x@example.com" })).await.0, "not_found");
        let said: Vec<Value> = history(&house).await.iter().map(|one| one["text"].clone()).collect();
        assert_eq!(said, ["hello?", "and 4712?", "where is order 4711?"]);

        // Posted once under its key, as plain text that wakes up nobody.
        let post = json!({ "channel": "support", "text": "@here it is <!channel> on its way", "key": "order-4711" });
        let (run, posted) = house.done("post_message", post.clone()).await;
        let id = posted["message"].as_str().unwrap();
        assert_eq!(channel.message(id)["text"], "@\u{2060}here it is &lt;!channel&gt; on its way");
        let (_, again) = house.done("post_message", post).await;
        assert_eq!((&again["message"], &again["is_new"]), (&json!(id), &json!(false)));
        assert_eq!(channel.texts().len(), 4);
        assert_eq!(history(&house).await[0]["mark"], json!({ "run": run, "key": "order-4711" }));

        let reply = json!({ "channel": "support", "text": "tomorrow", "thread": question });
        let (_, reply) = house.done("post_message", reply).await;
        let reply = reply["message"].as_str().unwrap();
        assert_eq!(channel.message(reply)["thread_ts"], *question);
        let thread = json!({ "channel": "support", "thread": question });
        let (_, thread) = house.done("channel_history", thread).await;
        assert_eq!(thread["messages"].as_array().unwrap().last().unwrap()["id"], reply, "{thread}");

        // The undo deletes, so it waits for a person.
        let asked = house.ask_undo(&run).await;
        assert_eq!((asked.outcome.as_str(), channel.texts().len()), ("held", 5));
        let taken = house.approve(asked.undo_run.as_ref().unwrap()).await;
        assert_eq!(taken.state, RunState::Done, "{taken:?}");
        assert_eq!((channel.message(id), channel.texts().len()), (Value::Null, 4));

        // Other people's messages are refused before a person is asked.
        let theirs = json!({ "channel": "support", "message": question, "text": "where is order 4711?" });
        assert_eq!(house.fails("delete_message", theirs).await.0, "denied");
        let ours = json!({ "channel": "support", "message": reply, "text": "tomorrow" });
        let held = house.call("delete_message", ours).await;
        let gone = house.approve(&held).await;
        assert_eq!(gone.state, RunState::Done, "{gone:?}");
        assert_eq!(channel.texts(), ["where is order 4711?", "and 4712?", "hello?"]);
        assert_eq!(house.undo(&gone.run).await, "irreversible");

        // What does not fit is refused, so that the above can fail.
        let judge = prism.client()?;
        let nothing = json!({ "text": "to nobody" });
        assert_eq!(judge.send(Method::POST, "/chat.postMessage", Some(&nothing)).await?.status, 422);
        let bad = "/conversations.history?channel=C1&limit=many";
        assert_eq!(judge.send(Method::GET, bad, None).await?.status, 422);

        let what = format!("Slack by Prism {}", prism.version());
        tell(&what, &house.proved(), Some(prism.needs()));
        house.close().await;
        Ok(())
    }
}
