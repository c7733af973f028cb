//! The harness and the judge of Matrix Synapse.

use reqwest::Method;
use serde_json::json;
use tollgate_live::{Pace, Synapse, live};

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
