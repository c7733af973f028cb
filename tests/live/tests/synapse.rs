//! The harness and the judge of Matrix Synapse, and the connector `chat` with its
//! sample for Matrix, through a real host.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_live::{Pace, Synapse, live, tell};
use tollgate_runtime::RunState;
use tollgate_tests::installed::{Installed, Secret, at};
use tollgate_tests::workspace;

/// The connector at this server, as `@alice`, with the sample's room replaced.
async fn chat(server: &Synapse) -> Installed {
    Installed::open("chat", "manifest.toml", |manifest, home| {
        let sample = workspace().join("plugins/chat/manifests/matrix.toml");
        let sample = std::fs::read_to_string(sample).unwrap();
        let sample = sample.replace("!support:example.org", server.room());
        *manifest = sample.parse().unwrap();
        let base_url = format!("{}/_matrix/client", server.origin());
        at(manifest, "chat", &base_url);
        let secret = Secret {
            name: "matrix-token",
            base_url: server.origin(),
            place: "header = \"authorization\"",
            value: server.alice(),
        };
        secret.keep(home);
    })
    .await
}

/// What `delete_message` takes.
fn deletion(id: &str, text: &str) -> Value {
    json!({ "channel": "support", "message": id, "text": text })
}

/// All that the room says, newest first, read two messages at a time.
async fn history(house: &Installed) -> Vec<Value> {
    let mut input = json!({ "channel": "support", "limit": 2 });
    let mut all = Vec::new();
    for _ in 0..20 {
        let (_, page) = house.done("channel_history", input.clone()).await;
        let messages = page["messages"].as_array().unwrap();
        assert!(messages.len() <= 2, "{page}");
        all.extend(messages.iter().cloned());
        if page["next"].is_null() {
            return all;
        }
        input["page"] = page["next"].clone();
    }
    panic!("there is always a next page");
}

live! {
    "live: needs Matrix Synapse from PyPI",
    async fn the_judge_sees_what_was_said_once_and_taken_back() {
        let server = Synapse::start().await?;
        let judge = server.client()?;
        let event = judge.say("one", "on its way").await?;
        assert_eq!(judge.say("one", "on its way").await?, event, "the same id, the same message");
        let said = [("@bob:live.example".to_owned(), Some("on its way".to_owned()))];
        assert_eq!(judge.messages().await?, said);
        let (room, event) = (server.room().replace('!', "%21"), event.replace('$', "%24"));
        let path = format!("rooms/{room}/redact/{event}/undo");
        judge.send(Method::PUT, &path, Some(&json!({}))).await?.json()?;
        assert_eq!(judge.messages().await?, [("@bob:live.example".to_owned(), None)]);
        assert!(server.alice() != server.bob() && !server.mallory().is_empty());
        server.needs().print("Synapse", server.version());
        Ok(())
    }
}

live! {
    "live: needs Matrix Synapse from PyPI",
    async fn who_speaks_too_fast_is_told_when_to_go_on() {
        let server = Synapse::start_with(Pace::Slow).await?;
        let judge = server.client()?;
        let body = json!({ "msgtype": "m.text", "body": "fast" });
        let room = server.room().replace('!', "%21");
        for number in 0..10 {
            let path = format!("rooms/{room}/send/m.room.message/{number}");
            let answer = judge.send(Method::PUT, &path, Some(&body)).await?;
            if answer.status == 429 {
                assert!(answer.headers.contains_key("retry-after"));
                return Ok(());
            }
        }
        panic!("ten messages at once");
    }
}

live! {
    "live: needs Matrix Synapse from PyPI",
    async fn the_connector_posts_once_and_takes_back_what_it_posted() {
        let server = Synapse::start().await?;
        let judge = server.client()?;
        let question = judge.say("q", "where is order 4711?").await?;
        for number in 1..=4 {
            judge.say(&format!("n{number}"), &format!("note {number}")).await?;
        }
        let house = chat(&server).await;

        let (_, listed) = house.done("list_channels", json!({})).await;
        let channel = &listed["channels"][0];
        assert_eq!(channel["id"], server.room(), "{listed}");
        assert_eq!((&channel["channel"], &channel["title"]), (&json!("support"), &json!("Support")));
        assert_eq!((&channel["is_encrypted"], &listed["missing"]), (&json!(false), &json!(null)));
        let (_, found) = house.done("find_user", json!({ "name": "BOB" })).await;
        assert_eq!(found["people"].as_array().map(Vec::len), Some(1), "{found}");
        assert_eq!(found["people"][0]["id"], "@bob:live.example");
        // She has an account there and is not in the room.
        let (_, found) = house.done("find_user", json!({ "name": "mallory" })).await;
        assert_eq!(found["people"], json!([]));
        let said: Vec<Value> = history(&house).await.iter().map(|one| one["text"].clone()).collect();
        assert_eq!(said, ["note 4", "note 3", "note 2", "note 1", "where is order 4711?"]);
        let wrong = json!({ "channel": "support", "page": "no-page" });
        assert_eq!(house.fails("channel_history", wrong).await.0, "invalid_input");

        // Twice under one key: one message in the room.
        let post = json!({ "channel": "support", "text": "@room it is on its way", "key": "order-4711" });
        let (run, posted) = house.done("post_message", post.clone()).await;
        let (id, text) = (posted["message"].as_str().unwrap(), "@\u{2060}room it is on its way");
        assert_eq!((&posted["text"], &posted["is_new"]), (&json!(text), &json!(true)));
        let (_, again) = house.done("post_message", post).await;
        assert_eq!((&again["message"], &again["is_new"]), (&json!(id), &json!(false)));
        let messages = judge.messages().await?;
        assert_eq!(messages.len(), 6, "{messages:?}");
        assert_eq!(messages[5], ("@alice:live.example".to_owned(), Some(text.to_owned())));
        let event = judge.event(id).await?;
        assert_eq!(event["content"]["msgtype"], "m.notice", "{event}");
        assert_eq!(event["content"]["m.mentions"], json!({}), "it wakes up nobody");
        assert_eq!(history(&house).await[0]["mark"], json!({ "run": run, "key": "order-4711" }));

        // An answer in a thread is in that thread, for the server as well.
        let reply = json!({ "channel": "support", "text": "tomorrow", "thread": question });
        let (replied, reply) = house.done("post_message", reply).await;
        let reply = reply["message"].as_str().unwrap();
        let relation = judge.event(reply).await?["content"]["m.relates_to"].clone();
        assert_eq!((&relation["rel_type"], &relation["event_id"]), (&json!("m.thread"), &json!(question)));
        let thread = json!({ "channel": "support", "thread": question });
        let (_, thread) = house.done("channel_history", thread).await;
        assert_eq!(thread["messages"][0]["id"], reply, "{thread}");

        // The undo deletes, so it waits for a person; until then the message is there.
        let before = judge.messages().await?;
        let asked = house.ask_undo(&run).await;
        assert_eq!(asked.outcome, "held", "{asked:?}");
        assert_eq!(judge.messages().await?, before);
        let taken = house.approve(asked.undo_run.as_ref().unwrap()).await;
        assert_eq!(taken.state, RunState::Done, "{taken:?}");
        let event = judge.event(id).await?;
        assert_eq!(event["content"], json!({}), "{event}");
        let messages = judge.messages().await?;
        assert_eq!((messages.len(), &messages[5].1), (7, &None));
        assert_eq!(messages[6].1.as_deref(), Some("tomorrow"), "the other one stays");

        // Refused before a person is asked: other people's messages, and one that
        // says something else.
        let theirs = deletion(&question, "where is order 4711?");
        assert_eq!(house.fails("delete_message", theirs).await.0, "denied");
        let other = deletion(reply, "today");
        assert_eq!(house.fails("delete_message", other).await.0, "conflict");
        assert_eq!(judge.messages().await?, messages);
        let held = house.call("delete_message", deletion(reply, "tomorrow")).await;
        assert_eq!(judge.messages().await?, messages, "held for a person first");
        let gone = house.approve(&held).await;
        assert_eq!(gone.state, RunState::Done, "{gone:?}");
        assert_eq!(gone.output.unwrap_or_default()["was_there"], true);
        assert_eq!(judge.messages().await?[6].1, None);
        let (_, twice) = house.done("delete_message", deletion(reply, "tomorrow")).await;
        assert_eq!(twice["was_there"], false, "nothing to ask a person about");
        assert_eq!(house.undo(&gone.run).await, "irreversible");
        // What is gone needs no taking back.
        assert_eq!(house.undo(&replied).await, "undone");
        let what = format!("Synapse {}", server.version());
        tell(&what, &house.proved(), Some(server.needs()));
        house.close().await;
        Ok(())
    }
}
